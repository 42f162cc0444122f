# Written by bindings/schema/generate.py from docs/schema. Do not edit.
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from .._document import Document, Parts
from .plan_request import Model


@dataclass(slots=True)
class Parallel(Document):
    """How a replica is split."""

    tp: int | None = None
    """Tensor-parallel width"""
    pp: int | None = None
    """Pipeline stages"""
    dp: int | None = None
    """Attention data-parallel ranks"""
    ep: int | None = None
    """Expert-parallel width; divides tp x dp"""


@dataclass(slots=True)
class MemoryLora(Document):
    """Resident adapters."""

    adapters: int
    """How many"""
    rank: int
    """Of each"""


@dataclass(slots=True)
class MemoryRequest(Document):
    """The document of docs/schema/memory-request.schema.json. Memory of one deployment, for dsk_plan_memory."""

    model: Model | str
    """Which model: a catalogue name, a config.json, or a size"""
    device: str
    """Accelerator of the catalogue, by name or alias"""
    schema: int = 1
    """Version of this schema"""
    catalog: Sequence[Any] | None = None
    """Further catalogue documents, which replace or add"""
    engine: str | None = None
    """Engine, NAME or NAME@VERSION; vllm when absent"""
    parallel: Parallel | None = None
    """How a replica is split"""
    weights: str | None = None
    """Format of the weights: checkpoint (when absent), bf16, fp16, fp8, fp8-block, int8, int4, mxfp4, nvfp4, or the
    name that an answer gave this model's
    """
    kv: str | None = None
    """KV cache type; what the checkpoint asks for when absent"""
    index: str | None = None
    """Indexer keys of sparse attention"""
    mtp_tokens: int | None = None
    """Draft tokens of multi-token prediction; 0 is off"""
    memory_fraction: float | None = None
    """The engine's memory fraction flag"""
    max_sequences: int | None = None
    """Sequence slots"""
    token_budget: int | None = None
    """Tokens a step"""
    cuda_graphs: bool | None = None
    """Whether the engine captures graphs"""
    lora: MemoryLora | None = None
    """Resident adapters"""
    sequence_tokens: int | None = None
    """Tokens of a sequence, input and output together"""
    batch: int | None = None
    """Sequences at once: the answer says how long they may be"""
    kv_gb: float | None = None
    """KV cache for batch, in 1e9 bytes, instead of the pool"""
    formats: bool | None = None
    """Whether to compare weight formats; true when absent"""
    safetensors_index: Any = None
    """model.safetensors.index.json: decides the weight bytes"""
    safetensors_headers: Sequence[Any] | None = None
    """Headers of safetensors files: decide the weight bytes"""

    _parts: ClassVar[Parts] = {"model": (Model, "one"), "parallel": (Parallel, "one"), "lora": (MemoryLora, "one")}

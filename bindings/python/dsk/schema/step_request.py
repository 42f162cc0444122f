# Written by bindings/schema/generate.py from docs/schema. Do not edit.
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from .._document import Document, Parts
from .memory_request import Parallel
from .plan_request import Model


@dataclass(slots=True)
class StepBatchPrefill(Document):
    """One chunk."""

    new_tokens: int
    """Tokens of the chunk"""
    context: int | None = None
    """Tokens already in the cache"""


@dataclass(slots=True)
class StepBatch(Document):
    """Work of one step of the whole replica (dsk_plan_explain)."""

    decode_sequences: int | None = None
    """Sequences that decode"""
    kv_sum: int | None = None
    """Sum of their KV lengths in tokens"""
    kv_max: int | None = None
    """Longest of them; default the mean, rounded up"""
    prefill: Sequence[StepBatchPrefill] | None = None
    """Chunks of prompts in the same step"""

    _parts: ClassVar[Parts] = {"prefill": (StepBatchPrefill, "list")}


@dataclass(slots=True)
class StepRequest(Document):
    """The document of docs/schema/step-request.schema.json. One deployment, and for dsk_plan_explain one batch."""

    model: Model | str
    """Which model: a catalogue name, a config.json, or a size"""
    device: str
    """Accelerator by catalogue name or alias"""
    schema: int = 1
    """Version of this schema"""
    engine: str | None = None
    """vllm, sglang, tensorrt-llm, ...; NAME@VERSION; default vllm"""
    parallel: Parallel | None = None
    """How the replica is split; each 1 when absent"""
    weights: str | None = None
    """checkpoint (default), bf16, fp16, fp8, fp8-block, int8, int4, mxfp4, nvfp4"""
    kv: str | None = None
    """KV cache type; default what the checkpoint asks for"""
    mtp_tokens: int | None = None
    """Draft tokens of multi-token prediction"""
    redundant_experts: int | None = None
    """Copies of popular experts (EPLB), of all ranks"""
    expert_dispatch: str | None = None
    """What the expert kernel does with pairs of other ranks; default the engine's own"""
    batch: StepBatch | None = None
    """Work of one step of the whole replica (dsk_plan_explain)"""
    catalog: Sequence[Any] | None = None
    """Further catalogue documents, which replace or add"""

    _parts: ClassVar[Parts] = {"model": (Model, "one"), "parallel": (Parallel, "one"), "batch": (StepBatch, "one")}

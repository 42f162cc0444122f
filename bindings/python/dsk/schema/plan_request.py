# Written by bindings/schema/generate.py from docs/schema. Do not edit.
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from .._document import Document, Parts


@dataclass(slots=True)
class Model(Document):
    """Which model: a catalogue name, a config.json, or a size."""

    name: str | None = None
    """Name or alias in the catalogue"""
    config: Any = None
    """The config.json"""
    hf_quant_config: Any = None
    """The hf_quant_config.json beside it"""
    params_b: float | None = None
    """Total parameters in 1e9"""
    active_b: float | None = None
    """Parameters that a token passes through, in 1e9; 0 for a dense model"""
    layers: int | None = None
    """Layers"""
    hidden: int | None = None
    """Hidden size"""
    _short: ClassVar[str | None] = "name"


@dataclass(slots=True)
class Workload(Document):
    """The requests, by their means."""

    input_tokens: float
    """Mean input tokens of a request"""
    output_tokens: float
    """Mean output tokens of a request"""
    prefix_hit_rate: float | None = None
    """Share of input tokens whose KV is cached already"""
    rate_per_s: float | None = None
    """Open loop: requests per second over all replicas"""
    concurrency: float | None = None
    """Closed loop: requests in flight over all replicas"""


@dataclass(slots=True)
class Slo(Document):
    """Upper bounds on means, in milliseconds."""

    ttft_ms: float | None = None
    """Time to first token"""
    tpot_ms: float | None = None
    """Time per output token after the first"""
    e2e_ms: float | None = None
    """From arrival to last token"""
    latency_ms: float | None = None
    """A bound whose meaning is open; the answer covers each reading. Stands alone"""


@dataclass(slots=True)
class Limits(Document):
    """Upper bounds on resources."""

    max_gpus: int | None = None
    """Devices of all replicas"""
    usd_per_hour: float | None = None
    """US dollars an hour for all replicas"""


@dataclass(slots=True)
class PlanSearch(Document):
    """What the search may vary; a member left out leaves the choice to the library."""

    tp: Sequence[int] | None = None
    """Tensor-parallel widths"""
    pp: Sequence[int] | None = None
    """Pipeline stages"""
    dp: Sequence[int] | None = None
    """Attention data-parallel ranks inside a replica"""
    ep: Sequence[int] | None = None
    """Expert-parallel widths"""
    weights: Sequence[str] | None = None
    """Weight formats: checkpoint, bf16, fp16, fp8, fp8-block, int8, int4, mxfp4, nvfp4, or the name that an answer
    gave this model's
    """
    kv: Sequence[str] | None = None
    """KV cache types"""
    max_batch: int | None = None
    """Sequences of one replica at once"""
    memory_fraction: float | None = None
    """The engine's memory fraction flag"""


@dataclass(slots=True)
class PlanRequest(Document):
    """The document of docs/schema/plan-request.schema.json. Planning request."""

    model: Model | str
    """Which model: a catalogue name, a config.json, or a size"""
    devices: Sequence[str]
    """Accelerators to consider, by catalogue name or alias"""
    workload: Workload
    """The requests, by their means"""
    schema: int = 1
    """Version of this schema"""
    engines: Sequence[str] | None = None
    """Serving engines to consider, NAME or NAME@VERSION; default vllm, sglang and tensorrt-llm"""
    slo: Slo | None = None
    """Upper bounds on means, in milliseconds"""
    limits: Limits | None = None
    """Upper bounds on resources"""
    search: PlanSearch | None = None
    """What the search may vary; a member left out leaves the choice to the library"""
    objective: str | None = None
    """What the best plan has least of; default cost when every device has a price, else gpus"""
    catalog: Sequence[Any] | None = None
    """Further catalogue documents, which replace or add"""

    _parts: ClassVar[Parts] = {"model": (Model, "one"), "workload": (Workload, "one"), "slo": (Slo, "one"),
        "limits": (Limits, "one"), "search": (PlanSearch, "one")}

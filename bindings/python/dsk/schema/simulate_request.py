# Written by bindings/schema/generate.py from docs/schema. Do not edit.
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from .._document import Document, Parts
from .load_request import LoadSlo
from .memory_request import Parallel
from .plan_request import Model


@dataclass(slots=True)
class SimulatePolicy(Document):
    """what differs from the engine's defaults."""

    batching: str | None = None
    preemption: str | None = None
    max_sequences: int | None = None
    token_budget: int | None = None
    chunked_prefill: bool | None = None
    max_prompts: int | None = None
    reserve_output: float | None = None
    watermark: float | None = None
    poll_steps: int | None = None
    lag_steps: int | None = None
    block_tokens: int | None = None
    prefix_cache: bool | None = None
    graph_sizes: Sequence[int] | None = None
    request_overhead_ms: float | None = None
    request_serial_ms: float | None = None
    first_token_steps: float | None = None
    prefill_step_ms: float | None = None
    host_step_ms: float | None = None
    host_sequence_ms: float | None = None
    stream_tokens_per_s: float | None = None
    wait_tokens: int | None = None
    wait_steps: int | None = None
    batch_size: int | None = None
    batch_wait_ms: float | None = None


@dataclass(slots=True)
class SimulateGroup(Document):
    """A part of simulate-request documents."""

    parallel: Parallel | None = None
    memory_fraction: float | None = None
    kv_pool_tokens: int | None = None
    policy: SimulatePolicy | None = None
    replicas: int | None = None

    _parts: ClassVar[Parts] = {"parallel": (Parallel, "one"), "policy": (SimulatePolicy, "one")}


@dataclass(slots=True)
class SimulateDisaggregated(Document):
    """A part of simulate-request documents."""

    prefill: SimulateGroup
    decode: SimulateGroup
    transfer_gbs: float | None = None
    """KV out of one prefill instance, 1e9 bytes/s"""

    _parts: ClassVar[Parts] = {"prefill": (SimulateGroup, "one"), "decode": (SimulateGroup, "one")}


@dataclass(slots=True)
class SimulateTier(Document):
    """A part of simulate-request documents."""

    name: str
    capacity_gb: float
    bandwidth_gbs: float
    latency_us: float | None = None


@dataclass(slots=True)
class SimulateWorkloadArrivals(Document):
    """A part of simulate-request documents."""

    process: str | None = None
    rate_per_s: float | None = None
    cv: float | None = None
    on_s: float | None = None
    off_s: float | None = None
    day_s: float | None = None
    peak: float | None = None


@dataclass(slots=True)
class SimulateWorkloadTrace(Document):
    """A part of simulate-request documents."""

    format: str | None = None
    text: str | None = None
    requests: Sequence[Any] | None = None
    speed: float | None = None


@dataclass(slots=True)
class SimulateWorkloadSessions(Document):
    """A part of simulate-request documents."""

    groups: int | None = None
    shared_tokens: int | None = None
    turns: int | None = None
    parallel: int | None = None


@dataclass(slots=True)
class SimulateWorkload(Document):
    """A part of simulate-request documents."""

    seed: int | None = None
    requests: int | None = None
    dataset: str | None = None
    input: Any = None
    output: Any = None
    concurrency: int | None = None
    think_ms: float | None = None
    think_random: bool | None = None
    arrivals: SimulateWorkloadArrivals | None = None
    trace: SimulateWorkloadTrace | None = None
    sessions: SimulateWorkloadSessions | None = None

    _parts: ClassVar[Parts] = {"arrivals": (SimulateWorkloadArrivals, "one"), "trace": (SimulateWorkloadTrace,
        "one"), "sessions": (SimulateWorkloadSessions, "one")}


@dataclass(slots=True)
class SimulateRequest(Document):
    """The document of docs/schema/simulate-request.schema.json. A deployment and a workload for dsk_plan_simulate.
    Members that begin with x- are ignored.
    """

    model: Model | str
    """as in a plan request"""
    device: str
    workload: SimulateWorkload
    schema: int = 1
    catalog: Sequence[Any] | None = None
    """own records: models, devices, engines"""
    engine: str | None = None
    """NAME or NAME@VERSION; vllm when absent"""
    weights: str | None = None
    """weight format; the checkpoint's when absent"""
    kv: str | None = None
    """KV cache type; the model's default when absent"""
    mtp_tokens: int | None = None
    tokens_per_step: float | None = None
    """accepted with drafts"""
    parallel: Parallel | None = None
    memory_fraction: float | None = None
    kv_pool_tokens: int | None = None
    """as the engine logged it; computed when absent"""
    policy: SimulatePolicy | None = None
    replicas: int | None = None
    disaggregated: SimulateDisaggregated | None = None
    routing: str | None = None
    tiers: Sequence[SimulateTier] | None = None
    slo: LoadSlo | None = None
    until_s: float | None = None
    skip_requests: int | None = None
    timeline: bool | None = None

    _parts: ClassVar[Parts] = {"model": (Model, "one"), "parallel": (Parallel, "one"), "policy": (SimulatePolicy,
        "one"), "disaggregated": (SimulateDisaggregated, "one"), "tiers": (SimulateTier, "list"), "workload":
        (SimulateWorkload, "one"), "slo": (LoadSlo, "one")}

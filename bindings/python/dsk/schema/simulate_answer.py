# Written by bindings/schema/generate.py from docs/schema. Do not edit.
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from .._document import Document, Parts
from .load_request import LoadSlo
from .memory_request import Parallel
from .plan_answer import CalibrationUse


@dataclass(slots=True)
class SimulateAnswerDeploymentPolicy(Document):
    """The scheduler in force: the engine's defaults with what the request changed."""

    batching: str
    preemption: str
    max_sequences: int
    token_budget: int
    chunked_prefill: bool
    max_prompts: int
    reserve_output: float
    watermark: float
    poll_steps: int
    lag_steps: int
    block_tokens: int
    prefix_cache: bool
    request_overhead_ms: float
    request_serial_ms: float
    first_token_steps: float
    prefill_step_ms: float
    host_step_ms: float
    host_sequence_ms: float
    stream_tokens_per_s: float
    wait_tokens: int
    wait_steps: int
    batch_size: int
    batch_wait_ms: float
    tokens_per_step: float
    """accepted tokens a step, 1 without drafts"""


@dataclass(slots=True)
class SimulateAnswerDeployment(Document):
    """One kind of instance."""

    role: str
    replicas: int
    """Instances"""
    engine: str
    """NAME@VERSION"""
    parallel: Parallel
    kv: str
    """KV cache type"""
    kv_pool_tokens: int
    """Tokens that one instance's pool holds"""
    policy: SimulateAnswerDeploymentPolicy
    """The scheduler in force: the engine's defaults with what the request changed"""
    calibration: CalibrationUse | None = None
    """The calibration behind the times, when the device has one"""

    _parts: ClassVar[Parts] = {"parallel": (Parallel, "one"), "policy": (SimulateAnswerDeploymentPolicy, "one"),
        "calibration": (CalibrationUse, "one")}


@dataclass(slots=True)
class SimulateAnswerRequests(Document):
    """A part of simulate-answer documents."""

    sent: int
    """Arrived"""
    completed: int
    """Answered to the last token"""
    rejected: int
    """Longer than the model or the pool"""
    unfinished: int
    """Still waiting or running at the end"""


@dataclass(slots=True)
class Percentiles(Document):
    """Milliseconds: mean, percentiles and largest; percentiles within 0.1 %."""

    mean: float
    p50: float
    p90: float
    p95: float
    p99: float
    p999: float
    max: float


@dataclass(slots=True)
class SimulateAnswerKv(Document):
    """KV cache."""

    peak_share: float
    """Of one instance's pool"""
    mean_share: float
    paged_waste: float
    """Set aside in pages without a token, over what is set aside"""
    contiguous_waste: float
    """The same had each request its longest length in one piece"""
    preemptions: int
    prefix_hit_rate: float
    """Prompt tokens found in the cache"""
    tier_loads: int | None = None
    """Prefixes fetched from a lower tier"""
    tier_bytes_loaded: float | None = None


@dataclass(slots=True)
class SimulateAnswerTimeline(Document):
    """Queue, batch and KV use over time, when asked for."""

    columns: Sequence[str]
    rows: Sequence[Any]


@dataclass(slots=True)
class SimulateAnswer(Document):
    """The document of docs/schema/simulate-answer.schema.json. What a workload met: throughput, latency at every
    percentile, KV cache.
    """

    stopped: str
    """Whether all requests ran, until_s was reached, or the run was cancelled: then everything below is what was
    done by then
    """
    model: str
    """Canonical name"""
    device: str
    """Canonical name"""
    deployments: Sequence[SimulateAnswerDeployment]
    requests: SimulateAnswerRequests
    duration_s: float
    """Simulated time"""
    requests_per_s: float
    """Completed, over the duration"""
    output_tokens_per_s: float
    total_tokens_per_s: float
    """Input and output"""
    queue_ms: Percentiles
    """Milliseconds: mean, percentiles and largest; percentiles within 0.1 %"""
    ttft_ms: Percentiles
    """Milliseconds: mean, percentiles and largest; percentiles within 0.1 %"""
    tpot_ms: Percentiles
    """Milliseconds: mean, percentiles and largest; percentiles within 0.1 %"""
    itl_ms: Percentiles
    """Milliseconds: mean, percentiles and largest; percentiles within 0.1 %"""
    e2e_ms: Percentiles
    """Milliseconds: mean, percentiles and largest; percentiles within 0.1 %"""
    busy_share: float
    """Time in steps, over time, mean of the instances"""
    prefill_share: float
    """Time in steps that prefill, over time"""
    mean_running: float
    """Requests in the batch, mean over time, all instances"""
    steps: int
    """Steps of all instances"""
    kv: SimulateAnswerKv
    """KV cache"""
    assumptions: Sequence[str]
    schema: int = 1
    slo: LoadSlo | None = None
    """Bounds of the request"""
    goodput_share: float | None = None
    """Requests within every bound, over those sent"""
    goodput_requests_per_s: float | None = None
    transferred_bytes: float | None = None
    """KV moved from prefill to decode instances"""
    timeline: SimulateAnswerTimeline | None = None
    """Queue, batch and KV use over time, when asked for"""

    _parts: ClassVar[Parts] = {"deployments": (SimulateAnswerDeployment, "list"), "requests":
        (SimulateAnswerRequests, "one"), "queue_ms": (Percentiles, "one"), "ttft_ms": (Percentiles, "one"),
        "tpot_ms": (Percentiles, "one"), "itl_ms": (Percentiles, "one"), "e2e_ms": (Percentiles, "one"), "slo":
        (LoadSlo, "one"), "kv": (SimulateAnswerKv, "one"), "timeline": (SimulateAnswerTimeline, "one")}

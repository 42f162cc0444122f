# Written by bindings/schema/generate.py from docs/schema. Do not edit.
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from .._document import Document, Parts
from .memory_request import Parallel


@dataclass(slots=True)
class PlanAnswerModel(Document):
    """The model as it was understood."""

    name: str
    architecture: str
    layers: int
    hidden: int
    parameters: int
    """As the publisher counts them: without MTP layers and vision tower"""
    active_parameters: int
    """That one token passes through"""
    weights: str
    source: str


@dataclass(slots=True)
class PlanAnswerRequestWorkload(Document):
    """A part of plan-answer documents."""

    input_tokens: float | None = None
    output_tokens: float | None = None
    prefix_hit_rate: float | None = None
    rate_per_s: float | None = None
    concurrency: float | None = None


@dataclass(slots=True)
class PlanAnswerRequestSlo(Document):
    """A part of plan-answer documents."""

    ttft_ms: float | None = None
    tpot_ms: float | None = None
    e2e_ms: float | None = None
    latency_ms: float | None = None
    statistic: str = 'mean'


@dataclass(slots=True)
class PlanAnswerRequestLimits(Document):
    """A part of plan-answer documents."""

    max_gpus: int | None = None
    usd_per_hour: float | None = None


@dataclass(slots=True)
class PlanAnswerRequest(Document):
    """The request with every default resolved."""

    devices: Sequence[str]
    engines: Sequence[str]
    workload: PlanAnswerRequestWorkload
    slo: PlanAnswerRequestSlo
    limits: PlanAnswerRequestLimits
    objective: str

    _parts: ClassVar[Parts] = {"workload": (PlanAnswerRequestWorkload, "one"), "slo": (PlanAnswerRequestSlo, "one"),
        "limits": (PlanAnswerRequestLimits, "one")}


@dataclass(slots=True)
class PlanOptionPerformance(Document):
    """At the offered load; means."""

    ttft_ms: float
    """Time to first token"""
    tpot_ms: float
    """Time per output token after the first"""
    e2e_ms: float
    """From arrival to last token"""
    requests_per_s: float
    """Of all replicas"""
    output_tokens_per_s: float
    """Of all replicas"""
    total_tokens_per_s: float
    """Input and output"""
    batch: float
    """Sequences decoding at once in one replica"""
    utilisation: float
    """Offered load over the largest load that keeps every bound"""
    decode_step_ms: float
    """One decode step"""
    prefill_ms: float
    """Prefill of one prompt beside the running decodes"""
    prefill_share: float
    """Of the replica's time"""
    communication_share: float
    """Of a decode step, over links"""
    binding_resource: str
    statistic: str = 'mean'


@dataclass(slots=True)
class PlanOptionCost(Document):
    """Null without a price."""

    usd_per_hour: float
    """All replicas"""
    usd_per_gpu_hour: float
    """The price used"""
    usd_per_mtok_output: float
    """Per million output tokens"""
    usd_per_mtok_total: float
    """Per million input and output tokens"""


@dataclass(slots=True)
class PlanOptionEnergy(Document):
    """Estimated."""

    watts: float
    """All devices"""
    output_tokens_per_joule: float
    """Output tokens per joule"""


@dataclass(slots=True)
class PlanOptionScores(Document):
    """Performance: smallest relative slack of a bound. Cost: cheapest plan's dollars over this one's. Elasticity: n
    / (n + 1) for n replicas, the share of capacity left when one more had been lost.
    """

    performance: float
    cost: float | None
    elasticity: float


@dataclass(slots=True)
class PlanMemoryTerm(Document):
    """One component."""

    name: str
    bytes: int
    origin: str


@dataclass(slots=True)
class PlanMemory(Document):
    """Bytes on the fullest device."""

    capacity_bytes: int
    """As the driver reports it"""
    weights_bytes: int
    """Weights"""
    kv_pool_bytes: int
    """Left for the KV cache"""
    kv_pool_tokens: int
    """Of one replica, by the engine's own meaning"""
    headroom_bytes: int
    """Outside the engine's budget"""
    terms: Sequence[PlanMemoryTerm]
    binding: str
    """What takes most, in words"""

    _parts: ClassVar[Parts] = {"terms": (PlanMemoryTerm, "list")}


@dataclass(slots=True)
class PlanOptionOrigins(Document):
    """Where each group of numbers comes from."""

    performance: str
    memory: str
    cost: str
    energy: str
    device: str


@dataclass(slots=True)
class CalibrationUseFactors(Document):
    """On the step model's times, from runs of the engine; compute and memory only on the device of the runs."""

    step_host: float
    prefill_host: float
    compute: float | None = None
    memory: float | None = None


@dataclass(slots=True)
class CalibrationUseBatch(Document):
    """The step that it is shown on."""

    decode_sequences: int
    kv_tokens: int
    prefill_chunks: int


@dataclass(slots=True)
class CalibrationUseStepWithout(Document):
    """One step and its 90 % interval."""

    total_us: float
    low_us: float
    high_us: float


@dataclass(slots=True)
class CalibrationUse(Document):
    """The calibration behind the times, when the device has one."""

    name: str
    source: str
    as_of: str
    operators: Sequence[str]
    """Of the step, those that rest on it"""
    share_of_step: float
    """Of the step's time"""
    batch: CalibrationUseBatch
    """The step that it is shown on"""
    step_without: CalibrationUseStepWithout
    """One step and its 90 % interval"""
    step: CalibrationUseStepWithout
    """One step and its 90 % interval"""
    interval_narrowed_by: float
    """1 - with / without, of the half widths (logarithm)"""
    factors: CalibrationUseFactors | None = None
    """On the step model's times, from runs of the engine; compute and memory only on the device of the runs"""

    _parts: ClassVar[Parts] = {"factors": (CalibrationUseFactors, "one"), "batch": (CalibrationUseBatch, "one"),
        "step_without": (CalibrationUseStepWithout, "one"), "step": (CalibrationUseStepWithout, "one")}


@dataclass(slots=True)
class PlanOption(Document):
    """One configuration with what it gives and costs."""

    device: str
    engine: str
    engine_version: str
    replicas: int
    """Copies of the deployment"""
    gpus: int
    """Devices of all replicas"""
    gpus_per_replica: int
    """Devices of one replica"""
    nodes_per_replica: int
    """Hosts of one replica"""
    parallel: Parallel
    weights: str
    """Weight format"""
    kv: str
    """KV cache type"""
    max_batch: int
    """Sequences of one replica at once that keep every bound"""
    token_budget: int
    """Tokens of one step"""
    memory_fraction: float
    """The engine's flag"""
    performance: PlanOptionPerformance
    """At the offered load; means"""
    cost: PlanOptionCost | None
    """Null without a price"""
    energy: PlanOptionEnergy
    """Estimated"""
    scores: PlanOptionScores
    """Performance: smallest relative slack of a bound. Cost: cheapest plan's dollars over this one's. Elasticity: n
    / (n + 1) for n replicas, the share of capacity left when one more had been lost
    """
    memory: PlanMemory
    origins: PlanOptionOrigins
    """Where each group of numbers comes from"""
    calibration: CalibrationUse | None = None
    """The calibration behind the times, when the device has one"""

    _parts: ClassVar[Parts] = {"parallel": (Parallel, "one"), "performance": (PlanOptionPerformance, "one"), "cost":
        (PlanOptionCost, "one"), "energy": (PlanOptionEnergy, "one"), "scores": (PlanOptionScores, "one"), "memory":
        (PlanMemory, "one"), "origins": (PlanOptionOrigins, "one"), "calibration": (CalibrationUse, "one")}


@dataclass(slots=True)
class PlanAnswerStageMeasure(Document):
    """A part of plan-answer documents."""

    metric: str
    at_batch: float | None = None
    expect_at_least: float | None = None
    expect_at_most: float | None = None


@dataclass(slots=True)
class PlanAnswerStage(Document):
    """A part of plan-answer documents."""

    name: str
    deploy: str
    measure: Sequence[PlanAnswerStageMeasure]

    _parts: ClassVar[Parts] = {"measure": (PlanAnswerStageMeasure, "list")}


@dataclass(slots=True)
class PlanAnswerExplanationRelax(Document):
    """Giving up one bound, all others kept."""

    constraint: str
    limit: float
    """As requested"""
    needed: float
    """The least value that makes the request feasible"""
    plan: PlanOption | None = None

    _parts: ClassVar[Parts] = {"plan": (PlanOption, "one")}


@dataclass(slots=True)
class PlanAnswerExplanationClosestToFit(Document):
    """A part of plan-answer documents."""

    device: str
    engine: str
    parallel: Parallel
    memory: PlanMemory

    _parts: ClassVar[Parts] = {"parallel": (Parallel, "one"), "memory": (PlanMemory, "one")}


@dataclass(slots=True)
class PlanAnswerExplanation(Document):
    """Infeasible: why."""

    binding: Sequence[str]
    """Bounds that the nearest plan breaks, worst first"""
    sentence: str
    largest_output_tokens: int | None = None
    """Output tokens of a request with which every bound is met; 0 when none"""
    relax: Sequence[PlanAnswerExplanationRelax] | None = None
    closest_to_fit: PlanAnswerExplanationClosestToFit | None = None

    _parts: ClassVar[Parts] = {"relax": (PlanAnswerExplanationRelax, "list"), "closest_to_fit":
        (PlanAnswerExplanationClosestToFit, "one")}


@dataclass(slots=True)
class PlanAnswerReading(Document):
    """A part of plan-answer documents."""

    meaning: str
    feasible: bool
    plan: PlanOption | None = None
    largest_output_tokens: int | None = None
    relax: Sequence[PlanAnswerExplanationRelax] | None = None

    _parts: ClassVar[Parts] = {"plan": (PlanOption, "one"), "relax": (PlanAnswerExplanationRelax, "list")}


@dataclass(slots=True)
class PlanAnswerSearch(Document):
    """A part of plan-answer documents."""

    considered: int
    """Splits looked at"""
    did_not_fit: int
    """Of them without room in memory"""
    evaluated: int
    method: str


@dataclass(slots=True)
class PlanAnswerProvenance(Document):
    """A part of plan-answer documents."""

    library: str
    catalog_sha256: str


@dataclass(slots=True)
class PlanAnswer(Document):
    """The document of docs/schema/plan-answer.schema.json. Planning answer."""

    feasible: bool
    """Whether every bound is met"""
    model: PlanAnswerModel
    """The model as it was understood"""
    request: PlanAnswerRequest
    """The request with every default resolved"""
    search: PlanAnswerSearch
    assumptions: Sequence[str]
    warnings: Sequence[str]
    provenance: PlanAnswerProvenance
    schema: int = 1
    best: PlanOption | None = None
    by_device: Sequence[PlanOption] | None = None
    """The best plan of each device that has one"""
    pareto: Sequence[PlanOption] | None = None
    """No plan here is beaten in cost, TTFT and TPOT at once; best first"""
    stages: Sequence[PlanAnswerStage] | None = None
    """What to prove, one machine first, and what each must measure"""
    nearest: PlanOption | None = None
    """Infeasible: the plan with the least relative violation; null when nothing fits in memory"""
    explanation: PlanAnswerExplanation | None = None
    """Infeasible: why"""
    readings: Sequence[PlanAnswerReading] | None = None
    """For latency_ms: each meaning in turn"""

    _parts: ClassVar[Parts] = {"model": (PlanAnswerModel, "one"), "request": (PlanAnswerRequest, "one"), "best":
        (PlanOption, "one"), "by_device": (PlanOption, "list"), "pareto": (PlanOption, "list"), "stages":
        (PlanAnswerStage, "list"), "nearest": (PlanOption, "one"), "explanation": (PlanAnswerExplanation, "one"),
        "readings": (PlanAnswerReading, "list"), "search": (PlanAnswerSearch, "one"), "provenance":
        (PlanAnswerProvenance, "one")}

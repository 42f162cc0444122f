# Written by bindings/schema/generate.py from docs/schema. Do not edit.
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from .._document import Document, Parts


@dataclass(slots=True)
class CalibrationProductPoint(Document):
    """A part of calibration documents."""

    m: float
    n: float
    k: float
    us: float


@dataclass(slots=True)
class CalibrationProduct(Document):
    """A part of calibration documents."""

    type: str
    launch_us: float
    flops_per_us: float
    bytes_per_us: float
    error: float
    """90 % half width of a product that was not measured, natural logarithm"""
    points: Sequence[CalibrationProductPoint]
    before: Any = None
    after: Any = None
    interval_narrowed_by: float | None = None
    """1 - after / before, of the 90 % half widths"""
    valid_range: Any = None
    outliers: Sequence[Any] | None = None

    _parts: ClassVar[Parts] = {"points": (CalibrationProductPoint, "list")}


@dataclass(slots=True)
class CalibrationLinksPeerCopyPair(Document):
    """A part of calibration documents."""

    from_device: int
    to_device: int
    gb_per_s: float
    times_the_typical: float | None = None


@dataclass(slots=True)
class CalibrationLinksPeerCopy(Document):
    """Lone copies from device to device, one way."""

    gb_per_s: float
    """The typical pair, outliers left out"""
    error: float
    """Spread over the pairs, natural logarithm"""
    pairs: Sequence[CalibrationLinksPeerCopyPair] | None = None
    outliers: Sequence[Any] | None = None
    """Pairs a fifth and more from the typical one"""
    before: Any = None
    after: Any = None
    interval_narrowed_by: float | None = None

    _parts: ClassVar[Parts] = {"pairs": (CalibrationLinksPeerCopyPair, "list")}


@dataclass(slots=True)
class CalibrationLinksAllReducePoint(Document):
    """A part of calibration documents."""

    bytes: float
    us: float


@dataclass(slots=True)
class CalibrationLinksAllReduce(Document):
    """A part of calibration documents."""

    by: str
    """Whose kernels"""
    ranks: int
    latency_us: float
    bytes_per_us: float
    error: float
    """90 % half width of a message that was not measured, natural logarithm"""
    points: Sequence[CalibrationLinksAllReducePoint]
    link_share_of_datasheet: float | None = None
    before: Any = None
    after: Any = None
    interval_narrowed_by: float | None = None
    valid_range: Any = None
    outliers: Sequence[Any] | None = None

    _parts: ClassVar[Parts] = {"points": (CalibrationLinksAllReducePoint, "list")}


@dataclass(slots=True)
class CalibrationLinks(Document):
    """Of the scale-up domain."""

    peer_copy: CalibrationLinksPeerCopy | None = None
    """Lone copies from device to device, one way"""
    all_reduce: Sequence[CalibrationLinksAllReduce] | None = None
    """time = latency + 2 bytes (ranks - 1) / ranks / rate, with the measured messages beside it"""

    _parts: ClassVar[Parts] = {"peer_copy": (CalibrationLinksPeerCopy, "one"), "all_reduce":
        (CalibrationLinksAllReduce, "list")}


@dataclass(slots=True)
class CalibrationFactor(Document):
    """How many times as long as in the step model."""

    value: float
    error: float
    """Its half width, natural logarithm"""
    low: float | None = None
    """90 % interval"""
    high: float | None = None
    """90 % interval"""
    said_by_runs: float | None = None
    """Share of what was not known before that the runs say; 0: the factor is 1 because nothing says otherwise"""
    holds_on: str | None = None


@dataclass(slots=True)
class CalibrationEngineRunsFactors(Document):
    """A part of calibration documents."""

    compute: CalibrationFactor | None = None
    memory: CalibrationFactor | None = None
    step_host: CalibrationFactor | None = None
    prefill_host: CalibrationFactor | None = None

    _parts: ClassVar[Parts] = {"compute": (CalibrationFactor, "one"), "memory": (CalibrationFactor, "one"),
        "step_host": (CalibrationFactor, "one"), "prefill_host": (CalibrationFactor, "one")}


@dataclass(slots=True)
class CalibrationEngineRuns(Document):
    """Factors on the step model's times from runs of a real engine."""

    engine: str
    """Name; the factors hold for every version"""
    error: float
    """What is left of a step on this device: 90 % half width, natural logarithm"""
    factors: CalibrationEngineRunsFactors
    models: Sequence[str] | None = None
    """Of the runs"""
    before: Any = None
    after: Any = None
    interval_narrowed_by: float | None = None
    valid_range: Any = None
    outliers: Sequence[Any] | None = None
    """Metrics a fifth and more off after the fit"""
    runs: Sequence[Any] | None = None
    """Each run, metric by metric, before and after"""
    check: Sequence[Any] | None = None
    """Runs that were predicted, not fitted"""
    assumptions: Sequence[str] | None = None

    _parts: ClassVar[Parts] = {"factors": (CalibrationEngineRunsFactors, "one")}


@dataclass(slots=True)
class CalibrationLaunch(Document):
    """Microseconds for one small kernel after another."""

    in_graph_us: float | None = None
    programmatic_us: float | None = None
    """In a graph with programmatic launches"""
    one_by_one_us: float | None = None
    """For people: engines replay graphs"""


@dataclass(slots=True)
class Calibration(Document):
    """The document of docs/schema/calibration.schema.json. Calibration: what was measured on a device, for the
    planner.
    """

    name: str
    device: str
    """Name in the catalogue"""
    source: str
    as_of: str
    products: Sequence[CalibrationProduct]
    kind: str = 'calibration'
    schema: int = 1
    measurements_sha256: str | None = None
    runs_sha256: str | None = None
    rates_gb_per_s: Mapping[str, float] | None = None
    links: CalibrationLinks | None = None
    """Of the scale-up domain"""
    engine_runs: CalibrationEngineRuns | None = None
    """Factors on the step model's times from runs of a real engine"""
    launch: CalibrationLaunch | None = None
    """Microseconds for one small kernel after another"""

    _parts: ClassVar[Parts] = {"products": (CalibrationProduct, "list"), "links": (CalibrationLinks, "one"),
        "engine_runs": (CalibrationEngineRuns, "one"), "launch": (CalibrationLaunch, "one")}

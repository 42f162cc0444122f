# Written by bindings/schema/generate.py from docs/schema. Do not edit.
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from .._document import Document, Parts


@dataclass(slots=True)
class MeasurementDoubt(Document):
    """A part of bench-measurement documents."""

    name: str
    sentence: str


@dataclass(slots=True)
class Measurement(Document):
    """The document of docs/schema/bench-measurement.schema.json. One measurement, a line of dsk_bench_run and
    dsk_bench_probe.
    """

    name: str
    kind: str = 'measurement'
    schema: int = 1
    skipped: str | None = None
    """Why it was not run; nothing else is known then"""
    samples: int | None = None
    batch: int | None = None
    """Iterations of one sample"""
    clock: str | None = None
    median_ns: float | None = None
    """Of one iteration"""
    interval_ns: Sequence[float] | None = None
    """Percentile bootstrap of the median"""
    confidence: float | None = None
    mad_ns: float | None = None
    """Median absolute deviation"""
    noise: float | None = None
    """1.4826 MAD / median"""
    mean_ns: float | None = None
    percentiles_ns: Mapping[str, float] | None = None
    enqueue_ns: float | None = None
    """Until the host was free again"""
    bytes: float | None = None
    """Moved by one iteration"""
    gb_per_s: float | None = None
    """1e9 bytes/s"""
    flops: float | None = None
    tflop_per_s: float | None = None
    stopped: str | None = None
    discarded: int | None = None
    """Samples taken while heat or a hardware slowdown held the clock down"""
    sampled_s: float | None = None
    trusted: bool | None = None
    """No doubts"""
    doubts: Sequence[MeasurementDoubt] | None = None

    _parts: ClassVar[Parts] = {"doubts": (MeasurementDoubt, "list")}

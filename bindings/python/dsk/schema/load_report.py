# Written by bindings/schema/generate.py from docs/schema. Do not edit.
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from .._document import Document, Parts


@dataclass(slots=True)
class LoadReportRequests(Document):
    """sent = completed + failed + interrupted + warmup."""

    sent: int | None = None
    completed: int | None = None
    failed: int | None = None
    interrupted: int | None = None
    """In flight when the generator was killed or cancelled"""
    warmup: int | None = None
    within_slo: int | None = None


@dataclass(slots=True)
class LoadReportTokens(Document):
    """A part of load-report documents."""

    input: int | None = None
    output: int | None = None
    counted_by: str | None = None
    requests_counted_by_server: int | None = None


@dataclass(slots=True)
class LoadReport(Document):
    """The document of docs/schema/load-report.schema.json. Report of dsk_bench_load_run."""

    duration_s: float
    """First schedule to last end, without the time in which the generator was dead"""
    requests: LoadReportRequests
    """sent = completed + failed + interrupted + warmup"""
    failures: Mapping[str, int]
    """By kind"""
    tokens: LoadReportTokens
    rates: Mapping[str, float]
    latency: Any
    """ttft_ms, tpot_ms, itl_ms, e2e_ms, send_delay_ms; see definitions"""
    histograms: Any
    """Log-linear, 512 bins an octave: what reports are merged by"""
    kind: str = 'load_report'
    schema: int = 1
    request: Any = None
    """As it was given; null when reports of different requests were merged"""
    generator: str | None = None
    machines: int | None = None
    began_at: str | None = None
    began_at_unix_s: float | None = None
    ended: str | None = None
    """complete, duration, cancelled, journal"""
    resumed: int | None = None
    max_in_flight: int | None = None
    definitions: Mapping[str, str] | None = None
    journal_failure: str | None = None

    _parts: ClassVar[Parts] = {"requests": (LoadReportRequests, "one"), "tokens": (LoadReportTokens, "one")}

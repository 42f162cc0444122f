# Written by bindings/schema/generate.py from docs/schema. Do not edit.
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .._document import Document


@dataclass(slots=True)
class MonitorRequest(Document):
    """The document of docs/schema/monitor-request.schema.json. Request of dsk_bench_monitor_create."""

    engine_metrics_url: str | None = None
    hosts: Sequence[str] | None = None
    """Round trips to these"""
    timeout_s: float | None = None

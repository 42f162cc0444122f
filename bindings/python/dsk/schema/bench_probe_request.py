# Written by bindings/schema/generate.py from docs/schema. Do not edit.
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from .._document import Document, Parts


@dataclass(slots=True)
class BenchProbeLinear(Document):
    """A part of bench-probe-request documents."""

    name: str
    n: int
    k: int


@dataclass(slots=True)
class BenchProbeRequest(Document):
    """The document of docs/schema/bench-probe-request.schema.json. Request of dsk_bench_probe."""

    suite: str | None = None
    probes: Sequence[str] | None = None
    """Of the suite only these, by name"""
    list: bool | None = None
    """Name the probes, measure nothing"""
    backend: str | None = None
    device: int | None = None
    disk_path: str | None = None
    """File of at least 64 MiB to read"""
    model: str | None = None
    """Catalogue name: its linear layers are measured too"""
    tp: int | None = None
    linears: Sequence[BenchProbeLinear] | None = None
    """Layers of a model, y[m, n] = x[m, k] w[n, k]^T, measured at m = 1, 16, 64 and 4096"""

    _parts: ClassVar[Parts] = {"linears": (BenchProbeLinear, "list")}

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
    rates_gb_per_s: Mapping[str, float] | None = None
    kernel_in_graph_us: float | None = None

    _parts: ClassVar[Parts] = {"products": (CalibrationProduct, "list")}

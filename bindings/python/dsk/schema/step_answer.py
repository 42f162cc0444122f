# Written by bindings/schema/generate.py from docs/schema. Do not edit.
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from .._document import Document, Parts
from .memory_request import Parallel
from .plan_answer import CalibrationUse


@dataclass(slots=True)
class StepAnswerStepPartsUs(Document):
    """Sums to total_us."""

    compute: float
    memory: float
    scale_up: float
    scale_out: float
    launch: float
    host: float


@dataclass(slots=True)
class StepAnswerStep(Document):
    """One step of a replica."""

    total_us: float
    low_us: float
    """90 % interval"""
    high_us: float
    """90 % interval"""
    parts_us: StepAnswerStepPartsUs
    """Sums to total_us"""
    binding: str
    """The largest part"""
    communication_share: float
    """Both links' parts over the total"""

    _parts: ClassVar[Parts] = {"parts_us": (StepAnswerStepPartsUs, "one")}


@dataclass(slots=True)
class StepAnswerOperator(Document):
    """One kind of operator, the longest first."""

    name: str
    """Operator"""
    runs: int
    """Times a step"""
    rows: float
    """Tokens, or what else its first size counts"""
    us: float
    """All runs together"""
    error_us: float
    """Half of the 90 % interval"""
    flops: float
    bytes: float
    """Of device memory"""
    link_bytes: float
    resource: str
    """What binds it"""
    origin: str
    """measured, interpolated, transferred, roofline, ..."""
    calibration: str | None = None
    """Name of the calibration that the time rests on"""


@dataclass(slots=True)
class StepAnswerVariant(Document):
    """A what-if."""

    name: str
    """What is changed"""
    meaning: str
    """In a sentence"""
    step: StepAnswerStep | None = None
    """One step of a replica"""
    change: float | None = None
    """Of the time, -0.1 is a tenth faster"""
    scaling_efficiency: float | None = None
    not_possible: str | None = None
    """Why it cannot be, instead of step and change"""

    _parts: ClassVar[Parts] = {"step": (StepAnswerStep, "one")}


@dataclass(slots=True)
class StepAnswer(Document):
    """The document of docs/schema/step-answer.schema.json. Where the time of one step goes, and what would change
    it.
    """

    model: str
    """Canonical name"""
    device: str
    """Canonical name"""
    engine: str
    """Canonical name"""
    engine_version: str
    parallel: Parallel
    step: StepAnswerStep
    """One step of a replica"""
    operators: Sequence[StepAnswerOperator]
    variants: Sequence[StepAnswerVariant]
    schema: int = 1
    scaling_efficiency: float | None = None
    """Time of one device's share without links, over the time with them"""
    calibration: CalibrationUse | None = None
    """The calibration behind the times, when the device has one"""

    _parts: ClassVar[Parts] = {"parallel": (Parallel, "one"), "step": (StepAnswerStep, "one"), "calibration":
        (CalibrationUse, "one"), "operators": (StepAnswerOperator, "list"), "variants": (StepAnswerVariant, "list")}

# Written by bindings/schema/generate.py from docs/schema. Do not edit.
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from .._document import Document, Parts


@dataclass(slots=True)
class CostAnswerOwnershipTerm(Document):
    """A part of cost-answer documents."""

    name: str
    usd: float
    """As paid"""
    present_usd: float
    """Discounted to the start"""
    formula: str


@dataclass(slots=True)
class CostAnswerOwnershipQuoted(Document):
    """What a quoted total implies."""

    total_usd: float
    implied_residual_usd: float
    implied_residual_fraction: float
    """Of hardware"""
    possible: bool
    """Whether it lies between none and all of the hardware"""
    meaning: str


@dataclass(slots=True)
class CostAnswerOwnership(Document):
    """Total cost of ownership."""

    years: float
    terms: Sequence[CostAnswerOwnershipTerm]
    """One line of the bill each; residual last, negative"""
    before_residual_usd: float
    residual_usd: float
    total_usd: float
    """before_residual_usd less residual_usd"""
    present_total_usd: float
    """Discounted to the start"""
    discount_rate: float
    usd_per_device_hour: float
    """Total over all hours of its life"""
    usd_per_used_device_hour: float
    """Total over the hours used"""
    quoted: CostAnswerOwnershipQuoted | None = None
    """What a quoted total implies"""

    _parts: ClassVar[Parts] = {"terms": (CostAnswerOwnershipTerm, "list"), "quoted": (CostAnswerOwnershipQuoted,
        "one")}


@dataclass(slots=True)
class CostAnswerCloud(Document):
    """A part of cost-answer documents."""

    name: str
    term: str
    usd_per_hour: float
    """One device"""
    source: str
    """request, or the price list"""
    provision_minutes: float
    meets_network: bool
    commitment_months: float | None = None
    network_ms: float | None = None
    own_usd: float | None = None
    """Present total of owning, at the utilisation"""
    cloud_usd: float | None = None
    """Present total of renting over the same time"""
    break_even_months: float | None = None
    """Until what was paid for owning is below the rent, resale not counted; null: never"""
    break_even_utilisation: float | None = None
    """From which owning is cheaper over its life, resale counted; above 1: never; null under a commitment"""
    meaning: str | None = None


@dataclass(slots=True)
class CostAnswerProjectOption(Document):
    """A part of cost-answer documents."""

    name: str
    usd: float
    formula: str


@dataclass(slots=True)
class CostAnswerProject(Document):
    """A part of cost-answer documents."""

    months: float
    options: Sequence[CostAnswerProjectOption]
    cheapest: str

    _parts: ClassVar[Parts] = {"options": (CostAnswerProjectOption, "list")}


@dataclass(slots=True)
class CostAnswerToken(Document):
    """A part of cost-answer documents."""

    name: str
    usd_per_hour: float
    """All devices"""
    usd_per_mtok_input: float | None
    """The prefill share of the bill over input tokens"""
    usd_per_mtok_output: float | None
    """The rest over output tokens"""
    usd_per_mtok_all_to_output: float | None
    """The whole bill over output tokens"""
    usd_per_mtok_blended: float
    """The whole bill over all tokens"""


@dataclass(slots=True)
class CostAnswerMixSplit(Document):
    """A part of cost-answer documents."""

    name: str
    units: float
    devices: float
    utilisation: float
    """Hours used over hours held"""
    usd_per_month: float


@dataclass(slots=True)
class CostAnswerMixAlone(Document):
    """A part of cost-answer documents."""

    name: str
    usd_per_month: float


@dataclass(slots=True)
class CostAnswerMixThreshold(Document):
    """A part of cost-answer documents."""

    cheaper: str
    than: str
    above_utilisation: float


@dataclass(slots=True)
class CostAnswerMix(Document):
    """The cheapest split of the load curve; null when nothing may carry it."""

    base_units: float
    """Needed in every step"""
    peak_units: float
    devices_per_unit: float
    hours: float
    """Of the curve"""
    split: Sequence[CostAnswerMixSplit]
    usd_per_month: float
    alone: Sequence[CostAnswerMixAlone]
    """The whole curve on one of them"""
    saving_against_best_single: float
    """Fraction"""
    thresholds: Sequence[CostAnswerMixThreshold]
    """Utilisation of a unit above which one way is cheaper than another"""
    advice: str

    _parts: ClassVar[Parts] = {"split": (CostAnswerMixSplit, "list"), "alone": (CostAnswerMixAlone, "list"),
        "thresholds": (CostAnswerMixThreshold, "list")}


@dataclass(slots=True)
class CostAnswerProvenance(Document):
    """A part of cost-answer documents."""

    library: str
    catalog_sha256: str
    prices: Sequence[str]


@dataclass(slots=True)
class CostAnswer(Document):
    """The document of docs/schema/cost-answer.schema.json. Answer to a cost request. Sections that the request gives
    no ground for are absent. USD throughout.
    """

    devices: float
    """How many"""
    utilisation: float
    """Hours used over all hours"""
    assumptions: Sequence[str]
    provenance: CostAnswerProvenance
    schema: int = 1
    device: str | None = None
    ownership: CostAnswerOwnership | None = None
    """Total cost of ownership"""
    cloud: Sequence[CostAnswerCloud] | None = None
    project: CostAnswerProject | None = None
    tokens: Sequence[CostAnswerToken] | None = None
    """US dollars for each million tokens"""
    mix: CostAnswerMix | None = None
    """The cheapest split of the load curve; null when nothing may carry it"""

    _parts: ClassVar[Parts] = {"ownership": (CostAnswerOwnership, "one"), "cloud": (CostAnswerCloud, "list"),
        "project": (CostAnswerProject, "one"), "tokens": (CostAnswerToken, "list"), "mix": (CostAnswerMix, "one"),
        "provenance": (CostAnswerProvenance, "one")}

# Written by bindings/schema/generate.py from docs/schema. Do not edit.
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from .._document import Document, Parts


@dataclass(slots=True)
class CostOwnership(Document):
    """What owning costs. Yearly costs are paid at the end of each year."""

    usd_per_kwh: float
    hardware_usd: float | None = None
    """All the hardware; from the price lists when absent"""
    installation_usd: float | None = None
    """Paid at the start, worth nothing later"""
    years: float | None = None
    """Life; 3 when absent"""
    power_kw: float | None = None
    """Draw of all machines at load, before cooling; from the device when absent"""
    idle_power_kw: float | None = None
    """Draw when nothing runs; power_kw when absent, and at most that"""
    pue: float | None = None
    """Site power over machine power; 1 when absent"""
    operations_fraction_per_year: float | None = None
    """Of the hardware price"""
    operations_usd_per_year: float | None = None
    """Beside that"""
    space_usd_per_year: float | None = None
    residual_fraction: float | None = None
    """Of the hardware price, received at the end"""
    residual_usd: float | None = None
    """Instead of the fraction; at most hardware_usd"""
    discount_rate: float | None = None
    """A year; 0: money later counts as money now"""
    quoted_total_usd: float | None = None
    """A total that somebody named: the answer says which residual it implies"""


@dataclass(slots=True)
class CostCloud(Document):
    """One way to rent."""

    name: str
    usd_per_hour: float
    """One device, one hour"""
    term: str | None = None
    """on-demand when absent"""
    commitment_months: int | None = None
    """Reserved only"""
    provision_minutes: float | None = None
    """From asking to serving: capacity for a burst is paid that much earlier"""
    network_ms: float | None = None
    """Round trip between users and this cloud"""
    availability: float | None = None
    """Spot only: share of hours in which it can be had; the rest is bought on demand"""


@dataclass(slots=True)
class CostTokens(Document):
    """What all devices serve at full load."""

    input_tokens_per_s: float | None = None
    output_tokens_per_s: float | None = None
    prefill_share: float | None = None
    """Share of device time that prompts take; without it input and output are not told apart"""


@dataclass(slots=True)
class CostLoad(Document):
    """A load curve, which repeats."""

    devices: Sequence[float]
    """Devices needed in each step"""
    step_hours: float | None = None
    """Length of a step; 1 when absent"""
    devices_per_unit: int | None = None
    """Devices of one replica; 1 when absent"""


@dataclass(slots=True)
class CostRequest(Document):
    """The document of docs/schema/cost-request.schema.json. Ownership against rent. Give ownership, cloud, or a
    device that a price list prices.
    """

    schema: int = 1
    """Version of this schema"""
    catalog: Sequence[Any] | None = None
    """Your own documents: prices, devices, links, ..."""
    device: str | None = None
    """Accelerator, for its prices and power"""
    devices: int | None = None
    """How many; 1 when absent"""
    utilisation: float | None = None
    """Hours used over all hours; 1 when absent"""
    ownership: CostOwnership | None = None
    """What owning costs. Yearly costs are paid at the end of each year"""
    cloud: Sequence[CostCloud] | None = None
    """Ways to rent; the price lists' offers for the device when absent"""
    max_network_ms: float | None = None
    """No load goes to a cloud that is farther away"""
    project_months: float | None = None
    """Compare for a project of this length; at most the life of the hardware"""
    tokens: CostTokens | None = None
    """What all devices serve at full load"""
    load: CostLoad | None = None
    """A load curve, which repeats"""

    _parts: ClassVar[Parts] = {"ownership": (CostOwnership, "one"), "cloud": (CostCloud, "list"), "tokens":
        (CostTokens, "one"), "load": (CostLoad, "one")}

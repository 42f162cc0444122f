# Written by bindings/schema/generate.py from docs/schema. Do not edit.
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from .._document import Document, Parts
from .simulate_answer import Percentiles


@dataclass(slots=True)
class TuneBatchingAnswerPolicy(Document):
    """One policy."""

    policy: Any
    """Members of a simulation's policy that were tried"""
    meets: bool
    """Enough requests keep the bounds"""
    replicas: int
    """Fewest that do, or the most that were tried"""
    goodput_share: float
    ttft_ms: Percentiles
    """Milliseconds: mean, percentiles and largest; percentiles within 0.1 %"""
    tpot_ms: Percentiles
    """Milliseconds: mean, percentiles and largest; percentiles within 0.1 %"""
    e2e_ms: Percentiles
    """Milliseconds: mean, percentiles and largest; percentiles within 0.1 %"""
    gpus: int
    """Of all replicas"""
    usd_per_hour: float | None = None
    """When a price list has the device"""

    _parts: ClassVar[Parts] = {"ttft_ms": (Percentiles, "one"), "tpot_ms": (Percentiles, "one"), "e2e_ms":
        (Percentiles, "one")}


@dataclass(slots=True)
class TuneBatchingAnswer(Document):
    """The document of docs/schema/tune-batching-answer.schema.json. Batching policies in the order of what they
    cost.
    """

    feasible: bool
    """Some policy keeps the bounds"""
    share: float
    """Of requests that must"""
    policies: Sequence[TuneBatchingAnswerPolicy]
    """Fewest replicas first, then the shortest end-to-end time at p99"""
    schema: int = 1

    _parts: ClassVar[Parts] = {"policies": (TuneBatchingAnswerPolicy, "list")}

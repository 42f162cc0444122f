# Written by bindings/schema/generate.py from docs/schema. Do not edit.
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from .._document import Document, Parts


@dataclass(slots=True)
class MemoryAnswerModel(Document):
    """The model as it was understood."""

    name: str
    architecture: str
    parameters: int
    """As the publisher counts them: without MTP layers and vision tower"""
    active_parameters: int
    """That one token passes through"""
    layers: int
    mtp_layers: int
    bytes_by_shapes: int
    """Whole checkpoint, MTP layers and vision tower included"""
    published_parameters: int | None = None
    checkpoint_bytes: int | None = None
    """By index or headers"""
    source: str | None = None
    as_of: str | None = None


@dataclass(slots=True)
class MemoryAnswerDevice(Document):
    """A part of memory-answer documents."""

    name: str
    memory_bytes: int
    memory_origin: str
    source: str
    as_of: str


@dataclass(slots=True)
class MemoryAnswerEngine(Document):
    """A part of memory-answer documents."""

    name: str
    version: str
    source: str
    as_of: str


@dataclass(slots=True)
class MemoryAnswerParallel(Document):
    """A part of memory-answer documents."""

    tp: int
    pp: int
    dp: int
    ep: int
    devices: int


@dataclass(slots=True)
class MemoryAnswerSmallestFraction(Document):
    """At which the weights alone fit."""

    value: float
    formula: str


@dataclass(slots=True)
class MemoryAnswerTerm(Document):
    """A part of memory-answer documents."""

    name: str
    bytes: int
    origin: str
    source: str


@dataclass(slots=True)
class MemoryAnswerKvCacheLayer(Document):
    """A part of memory-answer documents."""

    layers: int
    entry_bytes: int | None = None
    index_bytes: int | None = None
    tokens_per_entry: int | None = None
    window_tokens: int | None = None
    window_entry_bytes: int | None = None
    state_bytes: int | None = None


@dataclass(slots=True)
class MemoryAnswerKvCache(Document):
    """One sequence on one device."""

    type: str
    bytes_per_token: float
    window_bytes_per_sequence: int
    state_bytes_per_sequence: int
    layers: Sequence[MemoryAnswerKvCacheLayer]

    _parts: ClassVar[Parts] = {"layers": (MemoryAnswerKvCacheLayer, "list")}


@dataclass(slots=True)
class MemoryAnswerKvPool(Document):
    """Of one device; tokens and sequences of one replica."""

    bytes: int
    """Negative: so much is missing"""
    sequence_tokens: int
    bytes_per_sequence: int
    """At sequence_tokens, pages included"""
    sequences: int
    """Of sequence_tokens at once"""
    tokens: int | None = None
    tokens_meaning: str | None = None
    batch: int | None = None
    kv_gb: float | None = None
    longest_sequence_tokens: int | None = None
    """That batch sequences may have"""
    longest_sequence_tokens_unpaged: int | None = None
    """The same without page padding"""


@dataclass(slots=True)
class MemoryAnswerFormat(Document):
    """A part of memory-answer documents."""

    weights: str
    weights_bytes: int
    kv_pool_bytes: int
    sequences: int
    fits: bool
    needs: str
    note: str


@dataclass(slots=True)
class MemoryAnswer(Document):
    """The document of docs/schema/memory-answer.schema.json. Every byte of the fullest device of a replica."""

    model: MemoryAnswerModel
    """The model as it was understood"""
    device: MemoryAnswerDevice
    engine: MemoryAnswerEngine
    parallel: MemoryAnswerParallel
    weights: str
    """Format of the projections"""
    fits: bool
    binding: str
    """The largest term, or why it does not fit"""
    rule: str
    """The engine's budget rule"""
    memory_fraction: float
    """In force"""
    pipeline_stage: int
    """Of the fullest device"""
    capacity_bytes: int
    budget_bytes: int
    """What the rule gives to weights, KV cache and what counts against it"""
    weights_bytes: int
    terms: Sequence[MemoryAnswerTerm]
    """With the pool and the headroom they add up to the capacity"""
    headroom_bytes: int
    """Left outside the engine's budget"""
    kv_cache: MemoryAnswerKvCache
    """One sequence on one device"""
    kv_pool: MemoryAnswerKvPool
    """Of one device; tokens and sequences of one replica"""
    assumptions: Sequence[str]
    warnings: Sequence[str]
    schema: int = 1
    smallest_fraction: MemoryAnswerSmallestFraction | None = None
    """At which the weights alone fit"""
    formats: Sequence[MemoryAnswerFormat] | None = None
    """The same deployment with other weights"""

    _parts: ClassVar[Parts] = {"model": (MemoryAnswerModel, "one"), "device": (MemoryAnswerDevice, "one"), "engine":
        (MemoryAnswerEngine, "one"), "parallel": (MemoryAnswerParallel, "one"), "smallest_fraction":
        (MemoryAnswerSmallestFraction, "one"), "terms": (MemoryAnswerTerm, "list"), "kv_cache":
        (MemoryAnswerKvCache, "one"), "kv_pool": (MemoryAnswerKvPool, "one"), "formats": (MemoryAnswerFormat,
        "list")}

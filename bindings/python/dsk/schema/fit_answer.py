# Written by bindings/schema/generate.py from docs/schema. Do not edit.
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from .._document import Document, Parts


@dataclass(slots=True)
class FitAnswerNeeds(Document):
    """What one pod asks of a node."""

    device: str
    gpus: int
    tp: int
    """Width of a tensor-parallel group within the pod"""
    nodes_per_replica: int
    cpus: int
    host_memory_gib: float
    """Shared memory included"""
    network_gbit_s: float
    """Between nodes; 0 for one node"""
    one_nvlink_island: bool
    """A tensor-parallel group must stay within one"""
    one_nvlink_domain: bool
    """The nodes of a replica must share one"""


@dataclass(slots=True)
class FitAnswerReplicaPod(Document):
    """A part of fit-answer documents."""

    node: str
    gpus: Sequence[int]


@dataclass(slots=True)
class FitAnswerReplica(Document):
    """A part of fit-answer documents."""

    score: int
    """Mean of its nodes' scores when it was placed"""
    pods: Sequence[FitAnswerReplicaPod]

    _parts: ClassVar[Parts] = {"pods": (FitAnswerReplicaPod, "list")}


@dataclass(slots=True)
class FitAnswerNodeReason(Document):
    """A part of fit-answer documents."""

    code: str
    need: float
    have: float
    """Unit as the text says; host_memory in bytes"""
    text: str


@dataclass(slots=True)
class FitAnswerNode(Document):
    """A part of fit-answer documents."""

    name: str
    fits: bool
    score: int
    """70 for the share of the free GPUs that the pod uses, 30 for the share of the free GPUs of the islands that it
    opens; 0 when it does not fit
    """
    gpus: Sequence[int] | None = None
    """Indices that the pod would take"""
    reasons: Sequence[FitAnswerNodeReason] | None = None

    _parts: ClassVar[Parts] = {"reasons": (FitAnswerNodeReason, "list")}


@dataclass(slots=True)
class FitAnswer(Document):
    """The document of docs/schema/fit-answer.schema.json. Where a plan fits, and why not elsewhere."""

    fits: bool
    """All wanted replicas are placed"""
    replicas_wanted: int
    replicas_placed: int
    needs: FitAnswerNeeds
    """What one pod asks of a node"""
    replicas: Sequence[FitAnswerReplica]
    """The placement, in the order in which replicas were placed"""
    nodes: Sequence[FitAnswerNode]
    """Each node alone, in the order of the request"""
    schema: int = 1

    _parts: ClassVar[Parts] = {"needs": (FitAnswerNeeds, "one"), "replicas": (FitAnswerReplica, "list"), "nodes":
        (FitAnswerNode, "list")}

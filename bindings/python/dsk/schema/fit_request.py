# Written by bindings/schema/generate.py from docs/schema. Do not edit.
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from .._document import Document, Parts


@dataclass(slots=True)
class FitNode(Document):
    """A part of fit-request documents."""

    name: str
    """Unique in the inventory"""
    device: str
    """GPU kind as the cluster names it; compared with the plan's device and its aliases, whatever the case and the
    separators
    """
    gpus: int
    """GPUs of the node"""
    free_gpus: Sequence[int] | None = None
    """Indices that nobody holds; all when absent"""
    mig_gpus: Sequence[int] | None = None
    """Indices in MIG mode: not whole GPUs"""
    nvlink_islands: Sequence[Sequence[int]] | None = None
    """Indices that NVLink joins, each in one island; GPUs of none stand alone. When absent, as the plan's device is
    built
    """
    free_host_memory_gib: float | None = None
    free_cpus: int | None = None
    network_gbit_s: float | None = None
    """All NICs of the node, one direction"""
    rack: str | None = None
    """A replica over several nodes stays within one rack"""
    nvlink_domain: str | None = None
    """Nodes that share an NVLink switch (NVL72)"""


@dataclass(slots=True)
class FitRequest(Document):
    """The document of docs/schema/fit-request.schema.json. Nodes of a cluster, for the question where a plan fits.
    Amounts that are absent are not known and not checked.
    """

    nodes: Sequence[FitNode]
    schema: int = 1
    """Version of this schema"""
    replicas: int | None = None
    """How many replicas to place; the plan's when absent"""

    _parts: ClassVar[Parts] = {"nodes": (FitNode, "list")}

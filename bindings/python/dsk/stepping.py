"""What one step takes."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ._call import long_call
from ._document import request_text
from ._handle import Handle
from ._loader import native
from .schema import StepRequest

EXPLAIN_FORMATS = {"json": native.DSK_EXPLAIN_JSON, "table": native.DSK_EXPLAIN_TABLE, "svg": native.DSK_EXPLAIN_SVG}


class Resource(enum.IntEnum):
    """What the time of a step goes to."""

    COMPUTE = 0
    MEMORY = 1
    SCALE_UP = 2
    """Links within the domain: NVLink or PCIe"""
    SCALE_OUT = 3
    """Links between domains: InfiniBand, RoCE"""
    LAUNCH = 4
    """Fixed times of kernels and gaps between them"""
    HOST = 5
    """Scheduling and sampling"""


class StepTime(NamedTuple):
    """One step of a replica, in microseconds. The six parts add up to total_us."""

    binding: int
    """The Resource with the largest part"""
    total_us: float
    low_us: float
    """90 % interval"""
    high_us: float
    compute_us: float
    memory_us: float
    scale_up_us: float
    scale_out_us: float
    launch_us: float
    host_us: float
    communication_share: float
    """(scale_up_us + scale_out_us) / total_us"""

    @property
    def binding_resource(self) -> Resource:
        return Resource(self.binding)


# The one call that is worth every nanosecond: no lookups, no keyword arguments on the way.
_step = native.dsk_plan_step
_new = tuple.__new__


class StepModel(Handle):
    """A deployment prepared for questions about single steps. Any number of threads may ask."""

    __slots__ = ()

    def __init__(self, request: StepRequest | Mapping[str, Any] | str | bytes) -> None:
        """request: docs/schema/step-request.schema.json, without "batch"."""
        super().__init__(native.dsk_plan_step_create(request_text(request)))

    def step(self, decode_sequences: int = 0, kv_sum_tokens: int = 0, kv_max_tokens: int = 0,
             chunks: Sequence[tuple[int, int]] = ()) -> StepTime:  # fmt: skip
        """Time of one step of the whole replica.

        decode_sequences: sequences that decode, whose KV lengths add up to kv_sum_tokens and are at most kv_max_tokens.
        chunks: at most four (new_tokens, context_tokens) that prefill in the same step.
        """
        return _new(StepTime, _step(self._handle, (decode_sequences, kv_sum_tokens, kv_max_tokens, chunks)))


def explain(request: StepRequest | Mapping[str, Any] | str | bytes, format: str = "json") -> str:
    """One step taken apart, operator by operator, as "json", "table" or "svg"."""
    try:
        number = EXPLAIN_FORMATS[format]
    except KeyError:
        raise ValueError(f"format is {format!r} and must be one of {', '.join(EXPLAIN_FORMATS)}") from None
    return native.dsk_plan_explain(request_text(request), number)


def validate_kernels(request: Mapping[str, Any] | str | bytes, csv: str | bytes) -> tuple[str, str]:
    """Predicts every kernel of a table of measurements: the scores as JSON and the predictions as CSV."""
    text = request_text(request)
    return long_call(lambda _: native.dsk_plan_validate_kernels(text, csv), None, None)

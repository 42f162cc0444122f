"""A deployment under a workload, request by request."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ._call import Cancel, long_call
from ._document import request_text
from ._loader import native
from .schema import SimulateAnswer, SimulateRequest

if TYPE_CHECKING:
    import numpy

# Members of dsk_request_times (plan.h), in order.
_ROW = [
    ("index", "i8"), ("sent_ms", "f8"), ("admitted_ms", "f8"), ("first_ms", "f8"), ("last_ms", "f8"),
    ("input_tokens", "i4"), ("output_tokens", "i4"), ("cached_tokens", "i4"), ("preemptions", "i4"),
]  # fmt: skip


@dataclass(slots=True)
class Simulation:
    """What a simulation gave."""

    answer: dict[str, Any]
    """TTFT, TPOT, ITL, E2E and queueing at every percentile, and what was assumed"""
    series: numpy.ndarray[Any, Any] | None = None
    """What became of each request, in order of completion: a structured array over the memory that the library wrote"""
    completed: int | None = None
    """Requests that completed, while a series was asked for"""

    @property
    def typed(self) -> SimulateAnswer:
        """The answer as a dataclass."""
        return SimulateAnswer.from_json(json.dumps(self.answer))


def simulate(request: SimulateRequest | Mapping[str, Any] | str | bytes, *, series: int = 0, timeout: float | None = None,
             cancel: Cancel | None = None) -> Simulation:  # fmt: skip
    """Simulates. A run that `timeout` or `cancel` stops gives what was done until then, with "stopped": "cancelled".

    series: rows to keep of the first requests to complete (needs numpy).
    """
    text = request_text(request)
    if not series:
        _, out = long_call(lambda token: native.dsk_plan_simulate(text, token, None), timeout, cancel)
        return Simulation(json.loads(out))
    import numpy

    rows = numpy.empty(series, dtype=numpy.dtype(_ROW))
    assert rows.itemsize == native.REQUEST_TIMES_BYTES
    into = (rows.ctypes.data, series)
    count, out = long_call(lambda token: native.dsk_plan_simulate(text, token, into), timeout, cancel)
    return Simulation(json.loads(out), rows[: min(count, series)], count)


def tune_batching(request: SimulateRequest | Mapping[str, Any] | str | bytes, *, timeout: float | None = None,
                  cancel: Cancel | None = None) -> dict[str, Any]:  # fmt: skip
    """Each policy of a small grid with the fewest replicas that keep the bounds of "slo", cheapest first."""
    text = request_text(request)
    return json.loads(long_call(lambda token: native.dsk_plan_tune_batching(text, token), timeout, cancel))


def validate_requests(request: Mapping[str, Any] | str | bytes, log: str | bytes, *, timeout: float | None = None,
                      cancel: Cancel | None = None) -> dict[str, Any]:  # fmt: skip
    """Replays the arrivals of a request log (JSON lines) and compares measured with simulated."""
    text = request_text(request)
    return json.loads(long_call(lambda token: native.dsk_plan_validate_requests(text, log, token), timeout, cancel))


def validate_e2e(request: Mapping[str, Any] | str | bytes, csv: str | bytes, *, timeout: float | None = None,
                 cancel: Cancel | None = None) -> tuple[dict[str, Any], str]:  # fmt: skip
    """Predicts every row of a table of published end-to-end measurements: the scores, and the predictions as CSV."""
    text = request_text(request)
    report, predictions = long_call(lambda token: native.dsk_plan_validate_e2e(text, csv, token), timeout, cancel)
    return json.loads(report), predictions

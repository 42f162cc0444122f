"""Which accelerators, split how, at what cost."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ._call import Cancel, long_call
from ._document import request_text
from ._handle import Handle
from ._loader import native
from .schema import (
    CostAnswer, CostRequest, FitAnswer, FitRequest, MemoryAnswer, MemoryRequest, Model, PlanAnswer, PlanOption, PlanRequest,
    Workload,
)  # fmt: skip

if TYPE_CHECKING:
    from matplotlib.axes import Axes

EMIT_FORMATS = {"table": native.DSK_EMIT_TABLE, "kubernetes": native.DSK_EMIT_KUBERNETES, "command": native.DSK_EMIT_COMMAND}


class PlanSummary(NamedTuple):
    """Numbers of the best plan, or of the nearest one when the request is infeasible. Means; NaN is not known."""

    feasible: bool
    replicas: int
    gpus: int
    """Of all replicas"""
    gpus_per_replica: int
    nodes_per_replica: int
    tp: int
    pp: int
    dp: int
    ep: int
    ttft_ms: float
    tpot_ms: float
    e2e_ms: float
    requests_per_s: float
    output_tokens_per_s: float
    usd_per_hour: float
    """Of all replicas; NaN without a price"""
    usd_per_mtok: float
    """US dollars per million output tokens; NaN without a price"""
    utilisation: float
    """Offered load over the largest load that keeps every constraint"""


class Plan(Handle):
    """A finished plan. Immutable: any number of threads may read it."""

    __slots__ = ("_answer",)

    def __init__(self, handle: Any) -> None:
        super().__init__(handle)
        self._answer: PlanAnswer | None = None

    def to_json(self) -> str:
        """The whole answer, the same bytes in every language."""
        return native.dsk_plan_to_json(self._handle)

    @property
    def answer(self) -> PlanAnswer:
        """The whole answer, typed; read once."""
        if self._answer is None:
            self._answer = PlanAnswer.from_json(self.to_json())
        return self._answer

    @property
    def summary(self) -> PlanSummary:
        return PlanSummary._make(native.dsk_plan_summary(self._handle))

    @property
    def feasible(self) -> bool:
        return self.summary.feasible

    @property
    def best(self) -> PlanOption | None:
        """The best plan; None when no plan keeps every bound."""
        return self.answer.best

    def emit(self, format: str = "table") -> str:
        """"table", "kubernetes" (YAML manifests) or "command" (the engine's start command).
        UnsupportedError for manifests and commands of an infeasible plan."""
        try:
            number = EMIT_FORMATS[format]
        except KeyError:
            raise ValueError(f"format is {format!r} and must be one of {', '.join(EMIT_FORMATS)}") from None
        return native.dsk_plan_emit(self._handle, number)

    def fit(self, request: FitRequest | Mapping[str, Any] | str | bytes) -> FitAnswer:
        """Where its replicas fit in a cluster: for each node the GPUs by index and a score, or each reason why not."""
        return FitAnswer.from_json(self.fit_json(request))

    def fit_json(self, request: FitRequest | Mapping[str, Any] | str | bytes) -> str:
        """fit() as JSON text, the same bytes in every language."""
        return native.dsk_plan_fit(self._handle, request_text(request))

    def plot(self, axes: Axes | None = None) -> Axes:
        """Cost and speed of the plans that nothing beats, on matplotlib axes (new ones without `axes`)."""
        from ._display import plot_plan

        return plot_plan(self.answer, axes)

    def __repr__(self) -> str:
        if self.closed:
            return "<dsk.Plan, closed>"
        s = self.summary
        return f"<dsk.Plan {'feasible' if s.feasible else 'infeasible'}: {s.replicas} x {s.gpus_per_replica} GPUs>"

    def _repr_html_(self) -> str:
        from ._display import plan_html

        return plan_html(self.answer)


def plan(request: PlanRequest | Mapping[str, Any] | str | bytes, *, timeout: float | None = None,
         cancel: Cancel | None = None) -> Plan:  # fmt: skip
    """Plans. An infeasible request is an answer, not an error.

    timeout: seconds, DeadlineError after them (the token `cancel`, if any, is then set). KeyboardInterrupt stops the search too.
    """
    text = request_text(request)
    return Plan(long_call(lambda token: native.dsk_plan_create(text, token), timeout, cancel))


def memory(request: MemoryRequest | Mapping[str, Any] | str | bytes) -> MemoryAnswer:
    """Memory of one deployment, component by component."""
    return MemoryAnswer.from_json(memory_json(request))


def memory_json(request: MemoryRequest | Mapping[str, Any] | str | bytes) -> str:
    """memory() as JSON text, the same bytes in every language."""
    return native.dsk_plan_memory(request_text(request))


def cost(request: CostRequest | Mapping[str, Any] | str | bytes) -> CostAnswer:
    """Money: ownership, rent, break-even, tokens, and the cheapest split of a load curve."""
    return CostAnswer.from_json(cost_json(request))


def cost_json(request: CostRequest | Mapping[str, Any] | str | bytes) -> str:
    """cost() as JSON text, the same bytes in every language."""
    return native.dsk_plan_cost(request_text(request))


def model_from_config(path: str | Path, name: str | None = None) -> Model:
    """A model by its unmodified config.json (the file, or the folder that holds it), with the hf_quant_config.json beside it."""
    file = Path(path)
    if file.is_dir():
        file = file / "config.json"
    beside = file.with_name("hf_quant_config.json")
    return Model(
        name=name if name is not None else file.parent.name or None,
        config=json.loads(file.read_text(encoding="utf-8")),
        hf_quant_config=json.loads(beside.read_text(encoding="utf-8")) if beside.is_file() else None,
    )


def open_loop(rate_per_s: float, input_tokens: float, output_tokens: float) -> Workload:
    """Requests that arrive by themselves, `rate_per_s` over all replicas."""
    return Workload(input_tokens, output_tokens, rate_per_s=rate_per_s)


def closed_loop(concurrency: float, input_tokens: float, output_tokens: float) -> Workload:
    """`concurrency` requests in flight over all replicas."""
    return Workload(input_tokens, output_tokens, concurrency=concurrency)

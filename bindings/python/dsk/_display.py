"""Plans for people: a table in notebooks and a chart."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from .schema import PlanAnswer, PlanOption

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def _split(o: PlanOption) -> str:
    p = o.parallel
    widths = (("TP", p.tp), ("PP", p.pp), ("DP", p.dp), ("EP", p.ep))
    return " ".join(f"{name}{width}" for name, width in widths if width and width > 1) or "TP1"


def _money(value: float | None) -> str:
    return "–" if value is None else f"${value:,.2f}"


def _rows(answer: PlanAnswer) -> list[tuple[str, PlanOption]]:
    if answer.best is not None:
        others = [o for o in answer.by_device or () if o != answer.best]
        return [("best", answer.best), *(("", o) for o in others)]
    return [("nearest", answer.nearest)] if answer.nearest is not None else []


def plan_html(answer: PlanAnswer) -> str:
    head = ("", "plan", "engine", "replicas", "GPUs", "TTFT ms", "TPOT ms", "tokens/s", "$/h", "$/Mtok")
    body = ""
    for mark, o in _rows(answer):
        cost = o.cost
        cells = (
            mark, f"{o.device} {_split(o)}", f"{o.engine} {o.engine_version}", str(o.replicas), str(o.gpus), f"{o.performance.ttft_ms:,.0f}",
            f"{o.performance.tpot_ms:,.1f}", f"{o.performance.output_tokens_per_s:,.0f}",
            _money(cost.usd_per_hour if cost else None), _money(cost.usd_per_mtok_output if cost else None),
        )  # fmt: skip
        body += "<tr>" + "".join(f"<td>{escape(c)}</td>" for c in cells) + "</tr>"
    state = "feasible" if answer.feasible else "infeasible"
    why = f"<p>{escape(answer.explanation.sentence)}</p>" if answer.explanation else ""
    return (
        f"<p><b>{escape(answer.model.name)}</b>: {state}</p>{why}"
        f"<table><thead><tr>{''.join(f'<th>{escape(h)}</th>' for h in head)}</tr></thead><tbody>{body}</tbody></table>"
    )


def plot_plan(answer: PlanAnswer, axes: Axes | None) -> Axes:
    try:
        from matplotlib import pyplot
    except ImportError as error:
        raise ImportError("Plan.plot() needs matplotlib: pip install dsk[plot]") from error
    axes = axes if axes is not None else pyplot.figure().add_subplot()
    options = list(answer.pareto or ()) or [o for _, o in _rows(answer)]
    priced = all(o.cost is not None for o in options)

    def height(o: PlanOption) -> float:
        return o.cost.usd_per_hour if priced and o.cost else float(o.gpus)

    for device in dict.fromkeys(o.device for o in options):
        mine = [o for o in options if o.device == device]
        axes.scatter([o.performance.tpot_ms for o in mine], [height(o) for o in mine], label=device)
    # The plans differ in TTFT too; only those that nothing beats in what the axes show get a name.
    for o in options:
        here = (o.performance.tpot_ms, height(o))
        if not any(p is not o and p.performance.tpot_ms <= here[0] and height(p) <= here[1] for p in options):
            axes.annotate(_split(o), here, xytext=(5, 5), textcoords="offset points", fontsize=8)
    axes.legend()
    axes.set_xlabel("TPOT, ms")
    axes.set_ylabel("US dollars an hour" if priced else "GPUs")
    axes.set_title(f"{answer.model.name}: {'plans that nothing beats' if answer.feasible else 'nearest plan'}")
    return axes

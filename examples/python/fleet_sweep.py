"""Which GPUs for a fleet of models, as prices fall: each model under each month's prices, on Dask.

    python examples/python/fleet_sweep.py --months 0 6 12 --workers 4

A plan is one call without state, so it runs wherever Dask runs it: threads of this process here (planning gives up the
interpreter's lock), a cluster with dask.distributed by giving compute() that scheduler.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass

from dask.base import compute
from dask.delayed import delayed

import dsk

# The models of the fleet with their load: requests a second, input and output tokens, bound on TPOT.
FLEET = {
    "llama-3.1-8b": (20.0, 1024, 256, 30.0),
    "llama-3.3-70b": (5.0, 2048, 512, 50.0),
    "deepseek-r1": (2.0, 2048, 1024, 50.0),
}
# US dollars an hour today, and the share of it that is left a year later: assumptions of this example, to be replaced.
PRICES = {"h100-sxm": (3.0, 0.70), "h200-sxm": (3.8, 0.75), "b200-sxm": (5.5, 0.85)}


@dataclass(frozen=True)
class Choice:
    month: int
    model: str
    device: str
    gpus: int
    usd_per_hour: float


def price_list(month: int) -> dict[str, object]:
    """The prices of one month as a catalogue record, which goes before the built-in ones."""
    offers = [
        {"device": device, "provider": "example", "term": "on-demand", "usd_per_hour": round(today * left ** (month / 12), 4)}
        for device, (today, left) in PRICES.items()
    ]
    return {
        "kind": "price", "name": f"example-month-{month}", "source": "assumed: examples/python/fleet_sweep.py",
        "as_of": "2026-11-24", "currency": "USD", "offers": offers,
    }  # fmt: skip


def choose(model: str, month: int) -> Choice | None:
    """The cheapest plan of one model under one month's prices; None when no device serves it."""
    rate, input_tokens, output_tokens, tpot_ms = FLEET[model]
    request = dsk.PlanRequest(
        model, list(PRICES), dsk.open_loop(rate, input_tokens, output_tokens), engines=["vllm"],
        slo=dsk.Slo(tpot_ms=tpot_ms), objective="cost", catalog=[price_list(month)],
    )  # fmt: skip
    with dsk.plan(request) as plan:
        best = plan.best
        if best is None or best.cost is None:
            return None
        return Choice(month, model, best.device, best.gpus, best.cost.usd_per_hour)


def sweep(months: list[int], workers: int) -> list[Choice]:
    tasks = [delayed(choose)(model, month) for month in months for model in FLEET]
    return [c for c in compute(*tasks, scheduler="threads", num_workers=workers) if c is not None]


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--months", type=int, nargs="+", default=[0, 6, 12])
    parser.add_argument("--workers", type=int, default=4)
    options = parser.parse_args(argv)
    choices = sweep(options.months, options.workers)
    print(f"{'month':>5}  {'model':<14} {'device':<9} {'GPUs':>4} {'$/h':>8}")
    for c in choices:
        print(f"{c.month:>5}  {c.model:<14} {c.device:<9} {c.gpus:>4} {c.usd_per_hour:>8.2f}")
    for month in options.months:
        print(f"month {month}: {sum(c.usd_per_hour for c in choices if c.month == month):.2f} $/h for the fleet")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

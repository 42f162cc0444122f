"""Shared by the tests of the Python package, which run against an installed wheel (tests/python.sh)."""

import gc
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import dsk

ROOT = Path(__file__).resolve().parents[3]
R1 = {
    "schema": 1, "model": "deepseek-r1", "devices": ["h200-sxm"], "engines": ["vllm"],
    "workload": {"rate_per_s": 2, "input_tokens": 2048, "output_tokens": 512}, "slo": {"tpot_ms": 50},
}  # fmt: skip
STEP = {"model": "deepseek-r1", "device": "h200-sxm", "engine": "vllm", "parallel": {"tp": 8}}
REQUESTS = {"requests": 200, "input": 512, "output": 64, "arrivals": {"rate_per_s": 10}}
LOAD = {"model": "llama-3.1-8b", "device": "h100-sxm", "workload": REQUESTS}
# Hours of simulated work: what a time limit or an interrupt stops.
ENDLESS = {**LOAD, "workload": {**REQUESTS, "requests": 1_000_000_000}}


@pytest.fixture(autouse=True)
def nothing_is_left_alive() -> Iterator[None]:
    gc.collect()
    before = dsk.live_objects()
    yield
    # A thread that was behind a call lets go of its token a moment after the call is over.
    until = time.monotonic() + 10
    while (alive := dsk.live_objects()) > before and time.monotonic() < until:
        gc.collect()
        time.sleep(0.01)
    assert alive <= before

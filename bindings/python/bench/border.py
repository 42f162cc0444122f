"""What the border costs: StepModel.step() in Python against dsk_plan_step() in C, the same question on the same library.

    python bindings/python/bench/border.py --prefix build/release/python/prefix    (an install tree; needs a C compiler)
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import dsk

REQUEST = json.dumps({"model": "deepseek-v3", "device": "h200-sxm", "engine": "sglang", "parallel": {"tp": 8}})
ROUNDS, CALLS = 15, 200_000


def in_c(prefix: Path) -> float:
    library = next(prefix.rglob("libdsk.so")).parent
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "step_call"
        source = Path(__file__).with_name("step_call.c")
        subprocess.run(["cc", "-O2", "-std=c11", f"-I{prefix / 'include'}", source, f"-L{library}", "-ldsk", "-o", program],
                       check=True)  # fmt: skip
        done = subprocess.run([program, REQUEST], env={**os.environ, "LD_LIBRARY_PATH": str(library)}, check=True,
                              capture_output=True, text=True)  # fmt: skip
    return float(done.stdout)


def in_python() -> float:
    step = dsk.StepModel(REQUEST).step
    best = float("inf")
    for _ in range(ROUNDS):
        start = time.perf_counter_ns()
        for i in range(CALLS):
            step(32, 60000 + (i & 31), 2048)
        taken = time.perf_counter_ns() - start
        start = time.perf_counter_ns()
        for i in range(CALLS):
            60000 + (i & 31)  # noqa: B018
        best = min(best, (taken - (time.perf_counter_ns() - start)) / CALLS)
    return best


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prefix", type=Path, required=True)
    prefix = parser.parse_args().prefix.resolve()
    c, python = in_c(prefix), in_python()
    print(f"C in a loop {c:.0f} ns, through the package {python:.0f} ns, border {python - c:.0f} ns")
    return 0


sys.exit(main())

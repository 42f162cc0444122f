"""What the border costs: StepModel.step() in Python against dsk_plan_step() in C, the same question on the same library.

    python bindings/python/bench/border.py --prefix build/release/python/prefix    (an install tree; needs a C compiler)
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import dsk

ROOT = Path(__file__).resolve().parents[3]
# The question of tests/bindings/step_loop.c, which every language compares with.
REQUEST = {"schema": 1, "model": "deepseek-r1", "device": "h200-sxm", "parallel": {"tp": 8}}
BATCH = (32, 65536, 4096)
ROUNDS, CALLS = 15, 200_000


def in_c(prefix: Path) -> float:
    library = next(prefix.rglob("libdsk.so")).parent
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "step_loop"
        source = ROOT / "tests/bindings/step_loop.c"
        subprocess.run(["cc", "-O2", f"-I{prefix / 'include'}", source, f"-L{library}", "-ldsk", "-o", program], check=True)
        done = subprocess.run([program], env={**os.environ, "LD_LIBRARY_PATH": str(library)}, check=True,
                              capture_output=True, text=True)  # fmt: skip
    return float(done.stdout)


def in_python() -> float:
    step = dsk.StepModel(REQUEST).step
    sequences, kv_sum, kv_max = BATCH
    best = float("inf")
    for _ in range(ROUNDS):
        start = time.perf_counter_ns()
        for _ in range(CALLS):
            step(sequences, kv_sum, kv_max)
        best = min(best, (time.perf_counter_ns() - start) / CALLS)
    return best


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prefix", type=Path, required=True)
    prefix = parser.parse_args().prefix.resolve()
    c, python = in_c(prefix), in_python()
    print(f"C in a loop {c:.0f} ns, through the package {python:.0f} ns, border {python - c:.0f} ns")
    return 0


sys.exit(main())

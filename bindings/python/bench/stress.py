"""Calls by the million, right and wrong, from many threads: nothing crashes, no error is lost or crossed, no object stays alive and
the process does not grow.

    python bindings/python/bench/stress.py --calls 1000000
"""

import argparse
import gc
import resource
import sys
import threading
import time
from collections.abc import Callable

import dsk

STEP = {"model": "llama-3.1-8b", "device": "h100-sxm", "engine": "vllm", "parallel": {"tp": 1}}
THREADS = 64


def resident_kib() -> int:
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * resource.getpagesize() // 1024


def right(model: dsk.StepModel, wrong: list[object], index: int) -> None:
    sequences = index % 97 + 1
    if model.step(sequences, sequences * 100, 100).total_us <= 0:
        wrong.append("no time")


def failing(wrong: list[object], index: int) -> None:
    name = f"no-such-model-{index}"
    try:
        dsk.catalog.get("model", name)
        wrong.append("no error")
    except dsk.NotFoundError as error:
        if name not in str(error):
            wrong.append(str(error))


def closing(wrong: list[object], index: int) -> None:
    token = dsk.Cancel()
    token.set()
    device = dsk.tp.Device("cpu")
    device.close()
    device.close()
    try:
        device.info  # noqa: B018
        wrong.append("a closed device answered")
    except ValueError:
        pass


def on_threads(work: Callable[[int], None], calls: int) -> None:
    def share(start: int) -> None:
        for index in range(start, calls, THREADS):
            work(index)

    threads = [threading.Thread(target=share, args=(start,)) for start in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=1_000_000)
    calls = parser.parse_args().calls
    wrong: list[object] = []
    model = dsk.StepModel(STEP)
    kinds: list[tuple[str, Callable[[int], None]]] = [
        ("step query", lambda i: right(model, wrong, i)),
        ("failing look-up", lambda i: failing(wrong, i)),
        ("create, close twice, use", lambda i: closing(wrong, i)),
    ]
    grown = 0
    for name, work in kinds:
        on_threads(work, min(calls, 5_000))  # everything that is made once is made
        gc.collect()
        alive, before, started = dsk.live_objects(), resident_kib(), time.monotonic()
        on_threads(work, calls)
        gc.collect()
        seconds, after = time.monotonic() - started, resident_kib()
        left = dsk.live_objects() - alive
        grown = max(grown, after - before)
        print(f"{name}: {calls} calls on {THREADS} threads in {seconds:.1f} s, {left} objects left, "
              f"resident {before} -> {after} KiB, {len(wrong)} wrong")  # fmt: skip
        if left:
            wrong.append(f"{left} objects left")
    for what in wrong[:5]:
        print(f"wrong: {what}")
    # A leak of one small block a call would be 16 bytes times the calls.
    if grown > max(4096, calls // 250):
        print(f"wrong: the process grew by {grown} KiB")
        return 1
    return 1 if wrong else 0


sys.exit(main())

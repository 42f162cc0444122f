"""What it takes to ask where a plan fits, a node: `fit.py`, against an installed package."""

import json
import statistics
import time

import dsk

plan = dsk.plan(dsk.PlanRequest("deepseek-r1", ["h200-sxm"], dsk.open_loop(2, 2048, 512), engines=["vllm"], slo=dsk.Slo(tpot_ms=50)))
for count in (1000, 10000):
    nodes = [
        {
            "name": f"node-{i}", "device": "NVIDIA H200", "gpus": 8, "free_gpus": list(range(8 if i % 2 else 3)),
            "nvlink_islands": [list(range(8))], "rack": f"rack-{i // 8}", "free_cpus": 128, "free_host_memory_gib": 1000,
        }
        for i in range(count)
    ]  # fmt: skip
    inventory = json.dumps({"nodes": nodes})
    plan.fit(inventory)
    seconds: list[float] = []
    for _ in range(11):
        begun = time.perf_counter()
        plan.fit(inventory)
        seconds.append(time.perf_counter() - begun)
    print(f"{count} nodes: {1e6 * statistics.median(seconds) / count:.1f} us a node, median of {len(seconds)}")

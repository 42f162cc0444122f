#!/usr/bin/env python3
"""What PyTorch gives on this card for the figures of gpu_bench and the probes.

usage: torch_baseline.py OUT.jsonl [streams]. Products run in a CUDA graph over copies of the weight that are at least
512 MB together (64 at most), on random data; the median of 9 replays divided by the launches. FP8 is torch._scaled_mm
with scales by row, quantising x not included: PyTorch offers no block scales of 128 x 128 that run here.
"""
import json
import sys

import torch

LAYERS = {  # one rank at TP 8
    "dsv3 q_a+kv_a": (2112, 7168), "dsv3 q_b tp8": (3072, 1536), "dsv3 kv_b tp8": (4096, 512),
    "dsv3 o tp8": (7168, 2048), "dsv3 gate_up tp8": (4608, 7168), "dsv3 down tp8": (7168, 2304),
    "dsv3 shared gate_up tp8": (512, 7168), "dsv3 shared down tp8": (7168, 256), "dsv3 router": (256, 7168),
    "l70b qkv tp8": (1280, 8192), "l70b o tp8": (8192, 1024), "l70b gate_up tp8": (7168, 8192),
    "l70b down tp8": (8192, 3584), "q2.5 gate_up tp8": (7392, 8192), "q2.5 down tp8": (8192, 3696),
    "q3-32b qkv tp8": (1280, 5120), "q3-32b o tp8": (5120, 1024), "q3-32b gate_up tp8": (6400, 5120),
    "q3-32b down tp8": (5120, 3200), "q3-235b qkv tp8": (1280, 4096), "q3-235b o tp8": (4096, 1024),
    "q3-235b gate_up tp8": (384, 4096), "q3-235b down tp8": (4096, 192), "q3-235b router": (128, 4096),
}
CHAINS = {
    "llama-70b tp8": ["l70b qkv tp8", "l70b o tp8", "l70b gate_up tp8", "l70b down tp8"],
    "deepseek-v3 dense layer tp8": ["dsv3 q_a+kv_a", "dsv3 q_b tp8", "dsv3 kv_b tp8", "dsv3 o tp8", "dsv3 gate_up tp8",
                                    "dsv3 down tp8"],
}


def median_us(work, rounds=9, launches=1):
    events = [(torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)) for _ in range(rounds)]
    for begin, end in events:
        begin.record()
        work()
        end.record()
        torch.cuda.synchronize()
    times = sorted(begin.elapsed_time(end) for begin, end in events)
    return 1000 * times[rounds // 2] / launches


def graph_us(calls):
    """The calls as one graph."""
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        for call in calls[:3]:
            call()
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        for call in calls:
            call()
    graph.replay()
    torch.cuda.synchronize()
    return median_us(graph.replay, launches=len(calls))


def product_us(n, k, m, fp8):
    copies = min(64, (512 << 20) // (n * k * (1 if fp8 else 2)) + 1)
    if m >= 256:
        copies = min(copies, 16)
    x = torch.randn(m, k, device="cuda", dtype=torch.bfloat16)
    weights = [torch.randn(n, k, device="cuda", dtype=torch.bfloat16) for _ in range(copies)]
    if not fp8:
        return graph_us([lambda w=w: torch.nn.functional.linear(x, w) for w in weights])
    weights = [w.to(torch.float8_e4m3fn) for w in weights]
    codes = x.to(torch.float8_e4m3fn)
    of_x = torch.ones(m, 1, device="cuda")
    of_w = torch.ones(1, n, device="cuda")
    return graph_us([lambda w=w: torch._scaled_mm(codes, w.t(), of_x, of_w, out_dtype=torch.bfloat16) for w in weights])


def streams(write):
    n = 1 << 30
    a = torch.randint(0, 1 << 30, (n // 4,), dtype=torch.int32, device="cuda")
    b = torch.empty_like(a)
    for name, moved, work in (("copy", 2 * n, lambda: b.copy_(a)), ("fill", n, lambda: b.fill_(3)), ("read (sum)", n, lambda: a.sum())):
        work()
        write({"figure": "torch stream", "name": name, "gb_per_s": moved / median_us(work, 31) / 1e3})
    x = torch.randn(8192, 8192, device="cuda", dtype=torch.bfloat16)
    y = torch.randn(8192, 8192, device="cuda", dtype=torch.bfloat16)
    for _ in range(20):
        x @ y
    write({"figure": "torch product 8192^3", "tflop_per_s": 2 * 8192**3 / median_us(lambda: x @ y, 31) / 1e6})
    host = torch.empty(64 << 20, dtype=torch.int32, pin_memory=True)
    part = b[: 64 << 20]
    write({"figure": "torch from pinned host", "gb_per_s": (256 << 20) / median_us(lambda: part.copy_(host, non_blocking=True), 11) / 1e3})
    write({"figure": "torch to pinned host", "gb_per_s": (256 << 20) / median_us(lambda: host.copy_(part, non_blocking=True), 11) / 1e3})


def main():
    with open(sys.argv[1], "w", encoding="utf-8") as out:
        def write(record):
            out.write(json.dumps(record) + "\n")
            if "layer" not in record:
                print(record)
        write({"figure": "device", "name": torch.cuda.get_device_name(), "torch": torch.__version__, "cuda": torch.version.cuda})
        if "streams" in sys.argv[2:]:
            streams(write)
            return
        times = {}
        for name, (n, k) in LAYERS.items():
            for fp8 in (False, True):
                for m in (1, 4, 16, 64):
                    if fp8 and (n % 16 or k % 16):
                        continue
                    try:
                        us = product_us(n, k, m, fp8)
                    except RuntimeError as error:
                        write({"figure": "torch refused", "layer": name, "m": m, "fp8": fp8, "why": str(error)[:200]})
                        continue
                    times[name, fp8, m] = us
                    write({"figure": "torch product", "layer": name, "n": n, "k": k, "m": m, "weight": "fp8 by row" if fp8 else "bf16", "us": us})
        for chain, parts in CHAINS.items():
            for fp8 in (False, True):
                for m in (1, 16, 64):
                    if all((part, fp8, m) in times for part in parts):
                        write({"figure": "torch chain (sum)", "chain": chain, "m": m, "weight": "fp8 by row" if fp8 else "bf16",
                               "us": sum(times[part, fp8, m] for part in parts)})


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Writes the fact files of this folder from the sampled silicon tables.

Usage: make_facts.py DIR   (DIR holds silicon_{a100,h100,h200,b200}_sxm.csv.gz)

Source of the figures: ai-dynamo/aiconfigurator@095f58a51c4c (2026-08-21, Apache-2.0), sampled.
Only facts go in: one table for each GPU, engine, kernel, number format and KV format; of several
versions the newest; of repeated points the median. Latencies in microseconds, four digits.

Form of a fact file (lines starting with # are comments):
  table,OP,GPU,ENGINE,VERSION,KERNEL,TYPE,KV,VARIANT
  a,...            first axis: rows of a GEMM, batch, tokens, or elements of a message
  b,...            second axis: KV length or prompt length; one 0 where there is none
  s,D1;D2;...,...  one shape: its sizes, then the latencies in order a-major, b-minor; empty = none
Sizes: gemm n;k. attention heads;kv_heads;head_dim. mla heads. moe hidden;inter;topk;experts;tp;ep.
Collectives gpus. deepep hidden;topk;experts;gpus.
"""
import csv
import gzip
import pathlib
import statistics
import sys

GPUS = {"a100": "a100-sxm-80gb", "h100": "h100-sxm", "h200": "h200-sxm", "b200": "b200-sxm"}
TYPES = {"bfloat16": "bf16", "half": "bf16", "": "-"}
SIZES = {
    "gemm": (("n", "k"), "m", None, 1),
    "context_attention": (("heads", "kv_heads", "head_dim"), "batch", "isl", 0),
    "generation_attention": (("heads", "kv_heads", "head_dim"), "batch", "step", 1),
    "context_mla": (("heads",), "batch", "isl", 0),
    "generation_mla": (("heads",), "batch", "step", 1),
    "moe": (("hidden", "inter", "topk", "experts", "moe_tp", "moe_ep"), "tokens", None, 0),
    "deepep_ll_dispatch": (("hidden", "topk", "experts", "gpus"), "tokens", None, 0),
    "deepep_ll_combine": (("hidden", "topk", "experts", "gpus"), "tokens", None, 0),
}
COLLECTIVE = (("gpus",), "message_elems", None, 0)
FILES = {
    "gemm": ("gemm",),
    "attention": ("context_attention", "generation_attention"),
    "mla": ("context_mla", "generation_mla"),
    "moe": ("moe",),
    "collectives": ("custom_allreduce", "nccl_all_reduce", "nccl_all_gather", "nccl_reduce_scatter",
                    "nccl_alltoall", "deepep_ll_dispatch", "deepep_ll_combine"),
}


def version_key(text):
    return [int(p) if p.isdigit() else p for p in text.replace("rc", ".").replace("post", ".").split(".")]


def number(text):
    return int(float(text)) if text else 0


def variant_of(row):
    if row["op"] == "custom_allreduce":
        return "eager" if row["kernel"].endswith("eager") else "graph"
    return row["distribution"] or "-"


def main():
    folder = pathlib.Path(sys.argv[1])
    tables = {}  # key without version -> version -> (shape, a, b) -> latencies
    for short, gpu in GPUS.items():
        with gzip.open(folder / f"silicon_{short}_sxm.csv.gz", "rt", newline="") as stream:
            for row in csv.DictReader(stream):
                op = row["op"]
                sizes, a, b, shift = SIZES.get(op, COLLECTIVE)
                # One engine's GEMM table may switch kernels by size; each point has one kernel.
                kernel = "-" if op == "gemm" else row["kernel"] or "-"
                key = (op, gpu, row["framework"], kernel, TYPES.get(row["dtype"], row["dtype"]),
                       TYPES.get(row["kv_dtype"], row["kv_dtype"]), variant_of(row))
                point = (tuple(number(row[s]) for s in sizes), number(row[a]),
                         number(row[b]) + shift if b else 0)
                tables.setdefault(key, {}).setdefault(row["version"], {}).setdefault(point, []).append(
                    float(row["latency_ms"]) * 1e3)
    for name, ops in FILES.items():
        out = pathlib.Path(__file__).parent / f"{name}.csv"
        with open(out, "w", newline="\n") as stream:
            stream.write("# ai-dynamo/aiconfigurator@095f58a51c4c, 2026-08-21, Apache-2.0; see make_facts.py\n")
            for key in sorted(tables):
                op, gpu, engine, kernel, kind, kv, variant = key
                if op not in ops:
                    continue
                version = max(tables[key], key=version_key)
                points = tables[key][version]
                a_axis = sorted({p[1] for p in points})
                b_axis = sorted({p[2] for p in points})
                stream.write(",".join(("table", op, gpu, engine, version, kernel, kind, kv, variant)) + "\n")
                stream.write("a," + ",".join(map(str, a_axis)) + "\n")
                stream.write("b," + ",".join(map(str, b_axis)) + "\n")
                for shape in sorted({p[0] for p in points}):
                    cells = (points.get((shape, a, b)) for a in a_axis for b in b_axis)
                    stream.write("s," + ";".join(map(str, shape)) + "," + ",".join(
                        f"{statistics.median(c):.4g}" if c else "" for c in cells) + "\n")


if __name__ == "__main__":
    main()

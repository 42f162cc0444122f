#!/usr/bin/env python3
"""Prints the tables of docs/results/kernels.md.

Usage: kernel_scores.py DSK DIR   (DSK the built tool, DIR holds silicon_*.csv.gz and published.csv.gz)
"""
import csv
import pathlib
import subprocess
import sys
import tempfile

GPUS = {"a100": "a100-sxm-80gb", "h100": "h100-sxm", "h200": "h200-sxm", "b200": "b200-sxm"}
FAMILY = {"a100": "A100", "h100": "H100 + H200", "h200": "H100 + H200", "b200": "B200"}
CLASS = {"context_attention": "attention", "generation_attention": "attention", "context_mla": "MLA",
         "generation_mla": "MLA"}


def predictions(tool, source, gpu, hold_out):
    with tempfile.TemporaryDirectory() as scratch:
        out = pathlib.Path(scratch) / "p.csv"
        subprocess.run([tool, "validate", "kernels", source, "--gpu", gpu, "--hold-out", hold_out,
                        "--predictions", out], check=True, stdout=subprocess.DEVNULL)
        with open(out, newline="") as stream:
            for row in csv.DictReader(stream):
                if row["predicted_ms"]:
                    measured = float(row["measured_ms"])
                    yield (row["op"], row["status"], float(row["predicted_ms"]) / measured,
                           float(row["low_ms"]) <= measured <= float(row["high_ms"]))


def line(name, samples):
    errors = sorted(abs(r - 1) for _, _, r, _ in samples)
    ratios = sorted(r for _, _, r, _ in samples)
    at = lambda values, q: values[round(q * (len(values) - 1))]
    return (f"| {name} | {len(samples):,} | {100 * at(errors, .5):.1f} | "
            f"{100 * sum(errors) / len(errors):.1f} | {100 * at(errors, .9):.1f} | {at(ratios, .5):.2f} | "
            f"{100 * sum(s[3] for s in samples) / len(samples):.1f} |")


def table(title, groups):
    print(f"\n{title}\n\n| rows | n | median | mean | P90 | bias | in 90 % interval |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for name, samples in groups.items():
        if samples:
            print(line(name, samples))


def main():
    tool, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    for hold_out in ("shape", "frontier", "gpu"):
        sound, artefacts, by_gpu = {}, {}, {}
        for short, gpu in GPUS.items():
            for sample in predictions(tool, folder / f"silicon_{short}_sxm.csv.gz", gpu, hold_out):
                op, status = sample[0], sample[1]
                where = FAMILY[short] if hold_out == "gpu" else CLASS.get(op, op)
                if status == "ok":
                    sound.setdefault(where, []).append(sample)
                    by_gpu.setdefault(f"{short.upper()} {op}", []).append(sample)
                else:
                    artefacts.setdefault(status.removeprefix("flagged: "), []).append(sample)
        table(f"Hold-out {hold_out}, rows that no rule flags:", sound)
        table(f"Hold-out {hold_out}, by device and operator:", by_gpu)
        table(f"Hold-out {hold_out}, flagged rows by rule:", artefacts)
    for gpu in ("h800-sxm", "h20"):
        groups = {}
        for sample in predictions(tool, folder / "published.csv.gz", gpu, "none"):
            groups.setdefault("all", []).append(sample)
            groups.setdefault(sample[0], []).append(sample)
        table(f"{gpu}, which no table holds:", groups)


if __name__ == "__main__":
    main()

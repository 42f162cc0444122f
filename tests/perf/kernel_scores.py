#!/usr/bin/env python3
"""Prints the tables of docs/results/kernels.md.

Usage: kernel_scores.py DSK DIR   (DSK the built tool, DIR holds silicon_*.csv.gz and published.csv.gz)
"""
import csv
import json
import pathlib
import subprocess
import sys
import tempfile

GPUS = {"a100": "a100-sxm-80gb", "h100": "h100-sxm", "h200": "h200-sxm", "b200": "b200-sxm"}
FAMILY = {"a100": "A100", "h100": "H100 + H200", "h200": "H100 + H200", "b200": "B200"}
CLASS = {"context_attention": "attention", "generation_attention": "attention", "context_mla": "MLA",
         "generation_mla": "MLA"}


def predictions(tool, source, gpu, hold_out, classes):
    """Rows of one file; adds (coverage, rows) of the report's classes of 500 rows and more."""
    with tempfile.TemporaryDirectory() as scratch:
        out = pathlib.Path(scratch) / "p.csv"
        report = subprocess.run([tool, "validate", "kernels", source, "--gpu", gpu, "--hold-out", hold_out, "--json",
                                 "--predictions", out], check=True, stdout=subprocess.PIPE).stdout
        classes += [100 * s["coverage"] for s in json.loads(report)["scores"] if s["rows"] >= 500 and not s["flagged"]]
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
    for hold_out in ("shape", "frontier", "gpu", "device"):
        sound, artefacts, by_gpu, classes = {}, {}, {}, []
        for short, gpu in GPUS.items():
            if hold_out == "device" and FAMILY[short] != "H100 + H200":
                continue  # the only family with two devices
            for sample in predictions(tool, folder / f"silicon_{short}_sxm.csv.gz", gpu, hold_out, classes):
                op, status = sample[0], sample[1]
                where = FAMILY[short] if hold_out in ("gpu", "device") else CLASS.get(op, op)
                if status == "ok":
                    sound.setdefault(where, []).append(sample)
                    by_gpu.setdefault(f"{short.upper()} {op}", []).append(sample)
                else:
                    artefacts.setdefault(status.removeprefix("flagged: "), []).append(sample)
        table(f"Hold-out {hold_out}, rows that no rule flags:", sound)
        if hold_out == "device":
            continue
        table(f"Hold-out {hold_out}, by device and operator:", by_gpu)
        print(f"\n{len(classes)} classes of 500 rows and more (device; operator; engine and format; size class): "
              f"{min(classes):.1f} to {max(classes):.1f} % of their rows inside the 90 % interval")
        table(f"Hold-out {hold_out}, flagged rows by rule:", artefacts)
    for gpu in ("h800-sxm", "h20"):
        groups = {}
        for sample in predictions(tool, folder / "published.csv.gz", gpu, "none", []):
            groups.setdefault("all", []).append(sample)
            groups.setdefault(sample[0], []).append(sample)
        table(f"{gpu}, which no table holds:", groups)


if __name__ == "__main__":
    main()

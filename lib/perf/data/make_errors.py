#!/usr/bin/env python3
"""Writes errors.csv: how wrong each table is about a shape that is left out of it.

Usage: make_errors.py DSK DIR   (DSK the built tool, DIR holds silicon_{a100,h100,h200,b200}_sxm.csv.gz)

Runs `dsk validate kernels FILE --gpu NAME --hold-out shape --predictions OUT` on each file and takes,
table by table, the 90 % quantile of |ln(predicted / measured)|. A prediction that came with a wider or
narrower interval than its table's own (sparse neighbours) counts in proportion. Build, run, build again.
"""
import csv
import gzip
import math
import pathlib
import subprocess
import sys
import tempfile

from make_facts import GPUS, TYPES, variant_of

DEFAULT = 0.15  # of a table without a record (tables_compile.cpp)


def main():
    tool, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    out = pathlib.Path(__file__).parent / "errors.csv"
    current = {}
    if out.exists():
        for line in out.read_text().splitlines():
            if line.startswith("error,"):
                fields = line.split(",")
                current[tuple(fields[1:8])] = float(fields[8])
    scaled = {}
    for short, gpu in GPUS.items():
        source = folder / f"silicon_{short}_sxm.csv.gz"
        with tempfile.TemporaryDirectory() as scratch:
            predictions = pathlib.Path(scratch) / "predictions.csv"
            subprocess.run([tool, "validate", "kernels", source, "--gpu", gpu, "--hold-out", "shape",
                            "--predictions", predictions], check=True, stdout=subprocess.DEVNULL)
            with gzip.open(source, "rt", newline="") as rows, open(predictions, newline="") as answers:
                for row, answer in zip(csv.DictReader(rows), csv.DictReader(answers)):
                    if not answer["predicted_ms"] or "faster-than-memory" in answer["status"]:
                        continue
                    key = (row["op"], gpu, row["framework"],
                           "-" if row["op"] == "gemm" else row["kernel"] or "-",
                           TYPES.get(row["dtype"], row["dtype"]),
                           TYPES.get(row["kv_dtype"], row["kv_dtype"]), variant_of(row))
                    predicted = float(answer["predicted_ms"])
                    wrong = abs(math.log(predicted / float(answer["measured_ms"])))
                    width = math.log(float(answer["high_ms"]) / predicted)
                    scaled.setdefault(key, []).append(wrong / width * current.get(key, DEFAULT))
    with open(out, "w", newline="\n") as stream:
        stream.write("# Half widths (natural log) of the 90 % interval of a shape that is left out of its\n"
                     "# table; see make_errors.py.\n"
                     "# error,OP,GPU,ENGINE,KERNEL,TYPE,KV,VARIANT,half width\n")
        for key in sorted(scaled):
            values = sorted(scaled[key])
            width = values[round(0.9 * (len(values) - 1))]
            stream.write("error," + ",".join(key) + f",{max(width, 0.01):.4f}\n")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Writes errors.csv: how wrong a table is about a shape or a device that is left out of it.

Usage: make_errors.py DSK DIR [--check]
(DSK the built tool, DIR holds silicon_{a100,h100,h200,b200}_sxm.csv.gz)

Split conformal intervals. `dsk validate kernels FILE --gpu NAME --hold-out MODE --predictions OUT` leaves out every
row's own shape (shape), the tables of its device (device) or of its device's family (gpu). For each row
the half width is found that would just have held it, and for each class of rows the 90 % quantile of those:
  shape     class = table, size class; the prediction's own widening (sparse neighbours) is divided out
  transfer  class = operator, to what device or family, engine, format, size class; what the shape adds is taken
            off first. kin: from a device of the same architecture. To *: the pool of all, for a device or
            family that no table knows.
A class of fewer than 40 rows takes its parent's quantile. Build, run, build again: widths of the second run
follow from a model whose widths are the first's, and change nothing more.

--check writes nothing. It splits the shapes in five (where a table has three or four shapes, the series of one
batch or message size), sets the widths from four parts and counts how many rows of the fifth lie inside, for every
class of at least 500 rows: rows that are judged are not those that were fitted.
"""
import collections
import csv
import gzip
import math
import pathlib
import subprocess
import sys
import tempfile
import zlib

from make_facts import COLLECTIVE, GPUS, SIZES, TYPES, number, variant_of

FAMILIES = {"a100": "ampere", "h100": "hopper", "h200": "hopper", "b200": "blackwell"}
TWINS = ("h100-sxm", "h200-sxm")  # of one family: records of their own
OUT = pathlib.Path(__file__).parent / "errors.csv"
CLASSES = 6
LEVELS = {"nccl_all_reduce": 0.92, "nccl_all_gather": 0.91, "nccl_reduce_scatter": 0.91}
MANY_SHAPES = ("gemm", "moe", "context_attention", "generation_attention")
FEW = 40  # rows below which a class takes its parent's width
UNUSED = ("faster-than-memory", "spike")  # not what the row says that it is


def size_class(op, sizes, a, b):
    """As size_class() of tables.cpp."""
    def step(value, *limits):
        return sum(value >= limit for limit in limits)
    if op == "gemm":
        return 2 * step(sizes[0] * sizes[1], 8e6, 64e6) + (a > 64)
    if op == "moe":
        return step(a, 64, 512, 4096)
    return step(a * max(1, b), 4096, 262144)


class Row:
    """One prediction: what it belongs to and the width that it came with."""

    def __init__(self, short, row, answer):
        op = row["op"]
        names, a, b, shift = SIZES.get(op, COLLECTIVE)
        sizes = tuple(number(row[s]) for s in names)
        self.op, self.gpu, self.family, self.engine = op, GPUS[short], FAMILIES[short], row["framework"]
        self.kernel = "-" if op == "gemm" else row["kernel"] or "-"
        self.type = TYPES.get(row["dtype"], row["dtype"])
        self.kv = TYPES.get(row["kv_dtype"], row["kv_dtype"])
        self.table = (op, self.gpu, self.engine, self.kernel, self.type, self.kv, variant_of(row))
        self.size = size_class(op, sizes, number(row[a]), number(row[b]) + shift if b else 0)
        series = sizes if op in MANY_SHAPES else (sizes, row[a])
        self.part = zlib.crc32(repr(series).encode()) % 5
        self.sound = answer["status"] == "ok"
        predicted = float(answer["predicted_ms"])
        self.wrong = abs(math.log(predicted / float(answer["measured_ms"])))
        self.width = math.log(float(answer["high_ms"]) / predicted)


def predict(tool, folder, mode):
    rows = []
    for short, gpu in GPUS.items():
        source = folder / f"silicon_{short}_sxm.csv.gz"
        with tempfile.TemporaryDirectory() as scratch:
            predictions = pathlib.Path(scratch) / "predictions.csv"
            subprocess.run([tool, "validate", "kernels", source, "--gpu", gpu, "--hold-out", mode,
                            "--predictions", predictions], check=True, stdout=subprocess.DEVNULL)
            with gzip.open(source, "rt", newline="") as table, open(predictions, newline="") as answers:
                for row, answer in zip(csv.DictReader(table), csv.DictReader(answers)):
                    if answer["predicted_ms"] and not answer["status"].endswith(UNUSED):
                        rows.append(Row(short, row, answer))
    return rows


def read_widths():
    shapes, transfers = {}, {}
    for line in OUT.read_text().splitlines():
        f = line.split(",")
        if f[0] == "shape":
            shapes[tuple(f[1:8])] = [float(w) for w in f[8:]]
        elif f[0] == "transfer":
            transfers[tuple(f[1:7])] = [float(w) for w in f[7:]]
    return shapes, transfers


def parents(row, link):
    """Records that can hold a transfer's width, the most telling first: as transfer_widths() of tables.cpp."""
    for to in (row.gpu, row.family, "*") if row.gpu in TWINS else (row.family, "*"):
        yield (row.op, link, to, row.engine, row.type, row.kv)
        yield (row.op, link, to, "*", row.type, row.kv)
        yield (row.op, link, to, row.engine, "*", "*")
        yield (row.op, link, to, "*", "*", "*")


def classes(key, needed):
    """Half widths by size class of one record; of classes with few rows, the record's own.

    The conformal quantile of n values: the ceil(0.9 (n + 1))-th smallest. Rows of NCCL come in nine series that
    change algorithms at the same sizes, and count as fewer than they are: 0.91; all-reduce, which also changes
    between rings and trees, 0.92; in transfers, which leave whole tables out, 0.905.
    """
    level = LEVELS.get(key[0], 0.9)
    if key[1] in ("kin", "far") and level > 0.9:
        level = 0.905

    def quantile(values):
        ordered = sorted(values)
        return ordered[min(len(ordered), math.ceil(level * (len(ordered) + 1))) - 1]

    every = [w for part in needed for w in part]
    return [max(0.01, quantile(part if len(part) >= FEW else every)) for part in needed]


class Fit:
    """Needed widths, gathered by record."""

    def __init__(self):
        self.records = {}

    def add(self, key, size, needed):
        self.records.setdefault(key, [[] for _ in range(CLASSES)])[size].append(needed)

    def widths(self, least):
        return {key: classes(key, parts) for key, parts in self.records.items() if sum(map(len, parts)) >= least}


def fit_shapes(rows, current):
    sound = collections.Counter(row.table for row in rows if row.sound)
    fit = Fit()
    for row in rows:  # artefacts count where a table holds little else
        if row.sound or sound[row.table] < FEW:
            fit.add(row.table, row.size, row.wrong * current[row.table][row.size] / row.width)
    return fit.widths(1)


def width_of(row, link, widths):
    return next(widths[k] for k in parents(row, link) if k in widths)[row.size]


def less(whole, part):
    return math.sqrt(max(0.0, whole ** 2 - part ** 2))


def fit_transfers(rows, link, current):
    fit = Fit()
    for row in rows:
        if row.sound:
            shape = less(row.width, width_of(row, link, current))
            for key in parents(row, link):
                fit.add(key, row.size, less(row.wrong, shape))
    return fit.widths(FEW)


def compact(transfers):
    """Without the records that say what the same one without an engine says."""
    return {key: widths for key, widths in transfers.items()
            if key[3] == "*" or transfers.get(key[:3] + ("*",) + key[4:]) != widths}


def check(rows, fit, lookup):
    """Coverage of each fifth of the shapes by the widths of the other four."""
    classes_ = {}
    for part in range(5):
        widths = fit([r for r in rows if r.part != part])
        for row in rows:
            if row.part == part and row.sound:
                inside = row.wrong <= lookup(row, widths)
                for key in ((row.op,), (row.gpu, row.op), (row.gpu, row.op, row.engine, row.type, row.kv),
                            (row.gpu, row.op, row.engine, row.type, row.kv, row.size)):
                    classes_.setdefault(key, []).append(inside)
    shown = {k: (100 * sum(v) / len(v), len(v)) for k, v in classes_.items() if len(v) >= 500}
    outside = {k: v for k, v in shown.items() if not 87 <= v[0] <= 93}
    values = [v[0] for v in shown.values()]
    print(f"{len(shown)} classes of 500 rows and more: {min(values):.1f} to {max(values):.1f} %, "
          f"{len(outside)} outside 87 to 93")
    for key, (cover, count) in sorted(outside.items(), key=lambda item: item[1]):
        print(f"  {cover:.1f} {count} {' '.join(map(str, key))}")


def main():
    tool, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    shapes, transfers = read_widths()
    left_shape = predict(tool, folder, "shape")
    far = predict(tool, folder, "gpu")
    kin = [r for r in predict(tool, folder, "device") if r.family == "hopper"]
    if sys.argv[3:] == ["--check"]:
        print("shape left out:", end=" ")
        check(left_shape, lambda rows: fit_shapes(rows, shapes),
              lambda r, w: w[r.table][r.size] * r.width / shapes[r.table][r.size] if r.table in w else 0)
        for link, rows in (("far", far), ("kin", kin)):
            print({"far": "family left out:", "kin": "device left out, its family kept:"}[link], end=" ")
            check(rows, lambda rs, link=link: fit_transfers(rs, link, transfers),
                  lambda r, w, link=link: math.hypot(less(r.width, width_of(r, link, transfers)), width_of(r, link, w)))
        return
    new_shapes = fit_shapes(left_shape, shapes)
    new_transfers = fit_transfers(far, "far", transfers) | fit_transfers(kin, "kin", transfers)
    for key in transfers:  # every operator keeps a record for any family and format
        if key[2:] == ("*", "*", "*", "*"):
            new_transfers.setdefault(key, new_transfers.get((key[0], "far") + key[2:], transfers[key]))
    with open(OUT, "w", newline="\n") as stream:
        stream.write("# Half widths (natural log) of 90 % intervals, by size class; see make_errors.py.\n"
                     "# shape,OP,GPU,ENGINE,KERNEL,TYPE,KV,VARIANT,widths\n"
                     "# transfer,OP,kin|far,TO,ENGINE,TYPE,KV,widths\n")
        for kind, records in (("shape", new_shapes), ("transfer", compact(new_transfers))):
            for key in sorted(records):
                stream.write(f"{kind}," + ",".join(key) + "," + ",".join(f"{w:.3f}" for w in records[key]) + "\n")


if __name__ == "__main__":
    main()

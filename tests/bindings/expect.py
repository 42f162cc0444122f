"""expect.py GOT WANTED: the lines are the same, where "..." in a wanted line stands for any text and each number for any
number: a program on a page shows what it prints, and figures may change with the catalogue."""

import re
import sys
from pathlib import Path

got, wanted = (Path(name).read_text(encoding="utf-8").rstrip("\n").split("\n") for name in sys.argv[1:])
NUMBER = r"-?\d+(?:[.,]\d+)*"
bad = len(got) != len(wanted)
for have, want in zip(got, wanted):
    pattern = "".join(".*" if part == "..." else NUMBER if re.fullmatch(NUMBER, part) else re.escape(part) for part in re.split(rf"(\.\.\.|{NUMBER})", want))
    if not re.fullmatch(pattern, have):
        print(f"got    {have}\nwanted {want}")
        bad = True
if bad:
    print(f"{len(got)} lines, {len(wanted)} wanted; all of it:", *got, sep="\n")
sys.exit(bad)

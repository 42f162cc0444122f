"""Writes the typed documents of dsk.hpp and of the Python, Go and Java packages from docs/schema.

    generate.py           writes the files
    generate.py --check   exits 1 and names the files that are not as they would be written

Needs gofmt (of Go) and clang-format-14 in PATH.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import cpp
import go
import java
import model
import python

ROOT = Path(__file__).resolve().parents[2]
OWNED = [("bindings/go", "schema_*.go"), (java.FOLDER, "*.java"), (python.FOLDER, "*.py"), (cpp.FOLDER, "*.hpp")]


def main():
    structs = model.read()
    wanted = {**go.files(structs), **java.files(structs), **python.files(structs), **cpp.files(structs)}
    there = {str(p.relative_to(ROOT)) for folder, pattern in OWNED for p in (ROOT / folder).glob(pattern)}
    stale = sorted(there - wanted.keys())
    for name, text in wanted.items():
        if not (ROOT / name).is_file() or (ROOT / name).read_text(encoding="utf-8") != text:
            stale.append(name)
    if sys.argv[1:] == ["--check"]:
        for name in stale:
            print(f"{name} is not what docs/schema says: run bindings/schema/generate.py")
        sys.exit(bool(stale))
    for name in stale:
        if name in wanted:
            (ROOT / name).parent.mkdir(parents=True, exist_ok=True)
            (ROOT / name).write_text(wanted[name], encoding="utf-8")
        else:
            (ROOT / name).unlink()
        print(name)


main()

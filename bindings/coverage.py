"""Names the exported functions that a language package does not use.

    coverage.py python [go java cpp ...]    exits 1 when one is forgotten

tests/abi/exports.txt has every exported function. A package uses one when its own sources, or its typemaps, name it in code; what
SWIG generates does not count, since SWIG wraps whatever the headers declare.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# Where a language's own sources are, and how its comments look (cgo reads C out of the comment before its import).
C_COMMENTS = r"/\*.*?\*/|//[^\n]*"
LANGUAGES = {
    "python": (["bindings/python/dsk/**/*.py", "bindings/python/native/*"], r"/\*.*?\*/|\"\"\".*?\"\"\"|^\s*#(?!include)[^\n]*|//[^\n]*"),
    "go": (["bindings/go/*.go", "bindings/go/**/*.i"], r"//[^\n]*"),
    "java": (["bindings/java/src/main/**/*.java", "bindings/java/native/*"], C_COMMENTS),
}
# What a language's runtime does instead, and nobody calls.
NOT_NEEDED = {
    "dsk_status_name": "an enum of the language says its own names",
    "dsk_version": "dsk_version_string says the same",
    "dsk_abi_check": "the package compares dsk_abi_version itself, so that it can name the file that it found",
}


def used(language):
    patterns, comments = LANGUAGES[language]
    names = set()
    files = [p for pattern in patterns for p in ROOT.glob(pattern) if p.is_file() and "_test." not in p.name]
    if not files:
        sys.exit(f"{language}: no sources under {', '.join(patterns)}")
    for path in [*files, ROOT / "bindings/swig/handles.def"]:
        code = re.sub(comments, "", path.read_text(encoding="utf-8"), flags=re.S | re.M)
        # A line that only says how a function is wrapped is no use of it.
        code = re.sub(r"^\s*%(no)?(thread|ignore)[^\n]*$", "", code, flags=re.M)
        names |= {name.lower() for name in re.findall(r"\b[Dd]sk_\w+", code)}
    return names


def main():
    exported = (ROOT / "tests/abi/exports.txt").read_text(encoding="utf-8").split()
    forgotten = 0
    for language in sys.argv[1:] or LANGUAGES:
        names = used(language)
        for name in exported:
            if name not in names and name not in NOT_NEEDED:
                print(f"{language}: {name} is exported and not offered")
                forgotten += 1
    sys.exit(bool(forgotten))


main()

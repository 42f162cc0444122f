"""blocks.py FILE.md LANGUAGE FOLDER: each block of that language becomes FOLDER/N/block, and the plain block (```text) that
follows it FOLDER/N/expected: what the program must print."""

import re
import sys
from pathlib import Path

page, language, folder = sys.argv[1:]
blocks = re.findall(r"^```(\w+)\n(.*?)^```$", Path(page).read_text(encoding="utf-8"), re.S | re.M)
number = 0
for index, (kind, body) in enumerate(blocks):
    if kind != language:
        continue
    number += 1
    place = Path(folder) / f"{number:02}"
    place.mkdir(parents=True)
    (place / "block").write_text(body, encoding="utf-8")
    following = blocks[index + 1] if index + 1 < len(blocks) else ("", "")
    if following[0] != "text":
        sys.exit(f"{page}: program {number} is not followed by what it prints")
    (place / "expected").write_text(following[1], encoding="utf-8")
if number == 0:
    sys.exit(f"{page}: no {language} program")

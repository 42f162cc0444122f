"""The documentation and the examples run, and print what they show."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT

EXAMPLES = ROOT / "examples/python"
TOOLS = ROOT / "tests/bindings"


def run(*argv: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(a) for a in argv], cwd=ROOT, capture_output=True, text=True)


def test_getting_started(tmp_path: Path) -> None:
    done = run(sys.executable, TOOLS / "blocks.py", "docs/python.md", "python", tmp_path / "blocks")
    assert done.returncode == 0, done.stdout + done.stderr
    for place in sorted((tmp_path / "blocks").iterdir()):
        done = run(sys.executable, place / "block")
        assert done.returncode == 0, done.stderr
        (place / "got").write_text(done.stdout, encoding="utf-8")
        done = run(sys.executable, TOOLS / "expect.py", place / "got", place / "expected")
        assert done.returncode == 0, f"block {place.name}: {done.stdout}"


def texts(notebook: Any) -> list[list[str]]:
    """What each cell prints and shows as text, numbers left out: they may change with the catalogue."""
    shown: list[list[str]] = []
    for cell in notebook.cells:
        parts = ["".join(o.get("text", "") or o.get("data", {}).get("text/plain", "")) for o in cell.get("outputs", [])]
        shown.append([re.sub(r"\d[\d.,]*", "N", re.sub(" +", " ", line)) for line in "".join(parts).splitlines()])
    return shown


def test_the_notebook() -> None:
    nbformat = pytest.importorskip("nbformat")
    client = pytest.importorskip("nbclient")
    path = EXAMPLES / "plan_and_what_if.ipynb"
    committed, fresh = (nbformat.read(path, as_version=4) for _ in range(2))
    client.NotebookClient(fresh, timeout=60, resources={"metadata": {"path": str(EXAMPLES)}}).execute()
    assert texts(fresh) == texts(committed), "run the notebook again and save it"
    shown = [set(o.get("data", {})) for cell in fresh.cells for o in cell.get("outputs", [])]
    assert any("text/html" in kinds for kinds in shown) and any("image/png" in kinds for kinds in shown)


def test_the_fleet_sweep() -> None:
    done = run(sys.executable, EXAMPLES / "fleet_sweep.py", "--months", "0", "12", "--workers", "2")
    assert done.returncode == 0, done.stderr
    totals = [float(t) for t in re.findall(r"^month \d+: ([\d.]+) ", done.stdout, re.M)]
    assert len(totals) == 2 and totals[1] < totals[0]  # prices fall
    assert done.stdout.count("deepseek-r1") == 2

"""The vectors that every language runs: the same bytes, errors and paths included."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import ROOT

import dsk

VECTORS = ROOT / "tests/conformance"


def _fit(request: bytes, path: Path) -> str:
    # The vectors of "fit" name their plan in a file beside them.
    with dsk.plan(path.with_name(path.name.replace(".request.", ".plan.")).read_bytes()) as plan:
        return plan.fit_json(request)


CALLS: dict[str, Callable[[bytes, Path], str]] = {
    "plan": lambda request, _: dsk.plan(request).to_json(),
    "memory": lambda request, _: dsk.memory_json(request),
    "cost": lambda request, _: dsk.cost_json(request),
    "fit": _fit,
}


def vectors(kind: str) -> list[Path]:
    return sorted((VECTORS / kind).glob("*.request.json"))


def test_every_folder_is_run() -> None:
    folders = {p.parent.relative_to(VECTORS).as_posix() for p in VECTORS.rglob("*.request.json")}
    assert folders <= {*CALLS, *(f"errors/{call}" for call in CALLS)}


@pytest.mark.parametrize("kind", CALLS)
def test_answers(kind: str) -> None:
    assert vectors(kind)
    for path in vectors(kind):
        answer = CALLS[kind](path.read_bytes(), path)
        assert answer.encode() == path.with_name(path.name.replace(".request.", ".answer.")).read_bytes(), path.name


@pytest.mark.parametrize("kind", CALLS)
def test_errors(kind: str) -> None:
    assert vectors(f"errors/{kind}")
    for path in vectors(f"errors/{kind}"):
        with pytest.raises(dsk.Error) as caught:
            CALLS[kind](path.read_bytes(), path)
        error = caught.value
        expected = json.loads(path.with_name(path.name.replace(".request.", ".error.")).read_text(encoding="utf-8"))
        assert {"status": error.status, "path": error.path, "message": str(error)} == expected, path.name


def test_text_and_bytes_are_the_same_request() -> None:
    path = VECTORS / "plan/own-label.request.json"
    assert dsk.plan(path.read_text(encoding="utf-8")).to_json() == dsk.plan(path.read_bytes()).to_json()


def test_text_beyond_the_basic_plane() -> None:
    config = json.loads((VECTORS / "plan/llama-8b-config.request.json").read_text(encoding="utf-8"))
    config["model"]["name"] = "模型 🚀 \u0000 é"
    plan = dsk.plan(config)
    assert plan.answer.model.name == config["model"]["name"]
    with pytest.raises(dsk.NotFoundError, match="🚀"):
        dsk.catalog.get("model", "🚀")

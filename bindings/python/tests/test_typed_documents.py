"""The typed documents lose nothing between JSON and Python."""

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import R1, ROOT

import dsk
from dsk import schema

VECTORS = ROOT / "tests/conformance"
DOCUMENTS = [
    ("plan/*.request.json", schema.PlanRequest), ("plan/*.answer.json", schema.PlanAnswer),
    ("memory/*.request.json", schema.MemoryRequest), ("memory/*.answer.json", schema.MemoryAnswer),
    ("cost/*.request.json", schema.CostRequest), ("cost/*.answer.json", schema.CostAnswer),
]  # fmt: skip


def without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: without_nulls(v) for k, v in value.items() if v is not None and not k.startswith("x-")}
    if isinstance(value, list):
        return [without_nulls(v) for v in value]
    return value


@pytest.mark.parametrize(("pattern", "cls"), DOCUMENTS, ids=lambda v: v if isinstance(v, str) else "")
def test_round_trip(pattern: str, cls: type[Any]) -> None:
    paths = sorted(VECTORS.glob(pattern))
    assert paths
    for path in paths:
        document = json.loads(path.read_text(encoding="utf-8"))
        if "model" in document and isinstance(document["model"], dict) and "config" in document["model"]:
            assert cls.from_dict(document).to_dict()["model"]["config"] == document["model"]["config"]
            document["model"]["config"] = {}  # a config is carried as it is, nulls too
        document.setdefault("schema", 1)
        assert without_nulls(cls.from_dict(document).to_dict()) == without_nulls(document), path.name


def test_a_typed_request_gives_what_its_text_gives() -> None:
    request = dsk.PlanRequest(
        "deepseek-r1", ["h200-sxm"], dsk.open_loop(2, 2048, 512), engines=["vllm"], slo=dsk.Slo(tpot_ms=50)
    )
    assert json.loads(request.to_json()) == R1
    assert dsk.plan(request).to_json() == dsk.plan(R1).to_json() == dsk.plan(json.dumps(R1)).to_json()


def test_a_model_by_name_is_its_name() -> None:
    request = dsk.PlanRequest(dsk.Model("deepseek-r1"), ["h200-sxm"], dsk.open_loop(2, 2048, 512))
    assert json.loads(request.to_json())["model"] == "deepseek-r1"
    sized = dsk.PlanRequest(dsk.Model(params_b=8), ["h200-sxm"], dsk.open_loop(2, 2048, 512))
    assert json.loads(sized.to_json())["model"] == {"params_b": 8}


def test_a_member_of_a_newer_library_is_passed_over() -> None:
    assert dsk.Slo.from_dict({"ttft_ms": 5, "new_member": 1}) == dsk.Slo(ttft_ms=5)


def test_a_model_from_its_folder() -> None:
    folder: Path = ROOT / "examples/models/deepseek-r1"
    model = dsk.model_from_config(folder)
    assert (model.name, model.config) == ("deepseek-r1", json.loads((folder / "config.json").read_text(encoding="utf-8")))


def test_numbers_that_json_does_not_have() -> None:
    with pytest.raises(dsk.InvalidRequestError, match="tpot_ms is nan, must be a finite number") as failure:
        dsk.plan({**R1, "slo": {"tpot_ms": float("nan")}})
    assert failure.value.path == "/slo/tpot_ms"
    with pytest.raises(dsk.InvalidRequestError) as failure:
        dsk.plan(dsk.PlanRequest("deepseek-r1", ["h200-sxm"], dsk.open_loop(float("inf"), 1, 1)))
    assert failure.value.path == "/workload/rate_per_s"
    around: list[Any] = []
    around.append(around)
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    for endless in (around, deep):
        with pytest.raises(dsk.InvalidRequestError, match="nested deeper than 64 levels"):
            dsk.plan({**R1, "x-mine": endless})


def test_a_name_with_a_zero_byte_is_named_whole() -> None:
    with pytest.raises(dsk.NotFoundError, match=r"a\\u0000b\" is not in the catalogue"):
        dsk.plan({**R1, "model": "a\0b"})

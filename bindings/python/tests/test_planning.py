"""Plans, memory, money, steps, simulation and the catalogue."""

import json
import math

import matplotlib
import numpy
import pytest
from conftest import LOAD, R1, STEP

import dsk

matplotlib.use("agg")


def test_a_plan() -> None:
    plan = dsk.plan(R1)
    summary, best = plan.summary, plan.best
    assert plan.feasible and best is not None and best.performance.tpot_ms <= 50
    assert (summary.replicas, summary.gpus, summary.tp) == (best.replicas, best.gpus, best.parallel.tp)
    assert summary.tpot_ms == pytest.approx(best.performance.tpot_ms, rel=1e-4)
    assert plan.answer.to_dict()["provenance"]["library"].endswith(dsk.library_version())
    assert "deepseek-r1" in plan.emit("table") and "kind: " in plan.emit("kubernetes") and "vllm" in plan.emit("command")
    with pytest.raises(ValueError, match="one of table, kubernetes, command"):
        plan.emit("yaml")


def test_an_infeasible_plan_is_an_answer() -> None:
    plan = dsk.plan({**R1, "slo": {"tpot_ms": 0.5}})
    assert not plan.feasible and plan.best is None
    assert plan.answer.explanation is not None and "tpot" in plan.answer.explanation.binding[0]
    assert plan.answer.explanation.sentence in plan._repr_html_()
    with pytest.raises(dsk.UnsupportedError):
        plan.emit("kubernetes")


def test_a_plan_for_the_eye() -> None:
    plan = dsk.plan(R1)
    html = plan._repr_html_()
    assert "<table>" in html and "deepseek-r1" in html and "h200-sxm" in html
    axes = plan.plot()
    assert axes.get_xlabel() == "TPOT, ms" and len(axes.collections) == len({o.device for o in plan.answer.pareto or ()})
    assert plan.plot(axes) is axes
    assert dsk.plan({**R1, "slo": {"tpot_ms": 0.5}}).plot().get_title().endswith("nearest plan")


def test_memory() -> None:
    answer = dsk.memory({"model": "deepseek-r1", "device": "h200-sxm", "parallel": {"tp": 8}})
    assert answer.fits and sum(t.bytes for t in answer.terms) <= answer.device.memory_bytes


def test_cost() -> None:
    request = json.loads(dsk.schema.CostRequest(device="h200-sxm", devices=8).to_json())
    assert request == {"schema": 1, "device": "h200-sxm", "devices": 8} or "schema" not in request
    answer = dsk.cost({"device": "h200-sxm", "devices": 8})
    assert answer.devices == 8


def test_steps() -> None:
    model = dsk.StepModel(STEP)
    time = model.step(32, 32 * 2048, 2048)
    parts = time.compute_us + time.memory_us + time.scale_up_us + time.scale_out_us + time.launch_us + time.host_us
    assert parts == pytest.approx(time.total_us)
    assert time.low_us < time.total_us < time.high_us and time.binding_resource is dsk.Resource.MEMORY
    assert model.step(chunks=[(4096, 0)]).binding_resource is not dsk.Resource.LAUNCH
    assert model.step(33, 33 * 2048, 2048).total_us >= time.total_us
    operators = json.loads(dsk.explain({**STEP, "batch": {"decode_sequences": 32, "kv_sum": 65536, "kv_max": 2048}}))
    assert operators["step"]["total_us"] == pytest.approx(time.total_us, rel=1e-4)
    assert dsk.explain({**STEP, "batch": {"decode_sequences": 1, "kv_sum": 9, "kv_max": 9}}, "svg").startswith("<svg")


def test_kernels_are_held_against_measurements() -> None:
    with pytest.raises(dsk.Error):
        dsk.validate_kernels({"device": "h200-sxm", "hold_out": "none"}, "no table")


def test_a_simulation_writes_into_numpy() -> None:
    run = dsk.simulate(LOAD, series=50)
    rows = run.series
    assert run.completed == 200 and rows is not None and rows.shape == (50,)
    assert not rows.flags.owndata and rows.base is not None and rows.base.shape == (50,)
    assert (rows["sent_ms"] <= rows["admitted_ms"]).all() and (rows["first_ms"] < rows["last_ms"]).all()
    assert (rows["output_tokens"] == 64).all() and numpy.isfinite(rows["last_ms"]).all()
    assert dsk.simulate(LOAD, series=500).series["index"].size == 200  # type: ignore[index]
    assert dsk.simulate(LOAD).answer == run.answer
    assert run.typed.requests.completed == 200 and run.typed.ttft_ms.p99 == run.answer["ttft_ms"]["p99"]


def test_tuning_and_validation_reach_the_library() -> None:
    tuned = dsk.tune_batching({**LOAD, "slo": {"ttft_ms": 500}, "tune": {"batch_sizes": [8], "max_replicas": 2}})
    assert tuned
    with pytest.raises(dsk.InvalidRequestError):
        dsk.validate_requests({"model": "llama-3.1-8b", "device": "h100-sxm"}, "no log")
    with pytest.raises(dsk.InvalidRequestError):
        dsk.validate_e2e({}, "no table")


def test_the_catalogue() -> None:
    for kind in dsk.catalog.KINDS:
        names = dsk.catalog.names(kind)
        assert names and dsk.catalog.get(kind, names[0])
    assert dsk.catalog.get("device", "H200 SXM")["name"] == "h200-sxm"
    with pytest.raises(ValueError, match="one of model, device"):
        dsk.catalog.names("gpu")


def test_what_is_not_known_is_nan() -> None:
    sized = {**R1, "model": {"params_b": 8}, "devices": ["h200-sxm"]}
    assert not math.isnan(dsk.plan(sized).summary.tpot_ms)

"""Closed objects, odd arguments, any order of destruction. The same at a million calls: bindings/python/bench/stress.py."""

import subprocess
import sys
import threading
from typing import Any

import numpy
import pytest
from conftest import R1, ROOT, STEP

import dsk


def test_close_twice_and_use_after_close() -> None:
    plan = dsk.plan(R1)
    plan.close()
    plan.close()
    assert plan.closed and "closed" in repr(plan)
    for use in (plan.to_json, lambda: plan.summary, lambda: plan.emit("table"), lambda: plan.answer):
        with pytest.raises(ValueError, match="closed"):
            use()
    with dsk.StepModel(STEP) as model:
        model.step(1, 100, 100)
    with pytest.raises(ValueError, match="closed"):
        model.step(1, 100, 100)


def test_closing_beside_a_call() -> None:
    plan = dsk.plan(R1)
    expected = plan.to_json()
    seen: list[str | Exception] = []

    def read() -> None:
        try:
            while True:
                seen.append(plan.to_json())
        except ValueError as error:
            seen.append(error)

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    while len(seen) < 20:
        pass
    plan.close()
    for thread in threads:
        thread.join()
    assert {s for s in seen if isinstance(s, str)} == {expected}
    assert sum("closed" in str(s) for s in seen if isinstance(s, ValueError)) == 8


def test_handles_are_not_interchangeable() -> None:
    native: Any = dsk._loader.native  # pyright: ignore[reportAttributeAccessIssue]
    model = dsk.StepModel(STEP)
    with pytest.raises(TypeError, match="dsk_plan"):
        native.dsk_plan_to_json(model._handle)
    for wrong in (0, object(), [], 3.5):
        with pytest.raises(TypeError):
            native.dsk_plan_to_json(wrong)
        with pytest.raises(TypeError):
            native.dsk_plan_memory(wrong)


@pytest.mark.parametrize("batch", [(2**63, 0, 0, ()), (-(2**63) - 1, 0, 0, ()), ("1", 0, 0, ()), (1, 0), None, (1, 1, 1, 5),
                                   (1, 1, 1, ((1,),)), (1, 1, 1, (5,)), (1.5, 0, 0, ())])  # fmt: skip
def test_odd_batches(batch: Any) -> None:
    native: Any = dsk._loader.native  # pyright: ignore[reportAttributeAccessIssue]
    model = dsk.StepModel(STEP)
    with pytest.raises((TypeError, OverflowError)):
        native.dsk_plan_step(model._handle, batch)


def test_impossible_batches() -> None:
    model = dsk.StepModel(STEP)
    with pytest.raises(dsk.InvalidRequestError) as caught:
        model.step(decode_sequences=-1)
    assert caught.value.path == "/decode_sequences"
    with pytest.raises(ValueError, match="at most 4"):
        model.step(1, 1, 1, [(1, 0)] * 5)


def test_a_request_of_another_type() -> None:
    for wrong in (None, 5, 1.5, object()):
        with pytest.raises((TypeError, dsk.InvalidRequestError)):
            dsk.plan(wrong)  # type: ignore[arg-type]
    with pytest.raises(UnicodeEncodeError):
        dsk.plan("\ud800")


def test_any_order_of_destruction() -> None:
    for order in ([0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 0, 2]):
        device = dsk.tp.Device("cpu")
        comm = dsk.tp.local_comms([device])[0]
        weight = dsk.tp.Weight(numpy.ones((8, 8), "f4"))
        layer = dsk.tp.Linear(comm, weight, split="row", max_m=4, activation_dtype="f32")
        graph = dsk.tp.Graph([comm])
        objects = [device, comm, layer, graph]
        for i in order:
            objects[i].close()
        for closed in objects:
            with pytest.raises(ValueError, match="closed"):
                closed.info  # noqa: B018


def test_the_collector_on_another_thread() -> None:
    plans = [dsk.plan(R1) for _ in range(8)]
    thread = threading.Thread(target=plans.clear)
    thread.start()
    thread.join()


def test_many_calls_leave_nothing() -> None:
    done = subprocess.run([sys.executable, ROOT / "bindings/python/bench/stress.py", "--calls", "10000"],
                          capture_output=True, text=True)  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr

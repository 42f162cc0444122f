"""Time limits, interrupts, cancel tokens, and the interpreter's lock."""

import os
import pickle
import signal
import threading
import time
from collections.abc import Callable

import pytest
from conftest import ENDLESS, LOAD, R1

import dsk

TUNE = {**ENDLESS, "slo": {"ttft_ms": 500}, "tune": {"batch_sizes": [8]}}


def test_a_time_limit_stops_the_work() -> None:
    started = time.monotonic()
    with pytest.raises(dsk.DeadlineError, match=r"0\.1 s") as caught:
        dsk.tune_batching(TUNE, timeout=0.1)
    assert time.monotonic() - started < 30
    assert isinstance(caught.value, TimeoutError) and caught.value.status == "deadline"


def test_a_simulation_keeps_what_it_has() -> None:
    done = dsk.simulate(ENDLESS, timeout=0.1)
    assert done.answer["stopped"] == "cancelled" and done.answer["requests"]


@pytest.mark.parametrize("timeout", [-1, float("nan"), float("inf")])
def test_a_time_limit_that_is_none(timeout: float) -> None:
    with pytest.raises(ValueError, match="timeout is"):
        dsk.plan(R1, timeout=timeout)


def test_a_call_within_its_limit_is_not_disturbed() -> None:
    assert dsk.plan(R1, timeout=60).to_json() == dsk.plan(R1).to_json()


def test_an_interrupt_stops_the_work() -> None:
    # A shell's background job starts with the signal ignored; Python then installs no handler of its own.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        threading.Timer(0.2, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
        started = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            dsk.tune_batching(TUNE, timeout=60)
        assert time.monotonic() - started < 30
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_token_stops_the_work_from_another_thread() -> None:
    # The other thread can only run because the call has given the interpreter's lock up.
    cancel = dsk.Cancel()
    seen: list[tuple[int, int]] = []

    def stop() -> None:
        time.sleep(0.1)
        seen.append(cancel.progress())
        cancel.set()

    thread = threading.Thread(target=stop)
    thread.start()
    done = dsk.simulate(ENDLESS, cancel=cancel)
    thread.join()
    assert cancel.is_set() and done.answer["stopped"] == "cancelled" and seen[0][1] > 0
    with pytest.raises(dsk.CancelledError):
        dsk.plan(R1, cancel=cancel)


def test_many_threads_at_once() -> None:
    expected = dsk.plan(R1).to_json()
    wrong: list[object] = []

    def work(index: int) -> None:
        for i in range(4):
            try:
                if (index + i) % 2:
                    if dsk.plan(R1).to_json() != expected:
                        wrong.append("another answer")
                else:
                    dsk.plan({**R1, "model": f"no-such-model-{index}-{i}"})
                    wrong.append("no error")
            except dsk.NotFoundError as error:
                if error.path != "/model" or f"no-such-model-{index}-{i}" not in str(error):
                    wrong.append(error)

    run_all([lambda i=i: work(i) for i in range(16)])
    assert not wrong


def run_all(work: list[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=w) for w in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_errors_are_python_errors() -> None:
    with pytest.raises(LookupError) as caught:
        dsk.plan({**R1, "model": "deepsek-r1"})
    error = caught.value
    assert isinstance(error, dsk.NotFoundError)
    assert (error.status, error.path, error.where) == ("not_found", "/model", "dsk_plan_create") and "deepseek-r1" in str(error)
    again = pickle.loads(pickle.dumps(error))  # as a pool of processes does
    assert type(again) is type(error) and (str(again), again.path) == (str(error), error.path)


def test_the_log_is_silent_until_asked(capfd: pytest.CaptureFixture[str]) -> None:
    got: list[tuple[int, str, str]] = []
    dsk.set_log("debug", lambda *message: got.append(message))
    dsk.plan(R1)
    dsk.set_log(None)
    dsk.simulate(LOAD)
    assert capfd.readouterr() == ("", "")
    with pytest.raises(ValueError, match="one of error, warning"):
        dsk.set_log("loud")

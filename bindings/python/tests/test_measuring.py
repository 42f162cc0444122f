"""Measuring, probing, the load generator, the monitor and calibration reach the library."""

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import numpy
import pytest

import dsk

QUICK = dsk.MeasureOptions(warmup_s=0.001, min_time_s=0.005, max_time_s=0.02)


def test_a_function() -> None:
    calls = 0

    def work() -> None:
        nonlocal calls
        calls += 1

    done = dsk.measure(work, "count", QUICK)
    assert done.name == "count" and done.median_ns and done.median_ns > 0 and calls > (done.samples or 0)


def test_batches_report_their_own_times() -> None:
    done = dsk.measure_batches(lambda n: (1000.0 * n, 0.0, 0.0, 0.0), "device", QUICK)
    assert done.clock == "device" and done.median_ns == pytest.approx(1000)
    with pytest.raises(TypeError, match="returns None or"):
        dsk.measure_batches(lambda n: 5, "wrong", QUICK)


def test_what_the_work_raises_comes_out() -> None:
    def broken() -> None:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        dsk.measure(broken, options=QUICK)
    with pytest.raises(KeyError, match="mine"):
        dsk.compare(lambda: None, broken, options=QUICK)


def test_options_are_checked() -> None:
    with pytest.raises(ValueError, match="max_time_s"):
        dsk.measure(lambda: None, options=dsk.MeasureOptions(max_time_s=-1))
    cancel = dsk.Cancel()
    cancel.set()
    with pytest.raises(dsk.CancelledError):
        dsk.measure(lambda: None, options=QUICK, cancel=cancel)
    zeros = dsk.measure(lambda: None, options=dsk.MeasureOptions(max_time_s=0.02, data=numpy.zeros(100_000, "f4")))
    assert any("zero" in d.sentence for d in zeros.doubts or ())


def test_two_functions_against_each_other() -> None:
    a, b, comparison = dsk.compare(lambda: sum(range(10)), lambda: sum(range(1000)), "sums", QUICK)
    assert b.median_ns and a.median_ns and b.median_ns > a.median_ns and comparison["ratio"] > 1


def test_a_command() -> None:
    done = dsk.measure_command(["true"], options=dsk.MeasureOptions(warmup_s=0.001, min_time_s=0.01, max_time_s=0.05))
    assert done.median_ns and done.median_ns > 0
    with pytest.raises(dsk.NotFoundError):
        dsk.measure_command(["no-such-program-anywhere"])


def test_the_machine_and_its_probes() -> None:
    record = dsk.machine()
    assert record["kind"] == "machine" and record["processor"]["logical_processors"] > 0
    probes = dsk.probe({"suite": "host", "list": True})
    assert {p["kind"] for p in probes} == {"probe"}
    with pytest.raises(dsk.NotFoundError):
        dsk.probe({"suite": "host", "probes": ["no/such/probe"]})
    page = dsk.machine_report([record, dsk.measure(lambda: None, "nothing", QUICK)])
    assert page.lstrip().startswith("<!") and "nothing" in page


def test_a_monitor() -> None:
    with dsk.Monitor() as monitor:
        assert monitor.sample() and "# TYPE" in monitor.text("prometheus")
    with pytest.raises(ValueError, match="closed"):
        monitor.sample()
    with pytest.raises(dsk.InvalidRequestError):
        dsk.Monitor({"hosts": 5})


def test_calibration_says_what_is_missing() -> None:
    with pytest.raises(dsk.InvalidRequestError):
        dsk.calibrate({"device": "h200-sxm", "as_of": "2026-11-24", "measurements": []})


class _Refuses(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_error(503)

    def log_message(self, format: str, *args: object) -> None:
        pass


def test_load_against_a_server_that_refuses() -> None:
    server = HTTPServer(("127.0.0.1", 0), _Refuses)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        text = dsk.load_json({
            "endpoint": {"url": f"http://127.0.0.1:{server.server_port}", "model": "m"},
            "workload": {"concurrency": 1, "requests": 3, "input_tokens": 8, "output_tokens": 4},
        })  # fmt: skip
    except dsk.UnavailableError as error:
        pytest.skip(str(error))  # this build has no libcurl
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    report = dsk.schema.LoadReport.from_json(text)
    assert report.requests is not None and report.requests.failed == 3
    assert "3" in dsk.load_report([text], "table")

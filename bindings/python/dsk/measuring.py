"""Measurement: any function or command, the machine's own limits, an inference server under load, a live monitor, and the way back
from measurements into plans."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ._call import Cancel, long_call
from ._document import request_text
from ._handle import Handle
from ._loader import native
from .schema import BenchProbeRequest, Calibration, LoadReport, LoadRequest, Measurement, MonitorRequest

MONITOR_FORMATS = {
    "json": native.DSK_BENCH_MONITOR_JSON,
    "prometheus": native.DSK_BENCH_MONITOR_PROMETHEUS,
    "table": native.DSK_BENCH_MONITOR_TABLE,
}
LOAD_FORMATS = {"json": native.DSK_BENCH_LOAD_JSON, "vllm": native.DSK_BENCH_LOAD_VLLM, "table": native.DSK_BENCH_LOAD_TABLE}


@dataclass(slots=True)
class MeasureOptions:
    """How to measure. 0 means the default, which stands in brackets."""

    max_interval: float = 0
    """Stop once the interval of the median is at most this share of it on each side (0.005) ..."""
    max_noise: float = 0
    """... and the noise, 1.4826 MAD / median, is at most this (0.05)"""
    confidence: float = 0
    """Of the interval (0.95)"""
    warmup_s: float = 0
    """Run at least this long before the first sample (0.1)"""
    min_time_s: float = 0
    """Sample at least this long (0.5)"""
    max_time_s: float = 0
    """Sample at most this long (15)"""
    min_samples: int = 0
    """(20)"""
    max_samples: int = 0
    """(100,000)"""
    seed: int = 0
    """Of the bootstrap (1)"""
    bytes: float = 0
    """Moved by one iteration, for bytes/s"""
    flops: float = 0
    """Done by one iteration, for flop/s"""
    fixed_count: bool = False
    """Take exactly min_samples samples after the warm-up"""
    keep_samples: bool = False
    """Keep the samples themselves, at most 100,000"""
    warmup: bool = True
    """False: the first sample counts"""
    data: Any = None
    """The input that is measured, anything with __dlpack__ in host memory: checked for zeros and constants"""


class _Options:
    """The options as the native module reads them; keeps the measured data alive."""

    def __init__(self, name: str, options: MeasureOptions | None, cancel: Cancel | None) -> None:
        o = options or MeasureOptions()
        flags = (
            (native.DSK_BENCH_FIXED_COUNT if o.fixed_count else 0)
            | (native.DSK_BENCH_KEEP_SAMPLES if o.keep_samples else 0)
            | (0 if o.warmup else native.DSK_BENCH_NO_WARMUP)
        )
        address, size, self.kept = 0, 0, None
        if o.data is not None:
            from ._dlpack import Tensor

            self.kept = Tensor(o.data)
            address, size = self.kept.address, self.kept.size_bytes
        ns = [_ns("warmup_s", o.warmup_s), _ns("min_time_s", o.min_time_s), _ns("max_time_s", o.max_time_s)]
        self.values = (
            flags, name, o.max_interval, o.max_noise, o.confidence, *ns, o.min_samples, o.max_samples, o.seed, o.bytes, o.flops,
            address, size, cancel._handle if cancel else None,
        )  # fmt: skip


def _ns(name: str, seconds: float) -> int:
    if not 0 <= seconds < 1e9:
        raise ValueError(f"{name} is {seconds} and must be from 0 to 1e9 seconds")
    return round(seconds * 1e9)


def _loop(work: Callable[[], object]) -> Callable[[int], None]:
    def many(iterations: int) -> None:
        for _ in range(iterations):
            work()

    return many


def measure(work: Callable[[], object], name: str = "", options: MeasureOptions | None = None, *,
            cancel: Cancel | None = None) -> Measurement:  # fmt: skip
    """Measures a function: warm-up, batches long beside the clock, samples until interval and noise are within bounds, and checks
    for what makes timings lie. What it raises ends the measurement and is raised here. Runs on the calling thread."""
    return measure_batches(_loop(work), name, options, cancel=cancel)


def measure_batches(work: Callable[[int], object], name: str = "", options: MeasureOptions | None = None, *,
                    cancel: Cancel | None = None) -> Measurement:  # fmt: skip
    """As measure(), for work(iterations) that repeats the work itself and may return the totals (device_ns, enqueue_ns,
    prompt_tokens, output_tokens) of those iterations, 0 for what is not known."""
    settings = _Options(name, options, cancel)
    return Measurement.from_json(native.bench_run(settings.values, work))


def compare(a: Callable[[], object], b: Callable[[], object], name: str = "", options: MeasureOptions | None = None, *,
            cancel: Cancel | None = None) -> tuple[Measurement, Measurement, dict[str, Any]]:  # fmt: skip
    """Measures two functions in turn, A B B A: both, and the ratio B / A of their medians with its interval."""
    settings = _Options(name, options, cancel)
    first, second, comparison = native.bench_compare_run(settings.values, _loop(a), _loop(b)).splitlines()
    return Measurement.from_json(first), Measurement.from_json(second), json.loads(comparison)


def measure_command(argv: Sequence[str], name: str = "", options: MeasureOptions | None = None, *,
                    timeout: float | None = None, cancel: Cancel | None = None) -> Measurement:  # fmt: skip
    """Measures a command: wall, user and system time and peak memory of each run. No shell; its output is dropped."""

    def run(token: Any) -> str:
        settings = _Options(name, options, None)
        return native.dsk_bench_command_run((*settings.values[:-1], token), list(argv))

    return Measurement.from_json(long_call(run, timeout, cancel))


def probe(request: BenchProbeRequest | Mapping[str, Any] | str | bytes, *, timeout: float | None = None,
          cancel: Cancel | None = None) -> list[dict[str, Any]]:  # fmt: skip
    """Measures what this machine's memory, devices and links reach: the machine record, then one record for each measurement."""
    text = request_text(request)
    lines = long_call(lambda token: native.dsk_bench_probe(text, token), timeout, cancel)
    return [json.loads(line) for line in lines.splitlines()]


def machine() -> dict[str, Any]:
    """What this machine is: processor, memory, kernel, devices, driver, clocks, links, libraries."""
    return json.loads(native.dsk_bench_machine_to_json())


def machine_report(records: Iterable[Mapping[str, Any] | Measurement]) -> str:
    """A report for a vendor's support as one HTML page, of the records of probe() and measure()."""
    return native.dsk_bench_machine_emit("".join(_line(r) + "\n" for r in records))


def _line(record: Mapping[str, Any] | Measurement) -> str:
    text = request_text(record)
    return text if isinstance(text, str) else text.decode()


def calibrate(request: Mapping[str, Any] | str | bytes) -> Calibration:
    """Fits a device's laws to measurements; the document goes into the "catalog" of a planning request."""
    return Calibration.from_json(calibrate_json(request))


def calibrate_json(request: Mapping[str, Any] | str | bytes) -> str:
    """calibrate() as JSON text."""
    return native.dsk_plan_calibrate(request_text(request))


def load(request: LoadRequest | Mapping[str, Any] | str | bytes, *, timeout: float | None = None,
         cancel: Cancel | None = None) -> LoadReport:  # fmt: skip
    """Sends requests to an OpenAI-compatible server and measures it. A run that `timeout` or `cancel` stops gives the report of
    what it has, with "ended": "cancelled". It talks to the given endpoint only."""
    return LoadReport.from_json(load_json(request, timeout=timeout, cancel=cancel))


def load_json(request: LoadRequest | Mapping[str, Any] | str | bytes, *, timeout: float | None = None,
              cancel: Cancel | None = None) -> str:  # fmt: skip
    """load() as JSON text, which load_report() merges."""
    text = request_text(request)
    return long_call(lambda token: native.dsk_bench_load_run(text, token), timeout, cancel)


def load_report(reports: Sequence[str], format: str = "json") -> str:
    """One report of several (JSON texts, or "journal:PATH"), merged by histogram: "json", "vllm" or "table"."""
    try:
        number = LOAD_FORMATS[format]
    except KeyError:
        raise ValueError(f"format is {format!r} and must be one of {', '.join(LOAD_FORMATS)}") from None
    return native.dsk_bench_load_emit(list(reports), number)


class Monitor(Handle):
    """Samples GPUs, the host, its network and an engine's metrics. One thread at a time."""

    __slots__ = ()

    def __init__(self, request: MonitorRequest | Mapping[str, Any] | str | bytes = "{}") -> None:
        super().__init__(native.dsk_bench_monitor_create(request_text(request)))

    def sample(self) -> dict[str, Any]:
        """One sample; rates are those since the sample before."""
        return json.loads(self.text("json"))

    def text(self, format: str = "table") -> str:
        """One sample as "json" (one line), "prometheus" (exposition format 0.0.4) or "table"."""
        try:
            number = MONITOR_FORMATS[format]
        except KeyError:
            raise ValueError(f"format is {format!r} and must be one of {', '.join(MONITOR_FORMATS)}") from None
        return native.dsk_bench_monitor_run(self._handle, number)

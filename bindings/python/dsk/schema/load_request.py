# Written by bindings/schema/generate.py from docs/schema. Do not edit.
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from .._document import Document, Parts


@dataclass(slots=True)
class LoadEndpoint(Document):
    """A part of load-request documents."""

    url: str
    model: str
    api: str | None = None
    path: str | None = None
    """Instead of /v1/completions or /v1/chat/completions"""
    stream: bool | None = None
    key_env: str | None = None
    """Environment variable that holds the key; the key is written nowhere"""
    headers: Mapping[str, str] | None = None
    ca_file: str | None = None
    verify_certificate: bool | None = None
    connect_timeout_s: float | None = None
    timeout_s: float | None = None
    """Of one request"""


@dataclass(slots=True)
class LoadWorkloadTrace(Document):
    """A part of load-request documents."""

    path: str
    format: str
    speed: float | None = None


@dataclass(slots=True)
class Lengths(Document):
    """A part of load-request documents."""

    mean: float | None = None
    deviation: float | None = None
    low: float | None = None
    high: float | None = None
    _short: ClassVar[str | None] = "mean"


@dataclass(slots=True)
class LoadWorkloadPrefix(Document):
    """What prompts share."""

    groups: int | None = None
    tokens: int | None = None
    turns: int | None = None
    parallel: int | None = None


@dataclass(slots=True)
class LoadWorkload(Document):
    """Exactly one of rate_per_s (open loop), concurrency (closed loop) and trace."""

    rate_per_s: float | None = None
    process: str | None = None
    cv: float | None = None
    """gamma: deviation over mean of the gaps"""
    on_s: float | None = None
    off_s: float | None = None
    day_s: float | None = None
    peak: float | None = None
    """daily: highest rate over the mean"""
    concurrency: int | None = None
    think_s: float | None = None
    trace: LoadWorkloadTrace | None = None
    input_tokens: Lengths | float | None = None
    output_tokens: Lengths | float | None = None
    prefix: LoadWorkloadPrefix | None = None
    """What prompts share"""
    requests: int | None = None
    duration_s: float | None = None
    warmup_requests: int | None = None
    seed: int | None = None

    _parts: ClassVar[Parts] = {"trace": (LoadWorkloadTrace, "one"), "input_tokens": (Lengths, "one"),
        "output_tokens": (Lengths, "one"), "prefix": (LoadWorkloadPrefix, "one")}


@dataclass(slots=True)
class LoadSlo(Document):
    """A part of load-request documents."""

    ttft_ms: float | None = None
    tpot_ms: float | None = None
    e2e_ms: float | None = None


@dataclass(slots=True)
class LoadRequest(Document):
    """The document of docs/schema/load-request.schema.json. Request of dsk_bench_load_run."""

    endpoint: LoadEndpoint
    workload: LoadWorkload
    """Exactly one of rate_per_s (open loop), concurrency (closed loop) and trace"""
    schema: int = 1
    prompt: str | None = None
    extra_body: Any = None
    """Members added to each request body"""
    max_in_flight: int | None = None
    slo: LoadSlo | None = None
    journal: str | None = None
    """File that keeps the run; the run goes on from there when it exists"""

    _parts: ClassVar[Parts] = {"endpoint": (LoadEndpoint, "one"), "workload": (LoadWorkload, "one"), "slo":
        (LoadSlo, "one")}

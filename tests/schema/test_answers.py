"""Holds the schemas of the answers of simulations, steps and tuning against the library: what it says is what they allow, in each
form that an answer can take, and nothing of a schema is never said."""

import ctypes
import json

import jsonschema
import pytest
from test_documents import OK, accepts, library, schema_of  # noqa: F401

SERVE = {"model": "llama-3.1-8b", "device": "h100-sxm", "engine": "vllm"}
WORKLOAD = {"requests": 60, "concurrency": 8, "input": 512, "output": 64}
GROUP = {"parallel": {"tp": 1}}
SIMULATIONS = {
    "closed loop": {**SERVE, "workload": WORKLOAD},
    "bounds, time line, until": {**SERVE, "workload": {**WORKLOAD, "concurrency": None, "arrivals": {"process": "poisson", "rate_per_s": 5}},
                                 "slo": {"ttft_ms": 500, "tpot_ms": 50, "e2e_ms": 5000}, "timeline": True, "until_s": 5},
    "disaggregated": {**SERVE, "workload": WORKLOAD, "disaggregated": {"prefill": GROUP, "decode": GROUP, "transfer_gbs": 50}},
    "tiers": {**SERVE, "workload": {"requests": 60, "concurrency": 4, "input": 200, "output": 16,
                                    "sessions": {"groups": 12, "shared_tokens": 2000, "turns": 2, "parallel": 2}},
              "kv_pool_tokens": 8000, "tiers": [{"name": "dram", "capacity_gb": 50, "bandwidth_gbs": 50}]},
    "nothing fits": {**SERVE, "workload": {**WORKLOAD, "input": 100000}, "kv_pool_tokens": 4096},
}
STEP = {"model": "deepseek-v3", "device": "h200-sxm", "engine": "sglang", "parallel": {"tp": 8},
        "batch": {"decode_sequences": 64, "kv_sum": 131072, "kv_max": 4096}}
# Three kernels in graphs: a calibration of launches alone.
CALIBRATE = {"device": "h200-sxm", "as_of": "2026-11-24",
             "measurements": [{"kind": "measurement", "name": "kernels", "probe": "kernels", "launch": "graph", "count": 64, "median_ns": 90e3}]}
TUNE = {**SERVE, "workload": {**WORKLOAD, "concurrency": None, "arrivals": {"process": "poisson", "rate_per_s": 5}},
        "slo": {"ttft_ms": 500}, "tune": {"batch_sizes": [1, 4], "waits_ms": [0, 50]}}


def plain(value):
    """Without members that are None."""
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items() if v is not None}
    return value


def ask(library, call, request, *before_out):
    body = json.dumps(plain(request)).encode()
    out, error = ctypes.c_void_p(), ctypes.c_void_p()
    status = getattr(library, call)(body, ctypes.c_size_t(len(body)), *before_out, ctypes.byref(out), None, ctypes.byref(error))
    try:
        assert status == OK, library.dsk_error_message(error).decode()
        return json.loads(ctypes.string_at(out.value).decode())
    finally:
        library.dsk_free(out)
        library.dsk_error_destroy(error)


def simulate(library, request):
    return ask(library, "dsk_plan_simulate", request, None, None, ctypes.c_size_t(0), ctypes.c_size_t(0), None)


def members(schema, document, at=""):
    """Places of the schema's objects that the document has."""
    found = set()
    if isinstance(document, dict) and "properties" in schema:
        for name, child in schema["properties"].items():
            if name in document:
                found |= {f"{at}/{name}"} | members(child, document[name], f"{at}/{name}")
    elif isinstance(document, list) and isinstance(schema.get("items"), dict):
        for item in document:
            found |= members(schema["items"], item, at)
    return found


def places(schema, at=""):
    found = set()
    for name, child in schema.get("properties", {}).items():
        found |= {f"{at}/{name}"} | places(child, f"{at}/{name}")
    return found | (places(schema["items"], at) if isinstance(schema.get("items"), dict) else set())


@pytest.mark.parametrize("name", SIMULATIONS)
def test_simulations_say_what_the_schema_allows(library, name):  # noqa: F811
    schema = schema_of("simulate-answer")
    answer = simulate(library, SIMULATIONS[name])
    assert accepts(schema, answer)


RUN = {"name": "two clients", "deployment": {"model": "llama-3.1-8b", "engine": "vllm"},
       "vllm_bench": {"completed": 4, "num_prompts": 4, "request_rate": "inf", "max_concurrency": 2, "total_input_tokens": 400,
                      "total_output_tokens": 64, "output_throughput": 200, "mean_tpot_ms": 8.0}}


def calibrated(library, request):
    document = ask(library, "dsk_plan_calibrate", {**CALIBRATE, "runs": [RUN]})
    jsonschema.Draft202012Validator(schema_of("calibration")).validate(document)
    return {**request, "device": CALIBRATE["device"], "engine": "vllm", "catalog": [document]}


def test_every_member_of_the_simulation_schema_is_said(library):  # noqa: F811
    schema = schema_of("simulate-answer")
    said = set()
    for request in [*SIMULATIONS.values(), calibrated(library, SIMULATIONS["closed loop"])]:
        answer = simulate(library, request)
        assert accepts(schema, answer)
        said |= members(schema, answer)
    assert places(schema) == said


def test_a_step_is_explained_as_the_schema_says(library):  # noqa: F811
    schema = schema_of("step-answer")
    answer = ask(library, "dsk_plan_explain", STEP, 0)
    assert accepts(schema, answer)
    assert "calibration" not in answer
    better = ask(library, "dsk_plan_explain", calibrated(library, STEP), 0)
    assert accepts(schema, better)
    assert places(schema) == members(schema, better) | {"/variants/not_possible"}


def test_tuning_answers_as_the_schema_says(library):  # noqa: F811
    schema = schema_of("tune-batching-answer")
    answer = ask(library, "dsk_plan_tune_batching", TUNE, None)
    assert accepts(schema, answer)
    assert places(schema) == members(schema, answer)

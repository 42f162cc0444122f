"""Holds the schemas of the planning request and answer against the loader, the examples and the conformance vectors."""

import ctypes
import json

import jsonschema
import pytest
from test_documents import INVALID_REQUEST, NOT_FOUND, OK, ROOT, VECTORS, accepts, broken, ends, library, schema_of  # noqa: F401

EXAMPLES = sorted(p for p in (ROOT / "examples/requests").glob("*.json") if "devices" in json.loads(p.read_text()))
REQUESTS = sorted((VECTORS / "plan").glob("*.request.json"))
ANSWERS = sorted((VECTORS / "plan").glob("*.answer.json"))
FULL = {
    "schema": 1,
    "model": "llama-3.1-8b",
    "devices": ["h100-sxm"],
    "engines": ["vllm"],
    "workload": {"input_tokens": 1000, "output_tokens": 100, "prefix_hit_rate": 0.1, "rate_per_s": 2},
    "slo": {"ttft_ms": 2000, "tpot_ms": 50, "e2e_ms": 9000},
    "limits": {"max_gpus": 8, "usd_per_hour": 100},
    "search": {"tp": [1], "pp": [1], "dp": [1], "ep": [1], "weights": ["checkpoint"], "kv": ["bf16"], "max_batch": 64,
               "memory_fraction": 0.9},
    "objective": "gpus",
}
SIZED = {"schema": 1, "model": {"params_b": 13, "layers": 40, "hidden": 5120}, "devices": ["h100-sxm"],
         "engines": ["vllm"], "workload": {"input_tokens": 10, "output_tokens": 10, "concurrency": 2}}


def plan(library, request):
    """Status and the answer, or the JSON pointer and the message of the error."""
    body = request if isinstance(request, bytes) else json.dumps(request).encode()
    handle, out, error = ctypes.c_void_p(), ctypes.c_void_p(), ctypes.c_void_p()
    status = library.dsk_plan_create(body, ctypes.c_size_t(len(body)), None, ctypes.byref(handle), ctypes.byref(error))
    try:
        if status != OK:
            return status, library.dsk_error_path(error).decode(), library.dsk_error_message(error).decode()
        assert library.dsk_plan_to_json(handle, ctypes.byref(out), None, None) == OK
        return status, "", json.loads(ctypes.string_at(out.value).decode())
    finally:
        library.dsk_free(out)
        library.dsk_error_destroy(error)
        library.dsk_plan_destroy(handle)


@pytest.mark.parametrize("path", EXAMPLES + REQUESTS, ids=lambda p: p.name)
def test_examples_and_vectors_are_valid_requests(path):
    jsonschema.Draft202012Validator(schema_of("plan-request")).validate(json.loads(path.read_text()))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.name)
def test_answers_to_the_examples_are_valid(library, path):
    status, at, answer = plan(library, path.read_bytes())
    assert status == OK, (at, answer)
    jsonschema.Draft202012Validator(schema_of("plan-answer")).validate(answer)


@pytest.mark.parametrize("path", ANSWERS, ids=lambda p: p.name)
def test_answers_of_the_vectors_are_valid(path):
    jsonschema.Draft202012Validator(schema_of("plan-answer")).validate(json.loads(path.read_text()))


@pytest.mark.parametrize("request_document", [FULL, SIZED], ids=["full", "sized"])
def test_the_loader_refuses_what_the_schema_refuses(library, request_document):
    schema = schema_of("plan-request")
    assert accepts(schema, request_document)
    status, at, text = plan(library, request_document)
    assert status == OK, (at, text)
    cases = list(broken(schema, request_document))
    assert len(cases) > 20
    for what, case in cases:
        assert not accepts(schema, case), what
        assert plan(library, case)[0] in (INVALID_REQUEST, NOT_FOUND), what
    for pointer, case in ends(schema, request_document):
        status, at, message = plan(library, case)
        assert status == OK or at != pointer or "number from" not in message, (pointer, message)


def test_exactly_one_of_rate_and_concurrency(library):
    schema = schema_of("plan-request")
    for workload in ({"rate_per_s": 1, "concurrency": 1}, {}):
        case = dict(FULL, workload={"input_tokens": 10, "output_tokens": 10, **workload})
        assert not accepts(schema, case)
        assert plan(library, case)[:2] == (INVALID_REQUEST, "/workload")

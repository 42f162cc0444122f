"""Holds the schemas of the catalogue and cost documents against the loader.

Every built-in document is valid under its schema. Then each schema is walked along a valid document, and each rule
that it states is broken once: the loader must refuse what the schema refuses. At the ends of each range the loader
must not complain of the range.
"""

import copy
import ctypes
import json
import os
import pathlib

import jsonschema
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
DATA = ROOT / "lib/catalog/data"
VECTORS = ROOT / "tests/conformance"
KINDS = {"devices": "device", "links": "link", "prices": "price", "datasets": "dataset"}
OK, INVALID_REQUEST, NOT_FOUND = 0, 2, 3


def schema_of(name):
    schema = json.loads((ROOT / f"docs/schema/{name}.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    return schema


def accepts(schema, document):
    return jsonschema.Draft202012Validator(schema).is_valid(document)


@pytest.fixture(scope="module")
def library():
    build = pathlib.Path(os.environ.get("DSK_BUILD", ROOT / "build/release"))
    found = sorted(build.rglob("libdsk.so"))
    if not found:
        pytest.skip(f"no libdsk.so under {build}")
    dsk = ctypes.CDLL(str(found[0]))
    dsk.dsk_error_message.restype = ctypes.c_char_p
    dsk.dsk_error_path.restype = ctypes.c_char_p
    for call in (dsk.dsk_error_message, dsk.dsk_error_path, dsk.dsk_error_destroy, dsk.dsk_free):
        call.argtypes = [ctypes.c_void_p]
    return dsk


def cost(library, request):
    """Status, JSON pointer and text: the answer, or the message of the error."""
    body = json.dumps(request).encode()
    out, error = ctypes.c_void_p(), ctypes.c_void_p()
    status = library.dsk_plan_cost(body, ctypes.c_size_t(len(body)), ctypes.byref(out), None, ctypes.byref(error))
    try:
        if status == OK:
            return status, "", ctypes.string_at(out.value).decode()
        return status, library.dsk_error_path(error).decode(), library.dsk_error_message(error).decode()
    finally:
        library.dsk_free(out)
        library.dsk_error_destroy(error)


def load(library, document):
    """What the loader says of a catalogue document; the pointer is relative to the document."""
    status, path, text = cost(library, {"catalog": [document], "cloud": [{"name": "any", "usd_per_hour": 1}]})
    return status, path.removeprefix("/catalog/0"), text


def branch(schema, value):
    """The branch of a oneOf that the valid value took."""
    while "oneOf" in schema:
        schema = next(s for s in schema["oneOf"] if accepts(s, value))
    return schema


def put(document, pointer, value):
    changed = copy.deepcopy(document)
    place = changed
    for step in pointer[:-1]:
        place = place[step]
    place[pointer[-1]] = value
    return changed


def drop(document, pointer):
    changed = copy.deepcopy(document)
    place = changed
    for step in pointer[:-1]:
        place = place[step]
    del place[pointer[-1]]
    return changed


def broken(schema, document, pointer=(), value=None):
    """Documents that each break one rule of the schema, with what was broken."""
    value = document if value is None else value
    schema = branch(schema, value)
    at = "/" + "/".join(map(str, pointer))
    if schema.get("type") == "object":
        for member in schema.get("required", []):
            yield f"{at}: {member} missing", drop(document, (*pointer, member))
        yield f"{at}: unknown member", put(document, (*pointer, "zzz"), 1)
        if pointer:
            yield f"{at}: not an object", put(document, pointer, [1])
        for member, rule in schema.get("properties", {}).items():
            if member in value:
                yield from broken(rule, document, (*pointer, member), value[member])
    elif schema.get("type") == "array":
        yield f"{at}: not an array", put(document, pointer, {"zzz": 1})
        if schema.get("maxItems", 1 << 20) <= 4096:
            yield f"{at}: too many", put(document, pointer, [value[0]] * (schema["maxItems"] + 1))
        if value:
            yield from broken(schema["items"], document, (*pointer, 0), value[0])
    elif schema.get("type") in ("number", "integer"):
        yield f"{at}: text", put(document, pointer, "1")
        if schema["type"] == "integer":
            yield f"{at}: fraction", put(document, pointer, value + 0.5)
        if "minimum" in schema:
            yield f"{at}: below", put(document, pointer, schema["minimum"] - (1 if schema["type"] == "integer" else 1e-3 * (1 + abs(schema["minimum"]))))
        if "maximum" in schema:
            yield f"{at}: above", put(document, pointer, schema["maximum"] * 2 + 1)
    elif schema.get("type") == "string":
        yield f"{at}: number", put(document, pointer, 7)
        yield f"{at}: empty", put(document, pointer, "")
        if "maxLength" in schema:
            yield f"{at}: long", put(document, pointer, "a" * (schema["maxLength"] + 1))
        if "pattern" in schema:
            yield f"{at}: pattern", put(document, pointer, "Not One!")
    elif "enum" in schema or "const" in schema:
        yield f"{at}: no such choice", put(document, pointer, "zzz")


def ends(schema, document, pointer=(), value=None):
    """Documents with one number at an end of its range."""
    value = document if value is None else value
    schema = branch(schema, value)
    if schema.get("type") == "object":
        for member, rule in schema.get("properties", {}).items():
            if member in value:
                yield from ends(rule, document, (*pointer, member), value[member])
    elif schema.get("type") == "array" and value:
        yield from ends(schema["items"], document, (*pointer, 0), value[0])
    elif schema.get("type") in ("number", "integer"):
        for end in ("minimum", "maximum"):
            if end in schema:
                yield "/" + "/".join(map(str, pointer)), put(document, pointer, schema[end])


SAMPLES = [("device", DATA / "devices/h200-sxm.json"), ("device", DATA / "devices/mi300x.json"), ("link", DATA / "links/ib-ndr.json"),
           ("price", DATA / "prices/assumed-terms-2026-04.json"), ("price", DATA / "prices/purchase-estimates-2026.json"),
           ("dataset", DATA / "datasets/azure-2023-code.json"), ("dataset", DATA / "datasets/inferencex-1k1k.json"),
           ("dataset", DATA / "datasets/cnn-dailymail.json"), ("dataset", DATA / "datasets/sonnet.json")]
INLINE = {"name": "own-ring", "bandwidth_gbs": 40, "latency_us": 2, "latency_origin": "assumed", "domain": 4}


@pytest.mark.parametrize("path", sorted(p for folder in KINDS for p in (DATA / folder).glob("*.json")), ids=lambda p: p.stem)
def test_built_in_documents_are_valid(path):
    jsonschema.Draft202012Validator(schema_of("catalog-" + KINDS[path.parent.name])).validate(json.loads(path.read_text()))


@pytest.mark.parametrize("kind,path", SAMPLES, ids=lambda v: v if isinstance(v, str) else v.stem)
def test_the_loader_refuses_what_a_catalogue_schema_refuses(library, kind, path):
    schema, document = schema_of("catalog-" + kind), json.loads(path.read_text())
    if path.stem == "mi300x":
        document["links"]["scale_up"] = INLINE
    assert accepts(schema, document) and load(library, document)[0] == OK
    cases = list(broken(schema, document))
    assert len(cases) > 20
    for what, case in cases:
        assert not accepts(schema, case), what
        status, at, message = load(library, case)
        assert status in (INVALID_REQUEST, NOT_FOUND), what
        assert at and message, what
    for pointer, case in ends(schema, document):
        status, at, message = load(library, case)
        assert status == OK or at != pointer or "number from" not in message, (pointer, message)


def requests(folder):
    return sorted((VECTORS / folder).glob("*.request.json"))


@pytest.mark.parametrize("path", requests("cost"), ids=lambda p: p.stem)
def test_cost_requests_and_answers_are_valid(library, path):
    schema, request = schema_of("cost-request"), json.loads(path.read_text())
    jsonschema.Draft202012Validator(schema).validate(request)
    status, at, text = cost(library, request)
    assert status == OK, (at, text)
    jsonschema.Draft202012Validator(schema_of("cost-answer")).validate(json.loads(text))
    for what, case in broken(schema, request):
        assert not accepts(schema, case), what
        assert cost(library, case)[0] in (INVALID_REQUEST, NOT_FOUND), what
    for pointer, case in ends(schema, request):
        status, at, message = cost(library, case)
        assert status == OK or at != pointer or "number from" not in message, (pointer, message)

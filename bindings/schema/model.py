"""Reads docs/schema into the types that every language has: a flat list of named structs with their fields.

One struct stands for each object of a schema; objects with the same fields are one struct, wherever they are. An object that
may also be written as a text or a number (a model, a distribution) is one struct with a short form.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "schema"

# Names that read better than their place in the documents. Everything else is named after its place.
NAMES = {
    "PlanModel": "Model",
    "PlanAnswerPlan": "PlanOption",
    "MemoryParallel": "Parallel",
    "PlanAnswerMemory": "PlanMemory",
    "PlanWorkload": "Workload",
    "PlanSlo": "Slo",
    "PlanLimits": "Limits",
    "LoadLengths": "Lengths",
    "BenchMeasurement": "Measurement",
    "SimulateAnswerQueueMs": "Percentiles",
    "PlanOptionCalibration": "CalibrationUse",
    "PlanOptionCalibrationBatch": "CalibrationUseBatch",
    "PlanOptionCalibrationStepWithout": "StepInterval",
}
# A member that may stand alone, as a text or a number, in place of its object.
SHORT = {"string": "name", "number": "mean"}


@dataclass(frozen=True)
class Type:
    kind: str  # text, integer, number, boolean, json, list, map, struct
    item: "Type | None" = None
    struct: str = ""


@dataclass
class Field:
    name: str
    type: Type
    required: bool
    nullable: bool
    doc: str
    # The value that a request always carries and nobody needs to set.
    constant: object = None
    # 0, "" or an empty list says the same as leaving the member out, or is never right.
    empty_is_absent: bool = True

    def key(self):
        return self.name, self.type


@dataclass
class Struct:
    name: str
    doc: str
    fields: list
    short: str = ""  # the member that may stand alone
    root: str = ""  # "request" or "answer" for a whole document
    in_request: bool = False
    document: str = ""  # the schema that first has it, without its ending


def camel(text):
    return "".join(part[:1].upper() + part[1:] for part in re.split(r"[_-]", text))


def singular(name):
    if name.endswith("ies"):
        return name[:-3] + "y"
    return name[:-1] if name.endswith("s") and not name.endswith("ss") else name


class Reader:
    def __init__(self):
        self.structs = []
        self.by_key = {}

    def add_document(self, path):
        document = json.loads(path.read_text(encoding="utf-8"))
        stem = path.name.removesuffix(".schema.json")
        base, kind = stem, "answer"
        if stem.endswith("-request"):
            base, kind = stem.removesuffix("-request"), "request"
        self.defs = document.get("$defs", {})
        self.base = camel(base)
        self.kind, self.stem = kind, stem
        root = NAMES.get(camel(stem), camel(stem))
        if kind == "answer":
            self.base = root
        struct = self.struct(root, document, self.base)
        struct.root = kind
        struct.doc = document.get("description") or document.get("title", "")

    def struct(self, name, schema, prefix, short="", doc=None):
        fields = []
        required = set(schema.get("required", ()))
        for member, child in schema["properties"].items():
            fields.append(self.field(member, child, member in required, prefix))
        made = Struct(name, schema.get("description", "") if doc is None else doc, fields, short)
        key = tuple(f.key() for f in fields), short
        known = self.by_key.get(key)
        if known and known.in_request and self.kind == "answer":
            # What a request can say, an answer may repeat, unless it says null where a request leaves a member out.
            if not any(f.nullable for f in fields):
                return known
        elif known:
            for mine, theirs in zip(known.fields, fields):
                mine.required = mine.required and theirs.required
                mine.nullable = mine.nullable or theirs.nullable
                # One rule that forbids 0 is enough: schemas that share an object also share its reader.
                mine.empty_is_absent = mine.empty_is_absent or theirs.empty_is_absent
                mine.doc = mine.doc or theirs.doc
            known.in_request |= self.kind == "request"
            return known
        if any(s.name == name for s in self.structs):
            raise SystemExit(f"two different objects are called {name}: give one a name in NAMES")
        made.in_request = self.kind == "request"
        made.document = self.stem
        if not (known and known.in_request):
            self.by_key[key] = made
        self.structs.append(made)
        return made

    def field(self, member, schema, required, prefix):
        if "const" in schema:
            value = schema["const"]
            kind = "text" if isinstance(value, str) else "integer"
            return Field(member, Type(kind), required, False, schema.get("description", ""), value)
        schema, nullable = self.resolve(schema)
        kind = self.type(schema, member, prefix)
        least = schema.get("minimum", schema.get("exclusiveMinimum"))
        empty = kind.kind in ("text", "list", "map", "json") or schema.get("default", None) == 0
        if kind.kind in ("integer", "number"):
            empty = empty or (least is not None and (least > 0 or "exclusiveMinimum" in schema and least >= 0))
        if kind.kind == "boolean":
            empty = schema.get("default", None) is False
        return Field(member, kind, required, nullable, schema.get("description", ""), None, empty)

    def resolve(self, schema):
        """Follows references and takes null out of the alternatives."""
        nullable = False
        if "anyOf" in schema:
            parts = [p for p in schema["anyOf"] if p.get("type") != "null"]
            nullable = len(parts) < len(schema["anyOf"])
            if len(parts) == 1:
                schema = {**schema, **parts[0]}
                del schema["anyOf"]
        kinds = schema.get("type")
        if isinstance(kinds, list) and "null" in kinds:
            rest = [k for k in kinds if k != "null"]
            schema = {**schema, "type": rest[0] if len(rest) == 1 else rest}
            nullable = True
        return schema, nullable

    def type(self, schema, member, prefix):
        if "$ref" in schema:
            name = schema["$ref"].removeprefix("#/$defs/")
            return self.type(self.resolve(self.defs[name])[0], name, self.base)
        if "enum" in schema:
            return Type("text")
        if "oneOf" in schema:
            return self.union(schema, member, prefix)
        kind = schema.get("type")
        if kind in ("integer", "number", "boolean"):
            return Type(kind)
        if kind == "string":
            return Type("text")
        if kind == "array":
            item = schema.get("items")
            if not isinstance(item, dict) or item.get("type") == "array":
                return Type("list", Type("json"))
            return Type("list", self.type(self.resolve(item)[0], singular(member), prefix))
        if kind == "object" and "properties" in schema:
            name = prefix + camel(member)
            name = NAMES.get(name, name)
            return Type("struct", struct=self.struct(name, schema, name).name)
        if kind == "object" and isinstance(schema.get("additionalProperties"), dict):
            return Type("map", self.type(schema["additionalProperties"], member, prefix))
        if member == "model" and self.kind == "request":
            return Type("struct", struct="Model")
        return Type("json")

    def union(self, schema, member, prefix):
        """A text or a number, or one of several objects: one struct with the members of them all."""
        merged, short = {}, ""
        for part in schema["oneOf"]:
            if part.get("type") in SHORT:
                short = SHORT[part["type"]]
                merged.setdefault(short, {k: v for k, v in part.items() if k in ("type", "description", "minimum")})
            else:
                for name, child in part["properties"].items():
                    merged.setdefault(name, child)
        name = prefix + camel(member)
        name = NAMES.get(name, name)
        made = self.struct(name, {"properties": merged}, name, short, schema.get("description", ""))
        return Type("struct", struct=made.name)


def read():
    reader = Reader()
    # Plan first: its names are the short ones.
    paths = [p for p in FOLDER.glob("*.schema.json") if not p.name.startswith("catalog-")]
    order = ["plan-request", "memory-request", "plan-answer"]
    rank = {f"{stem}.schema.json": i for i, stem in enumerate(order)}
    for path in sorted(paths, key=lambda p: (rank.get(p.name, len(order)), p.name)):
        reader.add_document(path)
    return reader.structs


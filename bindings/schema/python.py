"""Python dataclasses of the documents: bindings/python/dsk/schema/*.py."""

import keyword
import textwrap

FOLDER = "bindings/python/dsk/schema"
HEAD = "# Written by bindings/schema/generate.py from docs/schema. Do not edit.\n"
SCALARS = {"text": "str", "integer": "int", "number": "float", "boolean": "bool", "json": "Any"}
WIDTH = 120


def scalar_of(struct):
    """Type of the member that may stand alone."""
    return SCALARS[next(f for f in struct.fields if f.name == struct.short).type.kind]


def annotation(kind, by_name):
    if kind.kind == "list":
        return f"Sequence[{annotation(kind.item, by_name)}]"
    if kind.kind == "map":
        return f"Mapping[str, {annotation(kind.item, by_name)}]"
    if kind.kind == "struct":
        struct = by_name[kind.struct]
        return f"{struct.name} | {scalar_of(struct)}" if struct.short else struct.name
    return SCALARS[kind.kind]


def part(kind):
    """The class of the documents in a member, and how they lie in it; None for plain values."""
    if kind.kind == "struct":
        return kind.struct, "one"
    if kind.kind in ("list", "map") and kind.item.kind == "struct":
        return kind.item.struct, kind.kind
    return None


def note(text, indent):
    lines = textwrap.wrap(text.replace("\\", "\\\\"), WIDTH - len(indent) - 6)
    if len(lines) == 1:
        return [f'{indent}"""{lines[0]}"""']
    return [f'{indent}"""{lines[0]}', *(indent + line for line in lines[1:]), f'{indent}"""']


def field_lines(f, by_name):
    if keyword.iskeyword(f.name):
        raise SystemExit(f"{f.name} is a word of Python: no class can have a member of that name")
    kind = annotation(f.type, by_name)
    if f.constant is not None:
        line = f"    {f.name}: {kind} = {f.constant!r}"
    else:
        kind = kind if kind == "Any" or not (f.nullable or not f.required) else f"{kind} | None"
        line = f"    {f.name}: {kind}" + ("" if f.required else " = None")
    return [line] + (note(f.doc, "    ") if f.doc else [])


def class_lines(struct, by_name):
    doc = struct.doc or f"A part of {struct.document} documents."
    if struct.root:
        doc = f"The document of docs/schema/{struct.document}.schema.json. {struct.doc}".strip()
    out = ["@dataclass(slots=True)", f"class {struct.name}(Document):", *note(doc.rstrip(".") + ".", "    "), ""]
    has_default = lambda f: f.constant is not None or not f.required  # noqa: E731
    for f in sorted(struct.fields, key=has_default):
        out += field_lines(f, by_name)
    parts = {f.name: part(f.type) for f in struct.fields if part(f.type)}
    if parts:
        entries = ", ".join(f'"{name}": ({cls}, "{shape}")' for name, (cls, shape) in parts.items())
        out += ["", *textwrap.wrap(f"_parts: ClassVar[Parts] = {{{entries}}}", WIDTH - 4, initial_indent="    ",
                                   subsequent_indent="        ", break_long_words=False)]  # fmt: skip
    if struct.short:
        out.append(f'    _short: ClassVar[str | None] = "{struct.short}"')
    return out


def used(kind):
    return used(kind.item) if kind.item else ({kind.struct} if kind.struct else set())


def render(document, structs, by_name):
    body = []
    for s in structs:
        body += ["", "", *class_lines(s, by_name)]
    text = "\n".join(body) + "\n"
    others = {}
    for name in sorted({n for s in structs for f in s.fields for n in used(f.type)}):
        if by_name[name].document != document:
            others.setdefault(by_name[name].document, []).append(name)
    head = HEAD + "from __future__ import annotations\n\n"
    abstract = [n for n in ("Mapping", "Sequence") if n + "[" in text]
    if abstract:
        head += f"from collections.abc import {', '.join(abstract)}\n"
    head += "from dataclasses import dataclass\n"
    typing = [n for n in ("Any", "ClassVar") if n in text]
    if typing:
        head += f"from typing import {', '.join(typing)}\n"
    head += f"\nfrom .._document import Document{', Parts' if 'ClassVar[Parts]' in text else ''}\n"
    for other, names in sorted(others.items()):
        head += f"from .{other.replace('-', '_')} import {', '.join(names)}\n"
    return head + text


def files(structs):
    by_name = {s.name: s for s in structs}
    documents = {}
    for s in structs:
        documents.setdefault(s.document, []).append(s)
    made = {f"{FOLDER}/{name.replace('-', '_')}.py": render(name, group, by_name) for name, group in documents.items()}
    init = HEAD + '"""Typed requests and answers: one class for each object of docs/schema."""\n\n'
    for name, group in sorted(documents.items()):
        init += f"from .{name.replace('-', '_')} import " + ", ".join(f"{s.name} as {s.name}" for s in group) + "\n"
    made[f"{FOLDER}/__init__.py"] = "\n".join(
        line if len(line) <= WIDTH else line.replace("import ", "import (\n    ").replace(", ", ",\n    ") + ",\n)"
        for line in init.split("\n"))  # fmt: skip
    return made

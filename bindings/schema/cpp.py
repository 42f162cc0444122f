"""C++ structs of the documents: include/dsk/schema/*.hpp."""

import subprocess
import textwrap

FOLDER = "include/dsk/schema"
WIDTH = 100
SCALARS = {"text": "std::string", "integer": "std::int64_t", "number": "double", "boolean": "bool", "json": "JsonValue"}
INITIAL = {"integer": " = 0", "number": " = 0", "boolean": " = false"}
# What the structs say of the headers that they need.
HEADERS = {"std::optional": "optional", "std::string": "string", "std::vector": "vector", "std::map": "map", "std::int64_t": "cstdint"}


def cpp_type(kind):
    if kind.kind == "list":
        return f"std::vector<{cpp_type(kind.item)}>"
    if kind.kind == "map":
        return f"std::map<std::string, {cpp_type(kind.item)}>"
    return kind.struct if kind.kind == "struct" else SCALARS[kind.kind]


def inner(kind):
    return inner(kind.item) if kind.item else ({kind.struct} if kind.struct else set())


def reached(structs, root):
    """Names of the structs that documents of one kind, request or answer, hold."""
    by_name = {s.name: s for s in structs}
    seen, todo = set(), [s.name for s in structs if s.root == root]
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            todo += [n for f in by_name[name].fields for n in inner(f.type)]
    return seen


class Writer:
    def __init__(self, structs):
        self.by_name = {s.name: s for s in structs}
        self.sent, self.read = reached(structs, "request"), reached(structs, "answer")

    def may_be_empty(self, name):
        """Whether the struct with nothing set says nothing, so that it can stand in its parent by value and be left out."""
        return all(not f.required and f.constant is None for f in self.by_name[name].fields)

    def holding(self, struct, f):
        """How a member that may be absent is held: optional, or a value that can say "absent" itself."""
        if f.constant is not None or f.type.kind == "json":
            return "value"
        if f.required and not f.nullable:
            return "value"
        if struct.name in self.sent:
            return "part" if f.type.kind == "struct" and self.may_be_empty(f.type.struct) else "optional"
        return "value" if f.type.kind in ("list", "map") else "optional"

    def member(self, struct, f):
        kind = cpp_type(f.type)
        lines = [f"  /// {line}" for line in textwrap.wrap(f.doc, WIDTH - 6)]
        if f.constant is not None:
            value = f'"{f.constant}"' if isinstance(f.constant, str) else str(f.constant)
            return [*lines, f"  {kind} {f.name} = {value};"]
        if self.holding(struct, f) == "optional":
            return [*lines, f"  std::optional<{kind}> {f.name};"]
        return [*lines, f"  {kind} {f.name}{INITIAL.get(f.type.kind, '')};"]

    def struct(self, s):
        doc = s.doc or f"A part of {s.document} documents."
        if s.root:
            doc = f"The document of docs/schema/{s.document}.schema.json. {s.doc}".strip()
        out = [f"/// {line}" for line in textwrap.wrap(doc.rstrip(".") + ".", WIDTH - 4)]
        out.append(f"struct {s.name} {{")
        for f in s.fields:
            out += self.member(s, f)
        if s.name in self.sent:
            out += ["", "  JsonValue to_value() const {", "    JsonValue out = JsonValue::object();"]
            for f in s.fields:
                part = self.holding(s, f) == "part" or (f.type.kind == "json" and not f.required)
                out.append(f'    detail::put{"_part" if part else ""}(out, "{f.name}", {f.name});')
            if s.short:
                out.append(f'    if (out.members().size() == 1 && out.members()[0].first == "{s.short}")')
                out.append("      return out.members()[0].second;")
            out += ["    return out;", "  }"]
            if s.root:
                out.append("  std::string to_json() const { return to_value().dump(); }")
        if s.name in self.read:
            out += ["", f"  static {s.name} from_value(const JsonValue& j) {{", f"    {s.name} out;"]
            out += [f'    detail::get(j, "{f.name}", out.{f.name});' for f in s.fields]
            out += ["    return out;", "  }"]
            if s.root:
                out.append(f"  static {s.name} from_json(std::string_view text) {{ return from_value(JsonValue::parse(text)); }}")
        return [*out, "};", ""]

    def render(self, document, structs):
        body = "\n".join(line for s in structs for line in self.struct(s))
        others = {self.by_name[n].document for s in structs for f in s.fields for n in inner(f.type)} - {document}
        guard = f"DSK_SCHEMA_{document.upper().replace('-', '_')}_HPP"
        standard = sorted({h for text, h in HEADERS.items() if text in body} | ({"string_view"} if "string_view" in body else set()))
        text = [
            "// Written by bindings/schema/generate.py from docs/schema. Do not edit.",
            f"#ifndef {guard}", f"#define {guard}", "", *(f"#include <{h}>" for h in standard), "",
            '#include "dsk/document.hpp"', *(f'#include "dsk/schema/{o.replace("-", "_")}.hpp"' for o in sorted(others)), "",
            "namespace dsk {", "inline namespace api {", "", body, "} // namespace api", "} // namespace dsk", "", f"#endif // {guard}", "",
        ]  # fmt: skip
        done = subprocess.run(["clang-format-14", "--assume-filename=include/dsk/x.hpp"], input="\n".join(text), capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"clang-format-14: {done.stderr}")
        return done.stdout


def files(structs):
    writer, documents = Writer(structs), {}
    for s in structs:
        documents.setdefault(s.document, []).append(s)
    return {f"{FOLDER}/{name.replace('-', '_')}.hpp": writer.render(name, group) for name, group in documents.items()}

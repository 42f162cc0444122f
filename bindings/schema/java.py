"""Java records of the documents, with builders for those of requests: bindings/java/src/generated."""

import html

from model import NAMES, camel

FOLDER = "bindings/java/src/generated/java/ai/dsk"
BOXED = {"text": "String", "integer": "Long", "number": "Double", "boolean": "Boolean", "json": "JsonValue"}
PRIMITIVE = {"integer": "long", "number": "double", "boolean": "boolean"}
KEYWORDS = {"default", "class", "new", "package", "switch", "case", "interface", "native", "public", "private", "short", "long", "int", "double", "float"}


def java_name(member):
    name = camel(member)
    name = name[0].lower() + name[1:]
    back = "".join("_" + c.lower() if c.isupper() else c for c in name)
    if name in KEYWORDS or back != member:
        raise SystemExit(f"member {member} has no Java name that leads back to it")
    return name


class Names:
    """Where each struct lives: a file of its own, or nested in the one whose name begins its own."""

    def __init__(self, structs):
        self.homes = {}
        tops = {s.name: s.name.removesuffix("Request") if s.root == "request" else s.name for s in structs if s.root or s.name in NAMES.values()}
        for s in structs:
            if s.name in tops:
                continue
            homes = [(len(prefix), top, prefix) for top, prefix in tops.items() if s.name.startswith(prefix)]
            if homes:
                _, top, prefix = max(homes)
                self.homes[s.name] = (top, s.name.removeprefix(prefix))
        self.tops = [s for s in structs if s.name not in self.homes]

    def simple(self, name):
        return self.homes[name][1] if name in self.homes else name

    def full(self, name):
        return ".".join(self.homes[name]) if name in self.homes else name


def java_type(kind, names, boxed=True):
    if kind.kind == "list":
        return f"List<{java_type(kind.item, names)}>"
    if kind.kind == "map":
        return f"Map<String, {java_type(kind.item, names)}>"
    if kind.kind == "struct":
        return names.full(kind.struct)
    return BOXED[kind.kind] if boxed or kind.kind not in PRIMITIVE else PRIMITIVE[kind.kind]


def fields_of(struct):
    """A request's constant is the annotation's, not the caller's."""
    return [f for f in struct.fields if not (struct.in_request and f.constant is not None)]


def component_type(f, struct, names):
    may_lack = struct.in_request or f.nullable or not f.required
    return java_type(f.type, names, boxed=may_lack)


def escape(text):
    return html.escape(text, quote=False).replace("@", "&#64;").replace("*/", "*&#47;")


def describe(f, struct):
    text = escape(f.doc) if f.doc else f.name.replace("_", " ")
    if f.type.kind in ("list", "map") and not struct.in_request:
        return text + ("; empty when absent" if not f.required else "")
    return text + ("; null when absent" if struct.in_request or f.nullable or not f.required else "")


def builder(struct, names):
    name = names.simple(struct.name)
    out = [
        "  /** A builder with nothing set. */",
        "  public static Builder builder() { return new Builder(); }",
        "",
        "  /** A builder that begins with what this has. */",
        "  public Builder toBuilder() {",
        "    Builder b = new Builder();",
    ]
    out += [f"    b.{java_name(f.name)} = {java_name(f.name)};" for f in fields_of(struct)]
    out += ["    return b;", "  }", "", f"  /** Builds {{@link {name}}}; what is not set is left out of the document. */", "  public static final class Builder {"]
    out += [f"    private {java_type(f.type, names)} {java_name(f.name)};" for f in fields_of(struct)]
    out += ["", "    private Builder() {}", ""]
    for f in fields_of(struct):
        member = java_name(f.name)
        for kind, value in setters(f, names):
            out += [
                f"    /** {describe(f, struct)}. */",
                f"    public Builder {member}({kind} value) {{ {member} = {value}; return this; }}",
                "",
            ]
    arguments = ", ".join(java_name(f.name) for f in fields_of(struct))
    out += ["    /** The finished part. */", f"    public {name} build() {{", f"      return new {name}({arguments});", "    }", "  }"]
    return out


SHORT_FORMS = {}  # struct name -> type of its member that may stand alone


def setters(f, names):
    yield java_type(f.type, names, boxed=f.type.kind not in PRIMITIVE), "value"
    if f.type.kind == "list" and f.type.item.kind == "text":
        yield "String...", "List.of(value)"
    if f.type.kind == "list" and f.type.item.kind == "integer":
        yield "long...", "Documents.list(value)"
    if f.type.kind == "list" and f.type.item.kind == "number":
        yield "double...", "Documents.list(value)"
    if f.type.kind == "struct" and f.type.struct in SHORT_FORMS:
        yield java_type(SHORT_FORMS[f.type.struct], names, boxed=False), f"{names.full(f.type.struct)}.of(value)"
    if f.type.kind == "struct" and f.type.struct in BUILT and f.type.struct not in SHORT_FORMS:
        yield f"{names.full(f.type.struct)}.Builder", "value.build()"


BUILT = set()


def record(struct, names, children):
    name = names.simple(struct.name)
    fields = fields_of(struct)
    out = ["/**"]
    if struct.root:
        out.append(f" * The document of docs/schema/{struct.document}.schema.json." + (f" {escape(struct.doc.rstrip('.'))}." if struct.doc else ""))
    else:
        out.append(f" * {escape(struct.doc.rstrip('.')) if struct.doc else 'A part of ' + struct.document + ' documents'}.")
    out.append(" *")
    out += [f" * @param {java_name(f.name)} {describe(f, struct)}" for f in fields]
    out.append(" */")
    wire = []
    if struct.short:
        wire.append(f'shortForm = "{struct.short}"')
    if struct.root == "request" and any(f.name == "schema" for f in struct.fields):
        wire.append("schema = 1")
    if wire:
        out.append(f"@Wire({', '.join(wire)})")
    components = ", ".join(f"{component_type(f, struct, names)} {java_name(f.name)}" for f in fields)
    out += [f"public record {name}({components}) {{"]
    copied = [f for f in fields if f.type.kind in ("list", "map")]
    if copied:
        out.append("  /** Copies lists and maps, so that nobody can change the record. */")
        out.append(f"  public {name} {{")
        copy = "copyOrNull" if struct.in_request else "copy"
        out += [f"    {java_name(f.name)} = Documents.{copy}({java_name(f.name)});" for f in copied]
        out += ["  }", ""]
    if struct.short:
        short = next(f for f in fields if f.name == struct.short)
        nulls = ", ".join(java_name(f.name) if f is short else "null" for f in fields)
        kind = java_type(short.type, names, boxed=False)
        out += [
            f"  /** The short form: {java_name(short.name)} alone. */",
            f"  public static {name} of({kind} {java_name(short.name)}) {{",
            f"    return new {name}({nulls});",
            "  }",
            "",
        ]
    if struct.in_request:
        out += builder(struct, names)
    for child in children:
        out += ["", *("  " + line if line else line for line in record(child, names, []))]
    out.append("}")
    return out


def files(structs):
    names = Names(structs)
    SHORT_FORMS.update({s.name: next(f.type for f in s.fields if f.name == s.short) for s in structs if s.short})
    BUILT.update(s.name for s in structs if s.in_request)
    out = {}
    for top in names.tops:
        children = [s for s in structs if names.homes.get(s.name, ("",))[0] == top.name]
        body = "\n".join(record(top, names, children)) + "\n"
        head = "// Generated by bindings/schema/generate.py from docs/schema. Do not edit.\npackage ai.dsk;\n\n"
        imports = [f"import java.util.{kind};\n" for kind in ("List", "Map") if kind + "<" in body or kind + ".of" in body]
        out[f"{FOLDER}/{top.name}.java"] = head + "".join(imports) + ("\n" if imports else "") + body
    return out

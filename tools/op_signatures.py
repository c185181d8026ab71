# SPDX-License-Identifier: Apache-2.0
"""Reads the definitions of ops and composites out of the C sources, as text, and parses their
signatures. (The language is described in include/thalweg/op.h; src/op/signature.c is the library's
own parser of it.)"""
import re
from dataclasses import dataclass, field

WORDS = re.compile(r'"(?:\\.|[^"\\])*"|\w+')
DEFINE = re.compile(r'^#define[ \t]+(\w+)[ \t]+((?:"(?:\\.|[^"\\\n])*"|\w+|[ \t]|\\\n)+)$', re.M)
ESCAPES = {"n": "\n", "t": "\t"}


class Fault(Exception):
    """What is wrong with a definition, and in which file."""


# ---- what is read --------------------------------------------------------------------------------

@dataclass
class Arg:
    name: str
    kind: str             # as written: "T", "N * T", "Ref(T)" ...; of a composite "tensor" ...
    is_list: bool = False


@dataclass
class Attr:
    name: str
    kind: str             # "int", "list(type)" ...
    allowed: str = ""     # "SAME" or "VALID", for people
    default: object = None  # the text after "="; None: none
    inferred: bool = False


@dataclass
class Op:
    name: str             # the op's type, or the composite's name
    path: str
    signature: str        # "?..." says why it could not be read
    doc: str = ""
    builder: object = None
    inputs: list = field(default_factory=list)
    outputs: list = field(default_factory=list)
    attrs: list = field(default_factory=list)


def unescape(text):
    return re.sub(r"\\(.)", lambda m: ESCAPES.get(m[1], m[1]), text)


def without_comments(text):
    return re.sub(r'("(?:\\.|[^"\\\n])*")|/\*.*?\*/', lambda m: m[1] or " ", text, flags=re.S)


def join_strings(text, defines):
    """The C string that adjacent literals and names of string macros make."""
    out = ""
    for word in WORDS.findall(text):
        if word[0] == '"':
            out += unescape(word[1:-1])
        elif word in defines:
            out += join_strings(defines[word], defines)
        else:
            raise Fault("%s is no string that can be read as text" % word)
    return out


def split_top(text, mark=","):
    """Splits at `mark` outside of quotes and brackets."""
    parts, depth, start = [], 0, 0
    for match in re.finditer(r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])+\'|[(){}\[\]%s]' % mark, text):
        token = match.group()
        if token in "([{":
            depth += 1
        elif token in ")]}":
            depth -= 1
        elif token == mark and depth == 0:
            parts.append(text[start:match.start()])
            start = match.end()
    return parts + [text[start:]]


def members(body, defines, wanted):
    """The string members `wanted` of a C initializer."""
    found = {}
    for part in split_top(body):
        match = re.match(r"\s*\.(\w+)\s*=\s*(.*)", part, re.S)
        if match and match[1] in wanted and match[2].strip() != "NULL":
            found[match[1]] = join_strings(match[2], defines)
    return found


def read_definitions(folder, kind, prefix):
    """Every `const KIND PREFIX_NAME = {...};` of the C files in a folder."""
    files = sorted(folder.rglob("*.c")) + sorted(folder.rglob("*.h"))
    texts = {path: without_comments(path.read_text()) for path in files}
    shared = {m[1]: m[2] for text in texts.values() for m in DEFINE.finditer(text)}
    start = re.compile(r"^const %s %s_(\w+)\s*=\s*\{(.*?)^\};" % (kind, prefix), re.M | re.S)
    for path, text in texts.items():
        defines = dict(shared, **{m[1]: m[2] for m in DEFINE.finditer(text)})
        for match in start.finditer(text):
            where = "%s: %s" % (path.name, match[1])
            try:
                found = members(match[2], defines, ("signature", "doc", "builder"))
            except Fault as fault:
                found = {"signature": "?%s" % fault}
            yield Op(match[1], where, found.get("signature", "?no signature"),
                     found.get("doc", ""), found.get("builder"))


def read_rows(ops):
    """The ops of elementwise.def: KIND(Name, ARGUMENTS, DTYPES, ..., "doc", "example")."""
    path = ops / "elementwise.def"
    if not path.exists():
        return
    defines = {m[1]: m[2] for m in DEFINE.finditer((ops / "elementwise_signatures.h").read_text())}
    text = without_comments(path.read_text())
    position = 0
    for match in re.finditer(r"^([A-Z_]+)\(", text, re.M):
        if match.start() < position:
            continue
        depth, position = 1, match.end()
        for token in re.finditer(r'"(?:\\.|[^"\\])*"|[()]', text[match.end():]):
            depth += {"(": 1, ")": -1}.get(token.group(), 0)
            if depth == 0:
                position = match.end() + token.start()
                break
        row = [part.strip() for part in split_top(text[match.end():position])]
        where = "elementwise.def: " + row[0]
        try:
            signature = join_strings("ARGS_%s SET_%s" % (row[1], row[2]), defines)
            yield Op(row[0], where, signature, join_strings(row[-2], defines))
        except (Fault, IndexError) as fault:
            yield Op(row[0], where, "?%s" % fault)


def read_list(path, macro):
    text = without_comments(path.read_text()) if path.exists() else ""
    return re.findall(r"^%s\((\w+)\)" % macro, text, re.M)


# ---- the signature language ----------------------------------------------------------------------

def parse_args(text, op):
    args = []
    for part in split_top(text):
        if part.strip():
            name, mark, kind = part.partition(":")
            if not mark:
                raise Fault("%s: \"%s\" is no argument" % (op.path, part.strip()))
            args.append(Arg(name.strip(), kind.strip()))
    return args


def parse_attr(text, op):
    match = re.match(r"\s*(\w+)\s*:\s*(list\(.*?\)(?=\s*(?:>=|=|$))|\{.*?\}|\w+)"
                     r"\s*(?:>=\s*-?\w+)?\s*(?:=\s*(.*?))?\s*$", text, re.S)
    if not match:
        raise Fault("%s: \"%s\" is no attribute" % (op.path, text.strip()))
    name, kind, default = match.groups()
    is_list = kind.startswith("list(")
    inner = kind[5:-1].strip() if is_list else kind
    allowed = ""
    if inner.startswith("{"):
        words = [w.strip() for w in split_top(inner[1:-1])]
        strings = words[0][:1] in "\"'"
        allowed = " or ".join(words) if strings else ""
        inner = "string" if strings else "type"
    elif inner in ("number", "numbertype", "realnumber", "realnumbertype", "quantizedtype"):
        inner = "type"
    return Attr(name, "list(%s)" % inner if is_list else inner, allowed, default)


def check_read(op):
    if op.signature.startswith("?"):
        raise Fault("%s: %s" % (op.path, op.signature[1:]))


def parse_op(op):
    check_read(op)
    sections = split_top(op.signature, ";")
    inputs, arrow, outputs = sections[0].partition("->")
    op.inputs, op.outputs = parse_args(inputs, op), parse_args(outputs, op)
    if op.inputs and not arrow:
        raise Fault(op.path + ": the signature has no \"->\"")
    op.attrs = [parse_attr(s, op) for s in sections[1:] if s.strip()]
    by_name = {a.name: a for a in op.attrs}
    for args, is_input in ((op.inputs, True), (op.outputs, False)):
        for arg in args:
            words = re.findall(r"\w+", re.sub(r"^Ref\b", "", arg.kind))
            kind = by_name[words[-1]].kind if words[-1] in by_name else ""
            arg.is_list = len(words) == 2 or kind.startswith("list(")
            for word in words:
                if is_input and word in by_name:
                    by_name[word].inferred = True

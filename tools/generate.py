#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""generate.py --source ROOT --out DIRECTORY: makes what follows from the ops' signatures.

Reads as text: src/ops/*.c (definitions `const tw_op_definition tw_op_NAME = {...};`),
src/ops/elementwise.def (a row is an op), src/ops/list.def (`OP(Name)`), src/composites/*.c
(`const tw_composite tw_composite_NAME = {...};`) and src/composites/list.def (`COMPOSITE(name)`).

Writes: thalweg/ops.h      the typed builders of all ops and composites
        ops_builders.c     the functions behind them: a table for each op, for tw_build
        op_table.c         the registry's tables
        composites.h       what src/composites/*.c implement
        builders_check.inc a test: every option set to zero arrives, and defaults are the macros'
A file that would not change is left alone. An op with a fault is named and left out; --strict (a
test) makes that an error."""
import argparse
import os
import pathlib
import re
import sys
import textwrap
from dataclasses import dataclass

import composite_faces
from op_signatures import (Fault, Op, check_read, parse_args, parse_op, read_definitions,
                           read_list, read_rows, split_top)

RESERVED = set("""size where name device auto break case char const continue default do double else
enum extern float for goto if inline int long register restrict return short signed sizeof static
struct switch typedef union unsigned void volatile while bool true false and and_eq bitand bitor
catch class compl const_cast delete dynamic_cast explicit export friend mutable namespace new not
not_eq operator or or_eq private protected public reinterpret_cast static_cast template this throw
try typeid typename using virtual wchar_t xor xor_eq""".split())


said = False  # something was amiss


# ---- members of an args struct -------------------------------------------------------------------

@dataclass
class Member:
    name: str             # of the input, attribute or argument
    ctype: str
    kind: str             # TW_FIELD_...
    default: str = ""     # a C expression that is not zero; "": zero
    note: str = ""
    operand: bool = False  # goes through TW_OPERAND in the macro
    option: bool = False
    place: int = 0        # of the attribute in the signature, from one

    @property
    def member(self):
        return self.name + "_" if self.name in RESERVED else self.name


ATTR_TYPES = {
    "int": ("int64_t", "INT"), "float": ("double", "FLOAT"), "bool": ("bool", "BOOL"),
    "string": ("const char *", "STRING"), "type": ("tw_dtype", "TYPE"),
    "shape": ("tw_shape", "SHAPE"), "tensor": ("tw_array *", "TENSOR"),
    "func": ("const tw_func *", "FUNC"), "list(int)": ("tw_ints", "INTS"),
    "list(float)": ("tw_doubles", "FLOATS"), "list(bool)": ("tw_ints", "BOOLS"),
    "list(type)": ("tw_dtypes", "TYPES"), "list(shape)": ("tw_shapes", "SHAPES"),
    "list(string)": ("tw_strings", "STRINGS"),
}


def number_default(attr):
    """What the macro must say because zero is not the default."""
    text = attr.default
    if text is None:
        return ""
    if attr.kind == "bool":
        return "true" if text == "true" else ""
    if attr.kind in ("int", "float"):
        return "" if float(text) == 0 else text
    return "TW_SHAPE()" if attr.kind == "shape" and text.replace(" ", "") == "[]" else ""


def op_members(op):
    for arg in op.inputs:
        if arg.is_list:
            yield Member(arg.name, "tw_tensors", "INPUTS")
        else:
            yield Member(arg.name, "tw_operand", "INPUT", operand=True)
    names = {a.name for a in op.attrs}
    seeded = {"seed", "seed2"} <= names
    given = [a for a in op.attrs if not a.inferred and not (seeded and a.name == "seed2")]
    for attr in sorted(given, key=lambda a: a.default is not None):
        if seeded and attr.name == "seed":
            yield Member("seed", "const int64_t *", "SEED", option=True, note="TW_SEED(n)")
            continue
        if attr.kind not in ATTR_TYPES:
            if attr.default is None:
                raise Fault("%s: no builder can take %s (%s); say .builder = \"\""
                            % (op.path, attr.name, attr.kind))
            continue
        ctype, kind = ATTR_TYPES[attr.kind]
        note = attr.allowed
        if attr.default is not None:
            note += (", default " if note else "default ") + attr.default
        yield Member(attr.name, ctype, kind, number_default(attr), note,
                     option=attr.default is not None, place=op.attrs.index(attr) + 1)


COMPOSITE_TYPES = {
    "tensor": "tw_operand", "tensor?": "tw_tensor", "tensors": "tw_tensors", "int": "int64_t",
    "float": "double", "bool": "bool", "string": "const char *", "type": "tw_dtype",
    "shape": "tw_shape", "ints": "tw_ints", "floats": "tw_doubles", "types": "tw_dtypes",
    "shapes": "tw_shapes", "strings": "tw_strings", "seed": "const int64_t *",
    "initializer": "tw_initializer", "data": "const void *", "array": "tw_array *",
    "grad": "tw_grad",
}


def composite_type(kind, op):
    if kind.startswith("c:"):
        return kind[2:].strip()
    if kind not in COMPOSITE_TYPES:
        raise Fault("%s: no kind %s" % (op.path, kind))
    return COMPOSITE_TYPES[kind]


def composite_default(kind, text):
    if text is None or text in ("0", "false", "NULL"):
        return ""
    if kind == "type":
        return "TW_" + {"float": "FLOAT32", "double": "FLOAT64", "half": "FLOAT16"}.get(
            text, text.upper())
    if kind == "ints":
        return "TW_INTS(%s)" % text.strip("[] ")
    if kind == "shape":
        return "TW_SHAPE(%s)" % text.strip("[] ")
    return text


def parse_composite(op):
    """"a: tensor, b: int; axis: ints; keep_dims: bool = false -> output: tensor"."""
    check_read(op)
    before, _, after = op.signature.partition("->")
    op.outputs = parse_args(after, op)
    sections = split_top(before, ";")
    for index, text in enumerate(split_top(sections[0]) + sections[1:]):
        if not text.strip():
            continue
        head, _, default = text.partition("=")
        name, mark, kind = (w.strip() for w in head.partition(":"))
        if not mark:
            raise Fault("%s: \"%s\" is no argument" % (op.path, text.strip()))
        if name == "name":
            continue
        option = index >= len(split_top(sections[0]))
        kind = "tensor?" if option and kind == "tensor" else kind
        op.attrs.append(Member(name, composite_type(kind, op), kind,
                               composite_default(kind, default.strip() or None),
                               "default " + default.strip() if default.strip() else "",
                               operand=kind == "tensor", option=option))


# ---- C text --------------------------------------------------------------------------------------

def snake_case(name):
    """As TensorFlow makes Python's names: BiasAdd -> bias_add, L2Loss -> l2_loss."""
    out = ""
    for i, c in enumerate(name):
        if c.isupper() and i and (name[i - 1].islower() or name[i + 1:i + 2].islower()):
            out += "_"
        out += c.lower()
    return out


def comment(text):
    lines = textwrap.wrap(text.replace("*/", "* /"), 94, break_long_words=False)
    return "/* " + "\n * ".join(lines) + " */\n"


def declare(ctype, name):
    return ctype + ("" if ctype.endswith("*") else " ") + name


@dataclass
class Face:
    """A builder: what C programs see of an op or composite."""
    name: str             # without tw_
    op: Op
    members: list
    composite: bool

    @property
    def args(self):
        return "struct tw_%s_args" % self.name

    @property
    def result(self):
        outputs = self.op.outputs
        if len(outputs) > 1:
            return "struct tw_%s_result" % self.name
        return self.output_type(outputs[0]) if outputs else "tw_tensor"

    def function(self):
        return declare(self.result, "tw_%s_" % self.name)

    def output_type(self, arg):
        if self.composite:
            kind = composite_type(arg.kind, self.op)
            return "tw_tensor" if kind == "tw_operand" else kind
        return "tw_tensors" if arg.is_list else "tw_tensor"

    def pattern(self):
        """One letter for each positional member up to the last that TW_OPERAND converts."""
        letters = "".join("o" if m.operand else "p" for m in self.members if not m.option)
        return letters[:letters.rindex("o") + 1] if "o" in letters else ""

    def defaults(self):
        return ["." + m.member + " = " + m.default for m in self.members if m.default]


def parameters(pattern):
    return ["abcdefghijklmnopqrstuvwxyz"[i] for i in range(len(pattern))]


def wrapper_macro(pattern):
    names = parameters(pattern)
    values = ["TW_OPERAND(%s)" % n if p == "o" else n for n, p in zip(names, pattern)]
    head = ", ".join(["call", "defaults"] + names + ["..."])
    body = ", ".join(values + ["__VA_ARGS__"])
    return ("#define TW_BUILD_%s_(%s) \\\n"
            "    call##_(&(struct call##_args){.size = sizeof(struct call##_args), \\\n"
            "        TW_UNWRAP_ defaults .where = TW_HERE, %s})\n" % (pattern, head, body))


def face_macro(face):
    pattern = face.pattern()
    defaults = "".join(d + ", " for d in face.defaults())
    return "#define tw_%s(...) TW_BUILD_%s_(tw_%s, (%s), __VA_ARGS__%s)\n" % (
        face.name, pattern, face.name, defaults, ", " if pattern else "")


def result_struct(face):
    if len(face.op.outputs) < 2:
        return ""
    lines = ["    %s;" % declare(face.output_type(a), Member(a.name, "", "").member)
             for a in face.op.outputs]
    return "struct tw_%s_result {\n%s\n};\n" % (face.name, "\n".join(lines))


def face_header(face):
    op = face.op
    doc = op.doc.strip() or "(not documented)"
    head = "tw_%s: %s" % (face.name, doc) if face.composite else "%s: %s" % (op.name, doc)
    lines = ["    size_t size;", "    tw_where where;"]
    for m in face.members:
        note = " /* %s */" % m.note if m.note else ""
        lines.append("    %s;%s" % (declare(m.ctype, m.member), note))
    lines += ["    const char *name;"] + ([] if face.composite else ["    const char *device;"])
    return (comment(head) + result_struct(face) +
            "%s {\n%s\n};\n" % (face.args, "\n".join(lines)) +
            "TW_API %s(const %s *args);\n" % (face.function(), face.args) +
            "TW_API %s tw_%s_args_default(void);\n" % (face.args, face.name) +
            "#ifndef __cplusplus\n" + face_macro(face) + "#endif\n")


HEADER_TOP = """\
/* SPDX-License-Identifier: Apache-2.0
 * Made by tools/generate.py from the signatures: a builder for each op and composite. The macro
 * takes inputs (and what has no default) by position, the rest by name; behind it stand a function
 * for a struct of arguments, and the struct's defaults for C++ and other languages. */
#ifndef THALWEG_OPS_H
#define THALWEG_OPS_H

#include <thalweg/control_flow.h>
#include <thalweg/gradients.h>
#include <thalweg/operand.h>
#include <thalweg/rnn.h>
#include <thalweg/variables.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef __cplusplus
#define TW_UNWRAP_(...) __VA_ARGS__
"""

HELPERS = {
    "length": """\
/* The number of elements of a list output, which an attribute says. */
static size_t length(tw_operation *op, const char *name)
{
    const tw_attr *attr = op ? tw_operation_attr(op, name) : NULL;
    if (!attr)
        return 0;
    return attr->list ? attr->count : (size_t)attr->value.i;
}

""", "output": """\
static tw_tensor output(tw_operation *op, size_t index)
{
    return (tw_tensor){op, op ? (int32_t)index : 0};
}

""", "outputs": """\
static tw_tensors outputs(tw_operation *op, size_t from, size_t count)
{
    return op ? tw_build_results(op, from, count) : (tw_tensors){NULL, 0};
}

""", "complete": """\
/* A caller that knows fewer members gets the defaults of the others. */
static void complete(void *full, size_t size, const void *args)
{
    size_t given = *(const size_t *)args;
    memcpy(full, args, given < size ? given : size);
    *(size_t *)full = size;
}

"""}

SOURCE_TOP = """\
/* SPDX-License-Identifier: Apache-2.0
 * Made by tools/generate.py: the functions behind the builders of thalweg/ops.h. */
#include <string.h>

#include "composites.h"
#include "op/op.h"
#include "thalweg/ops.h"

#define FIELD(builder, member, name, kind, place) \\
    {name, offsetof(struct tw_##builder##_args, member), TW_FIELD_##kind, place}
#define BUILDER(op, builder, fields, count, place) \\
    {op, sizeof(struct tw_##builder##_args), &defaults_##builder, fields, count, \\
     offsetof(struct tw_##builder##_args, name), offsetof(struct tw_##builder##_args, device), \\
     place}

"""


def output_values(face):
    """A C expression for each output of an op, after its operation `op` was made."""
    at, values = ["0"], []
    for arg in face.op.outputs:
        start = " + ".join(at[1:]) or "0"
        if arg.is_list:
            words = re.findall(r"\w+", re.sub(r"^Ref\b", "", arg.kind))
            count = "length(op, \"%s\")" % words[0]
            values.append("outputs(op, %s, %s)" % (start, count))
            at.append(count)
        else:
            values.append("output(op, %s)" % start)
            at.append("1")
    return values


def op_function(face):
    head = "%s(const %s *args)\n{\n" % (face.function(), face.args)
    build = "tw_build(&builder_%s, args)" % face.name
    if len(face.op.outputs) < 2 and not any(a.is_list for a in face.op.outputs):
        return head + "    return tw_build_result(%s);\n}\n" % build
    values = output_values(face)
    result = values[0]
    if len(values) > 1:
        result = "(%s){%s}" % (face.result, ",\n        ".join(values))
    return head + "    tw_operation *op = %s;\n    return %s;\n}\n" % (build, result)


def composite_function(face):
    return ("%s(const %s *args)\n{\n    %s full = defaults_%s;\n"
            "    complete(&full, sizeof full, args);\n    return tw_%s_build(&full);\n}\n"
            % (face.function(), face.args, face.args, face.name, face.name))


def face_source(face, places):
    defaults = ", ".join([".size = sizeof(%s)" % face.args] + face.defaults())
    out = "static const %s defaults_%s = {%s};\n" % (face.args, face.name, defaults)
    if not face.composite:
        fields = "NULL"
        if face.members:
            fields = "fields_" + face.name
            rows = "".join("    FIELD(%s, %s, \"%s\", %s, %d),\n"
                           % (face.name, m.member, m.name, m.kind, m.place)
                           for m in face.members)
            out += "static const tw_field %s[] = {\n%s};\n" % (fields, rows)
        out += "static const tw_builder builder_%s = BUILDER(\"%s\", %s, %s, %d, %d);\n" % (
            face.name, face.op.name, face.name, fields, len(face.members), places[face.op.name])
    out += composite_function(face) if face.composite else op_function(face)
    return out + "%s tw_%s_args_default(void)\n{\n    return defaults_%s;\n}\n\n" % (
        face.args, face.name, face.name)


def ops_header(faces):
    patterns = sorted({f.pattern() for f in faces}, key=lambda p: (len(p), p))
    return (HEADER_TOP + "".join(map(wrapper_macro, patterns)) + "#endif\n\n" +
            "\n".join(map(face_header, faces)) +
            "\n#ifdef __cplusplus\n}\n#endif\n#endif\n")


def builders_source(faces, ops):
    rows = "".join("    &builder_%s,\n" % f.name for f in faces if not f.composite)
    places = {name: i + 1 for i, name in enumerate(sorted(o.name for o in ops))}
    body = "".join(face_source(face, places) for face in faces)
    helpers = [text for name, text in HELPERS.items() if re.search(r"\b%s\(" % name, body)]
    return (SOURCE_TOP + "".join(helpers) + body +
            "const tw_builder *const tw_builtin_builders[] = {\n%s    NULL,\n};\n\n" % rows +
            composite_faces.source(faces))


def table_source(ops, composites):
    names, made = sorted(o.name for o in ops), sorted(c.name for c in composites)
    return ("/* SPDX-License-Identifier: Apache-2.0\n"
            " * Made by tools/generate.py: the registry's tables, sorted by name. */\n"
            "#include \"op/op.h\"\n\n" +
            "".join("extern const tw_op_definition tw_op_%s;\n" % n for n in names) +
            "".join("extern const tw_composite tw_composite_%s;\n" % n for n in made) +
            "\nconst tw_builtin_op tw_builtin_ops[] = {\n" +
            "".join("    {\"%s\", &tw_op_%s},\n" % (n, n) for n in names) +
            "    {NULL, NULL},\n};\n"
            "\nconst tw_composite *const tw_builtin_composites[] = {\n" +
            "".join("    &tw_composite_%s,\n" % n for n in made) + "    NULL,\n};\n"
            "\nconst char *const tw_builtin_composite_names[] = {\n" +
            "".join("    \"%s\",\n" % n for n in made) + "    NULL,\n};\n")


def composites_header(faces):
    return ("/* SPDX-License-Identifier: Apache-2.0\n"
            " * Made by tools/generate.py: what the composites implement. `args` is complete:\n"
            " * members that the caller does not know have their defaults. */\n"
            "#ifndef TW_COMPOSITES_H\n#define TW_COMPOSITES_H\n\n#include <thalweg/thalweg.h>\n\n" +
            "".join("%s(const %s *args);\n" % (declare(f.result, "tw_%s_build" % f.name), f.args)
                    for f in faces if f.composite) + "\n#endif\n")


# ---- the test of the macros ----------------------------------------------------------------------

ZEROS = {"int64_t": "0", "double": "0", "bool": "false", "tw_dtype": "(tw_dtype)0",
         "tw_operand": "NO_OPERAND"}
NUMBERS = ("int64_t", "double", "bool")
# Compared part by part, as what pads them has any bits; all else is compared as a whole.
PARTS = {"tw_tensor": (".op", ".index"), "tw_operand": (".kind",)}


def zero_of(ctype):
    return "NULL" if ctype.endswith("*") else ZEROS.get(ctype, "((%s){0})" % ctype)


def face_check(face):
    """Two calls of the macro, caught by two functions in place of the builder's."""
    inputs = [zero_of(m.ctype) for m in face.members if not m.option]
    options = [(m.member, zero_of(m.ctype)) for m in face.members if m.option]
    options += [("name", "NULL")] + ([] if face.composite else [("device", "NULL")])
    call = ", ".join(inputs + [".%s = %s" % pair for pair in options])
    parts = {m.member: PARTS.get(m.ctype, ("",)) for m in face.members}
    zeros = "".join("    ZERO(\"%s\", \"%s\", args->%s%s);\n" % (face.name, name, name, part)
                    for name, _ in options for part in parts.get(name, ("",)))
    same = "".join("    SAME(\"%s\", \"%s\", args->%s, known.%s);\n"
                   % (face.name, m.member, m.member, m.member)
                   for m in face.members if m.ctype in NUMBERS and m.option)
    known = "    %s known = tw_%s_args_default();\n" % (face.args, face.name) if same else ""
    return ("static void zeros_%s(const %s *args)\n{\n    (void)args;\n%s}\n"
            "static void same_%s(const %s *args)\n{\n    (void)args;\n%s%s}\n"
            "static void check_%s(void)\n{\n#define tw_%s_ zeros_%s\n    tw_%s(%s);\n"
            "#undef tw_%s_\n#define tw_%s_ same_%s\n    tw_%s(%s);\n#undef tw_%s_\n}\n\n"
            % ((face.name, face.args, zeros, face.name, face.args, known, same) +
               (face.name,) * 4 + (call,) + (face.name,) * 4 + (", ".join(inputs), face.name)))


def check_source(faces):
    return ("/* Made by tools/generate.py for tests/op/test_builders.c. */\n" +
            "".join(map(face_check, faces)) + "static void check_every_builder(void)\n{\n" +
            "".join("    check_%s();\n" % f.name for f in faces) + "}\n")


# ---- the whole -----------------------------------------------------------------------------------

def say(message):
    global said
    said = True
    print("generate.py: " + message, file=sys.stderr)


def listed(found, names, what, path):
    """Those of `found` that the list names, each once; what is amiss is said and left out."""
    by_name = {}
    for op in found:
        if op.name in by_name:
            say("%s: defined twice, also in %s" % (op.path, by_name[op.name].path))
        by_name[op.name] = op
        if op.name not in names:
            say("%s has no line %s(%s) in %s" % (op.path, what, op.name, path))
    for name in sorted(set(names)):
        if name not in by_name:
            say("%s: %s has no definition" % (path, name))
        if names.count(name) > 1:
            say("%s: %s stands twice" % (path, name))
    for name, after in zip(names, names[1:]):
        if name > after:
            say("%s: %s stands before %s; the list is in order of name" % (path, name, after))
    return [by_name[name] for name in sorted(set(names)) if name in by_name]


def parsed(ops, parse):
    """Those whose signature can be read."""
    good = []
    for op in ops:
        try:
            parse(op)
            good.append(op)
        except Fault as fault:
            say(str(fault))
    return good


def read_all(root):
    ops = listed(list(read_definitions(root / "src/ops", "tw_op_definition", "tw_op")),
                 read_list(root / "src/ops/list.def", "OP"), "OP", "src/ops/list.def")
    ops += read_rows(root / "src/ops")
    composites = listed(
        list(read_definitions(root / "src/composites", "tw_composite", "tw_composite")),
        read_list(root / "src/composites/list.def", "COMPOSITE"), "COMPOSITE",
        "src/composites/list.def")
    return parsed(ops, parse_op), parsed(composites, parse_composite)


def make_faces(root, ops, composites):
    """A composite takes the name of an op that says none; the op's own builder is raw_NAME then."""
    faces, taken_by_composites = [], {c.name for c in composites}
    for op in ops:
        name = snake_case(op.name) if op.builder is None else op.builder
        if op.builder is None and name in taken_by_composites:
            name = "raw_" + name
        if name:
            try:
                faces.append(Face(name, op, list(op_members(op)), False))
            except Fault as fault:
                say(str(fault))
    faces += [Face(c.name, c, c.attrs, True) for c in composites]
    taken = {}
    for path in sorted((root / "include/thalweg").glob("*.h")):
        for names in re.findall(r"^#define tw_(\w+)\(|\btw_(\w+)_\(|struct tw_(\w+)_args",
                                path.read_text(), re.M):
            taken["".join(names)] = path.name
    good = []
    for face in faces:
        if face.name in taken:
            say("%s: a builder tw_%s is also in %s; say .builder = \"other\" or \"\""
                % (face.op.path, face.name, taken[face.name]))
            continue
        taken[face.name] = face.op.path
        good.append(face)
    return sorted(good, key=lambda f: f.name)


def write(path, text):
    if path.exists() and path.read_text() == text:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(path.name + ".new%d" % os.getpid())
    new.write_text(text)
    new.replace(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--source", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--strict", action="store_true", help="fail if anything was amiss")
    options = parser.parse_args()
    try:
        ops, composites = read_all(options.source)
        faces = make_faces(options.source, ops, composites)
    except Fault as fault:
        print("generate.py: %s" % fault, file=sys.stderr)
        return 1
    write(options.out / "thalweg/ops.h", ops_header(faces))
    write(options.out / "composites.h", composites_header(faces))
    write(options.out / "ops_builders.c", builders_source(faces, ops))
    write(options.out / "builders_check.inc", check_source(faces))
    write(options.out / "op_table.c", table_source(ops, composites))
    return int(options.strict and said)


sys.exit(main())

# SPDX-License-Identifier: Apache-2.0
"""C text: the composites by name, for callers that find them at run time (front ends). A composite
with an argument that no table can describe (a cell, a callback) is left out."""

FIELDS = {"tensor": "INPUT", "tensor?": "OPTIONAL", "tensors": "INPUTS", "int": "INT",
          "float": "FLOAT", "bool": "BOOL", "string": "STRING", "type": "TYPE", "shape": "SHAPE",
          "ints": "INTS", "floats": "FLOATS", "types": "TYPES", "shapes": "SHAPES",
          "strings": "STRINGS", "seed": "SEED", "array": "TENSOR"}
RESULTS = {"tw_tensor": "OPTIONAL", "tw_tensors": "INPUTS"}

ENTRY = """\
static void call_%(name)s(const void *args, void *out)
{
    *(%(result)s *)out = tw_%(name)s_(args);
}
static const tw_field arguments_%(name)s[] = {
%(arguments)s    {NULL, 0, 0, 0},
};
static const tw_field results_%(name)s[] = {
%(results)s};
static const tw_composite_face face_%(name)s = {
    .name = "%(name)s", .args_size = sizeof(%(args)s), .defaults = &defaults_%(name)s,
    .fields = arguments_%(name)s, .field_count = %(count)d,
    .name_offset = offsetof(%(args)s, name), .results = results_%(name)s,
    .result_count = %(result_count)d, .result_size = sizeof(%(result)s), .call = call_%(name)s};

"""


def is_plain(face):
    return face.composite and all(m.kind in FIELDS for m in face.members) and \
        face.op.outputs and all(face.output_type(o) in RESULTS for o in face.op.outputs)


def values(face):
    arguments = "".join("    {\"%s\", offsetof(%s, %s), TW_FIELD_%s, 0},\n"
                        % (m.name, face.args, m.member, FIELDS[m.kind]) for m in face.members)
    results = ""
    for output in face.op.outputs:
        at = "offsetof(%s, %s)" % (face.result, output.name) if len(face.op.outputs) > 1 else "0"
        results += "    {\"%s\", %s, TW_FIELD_%s, 0},\n" % (
            output.name, at, RESULTS[face.output_type(output)])
    return {"name": face.name, "args": face.args, "result": face.result, "arguments": arguments,
            "results": results, "count": len(face.members),
            "result_count": len(face.op.outputs)}


def source(faces):
    """The table, sorted by name, which ends with NULL."""
    plain = [values(f) for f in faces if is_plain(f)]
    return ("".join(ENTRY % v for v in plain) +
            "const tw_composite_face *const tw_builtin_composite_faces[] = {\n" +
            "".join("    &face_%(name)s,\n" % v for v in plain) + "    NULL,\n};\n")

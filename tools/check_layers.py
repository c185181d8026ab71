#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""check_layers.py: a folder of src/ includes only what its layer may know; a public header includes
public headers alone, without a circle. Prints each breach; exit status 1 if there is one."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent

# Each layer and the layers whose inner headers it may include, besides its own.
MAY = {
    "base": "",
    "wire": "base",
    "tensor": "base",
    "kernels": "base tensor",
    "op": "base tensor",
    "graph": "base wire tensor op",
    "ops": "base tensor kernels op",
    "composites": "",
    "autodiff": "base tensor op graph",
    "plan": "base tensor kernels op graph ops",
    "runtime": "base tensor kernels op graph ops plan",
    "train": "",
}
# Files that are the face of one layer to another: op/define.h is what the files of src/ops include.
FACES = {"src/op/define.h": "ops"}
# The order of the layers, for public headers: one may be included by its own layer and by those
# after it.
ORDER = list(MAY)
PUBLIC = {
    "base.h": "base", "status.h": "base",
    "dtype.h": "tensor", "shape.h": "tensor", "array.h": "tensor",
    "op.h": "op", "graph.h": "op", "operand.h": "op",
    "gradients.h": "op", "variables.h": "graph", "control_flow.h": "graph",
    "ops.h": "ops", "thalweg.h": "ops",
    "session.h": "plan", "callable.h": "plan", "train.h": "train",
}
GENERATED = ("op_table.h",)
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]+(["<])([^">]+)[">]', re.M)


def includes(path):
    """(text, resolved path or None) of every include that names a file of the tree."""
    for quote, name in INCLUDE.findall(path.read_text(encoding="utf-8")):
        places = [ROOT / "include", ROOT / "src"]
        if quote == '"':
            places.insert(0, path.parent)
        found = next((p / name for p in places if (p / name).is_file()), None)
        if name == "thalweg/ops.h":
            found = ROOT / "include" / name  # made by the build
        yield name, found.resolve() if found else None, quote


def relative(path):
    return path.relative_to(ROOT).as_posix()


def breach_of(layer, path, target):
    """Why a file of src/LAYER may not include target; None if it may."""
    parts = target.relative_to(ROOT).parts
    if parts[:2] == ("include", "thalweg"):
        owner = PUBLIC.get(parts[-1])
        if owner is None:
            return "is a public header of no layer: name it in tools/check_layers.py"
        public_user = layer in ("composites", "train")
        if not public_user and ORDER.index(owner) > ORDER.index(layer):
            return "belongs to the higher layer " + owner
        return None
    if parts[0] != "src":
        return "is outside src/ and include/"
    if parts[1] != layer and parts[1] not in MAY[layer].split():
        return "belongs to %s; %s may include %s" % (parts[1], layer,
                                                     MAY[layer] or "public headers")
    return None


def check_sources():
    for path in sorted(p for p in (ROOT / "src").rglob("*") if p.suffix in (".c", ".h", ".def")):
        layer = FACES.get(relative(path), path.relative_to(ROOT / "src").parts[0])
        if layer not in MAY:
            yield "%s: the folder is no layer: name it in tools/check_layers.py" % relative(path)
            continue
        for name, target, quote in includes(path):
            why = breach_of(layer, path, target) if target else None
            if not target and quote == '"' and name not in GENERATED:
                why = "does not exist"
            if why:
                yield '%s: "%s" %s' % (relative(path), name, why)


def check_public():
    graph = {}
    for path in sorted((ROOT / "include/thalweg").glob("*.h")):
        graph[path.name] = []
        for name, target, quote in includes(path):
            if target and target.parent.name == "thalweg":
                graph[path.name].append(target.name)
            elif quote == '"':
                yield '%s: "%s" is no public header' % (relative(path), name)

    def walk(name, trail):
        if name in trail:
            yield "public headers in a circle: " + " -> ".join(trail[trail.index(name):] + [name])
        elif name in graph:
            for other in graph[name]:
                yield from walk(other, trail + [name])

    for name in graph:
        yield from (line for line in walk(name, []) if line.endswith("-> " + name))


def check_programs():
    """Examples see what a user sees."""
    for path in sorted((ROOT / "examples").rglob("*.[ch]")):
        for name, target, quote in includes(path):
            if target and relative(target).startswith("src/"):
                yield '%s: "%s" is not public' % (relative(path), name)


def main():
    breaches = [*check_sources(), *check_public(), *check_programs()]
    print("\n".join(breaches) if breaches else "layers: all includes go down")
    return bool(breaches)


sys.exit(main())

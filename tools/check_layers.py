#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""check_layers.py: a folder of src/ includes only what its layer may know; a public header includes
public headers alone, without a circle. In the Python package a module imports when it is loaded
only what its folder's layer may know, without a circle; what is imported inside functions (an
operator of a tensor, a method that runs a session) is loaded at its first use and is free. Prints
each breach; exit status 1 if there is one."""
import ast
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
# The folders of python/thalweg (and modules beside them), each with those that it may import when
# it is loaded. The root is `thalweg` itself, which loads almost nothing.
PYTHON_MAY = {
    "root": "_api",
    "_api": "root compat",
    "util": "root",
    "platform": "root util",
    "protos": "root util",
    "compat": "root _api protos framework ops",
    "framework": "root util platform protos compat",
    "ops": "root util platform protos compat framework layers",
    "layers": "root _api util framework ops training",
    "training": "root util platform protos compat framework ops",
    "client": "root util compat framework",
    "contrib": "root _api util framework ops layers training",
    "__main__": "root compat",
    "pywrap_tensorflow": "framework",
}
# Files lie under the folder that TensorFlow's programs import, but raise the framework's errors.
PYTHON_FACES = {"thalweg.platform.gfile": "framework"}
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

    yield from circles(graph, "public headers in a circle: ")


def check_programs():
    """Examples see what a user sees."""
    for path in sorted((ROOT / "examples").rglob("*.[ch]")):
        for name, target, quote in includes(path):
            if target and relative(target).startswith("src/"):
                yield '%s: "%s" is not public' % (relative(path), name)


def python_modules():
    """{dotted name: path} of the Python package."""
    package = ROOT / "python"
    return {".".join(p.relative_to(package).with_suffix("").parts).replace(".__init__", ""): p
            for p in sorted((package / "thalweg").rglob("*.py"))}


def loaded_with(path, modules):
    """The modules of the package that are imported when the one at `path` is loaded."""
    inside = ast.parse(path.read_text(encoding="utf-8"))
    waiting = list(inside.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, (ast.If, ast.Try, ast.With)):
            waiting += [n for n in ast.iter_child_nodes(node) if isinstance(n, ast.stmt)]
        if isinstance(node, ast.ImportFrom) and not node.level:
            names = [node.module + "." + a.name for a in node.names]
            yield from (n if n in modules else node.module for n in names)
        elif isinstance(node, ast.Import):
            yield from (a.name for a in node.names)


def python_layer(module):
    if module in PYTHON_FACES:
        return PYTHON_FACES[module]
    parts = module.split(".")
    return parts[1] if len(parts) > 1 and parts[1] in PYTHON_MAY else \
        parts[1] if len(parts) > 2 else "root"


def check_python():
    modules = python_modules()
    loads = {}
    for module, path in modules.items():
        layer = python_layer(module)
        if layer not in PYTHON_MAY:
            yield "%s: the folder is no layer: name it in tools/check_layers.py" % relative(path)
            continue
        loads[module] = sorted({m for m in loaded_with(path, modules) if m in modules} - {module})
        for other in loads[module]:
            if python_layer(other) not in [layer, *PYTHON_MAY[layer].split()]:
                yield "%s: %s is loaded with it; %s may load %s" % (
                    relative(path), other, layer, PYTHON_MAY[layer])
    yield from circles(loads, "modules that load each other: ")


def circles(graph, what):
    """A line for each circle in {name: names}, found once, from the name at which it closes."""
    done, trail = set(), []

    def walk(name):
        if name in trail:
            yield what + " -> ".join(trail[trail.index(name):] + [name])
        elif name in graph and name not in done:
            trail.append(name)
            for other in graph[name]:
                yield from walk(other)
            trail.pop()
            done.add(name)

    for name in graph:
        yield from walk(name)


def main():
    breaches = [*check_sources(), *check_public(), *check_programs(), *check_python()]
    print("\n".join(breaches) if breaches else "layers: all includes and imports go down")
    return bool(breaches)


sys.exit(main())

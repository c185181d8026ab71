#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""sources.py KIND [posix|windows]: lists files of the tree for meson, one a line.

Kinds: library (src/ without the kinds that follow), dense (see DENSE), kernels, rare (kernels named
*_rare.c), small (what is compiled for size: see SMALL, and folders named rare), isa, op-inputs
(what ops.h is made from), command, support (shared by tests), python-core (the extension),
python-package (what is installed with it); examples, bench and tests as NAME:FILE,FILE... Paths are
relative to the folder of the meson.build that asks. Kind all lists everything, to see whether a
file came or went. A file named os_*posix.c or os_*windows.c is taken on that system only."""
import os
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
LAYERS = ("base", "wire", "tensor", "kernels", "op", "graph", "ops", "composites", "autodiff",
          "plan", "runtime", "train")
# Layers in which no time is spent while a step runs.
SMALL = ("composites", "train", "wire")
# Layers in which no loop is as short as what it takes to reach it: they are laid out densely. What
# every graph needs comes first, so that it lies together: systems map code in by 64 KB.
DENSE = ("graph", "plan", "ops", "autodiff")
# For the same reason the ops that nearly every graph has come before the others.
OFTEN_OPS = ("assign", "const", "elementwise", "identity", "placeholder", "variable")
# Kernels that every graph needs come last, next to the library's other code.
OFTEN = ("isa", "tile")
# The same as SMALL of files elsewhere: graphs written, read and shown.
SMALL_FILES = ("graph/explain.c", "graph/export_*.c", "graph/find_regions.c",
               "graph/graph_export.c", "graph/graph_import.c", "graph/import_*.c",
               "graph/tensor_proto.c", "runtime/explain.c", "runtime/save.c", "runtime/show.c",
               "plan/verify.c", "tensor/print*.c")
ASKING = {"library": "src", "dense": "src", "kernels": "src", "rare": "src", "small": "src",
          "isa": "src", "op-inputs": "include/thalweg", "command": "tools", "support": "tests",
          "tests": "tests", "examples": "examples", "bench": "bench", "python-core": "python",
          "python-package": "python"}


def listed(folder, pattern="*.c"):
    return sorted((ROOT / folder).rglob(pattern))


def of_system(paths, system):
    other = "_posix.c" if system == "windows" else "_windows.c"
    return [p for p in paths if not (p.name.startswith("os_") and p.name.endswith(other))]


def in_isa(path):
    return path.parent.name == "isa"


def is_small(path):
    inside = path.relative_to(ROOT / "src")
    return (path.parent.name == "rare" or inside.parts[0] in SMALL
            or any(inside.match(name) for name in SMALL_FILES))


def is_often(path):
    return path.stem.split("_")[0] in OFTEN


def is_rarer(path):
    return path.parent.name == "ops" and path.stem not in OFTEN_OPS


def kind_of(path):
    if is_small(path):
        return "small"
    return "dense" if path.relative_to(ROOT / "src").parts[0] in DENSE else "library"


def layer_files(layers, system):
    files = [p for layer in layers for p in listed("src/" + layer)]
    return of_system([p for p in files if not in_isa(p)], system)


def programs(folder):
    """(name, files) for each file FOLDER/NAME.c and each folder FOLDER/NAME with C files."""
    for path in sorted((ROOT / folder).glob("*")):
        files = [path] if path.suffix == ".c" else sorted(path.glob("*.c")) if path.is_dir() else []
        if files:
            yield path.stem, files


def tests():
    for path in sorted((ROOT / "tests").glob("*/test_*.c")):
        yield "%s_%s" % (path.parent.name, path.stem[len("test_"):]), [path]


def op_inputs():
    return [p for layer in ("ops", "composites") for pattern in ("*.c", "*.h", "*.def")
            for p in listed("src/" + layer, pattern) if not in_isa(p)]


def files_of(kind, system):
    if kind in ("library", "dense", "small"):
        layers = DENSE if kind == "dense" else [l for l in LAYERS if l != "kernels"]
        files = [p for layer in layers for p in sorted(layer_files([layer], system), key=is_rarer)]
        return [p for p in files if kind_of(p) == kind]
    if kind in ("kernels", "rare"):
        return [p for p in sorted(layer_files(["kernels"], system), key=is_often)
                if p.name.endswith("_rare.c") == (kind == "rare")]
    if kind == "isa":
        return [p for layer in ("kernels", "ops") for p in listed("src/" + layer) if in_isa(p)]
    if kind == "op-inputs":
        return op_inputs()
    if kind == "python-package":
        return [p for p in listed("python/thalweg", "*") if p.suffix in (".py", ".pyi", ".typed")]
    return listed({"command": "tools/thalweg", "support": "tests/support",
                   "python-core": "python/core"}[kind])


def lines_of(kind, system):
    def relative(path):
        return os.path.relpath(path, ROOT / ASKING[kind]).replace(os.sep, "/")

    if kind in ("tests", "examples", "bench"):
        found = tests() if kind == "tests" else programs(kind)
        return ["%s:%s" % (name, ",".join(map(relative, files))) for name, files in found]
    return [relative(path) for path in files_of(kind, system)]


def everything():
    lines = ["%s %s" % (kind, line) for kind in ASKING for line in lines_of(kind, "posix")]
    return lines + ["generator"] * (ROOT / "tools/generate.py").exists()


def main():
    kind = sys.argv[1]
    system = sys.argv[2] if len(sys.argv) > 2 else "posix"
    for line in everything() if kind == "all" else lines_of(kind, system):
        print(line)


main()

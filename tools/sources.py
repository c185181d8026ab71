#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""sources.py KIND [posix|windows]: lists files of the tree for meson, one a line.

Kinds: library (src/ without the kinds that follow), dense (see DENSE), kernels, rare (kernels named
*_rare.c), small (what is compiled for size: see SMALL, and folders named rare), isa, op-inputs
(what ops.h is made from), command, support (shared by tests), python-core (the extension),
python-package (what is installed with it); examples, bench and tests as NAME:FILE,FILE... Paths are
relative to the folder of the meson.build that asks. Kind all lists everything, to see whether a
file came or went. A file named os_*posix.c or os_*windows.c is taken on that system only."""
import fnmatch
import os
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
LAYERS = ("base", "wire", "tensor", "kernels", "op", "graph", "ops", "composites", "autodiff",
          "plan", "runtime", "train")
# Layers in which no time is spent while a step runs.
SMALL = ("composites", "train", "wire")
# Layers in which no loop is as short as what it takes to reach it: they are laid out densely.
DENSE = ("graph", "plan", "autodiff", "ops")
# Systems map code in by 64 KB, so what nearly every graph needs lies together: next to the
# library's other code kernels, what every graph runs last, and ops, next to the planner, what every
# graph has first. The files of a level begin with what it is asked for most; the loops of v3 that
# v4 uses too come last, next to these.
EVERY_OP = ("assign", "const", "elementwise", "identity", "placeholder", "variable")
OFTEN_OPS = ("add_n", "add_product", "apply_*", "bias_add", "broadcast", "combine", "concat",
             "control_flow", "elementwise*", "fill", "fused_matmul", "gather", "matmul", "packing",
             "random", "range", "reduce", "reshape", "scatter", "shape", "softmax*", "split",
             "strided*", "update")
EVERY_KERNEL = ("isa", "tile_*")
OFTEN_KERNELS = ("copy*", "gemm", "gemm_[fk]e*", "optimizer", "reduce", "rows_*", "softmax")
OFTEN_LOOPS = ("elementwise*", "gemm", "optimizer", "reduce", "softmax", "tile_*")
LAST_LOOPS = ("combine_loops", "copy_lines")
BUILDERS = ("composites", "train")  # of what is compiled for size
# The same as SMALL of files elsewhere: graphs written, read and shown.
SMALL_FILES = ("graph/explain.c", "graph/export_*.c", "graph/find_regions.c",
               "graph/graph_export.c", "graph/graph_import.c", "graph/import_*.c",
               "graph/tensor_proto.c", "runtime/explain*.c", "runtime/save.c", "runtime/show.c",
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


def is_among(path, names):
    return any(fnmatch.fnmatchcase(path.stem, name) for name in names)


def layer_of(path):
    return path.relative_to(ROOT / "src").parts[0]


def rarer_last(path):
    if layer_of(path) == "ops":
        return 1 if is_among(path, EVERY_OP) else 3 if is_among(path, OFTEN_OPS) else 4
    return 2 if layer_of(path) == "autodiff" else 0


def often_last(path):
    if layer_of(path) == "kernels":
        return 2 if is_among(path, EVERY_KERNEL) else is_among(path, OFTEN_KERNELS)
    return layer_of(path) in BUILDERS


def last_of_level(path):
    return (is_among(path, LAST_LOOPS), not is_among(path, OFTEN_LOOPS))


def kind_of(path):
    if is_small(path):
        return "small"
    return "dense" if layer_of(path) in DENSE else "library"


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
        files = [p for p in layer_files(layers, system) if kind_of(p) == kind]
        return sorted(files, key=rarer_last if kind == "dense" else often_last)
    if kind in ("kernels", "rare"):
        return [p for p in sorted(layer_files(["kernels"], system), key=often_last)
                if p.name.endswith("_rare.c") == (kind == "rare")]
    if kind == "isa":
        files = [p for layer in ("kernels", "ops") for p in listed("src/" + layer) if in_isa(p)]
        return sorted(files, key=last_of_level)
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

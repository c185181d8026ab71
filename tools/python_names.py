#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""python_names.py stubs OUT | index: the public names of the Python package.

`stubs` writes a type stub for each namespace below OUT and prints their paths; it needs no build.
Names written in Python are taken from their modules, functions of single ops get the signature
that the ops' definitions give them. `index` asks the built package beside it and prints all names,
with signature and first sentence, as Markdown."""
import importlib
import inspect
import keyword
import pathlib
import sys
import types

from op_signatures import parse_op, read_definitions, read_rows

ROOT = pathlib.Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "python/thalweg"
HEAD = """# Made by tools/python_names.py.
from typing import Any, List, Optional
from thalweg.framework.ops import Operation as _Operation
from thalweg.framework.ops import Tensor as _Tensor
"""
INDEX = """# The names of the Python package

`import thalweg as tf`. Names that only older versions have are in `thalweg.compat`.
"""
KINDS = {"int": "int", "float": "float", "bool": "bool", "string": "str"}

sys.path.insert(0, str(ROOT / "python"))


# ---- stubs ---------------------------------------------------------------------------------------

def ops():
    """{function name without underscores: op} of all ops."""
    folder = ROOT / "src/ops"
    found = [*read_definitions(folder, "tw_op_definition", "tw_op"), *read_rows(folder)]
    for op in found:
        parse_op(op)
    return {op.name.lower(): op for op in found}


def parameter(name):
    """A parameter's name, as thalweg/framework/gen_ops.py makes it."""
    return name + "_" if keyword.iskeyword(name) or name in ("name", "self") else name


def result(op):
    """The type of what the function of an op gives."""
    if len(op.outputs) == 1:
        return "List[_Tensor]" if op.outputs[0].is_list else "_Tensor"
    return "Any" if op.outputs else "_Operation"


def function_stub(name, op):
    """The lines of a function of one op."""
    free = [a for a in op.attrs if not a.inferred]
    free.sort(key=lambda a: a.default is not None)
    words = [parameter(a.name) + ": Any" for a in op.inputs]
    words += ["%s: %s%s" % (parameter(a.name), KINDS.get(a.kind, "Any"),
                            "" if a.default is None else " = ...") for a in free]
    words.append("name: Optional[str] = ...")
    return "def %s(%s) -> %s:\n    %r\n" % (name, ", ".join(words), result(op),
                                            " ".join(op.doc.split()))


def is_source(namespace):
    """Whether a namespace is a module or package with a file of its own."""
    path = PACKAGE.joinpath(*namespace.split("."))
    return path.with_suffix(".py").exists() or (path / "__init__.py").exists()


def module_of(namespace):
    """The module whose stub stands for a namespace. A folder without __init__.py would be taken
    for the namespace by Python itself, so what lies inside of one that has no source goes aside."""
    outer, _, last = namespace.rpartition(".")
    if not outer or is_source(outer):
        return "thalweg." + namespace
    return "thalweg._stubs." + namespace.replace(".", "_")


def stub(namespace, names, inner, known):
    """The text of a namespace's stub; `names` is {name: (home, attribute)}."""
    out = [HEAD]
    for space in inner:
        package, _, last = module_of((namespace + "." if namespace else "") + space).rpartition(".")
        out.append("from %s import %s as %s\n" % (package, last, space))
    for name, (home, attribute) in sorted(names.items()):
        if keyword.iskeyword(name) or name in inner:
            continue
        folder, _, last = home.rpartition(".")
        op = known.get((attribute or "").strip("_").replace("_", ""))
        if attribute is None:
            package = "thalweg." + folder if folder else "thalweg"
            out.append("from %s import %s as %s\n" % (package, last, name))
        elif last.startswith("gen_") and op:
            out.append(function_stub(name, op))
        else:
            out.append("from thalweg.%s import %s as %s\n" % (home, attribute, name))
    return "".join(out) + ("" if namespace else "__version__: str\n")


def write_stubs(out):
    """Writes the stubs of all namespaces that have no file of their own; prints their paths."""
    from thalweg import _api
    spaces, known = ["", *_api.namespaces()], ops()
    for namespace in spaces:
        if namespace and is_source(namespace):
            continue  # type checkers read the source
        prefix = namespace + "." if namespace else ""
        inner = [n[len(prefix):] for n in spaces if n.startswith(prefix) and n != namespace
                 and "." not in n[len(prefix):]]
        name = module_of(namespace).replace(".", "/") + ".pyi" if namespace else \
            "thalweg/__init__.pyi"
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_text(stub(namespace, _api.table()[namespace], inner, known))
        print(name)


# ---- the index -----------------------------------------------------------------------------------

def signature(thing):
    try:
        return str(inspect.signature(thing)) if callable(thing) else ""
    except (TypeError, ValueError):
        return ""


def entry(full, thing):
    """A name's line in the index."""
    documented = callable(thing) or isinstance(thing, types.ModuleType)
    text = (inspect.getdoc(thing) or "") if documented else "%r" % (thing,)
    first = " ".join(text.split("\n\n")[0].split()).partition(". ")[0]
    return "- `%s%s`: %s" % (full, signature(thing), first)


def print_index():
    api = importlib.import_module("thalweg._api")
    print(INDEX)
    for namespace in ["", *api.namespaces()]:
        space = ".".join(filter(None, ("tf", namespace)))
        print("## %s\n" % space)
        for name in sorted(api.table()[namespace]):
            try:
                print(entry("%s.%s" % (space, name), api.find(namespace, name)))
            except AttributeError as error:  # listed, and not there
                print("- `%s.%s`: lacking: %s" % (space, name, error))
        print()


def main():
    words = sys.argv[1:]
    if words[:1] == ["stubs"] and len(words) == 2:
        write_stubs(pathlib.Path(words[1]))
    elif words == ["index"]:
        print_index()
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""python_names.py stubs OUT | index: the public names of the Python package.

`stubs` writes a type stub for each namespace below OUT and prints their paths; it needs no build.
Classes are taken from their modules; functions get their signature, those of single ops the one
that the ops' definitions give them. `index` asks the built package beside it and prints all names,
with signature and first sentence, as Markdown."""
import ast
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
from builtins import bool as _bool, float as _float, int as _int, str as _str
from typing import Any, List, Optional
from thalweg.framework.ops import Operation as _Operation
from thalweg.framework.ops import Tensor as _Tensor
"""
INDEX = """# The names of the Python package

`import thalweg as tf`. Names that only older versions have are in `thalweg.compat`.
"""
KINDS = {"int": "_int", "float": "_float", "bool": "_bool", "string": "_str"}
# Functions written in Python that give one tensor, whatever they are called with (those that take
# sparse tensors too may give one of these).
TENSORS = set("""
    add_n argmax argmin argsort boolean_mask broadcast_to clip_by_value concat constant
    convert_to_tensor count_nonzero cumprod cumsum div divide einsum equal expand_dims eye fill
    floordiv floormod gather gather_nd identity linspace matmul mod multiply norm not_equal
    one_hot ones ones_like pad placeholder placeholder_with_default pow random_gamma
    random_normal random_poisson random_shuffle random_uniform range rank reduce_all reduce_any
    reduce_logsumexp reduce_max reduce_mean reduce_min reduce_prod reduce_std reduce_sum
    reduce_variance reshape reverse reverse_sequence scalar_mul sequence_mask shape sigmoid size
    slice squeeze stack strided_slice subtract tensordot tile transpose truediv truncated_normal
    zeros zeros_like avg_pool bias_add conv1d conv2d conv2d_transpose conv3d crelu
    depthwise_conv2d dropout l2_normalize leaky_relu log_softmax max_pool relu_layer relu relu6
    elu selu separable_conv2d sigmoid_cross_entropy_with_logits softmax
    softmax_cross_entropy_with_logits softmax_cross_entropy_with_logits_v2
    sparse_softmax_cross_entropy_with_logits swish weighted_cross_entropy_with_logits xw_plus_b
    zero_fraction absolute_difference compute_weighted_loss cosine_distance
    get_regularization_loss get_total_loss hinge_loss huber_loss log_loss
    mean_pairwise_squared_error mean_squared_error sigmoid_cross_entropy softmax_cross_entropy
    sparse_softmax_cross_entropy
    """.split())

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
    words.append("name: Optional[_str] = ...")
    return "def %s(%s) -> %s:\n    %r\n" % (name, ", ".join(words), result(op),
                                            " ".join(op.doc.split()))


_trees = {}


def tree_of(home):
    """The syntax tree of a module of the package, or None."""
    if home not in _trees:
        path = PACKAGE.joinpath(*home.split("."))
        path = path.with_suffix(".py") if path.with_suffix(".py").exists() else path / "__init__.py"
        _trees[home] = ast.parse(path.read_text()) if path.exists() else None
    return _trees[home]


def definition(home, name):
    """The FunctionDef that a module has under a name, also one that it imports; None for others."""
    tree = tree_of(home)
    for node in tree.body if tree else ():
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return None if node.decorator_list else node
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("thalweg."):
            for alias in node.names:
                if (alias.asname or alias.name) == name:
                    return definition(node.module[len("thalweg."):], alias.name)
    return None


def is_bound(home, name):
    """Whether a module has a name itself, not by its __getattr__, which looks among the ops."""
    for node in tree_of(home).body if tree_of(home) else ():
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name == name:
            return True
        if isinstance(node, (ast.Import, ast.ImportFrom)) and \
                name in [a.asname or a.name for a in node.names]:
            return True
        targets = node.targets if isinstance(node, ast.Assign) else ()
        if any(isinstance(n, ast.Name) and n.id == name for t in targets for n in ast.walk(t)):
            return True
    return False


def python_stub(name, node):
    """The lines of a function that is written in Python."""
    given, words = node.args, []
    positional = given.posonlyargs + given.args
    first_default = len(positional) - len(given.defaults)
    for place, argument in enumerate(positional):
        words.append(argument.arg + ": Any" + (" = ..." if place >= first_default else ""))
    if given.vararg or given.kwonlyargs:
        words.append("*" + given.vararg.arg + ": Any" if given.vararg else "*")
    words += [a.arg + ": Any" + (" = ..." if d else "")
              for a, d in zip(given.kwonlyargs, given.kw_defaults)]
    if given.kwarg:
        words.append("**" + given.kwarg.arg + ": Any")
    return "def %s(%s) -> %s:\n    %r\n" % (
        name, ", ".join(words), "_Tensor" if node.name in TENSORS else "Any",
        " ".join((ast.get_docstring(node) or "").split()))


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
        elif op and (last.startswith("gen_") or not is_bound(home, attribute)):
            out.append(function_stub(name, op))
        elif definition(home, attribute):
            out.append(python_stub(name, definition(home, attribute)))
        elif attribute in TENSORS:  # a function that another one made
            out.append(function_stub(name, op) if op else
                       "def %s(*args: Any, **kwargs: Any) -> _Tensor: ...\n" % name)
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

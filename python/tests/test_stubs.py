# SPDX-License-Identifier: Apache-2.0
"""The type stubs that come with the package: each public name is in them, and they are Python."""
import ast
import os

import pytest

import thalweg
from thalweg import _api

HERE = os.path.dirname(os.path.abspath(thalweg.__file__))


def stub_of(namespace):
    """The stub of a namespace; None where type checkers read a module's source."""
    path = os.path.join(HERE, *namespace.split(".")) if namespace else HERE
    for name in (os.path.join(path, "__init__.pyi"), path + ".pyi"):
        if os.path.exists(name):
            with open(name, encoding="utf-8") as file:
                return file.read()
    return None


pytestmark = pytest.mark.skipif(stub_of("") is None, reason="stubs come with an installed package")


def defined(tree):
    for node in tree.body:
        if isinstance(node, ast.ImportFrom):
            yield from (alias.asname or alias.name for alias in node.names)
        elif isinstance(node, ast.FunctionDef):
            yield node.name


@pytest.mark.parametrize("namespace", ["", "nn", "math", "train"])
def test_each_name_is_there(namespace):
    names = set(defined(ast.parse(stub_of(namespace))))
    assert not {n for n in _api.table()[namespace] if n.isidentifier() and n != "print"} - names


def test_no_folder_stands_in_for_a_namespace():
    for folder, _, files in os.walk(HERE):
        inside = os.path.relpath(folder, HERE)
        aside = inside in (".", "_stubs") or "__pycache__" in inside
        assert aside or "__init__.py" in files, folder


def test_functions_of_ops_have_their_parameters():
    found = [node for node in ast.parse(stub_of("nn")).body
             if isinstance(node, ast.FunctionDef) and node.name == "elu"]
    import inspect
    wanted = list(inspect.signature(thalweg.nn.elu).parameters)
    if found:
        assert [a.arg for a in found[0].args.args] == wanted
    else:
        assert "import elu as elu" in stub_of("nn")


def test_functions_in_python_have_their_parameters_and_results():
    import inspect
    found = {node.name: node for node in ast.parse(stub_of("")).body
             if isinstance(node, ast.FunctionDef)}
    for name in ("matmul", "concat", "placeholder", "cond", "py_func", "variable_scope"):
        if name in found:
            assert [a.arg for a in found[name].args.args] == list(
                inspect.signature(getattr(thalweg, name)).parameters), name
    assert [found[name].returns.id for name in ("matmul", "placeholder", "reduce_mean", "cond")] \
        == ["_Tensor", "_Tensor", "_Tensor", "Any"]
    assert found["as_string"].args.args[1].annotation.id == "_int"

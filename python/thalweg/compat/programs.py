# SPDX-License-Identifier: Apache-2.0
"""Programs as code: plain ones, Python 2 (converted first), notebooks (cell by cell)."""
import ast
import copy
import importlib.abc
import importlib.machinery
import json
import os
import re
import sys
import tokenize

from thalweg.compat import old_python

_tool = None
_ASSIGNED = re.compile(r"(\s*\w+\s*=\s*)[!%]")
_TRUE_DIVISION = re.compile(r"^from +__future__ +import\b[^#\n]*(\([^)]*)?\bdivision\b",
                            re.MULTILINE)


def converter():
    """The function that makes Python 3 of Python 2; ImportError if no tool for it is there."""
    global _tool
    if _tool is None:
        for package in ("fissix", "lib2to3"):  # the second left Python with 3.13
            try:
                refactor = __import__(package + ".refactor", fromlist=["refactor"])
                names = refactor.get_fixers_from_package(package + ".fixes")
            except ImportError:
                continue
            tools = [refactor.RefactoringTool(names, options) for options in
                     (None, {"print_function": True})]
            _tool = tools
            break
        else:
            raise ImportError("--py2 needs the package fissix: pip install thalweg[py2]")

    def convert(source, name):
        source = source.expandtabs(8) if "\n\t" in source else source
        with_print = "print_function" in source
        return str(_tool[with_print].refactor_string(source + "\n", name))
    return convert


def _compiled(source, name, py2):
    """The tree of a program; one in Python 2 keeps what `/` means there."""
    if not py2:
        return ast.parse(source, name)
    old_python.restore_builtins()
    tree = ast.parse(converter()(source, name), name)
    if _TRUE_DIVISION.search(source):
        return tree
    return ast.fix_missing_locations(_OldDivision().visit(tree))


class _OldDivision(ast.NodeTransformer):
    """a / b becomes a call of what Python 2 did: whole numbers are rounded down."""

    @staticmethod
    def _call(name, node, *arguments):
        function = ast.copy_location(ast.Name(name, ast.Load()), node)
        return ast.copy_location(ast.Call(function, list(arguments), []), node)

    def visit_BinOp(self, node):
        self.generic_visit(node)
        if not isinstance(node.op, ast.Div):
            return node
        return self._call(old_python.DIVIDE, node, node.left, node.right)

    def visit_AugAssign(self, node):
        self.generic_visit(node)
        if not isinstance(node.op, ast.Div):
            return node
        value = copy.deepcopy(node.target)
        value.ctx = ast.Load()
        changed = self._call(old_python.DIVIDE_IN_PLACE, node, value, node.value)
        return ast.copy_location(ast.Assign([node.target], changed), node)


def load(path, py2):
    """[(code, whether its value is to be shown)] of a program or notebook."""
    if path.endswith(".ipynb"):
        return _load_notebook(path, py2)
    with tokenize.open(path) if not py2 else open(path, encoding="utf-8") as file:
        source = file.read()
    return [(compile(_compiled(source, path, py2), path, "exec", dont_inherit=True), False)]


def cells(notebook):
    """The code of a notebook's cells, with what only Jupyter understands left out."""
    found = notebook.get("cells")
    if found is None:  # older than format 4
        found = [c for sheet in notebook.get("worksheets", ()) for c in sheet.get("cells", ())]
    for cell in found:
        if cell.get("cell_type") != "code":
            continue
        text = cell.get("source", cell.get("input", ""))
        lines = "".join(text).split("\n")
        if lines[0].startswith("%%"):
            if lines[0].split()[0] not in ("%%time", "%%timeit", "%%capture"):
                continue
            lines[0] = ""
        yield "\n".join(_plain(line) for line in lines)


def _plain(line):
    """A line without what is meant for Jupyter or for a shell."""
    bare = line.lstrip()
    if bare.startswith(("%", "!", "?")):
        return line[:len(line) - len(bare)] + "pass"
    assigned = _ASSIGNED.match(line)
    if assigned:  # files = !ls
        return assigned.group(1) + "[]"
    return line[:-1] if line.endswith("?") and "#" not in line else line


def _load_notebook(path, py2):
    with open(path, encoding="utf-8") as file:
        notebook = json.load(file)
    out = []
    for number, source in enumerate(cells(notebook), 1):
        name = "%s[%d]" % (path, number)
        tree = _compiled(source, name, py2)
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        if tree.body:
            out.append((compile(tree, name, "exec", dont_inherit=True), False))
        if last is not None:
            out.append((compile(ast.Expression(last.value), name, "eval", dont_inherit=True), True))
    return out


def display(value):
    """Shows what a cell ends with, as a notebook does."""
    if value is not None:
        print(repr(value))


class _Loader(importlib.machinery.SourceFileLoader):
    """Loads modules in Python 2."""

    def source_to_code(self, data, path, *, _optimize=-1):
        tree = _compiled(importlib.util.decode_source(data), path, True)
        return compile(tree, path, "exec", dont_inherit=True, optimize=_optimize)

    def get_code(self, fullname):
        # No compiled file is read or written: it would be taken for the plain source's.
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path), path)


def convert_imports(folder):
    """Modules below a folder are in Python 2 from now on."""
    folder = os.path.abspath(folder)
    make = importlib.machinery.FileFinder.path_hook((_Loader, [".py"]))

    def hook(path):
        full = os.path.abspath(path or ".")
        if full != folder and not full.startswith(folder + os.sep) or "site-packages" in full:
            raise ImportError
        return make(path)
    sys.path_hooks.insert(0, hook)
    sys.path_importer_cache.clear()

# SPDX-License-Identifier: Apache-2.0
"""The public names: which module each comes from. A module is imported when one of its names is
first asked for.

Every file of this folder has a dict NAMES = {namespace: {home: "name name=attribute ..."}}. The
namespace "" is `thalweg` itself, "nn" is `thalweg.nn`; a home is a module of this package, and the
home "modules" gives names to whole modules ("errors=framework.errors"). To publish a new module's
names add a file here: no other place lists them."""
import importlib
import pkgutil
import sys
import types

PACKAGE = "thalweg"
_table = None  # {namespace: {name: (home, attribute or None for the module itself)}}


def table():
    """{namespace: {name: (home, attribute)}} of all files of this folder."""
    global _table
    if _table is None:
        made = {}
        for found in sorted(m.name for m in pkgutil.iter_modules(__path__)):
            area = importlib.import_module(__name__ + "." + found)
            for namespace, homes in area.NAMES.items():
                names = made.setdefault(namespace, {})
                for home, words in homes.items():
                    for word in words.split():
                        name, _, attribute = word.partition("=")
                        names[name] = (attribute, None) if home == "modules" else \
                            (home, attribute or name)
        _table = made
    return _table


def namespaces():
    """The public namespaces, "nn", "train" ..., outer ones first."""
    return sorted(n for n in table() if n)


def inner_namespaces(namespace):
    """The names of the namespaces right inside of one."""
    inner = namespace + "." if namespace else ""
    return [n[len(inner):] for n in table()
            if n.startswith(inner) and n != namespace and "." not in n[len(inner):]]


def fetch(path, attribute=None):
    """A module of this package by its path, or something in it."""
    module = importlib.import_module(PACKAGE + "." + path)
    return getattr(module, attribute) if attribute else module


def find(namespace, name):
    """What a public name stands for; AttributeError if there is none."""
    full = namespace + "." + name if namespace else name
    if full in table():
        return fetch(full)
    home = table().get(namespace, {}).get(name)
    shown = ".".join(filter(None, (PACKAGE, namespace)))
    if home is None:
        raise AttributeError("module %r has no attribute %r" % (shown, name))
    return fetch_name(shown, name, *home)


def fetch_name(shown, name, path, attribute):
    """As fetch(), with an AttributeError if the home is not there."""
    try:
        return fetch(path, attribute)
    except ModuleNotFoundError as error:
        if error.name and not error.name.startswith(PACKAGE + "."):
            raise
        raise AttributeError("module %r has no attribute %r: %s" % (shown, name, error)) from error


def find_old(namespace, name):
    """What a name stands for that newer versions do not have."""
    from thalweg.compat import levels
    old = levels.old_name(namespace, name, None)
    if old is None:
        raise AttributeError("module %r has no attribute %r"
                             % (".".join(filter(None, (PACKAGE, namespace))), name))
    return fetch_name(PACKAGE, name, *old)


def public(namespace):
    """(__getattr__, __dir__) for the module that is a namespace."""
    module_name = PACKAGE + "." + namespace if namespace else PACKAGE

    def __getattr__(name):
        if name.startswith("__"):
            raise AttributeError("module %r has no attribute %r" % (module_name, name))
        try:
            found = find(namespace, name)
        except AttributeError:
            found = find_old(namespace, name)
        if not isinstance(found, types.ModuleType):
            from thalweg.compat import recognise
            found = recognise.either(found)
        setattr(sys.modules[module_name], name, found)
        return found

    def __dir__():
        return sorted(set(vars(sys.modules[module_name])) | set(table().get(namespace, ()))
                      | set(inner_namespaces(namespace)))
    return __getattr__, __dir__


class Namespace(types.ModuleType):
    """A public namespace that has no file of its own."""

    def __init__(self, namespace):
        types.ModuleType.__init__(self, PACKAGE + "." + namespace,
                                  "The public names of tf.%s." % namespace)
        self.__getattr__, self.__dir__ = public(namespace)
        self.__path__ = []
        self.__all__ = sorted(table()[namespace])

    def __repr__(self):
        return "<module %r (public names)>" % self.__name__


class NamespaceFinder:
    """Makes `import thalweg.nn` find the public namespace; files of that name come first."""

    @staticmethod
    def find_spec(fullname, path=None, target=None):
        if not fullname.startswith(PACKAGE + ".") or fullname[len(PACKAGE) + 1:] not in table():
            return None
        from importlib.machinery import ModuleSpec
        return ModuleSpec(fullname, NamespaceFinder, is_package=True)

    @staticmethod
    def create_module(spec):
        return Namespace(spec.name[len(PACKAGE) + 1:])

    @staticmethod
    def exec_module(module):
        pass


sys.meta_path.append(NamespaceFinder)

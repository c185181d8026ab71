# SPDX-License-Identifier: Apache-2.0
"""What `import tensorflow...` gives a program: views of this package's modules, in which the names
of its level stand.

A view is a module of its own. It looks a name up when it is first asked for: in the level's table,
then in the module behind it. What a program sets on it is the program's own."""
import importlib
import importlib.util
import os
import sys
import types
from importlib.machinery import ModuleSpec

from thalweg import _api, protos
from thalweg.compat import levels, orders, recognise

PACKAGE = "thalweg"
_views = {}  # (name of the view, level): the view
# Packages that hold nothing but what is found below them.
_HOLLOW = {"core", "core.framework", "core.protobuf", "core.util", "core.example", "core.lib",
           "core.lib.core", "python.lib", "python.lib.io", "python.lib.core",
           "python.platform.default", "examples", "examples.tutorials", "models", "models.rnn",
           "python.user_ops", "python.eager", "contrib.learn.python", "contrib.learn.python.learn",
           "contrib.tensorboard", "contrib.tensorboard.plugins"}
# Modules that were imported for what they registered: the library has it.
_HOLLOW.update("python.ops.%s_grad" % m for m in (
    "array", "control_flow", "data_flow", "image", "linalg", "manip", "math", "nn", "random",
    "rnn", "sparse", "spectral", "state", "tensor_array"))


def _level_of(name):
    from thalweg import compat
    return (1, 15) if ".compat.v1" in name else compat.level()


class View(types.ModuleType):
    """A module as a program of some level sees it. `_real` is what stands behind: modules of this
    package, the first that has a name wins."""

    def __init__(self, name, reals, level):
        types.ModuleType.__init__(self, name, reals[0].__doc__ if reals else None)
        self._reals, self._level, self._imported = reals, level, False
        self._places = [r.__name__[len(PACKAGE) + 1:] for r in reals]
        self.__path__ = []
        if reals and getattr(reals[0], "__file__", None):
            self.__file__ = reals[0].__file__

    def __getattr__(self, name):
        if name == "__all__":
            return sorted(n for n in self._public() if hasattr(self, n))
        if name.startswith("__") and name != "__version__":
            raise AttributeError("module %r has no attribute %r" % (self.__name__, name))
        found = self._find(name)
        if isinstance(found, (types.FunctionType, type, View)):
            self.__dict__[name] = found
        return found

    def _find(self, name):
        level = self._level
        if name == "__version__" or name == "VERSION":
            return version(level)
        for place in self._places:
            old = levels.old_name(place, name, level)
            if old and (level is not None or not self._has_now(name)):
                return self._seen(_api.fetch_name(self.__name__, name, *old), name)
        for real, place in zip(self._reals, self._places):
            try:
                found = newest(real, place, name)
            except AttributeError:
                continue
            return self._seen(found, name)
        try:
            return importlib.import_module(self.__name__ + "." + name)
        except ModuleNotFoundError as error:
            if error.name != self.__name__ + "." + name:
                raise
        raise AttributeError("module %r has no attribute %r" % (self.__name__, name))

    def _has_now(self, name):
        return any(_has(r, p, name) for r, p in zip(self._reals, self._places))

    def _seen(self, found, name):
        """What the program sees of a thing of this package."""
        if isinstance(found, types.ModuleType):
            if found.__name__ == PACKAGE or found.__name__.startswith(PACKAGE + "."):
                return view_of(found, self._level)
            return found
        if self._level is None:
            return recognise.either(found)
        where = recognise.definition(found) or ""
        for until, path, attribute, _ in recognise.changed().get(where, ()):
            if self._level < until:
                return _api.fetch(path, attribute)
        for until, words in recognise.older_orders().get(where, ()):
            if self._level < until:
                return orders.in_order(found, words)
        return found

    def _public(self):
        names = set()
        for real, place in zip(self._reals, self._places):
            listed = getattr(real, "__all__", None)
            if place in _api.table():
                listed = _api.table()[place]
            names.update(listed if listed is not None else
                         [n for n in vars(real) if not n.startswith("_")])
            names.update(n for n in levels.names().get(place, ())
                         if levels.old_name(place, n, self._level))
            if not place or place in _api.table():
                names.update(_api.inner_namespaces(place))
        return names

    def __dir__(self):
        return sorted(set(self.__dict__) | self._public())

    def __repr__(self):
        return "<module %r (thalweg at level %s)>" % (self.__name__, self._level or "newest")


def version(level):
    """The version that a program of a level is told."""
    level = level or levels.NEWEST
    return levels.VERSIONS.get(level, "%d.%d.0" % level)


def newest(real, place, name):
    """A name of a module of this package, old names left out."""
    if name in vars(real):
        return vars(real)[name]
    if place in _api.table() and isinstance(real, (_api.Namespace,)) or place == "":
        return _api.find(place, name)
    return getattr(real, name)


def _has(real, place, name):
    try:
        newest(real, place, name)
    except AttributeError:
        return False
    return True


# ---- from names of TensorFlow's modules to ours and back ----

def _exists(path):
    """Whether this package has such a module or public namespace."""
    if path in _api.table():
        return True
    try:
        return importlib.util.find_spec(PACKAGE + "." + path) is not None
    except ModuleNotFoundError:
        return False


def homes(name):
    """The paths of the modules behind tensorflow.NAME ("" is this package), or None."""
    if name.startswith("compat.v1"):
        name = name[len("compat.v1"):].lstrip(".")
    if not name or name in ("python", "_api.v1", "python.ops.standard_ops"):
        return [""]
    last = name.rpartition(".")[2]
    if last.endswith("_pb2"):
        return ["protos." + last] if last in protos._descriptor.FILES else None
    if name in levels.OUTER_MODULES:
        found = levels.OUTER_MODULES[name].split()
    elif name.startswith("python."):
        path = name[len("python."):]
        found = levels.MODULES.get(path, path).split()
    elif name in _HOLLOW:
        return []
    elif name.startswith("contrib.") and name.split(".")[2:3] == ["python"]:
        # contrib.layers.python.layers.utils: a module of that name, then all that is public there
        area = ".".join(name.split(".")[:2])
        found = [area + "." + last, area]
    else:
        found = [name]
    found = [path for path in found if _exists(path)]
    return found or ([] if name in _HOLLOW else None)


def _load(path):
    if not path:
        return sys.modules[PACKAGE]
    if path.startswith("protos."):
        return protos.face(path[len("protos."):])
    return importlib.import_module(PACKAGE + "." + path)


def view(name, level=None):
    """The view that stands for a module of TensorFlow, by its full name."""
    level = level or _level_of(name)
    key = name, level
    if key not in _views:
        inner = name.partition(".")[2]
        found = homes(inner)
        if found is None:
            raise ModuleNotFoundError("No module named %r" % name, name=name)
        _views[key] = View(name, [_load(path) for path in found], level)
    return _views[key]


def view_of(real, level):
    """The view of a module of this package."""
    path = real.__name__[len(PACKAGE) + 1:]
    if not path:
        name = "tensorflow"
    elif path in _api.table() or path.startswith(("contrib", "compat")):
        name = "tensorflow." + path
    else:
        name = "tensorflow.python." + path
    if level == (1, 15) and _level_of("") != level:
        name = "tensorflow.compat.v1" + name[len("tensorflow"):]
    return view(name, level)


class Finder:
    """Answers for `tensorflow` and all below, and for `google.protobuf` if it is not installed."""

    @staticmethod
    def find_spec(fullname, path=None, target=None):
        if fullname == "tensorflow" or fullname.startswith("tensorflow."):
            if homes(fullname.partition(".")[2]) is None:
                return None
            return ModuleSpec(fullname, Finder, is_package=True)
        return None

    @staticmethod
    def create_module(spec):
        # A new one at each import: what a program set on the last one is gone. One that was only
        # seen as an attribute until now is that module.
        key = spec.name, _level_of(spec.name)
        if key in _views and _views[key]._imported:
            del _views[key]
        return view(spec.name)

    @staticmethod
    def exec_module(module):
        module._imported = True


class ProtobufFinder:
    """Comes last: stands in for the parts of `google.protobuf` that programs use."""
    MODULES = {"google.protobuf.text_format": "text_format", "google.protobuf.message": "message",
               "google.protobuf.any_pb2": "any_pb2", "google.protobuf.json_format": "json_format",
               "google.protobuf.descriptor": "descriptor"}

    @staticmethod
    def find_spec(fullname, path=None, target=None):
        if fullname in ("google", "google.protobuf") or fullname in ProtobufFinder.MODULES:
            return ModuleSpec(fullname, ProtobufFinder,
                              is_package=fullname in ("google", "google.protobuf"))
        return None

    @staticmethod
    def create_module(spec):
        if spec.name not in ProtobufFinder.MODULES:
            return None
        module = types.ModuleType(spec.name)
        name = ProtobufFinder.MODULES[spec.name]
        real = protos.face(name) if name.endswith("_pb2") else \
            importlib.import_module("thalweg.protos." + name)
        module.__getattr__ = lambda attribute: getattr(real, attribute)
        module.__dict__.update((n, v) for n, v in vars(real).items() if not n.startswith("__"))
        return module

    @staticmethod
    def exec_module(module):
        pass


def install():
    """Puts the finders in their places; once is enough."""
    _views.clear()
    if Finder not in sys.meta_path:
        sys.meta_path.insert(0, Finder)
    if ProtobufFinder not in sys.meta_path:
        sys.meta_path.append(ProtobufFinder)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

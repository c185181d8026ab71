# SPDX-License-Identifier: Apache-2.0
"""Functions of single ops, made from the library's definitions when they are first asked for:
what the gen_*_ops modules hold. Each has a signature and documentation of its own."""
import keyword
import os
from collections import namedtuple

from thalweg import _core
from thalweg.framework import dtypes, op_def_library, op_plan

_functions = {}  # name, and op: function
_names = {}      # name of a function: op; filled at the first look


def function_name(op_name):
    """"MatMul" -> "mat_mul": an underscore before a capital with a small letter on either side."""
    out, last = [], len(op_name) - 1
    for i, c in enumerate(op_name):
        if c.isupper() and i and (op_name[i - 1].islower()
                                  or (i < last and op_name[i + 1].islower())):
            out.append("_")
        out.append(c.lower())
    return "".join(out)


def names():
    """{name of a function: name of its op} of all ops."""
    if not _names:
        for op_name in _core.op_names():
            name = function_name(op_name)
            _names[name + "_" if keyword.iskeyword(name) else name] = op_name
    return _names


def function(name):
    """The function of that name; AttributeError if no op has it. A leading underscore, which hid
    functions once, does not count."""
    found = _functions.get(name)
    if found is None:
        op_name = names().get(name) or names().get(name.lstrip("_")) or _registered_since(name)
        if op_name is None:
            raise AttributeError("there is no op with the function name %r" % name)
        found = _functions[name] = _functions.get(op_name) or _make(op_name)
        _functions[op_name] = found
    return found


def _registered_since(name):
    """The op of a name among those that were registered after the first look."""
    for op_name in _core.op_names()[len(_names):]:
        _names[function_name(op_name)] = op_name
    return _names.get(name.lstrip("_"))


def _parameter(name):
    return name + "_" if keyword.iskeyword(name) or name in ("name", "self") else name


def _shown_default(attr, values):
    """A default value as a parameter's, by a name where it has no literal."""
    value = attr.default
    if attr.kind == "type":
        value = [dtypes.as_dtype(v) for v in value] if attr.is_list else dtypes.as_dtype(value)
    elif attr.kind == "string" and isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    key = "_default_" + attr.name
    values[key] = value
    return key


def _make(op_name):
    plan = op_def_library.plan_of(op_name)
    values = {"_call": _caller(plan), "__name__": "thalweg.ops.gen_ops"}
    parameters, optional = [_parameter(a.name) for a in plan.inputs], []
    given = []
    for attr in plan.free:
        parameter = _parameter(attr.name)
        given.append(parameter)
        if attr.has_default:
            optional.append("%s=%s" % (parameter, _shown_default(attr, values)))
        else:
            parameters.append(parameter)
    name = function_name(op_name)
    name = name + "_" if keyword.iskeyword(name) else name
    inputs = "".join(_parameter(a.name) + ", " for a in plan.inputs)
    source = "def %s(%s):\n    return _call(name, (%s), (%s))\n" % (
        name, ", ".join(parameters + optional + ["name=None"]), inputs,
        "".join(g + ", " for g in given))
    # As if from a file of this package, so that it is not taken for the user's line.
    exec(compile(source, os.path.join(os.path.dirname(__file__), "op " + op_name), "exec"), values)
    made = values[name]
    made.__doc__ = _documentation(plan)
    if len(plan.outputs) > 1:
        plan.result_type = namedtuple(op_name.lstrip("_"),
                                      [_parameter(o.name) for o in plan.outputs])
    return made


def _caller(plan):
    """Plan.call, with defaults that were handed through left to the library."""
    call = plan.call
    if not any(a.has_default for a in plan.free):
        return call
    plain = [_plain_default(a) if a.has_default else op_plan.GIVEN_BY_DEFAULT for a in plan.free]

    def call_with_defaults(name, values, given):
        return call(name, values, [
            op_plan.GIVEN_BY_DEFAULT if type(v) in _SIMPLE and v == d and type(v) is type(d) else v
            for v, d in zip(given, plain)])
    return call_with_defaults


_SIMPLE = (bool, int, float, str)


def _plain_default(attr):
    value = attr.default
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _type_text(argument):
    if argument.kind == op_plan.TYPES:
        return "a list of tensors"
    text = "a tensor" if argument.kind == op_plan.ATTR else "a tensor of type `%s`" % (
        dtypes.as_dtype(argument.type).name) if argument.type else "a tensor"
    if argument.is_ref:
        text = text.replace("a tensor", "a mutable tensor")
    if argument.allowed:
        text += " of one of the types " + ", ".join(
            dtypes.as_dtype(n).name for n in sorted(argument.allowed))
    return "a list, each " + text if argument.kind == op_plan.MANY else text


def _documentation(plan):
    lines = [plan.definition.doc or "", ""]
    if plan.inputs or plan.free:
        lines.append("Args:")
    lines += ["  %s: %s." % (_parameter(a.name), _type_text(a)) for a in plan.inputs]
    for attr in plan.free:
        default = ", by default %r" % (_plain_default(attr),) if attr.has_default else ""
        kind = "list of " + attr.kind if attr.is_list else attr.kind
        lines.append("  %s: %s%s." % (_parameter(attr.name), kind, default))
    lines.append("  name: a name for the operation.")
    lines += ["", "Returns:"]
    if not plan.outputs:
        lines.append("  The operation.")
    lines += ["  %s: %s." % (o.name, _type_text(o)) for o in plan.outputs]
    return "\n".join(lines)


class _Module:
    """The face of a gen_*_ops module."""

    def __init__(self, module_name):
        self._name = module_name

    def get(self, name):
        if name.startswith("__"):
            raise AttributeError("module %r has no attribute %r" % (self._name, name))
        try:
            return function(name)
        except AttributeError as error:
            raise AttributeError("module %r has no attribute %r: %s"
                                 % (self._name, name, error)) from None

    def dir(self):
        return sorted(names())


def module(module_name):
    """(__getattr__, __dir__) for a gen_*_ops module."""
    face = _Module(module_name)
    return face.get, face.dir

# SPDX-License-Identifier: Apache-2.0
"""apply_op: an operation of an op by name, its inputs and attributes by keyword."""
import collections

from thalweg import _core
from thalweg.framework import op_plan

_plans = {}  # op name: Plan, of the library's ops
ArgDef = collections.namedtuple("ArgDef", "name type type_attr number_attr type_list_attr is_ref")
AttrDef = collections.namedtuple("AttrDef", "name kind is_list has_default default minimum allowed "
                                            "inferred")
OpDef = collections.namedtuple("OpDef", "name inputs outputs attrs doc flags")


def plan_of(op_name):
    """The Plan of an op of the library, or None."""
    plan = _plans.get(op_name)
    if plan is None:
        definition = _core.op_def(op_name)
        if definition is not None:
            plan = _plans[op_name] = op_plan.Plan(definition)
    return plan


class OpDefLibrary:
    """Ops by name: those of the library, and those that are added as OpDefs."""

    def __init__(self):
        self._ops = {}

    def add_op(self, op_def):
        """Adds an op that an OpDef message describes; TypeError if it contradicts itself."""
        from thalweg.framework import op_def_protos
        definition = op_def_protos.definition_of(op_def)
        known = self._ops.get(op_def.name)
        if known is not None:
            if known.definition != definition:
                raise ValueError("Op %s is registered already, as another one" % op_def.name)
            return
        self._ops[op_def.name] = op_plan.Plan(definition, False)

    def add_op_list(self, op_list):
        """Adds all ops of an OpList message that the library does not have."""
        for op_def in op_list.op:
            if plan_of(op_def.name) is None:
                self.add_op(op_def)

    def apply_op(self, op_type_name, name=None, **keywords):
        """The result of a new operation: a tensor, a list, or the operation if it has no
        outputs."""
        plan = self._ops.get(op_type_name) or plan_of(op_type_name)
        if plan is None:
            raise RuntimeError("Unrecognized Op name " + op_type_name)
        return plan.call(name, *_sorted_out(plan, keywords))

    def _apply_op_helper(self, op_type_name, name=None, **keywords):
        plan = self._ops.get(op_type_name) or plan_of(op_type_name)
        if plan is None:
            raise RuntimeError("Unrecognized Op name " + op_type_name)
        op, found = plan.create(name, *_sorted_out(plan, keywords))
        structure = [None if o.kind < op_plan.MANY else plan._length(o, op, found)
                     for o in plan.outputs]
        return structure, plan.stateful, op


def _taken(keywords, name):
    """A keyword's value; a name that Python reserves has an underscore behind it."""
    if name in keywords:
        return keywords.pop(name)
    return keywords.pop(name + "_", op_plan.GIVEN_BY_DEFAULT)


def _sorted_out(plan, keywords):
    """(values of the inputs, values of the free attributes) of keywords."""
    values = []
    for argument in plan.inputs:
        value = _taken(keywords, argument.name)
        if value is op_plan.GIVEN_BY_DEFAULT:
            raise TypeError("No argument for input " + argument.name)
        values.append(value)
    given = []
    for attr in plan.free:
        value = _taken(keywords, attr.name)
        if value is op_plan.GIVEN_BY_DEFAULT and not attr.has_default:
            raise TypeError("No argument for attr " + attr.name)
        given.append(value)
    if keywords:
        for name in keywords:
            if name in plan.attrs:
                raise TypeError("Should not specify value for inferred attr '%s'." % name)
        raise TypeError("apply_op() got unexpected keyword arguments: "
                        + ", ".join(sorted(keywords)))
    return values, given


_library = OpDefLibrary()
apply_op = _library.apply_op
_apply_op_helper = _library._apply_op_helper
_op_def_lib = _library

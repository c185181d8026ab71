# SPDX-License-Identifier: Apache-2.0
"""What is said when an op is called with the wrong things."""
from thalweg import compat
from thalweg.framework import conversion, dtypes

_DTYPES = dtypes._INTERN_TABLE


def _plain():
    """Whether the program expects the shorter texts of older versions."""
    return compat.below("1.2")


def name(number):
    """A type's name of its number."""
    return _DTYPES[int(number)].name


def names(numbers):
    """Names of types, separated by commas."""
    return ", ".join(name(n) for n in numbers)


def not_allowed(base, attr, allowed, parameter):
    if _plain():
        return TypeError("DataType %s for attr '%s' not in list of allowed values: %s"
                         % (name(base), attr, names(allowed)))
    return TypeError("Value passed to parameter '%s' has DataType %s not in list of allowed values:"
                     " %s" % (parameter, name(base), names(allowed)))


def not_a_reference(plan, argument):
    if _plain():
        return TypeError("Input '%s' of '%s' Op requires l-value input" % (argument.name,
                                                                          plan.name))
    return TypeError("'%s' Op requires that input '%s' be a mutable tensor (e.g.: a tf.Variable)"
                     % (plan.name, argument.name))


def wrong_type(plan, argument, value, wanted, sources):
    """A tensor of another type."""
    text = "Input '%s' of '%s' Op has type %s that does not match" % (
        argument.name, plan.name, value.dtype.name)
    if argument.type_attr is None:
        return TypeError("%s expected type of %s." % (text, name(wanted)))
    return TypeError("%s type %s of argument '%s'." % (text, name(wanted),
                                                       sources[argument.type_attr]))


def not_convertible(plan, argument, value, dtype, error):
    """A value that is no tensor of that type."""
    if dtype is None or _plain():
        return error
    return TypeError("Expected %s passed to parameter '%s' of op '%s', got %r of type '%s' "
                     "instead. Error: %s" % (dtype.name, argument.name, plan.name, value,
                                             type(value).__name__, error))


def wrong_value(plan, argument, value, wanted, sources):
    """A value that is no tensor, or one of another type."""
    try:
        observed = conversion.internal_convert_to_tensor(value, as_ref=argument.is_ref)
    except ValueError as error:
        return ValueError("Tried to convert '%s' to a tensor and failed. Error: %s"
                          % (argument.name, error))
    if wanted:
        return wrong_type(plan, argument, observed, wanted, sources)
    return TypeError("Input '%s' of '%s' Op has type %s that does not match type %s of its default"
                     % (argument.name, plan.name, observed.dtype.name,
                        argument.preferred and argument.preferred.name))


def mixed_list(plan, argument, values):
    """A list whose members became tensors of several types."""
    if _plain():
        return TypeError("All tensors passed to '%s' of '%s' Op must have the same type."
                         % (argument.name, plan.name))
    return wrong_list(plan, argument, values, None, False)


def wrong_list(plan, argument, values, dtype, is_inferred):
    """A list whose members do not become tensors that go together."""
    observed = []
    for value in values:
        try:
            tensor = conversion.internal_convert_to_tensor(value, as_ref=argument.is_ref)
            observed.append(tensor.dtype.base_dtype.name)
        except (TypeError, ValueError):
            observed.append("<NOT CONVERTIBLE TO TENSOR>")
    text = "Tensors in list passed to '%s' of '%s' Op have types [%s]" % (
        argument.name, plan.name, ", ".join(observed))
    if argument.number_attr is None:
        return TypeError("%s that are invalid." % text)
    if argument.type_attr is None:
        return TypeError("%s that do not match expected type %s." % (text, dtype.name))
    if is_inferred:
        return TypeError("%s that do not match type %s inferred from earlier arguments."
                         % (text, dtype.name))
    return TypeError("%s that don't all match." % text)

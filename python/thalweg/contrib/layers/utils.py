# SPDX-License-Identifier: Apache-2.0
"""What the layers of contrib share."""
from thalweg.framework import ops, tensor_shape, tensor_util
from thalweg.ops import control_flow_ops, variables
from thalweg.layers.core import smart_cond  # noqa: F401


def collect_named_outputs(collections, alias, outputs):
    """Puts a layer's outputs into collections, under a name."""
    if collections:
        outputs.aliases = getattr(outputs, "aliases", []) + [alias]
        ops.add_to_collections(collections, outputs)
    return outputs


def get_variable_collections(variables_collections, name):
    """The collections for the variables of a name: a list for all, or a dict by name."""
    if isinstance(variables_collections, dict):
        return variables_collections.get(name)
    return variables_collections


def two_element_tuple(value):
    """(rows, columns) of one number or two."""
    if isinstance(value, (list, tuple)):
        if len(value) != 2:
            raise ValueError("A tuple or list of two was expected, not %s" % (value,))
        return int(value[0]), int(value[1])
    if hasattr(value, "as_list"):
        return two_element_tuple(value.as_list())
    return int(value), int(value)


def convert_collection_to_dict(collection, clear_collection=False):
    """{name: tensor} of a collection of named outputs."""
    found = {alias: t for t in ops.get_collection(collection)
             for alias in getattr(t, "aliases", [t.op.name])}
    if clear_collection:
        del ops.get_collection_ref(collection)[:]
    return found


def append_tensor_alias(tensor, alias):
    """A tensor with one name more for collections."""
    tensor.aliases = getattr(tensor, "aliases", []) + [alias]
    return tensor


def gather_tensors_aliases(tensors):
    """All names of tensors."""
    return [alias for tensor in tensors for alias in get_tensor_aliases(tensor)]


def get_tensor_aliases(tensor):
    """The names of a tensor: its own where it has no other."""
    return getattr(tensor, "aliases", None) or [tensor.name[:-2] if tensor.name.endswith(":0")
                                                else tensor.name]


def constant_value(value_or_tensor_or_var, dtype=None):
    """A bool, or what is known of a tensor while building; None: nothing."""
    if value_or_tensor_or_var is None:
        raise ValueError("value_or_tensor_or_var cannot be None")
    value = value_or_tensor_or_var
    if isinstance(value, (ops.Tensor, variables.Variable)):
        if dtype and value.dtype.base_dtype != dtype:
            raise ValueError("It has the wrong type %s instead of %s" % (value.dtype, dtype))
        return None if isinstance(value, variables.Variable) else tensor_util.constant_value(value)
    if dtype and not isinstance(value, dtype.as_numpy_dtype().dtype.type) and \
            not isinstance(value, bool):
        raise ValueError("It has the wrong type %s instead of %s" % (type(value), dtype))
    return value


def static_cond(pred, fn1, fn2):
    """One of two functions, by a bool."""
    for name, function in (("fn1", fn1), ("fn2", fn2)):
        if not callable(function):
            raise TypeError("%s must be callable." % name)
    return fn1() if pred else fn2()


def dynamic_cond(pred, fn1, fn2):
    """One of two functions, when it is run."""
    return control_flow_ops.cond(pred, fn1, fn2)


def last_dimension(shape, min_rank=1):
    """The size of the last dimension, which has to be known."""
    return _dimension(shape, -1, min_rank)


def first_dimension(shape, min_rank=1):
    """The size of the first dimension, which has to be known."""
    return _dimension(shape, 0, min_rank)


def channel_dimension(shape, data_format, min_rank=1):
    """The number of channels, which has to be known."""
    return _dimension(shape, 1 if data_format == "NCHW" else -1, min_rank)


def _dimension(shape, axis, min_rank):
    shape = tensor_shape.as_shape(shape)
    if shape.ndims is None:
        raise ValueError("dims of shape must be known but is None")
    if len(shape.dims) < min_rank:
        raise ValueError("rank of shape must be at least %d not: %d" % (min_rank, shape.ndims))
    value = shape.dims[axis].value
    if value is None:
        raise ValueError("dimension %d shape must be known but is None" % axis)
    return value


def n_positive_integers(n, value):
    """A tuple of n numbers above 0, of one or of n."""
    try:
        n = int(n)
    except ValueError:
        raise TypeError("n must be an integer") from None
    if n < 1:
        raise ValueError("n must be a positive integer")
    try:
        found = (int(value),) * n
    except (ValueError, TypeError):
        found = tuple(int(v) for v in (value.as_list() if hasattr(value, "as_list") else value))
    if len(found) != n or any(v < 1 for v in found):
        raise ValueError("Unable to convert %s to %d positive integers" % (value, n))
    return found

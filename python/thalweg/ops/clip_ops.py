# SPDX-License-Identifier: Apache-2.0
"""Keeping values and norms within bounds. The library has these functions."""
from thalweg import _core
from thalweg.framework import ops


def _value(t, name="t"):
    """The tensor to work on: IndexedSlices count with their values."""
    return t.values if isinstance(t, ops.IndexedSlices) else ops.convert_to_tensor(t, name=name)


def _like(t, clipped):
    if isinstance(t, ops.IndexedSlices):
        return ops.IndexedSlices(clipped, t.indices, t.dense_shape)
    return clipped


def _bound(value, dtype):
    """A number stays one, and gets the tensor's type in the library."""
    if isinstance(value, (int, float)):
        return value
    return ops.convert_to_tensor(value, dtype=None if isinstance(value, ops.Tensor) else dtype)


def _in_graph(t, name, default):
    return ops.name_scope(name, default, [t] if not isinstance(t, (list, tuple)) else
                          [v for v in t if v is not None])


def clip_by_value(t, clip_value_min, clip_value_max, name=None):
    """`t` with what is beyond the bounds moved to them."""
    with ops.name_scope(name, "clip_by_value", [t, clip_value_min, clip_value_max]) as scope:
        value = _value(t)
        dtype = value.dtype.base_dtype
        return _like(t, _core.composite(
            "clip_by_value", {"t": value, "clip_value_min": _bound(clip_value_min, dtype),
                              "clip_value_max": _bound(clip_value_max, dtype)}, scope))


def clip_by_norm(t, clip_norm, axes=None, name=None):
    """`t`, scaled down where its L2 norm (over `axes`, or everything) is over `clip_norm`."""
    if isinstance(axes, str):  # the name came third once
        axes, name = None, axes
    with _in_graph(t, name, "clip_by_norm") as scope:
        value = _value(t)
        return _like(t, _core.composite(
            "clip_by_norm", {"t": value, "clip_norm": _bound(clip_norm, value.dtype.base_dtype),
                             "axes": axes}, scope))


def clip_by_average_norm(t, clip_norm, name=None):
    """`t`, scaled down where its L2 norm for each element is over `clip_norm`."""
    with _in_graph(t, name, "clip_by_average_norm") as scope:
        value = _value(t)
        return _core.composite(
            "clip_by_average_norm",
            {"t": value, "clip_norm": _bound(clip_norm, value.dtype.base_dtype)}, scope)


def _checked_list(t_list):
    if not isinstance(t_list, (list, tuple)) or isinstance(t_list, str):
        raise TypeError("t_list should be a sequence")
    return list(t_list)


def _values(t_list):
    return [None if t is None else _value(t, "t_%d" % i) for i, t in enumerate(t_list)]


def global_norm(t_list, name=None):
    """The L2 norm of all tensors together; None does not count."""
    values = _values(_checked_list(t_list))
    with _in_graph(values, name, "global_norm") as scope:
        return _core.composite("global_norm", {"t_list": values}, scope)


def clip_by_global_norm(t_list, clip_norm, use_norm=None, name=None):
    """(the tensors, scaled down by one number where their norm together is over `clip_norm`; that
    norm). None stays None."""
    t_list = _checked_list(t_list)
    if use_norm is None:
        use_norm = global_norm(t_list, name)
    values = _values(t_list)
    with _in_graph(values, name, "clip_by_global_norm") as scope:
        norm = ops.convert_to_tensor(use_norm, name="use_norm")
        clipped, norm = _core.composite(
            "clip_by_global_norm",
            {"t_list": values, "use_norm": norm,
             "clip_norm": _bound(clip_norm, norm.dtype.base_dtype)}, scope)
    return [_like(t, c) for t, c in zip(t_list, clipped)], norm

# SPDX-License-Identifier: Apache-2.0
"""Derivatives by the graph's gradients beside derivatives by differences."""
import numpy as np

from thalweg.framework import ops


def _reals(array):
    """The array's numbers as real ones, a complex number as two; shares its memory."""
    if np.iscomplexobj(array):
        return array.view(array.real.dtype).reshape(-1)
    return array.reshape(-1)


def _parts(dtype):
    return 2 if dtype.base_dtype.is_complex else 1


def _dense(value, like):
    """A fetched gradient as an array of the shape of `like`."""
    if isinstance(value, ops.IndexedSlicesValue):
        out = np.zeros(like.shape, value.values.dtype)
        np.add.at(out, value.indices, value.values)
        return out
    return np.asarray(value)


def _by_gradients(x, x_data, dx, dy, y_shape, feeds):
    """[d y_j / d x_i] at (i, j), a run of dx for each element of y."""
    y_data = np.zeros(y_shape, dy.dtype.as_numpy_dtype)
    rows, columns = x_data.size * _parts(x.dtype), y_data.size * _parts(dy.dtype)
    jacobian = np.zeros((rows, columns), x_data.real.dtype)
    flat = _reals(y_data)
    for column in range(columns):
        flat[column] = 1
        grad = _dense(ops.get_default_session().run(dx, {**feeds, x: x_data, dy: y_data}), x_data)
        jacobian[:, column] = _reals(np.ascontiguousarray(grad, x_data.dtype))
        flat[column] = 0
    if columns == 0:
        grad = ops.get_default_session().run(dx, {**feeds, x: x_data, dy: y_data})
        grad = _dense(grad, x_data)
        if grad.shape != x_data.shape:
            raise ValueError("Empty gradient has wrong shape: expected %s, got %s"
                             % (x_data.shape, grad.shape))
        if np.any(grad):
            raise ValueError("Empty tensor with nonzero gradients")
    return jacobian


def _by_differences(x, x_data, y, y_shape, delta, feeds):
    """The same by (y(x + delta) - y(x - delta)) / 2 delta."""
    x_data = np.array(x_data, order="C")
    flat = _reals(x_data)
    columns = int(np.prod(y_shape, dtype=np.int64)) * _parts(y.dtype)
    jacobian = np.zeros((flat.size, columns), flat.dtype)
    run = ops.get_default_session().run
    for row in range(flat.size):
        old = flat[row]
        flat[row] = old + delta
        above = np.asarray(run(y, {**feeds, x: x_data}))
        flat[row] = old - delta
        below = np.asarray(run(y, {**feeds, x: x_data}))
        flat[row] = old
        jacobian[row] = _reals(np.ascontiguousarray((above - below) / (2 * delta)))
    return jacobian


def _start(x, x_shape, x_init_value):
    numpy = x.dtype.base_dtype.as_numpy_dtype
    if x_init_value is None:
        value = np.random.random_sample(x_shape).astype(numpy)
        if x.dtype.base_dtype.is_complex:
            value = value + 1j * np.random.random_sample(x_shape).astype(value.real.dtype)
        return value.astype(numpy)
    if list(np.shape(x_init_value)) != list(x_shape):
        raise ValueError("x_shape is %s, but x_init_value has the shape %s"
                         % (list(x_shape), list(np.shape(x_init_value))))
    return np.ascontiguousarray(x_init_value, numpy).reshape(x_shape)


def _one(x, x_shape, dx, y, y_shape, dy, x_init_value, delta, feeds):
    for what, tensor in (("x", x), ("y", y)):
        if not tensor.dtype.base_dtype.is_floating and not tensor.dtype.base_dtype.is_complex:
            raise TypeError("%s must be of a floating type, not %s" % (what, tensor.dtype.name))
    x_data = _start(x, x_shape, x_init_value)
    return (_by_gradients(x, x_data, dx, dy, y_shape, feeds),
            _by_differences(x, x_data, y, y_shape, delta, feeds))


def compute_gradient(x, x_shape, y, y_shape, x_init_value=None, delta=1e-3, init_targets=None,
                     extra_feed_dict=None):
    """(by gradients, by differences): two arrays of d y_j / d x_i with a row for each element of x
    and a column for each of y, computed in the default session. `x` may be a list of tensors:
    a list of pairs then. `init_targets` run first."""
    from thalweg.ops import array_ops, gradients
    if init_targets is not None:
        for target in init_targets if isinstance(init_targets, (list, tuple)) else [init_targets]:
            target.run()
    several = isinstance(x, list)
    xs, shapes = (x, x_shape) if several else ([x], [x_shape])
    starts = (x_init_value if several else [x_init_value]) or [None] * len(xs)
    dy = array_ops.placeholder(y.dtype.base_dtype, y_shape)
    with ops.get_default_graph().as_default():
        dxs = gradients.gradients(y, xs, dy)
    for one, dx in zip(xs, dxs):
        if dx is None:
            raise ValueError("there is no gradient from %s to %s" % (y.name, one.name))
    feeds = dict(extra_feed_dict or {})
    pairs = [_one(one, shape, dx, y, y_shape, dy, start, delta, feeds)
             for one, shape, dx, start in zip(xs, shapes, dxs, starts)]
    return pairs if several else pairs[0]


def compute_gradient_error(x, x_shape, y, y_shape, x_init_value=None, delta=1e-3,
                           init_targets=None, extra_feed_dict=None):
    """The greatest difference between the two ways of compute_gradient."""
    pairs = compute_gradient(x, x_shape, y, y_shape, x_init_value, delta, init_targets,
                             extra_feed_dict)
    pairs = [pairs] if isinstance(pairs, tuple) else pairs
    return max((np.fabs(a - b).max() for a, b in pairs if a.size), default=0)



# SPDX-License-Identifier: Apache-2.0
"""Derivatives of tensors by tensors."""
import enum

from thalweg import _core
from thalweg.compat import behaviour
from thalweg.framework import conversion, dtypes, ops
from thalweg.ops import array_ops, math_ops


class AggregationMethod:
    """How the parts of a gradient are added up; all give the same sums here."""
    ADD_N = 0
    DEFAULT = ADD_N
    EXPERIMENTAL_TREE = 1
    EXPERIMENTAL_ACCUMULATE_N = 2


class UnconnectedGradients(enum.Enum):
    """What stands for the gradient where there is no way from x to y."""
    NONE = "none"
    ZERO = "zero"


def _list(things):
    return list(things) if isinstance(things, (list, tuple)) else [things]


def _tensors(things, what):
    """The tensors of values, variables and IndexedSlices."""
    return [ops.internal_convert_to_tensor(t, name=what, as_ref=True)
            if not isinstance(t, ops.IndexedSlices) else t.values for t in things]


def _handles(xs):
    """The tensors that the gradients are asked for; a resource variable's handle."""
    return [x.handle if getattr(x, "_is_resource_variable", False) else x for x in xs]


def _grad_ys(grad_ys, ys):
    grad_ys = [None] * len(ys) if grad_ys is None else _list(grad_ys)
    if len(grad_ys) != len(ys):
        raise ValueError("Passed %d grad_ys for %d ys" % (len(grad_ys), len(ys)))
    out = []
    for index, (grad, y) in enumerate(zip(grad_ys, ys)):
        if grad is None:
            if y.dtype.is_complex:
                raise TypeError("Gradients of complex tensors must set grad_ys (y.dtype = %r)"
                                % y.dtype)
            out.append(None)
            continue
        if isinstance(grad, ops.IndexedSlices):
            out.append((grad.values, grad.indices, grad.dense_shape))
            continue
        grad = ops.convert_to_tensor(grad, dtype=None if isinstance(grad, ops.Tensor)
                                     else y.dtype.base_dtype, name="grad_y_%d" % index)
        _check_grad_type(grad, y)
        if behaviour.gradient_shapes == "same size" and not \
                grad.get_shape().is_compatible_with(y.get_shape()):
            grad = array_ops.reshape(grad, array_ops.shape(y))
        out.append(grad)
    return out


def _check_grad_type(grad, y):
    """TypeError unless both are floating, both complex, or both whole numbers."""
    for kind, word in (("is_floating", "real"), ("is_integer", "integer"),
                       ("is_complex", "complex")):
        if getattr(y.dtype, kind) and not getattr(grad.dtype, kind):
            raise TypeError("Gradient type %r generated for %s tensor %s with type %r must be %s"
                            % (dtypes.as_dtype(grad.dtype).name, word, y, y.dtype.name, word))


def gradients(ys, xs, grad_ys=None, name="gradients", colocate_gradients_with_ops=False,
              gate_gradients=False, aggregation_method=None, stop_gradients=None,
              unconnected_gradients=UnconnectedGradients.NONE):
    """The derivatives of the sum of `ys` by each of `xs`: a list of tensors, IndexedSlices, and
    None where y does not depend on x. `grad_ys` are factors of the ys; `stop_gradients` are
    tensors that count as constants."""
    if aggregation_method not in (None, 0, 1, 2):
        raise ValueError("Invalid aggregation_method specified %s." % aggregation_method)
    unconnected = UnconnectedGradients(unconnected_gradients) \
        if not isinstance(unconnected_gradients, UnconnectedGradients) else unconnected_gradients
    ys, originals = _list(ys), _list(xs)
    stops = [] if stop_gradients is None else _list(stop_gradients)
    graph = ops._get_graph_from_inputs([t for t in ys + originals
                                        if hasattr(t, "graph")] or [])
    with graph.as_default():
        ys = [ops.convert_to_tensor(y, name="y") for y in ys]
        xs = _tensors(_handles(originals), "x")
        stops = _tensors(stops, "stop_gradients")
        first = graph._operation_count()
        found = _core.gradients(
            ys, xs, _grad_ys(grad_ys, ys), stops, name or "gradients",
            bool(colocate_gradients_with_ops), bool(gate_gradients),
            behaviour.integer_gradients == "flow")
        graph._made_by_gradients.append((first, graph._operation_count()))
        found = [conversion.unwrap_grad(g) for g in found]
        if unconnected is UnconnectedGradients.ZERO:
            found = [array_ops.zeros_like(x) if g is None else g for g, x in zip(found, xs)]
    return found


def _hessian_vector_product(ys, xs, v):
    """The product of the second derivatives of a scalar with a vector, without making them."""
    if len(v) != len(xs):
        raise ValueError("xs and v must have the same length.")
    grads = gradients(ys, xs)
    products = [math_ops.multiply(g, array_ops.stop_gradient(one))
                for g, one in zip(grads, v) if g is not None]
    return gradients(products, xs)


def hessians(ys, xs, name="hessians", colocate_gradients_with_ops=False, gate_gradients=False,
             aggregation_method=None):
    """The second derivatives of the sum of `ys` by each of `xs`: tensors of x's shape twice."""
    from thalweg.ops import control_flow_ops, tensor_array_ops
    out = []
    for x in _list(xs):
        gradient = gradients(ys, [x], name=name,
                             colocate_gradients_with_ops=colocate_gradients_with_ops,
                             gate_gradients=gate_gradients)[0]
        flat = array_ops.reshape(gradient, [-1])
        count = array_ops.size(x)
        rows = tensor_array_ops.TensorArray(x.dtype.base_dtype, count)
        _, rows = control_flow_ops.while_loop(
            lambda j, _: j < count,
            lambda j, result, flat=flat, x=x: (j + 1, result.write(j, gradients(
                flat[j], x, unconnected_gradients=UnconnectedGradients.ZERO)[0])),
            [array_ops.constant(0, dtypes.int32), rows])
        shape = array_ops.shape(x)
        out.append(array_ops.reshape(rows.stack(), array_ops.concat((shape, shape), 0)))
    return out

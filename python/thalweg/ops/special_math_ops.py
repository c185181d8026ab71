# SPDX-License-Identifier: Apache-2.0
"""Sums of products by subscripts (einsum), and the logarithm of the multivariate beta function."""
import re

from thalweg.framework import ops, tensor_shape
from thalweg.ops import (array_joining, array_moving, array_shapes, gen_math_ops, math_matrix,
                         math_reduction)


def lbeta(x, name=None):
    """The sum of lgamma over the last dimension, less lgamma of the sum."""
    with ops.name_scope(name, "lbeta", [x]):
        x = ops.convert_to_tensor(x, name="x")
        parts = math_reduction.reduce_sum(gen_math_ops.lgamma(x), axis=[-1])
        return parts - gen_math_ops.lgamma(math_reduction.reduce_sum(x, axis=[-1]))


def _subscripts(equation, inputs):
    """(the inputs' labels, those of the output); dimensions under "..." get upper-case ones that
    the equation does not use."""
    equation = equation.replace(" ", "")
    match = re.match("^([a-zA-Z.]+)((,[a-zA-Z.]*)*)(->[a-zA-Z.]*)?$", equation)
    if not match and equation:
        raise ValueError("Indices have incorrect format: %s" % equation)
    before, arrow, out = equation.partition("->")
    given = before.split(",")
    if len(given) != len(inputs):
        raise ValueError("Incorrect number of arguments for equation \"%s\": expected %d, got %d"
                         % (equation, len(given), len(inputs)))
    free = [c for c in "ABCDEFGHIJKLMNOPQRSTUVWXYZ" if c not in equation]
    most = 0
    for i, (labels, one) in enumerate(zip(given, inputs)):
        rank = one.get_shape().ndims
        if "..." in labels:
            if rank is None:
                raise ValueError("input %d of \"%s\" has unknown rank" % (i, equation))
            extra = rank - len(labels.replace("...", ""))
            most = max(most, extra)
            given[i] = labels.replace("...", "".join(free[:extra][::-1]))
        elif rank is not None and rank != len(labels):
            raise ValueError("Unexpected number of dimensions: \"%s\" of \"%s\" is for %d, input "
                             "%d has %d" % (labels, equation, len(labels), i, rank))
    broad = "".join(free[:most][::-1])
    if arrow:
        return given, out.replace("...", broad)
    flat = "".join(given)
    once = sorted(c for c in set(flat) if flat.count(c) == 1 and c not in broad)
    return given, broad + "".join(once)


def _check(labels, out):
    for one in labels + [out]:
        twice = [c for c in one if one.count(c) > 1]
        if twice:
            raise ValueError("Subscript not supported: an axis appears more than once: %s" % one)
    missing = [c for c in out if c not in "".join(labels)]
    if missing:
        raise ValueError("Unknown label in the output: %s" % missing[0])


class _Term:
    """A tensor and the labels of its dimensions."""

    def __init__(self, tensor, labels):
        self.tensor, self.labels = tensor, labels

    def summed(self, keep):
        """Without the dimensions whose labels nobody needs any more."""
        gone = [i for i, c in enumerate(self.labels) if c not in keep]
        if not gone:
            return self
        return _Term(math_reduction.reduce_sum(self.tensor, axis=gone),
                     "".join(c for c in self.labels if c in keep))

    def ordered(self, labels):
        """With the dimensions in the order of `labels`."""
        if labels == self.labels:
            return self
        order = [self.labels.index(c) for c in labels]
        return _Term(array_moving.transpose(self.tensor, order), labels)

    def sizes(self):
        """{label: (known size or None, size as a number or a tensor)}"""
        known = self.tensor.get_shape().as_list()
        found = {}
        for i, c in enumerate(self.labels):
            size = known[i]
            if size is None:
                size = array_shapes.shape(self.tensor)[i]
            found[c] = known[i], size
        return found


def _reshaped(tensor, groups, sizes):
    """With one dimension for each group of labels."""
    dims, known = [], []
    for group in groups:
        size, static = 1, 1
        for c in group:
            static = None if static is None or sizes[c][0] is None else static * sizes[c][0]
            size = size * sizes[c][1]
        dims.append(size if static is None else static)
        known.append(static)
    if not any(isinstance(d, ops.Tensor) for d in dims):
        return array_shapes.reshape(tensor, dims)
    made = array_shapes.reshape(tensor, array_joining.stack(dims))
    made.set_shape(tensor_shape.TensorShape(known))
    return made


def _product(a, b, keep):
    """The product of two terms, summed over the labels that only they have."""
    shared = [c for c in a.labels if c in b.labels]
    a, b = a.summed(keep + b.labels), b.summed(keep + a.labels)
    batch = "".join(c for c in shared if c in keep)
    inner = "".join(c for c in shared if c not in keep)
    left = "".join(c for c in a.labels if c not in shared)
    right = "".join(c for c in b.labels if c not in shared)
    sizes = {**b.sizes(), **{c: s for c, s in a.sizes().items()}}
    x = _reshaped(a.ordered(batch + left + inner).tensor, [batch, left, inner], sizes)
    y = _reshaped(b.ordered(batch + inner + right).tensor, [batch, inner, right], sizes)
    if not batch:
        x, y = (array_shapes.squeeze(t, [0]) for t in (x, y))
    made = math_matrix.matmul(x, y)
    labels = batch + left + right
    return _Term(_reshaped(made, labels, sizes), labels)


def einsum(equation, *inputs, **kwargs):
    """Products of tensors, summed over the labels that the output does not have:
    einsum("ij,jk->ik", a, b) is a matrix product. Without "->" the output has the labels that come
    once, sorted; "..." stands for any further dimensions."""
    name = kwargs.pop("name", None)
    if kwargs:
        raise TypeError("invalid keyword arguments for this function: "
                        + ", ".join(sorted(kwargs)))
    with ops.name_scope(name, "einsum", [equation, inputs]):
        inputs = [ops.convert_to_tensor(one, name="input") for one in inputs]
        labels, out = _subscripts(equation, inputs)
        _check(labels, out)
        terms = [_Term(*pair) for pair in zip(inputs, labels)]
        term = terms[0]
        for i, other in enumerate(terms[1:], 1):
            later = out + "".join(labels[i + 1:])
            term = _product(term, other, later)
        return term.summed(out).ordered(out).tensor

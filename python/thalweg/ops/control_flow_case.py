# SPDX-License-Identifier: Apache-2.0
"""Choices among several functions, made of conditions; and Assert."""
import collections

from thalweg.framework import constant_op
from thalweg.framework import dtypes
from thalweg.framework import ops
from thalweg.ops import array_ops
from thalweg.ops import gen_control_flow_ops
from thalweg.ops import gen_logging_ops
from thalweg.ops import math_ops
from thalweg.ops.control_flow_cond import cond
from thalweg.platform import tf_logging as logging


def Assert(condition, data, summarize=None, name=None):  # pylint: disable=invalid-name
    """An operation that fails with the tensors of `data` if `condition` does not hold.

    `summarize` elements of each are shown. Unless all of them are small by their type, they are
    computed only where the condition fails."""
    summarize = 3 if summarize is None else summarize
    with ops.name_scope(name, "Assert", [condition, data]):
        tensors = ops.convert_n_to_tensor(data)
        if all(tensor.dtype in (dtypes.string, dtypes.int32) for tensor in tensors):
            return gen_logging_ops.assert_(condition, data, summarize, name="Assert")
        condition = ops.convert_to_tensor(condition, name="Condition")
        return cond(condition, gen_control_flow_ops.no_op,
                    lambda: gen_logging_ops.assert_(condition, data, summarize, name="Assert"),
                    name="AssertGuard").op


# ---- case ----

def _checked_pair(pair):
    """(predicate, function) of an entry."""
    if not isinstance(pair, tuple) or len(pair) != 2:
        raise TypeError("Each entry in pred_fn_pairs must be a 2-tuple")
    pred, function = pair
    if not isinstance(pred, ops.Tensor):
        raise TypeError("pred must be a Tensor, got: %s" % (pred,))
    if pred.dtype.base_dtype != dtypes.bool:
        raise TypeError("pred must be Tensor of type bool: %s" % pred.name)
    if not callable(function):
        raise TypeError("fn for pred %s must be callable." % pred.name)
    return pair


def _checked_pairs(pairs, exclusive):
    """Lists of the predicates and of the functions."""
    if not isinstance(pairs, (list, tuple, dict)):
        raise TypeError("fns must be a list, tuple, or dict")
    if isinstance(pairs, dict):
        ordered = isinstance(pairs, collections.OrderedDict)
        if not ordered and not exclusive:
            logging.warn("A dictionary of predicates and functions was given that need not be "
                         "exclusive: they are tried in the order of the predicates' names.")
        pairs = list(pairs.items()) if ordered else sorted(
            pairs.items(), key=lambda pair: getattr(pair[0], "name", ""))
    pairs = [_checked_pair(pair) for pair in pairs]
    return [pred for pred, _ in pairs], [function for _, function in pairs]


def _named(predicates):
    return ", ".join(pred.name for pred in predicates)


def _stacked(predicates):
    """All predicates as one tensor, of none too."""
    if not predicates:
        return constant_op.constant([], name="preds_c")
    return array_ops.stack(predicates, name="preds_c")


def _at_most(limit, predicates, message):
    """An Assert that no more than `limit` of the predicates hold."""
    stacked = _stacked(predicates)
    count = math_ops.reduce_sum(math_ops.cast(stacked, dtypes.int32), name="num_true_conds")
    within = math_ops.less_equal(count, constant_op.constant(limit, name="n_true_conds"))
    return Assert(within, [message, stacked], summarize=len(predicates))


def _last_as_default(predicates, functions):
    """The last function with a check that its predicate is the one that holds; and the rest."""
    pred, function = predicates[-1], functions[-1]
    others = predicates[:-1]

    def default():
        stacked = _stacked(predicates)
        checks = [
            _at_most(0, others, "Implementation error: selected default action #%d was called, but "
                     "some of other predicates are True: (%s), Values:"
                     % (len(others), _named(others))),
            Assert(pred, ["None of conditions evaluated as True. Conditions: (%s), Values:"
                          % _named(predicates), stacked], summarize=len(predicates))]
        with ops.control_dependencies(checks):
            return function()

    return default, others, functions[:-1]


def _chain(predicates, functions, default, strict):
    """The conditions, one inside of the other."""
    function = default
    for pred, action in reversed(list(zip(predicates, functions))):
        function = _link(pred, action, function, strict)
    return function()


def _link(pred, action, otherwise, strict):
    return lambda: cond(pred, action, otherwise, strict=strict)


def case(pred_fn_pairs, default=None, exclusive=False, strict=False, name="case"):
    """What the function of the first predicate that holds gives, or else `default()`.

    `pred_fn_pairs` is a list of (bool tensor, function) or a dict. With `exclusive` it is an error
    of the run if more than one holds; without a default, if none does."""
    if isinstance(strict, str):  # where the name stood before there was `strict`
        strict, name = False, strict
    predicates, functions = _checked_pairs(pred_fn_pairs, exclusive)
    with ops.name_scope(name, "case", [predicates]):
        if not predicates:
            if default is None:
                raise ValueError("pred_fn_pairs is empty and there is no default")
            return default()
        checks = []
        if exclusive:
            checks = [_at_most(1, predicates, "Input error: exclusive=True: more than 1 conditions "
                               "(%s) evaluated as True:" % _named(predicates))]
        if default is None:
            default, predicates, functions = _last_as_default(predicates, functions)
        with ops.control_dependencies(checks):
            return _chain(predicates, functions, default, strict)


def switch_case(branch_index, branch_fns, default=None, name="switch_case"):
    """What branch_fns[branch_index]() gives; `default()` (or else the last function) for any
    other index. `branch_fns` is a list of functions, or of (index, function), or a dict."""
    pairs = list(branch_fns.items()) if isinstance(branch_fns, dict) else list(branch_fns)
    if not pairs:
        raise ValueError("branch_fns must not be empty")
    if all(callable(function) for function in pairs):
        pairs = list(enumerate(pairs))
    for pair in pairs:
        if not isinstance(pair, tuple) or len(pair) != 2 or not callable(pair[1]):
            raise TypeError("Each entry in branch_fns must be callable or a 2-tuple")
    pairs.sort(key=lambda pair: pair[0])
    indices = [index for index, _ in pairs]
    if indices != list(range(len(pairs))):
        raise ValueError("branch indices (keys) must form contiguous range of [0 to %d) but found "
                         "{%s}" % (len(pairs), ",".join(map(str, indices))))
    with ops.name_scope(name, "switch_case", [branch_index]):
        index = ops.convert_to_tensor(branch_index, dtype=dtypes.int32, name="branch_index")
        if default is None:
            default = pairs[-1][1]
            pairs = pairs[:-1]
        predicates = [math_ops.equal(index, key) for key, _ in pairs]
        return _chain(predicates, [function for _, function in pairs], default, False)

# SPDX-License-Identifier: Apache-2.0
"""Optimizer: gradients, then an update for each variable, tied together by a group that is named
as the optimizer. A subclass says what an update is."""
from thalweg.compat import behaviour
from thalweg.framework import dtypes, ops
from thalweg.ops import (
    array_ops, control_flow_ops, gradients_impl, math_ops, state_ops, variable_scope, variables)
from thalweg.training import slot_creator
from thalweg.util import nest

_VARIABLES = ("Variable", "VariableV2")


def _deduplicate_indexed_slices(values, indices):
    """Rows that stand in several places are summed: (sums, indices)."""
    unique, places = array_ops.unique(indices)
    return math_ops.unsorted_segment_sum(values, places, array_ops.shape(unique)[0]), unique


def _var_key(var):
    """A variable's graph and name, which stand for it in tables."""
    return var.op.graph, var.op.name


def _checked_gradient(grad):
    """A gradient as a tensor or IndexedSlices."""
    if grad is None:
        return None
    try:
        grad = ops.convert_to_tensor_or_indexed_slices(grad)
    except TypeError:
        raise TypeError("Gradient must be convertible to a Tensor or IndexedSlices, or None: %s"
                        % (grad,)) from None
    if not isinstance(grad, (ops.Tensor, ops.IndexedSlices)):
        raise TypeError("Gradient must be a Tensor, IndexedSlices, or None: %s" % (grad,))
    return grad


class Optimizer:
    """The base of optimizers. A subclass overrides `_apply_dense(grad, var)`, and
    `_apply_sparse(grad, var)` for IndexedSlices; further `_create_slots(var_list)` for variables
    beside the variables, `_prepare()` for its settings as tensors, `_finish(update_ops, name)` for
    what comes after the updates, `_valid_dtypes()`."""
    GATE_NONE, GATE_OP, GATE_GRAPH = 0, 1, 2

    def __init__(self, use_locking, name):
        if not name:
            raise ValueError("Must specify the optimizer name")
        self._use_locking, self._name = use_locking, name
        self._slots = {}          # {name of a slot: {key of a variable: its slot}}
        self._non_slot_dict = {}  # {(name, graph): variable}

    def get_name(self):
        """The name of its group of updates."""
        return self._name

    # ---- gradients ----

    def minimize(self, loss, global_step=None, var_list=None, gate_gradients=GATE_OP,
                 aggregation_method=None, colocate_gradients_with_ops=False, name=None,
                 grad_loss=None):
        """An operation that moves the variables a step down the loss, and counts the step in
        `global_step`, a variable."""
        pairs = self.compute_gradients(
            loss, var_list=var_list, gate_gradients=gate_gradients,
            aggregation_method=aggregation_method,
            colocate_gradients_with_ops=colocate_gradients_with_ops, grad_loss=grad_loss)
        if all(grad is None for grad, _ in pairs):
            raise ValueError(
                "No gradients provided for any variable, check your graph for ops that do not "
                "support gradients, between variables %s and loss %s."
                % ([str(var) for _, var in pairs], loss))
        return self.apply_gradients(pairs, global_step=global_step, name=name)

    def compute_gradients(self, loss, var_list=None, gate_gradients=GATE_OP,
                          aggregation_method=None, colocate_gradients_with_ops=False,
                          grad_loss=None):
        """[(gradient or None, variable)] of the loss, for the given variables or the trainable
        ones."""
        if gate_gradients not in (self.GATE_NONE, self.GATE_OP, self.GATE_GRAPH):
            raise ValueError("gate_gradients must be one of: Optimizer.GATE_NONE, "
                             "Optimizer.GATE_OP, Optimizer.GATE_GRAPH.  Not %s" % gate_gradients)
        if callable(loss):
            raise TypeError("loss is a tensor of the graph, not a function: %s" % loss)
        self._assert_valid_dtypes([loss])
        if grad_loss is not None:
            self._assert_valid_dtypes([grad_loss])
        var_list = variables.trainable_variables() if var_list is None else \
            nest.flatten([list(v) if hasattr(v, "_get_partitions") else v
                          for v in nest.flatten(var_list)])
        if not var_list:
            raise ValueError("No variables to optimize.")
        for var in var_list:
            self._check_variable(var)
        grads = gradients_impl.gradients(
            loss, var_list, grad_ys=grad_loss, gate_gradients=gate_gradients == self.GATE_OP,
            aggregation_method=aggregation_method,
            colocate_gradients_with_ops=colocate_gradients_with_ops)
        if gate_gradients == self.GATE_GRAPH:
            grads = control_flow_ops.tuple(grads)
        pairs = list(zip(grads, var_list))
        self._assert_valid_dtypes([var for grad, var in pairs if grad is not None])
        return pairs

    @staticmethod
    def _check_variable(var):
        if isinstance(var, variables.Variable):
            return
        if isinstance(var, ops.Tensor) and var.op.type in _VARIABLES:
            return
        if isinstance(var, ops.Tensor):
            raise NotImplementedError("Trying to update a Tensor ", var)
        raise TypeError("Argument is not a tf.Variable: %s" % (var,))

    # ---- updates ----

    def apply_gradients(self, grads_and_vars, global_step=None, name=None):
        """An operation that updates the variables by their gradients, [(gradient, variable)], and
        then counts the step."""
        pairs = tuple(grads_and_vars)
        if not pairs:
            raise ValueError("No variables provided.")
        pairs = tuple((_checked_gradient(grad), var) for grad, var in pairs)
        for grad, var in pairs:
            self._check_variable(var)
            self._assert_valid_dtypes([] if grad is None else [grad, var])
        var_list = [var for grad, var in pairs if grad is not None]
        if not var_list:
            raise ValueError("No gradients provided for any variable: %s."
                             % ([str(var) for _, var in pairs],))
        with ops.init_scope():
            self._create_slots(var_list)
        with ops.name_scope(name, self._name, var_list) as scope:
            self._prepare()
            updates = [self._update(grad, var) for grad, var in pairs if grad is not None]
            if global_step is None:
                done = self._finish(updates, scope)
            else:
                with ops.control_dependencies([self._finish(updates, "update")]), \
                        ops.colocate_with(global_step):
                    done = state_ops.assign_add(global_step, 1, name=scope)
            done = done.op if isinstance(done, ops.Tensor) else done
        train_ops = ops.get_collection_ref(ops.GraphKeys.TRAIN_OP)
        if done not in train_ops:
            train_ops.append(done)
        return done

    def _update(self, grad, var):
        """The update of one variable, where it is."""
        with ops.name_scope("update_" + var.op.name), ops.colocate_with(var):
            constraint = getattr(var, "constraint", None)
            if isinstance(grad, ops.Tensor):
                done = self._apply_dense(grad, var)
                if constraint is not None:
                    with ops.control_dependencies([done]):
                        return var.assign(constraint(var.read_value()))
                return done
            if constraint is not None:
                raise RuntimeError("Cannot use a constraint function on a sparse variable.")
            if behaviour.repeated_rows == "one by one":
                return self._apply_sparse(grad, var)
            return self._apply_sparse_duplicate_indices(grad, var)

    # ---- slots ----

    def get_slot(self, var, name):
        """The slot of a variable under that name ("momentum", "m" ...), or None."""
        return self._slots.get(name, {}).get(_var_key(var))

    def get_slot_names(self):
        """The names of its slots, in order."""
        return sorted(self._slots)

    def variables(self):
        """The variables that it has made."""
        graph = ops.get_default_graph()
        found = [v for (_, g), v in self._non_slot_dict.items() if g is graph]
        found += [v for slots in self._slots.values() for (g, _), v in slots.items() if g is graph]
        return sorted(found, key=lambda v: v.name)

    def _slot_dict(self, slot_name):
        return self._slots.setdefault(slot_name, {})

    def _get_or_make_slot(self, var, val, slot_name, op_name):
        """The slot of a variable, which begins with a value; `op_name` is behind its name."""
        slots = self._slot_dict(slot_name)
        key = _var_key(var)
        if key not in slots:
            slots[key] = slot_creator.create_slot(var, val, op_name)
        return slots[key]

    def _get_or_make_slot_with_initializer(self, var, initializer, shape, dtype, slot_name,
                                           op_name):
        """As _get_or_make_slot, with an initializer."""
        slots = self._slot_dict(slot_name)
        key = _var_key(var)
        if key not in slots:
            slots[key] = slot_creator.create_slot_with_initializer(var, initializer, shape, dtype,
                                                                   op_name)
        return slots[key]

    def _zeros_slot(self, var, slot_name, op_name):
        """As _get_or_make_slot, with zeros."""
        slots = self._slot_dict(slot_name)
        key = _var_key(var)
        if key not in slots:
            slots[key] = slot_creator.create_zeros_slot(var, op_name)
        return slots[key]

    def _filled_slot(self, var, initializer, slot_name):
        """As _get_or_make_slot, for an initializer, whether or not the shape is known."""
        dtype = var.dtype.base_dtype
        shape = var.get_shape()
        if shape.is_fully_defined():
            return self._get_or_make_slot_with_initializer(var, initializer, shape, dtype,
                                                           slot_name, self._name)
        value = initializer(array_ops.shape(slot_creator.first_value(var)), dtype)
        return self._get_or_make_slot(var, value, slot_name, self._name)

    def _create_non_slot_variable(self, initial_value, name, colocate_with):
        """A variable of its own in the graph of another one, beside it."""
        key = name, colocate_with.op.graph
        if key not in self._non_slot_dict:
            with ops.colocate_with(colocate_with):
                self._non_slot_dict[key] = variable_scope.variable(
                    initial_value, name=name, trainable=False)
        return self._non_slot_dict[key]

    def _get_non_slot_variable(self, name, graph=None):
        return self._non_slot_dict.get((name, graph))

    def _non_slot_variables(self):
        return list(self._non_slot_dict.values())

    # ---- what subclasses say ----

    def _valid_dtypes(self):
        """The types that variables and losses may have."""
        return [dtypes.as_dtype(name) for name in behaviour.optimizer_types.split()]

    def _assert_valid_dtypes(self, tensors):
        valid = self._valid_dtypes()
        for tensor in tensors:
            dtype = tensor.dtype.base_dtype
            if dtype not in valid:
                raise ValueError("Invalid type %r for %s, expected: %s."
                                 % (dtype, tensor.name, list(valid)))

    def _create_slots(self, var_list):
        """Makes the slots of the variables; nothing here."""

    def _prepare(self):
        """Makes tensors of the settings, before the updates; nothing here."""

    def _apply_dense(self, grad, var):
        """The update of a variable by a gradient that is a tensor."""
        raise NotImplementedError()

    def _apply_sparse(self, grad, var):
        """The update of a variable by IndexedSlices."""
        raise NotImplementedError()

    def _resource_apply_dense(self, grad, handle):
        raise NotImplementedError()

    def _resource_apply_sparse(self, grad, handle, indices):
        raise NotImplementedError()

    def _apply_sparse_duplicate_indices(self, grad, var):
        """As _apply_sparse, for rows that may stand twice; they are summed first."""
        values, indices = _deduplicate_indexed_slices(grad.values, grad.indices)
        return self._apply_sparse(ops.IndexedSlices(values, indices, grad.dense_shape), var)

    def _finish(self, update_ops, name_scope):
        """What ends the step: an operation with that name that has run when all updates have."""
        return control_flow_ops.group(*update_ops, name=name_scope)

    def _call_if_callable(self, param):
        """A setting may be a function without arguments."""
        return param() if callable(param) else param

    def _setting(self, value, name):
        """A setting as a tensor."""
        return ops.convert_to_tensor(self._call_if_callable(value), name=name)

# SPDX-License-Identifier: Apache-2.0
"""What all layers share: a scope with variables, made when the layer is first called."""
import copy
import re

from thalweg.framework import dtypes, ops, tensor_shape
from thalweg.ops import variable_scope as vs
from thalweg.util import nest


class InputSpec:
    """What a layer asks of an input: its dtype, its shape or rank, sizes of some dimensions."""

    def __init__(self, dtype=None, shape=None, ndim=None, max_ndim=None, min_ndim=None, axes=None):
        self.dtype, self.shape = dtype, None if shape is None else tuple(shape)
        self.ndim = len(shape) if shape is not None else ndim
        self.max_ndim, self.min_ndim, self.axes = max_ndim, min_ndim, axes or {}

    def __repr__(self):
        said = ["%s=%s" % (k, v) for k, v in vars(self).items() if v]
        return "InputSpec(%s)" % ", ".join(said)

    def check(self, shape, layer, index=0):
        """Raises a ValueError if an input's shape does not fit."""
        start = "Input %d of layer %s is incompatible with the layer: " % (index, layer)
        if any(n is not None for n in (self.ndim, self.min_ndim, self.max_ndim)) or self.axes:
            if shape.ndims is None:
                raise ValueError(start + "its rank is undefined, but the layer requires a defined "
                                         "rank.")
        if self.ndim is not None and shape.ndims != self.ndim:
            raise ValueError(start + "expected ndim=%d, found ndim=%d. Full shape received: %s"
                             % (self.ndim, shape.ndims, shape.as_list()))
        if self.min_ndim is not None and shape.ndims < self.min_ndim:
            raise ValueError(start + "expected min_ndim=%d, found ndim=%d. Full shape received: %s"
                             % (self.min_ndim, shape.ndims, shape.as_list()))
        if self.max_ndim is not None and shape.ndims > self.max_ndim:
            raise ValueError(start + "expected max_ndim=%d, found ndim=%d"
                             % (self.max_ndim, shape.ndims))
        sizes = shape.as_list() if shape.ndims is not None else []
        for axis, size in self.axes.items():
            if size is not None and sizes[int(axis)] not in (size, None):
                raise ValueError(start + "expected axis %d of input shape to have value %s but "
                                 "received input with shape %s" % (axis, size, sizes))
        for size, wanted in zip(sizes, self.shape or ()):
            if wanted is not None and size is not None and size != wanted:
                raise ValueError(start + "expected shape=%s, found shape=%s" % (self.shape, sizes))


def snake_case(name):
    """"MaxPooling2D" -> "max_pooling2d" """
    spread = re.sub(r"(.)([A-Z][a-z0-9]+)", r"\1_\2", name)
    found = re.sub(r"([a-z])([A-Z])", r"\1_\2", spread).lower()
    return "private" + found if found[0] == "_" else found


class Layer:
    """A function of tensors with variables of its own. Subclasses make the variables in build()
    and results in call()."""

    updates_collections = ops.GraphKeys.UPDATE_OPS  # where add_update() puts them; None: nowhere

    def __init__(self, trainable=True, name=None, dtype=None, **kwargs):
        self._reuse, scope = kwargs.pop("_reuse", None), kwargs.pop("_scope", None)
        self._keep_name = kwargs.pop("_keep_name", None)  # a scope that stands open already
        for word in ("activity_regularizer", "input_shape", "batch_input_shape"):
            setattr(self, word, kwargs.pop(word, None))
        if kwargs:
            raise TypeError("Keyword argument not understood: %s" % sorted(kwargs)[0])
        self.trainable, self.built, self.input_spec = trainable, False, None
        self._dtype = None if dtype is None else dtypes.as_dtype(dtype).name
        self._base_name = name or snake_case(type(self).__name__)
        self._name, self._scope, self._graph = name, None, None
        self._trainable_weights, self._non_trainable_weights = [], []
        self._updates, self._losses, self._calls = [], [], []
        if scope is not None:
            with vs.variable_scope(scope) as captured:
                self._scope = captured

    # ---- what it is ----

    @property
    def name(self):
        """The scope's last name, or the name that was given."""
        if self._scope is not None:
            return self._scope.name.split("/")[-1]
        return self._name or self._base_name

    dtype = property(lambda self: self._dtype, doc="The name of the variables' dtype.")
    updates = property(lambda self: list(self._updates), doc="Operations to be run while training.")
    losses = property(lambda self: list(self._losses), doc="Losses of the layer's own.")
    trainable_weights = property(
        lambda self: list(self._trainable_weights) if self.trainable else [],
        doc="The variables that training changes.")
    non_trainable_weights = property(
        lambda self: list(self._non_trainable_weights) if self.trainable else
        self._trainable_weights + self._non_trainable_weights,
        doc="The variables that training leaves alone.")
    trainable_variables, non_trainable_variables = trainable_weights, non_trainable_weights
    weights = property(lambda self: self._trainable_weights + self._non_trainable_weights,
                       doc="All variables.")
    variables = weights

    @property
    def graph(self):
        """The graph that it was called in."""
        return self._graph

    @property
    def scope_name(self):
        """The name of the scope that its variables are in."""
        if self._scope is None:
            raise ValueError("No name available for layer scope because the layer \"%s\" has not "
                             "been used yet. The scope name is determined the first time the layer "
                             "instance is called." % self._base_name)
        return self._scope.name

    input = property(lambda self: self._of_call(0), doc="What it was called with, if only once.")
    output = property(lambda self: self._of_call(1), doc="What it gave, if called only once.")
    input_shape_of = property(lambda self: nest.map_structure(
        lambda t: tuple(t.get_shape().as_list()), self.input))
    output_shape = property(lambda self: nest.map_structure(
        lambda t: tuple(t.get_shape().as_list()), self.output), doc="The shape of `output`.")

    def _of_call(self, which):
        if not self._calls:
            raise AttributeError("Layer %s has no inbound nodes." % self.name)
        if len(self._calls) > 1:
            raise AttributeError("The layer %s has been called %d times: get_input_at() and "
                                 "get_output_at() tell them apart" % (self.name, len(self._calls)))
        return self._calls[0][which]

    def get_input_at(self, node_index):
        """What it was called with the nth time."""
        return self._calls[node_index][0]

    def get_output_at(self, node_index):
        """What it gave the nth time."""
        return self._calls[node_index][1]

    def count_params(self):
        """How many numbers its variables hold."""
        if not self.built:
            raise ValueError("You tried to call `count_params` on %s, but the layer isn't built."
                             % self.name)
        return sum(w.get_shape().num_elements() for w in self.weights)

    def get_updates_for(self, inputs):
        """The updates; those of no input where `inputs` is None."""
        return [] if inputs is None else self.updates

    def get_losses_for(self, inputs):
        """The losses that depend on inputs; for None those that do not."""
        return self.losses if inputs is None else []

    # ---- what subclasses use ----

    def build(self, input_shape):
        """Makes the variables, once, when the shape of the inputs is known."""
        del input_shape
        self.built = True

    def call(self, inputs, *args, **kwargs):
        """The result for inputs."""
        raise NotImplementedError("%s has no call()" % type(self).__name__)

    def compute_output_shape(self, input_shape):
        """The shape that call() gives for a shape."""
        raise NotImplementedError("%s does not say its output's shape" % type(self).__name__)

    def add_weight(self, name, shape, dtype=None, initializer=None, regularizer=None,
                   trainable=True, constraint=None, use_resource=None, synchronization=None,
                   aggregation=None, partitioner=None):
        """A variable in the layer's scope, found if it is there and may be used again."""
        del synchronization, aggregation
        dtype = dtypes.as_dtype(dtype or self.dtype or dtypes.float32)
        with vs.variable_scope(self._own_scope(), reuse=self.built or self._reuse,
                               auxiliary_name_scope=False), \
                ops.name_scope(self._name_scope_name(self._scope)):
            losses = ops.get_collection_ref(ops.GraphKeys.REGULARIZATION_LOSSES)
            before = len(losses)
            made = vs.get_variable(
                name, shape=shape, initializer=initializer, dtype=dtype, constraint=constraint,
                trainable=trainable and self.trainable, regularizer=regularizer,
                use_resource=use_resource, partitioner=partitioner)
            self._losses += losses[before:]
        kept = self._trainable_weights if trainable else self._non_trainable_weights
        kept.append(made)
        return made

    add_variable = add_weight

    def add_update(self, updates, inputs=None):
        """Operations to be run while training; they go into the collection UPDATE_OPS too."""
        del inputs
        for update in updates if isinstance(updates, (list, tuple)) else [updates]:
            self._updates.append(update)
            if self.updates_collections is not None:
                ops.add_to_collections(self.updates_collections, update)

    def add_loss(self, losses, inputs=None):
        """Losses of the layer's own; they are in the collection REGULARIZATION_LOSSES too."""
        del inputs
        for loss in losses if isinstance(losses, (list, tuple)) else [losses]:
            self._losses.append(loss)
            ops.add_to_collection(ops.GraphKeys.REGULARIZATION_LOSSES, loss)

    # ---- calls ----

    def _own_scope(self, given=None):
        """The variable scope, opened at the first use. Of two layers of one name the second one
        gets another scope."""
        if self._scope is None and given is not None:
            with vs.variable_scope(given) as captured:
                self._scope = captured
        elif self._scope is None:
            if self._reuse:
                with vs.variable_scope(self._name or self._base_name) as captured:
                    self._scope = captured
            else:
                with vs.variable_scope(None, default_name=self._base_name) as captured:
                    self._scope = captured
        return self._scope

    @staticmethod
    def _name_scope_name(scope):
        return scope.original_name_scope

    def __call__(self, inputs, *args, **kwargs):
        scope = self._own_scope(kwargs.pop("scope", None))
        self._graph = ops._get_graph_from_inputs(nest.flatten(inputs), graph=self._graph)
        with vs.variable_scope(scope, reuse=self.built or self._reuse,
                               auxiliary_name_scope=False), \
                ops.name_scope(self._name_scope_name(scope)):
            inputs = nest.map_structure(_as_input, inputs)
            self._check(inputs)
            if not self.built:
                self._build_for(inputs)
            outputs = self.call(inputs, *args, **kwargs)
            if self.activity_regularizer is not None:
                for output in nest.flatten(outputs):
                    with ops.name_scope("ActivityRegularizer"):
                        self.add_loss(self.activity_regularizer(output))
        self._calls.append((inputs, outputs))
        return outputs

    def _build_for(self, inputs):
        flat = nest.flatten(inputs)
        if self._dtype is None and flat:
            self._dtype = flat[0].dtype.base_dtype.name
        shapes = nest.map_structure(lambda t: t.get_shape(), inputs)
        self.build(shapes)
        self.built = True
        if self.input_spec is not None:
            self._check(inputs)

    def _check(self, inputs):
        if self.input_spec is None:
            return
        specs = self.input_spec if isinstance(self.input_spec, (list, tuple)) else [self.input_spec]
        for index, (one, spec) in enumerate(zip(nest.flatten(inputs), specs)):
            if spec is not None:
                spec.check(one.get_shape(), self.name, index)

    def apply(self, inputs, *args, **kwargs):
        """The same as a call."""
        return self.__call__(inputs, *args, **kwargs)

    def __deepcopy__(self, memo):
        made = type(self).__new__(type(self))
        memo[id(self)] = made
        shared = {"_graph", "_trainable_weights", "_non_trainable_weights", "_calls", "_scope"}
        for key, value in vars(self).items():
            setattr(made, key, copy.copy(value) if key in shared else copy.deepcopy(value, memo))
        return made


def _as_input(value):
    """A tensor; what is sparse stays so."""
    return value if isinstance(value, ops.SparseTensor) else ops.convert_to_tensor(value)


def channels_of(input_shape, axis, layer):
    """The size of a dimension that must be known before variables can be made."""
    shape = tensor_shape.as_shape(input_shape)
    if shape.ndims is None or shape.dims[axis].value is None:
        raise ValueError("The channel dimension of the inputs of %s should be defined. Found "
                         "`None`." % layer)
    return shape.dims[axis].value

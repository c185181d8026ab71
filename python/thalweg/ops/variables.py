# SPDX-License-Identifier: Apache-2.0
"""Variables: tensors that keep their values from run to run of a session. Their graph is
TensorFlow's: a reference NAME, its initializer NAME/Assign, and NAME/read, which readers use."""
import enum

from thalweg.compat import behaviour, recognise
from thalweg.framework import dtypes, ops, tensor_shape
from thalweg.ops import variable_guard
from thalweg.ops.variable_lists import (  # noqa: F401
    _all_saveable_objects, all_variables, assert_variables_initialized, global_variables,
    global_variables_initializer, initialize_all_variables, initialize_local_variables,
    initialize_variables, is_variable_initialized, local_variables, local_variables_initializer,
    model_variables, moving_average_variables, report_uninitialized_variables, trainable_variables,
    variables_initializer)
from thalweg.ops.variable_slices import SaveSliceInfo


class VariableSynchronization(enum.Enum):
    """When copies of a variable on several devices would be brought together."""
    AUTO, NONE, ON_WRITE, ON_READ = range(4)


class VariableAggregation(enum.Enum):
    """How copies of a variable on several devices would be brought together."""
    NONE, SUM, MEAN, ONLY_FIRST_REPLICA = range(4)


VariableAggregationV2 = VariableAggregation


def default_variable_creator(next_creator=None, **kwargs):
    """What makes a variable where no variable_creator_scope() does."""
    kwargs.pop("use_resource", None)
    kwargs.pop("synchronization", None)
    kwargs.pop("aggregation", None)
    return RefVariable(**kwargs)


class _Made(type):
    """Variable(...) asks the creators of the open variable_creator_scope()s."""

    def __call__(cls, *args, **kwargs):
        if cls is not Variable:
            return type.__call__(cls, *args, **kwargs)
        if len(args) > 4 and (behaviour.variable_arguments == "name fifth" or
                              recognise.is_plain_name(args[4])):
            args, kwargs = args[:4] + (None,) + args[4:], kwargs
        kwargs = _arguments(*args, **kwargs)
        creators = ops.get_default_graph().__dict__.get("_variable_creators") or ()
        made = default_variable_creator
        for creator in creators:
            made = _chained(creator, made)
        return made(**kwargs)

    def __getattr__(cls, name):
        """`Variable.assign` and the like, which the class that Variable() makes has."""
        if cls is Variable and not name.startswith("__"):
            return getattr(RefVariable, name)
        raise AttributeError("type object %r has no attribute %r" % (cls.__name__, name))

    def __dir__(cls):
        return sorted(set(type.__dir__(cls)).union(type.__dir__(RefVariable)))


def _chained(creator, inner):
    return lambda **kwargs: creator(inner, **kwargs)


def _arguments(initial_value=None, trainable=None, collections=None, validate_shape=True,
               caching_device=None, name=None, variable_def=None, dtype=None, expected_shape=None,
               import_scope=None, constraint=None, use_resource=None, synchronization=None,
               aggregation=None, shape=None):
    """The arguments of Variable() by name."""
    return dict(locals())


class Variable(metaclass=_Made):
    """Variable(initial_value, ...): a new variable; a tensor wherever one is wanted.

    `initial_value` is a value, a tensor, or a function without arguments that gives one. It is put
    into `collections` (GLOBAL_VARIABLES), and into TRAINABLE_VARIABLES unless `trainable` is false.
    """
    SaveSliceInfo = SaveSliceInfo
    __array_priority__ = 100

    @staticmethod
    def from_proto(variable_def, import_scope=None):
        """The variable that a VariableDef describes, of the default graph."""
        return RefVariable(variable_def=variable_def, import_scope=import_scope)

    @staticmethod
    def _TensorConversionFunction(v, dtype=None, name=None, as_ref=False):
        if dtype and not dtype.is_compatible_with(v.dtype):
            raise ValueError("Incompatible type conversion requested to type '%s' for variable of "
                             "type '%s'" % (dtype.name, v.dtype.name))
        return v._ref() if as_ref else v.value()

    @staticmethod
    def _OverloadOperator(operator):
        tensor_oper = getattr(ops.Tensor, operator)

        def oper(a, *args):
            # Looked up at each call: the tensor's operators come when they are first used.
            return getattr(ops.Tensor, operator)(a.value(), *args)
        oper.__name__, oper.__doc__ = operator, tensor_oper.__doc__
        setattr(Variable, operator, oper)

    @classmethod
    def _OverloadAllOperators(cls):
        for operator in ops.Tensor.OVERLOADABLE_OPERATORS - {"__eq__", "__ne__", "__getitem__"}:
            cls._OverloadOperator(operator)

    def __getitem__(self, slice_spec):
        from thalweg.ops import array_ops
        if behaviour.slices_of_variables == "values":
            return self.value()[slice_spec]
        return array_ops._SliceHelperVar(self, slice_spec)

    def __iter__(self):
        raise TypeError("'Variable' object is not iterable.")


def _placed_with(name):
    """The attribute that puts an operation where another one is."""
    return "list(string)", [b"loc:@" + name.encode()]


class RefVariable(Variable):
    """A variable as a reference in the graph."""

    def __init__(self, initial_value=None, trainable=None, collections=None, validate_shape=True,
                 caching_device=None, name=None, variable_def=None, dtype=None,
                 expected_shape=None, import_scope=None, constraint=None, shape=None):
        self._save_slice_info = self._handle = None
        self._in_graph_mode = True
        if variable_def:
            if initial_value is not None:
                raise ValueError("variable_def and initial_value are mutually exclusive.")
            self._init_from_proto(variable_def, import_scope)
        else:
            self._init_from_args(initial_value, trainable, collections, validate_shape,
                                 caching_device, name, dtype, constraint, shape)

    def _init_from_args(self, initial_value, trainable, collections, validate_shape,
                        caching_device, name, dtype, constraint, shape):
        if initial_value is None:
            raise ValueError("initial_value must be specified.")
        if collections is None:
            collections = [ops.GraphKeys.GLOBAL_VARIABLES]
        if not isinstance(collections, (list, tuple, set)):
            raise ValueError("collections argument to Variable constructor must be a list, tuple, "
                             "or set. Got %s of type %s" % (collections, type(collections)))
        if constraint is not None and not callable(constraint):
            raise ValueError("The `constraint` argument must be a callable.")
        self._trainable = True if trainable is None else bool(trainable)
        self._constraint = constraint
        if self._trainable and ops.GraphKeys.TRAINABLE_VARIABLES not in collections:
            collections = list(collections) + [ops.GraphKeys.TRAINABLE_VARIABLES]
        dtype = None if dtype is None else dtypes.as_dtype(dtype).base_dtype
        graph = ops._get_graph_from_inputs(
            [] if callable(initial_value) else [initial_value])
        with graph.as_default(), graph.control_dependencies(None), \
                graph.name_scope(name or "Variable") as scope:
            self._add_nodes(graph, scope, initial_value, dtype, validate_shape, caching_device,
                            shape)
        ops.add_to_collections(collections, self)

    def _add_nodes(self, graph, scope, initial_value, dtype, validate_shape, caching_device, shape):
        """The reference, its initializer and its read."""
        from thalweg.ops import array_ops, gen_state_ops
        name, from_function = scope[:-1], callable(initial_value)
        if from_function:
            if dtype is None and behaviour.callable_initial_value == "needs dtype":
                raise ValueError("dtype must also be specified when initial_value is callable.")
            initial_value = self._call(graph, name, initial_value, dtype, shape, scope)
        else:
            initial_value = ops.convert_to_tensor(initial_value, name="initial_value", dtype=dtype)
        if initial_value.op._get_control_flow_context() is not None:
            raise ValueError("Initializer for variable %s is from inside a control-flow construct, "
                             "such as a loop or conditional. When creating a variable inside a "
                             "loop or conditional, use a lambda as the initializer." % scope)
        self._initial_value = initial_value
        if shape is None:
            shape = initial_value.get_shape() if validate_shape else tensor_shape.unknown_shape()
        if self._handle is None:
            self._handle = self._reference(scope, shape, initial_value.dtype.base_dtype)
        if from_function and self._handle.op._attr_kind("_class") is None:
            self._handle.op._set_attr("_class", _placed_with(name))
        if validate_shape and not initial_value.get_shape().is_fully_defined():
            raise ValueError("initial_value must have a shape specified: %s" % initial_value)
        if behaviour.initial_values == "of initialized variables":
            initial_value = variable_guard.guarded(initial_value, name)
        self._initializer_op = gen_state_ops.assign(self._handle, initial_value,
                                                    validate_shape=validate_shape).op
        if callable(caching_device) or caching_device is not None:
            with graph.device(caching_device):
                self._snapshot = array_ops.identity(self._handle, name="read")
        else:
            with graph.colocate_with(self._handle.op):
                self._snapshot = array_ops.identity(self._handle, name="read")
        self._caching_device = caching_device

    def _call(self, graph, name, initial_value, dtype, shape, scope):
        """The value of a function that gives it, made beside the variable. Where the variable
        comes first, and what is known of its shape, says the level."""
        if behaviour.callable_initial_value == "needs dtype" and dtype is not None and \
                shape is not None:
            self._handle = self._reference(scope, shape, dtype)
        with graph._attr_scope({"_class": _placed_with(name)}), \
                graph.name_scope("Initializer"), graph.device(None):
            return ops.convert_to_tensor(initial_value(), name="initial_value", dtype=dtype)

    @staticmethod
    def _reference(scope, shape, dtype):
        from thalweg.ops import state_ops
        if behaviour.variable_op == "Variable":
            shape = tensor_shape.as_shape(shape)
            return state_ops.variable_op(shape, dtype, name=scope,
                                         set_shape=shape.ndims is not None)
        return state_ops.variable_op_v2(shape, dtype, name=scope)

    def _init_from_proto(self, variable_def, import_scope):
        find = ops.get_default_graph().as_graph_element

        def named(name):
            return find(ops.prepend_name_scope(name, import_scope))
        self._handle = named(variable_def.variable_name)
        self._initializer_op = named(variable_def.initializer_name)
        # Older messages do not say where the first value is: it is what is assigned.
        self._initial_value = named(variable_def.initial_value_name) \
            if variable_def.initial_value_name else self._initializer_op.inputs[1]
        self._snapshot = named(variable_def.snapshot_name)
        self._trainable = getattr(variable_def, "trainable", True)
        if variable_def.HasField("save_slice_info_def"):
            self._save_slice_info = SaveSliceInfo(
                save_slice_info_def=variable_def.save_slice_info_def, import_scope=import_scope)
        self._caching_device = self._constraint = None

    # ---- what it is ----

    @property
    def _variable(self):
        return self._handle

    def __repr__(self):
        return "<tf.Variable '%s' shape=%s dtype=%s>" % (self.name, self.get_shape(),
                                                         self.dtype.name)

    def __str__(self):
        return str(self._snapshot) if behaviour.variable_text == "tensor" else repr(self)

    name = property(lambda self: self._handle.name, doc="NAME:0")
    op = property(lambda self: self._handle.op, doc="The operation that holds the value.")
    dtype = property(lambda self: self._handle.dtype, doc="Its type, that of a reference.")
    device = property(lambda self: self._handle.device)
    graph = property(lambda self: self._handle.graph)
    initializer = property(lambda self: self._initializer_op,
                           doc="The operation that gives it its first value.")
    initial_value = property(lambda self: self._initial_value)
    trainable = property(lambda self: self._trainable)
    constraint = property(lambda self: self._constraint)
    synchronization = VariableSynchronization.AUTO
    aggregation = VariableAggregation.NONE

    @property
    def shape(self):
        """The static shape."""
        return self._handle.get_shape()

    get_shape = shape.fget

    @property
    def _shared_name(self):
        return self.name[:self.name.index(":")]

    def _shape_as_list(self):
        return self._handle._dims()

    def set_shape(self, shape):
        """Adds to what is known of the static shape."""
        self._handle.set_shape(shape)
        self._snapshot.set_shape(shape)

    # ---- as a tensor ----

    def _as_graph_element(self):
        return self._handle

    def _AsTensor(self):
        return self._snapshot

    def value(self):
        """The tensor that readers use."""
        return self._snapshot

    def read_value(self):
        """A new tensor that reads the variable, after the control dependencies that are open."""
        from thalweg.ops import array_ops
        return array_ops.identity(self._handle, name="read")

    def _ref(self):
        return self._handle

    def experimental_ref(self):
        """A key for dictionaries and sets that stands for this variable."""
        from thalweg.framework import tensor
        return tensor.TensorReference(self)

    def ref(self):
        """The reference; a key for dictionaries in the newest versions."""
        return self._handle if behaviour.variable_ref == "tensor" else self.experimental_ref()

    def eval(self, session=None):
        """The value in `session` or else the default one."""
        return self._handle.eval(session=session)

    def initialized_value(self):
        """The value, or the first value while it has none yet."""
        from thalweg.ops import array_ops, control_flow_ops, state_ops
        with ops.get_default_graph().control_dependencies(None):
            if behaviour.initialized_value == "initializes":
                with ops.control_dependencies([self._initializer_op]), \
                        ops.device(self._handle.device):
                    return array_ops.identity(self._handle)
            return control_flow_ops.cond(state_ops.is_variable_initialized(self._handle),
                                         self.read_value, lambda: self._initial_value)

    # ---- changes ----

    def assign(self, value, use_locking=False, name=None, read_value=True):
        """Gives it a value."""
        return self._changed("assign", (value,), use_locking, name, read_value)

    def assign_add(self, delta, use_locking=False, name=None, read_value=True):
        """Adds to it."""
        return self._changed("assign_add", (delta,), use_locking, name, read_value)

    def assign_sub(self, delta, use_locking=False, name=None, read_value=True):
        """Subtracts from it."""
        return self._changed("assign_sub", (delta,), use_locking, name, read_value)

    def _changed(self, function, args, use_locking, name, read_value=True):
        from thalweg.ops import state_ops
        made = getattr(state_ops, function)(self._handle, *args, use_locking=use_locking, name=name)
        return made if read_value else made.op

    def _scattered(self, how, slices, use_locking, name):
        if not isinstance(slices, ops.IndexedSlices):
            raise ValueError("sparse_delta is not IndexedSlices: %s" % (slices,))
        return self._changed("scatter_" + how, (slices.indices, slices.values), use_locking, name)

    def scatter_nd_sub(self, indices, updates, name=None):
        """Subtracts `updates` at places that are rows of `indices`."""
        return self._changed("scatter_nd_sub", (indices, updates), True, name)

    def scatter_nd_add(self, indices, updates, name=None):
        """Adds `updates` at places that are rows of `indices`."""
        return self._changed("scatter_nd_add", (indices, updates), True, name)

    def scatter_nd_update(self, indices, updates, name=None):
        """Puts `updates` at places that are rows of `indices`."""
        return self._changed("scatter_nd_update", (indices, updates), True, name)

    def count_up_to(self, limit):
        """Adds one; an error of the run once it is `limit`. The result is the value before."""
        from thalweg.ops import state_ops
        return state_ops.count_up_to(self._handle, limit=limit)

    def load(self, value, session=None):
        """Gives it a value at once, without adding to the graph."""
        session = session or ops.get_default_session()
        if session is None:
            raise ValueError("Either session argument should be provided or default session "
                             "should be established")
        session.run(self._initializer_op, {self._initializer_op.inputs[1]: value})

    def _set_save_slice_info(self, save_slice_info):
        self._save_slice_info = save_slice_info

    def _get_save_slice_info(self):
        return self._save_slice_info

    def to_proto(self, export_scope=None):
        """A VariableDef; None for a variable outside of `export_scope`."""
        from thalweg import protos
        if export_scope is not None and not self._handle.name.startswith(export_scope):
            return None
        strip = ops.strip_name_scope
        made = protos.variable_pb2.VariableDef(
            variable_name=strip(self._handle.name, export_scope),
            initializer_name=strip(self._initializer_op.name, export_scope),
            snapshot_name=strip(self._snapshot.name, export_scope))
        if self._initial_value is not None:
            made.initial_value_name = strip(self._initial_value.name, export_scope)
        made.trainable = self._trainable
        if self._save_slice_info:
            made.save_slice_info_def.MergeFrom(self._save_slice_info.to_proto(export_scope))
        return made

    def __iadd__(self, other):
        return self.value() + other

    def __isub__(self, other):
        return self.value() - other

    def __imul__(self, other):
        return self.value() * other

    def __itruediv__(self, other):
        return self.value() / other

    def __ipow__(self, other):
        return self.value() ** other

    def __copy__(self):
        return self

    def __deepcopy__(self, memo):
        return self

    def __reduce__(self):
        raise TypeError("a Variable cannot be pickled: it is part of a graph. Save the value that "
                        "a session gives, or use a Saver.")

    __hash__ = object.__hash__


VariableV1 = Variable


def _scatterer(how, does):
    def scatter(self, sparse_delta, use_locking=False, name=None):
        return self._scattered(how, sparse_delta, use_locking, name)
    scatter.__name__ = "scatter_" + how
    scatter.__doc__ = "%s rows that IndexedSlices name." % does
    setattr(RefVariable, scatter.__name__, scatter)


for _how, _does in (("add", "Adds to"), ("sub", "Subtracts from"), ("update", "Replaces"),
                    ("mul", "Multiplies"), ("div", "Divides"), ("min", "Takes the lesser in"),
                    ("max", "Takes the greater in")):
    _scatterer(_how, _does)
Variable._OverloadAllOperators()
ops.register_tensor_conversion_function(Variable, Variable._TensorConversionFunction)
ops.register_dense_tensor_like_type(RefVariable)


def __getattr__(name):
    if name == "PartitionedVariable":
        from thalweg.ops import partitioned
        return partitioned.PartitionedVariable
    raise AttributeError("module %r has no attribute %r" % (__name__, name))

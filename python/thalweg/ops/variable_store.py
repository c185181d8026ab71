# SPDX-License-Identifier: Apache-2.0
"""The variables of a graph that get_variable() made, by name, whole or in parts."""
from thalweg.compat import behaviour
from thalweg.framework import dtypes, ops, tensor_shape
from thalweg.ops import variables
from thalweg.ops.variable_slices import SaveSliceInfo

_EXISTS = {
    "newest": "Variable %s already exists, disallowed. Did you mean to set reuse=True or "
              "reuse=tf.AUTO_REUSE in VarScope?",
    "None": "Variable %s already exists, disallowed. Did you mean to set reuse=True in VarScope?",
    "sharing": "Over-sharing: Variable %s already exists, disallowed. Did you mean to set "
               "reuse=True in VarScope?"}
_MISSING = {
    "newest": "Variable %s does not exist, or was not created with tf.get_variable(). Did you mean "
              "to set reuse=tf.AUTO_REUSE in VarScope?",
    "None": "Variable %s does not exist, or was not created with tf.get_variable(). Did you mean "
            "to set reuse=None in VarScope?",
    "sharing": "Under-sharing: Variable %s does not exist, disallowed. Did you mean to set "
               "reuse=None in VarScope?"}
_NOT_VALID = ("The initializer passed is not valid. It should be a callable with no arguments and "
              "the shape should not be provided or an instance of `tf.keras.initializers.*' and "
              "`shape` should be fully defined.")


class _PartitionInfo:
    """Of which whole a part is, for initializers: its shape, and where the part begins."""

    def __init__(self, full_shape, var_offset):
        if not isinstance(full_shape, (list, tuple)):
            raise TypeError("`full_shape` must be a sequence (like tuple or list) instead of "
                            + type(full_shape).__name__)
        if not isinstance(var_offset, (list, tuple)):
            raise TypeError("`var_offset` must be a sequence (like tuple or list) instead of "
                            + type(var_offset).__name__)
        if len(var_offset) != len(full_shape):
            raise ValueError("Expected equal length, but `var_offset` is of length %d while "
                             "full_shape is of length %d." % (len(var_offset), len(full_shape)))
        for offset, size in zip(var_offset, full_shape):
            if offset < 0 or offset >= size:
                raise ValueError("Expected 0 <= offset < shape but found offset=%s, shape=%s for "
                                 "var_offset=%s, full_shape=%s"
                                 % (offset, size, var_offset, full_shape))
        self._full_shape, self._var_offset = full_shape, var_offset

    full_shape = property(lambda self: self._full_shape)
    var_offset = property(lambda self: self._var_offset)

    def single_offset(self, shape):
        """Where a part of that shape begins along the axis that is cut; 0 if none is."""
        axis = self.single_slice_dim(shape)
        return 0 if axis is None else self._var_offset[axis]

    def single_slice_dim(self, shape):
        """The axis that is cut, or None; ValueError if several are."""
        if len(shape) != len(self._full_shape):
            raise ValueError("Expected equal length, but received shape=%s of length %d while "
                             "self.full_shape=%s is of length %d."
                             % (shape, len(shape), self._full_shape, len(self._full_shape)))
        for size, whole in zip(shape, self._full_shape):
            if size > whole:
                raise ValueError("With self.full_shape=%s and self.var_offset=%s, shape=%s goes "
                                 "beyond" % (self._full_shape, self._var_offset, shape))
        cut = [i for i, (size, whole) in enumerate(zip(shape, self._full_shape)) if size != whole]
        if len(cut) > 1:
            raise ValueError("Cannot use single_slice_dim() with shape=%s and self.full_shape=%s "
                             "since slice dim could be either dimension %d or %d."
                             % (shape, self._full_shape, cut[0], cut[1]))
        return cut[0] if cut else None


class _VariableStore:
    """Variables by their full names."""

    def __init__(self):
        self._vars, self._partitioned_vars = {}, {}
        self._store_eager_variables = False

    def get_variable(self, name, shape=None, dtype=dtypes.float32, initializer=None,
                     regularizer=None, reuse=None, trainable=None, collections=None,
                     caching_device=None, partitioner=None, validate_shape=True, use_resource=None,
                     custom_getter=None, constraint=None, synchronization=None, aggregation=None):
        """The variable of that name: the one that is there unless `reuse` is False, a new one
        unless it is True."""
        if custom_getter is not None and not callable(custom_getter):
            raise ValueError("Passed a custom_getter which is not callable: %s" % custom_getter)
        dtype = dtypes.as_dtype(dtype)
        if dtype._is_ref_dtype:
            dtype = dtype.base_dtype
        settings = dict(
            name=name, shape=shape, dtype=dtype, initializer=initializer, regularizer=regularizer,
            reuse=reuse, trainable=trainable, collections=collections,
            caching_device=caching_device, partitioner=partitioner, validate_shape=validate_shape,
            use_resource=use_resource, constraint=constraint, synchronization=synchronization,
            aggregation=aggregation)
        if custom_getter is None:
            return self._get(**settings)
        taken = _parameters(custom_getter)
        if taken is not None and "constraint" not in taken:
            del settings["constraint"]
        return custom_getter(getter=self._get, **settings)

    def _get(self, name, shape=None, dtype=dtypes.float32, initializer=None, regularizer=None,
             reuse=None, trainable=None, collections=None, caching_device=None, partitioner=None,
             validate_shape=True, use_resource=None, constraint=None, synchronization=None,
             aggregation=None):
        """What a custom getter is given to get variables with."""
        if partitioner is not None and shape is not None and \
                tensor_shape.as_shape(shape).ndims != 0:
            return self._get_partitioned_variable(
                name, partitioner, shape, dtype, initializer, regularizer, reuse, trainable,
                collections, caching_device, validate_shape, constraint)
        from_value = initializer is not None and not callable(initializer)
        if from_value and shape is not None:
            raise ValueError("If initializer is a constant, do not specify shape.")
        if "%s/part_0" % name in self._vars:
            raise ValueError("No partitioner was provided, but a partitioned version of the "
                             "variable was found: %s/part_0. Perhaps a variable of the same name "
                             "was already created with partitioning?" % name)
        return self._get_single_variable(
            name, shape, dtype, initializer, regularizer, None, reuse, trainable, collections,
            caching_device, validate_shape, constraint)

    # ---- one variable ----

    def _get_single_variable(self, name, shape=None, dtype=dtypes.float32, initializer=None,
                             regularizer=None, partition_info=None, reuse=None, trainable=None,
                             collections=None, caching_device=None, validate_shape=True,
                             constraint=None):
        dtype = dtypes.as_dtype(dtype)
        shape = None if shape is None else tensor_shape.as_shape(shape)
        found = self._vars.get(name)
        if found is not None:
            return _fitting(found, name, shape, dtype, reuse)
        if reuse is True:
            raise ValueError(_MISSING[behaviour.sharing_errors] % name)
        if isinstance(initializer, type):
            initializer = initializer()
        if initializer is not None and not callable(initializer):
            value, value_dtype = initializer, None
        else:
            value, value_dtype = self._first_value(name, shape, dtype, initializer, partition_info)
        made = variables.Variable(
            initial_value=value, name=name, trainable=trainable, collections=collections,
            caching_device=caching_device, dtype=value_dtype, validate_shape=validate_shape,
            constraint=constraint, shape=_said_before(value, shape))
        self._vars[name] = made
        if regularizer:
            _add_regularization(made, name, regularizer)
        return made

    def _first_value(self, name, shape, dtype, initializer, partition_info):
        """(the first value or a function that gives it, the type to ask of it)"""
        defined = shape is not None and shape.is_fully_defined()
        if not defined:
            if behaviour.default_initializer != "glorot":
                raise ValueError("Shape of a new variable (%s) must be fully defined, but instead "
                                 "was %s." % (name, "<unknown>" if shape is None else shape))
            if initializer is None or not _needs_nothing(initializer):
                raise ValueError(_NOT_VALID)
            return initializer, None
        if initializer is None:
            initializer = self._default_initializer(name, dtype)
        settings = {"dtype": dtype.base_dtype}
        if "partition_info" in (_parameters(initializer) or ()):
            settings["partition_info"] = partition_info

        def first_value():
            return initializer(shape.as_list(), **settings)
        if behaviour.initializers == "at once":
            with ops.control_dependencies(None), ops.name_scope(name + "/Initializer/"):
                return first_value(), dtype.base_dtype
        return first_value, dtype.base_dtype

    @staticmethod
    def _default_initializer(name, dtype):
        from thalweg.ops import init_ops
        if behaviour.default_initializer != "glorot":
            return init_ops.uniform_unit_scaling_initializer()
        if dtype.is_floating:
            return init_ops.glorot_uniform_initializer()
        if dtype.is_integer or dtype.is_unsigned or dtype.is_bool or dtype == dtypes.string:
            return init_ops.zeros_initializer()
        raise ValueError("An initializer for variable %s of %s is required"
                         % (name, dtype.base_dtype))

    # ---- a variable in parts ----

    def _get_partitioned_variable(self, name, partitioner, shape, dtype, initializer, regularizer,
                                  reuse, trainable, collections, caching_device, validate_shape,
                                  constraint):
        from thalweg.ops.partitioned import PartitionedVariable
        shape = tensor_shape.as_shape(shape)
        from_value = initializer is not None and not callable(initializer) and \
            not isinstance(initializer, type)
        if from_value:
            shape = shape.merge_with(ops.convert_to_tensor(initializer).get_shape())
        if not callable(partitioner):
            raise ValueError("Partitioner must be callable, but received: %s" % partitioner)
        if name in self._vars:
            raise ValueError("A partitioner was provided, but an unpartitioned version of the "
                             "variable was found: %s.  Perhaps a variable of the same name was "
                             "already created without partitioning?" % name)
        counts = _counts(partitioner, name, shape, dtype)
        axis, count = _cut(name, shape, counts)
        if name in self._partitioned_vars:
            found = self._partitioned_vars[name]
            _fitting(found, name, shape, dtypes.as_dtype(dtype), reuse)
            if found._get_partitions() != counts:
                raise ValueError("Trying to reuse partitioned variable %s, but specified "
                                 "partitions %s and found partitions %s."
                                 % (name, counts, found._get_partitions()))
            return found
        if reuse is True:
            raise ValueError(_MISSING[behaviour.sharing_errors].replace(
                "Variable", "PartitionedVariable", 1) % name)
        parts = []
        for number, (offset, size) in enumerate(_ranges(shape, axis, count)):
            part = self._part(name, number, initializer if not from_value else
                              _slice(initializer, offset, size), shape, offset, size, from_value,
                              (dtype, regularizer, reuse, trainable, collections, caching_device,
                               validate_shape, constraint))
            parts.append(part)
        made = PartitionedVariable(name, shape, dtype, parts, counts)
        self._partitioned_vars[name] = made
        return made

    def _part(self, name, number, initializer, shape, offset, size, from_value, settings):
        dtype, regularizer, reuse, trainable, collections, device, validate, constraint = settings
        with ops.name_scope(None):
            part = self._get_single_variable(
                "%s/part_%d" % (name, number), None if from_value else size, dtype, initializer,
                regularizer, _PartitionInfo(shape.as_list(), offset), reuse, trainable,
                collections, device, validate, constraint)
        part._set_save_slice_info(SaveSliceInfo(name, shape.as_list(), offset, size))
        return part


def _said_before(value, shape):
    """The shape, where a variable is made before the function that gives its value is called."""
    before = callable(value) and behaviour.callable_initial_value == "needs dtype"
    return shape if before else None


def _fitting(found, name, shape, dtype, reuse):
    """The variable that is there, if it may be shared and is what is asked for."""
    if reuse is False:
        where = found.op._where if hasattr(found, "op") else None
        raise ValueError(_EXISTS[behaviour.sharing_errors] % name + (
            " Originally defined at: %s:%d" % where if where else ""))
    there = tensor_shape.as_shape(found.get_shape())
    if shape is not None and not shape.is_compatible_with(there):
        raise ValueError("Trying to share variable %s, but specified shape %s and found shape %s."
                         % (name, shape, there))
    if not dtype.is_compatible_with(found.dtype):
        raise ValueError("Trying to share variable %s, but specified dtype %s and found dtype %s."
                         % (name, dtype.name, found.dtype.name))
    return found


def _add_regularization(variable, name, regularizer):
    with ops.colocate_with(variable.op), ops.name_scope(name + "/Regularizer/"):
        loss = regularizer(variable)
    if loss is not None:
        ops.add_to_collection(ops.GraphKeys.REGULARIZATION_LOSSES, loss)


def _signature(function):
    """The parameters of a callable; None: they cannot be known."""
    import inspect  # costly to import, and seldom needed
    try:
        return inspect.signature(function).parameters
    except (TypeError, ValueError):
        return None


def _parameters(function):
    """The names of a callable's parameters; None: it takes any, or they cannot be known."""
    code = getattr(function, "__code__", None) or getattr(
        getattr(type(function), "__call__", None), "__code__", None)
    if code is not None and not hasattr(function, "__wrapped__"):
        takes_any = code.co_flags & _TAKES_ANY
        return None if takes_any else \
            code.co_varnames[:code.co_argcount + code.co_kwonlyargcount]
    found = _signature(function)
    return None if found is None or any(
        p.kind is p.VAR_KEYWORD for p in found.values()) else found


_TAKES_ANY = 8  # the flag of functions with **keywords


def _needs_nothing(function):
    """Whether a function may be called without arguments."""
    found = _signature(function)
    return found is None or all(
        p.default is not p.empty or p.kind in (p.VAR_KEYWORD, p.VAR_POSITIONAL)
        for p in found.values())


# ---- how a shape is cut ----

def _counts(partitioner, name, shape, dtype):
    """What the partitioner says: into how many parts each dimension is cut."""
    if not shape.is_fully_defined():
        raise ValueError("Shape of a new partitioned variable (%s) must be fully defined, but "
                         "instead was %s." % (name, shape))
    if shape.ndims < 1:
        raise ValueError("A partitioned Variable must have rank at least 1, shape: %s" % shape)
    counts = partitioner(shape=shape, dtype=dtype)
    if not isinstance(counts, (list, tuple)):
        raise ValueError("Partitioner must return a sequence, but saw: %s" % (counts,))
    if len(counts) != shape.ndims:
        raise ValueError("Partitioner returned a partition list that does not match the Variable's "
                         "rank: %s vs. %s" % (counts, shape))
    if any(int(c) < 1 for c in counts):
        raise ValueError("Partitioner returned zero partitions for some axes: %s" % (counts,))
    return [int(c) for c in counts]


def _cut(name, shape, counts):
    """(the axis that is cut, into how many parts)"""
    cut = [i for i, c in enumerate(counts) if c > 1]
    if len(cut) > 1:
        raise ValueError("Can only slice a variable along one dimension: shape: %s, partitioning: "
                         "%s" % (shape.as_list(), counts))
    axis = cut[0] if cut else 0
    if counts[axis] > shape[axis]:
        raise ValueError("%s cannot be cut into %d parts along axis %d of size %s"
                         % (name, counts[axis], axis, shape[axis]))
    return axis, counts[axis]


def _ranges(shape, axis, count):
    """(where each part begins, its shape); the first parts take what does not divide evenly."""
    sizes, begin = shape.as_list(), 0
    each, more = divmod(sizes[axis], count)
    for number in range(count):
        size = list(sizes)
        size[axis] = each + (number < more)
        offset = [0] * len(sizes)
        offset[axis] = begin
        begin += size[axis]
        yield offset, size


def _slice(value, offset, size):
    from thalweg.ops import array_ops
    return array_ops.slice(ops.convert_to_tensor(value), offset, size)

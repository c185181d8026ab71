# SPDX-License-Identifier: Apache-2.0
"""PartitionedVariable: a variable in several parts along one axis; a tensor of the whole where one
is wanted."""
from thalweg.framework import dtypes, ops, tensor_shape


class PartitionedVariable:
    """A list of variables that are the parts of one."""

    class PartitionedVariableIterator:
        """Goes over the parts."""

        def __init__(self, partitioned_variable):
            self._parts = iter(partitioned_variable._variable_list)

        def __iter__(self):
            return self

        def __next__(self):
            return next(self._parts)

    def __init__(self, name, shape, dtype, variable_list, partitions):
        if not isinstance(variable_list, (list, tuple)):
            raise TypeError("variable_list is not a list or tuple: %s" % variable_list)
        if not isinstance(partitions, (list, tuple)):
            raise TypeError("partitions is not a list or tuple: %s" % partitions)
        if not all(p >= 1 for p in partitions):
            raise ValueError("partition values must be positive: %s" % partitions)
        if not variable_list:
            raise ValueError("variable_list may not be empty")
        for part in variable_list:
            slice_info = part._get_save_slice_info()
            if slice_info is None:
                raise ValueError("All variables must have save_slice_info available: %s" % part)
            if not slice_info.full_name == name:
                raise ValueError("All variables' full names must match: %s; but name of slice is %s"
                                 % (name, slice_info.full_name))
        self._variable_list = sorted(variable_list,
                                     key=lambda v: v._get_save_slice_info().var_offset)
        self._name, self._partitions = name, list(partitions)
        self._shape, self._dtype = tensor_shape.as_shape(shape), dtypes.as_dtype(dtype)
        self._whole = None

    def __iter__(self):
        return self.PartitionedVariableIterator(self)

    def __len__(self):
        cut = self._partition_axes()
        if len(cut) > 1:
            raise ValueError("Cannot get a length for %d > 1 partition axes" % len(cut))
        return len(self._variable_list)

    def __repr__(self):
        return "<tf.PartitionedVariable %r shape=%s dtype=%s parts=%d>" % (
            self._name, self._shape, self._dtype.name, len(self._variable_list))

    def _partition_axes(self):
        """The axes that are cut; the first if none is."""
        cut = [i for i, p in enumerate(self._partitions) if p > 1]
        return cut or [0]

    def _concat(self):
        from thalweg.ops import array_ops
        if len(self._variable_list) == 1:
            with ops.name_scope(None):
                return array_ops.identity(self._variable_list[0].value(), name=self._name)
        axes = self._partition_axes()
        if len(axes) > 1:
            raise NotImplementedError("Cannot concatenate along more than one dimension: %s."
                                      % axes)
        with ops.name_scope(self._name + "/ConcatPartitions/"):
            whole = array_ops.concat([v.value() for v in self._variable_list], axes[0])
        with ops.name_scope(None):
            return array_ops.identity(whole, name=self._name)

    def as_tensor(self):
        """The whole as a tensor: the parts side by side."""
        with ops.control_dependencies(None):
            return self._concat()

    value = as_tensor

    @staticmethod
    def _TensorConversionFunction(v, dtype=None, name=None, as_ref=False):
        if dtype is not None and not dtype.is_compatible_with(v.dtype):
            raise ValueError("Incompatible type conversion requested to type '%s' for variable of "
                             "type '%s'" % (dtype.name, v.dtype.name))
        if as_ref:
            raise NotImplementedError(
                "PartitionedVariable doesn't support being used as a reference.")
        return v.as_tensor()

    name = property(lambda self: self._name)
    dtype = property(lambda self: self._dtype)
    shape = property(lambda self: self._shape)

    def get_shape(self):
        """The shape of the whole."""
        return self._shape

    def _get_variable_list(self):
        return self._variable_list

    def _get_partitions(self):
        return self._partitions

    def _apply_assign_fn(self, assign_fn, value):
        """assign_fn(part, its part of the value) for each part."""
        from thalweg.ops import array_ops
        parts, axis = self._variable_list, self._partition_axes()[0]
        if isinstance(value, PartitionedVariable):
            value = value._variable_list
        elif not isinstance(value, (list, tuple)) or len(value) != len(parts):
            value = array_ops.split(ops.convert_to_tensor(value, self._dtype),
                                    [v.get_shape()[axis].value for v in parts], axis=axis)
        return [assign_fn(part, piece) for part, piece in zip(self._variable_list, value)]

    def assign(self, value, use_locking=False, name=None, read_value=True):
        """Gives all parts their parts of a value."""
        return self._each("assign", value, use_locking, name, read_value)

    def assign_add(self, value, use_locking=False, name=None, read_value=True):
        """Adds to all parts their parts of a value."""
        return self._each("assign_add", value, use_locking, name, read_value)

    def assign_sub(self, value, use_locking=False, name=None, read_value=True):
        """Subtracts from all parts their parts of a value."""
        return self._each("assign_sub", value, use_locking, name, read_value)

    def _each(self, method, value, use_locking, name, read_value):
        made = self._apply_assign_fn(
            lambda part, piece: getattr(part, method)(piece, use_locking=use_locking, name=name),
            value)
        return made if read_value else [m.op for m in made]


ops.register_tensor_conversion_function(PartitionedVariable,
                                        PartitionedVariable._TensorConversionFunction)

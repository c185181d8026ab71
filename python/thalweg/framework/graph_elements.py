# SPDX-License-Identifier: Apache-2.0
"""Finding operations and tensors of a graph, by name or by whatever stands for them."""
from thalweg.framework.operation import Operation
from thalweg.framework.tensor import Tensor


def as_element(thing):
    """The tensor or operation that an object says it stands for, or None."""
    convert = getattr(thing, "_as_graph_element", None)
    return convert() if convert else None


class Elements:
    """The part of Graph that finds things."""

    def as_graph_element(self, obj, allow_tensor=True, allow_operation=True):
        """The Tensor or Operation of this graph that `obj` is, names, or stands for."""
        if allow_tensor and allow_operation:
            wanted = "Tensor or Operation"
        elif allow_tensor or allow_operation:
            wanted = "Tensor" if allow_tensor else "Operation"
        else:
            raise ValueError("allow_tensor and allow_operation can't both be False.")
        found = as_element(obj)
        if found is not None:
            obj = found
        if isinstance(obj, bytes):
            obj = obj.decode()
        if isinstance(obj, str):
            return self._element_by_name(obj, allow_tensor, allow_operation)
        if isinstance(obj, Tensor) and allow_tensor:
            if obj.graph is not self:
                raise ValueError("Tensor %s is not an element of this graph." % obj)
            return obj
        if isinstance(obj, Operation) and allow_operation:
            if obj.graph is not self:
                raise ValueError("Operation %s is not an element of this graph." % obj)
            return obj
        raise TypeError("Can not convert a %s into a %s." % (type(obj).__name__, wanted))

    def _element_by_name(self, name, allow_tensor, allow_operation):
        if ":" in name and allow_tensor:
            return self._tensor_by_name(name)
        if ":" not in name and allow_operation:
            try:
                return self._operation(name)
            except KeyError:
                raise KeyError("The name %r refers to an Operation not in the graph."
                               % name) from None
        if ":" in name:
            raise ValueError("Name %r appears to refer to a Tensor, not a Operation." % name)
        try:
            self._operation(name)
        except KeyError:
            raise ValueError(
                "The name %r looks like an (invalid) Operation name, not a Tensor. Tensor names "
                "must be of the form \"<op_name>:<output_index>\"." % name) from None
        raise ValueError("The name %r refers to an Operation, not a Tensor. Tensor names must be "
                         "of the form \"<op_name>:<output_index>\"." % name)

    def _tensor_by_name(self, name):
        try:
            op_name, index = name.split(":")
            index = int(index)
        except ValueError:
            raise ValueError("The name %r looks a like a Tensor name, but is not a valid one. "
                             "Tensor names must be of the form \"<op_name>:<output_index>\"."
                             % name) from None
        try:
            outputs = self._operation(op_name)._outputs
        except KeyError:
            raise KeyError("The name %r refers to a Tensor which does not exist. The operation, "
                           "%r, does not exist in the graph." % (name, op_name)) from None
        if not 0 <= index < len(outputs):
            raise KeyError("The name %r refers to a Tensor which does not exist. The operation, "
                           "%r, exists but only has %s outputs." % (name, op_name, len(outputs)))
        return outputs[index]

    def _as_graph_element_locked(self, obj, allow_tensor, allow_operation):
        return self.as_graph_element(obj, allow_tensor, allow_operation)

    def get_operation_by_name(self, name):
        """The operation of that name; KeyError if there is none."""
        if not isinstance(name, str):
            raise TypeError("Operation names are strings (or similar), not %s."
                            % type(name).__name__)
        return self.as_graph_element(name, allow_tensor=False)

    _get_operation_by_name_unsafe = get_operation_by_name

    def get_tensor_by_name(self, name):
        """The tensor named `op_name:index`; KeyError if there is none."""
        if not isinstance(name, str):
            raise TypeError("Tensor names are strings (or similar), not %s." % type(name).__name__)
        return self.as_graph_element(name, allow_operation=False)

    def get_operations(self):
        """A list of all operations in the order of adding."""
        return self._operations()

    @property
    def _nodes_by_name(self):
        return {op.name: op for op in self._operations()}

    @property
    def _nodes_by_id(self):
        return {op._id: op for op in self._operations()}

    def _consumers_of(self, tensor):
        """The operations that read a tensor; the table is made anew after each change."""
        version = self._version()
        if self._readers is None or self._readers[0] != version:
            table = {}
            for op in self._operations():
                for read in op.inputs:
                    table.setdefault(read, []).append(op)
            self._readers = version, table
        return list(self._readers[1].get(tensor, ()))

    # ---- what may be fed and fetched ----

    def prevent_feeding(self, tensor):
        """Feeding this tensor is an error from now on."""
        self._unfeedable_tensors.add(tensor)

    def is_feedable(self, tensor):
        return tensor not in self._unfeedable_tensors

    def prevent_fetching(self, op):
        """Fetching this operation is an error from now on."""
        self._unfetchable_ops.add(op)

    def is_fetchable(self, tensor_or_op):
        op = tensor_or_op.op if isinstance(tensor_or_op, Tensor) else tensor_or_op
        return op not in self._unfetchable_ops

# SPDX-License-Identifier: Apache-2.0
"""Graph: operations, and what is said of those that are made next."""
import re

from thalweg import _core, protos
from thalweg.compat import behaviour
from thalweg.framework import dtypes as dtypes_module
from thalweg.framework import errors_impl, graph_elements, node_defs, registries, scopes, versions
from thalweg.framework.operation import Operation
from thalweg.framework.tensor import Tensor


class Graph(graph_elements.Elements, _core.Graph):
    """Operations and the tensors between them. `with graph.as_default():` makes operations go
    into it."""

    def __init__(self):
        self._collections = {}
        self._control_flow_context = None  # a program's own; the library's are regions in C
        self._context_mark = 0
        self._control_stack = []
        self._device_blocks = []
        self._attr_scope_map = {}
        self._op_to_kernel_label_map = {}
        self._container = ""
        self._default_original_op = None
        self._functions = {}
        self._hooks = False  # whether _after_add has anything to do
        self._finalized = False
        self._unfeedable_tensors, self._unfetchable_ops = set(), set()
        self._versions = None
        self._readers = None  # (version, {tensor: [operations that read it]})
        self._building_function = False
        self._registered_ops = None
        self._made_by_gradients = []  # (first, end) of the ids of derivatives
        if behaviour.name_case == "counts":
            self._set_exact_names(True)

    # ---- adding operations ----

    def create_op(self, op_type, inputs, dtypes=None, input_types=None, name=None, attrs=None,
                  op_def=None, compute_shapes=True, compute_device=True):
        """Adds an operation: `inputs` are tensors, `dtypes` the types of its outputs (which follow
        from the op where it is known), `attrs` a dict of AttrValues."""
        for index, tensor in enumerate(inputs):
            if not isinstance(tensor, Tensor):
                raise TypeError("Input #%d is not a tensor: %s" % (index, tensor))
        if attrs:
            attrs = node_defs.attrs_from_protos(attrs)
        outputs = self._unknown_outputs(op_type, dtypes) if not registries.is_known(op_type) \
            else None
        op = self._add(op_type, name, inputs, None, attrs, None, None, outputs)
        return self._after_add(op, compute_shapes)

    def _unknown_outputs(self, op_type, dtypes):
        """The output types of an op that only Python knows, where such are allowed."""
        if op_type not in registries.shape_functions:
            if behaviour.unknown_ops == "refused":
                raise errors_impl.NotFoundError(
                    None, None, "Op type not registered '%s'" % op_type)
            raise RuntimeError("No shape function registered for standard op: %s" % op_type)
        return [dtypes_module.as_dtype(t) for t in dtypes or ()]

    def _create_op(self, op_type, inputs, name, attrs=None, input_counts=None, output_dtypes=None):
        """The short way for this package: plain attribute values, nothing is checked here."""
        op = self._add(op_type, name, inputs, input_counts, attrs, None, None, output_dtypes)
        if self._hooks or op_type in registries.shape_functions:
            self._after_add(op, True)
        return op

    def _after_add(self, op, compute_shapes=True):
        """What blocks that hold Python functions or objects do with a new operation."""
        if self._hooks:
            self._run_hooks(op)
        if compute_shapes and op.type in registries.shape_functions:
            registries.set_shapes_for_outputs(op)
        return op

    def _count_hooks(self):
        """Notes whether any block is open that _after_add has to look at."""
        self._hooks = bool(self._attr_scope_map or self._op_to_kernel_label_map or self._container
                           or self._default_original_op or self._control_flow_context
                           or any(b.function for b in self._device_blocks))

    def _run_hooks(self, op):
        if self._op_to_kernel_label_map.get(op.type):
            _core.Operation._set_attr(op, "_kernel", self._op_to_kernel_label_map[op.type])
        for key, value in self._attr_scope_map.items():
            if op._attr_kind(key) is None:
                value = value(op.node_def) if callable(value) else value
                if value is not None:
                    op._set_attr(key, value)
        if self._container and op._attr_kind("container") == "string" and not op._attr("container"):
            _core.Operation._set_attr(op, "container", self._container)
        if self._default_original_op is not None:
            op._original_op = self._default_original_op
        if any(b.function for b in self._device_blocks):
            self._apply_device_functions(op)
        if self._control_flow_context is not None:
            op._set_control_flow_context(self._control_flow_context)
            self._control_flow_context.AddOp(op)

    def _apply_device_functions(self, op):
        """Block by block from the innermost to the first that hides the others. What the extension
        did by the names among them is done anew, in order with the functions."""
        if op._attr_kind("_class") is not None:
            return
        op._set_device_text("")
        for block in reversed(self._device_blocks):
            if block.is_none:
                break
            op._set_device_text(block.apply(op))

    # ---- blocks ----

    def as_default(self):
        """A block in which this is the default graph."""
        return scopes.GraphBlock(self)

    def name_scope(self, name):
        """A block in which names begin with `name/`: made unique; "a/" is taken as it is, None is
        the root."""
        return scopes.NameBlock(self, name)

    def device(self, device_name_or_function):
        """A block in which operations are placed: a device's name, a function of an operation that
        gives one, or None, which hides the blocks around."""
        return scopes.DeviceBlock(self, device_name_or_function)

    def colocate_with(self, op, ignore_existing=False):
        """A block in which operations go to the device of another one."""
        if op is None and not ignore_existing:
            raise ValueError("Trying to reset colocation (op is None) but ignore_existing is not "
                             "True")
        if op is not None and not isinstance(op, Operation):
            op = self.as_graph_element(getattr(op, "op", op))
        pushes = [(_core.push_colocate, (self, None))] if ignore_existing else []
        if op is not None:
            pushes.append((_core.push_colocate, (self, op)))
        return scopes.ManyBlocks(pushes)

    def _colocate_with_for_gradient(self, op, gradient_uid, ignore_existing=False):
        return self.colocate_with(op, ignore_existing)

    def control_dependencies(self, control_inputs):
        """A block in which operations wait for others; None forgets the blocks around."""
        if control_inputs is None:
            return scopes.ControlBlock(self, None)
        found = []
        for thing in control_inputs:
            if not isinstance(thing, (Tensor, Operation)) and hasattr(thing, "op") and (
                    hasattr(thing, "_handle") or not hasattr(thing, "_as_graph_element")):
                thing = thing.op
            thing = self.as_graph_element(thing)
            op = thing.op if isinstance(thing, Tensor) else thing
            if op not in found:
                found.append(op)
        return scopes.ControlBlock(self, found)

    def _current_control_dependencies(self):
        found = set()
        for block in self._control_stack:
            found = set() if block.control_inputs is None else found | set(block.control_inputs)
        return found

    def gradient_override_map(self, op_type_map):
        """A block in which operations of some types get other gradients:
        {type: name given to RegisterGradient}."""
        if not isinstance(op_type_map, dict):
            raise TypeError("op_type_map must be a dictionary mapping strings to strings")
        for key, value in op_type_map.items():
            if not isinstance(key, str) or not isinstance(value, str):
                raise TypeError("op_type_map must be a dictionary mapping strings to strings")
        return scopes.ManyBlocks([(_core.push_override, (self,) + item)
                                  for item in op_type_map.items()])

    def container(self, container_name):
        """A block in which variables and queues go to a container of that name."""
        return scopes.SettingBlock(self, "_container", container_name, container_name)

    def _kernel_label_map(self, op_to_kernel_label_map):
        if not isinstance(op_to_kernel_label_map, dict):
            raise TypeError("op_to_kernel_label_map must be a dictionary mapping strings to "
                            "strings")
        return scopes.SettingBlock(self, "_op_to_kernel_label_map",
                                   dict(self._op_to_kernel_label_map, **op_to_kernel_label_map))

    def _attr_scope(self, attr_map):
        if not isinstance(attr_map, dict):
            raise TypeError("attr_map must be a dictionary mapping strings to Callables")
        merged = dict(self._attr_scope_map, **attr_map)
        return scopes.SettingBlock(self, "_attr_scope_map",
                                   {k: v for k, v in merged.items() if v is not None})

    def _original_op(self, op):
        return scopes.SettingBlock(self, "_default_original_op", op)

    def _get_control_flow_context(self):
        """The condition or loop that operations made now are in, or None."""
        if self._control_flow_context is not None:
            return self._control_flow_context
        from thalweg.ops import control_flow_context
        return control_flow_context.current_context(self)

    def _set_control_flow_context(self, context):
        """Operations made from now on are in that one: the library's own, or an object of the
        program's, whose AddOp is then called with each."""
        from thalweg.ops import control_flow_context
        if self._context_mark:
            _core.pop(self._context_mark)
            self._context_mark = 0
        own = isinstance(context, control_flow_context.ControlFlowContext)
        self._control_flow_context = None if own else context
        region = context._region if own else None
        if _core.graph_region(self) != region:
            self._context_mark = _core.push_region(self, region)
        self._count_hooks()

    def _control_flow_context_of(self, op):
        """The context of an operation that the library has put into one, or None."""
        from thalweg.ops import control_flow_context
        return control_flow_context.context_of_operation(op)

    # ---- names ----

    def unique_name(self, name, mark_as_used=True):
        """A name under the open name scopes that no operation has, taken from now on."""
        return self._unique_name(name, bool(mark_as_used))

    def get_name_scope(self):
        """The open name scopes, without a slash at the end."""
        return _core.scope_name(self)[:-1]

    @property
    def _name_stack(self):
        return _core.scope_name(self)[:-1]

    # ---- the whole ----

    @property
    def seed(self):
        """The seed of random operations, or None."""
        return self._seed()

    @seed.setter
    def seed(self, seed):
        self._set_seed(seed)

    @property
    def version(self):
        """A number that grows with every operation."""
        return self._operation_count()

    @property
    def _last_id(self):
        """How many operations there would be in TensorFlow: what seeds of operations follow."""
        return self._count_nodes(0)

    @property
    def graph_def_versions(self):
        """The versions that a GraphDef of it says, as a VersionDef that may be changed."""
        if self._versions is None:
            self._versions = protos.versions_pb2.VersionDef(
                producer=versions.GRAPH_DEF_VERSION,
                min_consumer=versions.GRAPH_DEF_VERSION_MIN_CONSUMER)
        return self._versions

    def finalize(self):
        """Later additions are errors."""
        self._finalized = True
        self._finalize()

    @property
    def finalized(self):
        return self._finalized

    def _check_not_finalized(self):
        if self._finalized:
            raise RuntimeError("Graph is finalized and cannot be modified.")

    def _unsafe_unfinalize(self):
        self._finalized = False
        self._finalize(False)

    def as_graph_def(self, from_version=None, add_shapes=False):
        """The graph as a GraphDef; `from_version`: only what was added since."""
        exported = self._export()
        if len(exported) >= 1 << 31:
            raise ValueError("GraphDef cannot be larger than 2GB.")
        graph = protos.graph_pb2.GraphDef.FromString(exported)
        if self._versions is not None:
            graph.versions.CopyFrom(self._versions)
        if from_version is not None:
            del graph.node[:from_version]
        if add_shapes:
            for node in graph.node:
                shapes = node.attr["_output_shapes"].list
                shapes.SetInParent()
                shapes.shape.extend([t.get_shape().as_proto()
                                     for t in self._operation(node.name)._outputs])
        return graph

    def _as_graph_def(self, from_version=None, add_shapes=False):
        return self.as_graph_def(from_version, add_shapes), self.version

    # ---- functions ----

    def _is_function(self, name):
        return name in self._functions

    def _get_function(self, name):
        return self._functions.get(name)

    def _add_function(self, function):
        self._check_not_finalized()
        self._functions[function.name] = function

    @property
    def building_function(self):
        """Whether it is a function's body."""
        return self._building_function

    def switch_to_thread_local(self):
        """Nothing: the open blocks are each thread's own anyway."""

    # ---- collections ----

    def add_to_collection(self, name, value):
        """Appends a value to the collection of that name."""
        self._check_not_finalized()
        self._collections.setdefault(name, []).append(value)

    def add_to_collections(self, names, value):
        """Appends a value to several collections, to each once."""
        for name in (names,) if isinstance(names, str) else set(names):
            self.add_to_collection(name, value)

    def get_collection_ref(self, name):
        """The collection's own list: changing it changes the collection."""
        return self._collections.setdefault(name, [])

    def get_collection(self, name, scope=None):
        """A list of a collection's values; with `scope`, of those whose names it matches."""
        values = self._collections.get(name, ())
        if scope is None:
            return list(values)
        matches = re.compile(scope).match
        return [v for v in values if hasattr(v, "name") and matches(v.name)]

    def get_all_collection_keys(self):
        """The names of all collections, those for internal use left out."""
        return [k for k in self._collections if isinstance(k, str) and not k.startswith("__")]

    @property
    def collections(self):
        return list(self._collections)

    def clear_collection(self, name):
        """Empties a collection."""
        self._check_not_finalized()
        self._collections.pop(name, None)

    # ---- in a notebook ----

    def _repr_html_(self):
        from thalweg.util import graph_picture
        return graph_picture.html(self)

    def __reduce__(self):
        raise TypeError("a Graph cannot be pickled; use as_graph_def()")

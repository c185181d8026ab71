# SPDX-License-Identifier: Apache-2.0
"""How a call of an op becomes an operation: values become tensors of the right types, attributes
are inferred and checked. An op's definition is turned into a Plan once."""
from thalweg import _core
from thalweg.framework import attr_values, conversion, dtypes
from thalweg.framework import op_errors as errors
from thalweg.framework.graph_elements import as_element
from thalweg.framework.operation import Operation
from thalweg.framework.tensor import Tensor

FIXED, ATTR, MANY, TYPES = range(4)  # how an argument says its type
_REF = 100
_STATEFUL = 1
_DTYPES = dtypes._INTERN_TABLE
_convert = conversion.internal_convert_to_tensor
_default_graph = _core.default_graph
GIVEN_BY_DEFAULT = object()


class Argument:
    """An input or output of an op."""
    __slots__ = ("name", "kind", "type", "type_attr", "number_attr", "list_attr", "is_ref",
                 "allowed", "preferred", "minimum")

    def __init__(self, arg, attrs):
        self.name, self.type, self.is_ref = arg.name, arg.type, bool(arg.is_ref)
        self.type_attr, self.number_attr = arg.type_attr or None, arg.number_attr or None
        self.list_attr = arg.type_list_attr or None
        self.kind = TYPES if self.list_attr else MANY if self.number_attr else \
            ATTR if self.type_attr else FIXED
        attr = attrs.get(self.type_attr or self.list_attr)
        self.allowed = frozenset(attr.allowed) if attr and attr.allowed else None
        default = attr.default if attr and attr.has_default and not self.list_attr else None
        self.preferred = _DTYPES[int(default)] if default else None
        number = attrs.get(self.number_attr)
        self.minimum = number.minimum if number and number.minimum else 0


class Plan:
    """An op's definition, ready for calls. `known`: the library has the op, and infers what
    follows from the inputs by itself."""

    def __init__(self, definition, known=True):
        attrs = {a.name: a for a in definition.attrs}
        self.name, self.definition, self.known = definition.name, definition, known
        self.inputs = [Argument(a, attrs) for a in definition.inputs]
        self.outputs = [Argument(a, attrs) for a in definition.outputs]
        self.attrs = attrs
        inferred = {n for i in self.inputs for n in (i.type_attr, i.number_attr, i.list_attr) if n}
        self.free = [attr_values.Attr(a, self.name) for a in definition.attrs
                     if a.name not in inferred]
        self.has_lists = any(i.kind >= MANY for i in self.inputs)
        self.stateful = bool(definition.flags & _STATEFUL)
        self.single = len(self.outputs) == 1 and self.outputs[0].kind < MANY
        self.result_type = None  # a namedtuple for several outputs

    # ---- a call ----

    def call(self, name, values, given):
        """The op's result: values for the inputs, `given` for the free attributes, in order."""
        op, found = self.create(name, values, given)
        if self.single:
            return op._outputs[0]
        if not self.outputs:
            return op
        result = self._results(op, found)
        if len(self.outputs) == 1:
            return result[0] if result[0] or not self.stateful else op
        return self.result_type._make(result) if self.result_type else result

    def create(self, name, values, given):
        """The operation, and the attributes that were found out on the way."""
        graph, plain = self._graph_of(values)
        found = {}
        if plain:
            return self._add(graph, name, values, given, found), found
        mark = _core.push_name(graph, name or self.name)
        try:
            outer = None if graph is _default_graph() else graph.as_default()
            if outer is not None:
                outer.__enter__()
            try:
                scope = _core.scope_name(graph)
                return self._add(graph, scope, values, given, found), found
            finally:
                if outer is not None:
                    outer.__exit__()
        finally:
            _core.pop(mark)

    def _graph_of(self, values):
        """The graph of the tensors among the values, and whether all values are tensors."""
        graph, first, plain = None, None, True
        for value in values:
            if isinstance(value, Tensor):
                own = value.graph
            elif isinstance(value, (list, tuple)):
                own, inner = self._graph_of(value)
                if not inner:
                    plain = False
                if own is None or not _has_element(value):
                    continue
            else:
                plain = False
                element = value if isinstance(value, Operation) else as_element(value)
                own = element.graph if element is not None else getattr(value, "graph", None)
                if own is None or not isinstance(own, _core.Graph):
                    continue
            if graph is None:
                graph, first = own, value
            elif own is not graph:
                raise ValueError("%s must be from the same graph as %s." % (value, first))
        return graph if graph is not None else _default_graph(), plain

    def _add(self, graph, name, values, given, found):
        inputs, counts = [], [] if self.has_lists else None
        sources = {}
        for argument, value in zip(self.inputs, values):
            if argument.kind < MANY:
                inputs.append(self._one(argument, value, found, sources))
                if counts is not None:
                    counts.append(1)
            else:
                tensors = self._list(argument, value, found, sources)
                inputs.extend(tensors)
                counts.append(len(tensors))
        attrs = {} if self.known else self._inferred(found)
        for attr, value in zip(self.free, given):
            if value is GIVEN_BY_DEFAULT or value is None and attr.has_default:
                if not attr.has_default:
                    raise TypeError("No argument for attr " + attr.name)
                if self.known:
                    continue
                value = attr.default
            attrs[attr.name] = attr.convert(value)
            if not self.single or not self.known:
                found[attr.name] = attrs[attr.name]
        outputs = None if self.known else self._output_dtypes(found)
        return graph._create_op(self.name, inputs, name, attrs, counts, outputs)

    # ---- inputs ----

    def _one(self, argument, value, found, sources):
        """A tensor for an argument that is no list."""
        wanted = argument.type if argument.kind == FIXED else found.get(argument.type_attr)
        if isinstance(value, Tensor):
            number = value._dtype_number
            base = number - _REF if number > _REF else number
            if wanted and base != wanted:
                raise errors.wrong_type(self, argument, value, wanted, sources)
        else:
            value = self._converted(argument, value, wanted, sources)
            number = value._dtype_number
            base = number - _REF if number > _REF else number
        if argument.is_ref and number < _REF:
            raise errors.not_a_reference(self, argument)
        if not wanted:
            if argument.allowed is not None and base not in argument.allowed:
                raise errors.not_allowed(base, argument.type_attr,
                                         self.attrs[argument.type_attr].allowed, argument.name)
            found[argument.type_attr] = base
            sources[argument.type_attr] = argument.name
        return value

    def _converted(self, argument, value, wanted, sources):
        dtype = _DTYPES[wanted] if wanted else None
        try:
            made = _convert(value, dtype, argument.name, argument.is_ref,
                            None if dtype else argument.preferred)
        except TypeError as error:
            raise errors.not_convertible(self, argument, value, dtype, error)
        except ValueError:
            raise errors.wrong_value(self, argument, value, wanted, sources)
        return made

    def _list(self, argument, values, found, sources):
        """Tensors for an argument that is a list; its length and types are noted."""
        if not isinstance(values, (list, tuple)):
            raise TypeError("Expected list for '%s' argument to '%s' Op, not %s."
                            % (argument.name, self.name, values))
        wanted, preferred = self._wanted_of_list(argument, values, found)
        dtype = _DTYPES[wanted] if wanted else None
        try:
            tensors = conversion.internal_convert_n_to_tensor(
                values, dtype, argument.name, argument.is_ref, preferred)
            bases = [t._dtype_number % _REF for t in tensors]
        except (TypeError, ValueError) as error:
            raise errors.wrong_list(self, argument, values, dtype,
                                    argument.type_attr in sources) from error
        if argument.kind == MANY and len(set(bases)) > 1:
            raise errors.mixed_list(self, argument, values)
        if argument.is_ref and not all(t._dtype_number > _REF for t in tensors):
            raise errors.not_a_reference(self, argument)
        if argument.kind == MANY:
            self._note_many(argument, tensors, bases, found, sources)
        else:
            self._note_types(argument, bases, found, sources)
        return tensors

    def _wanted_of_list(self, argument, values, found):
        """The type that all of a list must have, or the one that is wished for."""
        if argument.kind == TYPES:
            return None, None
        wanted = argument.type or found.get(argument.type_attr)
        if not wanted:
            for value in values:
                if isinstance(value, Tensor):
                    return value._dtype_number % _REF, None
        return wanted, None if wanted else argument.preferred

    def _note_many(self, argument, tensors, bases, found, sources):
        known = found.get(argument.number_attr)
        if known is None:
            found[argument.number_attr] = len(tensors)
            sources[argument.number_attr] = argument.name
            if len(tensors) < argument.minimum:
                raise ValueError("List argument '%s' to '%s' Op with length %d shorter than minimum"
                                 " length %d." % (argument.name, self.name, len(tensors),
                                                  argument.minimum))
        elif known != len(tensors):
            raise ValueError("List argument '%s' to '%s' Op with length %d must match length %d of "
                             "argument '%s'." % (argument.name, self.name, len(tensors), known,
                                                 sources[argument.number_attr]))
        name = argument.type_attr
        if name is None or name in found:
            return
        if not bases:
            raise TypeError("Don't know how to infer type variable from empty input list passed to "
                            "input '%s' of '%s' Op." % (argument.name, self.name))
        if argument.allowed is not None and bases[0] not in argument.allowed:
            raise errors.not_allowed(bases[0], name, self.attrs[name].allowed, argument.name)
        found[name] = bases[0]
        sources[name] = argument.name

    def _note_types(self, argument, bases, found, sources):
        name = argument.list_attr
        known = found.get(name)
        if known is None:
            for base in bases:
                if argument.allowed is not None and base not in argument.allowed:
                    raise errors.not_allowed(base, name, self.attrs[name].allowed, argument.name)
            minimum = self.attrs[name].minimum
            if minimum and len(bases) < minimum:
                raise ValueError("Attr '%s' of '%s' Op passed list of length %d less than minimum "
                                 "%d." % (name, self.name, len(bases), minimum))
            found[name] = bases
            sources[name] = argument.name
        elif known != bases:
            raise TypeError(
                "Input '%s' of '%s' Op has type list of %s that does not match type list %s of "
                "argument '%s'." % (argument.name, self.name, errors.names(bases),
                                    errors.names(known), sources[name]))

    # ---- outputs ----

    def _inferred(self, found):
        """What follows from the inputs, for an op that the library does not have."""
        return {name: (self._kind(name), value) for name, value in found.items()}

    def _kind(self, name):
        attr = self.attrs[name]
        return "list(%s)" % attr.kind if attr.is_list else attr.kind

    def _length(self, output, op, found):
        """How many tensors an output stands for."""
        if output.kind < MANY:
            return 1
        name = output.number_attr or output.list_attr
        value = found.get(name)
        if value is None:
            value = op._attr(name)
        if isinstance(value, tuple):  # (kind, value)
            value = value[1]
        return value if output.number_attr else len(value)

    def _results(self, op, found):
        results, at = [], 0
        for output in self.outputs:
            count = self._length(output, op, found)
            tensors = op._outputs[at:at + count]
            results.append(list(tensors) if output.kind >= MANY else tensors[0])
            at += count
        return results

    def _output_dtypes(self, found):
        def plain(name):
            value = found[name]
            return value[1] if isinstance(value, tuple) else value
        types = []
        for output in self.outputs:
            mark = _REF if output.is_ref else 0
            if output.kind == TYPES:
                types += [int(t) + mark for t in plain(output.list_attr)]
                continue
            one = int(plain(output.type_attr) if output.type_attr else output.type) + mark
            types += [one] * (plain(output.number_attr) if output.kind == MANY else 1)
        return types


def _has_element(values):
    """Whether a list holds, at any depth, something of a graph."""
    return any(_has_element(v) if isinstance(v, (list, tuple)) else
               isinstance(v, (Tensor, Operation)) or as_element(v) is not None
               or isinstance(getattr(v, "graph", None), _core.Graph) for v in values)

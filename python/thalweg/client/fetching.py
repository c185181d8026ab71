# SPDX-License-Identifier: Apache-2.0
"""What a session is asked for and given, taken apart: nested fetches become a flat list and come
back together, feeds become pairs of a tensor and a value."""
import collections
import collections.abc

from thalweg.framework import composite_tensors, ops


class _Conversion:
    """How objects of a type are fetched and fed: see register_session_run_conversion_functions."""

    def __init__(self, tensor_type, fetch, feed, feed_for_partial_run):
        self.tensor_type, self.fetch, self.feed = tensor_type, fetch, feed
        self.feed_for_partial_run = feed_for_partial_run


def _sparse_parts(sparse):
    return [sparse.indices, sparse.values, sparse.dense_shape]


def _slices_parts(slices):
    parts = [slices.values, slices.indices]
    return parts if slices.dense_shape is None else parts + [slices.dense_shape]


def _slices_value(parts):
    return composite_tensors.IndexedSlicesValue(*(list(parts) + [None])[:3])


# Looked through in order: what was registered last comes first.
_conversions = [
    _Conversion(
        composite_tensors.SparseTensor,
        lambda sparse: (_sparse_parts(sparse),
                        lambda parts: composite_tensors.SparseTensorValue(*parts)),
        lambda sparse, value: list(zip(_sparse_parts(sparse), value)), _sparse_parts),
    _Conversion(
        composite_tensors.IndexedSlices,
        lambda slices: (_slices_parts(slices), _slices_value),
        lambda slices, value: list(zip(_slices_parts(slices), value)), _slices_parts),
]


def register_session_run_conversion_functions(tensor_type, fetch_function, feed_function=None,
                                              feed_function_for_partial_run=None):
    """Lets sessions fetch and feed objects of `tensor_type`.

    fetch_function(object) gives a list of tensors and a function that makes the result of their
    values. feed_function(object, value) gives pairs of a tensor and its value;
    feed_function_for_partial_run(object) the tensors alone."""
    for known in _conversions:
        if issubclass(tensor_type, known.tensor_type):
            raise ValueError("%s has already been registered so ignore it." % tensor_type)
    _conversions.insert(0, _Conversion(tensor_type, fetch_function, feed_function,
                                       feed_function_for_partial_run))


def _conversion_of(obj):
    if isinstance(obj, (ops.Tensor, ops.Operation)):
        return None
    for known in _conversions:
        if isinstance(obj, known.tensor_type):
            return known
    return None


# ---- fetches ----

class Fetches:
    """Nested fetches: `elements` are tensors and operations, each once; `rebuild` puts their values
    into the structure that was asked for."""

    def __init__(self, graph, fetches):
        self._graph = graph
        self._places = {}
        self.elements = []
        self.rebuild = self._map(fetches)

    def _place(self, element):
        place = self._places.get(element)
        if place is None:
            place = self._places[element] = len(self.elements)
            self.elements.append(element)
        return place

    def _element(self, fetch):
        """The tensor or operation that one fetch means, with TensorFlow's errors."""
        if isinstance(fetch, (ops.Tensor, ops.Operation)) and fetch.graph is self._graph:
            return self._fetchable(fetch)
        try:
            element = self._graph.as_graph_element(fetch, allow_tensor=True, allow_operation=True)
        except TypeError as error:
            raise TypeError("Fetch argument %r has invalid type %r, must be a string or Tensor. "
                            "(%s)" % (fetch, type(fetch), error)) from None
        except (ValueError, KeyError) as error:
            raise ValueError("Fetch argument %r cannot be interpreted as a Tensor. (%s)"
                             % (fetch, error)) from None
        return self._fetchable(element)

    def _fetchable(self, element):
        if not self._graph.is_fetchable(element):
            raise ValueError("Operation %r has been marked as not fetchable." % element.name)
        return element

    def _map(self, fetch):
        """A function from the list of all values to what this fetch gives."""
        if isinstance(fetch, (ops.Tensor, ops.Operation)):
            place = self._place(self._element(fetch))
            return lambda values: values[place]
        if fetch is None:
            raise TypeError("Fetch argument %r has invalid type %r" % (fetch, type(fetch)))
        if isinstance(fetch, (list, tuple)):
            return self._map_sequence(fetch)
        if isinstance(fetch, collections.abc.Mapping):
            return self._map_mapping(fetch)
        if hasattr(type(fetch), "__attrs_attrs__"):
            return self._map_attrs(fetch)
        known = _conversion_of(fetch)
        if known is None:
            place = self._place(self._element(fetch))
            return lambda values: values[place]
        parts, make = known.fetch(fetch)
        places = [self._place(self._element(part)) for part in parts]
        return lambda values: make([values[place] for place in places])

    def _map_sequence(self, fetch):
        maps = [self._map(item) for item in fetch]
        kind = type(fetch)
        if hasattr(kind, "_fields"):
            return lambda values: kind(*[one(values) for one in maps])
        if issubclass(kind, list):
            return lambda values: [one(values) for one in maps]
        return lambda values: kind([one(values) for one in maps])

    def _map_mapping(self, fetch):
        maps = [(key, self._map(item)) for key, item in fetch.items()]
        kind = type(fetch)
        if issubclass(kind, collections.defaultdict):
            return lambda values: kind(fetch.default_factory, [(k, m(values)) for k, m in maps])
        return lambda values: kind([(key, one(values)) for key, one in maps])

    def _map_attrs(self, fetch):
        names = [a.name for a in type(fetch).__attrs_attrs__]
        maps = [self._map(getattr(fetch, name)) for name in names]
        kind = type(fetch)
        return lambda values: kind(*[one(values) for one in maps])


# ---- feeds ----

def _pairs_of_tuple(keys, values):
    """A key may be a nested tuple of keys, with values of the same structure."""
    values = list(values) if isinstance(values, (list, tuple)) else values
    if not isinstance(values, list) or len(values) != len(keys):
        raise ValueError("Could not flatten dictionary: the key %r and its value do not have the "
                         "same structure." % (keys,))
    for key, value in zip(keys, values):
        if isinstance(key, (list, tuple)):
            yield from _pairs_of_tuple(key, value)
        else:
            yield key, value


def feed_pairs(feed_dict):
    """The pairs of a feed_dict, composite keys taken apart."""
    if not isinstance(feed_dict, collections.abc.Mapping):
        raise TypeError("feed_dict must be a dictionary, but got %r of type %s"
                        % (feed_dict, type(feed_dict)))
    for key, value in feed_dict.items():
        if isinstance(key, ops.Tensor):
            yield key, value
            continue
        nested = _pairs_of_tuple(key, value) if isinstance(key, (list, tuple)) else [(key, value)]
        for one, its_value in nested:
            known = _conversion_of(one)
            if known is None:
                yield one, its_value
            elif known.feed is None:
                raise TypeError("Objects of type %s cannot be fed." % type(one))
            else:
                yield from known.feed(one, its_value)


def feed_keys(feeds):
    """The keys of partial_run_setup's list, composite ones taken apart."""
    for feed in feeds or ():
        known = _conversion_of(feed)
        if known is None:
            yield feed
        elif known.feed_for_partial_run is None:
            raise TypeError("Objects of type %s cannot be fed in parts." % type(feed))
        else:
            yield from known.feed_for_partial_run(feed)

# SPDX-License-Identifier: Apache-2.0
"""Structures of lists, tuples, named tuples and dicts: flat lists of their leaves and back.

A dict's leaves come in the order of its sorted keys. Strings and arrays are leaves."""
import collections.abc as _abc


def is_sequence(seq):
    """Whether something is a structure and not a leaf."""
    kind = type(seq)
    if kind is list or kind is tuple or kind is dict:
        return True
    return isinstance(seq, (_abc.Sequence, _abc.Mapping, _abc.MappingView)) and not isinstance(
        seq, (str, bytes, bytearray))


is_nested = is_sequence


def is_sequence_or_composite(seq):
    """Whether something is a structure, SparseTensor and IndexedSlices counted in."""
    return is_sequence(seq) or _is_composite(seq)


def _is_composite(thing):
    return hasattr(thing, "_to_components")


def _is_namedtuple(thing):
    return isinstance(thing, tuple) and hasattr(thing, "_fields")


def _items(seq):
    """[(key or index, child)] of one level, in the order in which leaves are listed."""
    if isinstance(seq, _abc.Mapping):
        return [(key, seq[key]) for key in sorted(seq)]
    if _is_composite(seq):
        return list(enumerate(seq._to_components()))
    if _is_namedtuple(seq):
        return list(zip(seq._fields, seq))
    return list(enumerate(seq))


def _children(seq):
    return [child for _, child in _items(seq)]


def _inner(expand_composites):
    return is_sequence_or_composite if expand_composites else is_sequence


def flatten(structure, expand_composites=False):
    """The leaves of a structure as a list; a leaf alone gives a list of one."""
    is_inner, out = _inner(expand_composites), []

    def walk(thing):
        if is_inner(thing):
            for child in _children(thing):
                walk(child)
        else:
            out.append(thing)
    walk(structure)
    return out


def _sequence_like(instance, values):
    """A level like `instance` with other children (in the order of _items)."""
    if isinstance(instance, _abc.Mapping):
        found = dict(zip(sorted(instance), values))
        ordered = [(key, found[key]) for key in instance]
        if hasattr(instance, "default_factory"):
            return type(instance)(instance.default_factory, ordered)
        return type(instance)(ordered)
    if _is_composite(instance):
        return instance._from_components(list(values))
    if _is_namedtuple(instance):
        return type(instance)(*values)
    if isinstance(instance, (range, _abc.MappingView)):
        return list(values)
    return type(instance)(values)


def pack_sequence_as(structure, flat_sequence, expand_composites=False):
    """A structure like `structure` whose leaves come from a flat list."""
    if not is_sequence(flat_sequence):
        raise TypeError("flat_sequence must be a sequence, got %r" % (flat_sequence,))
    is_inner = _inner(expand_composites)
    if not is_inner(structure):
        if len(flat_sequence) != 1:
            raise ValueError("Structure is a scalar but len(flat_sequence) == %d > 1"
                             % len(flat_sequence))
        return flat_sequence[0]
    count = len(flatten(structure, expand_composites))
    if count != len(flat_sequence):
        raise ValueError("Could not pack sequence. Structure had %d elements, but flat_sequence "
                         "had %d elements.  Structure: %s, flat_sequence: %s."
                         % (count, len(flat_sequence), structure, flat_sequence))
    leaves = iter(flat_sequence)

    def build(thing):
        if is_inner(thing):
            return _sequence_like(thing, [build(child) for child in _children(thing)])
        return next(leaves)
    return build(structure)


# ---- the same structure? ----

def _described(thing):
    return "type=%s str=%s" % (type(thing).__name__, thing)


def _same_tuple_type(a, b):
    """Named tuples made twice from the same names count as one type."""
    return (_is_namedtuple(a) and _is_namedtuple(b) and type(a).__name__ == type(b).__name__
            and a._fields == b._fields)


def _difference(a, b, check_types, is_inner):
    """None, or (exception class, text) of the first difference."""
    if is_inner(a) != is_inner(b):
        first, second = (a, b) if is_inner(a) else (b, a)
        return ValueError, ("Substructure \"%s\" is a sequence, while substructure \"%s\" is not"
                            % (_described(first), _described(second)))
    if not is_inner(a):
        return None
    if check_types and type(a) is not type(b) and not _same_tuple_type(a, b) and not (
            isinstance(a, _abc.Mapping) and isinstance(b, _abc.Mapping)):
        return TypeError, ("The two namedtuples don't have the same sequence type. First structure "
                           "%s has type %s, while second structure %s has type %s"
                           % (_described(a), type(a).__name__, _described(b), type(b).__name__))
    mapping = isinstance(a, _abc.Mapping) and isinstance(b, _abc.Mapping)
    if mapping and check_types and set(a) != set(b):
        return ValueError, ("The two dictionaries don't have the same set of keys. First structure "
                            "has keys %s, while second structure has keys %s"
                            % (_described(list(a)), _described(list(b))))
    mine, others = _children(a), _children(b)
    if len(mine) != len(others):
        return ValueError, ("The two structures don't have the same number of elements. First "
                            "structure: %s. Second structure: %s" % (_described(a), _described(b)))
    for one, other in zip(mine, others):
        found = _difference(one, other, check_types, is_inner)
        if found:
            return found
    return None


class _Dot:
    """How a leaf is shown in an error."""

    def __repr__(self):
        return "."

    __str__ = __repr__


def assert_same_structure(nest1, nest2, check_types=True, expand_composites=False):
    """Raises ValueError (TypeError for types) if two structures differ but for their leaves."""
    found = _difference(nest1, nest2, check_types, _inner(expand_composites))
    if found:
        shown = [str(map_structure(lambda _: _Dot(), n)) for n in (nest1, nest2)]
        raise found[0]("The two structures don't have the same nested structure.\n\n"
                       "First structure: %s\n\nSecond structure: %s\n\nMore specifically: %s\n"
                       "Entire first structure:\n%s\nEntire second structure:\n%s"
                       % (_described(nest1), _described(nest2), found[1], *shown))


def _map_options(options):
    for name in options:
        if name not in ("check_types", "expand_composites", "check_subtrees_length"):
            raise ValueError("Only valid keyword arguments are `check_types` and "
                             "`expand_composites`, not: `%s`" % name)
    return options.get("check_types", True), options.get("expand_composites", False)


def map_structure(func, *structure, **options):
    """A structure of func(leaf of the first, leaf of the second ...)."""
    if not callable(func):
        raise TypeError("func must be callable, got: %s" % func)
    if not structure:
        raise ValueError("Must provide at least one structure")
    check_types, expand = _map_options(options)
    for other in structure[1:]:
        assert_same_structure(structure[0], other, check_types, expand)
    flat = [flatten(s, expand) for s in structure]
    return pack_sequence_as(structure[0], [func(*x) for x in zip(*flat)], expand)


# ---- leaves with their paths ----

def flatten_with_tuple_paths(structure, expand_composites=False):
    """[(path, leaf)]; a path is a tuple of keys and indices."""
    is_inner, out = _inner(expand_composites), []

    def walk(thing, path):
        if is_inner(thing):
            for key, child in _items(thing):
                walk(child, path + (key,))
        else:
            out.append((path, thing))
    walk(structure, ())
    return out


def yield_flattened_paths(structure, expand_composites=False):
    """The paths alone."""
    return (path for path, _ in flatten_with_tuple_paths(structure, expand_composites))


def flatten_with_joined_string_paths(structure, separator="/", expand_composites=False):
    """[(path as text, leaf)]."""
    return [(separator.join(map(str, path)), leaf)
            for path, leaf in flatten_with_tuple_paths(structure, expand_composites)]


def map_structure_with_tuple_paths(func, *structure, **options):
    """A structure of func(path, leaf of the first, ...)."""
    check_types, expand = _map_options(options)
    for other in structure[1:]:
        assert_same_structure(structure[0], other, check_types, expand)
    paths = [path for path, _ in flatten_with_tuple_paths(structure[0], expand)]
    flat = [flatten(s, expand) for s in structure]
    return pack_sequence_as(structure[0], [func(*x) for x in zip(paths, *flat)], expand)


def map_structure_with_paths(func, *structure, **options):
    """A structure of func(path as text, leaf of the first, ...)."""
    return map_structure_with_tuple_paths(
        lambda path, *leaves: func("/".join(map(str, path)), *leaves), *structure, **options)


def flatten_dict_items(dictionary):
    """{key: value} where keys and values that are structures alike are taken apart."""
    if not isinstance(dictionary, _abc.Mapping):
        raise TypeError("input must be a dictionary, got %r" % (dictionary,))
    out = {}
    for key, value in dictionary.items():
        keys = flatten(key) if is_sequence(key) else [key]
        values = flatten(value) if is_sequence(key) else [value]
        if len(keys) != len(values):
            raise ValueError("Could not flatten dictionary. Key had %d elements, but value had %d "
                             "elements. Key: %s, value: %s."
                             % (len(keys), len(values), keys, values))
        for one, item in zip(keys, values):
            if one in out:
                raise ValueError("Could not flatten dictionary: key %s is not unique." % (one,))
            out[one] = item
    return out


# ---- as deep as another structure goes ----

def assert_shallow_structure(shallow_tree, input_tree, check_types=True, expand_composites=False):
    """Raises ValueError or TypeError if the second does not begin as the first is."""
    is_inner = _inner(expand_composites)
    if not is_inner(shallow_tree):
        return
    if not is_inner(input_tree):
        raise TypeError("If shallow structure is a sequence, input must also be a sequence. Input "
                        "has type: %s." % type(input_tree))
    mapping = isinstance(shallow_tree, _abc.Mapping) and isinstance(input_tree, _abc.Mapping)
    if check_types and type(shallow_tree) is not type(input_tree) and not mapping \
            and not _same_tuple_type(shallow_tree, input_tree):
        raise TypeError("The two structures don't have the same sequence type. Input structure has "
                        "type %s, while shallow structure has type %s."
                        % (type(input_tree), type(shallow_tree)))
    if len(shallow_tree) != len(input_tree):
        raise ValueError("The two structures don't have the same sequence length. Input structure "
                         "has length %d, while shallow structure has length %d."
                         % (len(input_tree), len(shallow_tree)))
    if mapping and not set(shallow_tree) <= set(input_tree):
        raise ValueError("The shallow_tree's keys are not a subset of the input_tree's keys. The "
                         "shallow_tree has the following keys that are not in the input_tree: %s."
                         % sorted(set(shallow_tree) - set(input_tree)))
    for one, other in zip(_children(shallow_tree), _children(input_tree)):
        assert_shallow_structure(one, other, check_types, expand_composites)


def flatten_up_to(shallow_tree, input_tree, check_types=True, expand_composites=False):
    """The parts of the second structure that stand where the first has leaves."""
    assert_shallow_structure(shallow_tree, input_tree, check_types, expand_composites)
    is_inner, out = _inner(expand_composites), []

    def walk(shallow, thing):
        if is_inner(shallow):
            for one, other in zip(_children(shallow), _children(thing)):
                walk(one, other)
        else:
            out.append(thing)
    walk(shallow_tree, input_tree)
    return out


def map_structure_up_to(shallow_tree, func, *inputs, **options):
    """A structure like the shallow one of func(part of the first input, ...)."""
    if not inputs:
        raise ValueError("Cannot map over no sequences")
    check_types, expand = _map_options(options)
    flat = [flatten_up_to(shallow_tree, i, check_types, expand) for i in inputs]
    return pack_sequence_as(shallow_tree, [func(*x) for x in zip(*flat)], expand)


def get_traverse_shallow_structure(traverse_fn, structure, expand_composites=False):
    """The structure as deep as traverse_fn(part) says True (or, for children, a list of bools)."""
    is_inner = _inner(expand_composites)
    wanted = traverse_fn(structure)
    if not is_inner(structure):
        if not isinstance(wanted, bool):
            raise TypeError("traverse_fn returned structure: %s for non-structure: %s"
                            % (wanted, structure))
        return wanted
    if isinstance(wanted, bool) and not wanted:
        return False
    out = []
    flags = [wanted] * len(_children(structure)) if isinstance(wanted, bool) else flatten(wanted)
    for child, flag in zip(_children(structure), flags):
        if flag:
            out.append(get_traverse_shallow_structure(traverse_fn, child, expand_composites)
                       if is_inner(child) else traverse_fn(child))
        else:
            out.append(False)
    return _sequence_like(structure, out)

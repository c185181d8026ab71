# SPDX-License-Identifier: Apache-2.0
"""Scopes that name and share variables: get_variable() makes a variable in the innermost one, or
finds it there."""
import copy
import enum
import functools
import threading

from thalweg.framework import dtypes, ops
from thalweg.ops import variable_store, variables
from thalweg.ops.variable_store import _PartitionInfo, _VariableStore  # noqa: F401
from thalweg.ops.variables import (  # noqa: F401
    VariableAggregation, VariableSynchronization, default_variable_creator)

_VARSTORE_KEY = ("__variable_store",)
_VARSCOPESTORE_KEY = ("__varscope",)
_DEFAULT_USE_RESOURCE = False


class _ReuseMode(enum.Enum):
    """Ways of sharing that are neither yes nor no."""
    AUTO_REUSE = 1


AUTO_REUSE = _ReuseMode.AUTO_REUSE
AUTO_REUSE.__doc__ = "reuse=AUTO_REUSE: variables that are there are shared, others are made."


def no_regularizer(_):
    """A regularizer that adds nothing, where the scope's is not wanted."""
    return None


def _type_of(value):
    """The type of a first value; numbers and lists leave no constant behind."""
    if hasattr(value, "dtype"):
        return dtypes.as_dtype(value.dtype).base_dtype
    try:
        with ops.Graph().as_default():
            return ops.convert_to_tensor(value).dtype.base_dtype
    except ValueError:  # a list with tensors of this graph
        return ops.convert_to_tensor(value).dtype.base_dtype


class VariableScope:
    """A prefix for variables' names, with what holds for those made in it by default."""

    def __init__(self, reuse, name="", initializer=None, regularizer=None, caching_device=None,
                 partitioner=None, custom_getter=None, name_scope="", dtype=dtypes.float32,
                 use_resource=None, constraint=None):
        self._name, self._reuse, self._initializer = name, reuse, initializer
        self._regularizer, self._caching_device = regularizer, caching_device
        self._partitioner, self._custom_getter = partitioner, custom_getter
        self._name_scope, self._dtype = name_scope, dtype
        self._use_resource, self._constraint = use_resource, constraint

    name = property(lambda self: self._name, doc="The prefix, without a slash at its end.")
    original_name_scope = property(lambda self: self._name_scope,
                                   doc="The name scope in which it was opened first.")
    reuse = property(lambda self: self._reuse)
    initializer = property(lambda self: self._initializer)
    dtype = property(lambda self: self._dtype)
    use_resource = property(lambda self: self._use_resource)
    regularizer = property(lambda self: self._regularizer)
    caching_device = property(lambda self: self._caching_device)
    partitioner = property(lambda self: self._partitioner)
    custom_getter = property(lambda self: self._custom_getter)
    constraint = property(lambda self: self._constraint)

    def reuse_variables(self):
        """From now on variables of this scope are shared."""
        self._reuse = True

    def set_initializer(self, initializer):
        """Sets the initializer of variables made later."""
        self._initializer = initializer

    def set_dtype(self, dtype):
        """Sets the type of variables made later."""
        self._dtype = dtype

    def set_use_resource(self, use_resource):
        """Accepted; variables are references here."""
        self._use_resource = use_resource

    def set_regularizer(self, regularizer):
        """Sets the regularizer of variables made later."""
        self._regularizer = regularizer

    def set_caching_device(self, caching_device):
        """Sets where values of variables made later are kept for readers."""
        self._caching_device = caching_device

    def set_partitioner(self, partitioner):
        """Sets what cuts variables made later."""
        self._partitioner = partitioner

    def set_custom_getter(self, custom_getter):
        """Sets the function through which variables made later are got."""
        self._custom_getter = custom_getter

    def _variables(self, key):
        return ops.get_collection(key, self._name + "/" if self._name else None)

    def get_collection(self, name):
        """The members of a collection whose names are in this scope."""
        return self._variables(name)

    def trainable_variables(self):
        """The trainable variables of this scope."""
        return self._variables(ops.GraphKeys.TRAINABLE_VARIABLES)

    def global_variables(self):
        """The global variables of this scope."""
        return self._variables(ops.GraphKeys.GLOBAL_VARIABLES)

    def local_variables(self):
        """The local variables of this scope."""
        return self._variables(ops.GraphKeys.LOCAL_VARIABLES)

    def get_variable(self, var_store, name, shape=None, dtype=None, initializer=None,
                     regularizer=None, reuse=None, trainable=None, collections=None,
                     caching_device=None, partitioner=None, validate_shape=True,
                     use_resource=None, custom_getter=None, constraint=None, synchronization=None,
                     aggregation=None):
        """The variable NAME of this scope, from a store; what is not given is the scope's."""
        def chosen(given, own):
            return own if given is None else given
        if name is None:  # of parts, whose scope is their name
            name = self._name
        elif self._name:
            name = self._name + "/" + name
        # Variables' names depend on variable scopes alone.
        with ops.name_scope(None):
            initializer = chosen(initializer, self._initializer)
            if initializer is not None and not callable(initializer):
                own = _type_of(initializer)
                if not dtypes.as_dtype(chosen(dtype, self._dtype)).is_compatible_with(own):
                    dtype = chosen(dtype, own)
            return var_store.get_variable(
                name, shape=shape, dtype=chosen(dtype, self._dtype), initializer=initializer,
                regularizer=chosen(regularizer, self._regularizer),
                reuse=chosen(reuse, self._reuse), trainable=trainable, collections=collections,
                caching_device=chosen(caching_device, self._caching_device),
                partitioner=chosen(partitioner, self._partitioner), validate_shape=validate_shape,
                use_resource=use_resource, constraint=chosen(constraint, self._constraint),
                custom_getter=chosen(custom_getter, self._custom_getter))

    def _get_partitioned_variable(self, var_store, name, shape=None, dtype=None, initializer=None,
                                  regularizer=None, trainable=None, collections=None,
                                  caching_device=None, partitioner=None, validate_shape=True,
                                  use_resource=None, constraint=None):
        if (partitioner or self._partitioner) is None:
            raise ValueError("No partitioner was specified")
        return self.get_variable(
            var_store, name, shape, dtype, initializer, regularizer, None, trainable, collections,
            caching_device, partitioner, validate_shape, use_resource, constraint=constraint)


_VariableScope = VariableScope


class _VariableScopeStore(threading.local):
    """The current scope of a graph in this thread, and how often scopes of a name were opened."""

    def __init__(self):
        self.variable_scopes_count = {}
        self.current_scope = VariableScope(False)

    def open_variable_scope(self, name):
        self.variable_scopes_count[name] = self.variable_scopes_count.get(name, 0) + 1

    def close_variable_subscopes(self, name):
        inner = name + "/" if name else ""
        for key in [k for k in self.variable_scopes_count if k.startswith(inner) or not name]:
            if key != name or not name:
                self.variable_scopes_count[key] = 0

    def variable_scope_count(self, name):
        return self.variable_scopes_count.get(name, 0)


def _only(key, make):
    """The one member of a collection of the default graph."""
    found = ops.get_collection_ref(key)
    if not found:
        found.append(make())
    return found[0]


def get_variable_scope_store():
    """The current scope and its counts, of the default graph."""
    return _only(_VARSCOPESTORE_KEY, _VariableScopeStore)


def get_variable_scope():
    """The current variable scope."""
    return get_variable_scope_store().current_scope


def _get_default_variable_store():
    return _only(_VARSTORE_KEY, variable_store._VariableStore)


def get_variable(name, shape=None, dtype=None, initializer=None, regularizer=None, trainable=None,
                 collections=None, caching_device=None, partitioner=None, validate_shape=True,
                 use_resource=None, custom_getter=None, constraint=None, synchronization=None,
                 aggregation=None):
    """The variable `name` of the current variable scope: a new one, or the one that is there where
    the scope shares. `initializer` is a function of shape and dtype, or a value."""
    return get_variable_scope().get_variable(
        _get_default_variable_store(), name, shape=shape, dtype=dtype, initializer=initializer,
        regularizer=regularizer, trainable=trainable, collections=collections,
        caching_device=caching_device, partitioner=partitioner, validate_shape=validate_shape,
        use_resource=use_resource, custom_getter=custom_getter, constraint=constraint)


def get_local_variable(name, shape=None, dtype=None, initializer=None, regularizer=None,
                       trainable=False, collections=None, caching_device=None, partitioner=None,
                       validate_shape=True, use_resource=None, custom_getter=None, constraint=None,
                       synchronization=None, aggregation=None):
    """get_variable() for a local variable: it is not trained and not saved."""
    collections = list(collections or ()) + [ops.GraphKeys.LOCAL_VARIABLES]
    return get_variable(name, shape, dtype, initializer, regularizer, False, collections,
                        caching_device, partitioner, validate_shape, use_resource, custom_getter,
                        constraint)


def _get_partitioned_variable(name, shape=None, dtype=None, initializer=None, regularizer=None,
                              trainable=None, collections=None, caching_device=None,
                              partitioner=None, validate_shape=True, use_resource=None,
                              constraint=None):
    return get_variable_scope()._get_partitioned_variable(
        _get_default_variable_store(), name, shape, dtype, initializer, regularizer, trainable,
        collections, caching_device, partitioner, validate_shape, use_resource, constraint)


def _maybe_wrap_custom_getter(custom_getter, old_getter):
    """A getter inside of another one."""
    if old_getter is None:
        return custom_getter

    def wrapped(getter, *args, **kwargs):
        return custom_getter(functools.partial(old_getter, getter), *args, **kwargs)
    return wrapped


_SETTINGS = ("initializer", "regularizer", "caching_device", "partitioner", "dtype",
             "use_resource", "constraint")


class _pure_variable_scope:
    """A variable scope without a name scope."""

    def __init__(self, name_or_scope, reuse=None, initializer=None, regularizer=None,
                 caching_device=None, partitioner=None, custom_getter=None, old_name_scope=None,
                 dtype=dtypes.float32, use_resource=None, constraint=None):
        self._name_or_scope, self._reuse, self._getter = name_or_scope, reuse, custom_getter
        self._old_name_scope = old_name_scope
        self._given = dict(initializer=initializer, regularizer=regularizer,
                           caching_device=caching_device, partitioner=partitioner, dtype=dtype,
                           use_resource=use_resource, constraint=constraint)
        self._opened = []

    def __enter__(self):
        store = get_variable_scope_store()
        old, given = store.current_scope, self._name_or_scope
        if isinstance(given, VariableScope):
            model, name, name_scope = given, given.name, given.original_name_scope
            reuse = self._reuse or given.reuse
            if self._reuse is not None and not self._reuse and given.reuse is not True:
                reuse = self._reuse
        else:
            model, name_scope = old, given
            name = old.name + "/" + given if old.name else given
            reuse = self._reuse or old.reuse  # sharing goes on in inner scopes
        if self._old_name_scope is not None:
            name_scope = self._old_name_scope
        made = VariableScope(reuse, name, name_scope=name_scope, custom_getter=model.custom_getter)
        for setting in _SETTINGS:
            value = self._given[setting]
            setattr(made, "_" + setting, getattr(model, setting) if value is None else value)
        if self._getter is not None:
            made._custom_getter = _maybe_wrap_custom_getter(self._getter, model.custom_getter)
        counts = copy.copy(store.variable_scopes_count)
        store.open_variable_scope(name)
        store.current_scope = made
        self._opened.append((store, old, name, counts))
        return made

    def __exit__(self, *unused):
        store, old, name, counts = self._opened.pop()
        if isinstance(self._name_or_scope, VariableScope):
            store.variable_scopes_count = counts
        else:
            store.close_variable_subscopes(name)
        store.current_scope = old


def _get_unique_variable_scope(prefix):
    """A name for a new scope in the current one that none was opened with yet."""
    store = get_variable_scope_store()
    outer = store.current_scope.name
    name = outer + "/" + prefix if outer else prefix
    if store.variable_scope_count(name) == 0:
        return prefix
    number = 1
    while store.variable_scope_count("%s_%d" % (name, number)) > 0:
        number += 1
    return "%s_%d" % (prefix, number)


class variable_scope:
    """`with variable_scope("a"):` names of variables made by get_variable() inside begin with
    "a/"; so do those of operations. A scope object opens the scope that it is anew.
    `default_name` is made unique, where no name is given; `reuse` is True, False, AUTO_REUSE, or
    None for what holds outside; the others are defaults for get_variable()."""

    def __init__(self, name_or_scope, default_name=None, values=None, initializer=None,
                 regularizer=None, caching_device=None, partitioner=None, custom_getter=None,
                 reuse=None, dtype=None, use_resource=None, constraint=None,
                 auxiliary_name_scope=True):
        if default_name is None and name_or_scope is None:
            raise TypeError("If default_name is None then name_or_scope is required")
        if name_or_scope is not None and not isinstance(name_or_scope, (str, VariableScope)):
            raise TypeError("VariableScope: name_or_scope must be a string or VariableScope.")
        if not isinstance(auxiliary_name_scope, bool):
            raise TypeError("The auxiliary_name_scope must be `True` or `False`, while get %s"
                            % auxiliary_name_scope)
        if reuse is False:  # as None: sharing is inherited
            reuse = None
        if name_or_scope is None and reuse:
            raise ValueError("reuse=True cannot be used without a name_or_scope")
        self._name_or_scope, self._default_name = name_or_scope, default_name
        self._values, self._with_name_scope = values, auxiliary_name_scope
        self._settings = dict(reuse=reuse, initializer=initializer, regularizer=regularizer,
                              caching_device=caching_device, partitioner=partitioner,
                              custom_getter=custom_getter, dtype=dtype, use_resource=use_resource,
                              constraint=constraint)
        self._opened = []

    def __enter__(self):
        opened = []
        self._opened.append(opened)
        try:
            if self._values is not None:
                graph = ops._get_graph_from_inputs(list(self._values))
                if graph is not ops.get_default_graph():
                    self._open(opened, graph.as_default())
            return self._enter_scope(opened)
        except BaseException:
            self.__exit__()
            raise

    @staticmethod
    def _open(opened, block):
        value = block.__enter__()
        opened.append(block)
        return value

    def _enter_scope(self, opened):
        given = self._name_or_scope
        short = self._default_name if given is None else \
            given if isinstance(given, str) else given.name.rpartition("/")[2]
        name_scope = None
        if self._with_name_scope:
            if short:
                name_scope = self._open(opened, ops.name_scope(short))
        else:
            name_scope = ops.get_name_scope()
            name_scope += "/" if name_scope else ""
        if given is None:
            given = _get_unique_variable_scope(self._default_name)
        if isinstance(given, VariableScope) and self._with_name_scope:
            name_scope = given.original_name_scope
        return self._open(opened, _pure_variable_scope(
            given, old_name_scope=name_scope, **self._settings))

    def __exit__(self, *unused):
        opened = self._opened.pop()
        while opened:
            opened.pop().__exit__(*unused)


def variable_op_scope(values, name_or_scope, default_name=None, initializer=None, regularizer=None,
                      caching_device=None, partitioner=None, custom_getter=None, reuse=None,
                      dtype=None, use_resource=None, constraint=None):
    """The older way to write variable_scope(name_or_scope, default_name, values)."""
    return variable_scope(
        name_or_scope, default_name, values, initializer, regularizer, caching_device, partitioner,
        custom_getter, reuse, dtype, use_resource, constraint)


class variable_creator_scope:
    """A block in which variables are made by `creator(next_creator, **kwargs)`."""

    def __init__(self, variable_creator):
        self._creator = variable_creator

    def __enter__(self):
        self._graph = ops.get_default_graph()
        self._graph._variable_creators = getattr(self._graph, "_variable_creators", ()) + (
            self._creator,)

    def __exit__(self, *unused):
        self._graph._variable_creators = self._graph._variable_creators[:-1]


variable_creator_scope_v1 = variable_creator_scope


def variable(initial_value=None, **kwargs):
    """A new variable, as the open creators make it."""
    return variables.Variable(initial_value, **kwargs)


def enable_resource_variables():
    """Accepted; variables are references here, whose reads are ordered by control
    dependencies."""


def disable_resource_variables():
    """Nothing: variables are references."""


def resource_variables_enabled():
    """False: variables are references."""
    return False

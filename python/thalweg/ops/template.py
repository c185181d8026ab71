# SPDX-License-Identifier: Apache-2.0
"""Templates: functions that make their variables at the first call and share them later."""
import functools

from thalweg.framework import ops
from thalweg.ops import variable_scope as scopes


def make_template(name_, func_, create_scope_now_=False, unique_name_=None, custom_getter_=None,
                  **kwargs):
    """A Template of a function, some of whose arguments may be given at once by keyword. Its scope
    has the name `name_`, made unique, or `unique_name_`."""
    if kwargs:
        func_ = functools.partial(func_, **kwargs)
    return Template(name_, func_, create_scope_now_, unique_name_, custom_getter_)


class Template:
    """A function whose variables are made at its first call and shared by all later ones."""

    def __init__(self, name, func, create_scope_now=False, unique_name=None, custom_getter=None):
        if name is None:
            raise ValueError("name cannot be None.")
        self._func, self._name, self._unique_name = func, name, unique_name
        self._custom_getter, self._scope = custom_getter, None
        self._variables_created = False
        self._first_call = True
        if create_scope_now:
            with scopes._pure_variable_scope(
                    unique_name or scopes._get_unique_variable_scope(name),
                    custom_getter=custom_getter) as scope:
                self._scope = scope

    def __call__(self, *args, **kwargs):
        first, self._first_call = self._first_call, False
        if self._scope is not None:
            with scopes.variable_scope(self._scope, reuse=not first):
                return self._call_func(args, kwargs)
        with scopes.variable_scope(self._unique_name, self._name,
                                   custom_getter=self._custom_getter) as scope:
            self._scope = scope
            return self._call_func(args, kwargs)

    def _call_func(self, args, kwargs):
        trainable = ops.get_collection_ref(ops.GraphKeys.TRAINABLE_VARIABLES)
        before = len(trainable)
        result = self._func(*args, **kwargs)
        if self._variables_created and len(trainable) != before:
            raise ValueError(
                "New trainable variable created when calling a template after the first time, "
                "perhaps you used tf.Variable when you meant tf.get_variable: %s"
                % (trainable[before:],))
        self._variables_created = True
        return result

    name = property(lambda self: self._name)
    func = property(lambda self: self._func)
    variable_scope = property(lambda self: self._scope,
                              doc="The scope of its variables; None before the first call.")
    var_scope = variable_scope

    @property
    def variable_scope_name(self):
        """The name of that scope."""
        name = self._scope.name if self._scope is not None else None
        return name[:-1] if name and name.endswith("/") else name

    def _listed(self, key):
        return self._scope.get_collection(key) if self._scope is not None else []

    @property
    def variables(self):
        """Its global and local variables."""
        return self.global_variables + self.local_variables

    weights = variables

    @property
    def trainable_variables(self):
        return self._listed(ops.GraphKeys.TRAINABLE_VARIABLES)

    trainable_weights = trainable_variables

    @property
    def global_variables(self):
        return self._listed(ops.GraphKeys.GLOBAL_VARIABLES)

    @property
    def local_variables(self):
        return self._listed(ops.GraphKeys.LOCAL_VARIABLES)

    @property
    def non_trainable_variables(self):
        trained = {id(v) for v in self.trainable_variables}
        return [v for v in self.variables if id(v) not in trained]

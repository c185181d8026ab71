# SPDX-License-Identifier: Apache-2.0
"""Default arguments for functions, in a `with` block: arg_scope([conv2d], padding="SAME")."""
import contextlib
import functools
import threading

_stack = threading.local()


def _scopes():
    if not hasattr(_stack, "scopes"):
        _stack.scopes = [{}]
    return _stack.scopes


def current_arg_scope():
    """{key of a function: its default arguments}"""
    return _scopes()[-1]


def arg_scope_func_key(op):
    """What stands for a function in a scope."""
    return getattr(op, "_key_op", str(op))


_key = arg_scope_func_key


def has_arg_scope(func):
    """Whether a function takes default arguments from scopes."""
    return hasattr(func, "_key_op")


@contextlib.contextmanager
def arg_scope(list_ops_or_scope, **kwargs):
    """In the block the functions listed have the arguments given as defaults; or a scope that was
    kept (`with arg_scope(...) as kept`) holds again."""
    if isinstance(list_ops_or_scope, dict):
        if kwargs:
            raise ValueError("When attempting to re-use a scope by suppling a dictionary, kwargs "
                             "must be empty.")
        made = list_ops_or_scope.copy()
    else:
        if not isinstance(list_ops_or_scope, (list, tuple)):
            raise TypeError("list_ops_or_scope must either be a list/tuple or reused scope (i.e. "
                            "dict)")
        made = current_arg_scope().copy()
        for op in list_ops_or_scope:
            key = arg_scope_func_key(op)
            if not has_arg_scope(op):
                raise ValueError("%s is not decorated with @add_arg_scope" % (key,))
            made[key] = dict(made.get(key, {}), **kwargs)
    _scopes().append(made)
    try:
        yield made
    finally:
        _scopes().pop()


def add_arg_scope(func):
    """A function that takes what a scope says for arguments that are not given."""
    key = (func.__module__, func.__name__)

    @functools.wraps(func)
    def call(*args, **kwargs):
        defaults = current_arg_scope().get(key)
        if defaults:
            kwargs = dict(defaults, **kwargs)
        return func(*args, **kwargs)
    call._key_op = key
    return call


def arg_scoped_arguments(func):
    """The names of the arguments that scopes may give."""
    import inspect
    signature = inspect.signature(func)
    return [n for n, p in signature.parameters.items() if p.default is not inspect.Parameter.empty]

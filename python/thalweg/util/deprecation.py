# SPDX-License-Identifier: Apache-2.0
"""What programs mark as deprecated in their own code. Nothing is said at run time; the note stands
in the documentation of what is marked."""
import contextlib


def _noted(date, instructions):
    def mark(thing):
        when = "in a future version" if date is None else "after " + date
        thing.__doc__ = "%s\n\nDeprecated; to be removed %s. %s" % (
            (thing.__doc__ or "").rstrip(), when, instructions)
        return thing
    return mark


def deprecated(date, instructions, warn_once=True):
    """A decorator for a function or class that is to go."""
    del warn_once
    return _noted(date, instructions)


def deprecated_args(date, instructions, *names, **options):
    """A decorator for a function some arguments of which are to go."""
    del names, options
    return _noted(date, instructions)


def deprecated_arg_values(date, instructions, warn_once=True, **values):
    """A decorator for a function that is to take some values no more."""
    del warn_once, values
    return _noted(date, instructions)


def deprecated_endpoints(*names):
    """A decorator for what has other names that are to go."""
    del names
    return lambda thing: thing


def deprecated_alias(deprecated_name, name, func_or_class, warn_once=True):
    """The thing itself, under a name that is to go."""
    del deprecated_name, name, warn_once
    return func_or_class


def deprecated_argument_lookup(new_name, new_value, old_name, old_value):
    """The value of an argument that may be given under either of two names."""
    if old_value is None:
        return new_value
    if new_value is not None:
        raise ValueError("Cannot specify both '%s' and '%s'" % (old_name, new_name))
    return old_value


def rewrite_argument_docstring(old_doc, old_argument, new_argument):
    """A docstring with another name for an argument."""
    return old_doc.replace("`%s`" % old_argument, "`%s`" % new_argument).replace(
        "%s:" % old_argument, "%s:" % new_argument)


@contextlib.contextmanager
def silence():
    """A block in which nothing is said of what is deprecated."""
    yield

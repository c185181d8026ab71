# SPDX-License-Identifier: Apache-2.0
"""Functions and classes that are called with their arguments in an older order, or under older
names, as levels_orders.py says."""
import functools
import inspect

_made = {}  # (function or class, words): what stands for it


def in_order(thing, words):
    """A function, or class, called as `words` of a row say."""
    key = thing, words
    if key not in _made:
        arrange = _arranger(thing, words)
        made = standing_for(thing, lambda args, kwargs: (thing, (), arrange(args, kwargs))) \
            if isinstance(thing, type) else _function(thing, arrange)
        try:
            made.__signature__ = _signature(thing, words)
        except ValueError:  # one without a default behind one with: the newest order is shown
            pass
        _made[key] = made
    return _made[key]


def _renamed(words):
    """{older name: newest name}"""
    return dict(word.split("=") for word in words.split() if "=" in word)


def positions(thing, words):
    """The arguments of an older call by position, under their newest names."""
    split = words.split()
    if all(word[0] == "-" or "=" in word for word in split):
        return [p.name for p in inspect.signature(thing).parameters.values()
                if p.kind is p.POSITIONAL_OR_KEYWORD and "-" + p.name not in split]
    return [word.partition("=")[2] or word for word in split]


def _arranger(thing, words):
    """(args, kwargs) of an older call -> all arguments by their newest names."""
    order, renamed = positions(thing, words), _renamed(words)

    def arrange(args, kwargs):
        if len(args) > len(order):
            raise TypeError("%s() takes %d positional arguments but %d were given"
                            % (thing.__name__, len(order), len(args)))
        found = {renamed.get(name, name): value for name, value in kwargs.items()}
        for name, value in zip(order, args):
            if name in found:
                raise TypeError("%s() got multiple values for argument '%s'"
                                % (thing.__name__, name))
            found[name] = value
        return found
    return arrange


def _function(thing, arrange):
    @functools.wraps(thing)
    def call(*args, **kwargs):
        return thing(**arrange(args, kwargs))
    return call


def _signature(thing, words):
    """The signature of an older call."""
    older = {new: old for old, new in _renamed(words).items()}
    parameters = inspect.signature(thing).parameters
    return inspect.Signature([parameters[name].replace(name=older.get(name, name))
                              for name in positions(thing, words)])


def standing_for(new, choose):
    """A class that stands for another one. Its calls go to what choose(args, kwargs) says: (what to
    call, its args, its kwargs)."""
    class Stands(type(new)):
        def __call__(cls, *args, **kwargs):
            if cls is not stands:
                return super().__call__(*args, **kwargs)
            target, args, kwargs = choose(args, kwargs)
            return target(*args, **kwargs)

        def __instancecheck__(cls, thing):
            return isinstance(thing, new) if cls is stands else super().__instancecheck__(thing)

        def __subclasscheck__(cls, kind):
            return issubclass(kind, new) if cls is stands else super().__subclasscheck__(kind)
    stands = None  # a subclass is being made
    stands = Stands(new.__name__, (new,), {"__doc__": new.__doc__, "__module__": new.__module__,
                                           "__qualname__": new.__qualname__})
    return stands

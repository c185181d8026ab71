# SPDX-License-Identifier: Apache-2.0
"""Tables of functions by name, each with the line that filled it."""
import sys


class Registry:
    """Things by name; a name can be given once."""

    def __init__(self, name):
        self._name = name
        self._registry = {}

    def register(self, candidate, name=None):
        """Puts `candidate` there under its own name or another; KeyError if the name is taken."""
        if not name:
            name = candidate.__name__
        if name in self._registry:
            raise KeyError("Registering two %s with name '%s' !(Previous registration was in %s:%d)"
                           % (self._name, name, *self._registry[name][1]))
        frame = sys._getframe(1)
        while frame.f_back and frame.f_globals.get("__name__", "").startswith("thalweg."):
            frame = frame.f_back
        self._registry[name] = candidate, (frame.f_code.co_filename, frame.f_lineno)

    def list(self):
        """All names."""
        return list(self._registry)

    def lookup(self, name):
        """What was registered under a name; LookupError if nothing was."""
        found = self._registry.get(name)
        if found is None:
            raise LookupError("%s registry has no entry for: %s" % (self._name, name))
        return found[0]

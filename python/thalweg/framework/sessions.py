# SPDX-License-Identifier: Apache-2.0
"""The default session of a thread, and what `tensor.eval()` and `operation.run()` do with it."""
import threading


class _DefaultStack(threading.local):
    """The default sessions of this thread, innermost last."""

    def __init__(self):
        self.stack = []
        self._enforce_nesting = True

    @property
    def enforce_nesting(self):
        return self._enforce_nesting

    @enforce_nesting.setter
    def enforce_nesting(self, value):
        self._enforce_nesting = value

    def get_default(self):
        return self.stack[-1] if self.stack else None

    def is_cleared(self):
        return not self.stack

    def reset(self):
        self.stack = []

    def get_controller(self, default):
        return SessionBlock(self, default)


class SessionBlock:
    """The session is the default one inside."""

    def __init__(self, stack, session):
        self._stack, self._session = stack, session
        self.enforce_nesting = True

    def __enter__(self):
        self._stack.stack.append(self._session)
        return self._session

    def __exit__(self, *unused):
        stack = self._stack.stack
        if self._session not in stack:
            return
        nested = stack[-1] is self._session
        for at in range(len(stack) - 1, -1, -1):
            if stack[at] is self._session:
                del stack[at]
                break
        if self.enforce_nesting and not nested:
            raise AssertionError("Nesting violated for default stack of %s objects"
                                 % type(self._session))


_default_session_stack = _DefaultStack()


def default_session(session):
    """A block in which `session` is the default one of this thread."""
    return SessionBlock(_default_session_stack, session)


def get_default_session():
    """The default session of this thread, or None."""
    return _default_session_stack.get_default()


def _session_for(graph, session, what, call):
    if session is None:
        session = get_default_session()
        if session is None:
            raise ValueError("Cannot %s using `%s`: No default session is registered. Use `with "
                             "%s` or pass an explicit session to `%s(session=sess)`"
                             % (what, call,
                                "sess.as_default()" if call == "eval()" else
                                "default_session(sess)", call[:-2]))
        if session.graph is not graph:
            raise ValueError(
                "Cannot use the default session to %s: the %s's graph is different from the "
                "session's graph. Pass an explicit session to `%s(session=sess)`."
                % (what, "tensor" if call == "eval()" else "operation", call[:-2]))
    elif session.graph is not graph:
        raise ValueError("Cannot use the given session to %s: the %s's graph is different from "
                         "the session's graph."
                         % (what, "tensor" if call == "eval()" else "operation"))
    return session


def eval_using_default_session(tensors, feed_dict, graph, session=None):
    """The values of tensors of a graph in `session` or the default one."""
    return _session_for(graph, session, "evaluate tensor", "eval()").run(tensors, feed_dict)


def run_using_default_session(operation, feed_dict, graph, session=None):
    """Runs an operation of a graph in `session` or the default one."""
    _session_for(graph, session, "execute operation", "run()").run(operation, feed_dict)

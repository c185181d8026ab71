# SPDX-License-Identifier: Apache-2.0
"""Sessions run parts of a graph and own its variables' values. `run` itself is written in C, and
calls `_run_slow` for everything that is not a few tensors, and for everything that goes wrong with
a feed."""
import json
import os
import threading

import numpy as np

from thalweg import _core
from thalweg.client import fetching
from thalweg.client.fetching import register_session_run_conversion_functions  # noqa: F401
from thalweg.compat import behaviour
from thalweg.framework import errors, ops

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=lambda: _core.set_main_thread(threading.get_ident()))
_core.set_main_thread(threading.main_thread().ident)

_FULL_TRACE = 3  # RunOptions.FULL_TRACE


class _NoSessionFactory(errors.NotFoundError, RuntimeError):
    """A target that no session can be made for: a NotFoundError, in old programs a RuntimeError."""


class SessionInterface:
    """What a session has, whatever it is made of."""

    @property
    def graph(self):
        """The graph that is run."""
        raise NotImplementedError("graph")

    @property
    def sess_str(self):
        """What the session is connected to."""
        raise NotImplementedError("sess_str")

    def run(self, fetches, feed_dict=None, options=None, run_metadata=None):
        """Runs what is needed for `fetches` and gives their values."""
        raise NotImplementedError("run")

    def partial_run_setup(self, fetches, feeds=None):
        """Prepares a run in parts."""
        raise NotImplementedError("partial_run_setup")

    def partial_run(self, handle, fetches, feed_dict=None):
        """Goes on with a run in parts."""
        raise NotImplementedError("partial_run")


def _config_value(config, name):
    value = getattr(config, name, 0) if config is not None else 0
    return value if isinstance(value, int) and value > 0 else 0


class BaseSession(_core.Session):
    """A session of one graph, without a context manager of its own."""

    def __init__(self, target="", graph=None, config=None):
        if graph is None:
            graph = ops.get_default_graph()
        elif not isinstance(graph, ops.Graph):
            raise TypeError("graph must be a tf.Graph, but got %s" % type(graph))
        if not isinstance(target, (str, bytes)):
            raise TypeError("target must be a string, but got %s" % type(target))
        if config is not None and not hasattr(config, "intra_op_parallelism_threads"):
            raise TypeError("config must be a tf.ConfigProto, but got %s" % type(config))
        self._target = target
        if target not in ("", b"", "local", b"local"):
            raise _NoSessionFactory(None, None, "No session factory registered for the given "
                                                "session options: {target: %r}" % (target,))
        self._config = config
        self._closed = False
        self._timeout = _config_value(config, "operation_timeout_in_ms")
        self._partial_runs, self._partial_runs_made = {}, 0
        loose = behaviour.checked_feeds != "all"
        self._open(graph, _config_value(config, "intra_op_parallelism_threads"), loose)

    def close(self):
        """Ends the session; runs of other threads end at their next step."""
        self._closed = True
        self._partial_runs.clear()
        self._close()

    @property
    def graph_def(self):
        """The graph as a GraphDef."""
        return self.graph.as_graph_def()

    @property
    def sess_str(self):
        """What the session is connected to: nothing but this process."""
        return self._target

    def as_default(self):
        """A block in which `eval()` and `run()` use this session; it stays open afterwards."""
        return ops.default_session(self)

    def list_devices(self):
        """The devices that operations run on."""
        return [_DeviceAttributes("/job:localhost/replica:0/task:0/device:CPU:0", "CPU")]

    # ---- the slow way of run ----

    def _check_usable(self):
        if self._closed:
            raise RuntimeError("Attempted to use a closed Session.")
        if self.graph._operation_count() == 0:
            raise RuntimeError("The Session graph is empty.  Add operations to the graph before "
                               "calling run().")

    def _fed_tensor(self, key):
        try:
            return self.graph.as_graph_element(key, allow_tensor=True, allow_operation=False)
        except Exception as error:
            text = error.args[0] if error.args else error
            raise TypeError("Cannot interpret feed_dict key as Tensor: %s" % text) from None

    def _check_fed(self, tensor, value):
        """Says in TensorFlow's words what is wrong with a fed value, if it is that."""
        if isinstance(value, (ops.Tensor, ops.Operation)):
            raise TypeError(
                "The value of a feed cannot be a tf.Tensor object. Acceptable feed values include "
                "Python scalars, strings, lists, numpy ndarrays, or TensorHandles. For reference, "
                "the tensor object was %s which was passed to the feed with key %s."
                % (value, tensor))
        wanted = tensor.dtype.as_numpy_dtype
        if isinstance(value, int) and not isinstance(value, bool) and wanted is not object:
            _check_integer(value, wanted)
        made = " | made at %s:%d" % tensor.op._where if tensor.op._where else ""
        try:
            array = np.asarray(value, dtype=wanted)
        except (TypeError, ValueError, NotImplementedError) as error:
            kind = ValueError if isinstance(error, NotImplementedError) else type(error)
            raise kind("%s | fed to Tensor %r of type %s and shape %s%s" % (
                error, tensor.name, tensor.dtype.name, tensor.get_shape(), made)) from None
        if not self._is_fed_shape(tensor, array.shape):
            raise ValueError("Cannot feed value of shape %r for Tensor %r, which has shape %r%s"
                             % (array.shape, tensor.name, str(tensor.get_shape()), made))

    @staticmethod
    def _is_fed_shape(tensor, shape):
        """At old levels only placeholders are held to the shape that they declare."""
        if behaviour.checked_feeds != "all" \
                and not tensor.op.type.startswith("Placeholder"):
            return True
        return tensor.get_shape().is_compatible_with(shape)

    def _feeds(self, feed_dict):
        """Two lists: tensors, each once, and their values."""
        fed = {}
        graph = self.graph
        for key, value in fetching.feed_pairs(feed_dict) if feed_dict else ():
            known = isinstance(key, ops.Tensor) and key.graph is graph
            tensor = key if known else self._fed_tensor(key)
            if not graph.is_feedable(tensor):
                raise ValueError("Tensor %s may not be fed." % tensor)
            fed[tensor] = value
        return list(fed), list(fed.values())

    def _with_feeds_explained(self, run, feeds, *arguments):
        """run(*arguments); where that fails because of a fed value, the error is about that."""
        try:
            return run(*arguments)
        except Exception as error:
            failed = error
        for tensor, value in feeds:
            self._check_fed(tensor, value)
        raise failed

    def _explain_feeds(self, feeds, values):
        """Raises what is wrong with the values that a callable was called with, if that is so."""
        for tensor, value in zip(feeds, values):
            self._check_fed(tensor, value)

    def _run_slow(self, fetches, feed_dict, options, run_metadata):
        """A run of anything; `run` in C calls it for what it does not know yet."""
        self._check_usable()
        _check_options(options, run_metadata)
        if feed_dict is not None and not hasattr(feed_dict, "items"):
            list(fetching.feed_pairs(feed_dict))
        fetches = fetching.Fetches(self.graph, fetches)
        feeds, values = self._feeds(feed_dict)
        timeout = getattr(options, "timeout_in_ms", 0) or self._timeout
        traced = run_metadata is not None and getattr(options, "trace_level", 0) == _FULL_TRACE
        if not fetches.elements:
            return fetches.rebuild([])
        results = self._with_feeds_explained(self._run_flat, zip(feeds, values), fetches.elements,
                                             feeds, values, timeout, traced)
        if traced:
            results, trace = results
            _fill_metadata(run_metadata, json.loads(trace))
        return fetches.rebuild(results)

    # ---- other ways to run ----

    def make_callable(self, fetches, feed_list=None, accept_options=False):
        """A function that runs `fetches` and takes the values of `feed_list` by position."""
        self._check_usable()
        if feed_list is not None and not isinstance(feed_list, (list, tuple)):
            raise TypeError("`feed_list` must be a list or tuple.")
        feeds = [self._fed_tensor(key) for key in feed_list or ()]
        for tensor in feeds:
            if not self.graph.is_feedable(tensor):
                raise ValueError("Tensor %s may not be fed." % tensor)
        flat = fetching.Fetches(self.graph, fetches)
        if accept_options:
            return self._callable_with_options(flat, feeds)
        if isinstance(fetches, (ops.Tensor, ops.Operation)):
            return _core.Callable(self, flat.elements, feeds, 0)
        if type(fetches) in (list, tuple) and flat.elements == list(fetches):
            return _core.Callable(self, flat.elements, feeds, 1 if type(fetches) is list else 2)
        call = _core.Callable(self, flat.elements, feeds, 1)
        return lambda *values: flat.rebuild(call(*values))

    def _callable_with_options(self, flat, feeds):
        def call(*values, options=None, run_metadata=None):
            if len(values) != len(feeds):
                raise ValueError("Expected %d values to feed, got %d." % (len(feeds), len(values)))
            _check_options(options, run_metadata)
            timeout = getattr(options, "timeout_in_ms", 0) or self._timeout
            traced = run_metadata is not None and getattr(options, "trace_level", 0) == _FULL_TRACE
            results = self._with_feeds_explained(self._run_flat, zip(feeds, values), flat.elements,
                                                 feeds, list(values), timeout, traced)
            if traced:
                results, trace = results
                _fill_metadata(run_metadata, json.loads(trace))
            return flat.rebuild(results)
        return call

    def partial_run_setup(self, fetches, feeds=None):
        """Prepares a run whose feeds and fetches come in parts; gives a handle for partial_run."""
        self._check_usable()
        keys = [self._fed_tensor(key) for key in fetching.feed_keys(feeds)]
        flat = fetching.Fetches(self.graph, fetches)
        if not flat.elements:
            raise errors.InvalidArgumentError(
                None, None, "specify at least one target to fetch or execute.")
        run = _PartialRun(_core.PartialRun(self, flat.elements, keys), flat.elements, keys)
        self._partial_runs_made += 1
        handle = "partial_run_%d" % self._partial_runs_made
        self._partial_runs[handle] = run
        return handle

    def partial_run(self, handle, fetches, feed_dict=None):
        """Feeds and fetches some of what partial_run_setup was told, each once."""
        self._check_usable()
        run = self._partial_runs.get(handle)
        if run is None:
            raise errors.InvalidArgumentError(
                None, None, "Must run 'setup' before performing partial runs!")
        flat = fetching.Fetches(self.graph, fetches)
        feeds, values = self._feeds(feed_dict)
        run.take(flat.elements, feeds)
        results = self._with_feeds_explained(
            run.core.run, zip(feeds, values), flat.elements, feeds, values)
        if run.done():
            self._partial_runs.pop(handle, None)
        return flat.rebuild(results)


def _check_options(options, run_metadata):
    if options is not None and not hasattr(options, "timeout_in_ms"):
        raise TypeError("options must be a tf.RunOptions, but got %r" % (options,))
    if run_metadata is not None and not hasattr(run_metadata, "step_stats"):
        raise TypeError("run_metadata must be a tf.RunMetadata, but got %r" % (run_metadata,))


def _check_integer(value, wanted):
    """A number that the tensor's type would change is a mistake of the program."""
    if np.issubdtype(wanted, np.integer):
        limits = np.iinfo(wanted)
        same = limits.min <= value <= limits.max
    else:
        try:
            same = wanted(value) == value
        except OverflowError:
            same = False
    if not same:
        raise TypeError(
            "Type of feed value %s with type %s is not compatible with Tensor type %s. Try "
            "explicitly setting the type of the feed tensor to a larger type (e.g. int64)."
            % (value, type(value), wanted))


class _PartialRun:
    """What a run in parts may still feed and fetch."""

    def __init__(self, core, fetches, feeds):
        self.core = core
        self._fetches = dict.fromkeys(fetches, False)
        self._feeds = dict.fromkeys(feeds, False)

    @staticmethod
    def _mark(states, items, what):
        for item in items:
            if item not in states:
                raise errors.InvalidArgumentError(
                    None, None, "%s was not specified in partial_run_setup." % item.name)
            if states[item]:
                raise errors.InvalidArgumentError(
                    None, None, "%s has already been %s." % (item.name, what))
        for item in items:
            states[item] = True

    def take(self, fetches, feeds):
        self._mark(self._feeds, feeds, "fed")
        self._mark(self._fetches, fetches, "fetched")

    def done(self):
        """Whether nothing is left to feed or fetch."""
        return all(self._fetches.values()) and all(self._feeds.values())


class _DeviceAttributes:
    """A device as list_devices gives it."""

    def __init__(self, name, device_type):
        self.name, self.device_type = name, device_type
        self.memory_limit_bytes = 0

    def __repr__(self):
        return "_DeviceAttributes(%s, %s, %d)" % (self.name, self.device_type,
                                                  self.memory_limit_bytes)


def _fill_metadata(metadata, trace):
    """A trace of ours as RunMetadata.step_stats."""
    device = metadata.step_stats.dev_stats.add()
    device.device = "/job:localhost/replica:0/task:0/device:CPU:0"
    for event in trace.get("traceEvents", ()):
        node = device.node_stats.add()
        node.node_name = event["name"]
        node.all_start_micros = int(event["ts"])
        node.op_start_rel_micros = 0
        node.op_end_rel_micros = node.all_end_rel_micros = max(1, int(event["dur"]))
        node.timeline_label = "%s = %s()" % (event["name"], event["cat"])


class Session(BaseSession):
    """Runs parts of a graph: `with tf.Session() as sess: sess.run(...)`.

    target: "" (this process is all there is); graph: the default graph; config: a ConfigProto."""

    def __init__(self, target="", graph=None, config=None):
        super().__init__(target, graph, config)
        self._entered = None

    def __enter__(self):
        if self._entered is not None:
            raise RuntimeError("Session context managers are not re-entrant. Use "
                               "`Session.as_default()` if you want to enter a session multiple "
                               "times.")
        blocks = self.graph.as_default(), self.as_default()
        blocks[0].__enter__()
        self._entered = blocks
        return blocks[1].__enter__()

    def __exit__(self, exec_type, exec_value, exec_tb):
        graph_block, session_block = self._entered
        self._entered = None
        try:
            session_block.__exit__(exec_type, exec_value, exec_tb)
            graph_block.__exit__(exec_type, exec_value, exec_tb)
        except RuntimeError as error:
            if error is not exec_value:
                raise
        self.close()

    @staticmethod
    def reset(target, containers=None, config=None):
        """Nothing is shared between sessions of different calls: there is nothing to reset."""


class InteractiveSession(BaseSession):
    """A session that is the default one from the start until it is closed."""

    def __init__(self, target="", graph=None, config=None):
        super().__init__(target, graph, config)
        self._graph_block = None
        if graph is not None:
            self._graph_block = graph.as_default()
            self._graph_block.enforce_nesting = False
            self._graph_block.__enter__()
        self._session_block = self.as_default()
        self._session_block.enforce_nesting = False
        self._session_block.__enter__()

    def close(self):
        """Ends the session and stops being the default one."""
        super().close()
        if self._graph_block is not None:
            self._graph_block.__exit__(None, None, None)
            self._graph_block = None
        if self._session_block is not None:
            self._session_block.__exit__(None, None, None)
            self._session_block = None


def explain(fetches, feeds=(), session=None):
    """Prints how a session runs `fetches` when `feeds` are fed: every step in order, its result's
    shape, where it lies, what was fused; gives the text."""
    session = session or ops.get_default_session()
    if session is None:
        graph = ops.get_default_graph()
        session = BaseSession(graph=graph)
    flat = fetching.Fetches(session.graph, fetches)
    text = session._explain(flat.elements, [session._fed_tensor(feed) for feed in feeds])
    print(text)
    return text

# SPDX-License-Identifier: Apache-2.0
"""fuzz_names.py LOG SEED CALLS [NAME ...]: calls public names, and methods of what they give, with
odd arguments. Any exception is an answer; the process must live on to say "done". Each call is
written to LOG before it is made, so that the last line names the one that ended the process."""
import inspect
import random
import resource
import signal
import sys
import types
import warnings

import numpy as np

import thalweg as tf
from thalweg import _api

MEMORY = 6 << 30  # bytes of address space: what asks for too much gets an error, not the machine
SECONDS = 3
# What ends the process, waits, changes files or what is the default, as it should.
LEFT_OUT = {"app.run", "test.main", "compat.install", "InteractiveSession", "gfile.Copy",
            "gfile.DeleteRecursively", "gfile.MakeDirs", "gfile.MkDir", "gfile.Remove",
            "gfile.Rename"}
METHODS_LEFT_OUT = {"__init_subclass__", "__subclasshook__", "__class__", "__reduce__", "wait",
                    "__reduce_ex__", "__new__", "__enter__", "__del__", "loop", "start_loop",
                    "join", "run_loop"}


class Odd:
    """An object whose special methods all go wrong."""

    def __len__(self):
        return -1

    def __iter__(self):
        raise RuntimeError("iter")

    def __array__(self, *args, **kwargs):
        raise RuntimeError("array")

    def __index__(self):
        raise RuntimeError("index")

    def __bool__(self):
        raise RuntimeError("bool")


def odd_values():
    """Functions that make the arguments; what belongs to a graph is made in the default one."""
    circle = []
    circle.append(circle)
    other = tf.Graph()
    with other.as_default():
        foreign = tf.constant(1.0, name="foreign")
    closed = tf.Session(graph=other)
    closed.close()
    plain = [None, True, -1, 0, 1, 2, 3, 7, 2 ** 31, 2 ** 63, 2 ** 70, -2 ** 63, 1.5, float("nan"),
             float("inf"), 1j, "", "a", "a:0", "a/b:1", "x" * 3000, "\ud800", b"", b"\x00\xff",
             (), [], [[]], [None], [[1], [2, 3]], [1, -1], [1 << 40, 1 << 40], circle, {}, {"a": 1},
             {1: circle}, set(), object(), Odd(), Odd, int, len, lambda *a: a, lambda: None,
             np.float32(2), np.zeros(0, np.float32), np.zeros((2, 3, 4)), np.array(["a", "b"]),
             np.array([1, None], object), np.zeros((2, 2), np.complex64), np.array(5, np.int8),
             np.broadcast_to(np.float32(1), (1 << 20, 1 << 20)), np.ones((4, 4))[::-2, ::3],
             np.zeros(3, [("a", "i4")]), np.datetime64("2020-01-01"), slice(None), Ellipsis,
             tf.float32, tf.string, tf.int32, tf.bool, tf.TensorShape(None), tf.TensorShape([None]),
             tf.TensorShape([2, 3]), tf.Dimension(None), other, foreign, foreign.op, closed]
    made = [lambda: tf.constant(1.0), lambda: tf.constant([[1, 2], [3, 4]]),
            lambda: tf.constant("text"), lambda: tf.placeholder(tf.float32),
            lambda: tf.placeholder(tf.float32, [None, 3]), lambda: tf.no_op(),
            lambda: tf.constant([True, False]), lambda: tf.zeros([2, 3, 4, 5]),
            lambda: tf.Variable([1.0, 2.0]), lambda: tf.get_default_graph(),
            lambda: tf.SparseTensor([[0, 1]], [1.0], [2, 3]),
            lambda: tf.IndexedSlices(tf.ones([2, 3]), tf.constant([0, 1])), lambda: tf.Session()]
    return plain, made


class Fuzzer:
    def __init__(self, log, seed):
        self.log, self.random = log, random.Random(seed)
        self.plain, self.made = odd_values()
        self.calls = self.answers = 0

    def value(self):
        if self.random.random() < 0.35:
            return self.random.choice(self.made)()
        value = self.random.choice(self.plain)
        return [value] * self.random.randrange(4) if self.random.random() < 0.15 else value

    def arguments(self, thing):
        """(positional, by name) for a callable."""
        try:
            parameters = list(inspect.signature(thing).parameters.values())
        except (TypeError, ValueError):
            return [self.value() for _ in range(self.random.randrange(5))], {}
        most = sum(p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in parameters)
        least = sum(p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD for p in parameters)
        given = [self.value() for _ in range(self.random.randint(least, max(least, min(most, 6))))]
        named = {p.name: self.value() for p in parameters[len(given):]
                 if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD)
                 and self.random.random() < 0.2}
        return given, named

    def call(self, name, thing):
        """One call; gives what it gave, None after an exception."""
        try:
            return self._call(name, thing)
        except TimeoutError:  # the alarm came while the call ended
            return None

    def _call(self, name, thing):
        with tf.Graph().as_default():
            try:
                given, named = self.arguments(thing)
            except Exception:
                return None
            self.log.write("%s %s %s\n" % (name, [shown(v) for v in given],
                                           {k: shown(v) for k, v in named.items()}))
            self.log.flush()
            self.calls += 1
            signal.alarm(SECONDS)
            try:
                result = thing(*given, **named)
                if isinstance(result, types.GeneratorType):
                    result = list(zip(range(3), result))
                repr(result)
                self.run(result)
                self.answers += 1
                return result
            except (Exception, SystemExit):
                return None
            finally:
                signal.alarm(0)

    def run(self, result):
        """Tensors and operations are run."""
        if isinstance(result, (tf.Tensor, tf.Operation)) and self.random.random() < 0.7:
            with tf.Session(graph=result.graph) as session:
                session.run(result)

    def methods(self, name, thing):
        """Odd calls of an object's own methods."""
        found = [n for n in dir(thing) if n not in METHODS_LEFT_OUT]
        for method in self.random.sample(found, min(len(found), 6)):
            try:
                bound = getattr(thing, method)
            except Exception:
                continue
            if callable(bound) and not inspect.isclass(bound):
                self.call("%s.%s" % (name, method), bound)


def shown(value):
    try:
        return repr(value)[:60]
    except Exception as error:
        return type(value).__name__ + " " + type(error).__name__


def public_callables():
    for namespace in ["", *_api.namespaces()]:
        for name in sorted(_api.table()[namespace]):
            full = ".".join(filter(None, (namespace, name)))
            if full not in LEFT_OUT and not full.startswith(("app.", "flags.", "gfile.", "test.")):
                try:
                    thing = _api.find(namespace, name)
                except (AttributeError, ImportError):
                    continue
                if callable(thing):
                    yield full, thing


def late(number, frame):
    raise TimeoutError("took too long")


def main():
    path, seed, calls = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    warnings.simplefilter("ignore")
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    signal.signal(signal.SIGALRM, late)
    with open(path, "w", encoding="utf-8", errors="backslashreplace") as log:
        fuzzer = Fuzzer(log, seed)
        for name, thing in public_callables():
            if sys.argv[4:] and name not in sys.argv[4:]:
                continue
            for _ in range(calls):
                result = fuzzer.call(name, thing)
                if result is not None and type(result).__module__.startswith("thalweg"):
                    fuzzer.methods(name + "()", result)
    print("done: %d calls, %d gave something" % (fuzzer.calls, fuzzer.answers))


if __name__ == "__main__":
    main()

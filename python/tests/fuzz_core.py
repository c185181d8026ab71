# SPDX-License-Identifier: Apache-2.0
"""fuzz_core.py LOG SEED CALLS: calls every function, type, method and attribute of `thalweg._core`
with odd arguments, CALLS times each. Exceptions are answers; a crash is not. Each call is written
to LOG before it is made, so that the last line of a run that died says which it was.

What only tests or the package may call is called too, since nothing else guards it: the C interface
has to hold by itself."""
import gc
import random
import resource
import signal
import sys
import warnings

import numpy as np

import thalweg as tf
from thalweg import _core

MEMORY, SECONDS = 3 << 30, 20
# These change what the rest of the process rests on, or make its real objects' classes others.
LEFT_OUT = {"set_classes", "set_main_thread", "set_py_func"}
# NumPy reads lists given to these, and does not bear that they shrink meanwhile.
NUMPYS = ("composite", "bfloat16", "evaluate", "_through_array", "Session", "Callable",
          "PartialRun")
METHODS_LEFT_OUT = {"__class__", "__init_subclass__", "__subclasshook__", "__dir__", "__setattr__",
                    "__delattr__", "__reduce__", "__reduce_ex__", "__getattribute__"}


class Meddler:
    """A value whose own code, wherever it is asked for, changes what lies around it."""

    def __init__(self, fuzzer):
        self.fuzzer = fuzzer

    def meddle(self):
        self.fuzzer.meddle()

    def __array__(self, dtype=None, copy=None):
        self.meddle()
        return np.zeros((), np.float32)

    def __index__(self):
        self.meddle()
        return 1

    def __float__(self):
        self.meddle()
        return 1.0

    def __bool__(self):
        self.meddle()
        return True

    def __len__(self):
        self.meddle()
        return 2

    def __iter__(self):
        self.meddle()
        yield self.fuzzer.plain_value()
        self.meddle()
        yield self.fuzzer.tensor()

    def __repr__(self):
        self.meddle()
        return "meddler"

    @property
    def as_datatype_enum(self):
        self.meddle()
        return 1

    @property
    def dims(self):
        self.meddle()
        return [self, None]

    @property
    def value(self):
        self.meddle()
        return 2

    def __call__(self, *args):
        self.meddle()
        return [None] * len(args[1:])


PLAIN = [None, True, False, 0, 1, -1, 2, 3, 10, 101, 2 ** 31, 2 ** 63 - 1, 2 ** 63, -2 ** 63, 2 **
         200, 0.0, -0.0, 1.5, float("inf"), float("nan"), 1e300, 1j, "", "a", "x:0", "a/b", "é",
         "a\0b", "\udc80", "f" * 300, "Add", "Neg", "MatMul", "Placeholder", "Const", "Split",
         "dtype", "T", "value", "float32", b"", b"abc", b"\xff\0", bytearray(b"abc"), (), [], {},
         [None], [[]], [1, [2]], (1, 2), {1: 2}, {"T": 1}, {"dtype": 1, "shape": [2]}, ("type",
         1), ("shape", None), ("list(int)", [1, 2]), ("list(shape)", [[1], None]), ("tensor",
         1.0), ("placeholder", "p"), ("none", 1), ("func", 1), object, object(), Exception, len,
         range(3), np.zeros((0, 3)), np.ones((2, 2), np.float32), np.float32(1), np.array(["a",
         b"b"], object), np.zeros(3, "S4"), np.zeros((2, 2), np.complex64), np.zeros(3, [("a",
         "i4")]), np.datetime64("2020-01-01"), np.broadcast_to(np.float32(1), (1 << 20, 1 << 20)),
         np.ones((4, 4))[::-2, ::3], np.zeros([1] * 20), np.zeros(3, ">f4"), memoryview(b"abc"),
         tf.float32, tf.string, np.int32, tf.TensorShape(None), tf.TensorShape([None, 3]),
         tf.Dimension(None), _core.Func("f"), _core.Func("g", {"a": 1, "s": ("shape", [2])}),
         _core.bfloat16(1.5), "global_norm", [1] * 300, -5]


class Fuzzer:
    def __init__(self, log, seed):
        self.log, self.random = log, random.Random(seed)
        self.calls = self.answers = 0
        self.armed = self.numpys = False  # whether a call is going on, and reads lists by NumPy
        self.shared = []  # lists and dicts that were given as arguments of the present call
        self.fresh()

    def fresh(self):
        """Another graph to be odd with; those before may be freed at any time."""
        self.graph = tf.Graph()
        with self.graph.as_default():
            x = tf.placeholder(tf.float32, [], name="x")
            self.tensors = [x, x + 1.0, tf.constant([1.0, 2.0]), tf.constant(True),
                            tf.constant("s"), tf.constant([1, 2, 3]),
                            tf.placeholder(tf.float32), tf.zeros([2, 3])]
        self.session = tf.Session(graph=self.graph)
        self.session.run(self.tensors[1], {x: 1.0})
        self.kept = []

    def tensor(self):
        return self.random.choice(self.tensors)

    def plain_value(self):
        return self.random.choice(PLAIN)

    def meddle(self):
        """What a value's code may do in the middle of a call."""
        if not self.armed:
            return
        what = self.random.randrange(6)
        if what == 0:
            for container in self.shared:
                container.clear()
        elif what == 1:
            self.tensors, self.session, self.kept = [foreign()], None, []
            gc.collect()
            self.fresh()
        elif what == 2:
            gc.collect()
        elif what == 3 and self.random.random() < 0.3:
            raise KeyboardInterrupt
        elif what == 4:
            self.graph._add("NoOp", None)
        elif self.session and self.random.random() < 0.2:
            self.session.close()

    def makers(self):
        return [self.tensor, self.tensor, lambda: self.tensor().op, lambda: self.graph, foreign,
                lambda: self.session, lambda: Meddler(self), lambda: _core.Operation(),
                lambda: _core.Graph(), lambda: _core.Session(), lambda: [self.tensor()],
                lambda: {self.tensor(): 1.0}, lambda: {"x": self.tensor()},
                lambda: [self.tensor(), Meddler(self)], lambda: {"T": Meddler(self), "N": [1, 2]},
                lambda: _core.cond_begin(self.tensors[3], "c"), self.loop,
                lambda: self.random.choice(self.kept) if self.kept else None,
                lambda: _core.Callable(self.session, [self.tensor()], [], 1),
                lambda: _core.PartialRun(self.session, [self.tensors[1]], [self.tensors[0]])]

    def loop(self):
        return _core.while_begin([self.tensors[0]], None, 10, True, True, "w")[0]

    def value(self):
        if self.random.random() < 0.5:
            try:
                value = self.random.choice(self.makers())()
            except (Exception, KeyboardInterrupt):
                value = None
        else:
            value = self.plain_value()
        if self.random.random() < 0.15:
            value = [value] * self.random.randrange(4)
        if type(value) in (list, dict):
            value = type(value)(value)
            if not (self.numpys and any(isinstance(item, Meddler) for item in value)):
                self.shared.append(value)
        return value

    def call(self, name, thing, most=6):
        """One call; gives what it gave, None after an exception."""
        try:
            return self._call(name, thing, most)
        except TimeoutError:  # the alarm came while the call ended
            return None

    def _call(self, name, thing, most):
        self.shared, self.numpys = [], name.startswith(NUMPYS)
        given = [self.value() for _ in range(self.random.randint(0, most))]
        if name == "Graph._add" and given:
            given[0] = self.random.choice(["Add", "NoOp", "Neg", "Unheard", "Split", "Const"])
        named = {}
        if self.random.random() < 0.1:
            word = self.random.choice(["name", "attrs", "fetches", "feed_dict", "ys"])
            named[word] = self.value()
        self.log.write("%s %s %s\n" % (name, [shown(v) for v in given], sorted(named)))
        self.log.flush()
        self.calls += 1
        signal.alarm(SECONDS)
        self.armed = True
        try:
            result = thing(*given, **named)
            if not isinstance(result, np.ndarray):
                repr(result)
            self.answers += 1
            self.kept = self.kept[-20:] + [result]
            return result
        except (Exception, KeyboardInterrupt):
            return None
        finally:
            signal.alarm(0)
            self.armed = False
            self.close_scopes()

    def close_scopes(self):
        while _core.scope_mark():
            _core.pop(_core.scope_mark())

    def members(self, name, thing, calls):
        """Odd calls of an object's methods, and all its attributes."""
        for member in dir(type(thing)):
            if member in METHODS_LEFT_OUT:
                continue
            for _ in range(calls):
                self.log.write("%s.%s\n" % (name, member))
                self.log.flush()
                try:
                    bound = getattr(thing, member)
                except (Exception, KeyboardInterrupt):
                    continue
                if callable(bound):
                    self.call("%s.%s" % (name, member), bound)

    def subjects(self):
        """Objects of every type that the module has."""
        with self.graph.as_default():
            loop = tf.while_loop(lambda i: i < 3, lambda i: i + 1, [tf.constant(0)])
        return [("Graph", self.graph), ("Operation", self.tensor().op), ("Tensor", self.tensor()),
                ("Session", self.session), ("unbound", _core.Operation()),
                ("closed", _core.Session()), ("Func", _core.Func("f", {})),
                ("bfloat16", _core.bfloat16(self.random.choice([0, 1.5, float("nan"), 1e38]))),
                ("Region", _core.operation_region(loop.op.inputs[0].op)),
                ("Callable", _core.Callable(self.session, [self.tensors[1]], [self.tensors[0]], 0)),
                ("PartialRun", _core.PartialRun(self.session, [self.tensors[1]],
                                                [self.tensors[0]])),
                ("OpDef", _core.op_def("Add")), ("bare", _core.Graph())]


def foreign():
    with tf.Graph().as_default():
        return tf.constant(2.0)


def shown(value):
    return repr(value)[:60]


def late(number, frame):
    raise TimeoutError("took too long")


def main():
    path, seed, calls = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    warnings.simplefilter("ignore")
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    signal.signal(signal.SIGALRM, late)
    with open(path, "w", encoding="utf-8", errors="backslashreplace") as log:
        fuzzer = Fuzzer(log, seed)
        for name in sorted(vars(_core)):
            thing = getattr(_core, name)
            if callable(thing) and name not in LEFT_OUT:
                for _ in range(4 * calls):
                    fuzzer.call(name, thing)
                fuzzer.fresh()
        for index in range(len(fuzzer.subjects())):
            fuzzer.fresh()
            fuzzer.members(*fuzzer.subjects()[index], calls)
        composites = [c.name for c in _core.composites()]
        for name in composites:
            for _ in range(calls):
                fuzzer.call("composite " + name,
                            lambda *args: _core.composite(name, dict(zip(names(name), args))))
            fuzzer.fresh()
    print("done: %d calls, %d gave something" % (fuzzer.calls, fuzzer.answers))


def names(composite):
    """The words of a composite's signature before the arrow; some of them are arguments."""
    signature = next(c.signature for c in _core.composites() if c.name == composite)
    return [word.split(":")[0].split()[-1] for word in signature.split("->")[0].replace(
        ";", ",").split(",") if word.strip()]


if __name__ == "__main__":
    main()

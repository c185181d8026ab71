# SPDX-License-Identifier: Apache-2.0
"""The test case of programs: a session with a graph of its own for each test, and comparisons of
arrays, shapes, messages and errors."""
import contextlib
import math
import random
import re
import tempfile
import threading

import numpy as np

from thalweg import _core, compat, protos
from thalweg.framework import device as pydev
from thalweg.framework import errors, ops, random_seed, versions
from thalweg.platform import googletest
from thalweg.protos import text_format

_core.register_test_ops()  # where programs' tests expect them: they are part of every build


def assert_ops_in_graph(expected_ops, graph):
    """{name: node} of the operations named in {name: type}; ValueError if one is missing or of
    another type."""
    found = {}
    for node in graph.as_graph_def().node:
        if node.name in expected_ops:
            if expected_ops[node.name] != node.op:
                raise ValueError("Expected op for node %s is different. %s vs %s"
                                 % (node.name, expected_ops[node.name], node.op))
            found[node.name] = node
    if set(expected_ops) != set(found):
        raise ValueError("Not all expected ops are present. Expected %s, found %s"
                         % (sorted(expected_ops), sorted(found)))
    return found


def assert_equal_graph_def(actual, expected, checkpoint_v2=False):
    """AssertionError unless two GraphDefs have the same nodes, in whatever order."""
    for what, graph in (("actual", actual), ("expected", expected)):
        if not isinstance(graph, protos.GraphDef):
            raise TypeError("Expected tf.GraphDef for %s, got %s" % (what, type(graph).__name__))
    mine, theirs = ({n.name: n for n in g.node} for g in (actual, expected))
    for name in mine:
        if name not in theirs:
            raise AssertionError("Found unexpected node '%s" % mine[name])
        if mine[name] != theirs[name]:
            raise AssertionError("Nodes differ:\n%s\nand\n%s" % (mine[name], theirs[name]))
    for name in theirs:
        if name not in mine:
            raise AssertionError("Node '%s' is missing" % name)


def IsGoogleCudaEnabled():
    """Whether it can use a GPU of NVIDIA."""
    return False


CudaSupportsHalfMatMulAndConv = IsGoogleCudaEnabled


def is_gpu_available(cuda_only=False, min_cuda_compute_capability=None):
    """Whether there is a GPU that it can use."""
    return False


def gpu_device_name():
    """The name of a GPU, "" without one."""
    return ""


def create_local_cluster(*args, **kwargs):
    """Refused: there are no clusters."""
    raise errors.UnimplementedError(None, None, "there are no clusters here")


def run_in_graph_and_eager_modes(func=None, **unused):
    """The test as it is: there are graphs only."""
    return (lambda f: f) if func is None else func


run_all_in_graph_and_eager_modes = run_v1_only = run_deprecated_v1 = run_in_graph_and_eager_modes


class _CheckedThread:
    """A thread whose exception fails the test when it is joined."""

    def __init__(self, testcase, target, args=None, kwargs=None):
        self._testcase, self._target = testcase, target
        self._args, self._kwargs = args or (), kwargs or {}
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._exception = None

    def _run(self):
        try:
            self._target(*self._args, **self._kwargs)
        except Exception as error:  # noqa: B902
            self._exception = error

    def start(self):
        self._thread.start()

    def join(self):
        self._thread.join()
        if self._exception is not None:
            self._testcase.fail("Error in checkedThread: %s" % str(self._exception))

    def is_alive(self):
        return self._thread.is_alive()


class TensorFlowTestCase(googletest.TestCase):
    """A test case with sessions and comparisons."""

    def __init__(self, methodName="runTest"):  # noqa: N803
        super().__init__(methodName)
        self._threads, self._tempdir, self._cached_session = [], None, None

    def setUp(self):
        self._ClearCachedSession()
        random.seed(random_seed.DEFAULT_GRAPH_SEED)
        np.random.seed(random_seed.DEFAULT_GRAPH_SEED)
        ops.reset_default_graph()
        if not compat.below("0.8"):
            ops.get_default_graph().seed = random_seed.DEFAULT_GRAPH_SEED

    def tearDown(self):
        for thread in self._threads:
            self.assertFalse(thread.is_alive(), "A checkedThread did not terminate")
        self._ClearCachedSession()

    def _ClearCachedSession(self):
        if self._cached_session is not None:
            self._cached_session.close()
            self._cached_session = None

    def get_temp_dir(self):
        """A folder for the files of this test alone."""
        if not self._tempdir:
            self._tempdir = tempfile.mkdtemp(dir=googletest.GetTempDir())
        return self._tempdir

    # ---- sessions ----

    @contextlib.contextmanager
    def session(self, graph=None, config=None, use_gpu=False, force_gpu=False):
        """A session of its own, with its graph as the default one."""
        from thalweg.client import session
        with session.Session(graph=graph, config=config) as made:
            with self._placed(made, use_gpu, force_gpu):
                yield made

    @contextlib.contextmanager
    def cached_session(self, graph=None, config=None, use_gpu=False, force_gpu=False):
        """The one session of this test for the default graph."""
        from thalweg.client import session
        if self._cached_session is None:
            self._cached_session = session.Session(graph=graph, config=config)
        with self._cached_session.graph.as_default(), self._cached_session.as_default():
            with self._placed(self._cached_session, use_gpu, force_gpu):
                yield self._cached_session

    def test_session(self, graph=None, config=None, use_gpu=False, force_gpu=False):
        """The session of this test; with a graph one of its own."""
        if graph is None:
            return self.cached_session(None, config, use_gpu, force_gpu)
        return self.session(graph, config, use_gpu, force_gpu)

    test_session.__test__ = False

    @contextlib.contextmanager
    def _placed(self, session, use_gpu, force_gpu):
        if use_gpu or force_gpu:
            yield
        else:
            with session.graph.device("/cpu:0"):
                yield

    def evaluate(self, tensors):
        """The values of tensors in the default session."""
        sess = ops.get_default_session()
        if sess is not None:
            return sess.run(tensors)
        with self.test_session() as sess:
            return sess.run(tensors)

    def checkedThread(self, target, args=None, kwargs=None):  # noqa: N802
        """A thread whose exception fails the test."""
        thread = _CheckedThread(self, target, args, kwargs)
        self._threads.append(thread)
        return thread

    # ---- messages ----

    def assertProtoEquals(self, expected_message_maybe_ascii, message):  # noqa: N802
        """The message is equal to another one, or to what a text says."""
        expected = expected_message_maybe_ascii
        if isinstance(expected, (str, bytes)):
            expected = text_format.Merge(expected, type(message)())
        elif type(expected) is not type(message):
            self.fail("Can't compare protos of type %s and %s" % (type(expected), type(message)))
        if expected != message:
            self.assertMultiLineEqual(str(expected), str(message))
            self.fail("messages differ")

    def assertProtoEqualsVersion(self, expected, actual, producer=versions.GRAPH_DEF_VERSION,
                                 min_consumer=versions.GRAPH_DEF_VERSION_MIN_CONSUMER,
                                 msg=None):  # noqa: N802
        """As assertProtoEquals, for a GraphDef whose versions are not in the text."""
        self.assertProtoEquals("versions { producer: %d min_consumer: %d };\n%s"
                               % (producer, min_consumer, expected), actual)

    def assertStartsWith(self, actual, expected_start, msg=None):  # noqa: N802
        """The text begins with another one."""
        if not actual.startswith(expected_start):
            self.fail("%s%r does not start with %r" % ("%s : " % msg if msg else "", actual,
                                                       expected_start))

    # ---- numbers ----

    def assertNear(self, f1, f2, err, msg=None):  # noqa: N802
        """Two numbers differ by at most `err`."""
        self.assertTrue(f1 == f2 or math.fabs(f1 - f2) <= err,
                        "%f != %f +/- %f%s" % (f1, f2, err, " (%s)" % msg if msg else ""))

    def assertArrayNear(self, farray1, farray2, err, msg=None):  # noqa: N802
        """Two lists of numbers differ by at most `err` at each place."""
        self.assertEqual(len(farray1), len(farray2), msg)
        for f1, f2 in zip(farray1, farray2):
            self.assertNear(float(f1), float(f2), err, msg)

    def _NDArrayNear(self, ndarray1, ndarray2, err):
        return np.linalg.norm(ndarray1 - ndarray2) < err

    def assertNDArrayNear(self, ndarray1, ndarray2, err, msg=None):  # noqa: N802
        """The norm of two arrays' difference is below `err`."""
        self.assertTrue(self._NDArrayNear(ndarray1, ndarray2, err), msg)

    def _GetNdArray(self, a):
        if isinstance(a, ops.Tensor):
            a = self.evaluate(a)
        return a if isinstance(a, np.ndarray) else np.array(a)

    def assertAllClose(self, a, b, rtol=1e-6, atol=1e-6, msg=None):  # noqa: N802
        """Two arrays, or structures of such, differ by at most atol + rtol * |b|; NaN is close to
        itself."""
        if isinstance(a, dict) or isinstance(b, dict):
            self.assertEqual(sorted(a), sorted(b), msg)
            for key in a:
                self.assertAllClose(a[key], b[key], rtol, atol, msg)
            return
        a, b = self._GetNdArray(a), self._GetNdArray(b)
        self.assertEqual(a.shape, b.shape, "Shape mismatch: expected %s, got %s.%s"
                         % (a.shape, b.shape, msg or ""))
        wrong = ~np.isclose(a, b, rtol=rtol, atol=atol, equal_nan=True)
        if not wrong.any():
            return
        raise AssertionError(
            "Arrays are not close: rtol = %s, atol = %s%s\n%d of %d differ, by up to %s\nnot close "
            "lhs = %s\nnot close rhs = %s\nat %s"
            % (rtol, atol, " (%s)" % msg if msg else "", wrong.sum(), wrong.size,
               np.abs(a - b)[wrong].max() if wrong.any() and a.dtype != object else "?",
               a[wrong][:9] if a.ndim else a, b[wrong][:9] if b.ndim else b,
               np.argwhere(wrong)[:9].tolist()))

    def assertAllCloseAccordingToType(self, a, b, rtol=1e-6, atol=1e-6,  # noqa: N802
                                      float_rtol=1e-6, float_atol=1e-6, half_rtol=1e-3,
                                      half_atol=1e-3, bfloat16_rtol=1e-2, bfloat16_atol=1e-2,
                                      msg=None):
        """As assertAllClose, with bounds that follow from the types."""
        a, b = self._GetNdArray(a), self._GetNdArray(b)
        types = (a.dtype, b.dtype)
        if np.float32 in types or np.complex64 in types:
            rtol, atol = max(rtol, float_rtol), max(atol, float_atol)
        if np.float16 in types:
            rtol, atol = max(rtol, half_rtol), max(atol, half_atol)
        if any(t.name == "bfloat16" for t in types):
            rtol, atol = max(rtol, bfloat16_rtol), max(atol, bfloat16_atol)
        self.assertAllClose(a, b, rtol, atol, msg)

    def assertAllEqual(self, a, b, msg=None):  # noqa: N802
        """Two arrays have the same shape and elements; NaN is equal to itself."""
        a, b = self._GetNdArray(a), self._GetNdArray(b)
        if (b.ndim <= 3 or b.size < 500):
            self.assertEqual(a.shape, b.shape, "Shape mismatch: expected %s, got %s. Contents: %s"
                             ".%s" % (a.shape, b.shape, b, msg or ""))
        else:
            self.assertEqual(a.shape, b.shape, msg)
        same = a == b
        if a.dtype.kind in "fc" and b.dtype.kind in "fc":
            same = np.logical_or(same, np.logical_and(np.isnan(a), np.isnan(b)))
        if not np.all(same):
            wrong = np.argwhere(~np.asarray(same))
            self.fail("Arrays differ at %s%s\n%s\n%s"
                      % (wrong[:9].tolist(), " (%s)" % msg if msg else "", a, b))

    def assertNotAllClose(self, a, b, **kwargs):  # noqa: N802
        """The opposite of assertAllClose."""
        try:
            self.assertAllClose(a, b, **kwargs)
        except AssertionError:
            return
        raise AssertionError("The two values are close at all elements")

    def assertEmpty(self, container, msg=None):  # noqa: N802
        """There is nothing in it."""
        self.assertEqual(len(container), 0, msg)

    # ---- errors, shapes, devices ----

    @contextlib.contextmanager
    def assertRaisesWithPredicateMatch(self, exception_type,  # noqa: N802
                                       expected_err_re_or_predicate):
        """The block raises an exception of a type, which a function or a pattern accepts."""
        expected = expected_err_re_or_predicate
        try:
            yield
        except exception_type as error:
            text = error.message if isinstance(error, errors.OpError) else str(error)
            good = expected(error) if callable(expected) else re.search(expected, text)
            if not good:
                raise AssertionError("Exception of type %s: %s" % (type(error), error)) from error
        else:
            self.fail("%s not raised" % getattr(exception_type, "__name__", exception_type))

    def assertRaisesOpError(self, expected_err_re_or_predicate):  # noqa: N802
        """The block raises an OpError that a function or a pattern accepts."""
        return self.assertRaisesWithPredicateMatch(errors.OpError, expected_err_re_or_predicate)

    def assertShapeEqual(self, np_array, tf_tensor, msg=None):  # noqa: N802
        """A tensor has the static shape of an array."""
        if not isinstance(np_array, (np.ndarray, np.generic)):
            raise TypeError("np_array must be a Numpy ndarray or Numpy scalar")
        if not isinstance(tf_tensor, ops.Tensor):
            raise TypeError("tf_tensor must be a Tensor")
        self.assertAllEqual(list(np_array.shape), tf_tensor.get_shape().as_list(), msg)

    def assertDeviceEqual(self, device1, device2, msg=None):  # noqa: N802
        """Two names mean the same device."""
        one, two = pydev.canonical_name(device1), pydev.canonical_name(device2)
        self.assertEqual(one, two, "Devices %s and %s are not equal. %s" % (one, two, msg or ""))

    if not hasattr(googletest.TestCase, "assertItemsEqual"):
        def assertItemsEqual(self, first, second, msg=None):  # noqa: N802
            """The same elements in any order."""
            self.assertCountEqual(first, second, msg)

        def assertRaisesRegexp(self, *args, **kwargs):  # noqa: N802
            """assertRaisesRegex by its old name."""
            return self.assertRaisesRegex(*args, **kwargs)

        def assertEquals(self, *args, **kwargs):  # noqa: N802
            """assertEqual by its old name."""
            return self.assertEqual(*args, **kwargs)

# SPDX-License-Identifier: Apache-2.0
"""What the tests of programs use: the test case, gradients by differences, folders."""
from unittest import mock  # noqa: F401

from thalweg.platform import googletest
from thalweg.platform.googletest import StubOutForTesting, test_src_dir_path  # noqa: F401


def __getattr__(name):
    # Those that need graphs come when they are asked for.
    if name == "TestCase":
        from thalweg.framework.test_util import TensorFlowTestCase as found
    elif name in ("assert_equal_graph_def", "is_gpu_available", "gpu_device_name",
                  "create_local_cluster"):
        from thalweg.framework import test_util
        found = getattr(test_util, name)
    elif name in ("compute_gradient", "compute_gradient_error"):
        from thalweg.ops import gradient_checker
        found = getattr(gradient_checker, name)
    else:
        raise AttributeError("module %r has no attribute %r" % (__name__, name))
    globals()[name] = found
    return found


def main(argv=None):
    """Runs the tests of the program."""
    return googletest.main(argv)


def get_temp_dir():
    """A folder for the files of this test."""
    return googletest.GetTempDir()


def is_built_with_cuda():
    """Whether it can use a GPU of NVIDIA."""
    return False


def is_built_with_rocm():
    """Whether it can use a GPU of AMD."""
    return False


def is_built_with_gpu_support():
    """Whether it can use any GPU."""
    return False


GetTempDir, IsBuiltWithCuda = get_temp_dir, is_built_with_cuda
__all__ = ["TestCase", "assert_equal_graph_def", "compute_gradient", "compute_gradient_error",
           "get_temp_dir", "gpu_device_name", "is_built_with_cuda", "is_gpu_available", "main",
           "mock", "test_src_dir_path", "StubOutForTesting"]

# SPDX-License-Identifier: Apache-2.0
"""Functions of the ops that TensorFlow's own tests use; importing this registers them."""
from thalweg import _core
from thalweg.framework import gen_ops as _gen_ops, ops as _ops

_core.register_test_ops()
__getattr__, __dir__ = _gen_ops.module(__name__)


def graph_def_version(name=None):
    """The producer's version of the default graph, as a run sees it."""
    versions = _ops.get_default_graph().graph_def_versions
    return _gen_ops.function("graph_def_version")(producer=versions.producer, name=name)

# SPDX-License-Identifier: Apache-2.0
"""All that is of networks: tf.nn as TensorFlow's module has it."""
from thalweg.ops.candidate_sampling_ops import *  # noqa: F401,F403
from thalweg.ops.embedding_ops import (  # noqa: F401
    embedding_lookup, embedding_lookup_sparse, safe_embedding_lookup_sparse)
from thalweg.ops.nn_impl import *  # noqa: F401,F403
from thalweg.ops.nn_impl import _compute_sampled_logits, _sum_rows  # noqa: F401
from thalweg.ops.nn_ops import *  # noqa: F401,F403


def __getattr__(name):
    from thalweg import _api
    return _api.find("nn", name)

# SPDX-License-Identifier: Apache-2.0
"""The ops that update variables, as gen_training_ops has them."""
from thalweg.ops import gen_training_ops


def __getattr__(name):
    return getattr(gen_training_ops, name)

# SPDX-License-Identifier: Apache-2.0
"""Functions on text."""
from thalweg.ops import gen_string_ops


def __getattr__(name):
    return getattr(gen_string_ops, name)

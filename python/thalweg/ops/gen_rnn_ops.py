# SPDX-License-Identifier: Apache-2.0
"""Functions of single ops, made from the library's definitions; see framework/gen_ops.py."""
from thalweg.framework import gen_ops as _gen_ops

__getattr__, __dir__ = _gen_ops.module(__name__)

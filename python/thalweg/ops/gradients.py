# SPDX-License-Identifier: Apache-2.0
"""Derivatives of tensors by tensors, under the module's first name."""
from thalweg.ops.gradients_impl import (  # noqa: F401
    AggregationMethod, UnconnectedGradients, _hessian_vector_product, gradients, hessians)

__all__ = ["AggregationMethod", "UnconnectedGradients", "gradients", "hessians"]

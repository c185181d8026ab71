# SPDX-License-Identifier: Apache-2.0
"""Public names of derivatives."""
NAMES = {
    "": {"ops.gradients": "AggregationMethod UnconnectedGradients gradients hessians"},
    "train": {"ops.gradients": "AggregationMethod"},
}

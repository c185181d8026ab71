# SPDX-License-Identifier: Apache-2.0
"""Public names of what deals tensors out and puts them together."""
NAMES = {
    "": {"ops.data_flow_ops": "dynamic_partition dynamic_stitch"},
}

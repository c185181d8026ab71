# SPDX-License-Identifier: Apache-2.0
"""The functions that add operations to a graph."""

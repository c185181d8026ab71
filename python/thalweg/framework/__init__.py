# SPDX-License-Identifier: Apache-2.0
"""Graphs, operations, tensors and what they are made of."""

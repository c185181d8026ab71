# SPDX-License-Identifier: Apache-2.0
"""Probability distributions (tf.distributions)."""

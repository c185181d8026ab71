# SPDX-License-Identifier: Apache-2.0
"""What trains: optimizers, decays of learning rates, averages, threads."""

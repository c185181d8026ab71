# SPDX-License-Identifier: Apache-2.0
"""Thalweg: graphs of tensor operations, differentiated automatically and run in sessions."""
from thalweg import _core  # noqa: F401

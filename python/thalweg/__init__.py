# SPDX-License-Identifier: Apache-2.0
"""Thalweg: graphs of tensor operations, differentiated automatically and run in sessions.

`import thalweg as tf`: the names are TensorFlow's, with their newest meaning (1.15). They are found
when they are first asked for; the folder _api says where. thalweg.compat makes programs for
older versions run."""
from thalweg import _api

__version__ = "0.1.0"
__git_version__ = "unknown"
__compiler_version__ = "C11"
__getattr__, __dir__ = _api.public("")

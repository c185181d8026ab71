# SPDX-License-Identifier: Apache-2.0
"""tf.layers: parts of networks with the variables that they need."""
from thalweg import _api

__getattr__, __dir__ = _api.public("layers")

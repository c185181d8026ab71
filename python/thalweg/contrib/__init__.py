# SPDX-License-Identifier: Apache-2.0
"""tf.contrib: what programs of 0.x and 1.x used of it most."""
from thalweg import _api

__getattr__, __dir__ = _api.public("contrib")

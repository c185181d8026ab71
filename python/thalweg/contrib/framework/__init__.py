# SPDX-License-Identifier: Apache-2.0
"""tf.contrib.framework: the public names."""
from thalweg import _api

__getattr__, __dir__ = _api.public("contrib.framework")

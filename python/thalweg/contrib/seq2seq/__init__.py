# SPDX-License-Identifier: Apache-2.0
"""tf.contrib.seq2seq: the public names."""
from thalweg import _api

__getattr__, __dir__ = _api.public("contrib.seq2seq")

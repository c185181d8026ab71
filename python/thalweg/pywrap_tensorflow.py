# SPDX-License-Identifier: Apache-2.0
"""What programs name of TensorFlow's own extension module."""
from thalweg.framework.errors_impl import OpError as StatusNotOK  # noqa: F401

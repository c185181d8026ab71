# SPDX-License-Identifier: Apache-2.0
"""The module tf_logging under its first name."""
from thalweg.platform.tf_logging import *  # noqa: F401,F403
from thalweg.platform.tf_logging import __all__  # noqa: F401

# SPDX-License-Identifier: Apache-2.0
"""The exceptions that runs raise, and their codes."""
from thalweg.framework import errors_impl as _impl
from thalweg.framework.errors_impl import *  # noqa: F401,F403
from thalweg.framework.errors_impl import _make_specific_exception  # noqa: F401

__all__ = [n for n in dir(_impl) if n.isupper() and n[0] != "_"] + [
    n for n in dir(_impl) if n.endswith("Error")] + [
    "error_code_from_exception_type", "exception_type_from_error_code",
    "raise_exception_on_not_ok_status"]

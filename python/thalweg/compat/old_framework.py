# SPDX-License-Identifier: Apache-2.0
"""Names of the older framework modules that are no more than Python's own."""
import builtins

bytes = builtins.bytes  # noqa: A001

# SPDX-License-Identifier: Apache-2.0
"""Public names of Python functions as operations, and of plans shown."""

NAMES = {"": {"client.session": "explain", "ops.script_ops": "py_func numpy_function"}}

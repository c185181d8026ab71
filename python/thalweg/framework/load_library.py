# SPDX-License-Identifier: Apache-2.0
"""Ops from shared libraries."""
import os

from thalweg.framework import errors_impl


def _refuse(library_filename):
    if not os.path.exists(library_filename):
        raise errors_impl.NotFoundError(
            None, None, "%s: cannot open shared object file: No such file or directory"
            % library_filename)
    raise errors_impl.UnimplementedError(
        None, None, "%s: libraries made for TensorFlow cannot be loaded; an op for thalweg is "
        "registered through <thalweg/op.h>" % library_filename)


def load_op_library(library_filename):
    """Refused: libraries made for TensorFlow cannot be loaded."""
    _refuse(library_filename)


def load_file_system_library(library_filename):
    """Refused: libraries made for TensorFlow cannot be loaded."""
    _refuse(library_filename)


def load_library(library_location):
    """Refused: libraries made for TensorFlow cannot be loaded."""
    _refuse(library_location)


__all__ = ["load_file_system_library", "load_library", "load_op_library"]

# SPDX-License-Identifier: Apache-2.0
"""Files that lie beside the program that asks for them."""
import os
import sys


def _caller_folder():
    frame = sys._getframe(2)
    return os.path.dirname(os.path.abspath(frame.f_code.co_filename))


def load_resource(path):
    """The bytes of a file, given by its path from the folder of the caller."""
    full = path if os.path.isabs(path) else os.path.join(_caller_folder(), path)
    with open(full, "rb") as file:
        return file.read()


def get_data_files_path():
    """The folder of the caller."""
    return _caller_folder()


def get_path_to_datafile(path):
    """The full path of a file, given by its path from the folder of the caller."""
    return os.path.join(_caller_folder(), path)


def get_root_dir_with_all_resources():
    """The folder of the caller."""
    return _caller_folder()


def readahead_file_path(path, readahead="128M"):
    """The path as it is: nothing is read ahead."""
    return path


__all__ = ["get_data_files_path", "get_path_to_datafile", "get_root_dir_with_all_resources",
           "load_resource", "readahead_file_path"]

# SPDX-License-Identifier: Apache-2.0
"""Python's unittest, with a folder for scratch files and stand-ins that are taken out again."""
import atexit
import os
import shutil
import tempfile
import unittest as _unittest
from unittest import *  # noqa: F401,F403

_temp_dir = None


def GetTempDir():
    """A folder for the files of this test; it is deleted at the end."""
    global _temp_dir
    if _temp_dir is None:
        wanted = os.environ.get("TEST_TMPDIR")
        if wanted:
            os.makedirs(wanted, exist_ok=True)
            _temp_dir = wanted
        else:
            _temp_dir = tempfile.mkdtemp(prefix="thalweg-test-")
            atexit.register(shutil.rmtree, _temp_dir, True)
    return _temp_dir


def test_src_dir_path(relative_path):
    """The path of a file of the tests' source tree."""
    return os.path.join(os.environ.get("TEST_SRCDIR", "."), "tensorflow", relative_path)


test_src_dir_path.__test__ = False  # pytest is not to take it for a test


def StatefulSessionAvailable():
    return False


class StubOutForTesting:
    """Puts stand-ins in the place of attributes, and the attributes back."""

    def __init__(self):
        self._saved = []

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.CleanUp()

    def CleanUp(self):
        self.SmartUnsetAll()
        self.UnsetAll()

    def Set(self, parent, child_name, new_child):
        """parent.child_name is new_child until UnsetAll()."""
        self._saved.append((parent, child_name, getattr(parent, child_name)))
        setattr(parent, child_name, new_child)

    SmartSet = Set

    def UnsetAll(self):
        """Undoes all Set()."""
        while self._saved:
            parent, name, old = self._saved.pop()
            setattr(parent, name, old)

    SmartUnsetAll = UnsetAll


def main(argv=None, *args, **kwargs):
    """Runs the tests of the program."""
    from thalweg.platform import flags
    import sys
    argv = sys.argv if argv is None else argv
    return _unittest.main(*args, argv=flags.FLAGS(argv, known_only=True), **kwargs) \
        if not args else _unittest.main(*args, **kwargs)


g_main = main

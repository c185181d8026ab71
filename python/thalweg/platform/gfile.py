# SPDX-License-Identifier: Apache-2.0
"""Files and folders, with the errors of tf.errors."""
import contextlib
import errno
import glob as _glob
import os
import shutil

from thalweg.framework import errors_impl as _errors
from thalweg.util import compat as _compat

_CLASSES = {errno.ENOENT: _errors.NotFoundError, errno.EEXIST: _errors.AlreadyExistsError,
            errno.ENOTEMPTY: _errors.FailedPreconditionError,
            errno.EISDIR: _errors.FailedPreconditionError,
            errno.ENOTDIR: _errors.FailedPreconditionError,
            errno.EACCES: _errors.PermissionDeniedError, errno.EPERM: _errors.PermissionDeniedError,
            errno.ENOSPC: _errors.ResourceExhaustedError}
GOSError = OSError


@contextlib.contextmanager
def _told(path):
    """An OSError inside becomes the error of tf.errors that says the same."""
    try:
        yield
    except OSError as error:
        made = _CLASSES.get(error.errno, _errors.UnknownError)
        raise made(None, None, "%s; %s" % (_compat.as_str_any(path), error.strerror)) from None


class GFile:
    """A file; it is opened when it is first used. Text is UTF-8; "b" in the mode: bytes."""

    def __init__(self, name, mode="r"):
        self.__name = _compat.path_to_str(name)
        self.__mode = mode
        if mode not in ("r", "w", "a", "r+", "w+", "a+", "rb", "wb", "ab", "rb+", "wb+", "ab+",
                        "r+b", "w+b", "a+b"):
            raise _errors.InvalidArgumentError(
                None, None, "mode is not 'r' or 'w' or 'r+' or 'w+' or 'a' or 'a+', but %r" % mode)
        self._file = None

    name = property(lambda self: self.__name)
    mode = property(lambda self: self.__mode)

    def _opened(self):
        if self._file is None:
            with _told(self.__name):
                binary = self.__mode.replace("b", "") + "b"
                self._file = open(_compat.as_str_any(self.__name), binary)
        return self._file

    def _readable(self):
        if self.__mode[0] != "r" and "+" not in self.__mode:
            raise _errors.PermissionDeniedError(None, None, "File isn't open for reading")
        return self._opened()

    def _value(self, data):
        return data if "b" in self.__mode else _compat.as_str(data)

    def size(self):
        """Bytes in the file."""
        with _told(self.__name):
            if self._file is not None and self.__mode[0] != "r":
                self._file.flush()
            return os.stat(_compat.as_str_any(self.__name)).st_size

    def write(self, file_content):
        """Adds text or bytes."""
        if self.__mode[0] == "r" and "+" not in self.__mode:
            raise _errors.PermissionDeniedError(None, None, "File isn't open for writing")
        with _told(self.__name):
            self._opened().write(_compat.as_bytes(file_content))

    def read(self, n=-1):
        """The next n bytes, or all that is left."""
        file = self._readable()
        with _told(self.__name):
            return self._value(file.read(n))

    def seek(self, offset=None, whence=0, position=None):
        """Goes to a byte: from the start (0), from here (1), from the end (2)."""
        file = self._opened()
        with _told(self.__name):
            file.seek(position if offset is None else offset, whence)

    def seekable(self):
        return True

    def tell(self):
        """The byte that is read or written next."""
        return self._opened().tell()

    def readline(self):
        """The next line with its end; empty at the end of the file."""
        file = self._readable()
        with _told(self.__name):
            return self._value(file.readline())

    def readlines(self):
        """All lines that are left."""
        return list(self)

    def __iter__(self):
        return self

    def __next__(self):
        line = self.readline()
        if not line:
            raise StopIteration
        return line

    next = __next__

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()

    def flush(self):
        """Makes sure that what was written can be read by others."""
        if self._file is not None:
            self._file.flush()

    def close(self):
        """Closes the file; it can be used again."""
        if self._file is not None:
            file, self._file = self._file, None
            file.close()
        elif self.__mode[0] in "wa":
            self._opened().close()
            self._file = None


Open = FastGFile = GFile


def _path(name):
    return _compat.as_str_any(_compat.path_to_str(name))


def Exists(filename):
    """Whether there is such a file or folder."""
    return os.path.exists(_path(filename))


def IsDirectory(dirname):
    """Whether it is a folder."""
    return os.path.isdir(_path(dirname))


def Remove(filename):
    """Deletes a file."""
    with _told(filename):
        os.remove(_path(filename))


def RmDir(dirname):
    """Deletes an empty folder."""
    with _told(dirname):
        os.rmdir(_path(dirname))


def DeleteRecursively(dirname):
    """Deletes a folder with all that is in it, or a file."""
    path = _path(dirname)
    with _told(dirname):
        if os.path.isfile(path):
            os.remove(path)
        else:
            shutil.rmtree(path)


def ListDirectory(dirname):
    """The names in a folder."""
    if not IsDirectory(dirname):
        raise _errors.NotFoundError(None, None, "Could not find directory %s" % _path(dirname))
    return os.listdir(_path(dirname))


def Glob(filename):
    """The files that match a pattern, or one of several, in order."""
    patterns = filename if isinstance(filename, (list, tuple)) else [filename]
    return sorted(name for pattern in patterns for name in _glob.glob(_path(pattern)))


def MkDir(dirname, mode=None):
    """Makes a folder in one that exists."""
    with _told(dirname):
        os.mkdir(_path(dirname))


def MakeDirs(dirname, mode=None):
    """Makes a folder and those above it; it may be there already."""
    with _told(dirname):
        os.makedirs(_path(dirname), exist_ok=True)


def Rename(oldname, newname, overwrite=False):
    """Gives a file or folder another name."""
    with _told(oldname):
        if not overwrite and os.path.exists(_path(newname)):
            raise _errors.AlreadyExistsError(None, None, "file already exists: " + _path(newname))
        os.rename(_path(oldname), _path(newname))


def Copy(oldpath, newpath, overwrite=False):
    """Copies a file."""
    with _told(oldpath):
        if not overwrite and os.path.exists(_path(newpath)):
            raise _errors.AlreadyExistsError(None, None, "file already exists: " + _path(newpath))
        shutil.copyfile(_path(oldpath), _path(newpath))


class FileStatistics:
    """Size, time of the last change, kind."""

    def __init__(self, status, directory):
        self.length, self.mtime_nsec = status.st_size, status.st_mtime_ns
        self.is_directory, self.mtime = directory, status.st_mtime


def Stat(filename):
    """The FileStatistics of a file or folder."""
    with _told(filename):
        return FileStatistics(os.stat(_path(filename)), IsDirectory(filename))


def Walk(top, in_order=True):
    """(folder, folders in it, files in it) for a folder and all below; a folder comes before what
    is in it, or after."""
    return os.walk(_path(top), topdown=bool(in_order))


__all__ = ["Copy", "DeleteRecursively", "Exists", "FastGFile", "GFile", "Glob", "IsDirectory",
           "ListDirectory", "MakeDirs", "MkDir", "Open", "Remove", "Rename", "Stat", "Walk"]

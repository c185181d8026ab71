# SPDX-License-Identifier: Apache-2.0
"""Messages of programs, on standard error; Python's logger "tensorflow" does the work."""
import logging as _logging
import sys

DEBUG, INFO, WARN, ERROR, FATAL = (_logging.DEBUG, _logging.INFO, _logging.WARNING, _logging.ERROR,
                                   _logging.CRITICAL)
_counts = {}
_logger = None


class _Handler(_logging.StreamHandler):
    """Writes to what sys.stderr is at the time, as notebooks and tests change it."""

    def __init__(self):
        _logging.Handler.__init__(self)

    @property
    def stream(self):
        return sys.stderr


def get_logger():
    """Python's logger that all messages go through."""
    global _logger
    if _logger is None:
        logger = _logging.getLogger("tensorflow")
        if not _logging.getLogger().handlers and not logger.handlers:
            handler = _Handler()
            handler.setFormatter(_logging.Formatter(_logging.BASIC_FORMAT))
            logger.addHandler(handler)
        if logger.level == _logging.NOTSET:
            logger.setLevel(WARN)
        _logger = logger
    return _logger


def log(level, msg, *args, **kwargs):
    """A message of a level; args are put in by %."""
    get_logger().log(level, msg, *args, **kwargs)


def debug(msg, *args, **kwargs):
    """A message for who looks for a mistake."""
    get_logger().debug(msg, *args, **kwargs)


def info(msg, *args, **kwargs):
    """A message on what goes on."""
    get_logger().info(msg, *args, **kwargs)


def warning(msg, *args, **kwargs):
    """A message on what may be wrong."""
    get_logger().warning(msg, *args, **kwargs)


warn = warning


def error(msg, *args, **kwargs):
    """A message on what is wrong."""
    get_logger().error(msg, *args, **kwargs)


def fatal(msg, *args, **kwargs):
    """A message on what makes going on useless; the program goes on all the same."""
    get_logger().critical(msg, *args, **kwargs)


def vlog(level, msg, *args, **kwargs):
    """A message of a level given as a number."""
    get_logger().log(level, msg, *args, **kwargs)


def _count(msg):
    """How often this call came before, told apart by its text."""
    _counts[msg] = _counts.get(msg, -1) + 1
    return _counts[msg]


def log_every_n(level, msg, n, *args):
    """The first of every n messages with this text."""
    log_if(level, msg, _count(msg) % n == 0, *args)


def log_first_n(level, msg, n, *args):
    """The first n messages with this text."""
    log_if(level, msg, _count(msg) < n, *args)


def log_if(level, msg, condition, *args):
    """A message if the condition holds."""
    if condition:
        log(level, msg, *args)


def TaskLevelStatusMessage(msg):
    """A message on the state of the whole task."""
    error(msg)


def flush():
    """Puts out what was held back."""
    for handler in get_logger().handlers:
        handler.flush()


def get_verbosity():
    """The level below which messages are dropped."""
    return get_logger().getEffectiveLevel()


def set_verbosity(v=None, verbosity=None):
    """Drops messages below a level."""
    level = verbosity if v is None else v
    if isinstance(level, str):
        level = {"DEBUG": DEBUG, "INFO": INFO, "WARN": WARN, "ERROR": ERROR, "FATAL": FATAL}[level]
    get_logger().setLevel(level)


__all__ = ["DEBUG", "ERROR", "FATAL", "INFO", "TaskLevelStatusMessage", "WARN", "debug", "error",
           "fatal", "flush", "get_verbosity", "info", "log", "log_every_n", "log_first_n", "log_if",
           "set_verbosity", "vlog", "warn", "warning"]

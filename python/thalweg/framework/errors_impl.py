# SPDX-License-Identifier: Apache-2.0
"""The exceptions of a run: one class for each code, and which exception a status of the library
becomes."""
import contextlib
import warnings

from thalweg.compat import behaviour

OK = 0
CANCELLED = 1
UNKNOWN = 2
INVALID_ARGUMENT = 3
DEADLINE_EXCEEDED = 4
NOT_FOUND = 5
ALREADY_EXISTS = 6
PERMISSION_DENIED = 7
RESOURCE_EXHAUSTED = 8
FAILED_PRECONDITION = 9
ABORTED = 10
OUT_OF_RANGE = 11
UNIMPLEMENTED = 12
INTERNAL = 13
UNAVAILABLE = 14
DATA_LOSS = 15
UNAUTHENTICATED = 16


class OpError(Exception):
    """An operation failed while it ran. `op` is the operation, or None."""

    def __init__(self, node_def, op, message, error_code):
        Exception.__init__(self)
        self._node_def = node_def
        self._op = op
        self._message = message
        self._error_code = error_code

    @property
    def message(self):
        """What went wrong."""
        return self._message

    @property
    def op(self):
        """The Operation that failed, if the graph here has it, else None."""
        return self._op

    @property
    def error_code(self):
        """The number of the error's kind, such as `errors.NOT_FOUND`."""
        return self._error_code

    code = error_code

    @property
    def node_def(self):
        """The failed operation as a NodeDef, or None."""
        if self._node_def is None and self._op is not None:
            return self._op.node_def
        return self._node_def

    def __str__(self):
        return str(self._message)

    def __reduce__(self):
        fixed = type(self)
        if fixed in _CODES:
            return fixed, (None, None, self._message)
        return fixed, (None, None, self._message, self._error_code)


def _error_class(name, code, doc):
    def __init__(self, node_def, op, message):
        OpError.__init__(self, node_def, op, message, code)
    return type(name, (OpError,), {"__init__": __init__, "__doc__": doc, "__module__": __name__})


CancelledError = _error_class(
    "CancelledError", CANCELLED, "The run was stopped, or what it waited for was closed.")
UnknownError = _error_class("UnknownError", UNKNOWN, "A failure of no known kind.")
InvalidArgumentError = _error_class(
    "InvalidArgumentError", INVALID_ARGUMENT, "An operation got a value that it cannot take.")
DeadlineExceededError = _error_class(
    "DeadlineExceededError", DEADLINE_EXCEEDED, "The time allowed was over before the end.")
NotFoundError = _error_class("NotFoundError", NOT_FOUND, "A file or a thing by name is not there.")
AlreadyExistsError = _error_class(
    "AlreadyExistsError", ALREADY_EXISTS, "What was to be made is there already.")
PermissionDeniedError = _error_class(
    "PermissionDeniedError", PERMISSION_DENIED, "Not allowed to the one who runs this.")
ResourceExhaustedError = _error_class(
    "ResourceExhaustedError", RESOURCE_EXHAUSTED, "Memory, or another supply, is used up.")
FailedPreconditionError = _error_class(
    "FailedPreconditionError", FAILED_PRECONDITION,
    "The state is not one in which this can run, as a variable without a value.")
AbortedError = _error_class("AbortedError", ABORTED, "Ended early because of something else.")
OutOfRangeError = _error_class(
    "OutOfRangeError", OUT_OF_RANGE, "Past the end, as of a queue that is closed and empty.")
UnimplementedError = _error_class(
    "UnimplementedError", UNIMPLEMENTED, "There is no code for this operation with these types.")
InternalError = _error_class("InternalError", INTERNAL, "The library contradicts itself.")
UnavailableError = _error_class("UnavailableError", UNAVAILABLE, "Cannot be reached at present.")
DataLossError = _error_class(
    "DataLossError", DATA_LOSS, "Data cannot be recovered, as of a damaged file.")
UnauthenticatedError = _error_class(
    "UnauthenticatedError", UNAUTHENTICATED, "It is not known who asks.")


class OperatorNotAllowedInGraphError(TypeError):
    """A Python construct that needs a value was used on a tensor, which has none yet."""


class InaccessibleTensorError(ValueError):
    """A tensor was used where it cannot be reached."""


class OutOfMemoryError(ResourceExhaustedError, MemoryError):
    """Memory is used up: TensorFlow's class and Python's."""


_CLASSES = {
    CANCELLED: CancelledError, UNKNOWN: UnknownError, INVALID_ARGUMENT: InvalidArgumentError,
    DEADLINE_EXCEEDED: DeadlineExceededError, NOT_FOUND: NotFoundError,
    ALREADY_EXISTS: AlreadyExistsError, PERMISSION_DENIED: PermissionDeniedError,
    UNAUTHENTICATED: UnauthenticatedError, RESOURCE_EXHAUSTED: ResourceExhaustedError,
    FAILED_PRECONDITION: FailedPreconditionError, ABORTED: AbortedError,
    OUT_OF_RANGE: OutOfRangeError, UNIMPLEMENTED: UnimplementedError, INTERNAL: InternalError,
    UNAVAILABLE: UnavailableError, DATA_LOSS: DataLossError,
}
_CODES = {made: code for code, made in _CLASSES.items()}
_CODES[OutOfMemoryError] = RESOURCE_EXHAUSTED


def exception_type_from_error_code(error_code):
    """The exception class of a code."""
    return _CLASSES[error_code]


def error_code_from_exception_type(cls):
    """The code of an exception class; UNKNOWN, with a warning, for others."""
    if cls not in _CODES:
        warnings.warn("Unknown class exception %s" % cls)
    return _CODES.get(cls, UNKNOWN)


def _make_specific_exception(node_def, op, message, error_code):
    """The exception of a code; a plain OpError for a code that is not known."""
    made = _CLASSES.get(error_code)
    if made is None:
        return OpError(node_def, op, message, error_code)
    return made(node_def, op, message)


# tw_kind of <thalweg/status.h>: what kind of mistake a call was that builds the graph.
_BUILD_CLASSES = {0: ValueError, 1: ValueError, 2: TypeError, 3: KeyError, 4: IndexError,
                  5: RuntimeError, 6: MemoryError}
_OF_MEMORY = 6
_PHASE_RUN = 2


def exception_of_status(code, kind, phase, message, op=None, node_def=None):
    """The exception that a status of the library becomes. While the graph is built a mistake is
    Python's ValueError, TypeError ...; in a run, or when the kind is not known, the code's own."""
    message = behaviour.reword(message)
    if kind == _OF_MEMORY:
        return OutOfMemoryError(node_def, op, message)
    if phase != _PHASE_RUN and kind in _BUILD_CLASSES and (kind or code == INVALID_ARGUMENT):
        return _BUILD_CLASSES[kind](message)
    return _make_specific_exception(node_def, op, message, code)


@contextlib.contextmanager
def raise_exception_on_not_ok_status():
    """A status object that is given to a call; what the call puts there is raised at the end."""
    class Status:
        code, message = OK, ""
    status = Status()
    yield status
    if status.code != OK:
        raise _make_specific_exception(None, None, status.message, status.code)

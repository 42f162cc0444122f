"""What a failed call raises: one class for each status, all of them `dsk.Error`."""

from __future__ import annotations

from ._loader import native


class Error(Exception):
    """A failure of the library. Programs branch on the class and on `path`, never on the sentence."""

    def __init__(self, message: str, status: str = "internal", path: str = "", where: str = "") -> None:
        super().__init__(message)
        self.message = message
        """One sentence that names the field, its value and what is allowed"""
        self.status = status
        """Name of the status, e.g. "invalid_request" (docs/errors.md)"""
        self.path = path
        """JSON pointer into the request; "" is the whole document, or no document"""
        self.where = where
        """The C function that failed, for bug reports"""

    def __reduce__(self) -> tuple[type[Error], tuple[str, str, str, str]]:
        return type(self), (self.message, self.status, self.path, self.where)

    def __str__(self) -> str:
        return self.message


class InvalidArgumentError(Error, ValueError):
    """The call broke its contract."""


class InvalidRequestError(Error, ValueError):
    """The document is malformed or contradicts itself."""


class NotFoundError(Error, LookupError):
    """Unknown model, device, link, engine or price; the sentence names near ones."""


class UnsupportedError(Error):
    """Understood, but this library cannot do it."""


class UnavailableError(Error):
    """Not on this machine or not now: no plugin, driver or GPU."""


class CancelledError(Error):
    """A cancel token stopped the work."""


class DeadlineError(Error, TimeoutError):
    """`timeout` has passed."""


class OutOfMemoryError(Error, MemoryError):
    """No host memory."""


class BackendError(Error):
    """A driver or a device library failed."""


class IoError(Error, OSError):
    """A file or socket could not be read or written."""


class InternalError(Error):
    """A bug in the library: report it, with `where`."""


_CLASSES = {
    native.DSK_STATUS_INVALID_ARGUMENT: InvalidArgumentError,
    native.DSK_STATUS_INVALID_REQUEST: InvalidRequestError,
    native.DSK_STATUS_NOT_FOUND: NotFoundError,
    native.DSK_STATUS_UNSUPPORTED: UnsupportedError,
    native.DSK_STATUS_UNAVAILABLE: UnavailableError,
    native.DSK_STATUS_CANCELLED: CancelledError,
    native.DSK_STATUS_DEADLINE: DeadlineError,
    native.DSK_STATUS_OUT_OF_MEMORY: OutOfMemoryError,
    native.DSK_STATUS_BACKEND: BackendError,
    native.DSK_STATUS_IO: IoError,
    native.DSK_STATUS_INTERNAL: InternalError,
}


def _made(status: int, message: str, path: str, where: str) -> Error:
    # A status of a newer library is an Error without a class of its own.
    error = _CLASSES.get(status, Error)(message, native.dsk_status_name(status), path, where)
    note = getattr(error, "add_note", None)  # since Python 3.11: a traceback that nobody caught shows the place too
    if path and note:
        note(f"at {path} of the request")
    return error


native.set_error_factory(_made)

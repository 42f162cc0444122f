"""Long calls: cancel tokens, time limits and interrupts."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

from ._loader import native
from .errors import CancelledError, DeadlineError

T = TypeVar("T")


class Cancel:
    """Stops the calls that were given it, from any thread. One that is set stays set."""

    __slots__ = ("_handle",)

    def __init__(self) -> None:
        self._handle = native.dsk_cancel_create()

    def set(self) -> None:
        """Asks every call with this token to return soon."""
        native.dsk_cancel_set(self._handle)

    def is_set(self) -> bool:
        return native.dsk_cancel_is_set(self._handle)

    def progress(self) -> tuple[int, int]:
        """Steps done and steps in all of the call that holds the token; both 0 before it has begun."""
        return native.dsk_cancel_progress(self._handle)


def long_call(work: Callable[[Any], T], timeout: float | None, cancel: Cancel | None) -> T:
    """Runs work(handle of a token), which gives the interpreter's lock up while it runs.

    A C call cannot see KeyboardInterrupt, which only the main thread receives and only between two steps of Python. So there,
    and wherever there is a time limit, the call runs on a thread of its own while this one waits and can be woken.
    """
    if timeout is None and threading.current_thread() is not threading.main_thread():
        return work(cancel._handle if cancel else None)
    token = cancel or Cancel()
    done = threading.Lock()
    done.acquire()
    results: list[T] = []
    errors: list[BaseException] = []

    def body() -> None:
        try:
            results.append(work(token._handle))
        except BaseException as error:
            errors.append(error)
        finally:
            done.release()

    if timeout is not None and not 0 <= timeout <= threading.TIMEOUT_MAX:
        raise ValueError(f"timeout is {timeout} and must be between 0 and {threading.TIMEOUT_MAX:g} seconds")
    started = time.monotonic()
    threading.Thread(target=body, name="dsk", daemon=True).start()
    late = False
    try:
        late = not done.acquire(timeout=-1 if timeout is None else timeout)
        if late:
            token.set()
            done.acquire()
    except BaseException:
        token.set()
        _wait_through_interrupts(done)
        raise
    if not errors:
        return results[0]
    if late and isinstance(errors[0], CancelledError):
        raise DeadlineError(
            f"the time limit of {timeout:g} s has passed after {time.monotonic() - started:.3f} s",
            "deadline", where=errors[0].where,
        ) from None  # fmt: skip
    raise errors[0]


def _wait_through_interrupts(done: threading.Lock) -> None:
    while True:
        try:
            done.acquire()
            return
        except KeyboardInterrupt:
            continue

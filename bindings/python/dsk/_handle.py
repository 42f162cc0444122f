"""Objects over a handle of the library."""

from __future__ import annotations

from types import TracebackType
from typing import Any, TypeVar

H = TypeVar("H", bound="Handle")


class Handle:
    """Owns a C object. Freed when the last reference goes or on close(), whichever is first; after close() every call on it raises
    ValueError. Closing twice, and closing while another thread is inside a call, are both fine: that call keeps its own hold."""

    __slots__ = ("_handle",)

    def __init__(self, handle: Any) -> None:
        self._handle = handle

    def close(self) -> None:
        self._handle = None

    @property
    def closed(self) -> bool:
        return self._handle is None

    def __enter__(self: H) -> H:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

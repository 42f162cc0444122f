"""The library's messages, silent until asked for."""

from __future__ import annotations

import logging
from collections.abc import Callable

from ._loader import native

LEVELS = {"error": native.DSK_LOG_ERROR, "warning": native.DSK_LOG_WARNING, "info": native.DSK_LOG_INFO, "debug": native.DSK_LOG_DEBUG}
_PYTHON = {
    native.DSK_LOG_ERROR: logging.ERROR,
    native.DSK_LOG_WARNING: logging.WARNING,
    native.DSK_LOG_INFO: logging.INFO,
    native.DSK_LOG_DEBUG: logging.DEBUG,
}


def set_log(level: str | None, receiver: Callable[[int, str, str], object] | None = None) -> None:
    """Sends messages of "error", "warning", "info" or "debug" and above to receiver(level, module, message), by default to Python's
    logger "dsk". None turns them off. A receiver may be called from any thread, stays alive for good and must not call the library.
    """
    if level is None:
        native.log_set(0, None)
        return
    if level not in LEVELS:
        raise ValueError(f"level is {level!r} and must be one of {', '.join(LEVELS)}")
    native.log_set(LEVELS[level], receiver or _to_logger)


def _to_logger(level: int, module: str, message: str) -> None:
    logging.getLogger("dsk").log(_PYTHON.get(level, logging.INFO), "%s: %s", module, message)

"""Finds the native module and refuses one that does not belong to this package.

Looked for in DSK_PYTHON_NATIVE (a folder, for those who build libdsk themselves), then in the package's own folder.
"""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from typing import Any

from ._version import ABI_VERSION, __version__

_FILE = "_native.abi3.so"


def _folders() -> list[Path]:
    own = os.environ.get("DSK_PYTHON_NATIVE")
    return ([Path(own)] if own else []) + [Path(__file__).resolve().parent]


def load() -> Any:
    """The module; ImportError with one sentence otherwise."""
    tried = []
    for folder in _folders():
        path = folder / _FILE
        if not path.is_file():
            tried.append(f"{path} (no such file)")
            continue
        spec = importlib.util.spec_from_file_location("dsk._native", path)
        if spec is None or spec.loader is None:
            tried.append(f"{path} (not an extension module of this Python)")
            continue
        try:
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
        except ImportError as error:
            tried.append(f"{path} ({error})")
            continue
        found, abi = module.dsk_version_string(), module.dsk_abi_version()
        if abi == ABI_VERSION and found.split(".")[:2] == __version__.split(".")[:2]:
            return module
        tried.append(f"{path} (holds libdsk {found}, ABI {abi})")
    raise ImportError(
        f"dsk {__version__} needs the native library of libdsk {'.'.join(__version__.split('.')[:2])}, ABI {ABI_VERSION}, "
        f"and found none: tried {'; '.join(tried)}"
    )


native: Any = load()

"""The built-in records: models, devices, engines, prices, links and data sets, each with its source and date."""

from __future__ import annotations

import json
from typing import Any

from ._loader import native

KINDS = {
    "model": native.DSK_CATALOG_MODEL,
    "device": native.DSK_CATALOG_DEVICE,
    "engine": native.DSK_CATALOG_ENGINE,
    "price": native.DSK_CATALOG_PRICE,
    "link": native.DSK_CATALOG_LINK,
    "dataset": native.DSK_CATALOG_DATASET,
}


def _kind(kind: str) -> int:
    try:
        return KINDS[kind]
    except KeyError:
        raise ValueError(f"kind is {kind!r} and must be one of {', '.join(KINDS)}") from None


def names(kind: str) -> list[str]:
    """Names of the records of one kind."""
    return json.loads(native.dsk_catalog_to_json(_kind(kind)))


def get(kind: str, name: str) -> dict[str, Any]:
    """One record. Case and separators of the name do not matter, aliases work, an engine may be NAME@VERSION."""
    return json.loads(native.dsk_catalog_get(_kind(kind), name))

"""What every typed document can do: to JSON and back. The classes are in `dsk.schema`."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, TypeAlias, TypeVar

from .errors import InvalidRequestError

Parts: TypeAlias = "dict[str, tuple[type[Document], str]]"
D = TypeVar("D", bound="Document")


class Document:
    """Base of the dataclasses of `dsk.schema`. A member that is None is left out of the JSON."""

    __slots__ = ()
    # Members that hold documents: their class, and whether it is "one", a "list" or a "map" of them.
    _parts: ClassVar[Parts] = {}
    # The member that may stand alone in place of its object.
    _short: ClassVar[str | None] = None

    def to_dict(self) -> dict[str, Any]:
        """The document as plain values."""
        return {name: _plain(value) for name in _names(type(self)) if (value := getattr(self, name)) is not None}

    def to_json(self) -> str:
        """The document as JSON text."""
        return _json(self)

    @classmethod
    def from_dict(cls: type[D], values: Mapping[str, Any]) -> D:
        """Reads plain values. Members that this version does not know are left out."""
        parts = cls._parts
        known = {}
        for name in _names(cls):
            if name in values:
                value = values[name]
                known[name] = _read(*parts[name], value) if name in parts and value is not None else value
        return cls(**known)

    @classmethod
    def from_json(cls: type[D], text: str | bytes) -> D:
        """Reads JSON text."""
        return cls.from_dict(json.loads(text))


_names_of: dict[type, tuple[str, ...]] = {}


def _names(cls: Any) -> tuple[str, ...]:
    names = _names_of.get(cls)
    if names is None:
        names = _names_of[cls] = tuple(field.name for field in dataclasses.fields(cls))
    return names


def _plain(value: Any) -> Any:
    if isinstance(value, Document):
        values = value.to_dict()
        return values[value._short] if value._short and values.keys() == {value._short} else values
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value


def _read(cls: type[Document], shape: str, value: Any) -> Any:
    if shape == "list":
        return [_read(cls, "one", item) for item in value]
    if shape == "map":
        return {key: _read(cls, "one", item) for key, item in value.items()}
    if cls._short is not None and not isinstance(value, Mapping):
        return value
    return cls.from_dict(value)


def request_text(request: Document | Mapping[str, Any] | str | bytes) -> str | bytes:
    """A request in whatever form as the text that the library reads."""
    if isinstance(request, (str, bytes)):
        return request
    return _json(request)


# Deeper than the library reads.
_MOST_LEVELS = 64


def _json(request: Any) -> str:
    try:
        plain = request.to_dict() if isinstance(request, Document) else _plain(request)
        return json.dumps(plain, ensure_ascii=False, allow_nan=False)
    except (ValueError, RecursionError):
        _refuse_numbers(request, "", "request", 0)
        raise


def _refuse_numbers(value: Any, path: str, name: str, level: int) -> None:
    """Names the value that JSON has no way to say: one that is not finite, or that is nested without end."""
    if level > _MOST_LEVELS:
        raise InvalidRequestError(f"request: nested deeper than {_MOST_LEVELS} levels", "invalid_request")
    if isinstance(value, float) and not math.isfinite(value):
        raise InvalidRequestError(f"{name} is {value}, must be a finite number", "invalid_request", path)
    members: Iterable[tuple[Any, Any]] = ()
    if isinstance(value, Document):
        members = [(name, getattr(value, name)) for name in _names(type(value))]
    elif isinstance(value, Mapping):
        members = value.items()
    elif isinstance(value, (list, tuple)):
        members = enumerate(value)
    for key, item in members:
        step = str(key).replace("~", "~0").replace("/", "~1")
        _refuse_numbers(item, f"{path}/{step}", f"{name}[{key}]" if isinstance(key, int) else str(key), level + 1)

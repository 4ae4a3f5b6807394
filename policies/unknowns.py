"""Which unknown fields of a manifest does a rule read? Found by letting it read: no list is kept twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from keda.core.errors import join
from keda.manifests.declared import UNKNOWN
from keda.manifests.reading import At


class _Watched(dict[Any, Any]):
    """A mapping that writes down where UNKNOWN was read from it."""

    def __init__(self, content: dict[Any, Any], at: At, read: list[str]) -> None:
        super().__init__({key: _watched(value, (*at, str(key)), read) for key, value in content.items()})
        self._at, self._read = at, read

    def get(self, key: Any, default: Any = None) -> Any:
        value = super().get(key, default)
        if value is UNKNOWN and (path := join(*self._at, str(key))) not in self._read:
            self._read.append(path)
        return value


def unknown_reads(manifest: object, reader: Callable[[object], object]) -> list[str]:
    """The paths at which `reader` met UNKNOWN, in the order of reading."""
    read: list[str] = []
    reader(_watched(manifest, (), read))
    return read


def has_unknown(value: object) -> bool:
    """Whether there is UNKNOWN anywhere in it."""
    if isinstance(value, dict):
        return any(map(has_unknown, value.values()))
    if isinstance(value, list):
        return any(map(has_unknown, value))
    return value is UNKNOWN


def _watched(value: object, at: At, read: list[str]) -> object:
    if isinstance(value, dict):
        return _Watched(value, at, read)
    if isinstance(value, list):
        return [_watched(each, (*at, index), read) for index, each in enumerate(value)]
    return value

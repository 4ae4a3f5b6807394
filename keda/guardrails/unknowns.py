"""What is unknown of a manifest in a preview: where it stands, who reads it, what it may turn out to be."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from keda.core.errors import join
from keda.manifests.declared import UNKNOWN
from keda.manifests.reading import At

_TEXTS = ("1", "x", "tcp://a.example.org:1/b", "true")
_OTHERS: tuple[Any, ...] = (1, {}, 100_000, "x")
_OF_TEXTS = frozenset({"annotations", "labels", "matchLabels", "data", "stringData"})
_UNKNOWN_NAME = "(unknown)"


def has_unknown(value: object) -> bool:
    """Whether there is UNKNOWN anywhere in it."""
    return next(unknown_paths(value), None) is not None


def unknown_paths(value: object, at: At = ()) -> Iterator[At]:
    """Where UNKNOWN stands."""
    if value is UNKNOWN:
        yield at
    elif isinstance(value, dict):
        for key, each in value.items():
            if each is UNKNOWN or isinstance(each, (dict, list)):
                yield from unknown_paths(each, (*at, str(key)))
    elif isinstance(value, list):
        for index, each in enumerate(value):
            if each is UNKNOWN or isinstance(each, (dict, list)):
                yield from unknown_paths(each, (*at, index))


def stand_ins(manifest: Mapping[Any, Any]) -> Iterator[Mapping[Any, Any]]:
    """The manifest with values in place of UNKNOWN, several times: what a rule finds in all of them does not
    depend on the unknown values.
    """
    for choice in range(len(_TEXTS)):
        yield _filled(dict(manifest), (), choice)


def _filled(value: Any, at: At, choice: int) -> Any:
    if value is UNKNOWN:
        return _stand_in(at, choice)
    if isinstance(value, dict):
        return {key: _filled(each, (*at, str(key)), choice) for key, each in value.items()}
    if isinstance(value, list):
        return [_filled(each, (*at, index), choice) for index, each in enumerate(value)]
    return value


def _stand_in(at: At, choice: int) -> Any:
    if at[0] == "metadata" and at[-1] in ("name", "namespace"):
        return _UNKNOWN_NAME
    inside = at[-2] if len(at) > 1 else ""
    if inside in _OF_TEXTS or (inside == "metadata" and "triggers" in at):
        return _TEXTS[choice]
    return {} if at == ("metadata",) else _OTHERS[choice]


class _Watched(dict[Any, Any]):
    """A mapping that notes where UNKNOWN is read from it."""

    def __init__(self, content: dict[Any, Any], at: At, note: Callable[[str], None]) -> None:
        super().__init__({key: watched(value, note, (*at, str(key))) for key, value in content.items()})
        self._at, self._note = at, note

    def _noted(self, key: Any, value: Any) -> Any:
        if value is UNKNOWN:
            self._note(join(*self._at, str(key)))
        return value

    def __getitem__(self, key: Any) -> Any:
        return self._noted(key, super().__getitem__(key))

    def get(self, key: Any, default: Any = None) -> Any:
        return self._noted(key, super().get(key, default))

    def items(self) -> Any:
        for key, value in super().items():
            self._noted(key, value)
        return super().items()

    def values(self) -> Any:
        self.items()
        return super().values()


class _WatchedList(list[Any]):
    """A list of which every element counts as read once one is."""

    def __init__(self, content: list[Any], at: At, note: Callable[[str], None]) -> None:
        super().__init__(watched(each, note, (*at, index)) for index, each in enumerate(content))
        self._at, self._note = at, note

    def __iter__(self) -> Iterator[Any]:
        for index, each in enumerate(super().__iter__()):
            if each is UNKNOWN:
                self._note(join(*self._at, index))
            yield each


def watched(value: Any, note: Callable[[str], None], at: At = ()) -> Any:
    """`value`, calling `note` with the path each time that UNKNOWN is read from it."""
    if isinstance(value, dict):
        return _Watched(value, at, note)
    return _WatchedList(value, at, note) if isinstance(value, list) else value


def unknown_reads(manifest: object, reader: Callable[[object], object]) -> list[str]:
    """The paths at which `reader` met UNKNOWN, in the order of reading."""
    read: dict[str, None] = {}
    reader(watched(manifest, lambda path: read.setdefault(path)))
    return list(read)

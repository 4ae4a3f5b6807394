"""Other names of KEDA's keys: a recipe of the stack file has settings of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType

_SPELLING: ContextVar[Mapping[str, str]] = ContextVar("spelling", default=MappingProxyType({}))


@contextmanager
def spelled(words: Mapping[str, str]) -> Iterator[None]:
    """Messages made within name settings; `words` are these by KEDA's keys."""
    token = _SPELLING.set(words)
    try:
        yield
    finally:
        _SPELLING.reset(token)


def spelling(key: str) -> str:
    """The name of a key for a message."""
    return _SPELLING.get().get(key, key)

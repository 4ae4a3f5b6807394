"""What KEDA 2.19.0 refuses of a trigger, as data: which sort of refusal, of which parameters, in which words.

A rule that finds a fault returns a `Refusal`; its reader uses its fields, never its words.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal, NamedTuple

Kind = Literal[
    "missing",
    "credentials",
    "unreadable",
    "value",
    "conflict",
    "removed",
    "crash",
    "unsupported",
    "metric-type",
    "unknown-type",
]


class Refusal(NamedTuple):
    """One reason of KEDA's not to build a scaler. `str()` is KEDA's whole sentence.

    | kind | `parameters` |
    |---|---|
    | missing | the absent ones, of which one would do |
    | credentials | the same, and a pod identity would do as well |
    | unreadable | the one whose text is not of its type, by all its names |
    | value | the one whose value is read, and not taken |
    | conflict | the given ones that do not go together |
    | removed | the one that a former release of KEDA took |
    | crash | the one whose value makes KEDA's operator panic |
    | unsupported | none: a pod identity that the scaler does not take |
    | metric-type | none |
    | unknown-type | none |
    """

    kind: Kind
    parameters: tuple[str, ...]
    words: str
    """KEDA's own, without `detail`."""
    detail: str = ""
    """What follows `words` and a colon: the message of a parser below KEDA's."""
    allowed: tuple[str, ...] = ()
    """The values that the parameter may have, where they can be counted."""

    def __str__(self) -> str:
        return f"{self.words}: {self.detail}" if self.detail else self.words


class RefusalError(Exception):
    """Ends a parser at its first refusal."""

    def __init__(self, refusal: Refusal) -> None:
        self.refusal = refusal
        super().__init__(str(refusal))


def missing(words: str, *parameters: str) -> Refusal:
    """No value where one of `parameters` is required; `words` are KEDA's own, here and below."""
    return Refusal("missing", parameters, words)


def credentials(words: str, *parameters: str) -> Refusal:
    """No credentials; a pod identity would do as well."""
    return Refusal("credentials", parameters, words)


def unreadable(words: str, *parameters: str, detail: str = "") -> Refusal:
    """A text that is not of the parameter's type; `detail` is the parser's message."""
    return Refusal("unreadable", parameters, words, detail)


def bad_value(words: str, *parameters: str, detail: str = "", allowed: Iterable[str] = ()) -> Refusal:
    """A value that KEDA reads and refuses; `allowed` are those it takes, where they can be counted."""
    return Refusal("value", parameters, words, detail, tuple(allowed))


def conflict(words: str, *parameters: str) -> Refusal:
    """Given parameters that exclude one another."""
    return Refusal("conflict", parameters, words)


def crash(words: str, *parameters: str, allowed: Iterable[str] = ()) -> Refusal:
    """A value that makes KEDA's operator panic."""
    return Refusal("crash", parameters, words, allowed=tuple(allowed))


def unsupported(words: str) -> Refusal:
    """A pod identity that the scaler does not take."""
    return Refusal("unsupported", (), words)


def first_missing(values: Mapping[str, Any], *names: str, words: str = "no {} given") -> Refusal | None:
    """For the first of `names` that has no value."""
    return next((missing(words.format(name), name) for name in names if not values.get(name)), None)


def absent(values: Mapping[str, Any], named: Mapping[str, str], words: str = "no {} given") -> Refusal | None:
    """For the first parameter without a value; `named` holds KEDA's word for each."""
    return next(
        (missing(words.format(label), name) for name, label in named.items() if not values[name]), None
    )


def pair(values: Mapping[str, Any], one: str, other: str, words: str) -> Refusal | None:
    """For the absent one of two parameters that go together."""
    if bool(values.get(one)) == bool(values.get(other)):
        return None
    return missing(words, one if values.get(other) else other)

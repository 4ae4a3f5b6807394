"""A user's mistake, in one line: where, what was written, why it hurts at run time, what to write instead.

`SpecError` is the only exception this project raises for a user's mistake; it carries every fault found.
Values are shown only where they cannot be secrets.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final, NamedTuple

MISSING: Final = object()
"""The `value` of a fault that has none to show, such as a missing or an unknown key."""

IN_PLAIN_TEXT = "a secret in plain text:"
READABLE = "everyone who can read the object or its repository can read it."
PLAIN_TEXT = f"{IN_PLAIN_TEXT} {READABLE}"
INTO_A_SECRET = "Put it into a Secret and name that in a TriggerAuthentication."

_SECRET_KEY = re.compile(
    r"(?i)(pass(word|wd|phrase)?|secret|token|credentials?|(api|access|private|shared|account)[-_]?key"
    r"|sas[-_]?key|connection([-_]?string)?|bearer|kubeconfig)$"
)
_SECRET_VALUE = re.compile(
    r"://[^/\s@]*:[^/\s@]+@|^(gh[opsu]_|github_pat_|eyJ|AKIA|xox[abp]-|sk-|-----BEGIN)"
)
# Wider than what is refused: a password may stand in an address without a scheme, or in its query.
_USER_INFO = re.compile(r"[^\s/:@\"]*:[^\s/@\"]+@")
_SECRET_QUERY = re.compile(r"(?i)[?&;][\w-]*(pass|pwd|secret|token|credential|key|sig|auth)[\w-]*=[^\s&;\"]*")
_PLAIN_KEY = re.compile(r"[A-Za-z_$][\w$-]*")
_SHOWN_CHARACTERS = 60


@functools.lru_cache(maxsize=1024)
def is_secret_key(key: str) -> bool:
    """Whether a key names something that must not be written, or printed, in plain text."""
    return _SECRET_KEY.search(key) is not None


def is_secret_value(value: str) -> bool:
    """Whether a text carries a credential: a URL with a password, or a well-known token prefix."""
    return _SECRET_VALUE.search(value) is not None


def join(*parts: str | int) -> str:
    """A path as a person writes it: `join("workloads", "a.b", "triggers", 0)` is
    `workloads["a.b"].triggers[0]`.
    """
    path = ""
    for part in parts:
        if isinstance(part, int):
            path += f"[{part}]"
        elif _PLAIN_KEY.fullmatch(part):
            path += f".{part}" if path else part
        else:
            path += f"[{json.dumps(part)}]"
    return path


def last_key(path: str) -> str:
    """The innermost key of a path, list indexes aside: `a.triggers[0]` gives `triggers`."""
    return re.split(r"[.\[]", re.sub(r"(\[\d+])+$", "", path))[-1].rstrip(']"').lstrip('"')


def show(value: object, path: str = "") -> str:
    """A value for a message: shortened, and never a secret (judged by its key and its look).

    The spelling is JSON's; a text with double quotes has single ones around it, as in YAML.
    """
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, (list, tuple, set)):
        return "a list"
    if is_secret_key(last_key(path)) or (isinstance(value, str) and _may_hold_secret(value)):
        return "(value hidden)"
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if value is None or isinstance(value, (str, bool, int, float)):
        text = f"'{value}'" if _is_better_in_single_quotes(value) else json.dumps(value, ensure_ascii=False)
        # JSON lets some line ends and terminal controls through; a message stays one line, and harmless.
        text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
        return text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "…"
    return type(value).__name__


def _is_better_in_single_quotes(value: object) -> bool:
    return isinstance(value, str) and '"' in value and value.isprintable() and not {"'", "\\"} & set(value)


def printable(text: str) -> str:
    """Without the characters that XML has no place for, and a terminal may obey."""
    return text if text.isprintable() else "".join(each if each.isprintable() else " " for each in text)


def _may_hold_secret(value: str) -> bool:
    """Whether a text must not be quoted: it carries a credential, or looks as if it could."""
    return any(each.search(value) for each in (_SECRET_VALUE, _USER_INFO, _SECRET_QUERY))


def masked(text: str) -> str:
    """A text without the user info and the credentials in the queries of its addresses."""
    return _SECRET_QUERY.sub("…", _USER_INFO.sub("…@", text))


def counted(number: int, noun: str) -> str:
    """`1 file`, `2 files`."""
    return f"{number} {noun}{'s' * (number != 1)}"


def did_you_mean(word: str, known: Iterable[str], *, cutoff: float = 0.6) -> str | None:
    """The known word closest to a mistyped one, if one is close (upper and lower case aside).

    `cutoff`: 1 is equal, 0 is any word.
    """
    import difflib  # Slow to load, and most checks find nothing.

    words = {candidate.lower(): candidate for candidate in known}
    close = difflib.get_close_matches(word.lower(), words, n=1, cutoff=cutoff)
    return words[close[0]] if close else None


def one_of(known: Iterable[str], near: str | None) -> tuple[str, str]:
    """What is wrong with a word that is none of `known`, and the fix: the one that is `near`, or any."""
    words = ", ".join(known)
    return f"is not one of {words}.", f"Write {near}." if near else f"Write one of {words}."


class Fault(NamedTuple):
    """One mistake. `why` completes the sentence the value begins: `"ten"` + `is not a whole number. KEDA
    would …`.
    """

    path: str
    value: object
    why: str
    fix: str

    def under(self, prefix: str) -> Fault:
        """The same fault, seen from further out."""
        dot = "." if prefix and self.path and not self.path.startswith("[") else ""
        return self._replace(path=f"{prefix}{dot}{self.path}")

    def __str__(self) -> str:
        shown = "" if self.value is MISSING else f"{show(self.value, self.path)} "
        where = f"{self.path}: " if self.path else ""
        # A fix may repeat the value, with a password in it.
        return f"{where}{shown}{masked(f'{self.why} {self.fix}')}".strip()


class SpecError(ValueError):
    """A user's mistakes; `str()` gives one line for each."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__(self.faults)

    def __str__(self) -> str:
        return "\n".join(map(str, self.faults))


class Refused(ValueError):
    """A field's value is refused; the model that owns the field adds its path and what it would lead to.

    Without a `fix`, the field's example is the fix; without a `consequence`, the model's is.
    """

    def __init__(self, why: str, fix: str | None = None, consequence: str | None = None) -> None:
        self.why, self.fix, self.consequence = why, fix, consequence
        super().__init__(why)


class Faults(list[Fault]):
    """Collects the faults of several parts, so that a person sees all of them at once."""

    @contextmanager
    def under(self, path: str) -> Iterator[None]:
        """Collect the `SpecError` of the block, its faults placed under `path`."""
        try:
            yield
        except SpecError as error:
            self.extend(fault.under(path) for fault in error.faults)

    def raise_if_any(self) -> None:
        """Raises `SpecError` if anything was collected."""
        if self:
            raise SpecError(self)

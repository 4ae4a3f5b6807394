"""The findings as text for a person: a header for each object, and below it a paragraph for each finding."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

from keda.checks.findings import Finding
from keda.checks.output import Line
from keda.core.errors import printable

BOLD, DIM, RED, MAGENTA, PLAIN = "1", "2", "1;31", "1;35", ""
"""Of ANSI's colours, those that can be read on a dark and on a light terminal."""
_INDENT = "    "

Words = Sequence[tuple[str, str]]
"""Texts that are not broken, each with its colour."""


class Look(NamedTuple):
    """`width`: characters of a line; 0: lines are not wrapped."""

    colour: bool = False
    width: int = 0

    def text(self, words: Words, indent: str = "") -> str:
        """The words with a space between them, in lines; every line but the first is indented by four."""
        lines: list[list[tuple[str, str]]] = [[]]
        length = len(indent)
        for word, colour in words:
            if self.width and lines[-1] and length + len(word) > self.width:
                lines.append([])
                length = len(_INDENT)
            lines[-1].append((word, colour))
            length += len(word) + 1
        first, *others = map(self._line, lines)
        return "\n".join([indent + first, *(_INDENT + each for each in others)])

    def _line(self, words: Words) -> str:
        runs = [
            (colour, printable(" ".join(word for word, _ in run)))
            for colour, run in groupby(words, lambda each: each[1])
        ]
        return " ".join(
            f"\033[{colour}m{text}\033[0m" if self.colour and colour else text for colour, text in runs
        )


_PLAIN_LOOK = Look()
_ALONE: Mapping[str, Collection[object]] = {}


def as_text(
    lines: Iterable[Line], look: Look = _PLAIN_LOOK, also: Mapping[str, Collection[object]] = _ALONE
) -> Iterator[str]:
    """The object, then for each finding `file:line: severity [rule] path: what`, and indented lines below it.

    `also`: by the place of a document, the other objects that are made of it and are not named.
    These are why, what to write, where the objects are, and KEDA's wording. On a terminal, a new line begins
    after the rule.
    """
    last: tuple[str, ...] = ()
    for line in lines:
        finding = line.finding
        group = (line.file, line.document, finding.object)
        if group != last:
            yield from [""] * bool(last)
            others = also.get(line.document, ())
            more = _words(f"and {len(others)} more of this file") if others else []
            yield look.text([(finding.object, BOLD), *more])
            last = group
        severity = (finding.severity, RED if finding.severity == "error" else MAGENTA)
        place = [(f"{line.file}:{line.line}:", PLAIN), severity, (f"[{finding.code}]", PLAIN)]
        what = [(f"{finding.path}:", BOLD), *_words(finding.what.rstrip(".:"))]
        if look.width:
            yield look.text(place)
            yield look.text(what, _INDENT)
        else:
            yield look.text([*place, *what])
        below = (
            _words(_sentence(finding)),
            [("Fix:", BOLD), *_words(finding.fix)] if finding.fix else [],
            _words(finding.places, DIM),
            _words(f"Run-time message: {finding.keda}" if finding.keda else "", DIM),
        )
        yield from (look.text(words, _INDENT) for words in below if words)


def _sentence(finding: Finding) -> str:
    """Why, which stands alone here."""
    why = finding.why
    return f"{why[0].upper()}{why[1:]}" if finding.what.endswith(":") else why


def _words(text: str, colour: str = PLAIN) -> Words:
    return [(word, colour) for word in text.split()]

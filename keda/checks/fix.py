"""`keda check --fix`: the mistakes whose correction is certain, corrected in the file's own text.

Certain is what keeps the meaning: quotes put around a text, or taken from a number, and a word of KEDA's
vocabulary that is right but for upper and lower case, hyphens or one letter.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Any

import yaml

from keda.checks.engine import judge_alone
from keda.checks.findings import Finding
from keda.core.errors import is_secret_key
from keda.manifests.documents import Document, Source, Unreadable, documents
from keda.manifests.objects import items
from keda.manifests.reading import At, dig, mapping

ROUNDS = 5
"""A correction may show the next mistake: of a scaler whose type is right the parameters are known."""
_KEYS = ("misspelt-parameter", "unknown-annotation", "unknown-field")
"""Rules on a key that is another of a known few."""
_WORDS = (
    "hpa-behavior", "job-strategy", "metric-type", "target-not-scalable", "trigger-parameter",
    "unknown-kind", "unknown-scaler", "unknown-value",
)  # fmt: skip
"""Rules on a value that is one of a known few."""
_ADVICE = re.compile(r"Write (?:kind: )?([\w./-]+)\.")
_QUOTE = "Put it in quotes"
_WHOLE = re.compile(r"0|-?[1-9][0-9]{0,9}")
_BOOLS = ("true", "false", "yes", "no", "on", "off")


@dataclass(frozen=True)
class Edit:
    """A correction of a value, or of a key, at a place within its document."""

    finding: Finding
    at: At
    new: Any
    key: bool = False

    def __str__(self) -> str:
        what = f"put in quotes{_shown(self)}" if self.quotes else f"now {self.new}"
        return f"{self.finding.object} {self.finding.path}: {what} [{self.finding.code}]"

    @property
    def quotes(self) -> bool:
        return self.finding.fix.startswith(_QUOTE)


def fix_file(path: Path) -> Iterator[str]:
    """Correct a file; a line for each correction, and for what forbids one. Raises OSError."""
    for _ in range(ROUNDS):
        made, why_not = _fix_once(path)
        yield from filter(None, [*made, why_not])
        if not made:
            return


def _fix_once(path: Path) -> tuple[list[str], str]:
    """Correct a file: (a line for each correction, "" or why it stays as it is).

    The file is replaced only by a text that reads as the same objects with the corrections and nothing else.
    """
    try:
        with path.open("rb") as stream:
            given = list(documents(Source(stream)))
    except Unreadable:
        return [], ""  # the check says so
    wanted = [list(_edits(document)) for document in given]
    if not any(wanted):
        return [], ""
    text = path.read_bytes().decode("utf-8-sig")
    made: list[tuple[int, Edit]] = []
    changes: dict[int, tuple[int, str]] = {}
    try:
        nodes = [node for node in yaml.compose_all(text, Loader=yaml.CSafeLoader) if not _is_null(node)]
    except yaml.YAMLError:
        return [], f"{path}: not corrected: an anchor is there twice, so what an alias means is not certain."
    for document, node, edits in zip(given, nodes, wanted, strict=False):
        done: list[Edit] = []
        for edit in edits:
            change = _change(node, edit, text)
            if change and change[0] not in changes:
                changes[change[0]] = change[1:]
                made.append((document.line_of(edit.at), edit))
                done.append(edit)
        for edit in sorted(done, key=lambda each: each.key):  # under its new key a value is not found again
            _correct(document.value, edit)
    for start, (end, new) in sorted(changes.items(), reverse=True):
        text = text[:start] + new + text[end:]
    if made and not _reads_as(text, given):
        return [], f"{path}: not corrected: an anchor or alias makes the change reach further."
    if made:
        _write(path.resolve(), text)
    return [f"{path}:{line}: fixed: {edit}" for line, edit in sorted(made, key=itemgetter(0))], ""


def _edits(document: Document) -> Iterator[Edit]:
    for item in items(document.value):
        for finding in judge_alone(item):
            yield from _edit(finding, dig(document.value, *finding.at), document.value)


def _edit(finding: Finding, value: object, whole: object) -> Iterator[Edit]:
    """The correction, if it is certain."""
    at, fix, advice = finding.at, finding.fix, _ADVICE.fullmatch(finding.fix)
    if fix.startswith(_QUOTE) and isinstance(value, (bool, int, float)):
        yield Edit(finding, at, str(value).lower() if isinstance(value, bool) else str(value))
    elif fix == "Write a whole number, without quotes." and _WHOLE.fullmatch(str(value)):
        yield Edit(finding, at, int(str(value)))
    elif fix == "Write true or false, without quotes." and value in ("true", "false"):
        yield Edit(finding, at, value == "true")
    elif advice and finding.code in _KEYS:
        if advice[1] not in mapping(dig(whole, *at[:-1])) and _is_slip(str(at[-1]), advice[1]):
            yield Edit(finding, at, advice[1], key=True)
    elif advice and finding.code in _WORDS and isinstance(value, str) and _is_slip(value, advice[1]):
        yield Edit(finding, at, advice[1])


def _is_slip(written: str, meant: str) -> bool:
    """Whether the two are one word but for case, hyphens and underscores, or one letter."""
    one, other = (re.sub(r"[-_ ]", "", word.lower()) for word in (written, meant))
    if one == other:
        return True
    if min(len(one), len(other)) < 5 or re.sub(r"[a-z]", "", one) != re.sub(r"[a-z]", "", other):
        return False
    at = len(os.path.commonprefix([one, other]))
    rest, meant_rest = one[at:], other[at:]
    return meant_rest in (rest[1:], rest[1::-1] + rest[2:]) or meant_rest[1:] in (rest, rest[1:])


def _change(node: Any, edit: Edit, text: str) -> tuple[int, int, str] | None:
    """(Start, end, new text); None where the value is not written in a way that can be exchanged."""
    key = None
    for part in edit.at:
        if isinstance(node, yaml.SequenceNode) and isinstance(part, int):
            node = node.value[part]
        elif isinstance(node, yaml.MappingNode):
            pairs = (pair for pair in node.value if isinstance(pair[0], yaml.ScalarNode))
            key, node = next((pair for pair in pairs if pair[0].value == part), (None, None))
    node = key if edit.key else node
    if not isinstance(node, yaml.ScalarNode):
        return None
    start, end = node.start_mark.index, node.end_mark.index
    written = text[start:end]
    quote = written[:1] if written[:1] in ("'", '"') and written[-1:] == written[:1] else ""
    if edit.quotes:
        as_written = written == edit.new or written.lower() in _BOOLS
        return (start, end, f'"{edit.new}"') if as_written and not quote else None
    if not isinstance(edit.new, str):
        return (start, end, written[1:-1]) if quote else None
    if written.strip("\"'") != (node.value if not edit.key else edit.at[-1]):
        return None  # a block of text, a tag, an anchor
    return start, end, f"{quote}{edit.new}{quote}"


def _correct(value: Any, edit: Edit) -> None:
    inside, last = dig(value, *edit.at[:-1]), edit.at[-1]
    if not edit.key:
        inside[last] = edit.new
        return
    entries = [(edit.new if name == last else name, inner) for name, inner in inside.items()]
    inside.clear()
    inside.update(entries)


def _reads_as(text: str, wanted: list[Document]) -> bool:
    try:
        read = [document.value for document in documents(text)]
    except Unreadable:
        return False
    # As text, since True == 1, and no number equals NaN.
    return repr(read) == repr([document.value for document in wanted])


def _write(path: Path, text: str) -> None:
    """Replace a file whole, so that nothing is lost if the power is."""
    mark = b"\xef\xbb\xbf" if path.read_bytes().startswith(b"\xef\xbb\xbf") else b""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(mark + text.encode())
        shutil.copymode(path, name)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink()
        raise


def _shown(edit: Edit) -> str:
    return "" if is_secret_key(str(edit.at[-1])) else f': "{edit.new}"'


def _is_null(node: Any) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null"

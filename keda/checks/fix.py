"""`keda check --fix`: the mistakes whose correction is certain (a finding's `edit`), corrected in the
file's own text.
"""

from __future__ import annotations

import os
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
from keda.checks.registry import Edit
from keda.core.errors import is_secret_key, join
from keda.manifests.documents import Document, Source, Unreadable, documents
from keda.manifests.objects import items
from keda.manifests.reading import At, dig

ROUNDS = 5
"""A correction may show the next mistake: of a scaler whose type is right the parameters are known."""
_BOOLS = ("true", "false", "yes", "no", "on", "off")


@dataclass(frozen=True)
class _Correction:
    """A finding's edit, at its place within the document."""

    finding: Finding
    edit: Edit

    def __str__(self) -> str:
        new, last = self.edit.new, str(self.finding.at[-1])
        shown = "" if is_secret_key(last) else f': "{new}"'
        what = f"put in quotes{shown}" if self.edit.quotes else f"now {new}"
        if self.edit.under:
            what = f"moved to {join(*self.finding.at[:-1], *self.edit.under, last)}"
        return f"{self.finding.object} {self.finding.path}: {what} [{self.finding.code}]"


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
        return [], ""  # the check reports it
    wanted = [list(_corrections(document)) for document in given]
    if not any(wanted):
        return [], ""
    text = path.read_bytes().decode("utf-8-sig")
    made: list[tuple[int, _Correction]] = []
    changes: dict[int, tuple[int, str]] = {}
    try:
        nodes = [node for node in yaml.compose_all(text, Loader=yaml.CSafeLoader) if not _is_null(node)]
    except yaml.YAMLError:
        return [], f"{path}: not corrected: an anchor is there twice, so what an alias means is not certain."
    for document, node, corrections in zip(given, nodes, wanted, strict=False):
        done: list[_Correction] = []
        for each in corrections:
            change = _change(node, each.finding.at, each.edit, text)
            if change and change[0] not in changes:
                changes[change[0]] = change[1:]
                made.append((document.line_of(each.finding.at), each))
                done.append(each)
        # Under its new key a value is not found again, so keys come last.
        for each in sorted(done, key=lambda one: one.edit.key):
            _correct(document.value, each.finding.at, each.edit)
    for start, (end, new) in sorted(changes.items(), reverse=True):
        text = text[:start] + new + text[end:]
    if made and not _reads_as(text, given):
        return [], f"{path}: not corrected: an anchor or alias makes the change reach further."
    if made:
        _write(path.resolve(), text)
    return [f"{path}:{line}: fixed: {each}" for line, each in sorted(made, key=itemgetter(0))], ""


def _corrections(document: Document) -> Iterator[_Correction]:
    for item in items(document.value):
        for finding in judge_alone(item):
            if finding.edit is not None:
                yield _Correction(finding, finding.edit)


def _change(node: Any, at: At, edit: Edit, text: str) -> tuple[int, int, str] | None:
    """(Start, end, new text); None where the value is not written in a way that can be exchanged."""
    key = parent = None
    for part in at:
        parent = node
        if isinstance(node, yaml.SequenceNode) and isinstance(part, int):
            node = node.value[part]
        elif isinstance(node, yaml.MappingNode):
            pairs = (pair for pair in node.value if isinstance(pair[0], yaml.ScalarNode))
            key, node = next((pair for pair in pairs if pair[0].value == part), (None, None))
    if edit.under:
        block = key is not None and parent is not None and not parent.flow_style
        return _nested(key, node, edit.under, text) if block else None
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
    if written.strip("\"'") != (node.value if not edit.key else at[-1]):
        return None  # a block of text, a tag, an anchor
    return start, end, f"{quote}{edit.new}{quote}"


def _nested(key: Any, value: Any, under: tuple[str, ...], text: str) -> tuple[int, int, str]:
    """A key of a block, with its value and the comments in it, below new keys."""
    start, column = key.start_mark.index, key.start_mark.column
    lines = text[start : value.end_mark.index].splitlines(keepends=True)
    # PyYAML ends a block where the next token begins: a comment between may belong to that.
    while not value.flow_style and (not lines[-1].strip() or _indent(lines[-1]) <= column) and lines[1:]:
        lines.pop()
    end = "\r\n" if "\r\n" in text else "\n"
    above = "".join(f"{name}:{end}{' ' * (column + 2 * depth)}" for depth, name in enumerate(under, 1))
    shift = "  " * len(under)
    below = "".join(shift + line if line.strip() else line for line in lines[1:])
    return start, start + len("".join(lines)), f"{above}{lines[0]}{below}"


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _correct(value: Any, at: At, edit: Edit) -> None:
    inside, last = dig(value, *at[:-1]), at[-1]
    if not edit.key:
        inside[last] = edit.new
        return
    nested = inside[last]
    for name in reversed((*edit.under[1:], edit.new) if edit.under else ()):
        nested = {name: nested}
    first = edit.under[0] if edit.under else edit.new
    entries = [(first, nested) if name == last else (name, inner) for name, inner in inside.items()]
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


def _is_null(node: Any) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null"

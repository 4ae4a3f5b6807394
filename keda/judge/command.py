"""`python -m keda check` and `explain`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from keda.errors import did_you_mean
from keda.judge import check
from keda.judge.documents import MAX_BYTES, Document, Unreadable, documents
from keda.judge.findings import rules
from keda.judge.output import FORMATS, Line
from keda.judge.pages import explain_rule
from keda.ownership import Declared

SUFFIXES = (".yaml", ".yml", ".json")


class NotThere(Exception):
    """What was asked for does not exist: one line."""


@dataclass(frozen=True)
class _Placed:
    """A document and its file."""

    document: Document
    file: str


def check_paths(paths: Iterable[str]) -> tuple[list[Line], list[str]]:
    """(The findings on all objects of the files, judged together; what could not be read, a line each.)"""
    unreadable: list[str] = []
    placed = [each for path in paths for each in _read(path, unreadable)]
    # `where` is the document's place, so that each finding is traced to its document and then to its line.
    declared = [Declared(each.document.value, _where(each)) for each in placed]
    by_place = {_where(each): each for each in placed}
    lines = []
    for finding in check(declared):
        found = by_place[finding.where]
        line = found.document.line_of(finding.at)
        lines.append(Line(replace(finding, where=f"{found.file}:{line}"), found.file, line))
    return lines, unreadable


def _where(placed: _Placed) -> str:
    return f"{placed.file}:{placed.document.line}"


def _read(path: str, unreadable: list[str]) -> Iterator[_Placed]:
    """The documents of a file, a directory or standard input."""
    if path == "-":
        yield from _documents(sys.stdin.buffer.read(), "<stdin>", unreadable)
        return
    files = _files(Path(path))
    if not files:
        unreadable.append(f"{path}: there is no YAML or JSON file here.")
    for file in files:
        try:
            content = file.read_bytes()
        except OSError as error:
            unreadable.append(f"{file}: cannot be read: {error.strerror}.")
        else:
            yield from _documents(content, str(file), unreadable)


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    found = (each for each in path.rglob("*") if each.suffix in SUFFIXES and each.is_file())
    hidden = len(path.parts)
    return sorted(each for each in found if not any(part.startswith(".") for part in each.parts[hidden:]))


def _documents(content: bytes, file: str, unreadable: list[str]) -> Iterator[_Placed]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        unreadable.append(f"{file}: is no text of UTF-8. Give YAML or JSON.")
        return
    if len(content) > MAX_BYTES and "\n---" not in text:
        unreadable.append(f"{file}: one document of more than {MAX_BYTES >> 20} MiB. Kubernetes takes 3 MiB.")
        return
    try:
        for document in documents(text):
            yield _Placed(document, file)
    except Unreadable as error:
        template = " Is it a Helm template? Give what `helm template` renders." if "{{" in text else ""
        unreadable.append(f"{file}:{error.line}: is no YAML that Kubernetes reads: {error.why}.{template}")


def main(arguments: Sequence[str] | None = None) -> int:
    """0: no finding of severity error; 1: some; 2: something could not be read."""
    parser = argparse.ArgumentParser(
        prog="keda", description="KEDA 2.19.0's specs, judged before they are applied."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    checking = commands.add_parser("check", help="judge manifests: files, directories, - for stdin")
    checking.add_argument("paths", nargs="*", metavar="PATH")
    checking.add_argument("--format", choices=sorted(FORMATS), default="text")
    checking.add_argument("--explain", metavar="RULE", help="what a rule means, and what passes")
    explaining = commands.add_parser("explain", help="a scaler's parameters, or a rule")
    explaining.add_argument("name", metavar="SCALER")
    chosen = parser.parse_args(arguments)
    try:
        if chosen.command == "explain":
            return _say(_explain(chosen.name))
        if chosen.explain:
            return _say(explain_rule(_known_rule(chosen.explain)))
        if not chosen.paths:
            raise NotThere("keda check: no path given. Write `python -m keda check PATH…`, or - for stdin.")
        lines, unreadable = check_paths(chosen.paths)
    except NotThere as error:
        print(error, file=sys.stderr)
        return 2
    _say(FORMATS[chosen.format](lines))
    for line in unreadable:
        print(line, file=sys.stderr)
    if unreadable:
        return 2
    return 1 if any(line.finding.severity == "error" for line in lines) else 0


def _say(text: str) -> int:
    try:
        if text:
            print(text)
        sys.stdout.flush()
    except BrokenPipeError:
        sys.stderr.close()
    return 0


def _known_rule(name: str) -> str:
    if name not in rules():
        guess = did_you_mean(name, rules())
        raise NotThere(
            f"{name}: is no rule."
            + (f" Did you mean {guess}?" if guess else f" Rules: {', '.join(rules())}.")
        )
    return name


def _explain(name: str) -> str:
    if name in rules():
        return explain_rule(name)
    from keda import triggers
    from keda.judge.pages import explain_scaler
    from keda.typed_config import scalers

    if name not in scalers():
        guess = did_you_mean(name, scalers())
        raise NotThere(f"{name}: is no scaler of KEDA 2.19." + (f" Did you mean {guess}?" if guess else ""))
    explain = getattr(triggers, "explain", None)
    return str(explain(name)) if callable(explain) else explain_scaler(name)

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


class CannotRead(Exception):
    """A path or a document that cannot be read: one line."""


@dataclass(frozen=True)
class _Placed:
    """A document and its file."""

    document: Document
    file: str


def check_paths(paths: Iterable[str]) -> list[Line]:
    """The findings on all objects of the files, judged together. Raises CannotRead."""
    placed = [each for path in paths for each in _read(path)]
    # `where` is the document's number, so that each finding is traced to its document and line.
    declared = [Declared(each.document.value, _where(each)) for each in placed]
    by_place = {_where(each): each for each in placed}
    lines = []
    for finding in check(declared):
        found = by_place[finding.where]
        line = found.document.line_of(finding.at)
        lines.append(Line(replace(finding, where=f"{found.file}:{line}"), found.file, line))
    return lines


def _where(placed: _Placed) -> str:
    return f"{placed.file}:{placed.document.line}"


def _read(path: str) -> Iterator[_Placed]:
    if path == "-":
        yield from _documents(sys.stdin.buffer.read(), "<stdin>")
        return
    for file in _files(Path(path)):
        try:
            content = file.read_bytes()
        except OSError as error:
            raise CannotRead(f"{file}: cannot be read: {error.strerror}.") from None
        yield from _documents(content, str(file))


def _files(path: Path) -> Iterator[Path]:
    if path.is_dir():
        found = (each for each in path.rglob("*") if each.suffix in SUFFIXES and each.is_file())
        yield from sorted(each for each in found if not any(part.startswith(".") for part in each.parts[1:]))
    elif path.exists():
        yield path
    else:
        raise CannotRead(f"{path}: there is no such file or directory.")


def _documents(content: bytes, file: str) -> Iterator[_Placed]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise CannotRead(f"{file}: is no text of UTF-8. Give YAML or JSON.") from None
    if len(content) > MAX_BYTES and "\n---" not in text:
        raise CannotRead(f"{file}: one document of more than {MAX_BYTES >> 20} MiB. Kubernetes takes 3 MiB.")
    try:
        for document in documents(text):
            yield _Placed(document, file)
    except Unreadable as error:
        raise CannotRead(f"{file}:{error.line}: is no YAML that Kubernetes reads: {error.why}.") from None


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
            raise CannotRead("keda check: no path given. Write `python -m keda check PATH…`, or - for stdin.")
        lines = check_paths(chosen.paths)
    except CannotRead as error:
        print(error, file=sys.stderr)
        return 2
    _say(FORMATS[chosen.format](lines))
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
        raise CannotRead(
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
        raise CannotRead(f"{name}: is no scaler of KEDA 2.19." + (f" Did you mean {guess}?" if guess else ""))
    explain = getattr(triggers, "explain", None)
    return str(explain(name)) if callable(explain) else explain_scaler(name)

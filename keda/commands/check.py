"""`python -m keda check`: files in, findings out."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from io import BufferedReader
from pathlib import Path
from typing import cast

from keda.checks.engine import judge_alone, judge_among, second_owners
from keda.checks.findings import Finding
from keda.checks.output import COLLECTED, STREAMED, Line
from keda.checks.summaries import Summaries
from keda.commands.errors import NotThere
from keda.manifests.documents import Document, Source, Unreadable, documents
from keda.manifests.objects import Item, items

STDIN = "<stdin>"
SUFFIXES = (".yaml", ".yml", ".json")
FORMATS = sorted([*STREAMED, *COLLECTED])


@dataclass(frozen=True)
class _Input:
    """A file or standard input; `name` is what messages call it."""

    name: str
    open: Callable[[], BufferedReader]


def check_paths(paths: Iterable[str]) -> tuple[list[Line], list[str]]:
    """(The findings on all objects of the files, in their order; what could not be read, a line each.)"""
    unreadable: list[str] = []
    lines = list(check_stream(paths, unreadable))
    order = {line.document: number for number, line in reversed(list(enumerate(lines)))}
    return sorted(lines, key=lambda line: order[line.document]), unreadable


def check_stream(paths: Iterable[str], unreadable: list[str]) -> Iterator[Line]:
    """The findings, each as soon as it is known: what needs other objects comes at the end.

    Of each object only a summary is kept. What cannot be read goes to `unreadable`, a line each.
    """
    seen = Summaries()
    for given in _inputs(paths, unreadable):
        for document in _documents(given, unreadable):
            for item in items(document.value, f"{given.name}:{document.line}"):
                for finding in judge_alone(item):
                    yield _line(finding, item, document.line_of(finding.at))
                seen.add(item, document)
    owners = second_owners(seen)
    for item, places in seen.judged():
        for finding in judge_among(item, seen, owners):
            yield _line(finding, item, places.line_of(finding.at[len(item.prefix) :]))


def _line(finding: Finding, item: Item, line: int) -> Line:
    file, _, first = item.where.rpartition(":")
    line = line or int(first)
    return Line(replace(finding, where=f"{file}:{line}"), file, line, item.where)


def _inputs(paths: Iterable[str], unreadable: list[str]) -> Iterator[_Input]:
    for path in paths:
        if path == "-":
            yield _Input(STDIN, _stdin)
            continue
        files = _files(Path(path))
        if not files:
            unreadable.append(f"{path}: there is no YAML or JSON file here.")
        for file in files:
            yield _Input(str(file), partial(_binary, file))


def _binary(file: Path) -> BufferedReader:
    return file.open("rb")


def _stdin() -> BufferedReader:
    return cast(BufferedReader, sys.stdin.buffer)


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    found = (each for each in path.rglob("*") if each.suffix in SUFFIXES and each.is_file())
    hidden = len(path.parts)
    return sorted(each for each in found if not any(part.startswith(".") for part in each.parts[hidden:]))


def _documents(given: _Input, unreadable: list[str]) -> Iterator[Document]:
    """The documents of one input, up to what cannot be read."""
    try:
        with given.open() as stream:
            # What was found so far is seen before a pipe is waited for.
            source, empty = Source(stream, sys.stdout.flush), True
            for document in documents(source):
                empty = False
                yield document
            if empty and given.name == STDIN:
                unreadable.append(f"{STDIN}: is empty. Check whether the command before the pipe failed.")
    except OSError as error:
        unreadable.append(f"{given.name}: cannot be read: {error.strerror}.")
    except Unreadable as error:
        template = (
            " Is it a Helm template? Check the output of `helm template` instead." if source.template else ""
        )
        unreadable.append(
            f"{given.name}:{error.line}: is not valid YAML for Kubernetes: {error.why}.{template}"
        )


def fix(paths: Sequence[str]) -> None:
    """Corrects what is certain in the files, and reports each correction on stderr."""
    if "-" in paths:
        raise NotThere("keda check: --fix changes files; standard input is not a file. Give the file's path.")
    from keda.checks.fix import fix_file

    for path in paths:
        for file in _files(Path(path)):
            try:
                for line in fix_file(file):
                    print(line, file=sys.stderr)
            except OSError as error:
                print(f"{file}: cannot be changed: {error.strerror}.", file=sys.stderr)


def check(paths: Sequence[str], form: str) -> int:
    """Prints the findings. 0: none of severity error; 1: some; 2: something could not be read."""
    unreadable: list[str] = []
    severities: set[str] = set()

    def noted(lines: Iterable[Line]) -> Iterator[Line]:
        for line in lines:
            severities.add(line.finding.severity)
            yield line

    if form in STREAMED:
        for text in STREAMED[form](noted(check_stream(paths, unreadable))):
            print(text)
    else:
        lines, unreadable = check_paths(paths)
        print(COLLECTED[form](list(noted(lines))))
    sys.stdout.flush()
    for text in unreadable:
        print(text, file=sys.stderr)
    return 2 if unreadable else int("error" in severities)

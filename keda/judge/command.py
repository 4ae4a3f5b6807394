"""`python -m keda check` and `explain`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from io import BufferedReader
from pathlib import Path
from typing import cast

from keda.errors import did_you_mean
from keda.judge import judge_alone, judge_among, second_owners
from keda.judge.documents import Document, Source, Unreadable, documents
from keda.judge.findings import Finding, rules
from keda.judge.objects import Item, items
from keda.judge.output import COLLECTED, STREAMED, Line
from keda.judge.pages import explain_rule
from keda.judge.summaries import Summaries

STDIN = "<stdin>"
KEDA_VERSION = "2.19.0"
SUFFIXES = (".yaml", ".yml", ".json")
PROMETHEUS = "http://prometheus-operated.monitoring.svc:9090"
"""Where the Prometheus Operator's Service is in most clusters."""


class NotThere(Exception):
    """What was asked for does not exist: one line."""


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


def main(arguments: Sequence[str] | None = None) -> int:
    """0: no finding of severity error; 1: some; 2: something could not be read."""
    parser = argparse.ArgumentParser(prog=_program(), description="Checks KEDA manifests without a cluster.")
    parser.add_argument("--version", action="version", version=f"keda-homelab for KEDA {KEDA_VERSION}")
    commands = parser.add_subparsers(dest="command", required=True)
    checking = commands.add_parser("check", help="check manifests: files, directories, - for stdin")
    checking.add_argument("paths", nargs="*", metavar="PATH", help="file or directory; - for stdin")
    formats = sorted([*STREAMED, *COLLECTED])
    checking.add_argument("--format", choices=formats, default="text", help="default: %(default)s")
    checking.add_argument("--fix", action="store_true", help="correct the certain mistakes in the files")
    checking.add_argument("--explain", metavar="RULE", help="what a rule means, and what passes")
    explaining = commands.add_parser("explain", help="a scaler's parameters, or a rule")
    explaining.add_argument("name", metavar="NAME", help="a trigger's type, or a rule")
    adopting = commands.add_parser("adopt", help="the ScaledObject that takes an HPA over without a gap")
    adopting.add_argument("paths", nargs="+", metavar="HPA", help="its manifest; - for stdin")
    adopting.add_argument("--prometheus", metavar="URL", default=PROMETHEUS, help="default: %(default)s")
    adopting.add_argument("--adapter-config", metavar="FILE", help="Prometheus Adapter's rules")
    adopting.add_argument("--workload", action="store_true", help="print an entry of the stack file instead")
    chosen = parser.parse_args(arguments)
    try:
        if chosen.command == "adopt":
            from keda import adoption_command

            options = {"workload": chosen.workload}
            return adoption_command.run(chosen.paths, chosen.prometheus, chosen.adapter_config, **options)
        if chosen.command == "explain":
            return _say(_explain(chosen.name))
        if chosen.explain:
            return _say(explain_rule(_known_rule(chosen.explain)))
        if not chosen.paths:
            raise NotThere(f"keda check: no path given. Write `{_program()} check PATH…`, or - for stdin.")
        if chosen.fix:
            _fix(chosen.paths)
        return _check(chosen.paths, chosen.format)
    except NotThere as error:
        print(error, file=sys.stderr)
        return 2
    except BrokenPipeError:
        sys.stderr.close()  # or Python complains while it ends
        return 1


def _program() -> str:
    """The command as it was typed: `keda` where the project is installed, else through Python."""
    return "keda" if Path(sys.argv[0]).name == "keda" else "python -m keda"


def _fix(paths: Sequence[str]) -> None:
    if "-" in paths:
        raise NotThere("keda check: --fix changes files; standard input is not a file. Give the file's path.")
    from keda.judge.fix import fix_file

    for path in paths:
        for file in _files(Path(path)):
            try:
                for line in fix_file(file):
                    print(line, file=sys.stderr)
            except OSError as error:
                print(f"{file}: cannot be changed: {error.strerror}.", file=sys.stderr)


def _check(paths: Sequence[str], form: str) -> int:
    unreadable: list[str] = []
    severities: set[str] = set()

    def noted(lines: Iterable[Line]) -> Iterator[Line]:
        for line in lines:
            severities.add(line.finding.severity)
            yield line

    if form in STREAMED:
        for text in STREAMED[form](noted(check_stream(paths, unreadable))):
            _say(text)
    else:
        lines, unreadable = check_paths(paths)
        _say(COLLECTED[form](list(noted(lines))))
    sys.stdout.flush()
    for text in unreadable:
        print(text, file=sys.stderr)
    return 2 if unreadable else int("error" in severities)


def _say(text: str) -> int:
    print(text)
    return 0


def _known_rule(name: str) -> str:
    if name not in rules():
        raise _unknown(name, "not a rule", rules())
    return name


def _unknown(name: str, what: str, known: Iterable[str]) -> NotThere:
    names = list(known)
    guess = did_you_mean(name, names)
    return NotThere(
        f"{name}: is {what}. " + (f"Did you mean {guess}?" if guess else f"There are: {', '.join(names)}.")
    )


def _explain(name: str) -> str:
    if name in rules():
        return explain_rule(name)
    from keda import triggers
    from keda.judge.pages import explain_scaler
    from keda.typed_config import scalers

    if name not in scalers():
        raise _unknown(name, "neither a scaler of KEDA 2.19 nor a rule", [*scalers(), *rules()])
    explain = getattr(triggers, "explain", None)
    return str(explain(name)) if callable(explain) else explain_scaler(name)

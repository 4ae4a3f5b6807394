"""`python -m keda check`: files in, findings out."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, Namespace
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from keda.checks.engine import judge_alone, judge_among, second_owners
from keda.checks.findings import Finding
from keda.checks.output import COLLECTED, FORMATS, Line, as_github, statistics
from keda.checks.summaries import Summaries
from keda.checks.text import BOLD, Look, as_text
from keda.commands.baseline import Baseline
from keda.commands.errors import NotThere
from keda.commands.options import Options, config, patterns, relative, rule_patterns
from keda.commands.unjudged import notes
from keda.core.errors import counted
from keda.manifests.documents import Source
from keda.manifests.files import SUFFIXES, Files, Unjudged
from keda.manifests.helm import rendered
from keda.manifests.objects import Item, items
from keda.manifests.repository import Group, given_of, groups_of
from keda.manifests.unseen import Unseen

WIDEST = 110
"""Characters of a line on a terminal: longer ones are hard to read."""


def add(parser: ArgumentParser) -> None:
    """The arguments."""
    add = parser.add_argument
    add("paths", nargs="*", metavar="PATH", help="file or directory; - for stdin; default: this directory")
    add("--format", choices=FORMATS, default="text", help="default: %(default)s")
    add("--select", action="append", default=[], metavar="RULES", help="only these rules")
    add("--ignore", action="append", default=[], metavar="RULES", help="not these rules")
    add("--exclude", action="append", default=[], metavar="PATTERN", help="files and directories left out")
    add("--fail-on", choices=("error", "warning"), help="what gives exit code 1; default: error")
    add("--baseline", metavar="FILE", help="findings in this file are not reported")
    add("--write-baseline", action="store_true", help="write today's findings into it")
    add("--watch", action="store_true", help="judge again when a file changes, until Ctrl-C")
    add("--quiet", action="store_true", help="findings only")
    add("--statistics", action="store_true", help="the number of findings of each rule")
    add("--render", action="store_true", help="render charts with the helm on PATH")
    add("--values", action="append", default=[], metavar="FILE", help="values for --render")
    add("--partial", action="store_true", help="only a part of what is applied: nothing is called missing")
    add("--fix", action="store_true", help="correct the certain mistakes in the files")
    add("--explain", metavar="RULE", help="what a rule means, and what passes")


def main(chosen: Namespace) -> int:
    """Runs it; the exit code. Raises NotThere."""
    if chosen.explain:
        from keda.commands.explain import explain_rule

        print(explain_rule(chosen.explain))
        return 0
    if chosen.watch:
        from keda.commands.watch import watch

        watch(_options(chosen).paths, lambda: _once(chosen))
    return _once(chosen)


def _once(chosen: Namespace) -> int:
    options = _options(chosen)
    if chosen.fix:
        fix(options)
    return check(options)


def _options(chosen: Namespace) -> Options:
    """The command line over the configuration file. Raises NotThere."""
    here = Path()
    found = config(here)
    baseline = chosen.baseline or found.baseline
    if chosen.write_baseline and not baseline:
        raise NotThere("keda check: --write-baseline needs a file. Write --baseline FILE.")
    return Options(
        tuple(dict.fromkeys(map(relative, chosen.paths))) or found.paths or (".",),
        chosen.format,
        rule_patterns(chosen.select, "--select") or found.select,
        (*found.ignore, *rule_patterns(chosen.ignore, "--ignore")),
        (*found.exclude, *patterns(chosen.exclude, here)),
        found.severity,
        chosen.fail_on or found.fail_on,
        chosen.quiet,
        chosen.statistics,
        baseline,
        chosen.write_baseline,
        chosen.render,
        tuple(chosen.values),
        chosen.partial,
        _look(),
        found.scalers,
        found.kinds,
    )


def _look() -> Look:
    """Colours and lines of its width on a terminal only. NO_COLOR: the convention of no-color.org."""
    if not sys.stdout.isatty():
        return Look()
    import shutil  # Slow to load, and a pipe needs none.

    colour = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return Look(colour, min(shutil.get_terminal_size().columns - 1, WIDEST))


class Judged:
    """What was read and judged, and what was not."""

    def __init__(self) -> None:
        self.unjudged = Unjudged()
        self.files: set[str] = set()
        self.objects = self.of_keda = 0
        self.also: defaultdict[str, set[tuple[str, str]]] = defaultdict(set)
        """By the place of a document, who else is made of it and has the same findings: (root, object)."""


def check_paths(paths: Iterable[str]) -> tuple[list[Line], list[str]]:
    """Returns (the findings on all objects, in the order of the files; a line for each unreadable file)."""
    judged = Judged()
    lines = in_order(check_stream(Options(tuple(paths)), judged))
    return lines, judged.unjudged.broken


def in_order(lines: Iterable[Line]) -> list[Line]:
    """The findings by file and line; those of one object come together."""
    return sorted(lines, key=lambda line: (line.file, line.line, line.finding.object))


def check_stream(options: Options, judged: Judged) -> Iterator[Line]:
    """The findings, each as soon as it is known: what needs other objects comes at the end of its group.

    Of each object only a summary is kept. `judged` notes what was read.
    """
    reported: dict[tuple[object, ...], tuple[str, str]] = {}
    for group in _groups(options, judged):
        for line in _judge(group, judged, options):
            # Two roots with one base have its mistake once, as two objects that are made of one template.
            place = (line.finding.code, line.file, line.line, line.finding.at)
            owner = (group.name, line.finding.object)
            if reported.setdefault(place, owner) != owner:
                judged.also[line.document].add(owner)
                continue
            if (kept := options.as_wanted(line.finding)) is not None:
                yield line._replace(finding=kept)


def _judge(group: Group, judged: Judged, options: Options) -> Iterator[Line]:
    seen = Summaries(unseen=group.unseen)
    for given in group.objects:
        where = f"{given.file}:{given.document.line}"
        for item in items(given.manifest, where):
            if given.prefix:
                item = Item(item.manifest, where, (*given.prefix, *item.prefix))
            if item.kind:
                judged.files.add(given.file)
                judged.objects += 1
                judged.of_keda += item.of_keda
            if item.of_keda and given.document.placeholder:
                judged.unjudged.placeholders.setdefault(given.file, given.document.placeholder)
            for finding in judge_alone(item):
                if options.are_added(item, finding):
                    continue
                yield _line(finding, item, given.document.line_of(finding.at))
            seen.add(item, given.document)
    owners = second_owners(seen)
    for item, places in seen.judged():
        for finding in judge_among(item, seen, owners):
            yield _line(finding, item, places.line_of(finding.at[len(item.prefix) :]))


def _line(finding: Finding, item: Item, line: int) -> Line:
    file, _, first = item.where.rpartition(":")
    line = line or int(first)
    return Line(finding._replace(where=f"{file}:{line}"), file, line, item.where)


def _groups(options: Options, judged: Judged) -> Iterator[Group]:
    yield from groups_of(options.paths, judged.unjudged, exclude=options.exclude, partial=options.partial)
    for chart in list(judged.unjudged.charts) if options.render else ():
        yield from _rendered(chart, options, judged)


def _rendered(chart: str, options: Options, judged: Judged) -> Iterator[Group]:
    text = rendered(chart, options.values)
    if isinstance(text, Source):
        judged.unjudged.charts.remove(chart)
        name = f"{chart} (rendered)"
        documents = Files(judged.unjudged).readable(text, name)
        given = given_of(documents, name, judged.unjudged, set())
        yield Group(name, given, Unseen(False, judged.unjudged))
    else:
        judged.unjudged.broken.append(text)


def fix(options: Options) -> None:
    """Corrects what is certain in the files, and reports each correction on stderr."""
    if "-" in options.paths:
        raise NotThere("keda check: --fix changes files; standard input is not a file. Give the file's path.")
    from keda.checks.fix import fix_file

    files = Files(Unjudged(), options.exclude)
    for path in options.paths:
        for file in _files(Path(path), files):
            try:
                for line in fix_file(file):
                    print(line, file=sys.stderr)
            except OSError as error:
                print(f"{file}: cannot be changed: {error.strerror}.", file=sys.stderr)


def _files(path: Path, files: Files) -> list[Path]:
    if not path.is_dir():
        return [] if files.excluded(path, above=True) else [path]
    files.walk(path)
    return [file for _, each in files.below(path) for file in each if file.suffix in SUFFIXES]


def check(options: Options) -> int:
    """Prints the findings. 0: none that fails; 1: some; 2: none, and something could not be read."""
    judged = Judged()
    counts: Counter[tuple[str, str]] = Counter()
    baseline = Baseline.read(options.baseline if not options.write_baseline else "")

    def noted(lines: Iterable[Line]) -> Iterator[Line]:
        for line in lines:
            if not baseline.holds(line):
                counts[line.finding.severity, line.finding.code] += 1
                yield line

    found = check_stream(options, judged)
    for_a_person = options.form == "text" and not options.write_baseline
    if options.write_baseline:
        print(Baseline.write(options.baseline, found))
    elif for_a_person:
        # A pipe may have no end; what is found in files is put in order first.
        lines = noted(found) if "-" in options.paths else in_order(noted(found))
        for text in as_text(lines, options.look, judged.also):
            print(text)
    elif options.form == "github":
        for text in as_github(noted(found)):
            print(text)
    else:
        print(COLLECTED[options.form](in_order(noted(found))))
    if options.statistics and counts:
        blank = "\n" if for_a_person else ""
        print(f"{blank}{statistics(counts)}", file=sys.stdout if for_a_person else sys.stderr)
    with_total = for_a_person and not options.quiet
    if with_total and counts:
        print()
    sys.stdout.flush()
    for text in notes(judged.unjudged, quiet=options.quiet):
        print(text, file=sys.stderr)
    if with_total:
        print(_total(judged, counts, options.look))
    sys.stdout.flush()
    failing = ("error", "warning") if options.fail_on == "warning" else ("error",)
    if any(severity in failing for severity, _ in counts):
        return 1
    return 2 if judged.unjudged.broken else 0


def _total(judged: Judged, counts: Counter[tuple[str, str]], look: Look) -> str:
    """Counts: `1 error, 0 warnings. Judged: 2 KEDA objects and 5 others in 3 files. Not judged: 1 chart.`."""
    number = Counter(severity for severity, code in counts.elements())
    found = ", ".join(counted(number[word], word) for word in ("error", "warning"))
    others = judged.objects - judged.of_keda
    many = counted(judged.of_keda, "KEDA object") + (f" and {counted(others, 'other')}" if others else "")
    parts = [f"Judged: {many} in {counted(len(judged.files), 'file')}."]
    if unjudged := judged.unjudged.counted:
        parts.append(f"Not judged: {unjudged}.")
    if counts:
        parts.append("See `keda explain RULE`.")
    return look.text([(f"{found}.", BOLD), *((word, "") for part in parts for word in part.split())])

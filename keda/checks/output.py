"""The findings as JSON, SARIF 2.1.0, GitHub's workflow commands, JUnit's XML and a Markdown table."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import Any, NamedTuple

from keda.checks.findings import Finding, rules
from keda.core.defaults import KEDA_VERSION
from keda.core.errors import counted, printable


class Line(NamedTuple):
    """A finding and where it is."""

    finding: Finding
    file: str
    line: int
    document: str = ""
    """The place of the document: all that is found in one has the same."""


def as_json(lines: Sequence[Line]) -> str:
    """A list of findings, one mapping each."""
    return json.dumps([_plain(line) for line in lines], indent=2, ensure_ascii=False)


def _plain(line: Line) -> dict[str, Any]:
    finding = line.finding
    return {
        "code": finding.code,
        "severity": finding.severity,
        "file": line.file,
        "line": line.line,
        "object": finding.object,
        "path": finding.path,
        "message": finding.message,
        "fix": finding.fix,
        "places": finding.places,
        "keda": finding.keda,
    }


def as_sarif(lines: Sequence[Line]) -> str:
    """One run, with the rules that have findings."""
    used = sorted({line.finding.code for line in lines})
    driver = {
        "name": "keda-check",
        "version": KEDA_VERSION,
        "rules": [
            {
                "id": code,
                "shortDescription": {"text": rules()[code].summary},
                "fullDescription": {"text": rules()[code].why},
                "defaultConfiguration": {"level": rules()[code].severity},
            }
            for code in used
        ],
    }
    results = [
        {
            "ruleId": line.finding.code,
            "ruleIndex": used.index(line.finding.code),
            "level": line.finding.severity,
            "message": {"text": line.finding.text},
            "locations": [
                {
                    "physicalLocation": {
                        "artifactLocation": {"uri": PurePath(line.file).as_posix()},
                        "region": {"startLine": line.line},
                    }
                }
            ],
        }
        for line in lines
    ]
    run = {"tool": {"driver": driver}, "results": results}
    schema = "https://json.schemastore.org/sarif-2.1.0.json"
    return json.dumps({"$schema": schema, "version": "2.1.0", "runs": [run]}, indent=2, ensure_ascii=False)


def as_github(lines: Iterable[Line]) -> Iterator[str]:
    """`::error file=…,line=…::…`: GitHub shows them beside the changed lines."""
    for line in lines:
        yield (
            f"::{line.finding.severity} file={_property(line.file)},line={line.line},"
            f"title={_property(line.finding.code)}::{_escaped(line.finding.text)}"
        )


def as_junit(lines: Sequence[Line]) -> str:
    """A test suite of one test case a finding: an error fails, a warning is printed."""
    from xml.etree import ElementTree  # Slow to load, as html is, and only this format needs it.

    suite = ElementTree.Element("testsuite", name="keda check", tests=str(len(lines)))
    suite.set("failures", str(sum(line.finding.severity == "error" for line in lines)))
    for line in lines:
        case = ElementTree.SubElement(
            suite, "testcase", name=line.finding.code, classname=line.finding.object
        )
        case.set("file", line.file)
        case.set("line", str(line.line))
        text = printable(str(line.finding))
        if line.finding.severity == "error":
            ElementTree.SubElement(case, "failure", message=printable(line.finding.text)).text = text
        else:
            ElementTree.SubElement(case, "system-out").text = text
    suites = ElementTree.Element("testsuites")
    suites.append(suite)
    ElementTree.indent(suites)
    return ElementTree.tostring(suites, encoding="unicode", xml_declaration=True)


def as_markdown(lines: Sequence[Line]) -> str:
    """A table for a pull request's summary."""
    if not lines:
        return "`keda check`: no finding."
    count = Counter(line.finding.severity for line in lines)
    head = [
        f"`keda check`: {counted(count['error'], 'error')}, {counted(count['warning'], 'warning')}.",
        "",
        "| | place | object | finding |",
        "|---|---|---|---|",
    ]
    rows = [
        f"| {line.finding.severity} | `{_cell(line.file)}:{line.line}` | {_cell(line.finding.object)} "
        f"| {_cell(f'{line.finding.path}: {line.finding.message} {line.finding.fix} {line.finding.places}')} "
        f"`{line.finding.code}` |"
        for line in lines
    ]
    return "\n".join((*head, *rows))


def _cell(text: str) -> str:
    import html

    escaped = html.escape(" ".join(text.split()), quote=False)
    return re.sub(r"([|*_\[\]\\`])", r"\\\1", escaped)


def statistics(counts: Mapping[tuple[str, str], int]) -> str:
    """A line for each rule that has findings, the most frequent first; `counts` by severity and rule."""
    ordered = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    return "\n".join(f"{number:6} {severity:7} {code}" for (severity, code), number in ordered)


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")


COLLECTED: Mapping[str, Callable[[Sequence[Line]], str]] = {
    "json": as_json,
    "sarif": as_sarif,
    "junit": as_junit,
    "markdown": as_markdown,
}
FORMATS = sorted(["text", "github", *COLLECTED])

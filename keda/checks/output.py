"""The findings as text, JSON, SARIF 2.1.0 and GitHub's workflow commands."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from keda.checks.findings import Finding, rules
from keda.core.defaults import KEDA_VERSION


@dataclass(frozen=True)
class Line:
    """A finding and where it is."""

    finding: Finding
    file: str
    line: int
    document: str = ""
    """The place of the document: all that is found in one has the same."""


def as_text(lines: Iterable[Line]) -> Iterator[str]:
    """`file:line: severity: object path: …`, and a count."""
    count: Counter[str] = Counter()
    for line in lines:
        count[line.finding.severity] += 1
        yield str(line.finding)
    if count:
        total = ", ".join(f"{count[word]} {word}{'s' * (count[word] != 1)}" for word in ("error", "warning"))
        yield f"{total}. `keda explain RULE` describes a rule."


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
        "keda": finding.keda,
    }


def as_sarif(lines: Sequence[Line]) -> str:
    """One run, with the rules that spoke."""
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


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")


STREAMED: Mapping[str, Callable[[Iterable[Line]], Iterator[str]]] = {"text": as_text, "github": as_github}
COLLECTED: Mapping[str, Callable[[Sequence[Line]], str]] = {"json": as_json, "sarif": as_sarif}

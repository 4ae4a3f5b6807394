"""The findings as text, JSON, SARIF 2.1.0 and GitHub's workflow commands."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from keda.judge.findings import Finding, rules


@dataclass(frozen=True)
class Line:
    """A finding and where it is."""

    finding: Finding
    file: str
    line: int


def as_text(lines: Sequence[Line]) -> str:
    """`file:line: severity: object path: …`, and a count."""
    if not lines:
        return ""
    count = Counter(line.finding.severity for line in lines)
    total = ", ".join(f"{count[word]} {word}{'s' * (count[word] != 1)}" for word in ("error", "warning"))
    return "\n".join([*(str(line.finding) for line in lines), f"{total}. `--explain RULE` says more."])


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
        "version": "2.19.0",
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


def as_github(lines: Sequence[Line]) -> str:
    """`::error file=…,line=…::…`: GitHub shows them beside the changed lines."""
    return "\n".join(
        f"::{line.finding.severity} file={_property(line.file)},line={line.line},"
        f"title={_property(line.finding.code)}::{_escaped(line.finding.text)}"
        for line in lines
    )


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")


FORMATS: Mapping[str, Callable[[Sequence[Line]], str]] = {
    "text": as_text,
    "json": as_json,
    "sarif": as_sarif,
    "github": as_github,
}

"""The findings of the judge, each of a named rule."""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from keda.core.errors import MISSING, is_secret_key, is_secret_value, join, show
from keda.manifests.reading import At

Severity = Literal["error", "warning"]

IGNORE = "keda-homelab.dev/ignore-"
"""Annotation that silences a rule on its object: `<IGNORE><rule>: "<reason>"`."""


@dataclass(frozen=True)
class Rule:
    """`error`: KEDA or the API server refuses it, or it cannot work. `warning`: accepted, and then wrong."""

    name: str
    severity: Severity
    summary: str
    why: str
    passes: str = ""
    ignorable: bool = False
    see: str = ""
    """A page in docs that has more on it."""


@dataclass(frozen=True)
class Finding:
    """One mistake in one object. `str()` is one line."""

    code: str
    severity: Severity
    at: At
    """The path as keys and indexes; `path` is the same as a person writes it."""
    message: str
    """The value and why it hurts at run time."""
    fix: str
    keda: str
    """KEDA's or the API server's own wording, or ""; … stands for what is left out."""
    object: str
    """Kind namespace/name."""
    where: str
    """As the caller named the object's place; "" if it did not."""

    @property
    def path(self) -> str:
        return join(*self.at)

    @property
    def text(self) -> str:
        """The line without its place and its rule."""
        quoted = f" KEDA: {self.keda}" if self.keda else ""
        return " ".join(f"{self.object} {self.path}: {self.message} {self.fix}{quoted}".split())

    def __str__(self) -> str:
        where = f"{self.where}: " if self.where else ""
        return f"{where}{self.severity}: {self.text} [{self.code}]"


@functools.cache
def rules() -> Mapping[str, Rule]:
    """Every rule by its name, from rules.toml."""
    table = tomllib.loads((Path(__file__).parent / "rules.toml").read_text(encoding="utf-8"))
    return {
        name: Rule(name=name, **({"ignorable": entry["severity"] == "warning"} | entry))
        for name, entry in table.items()
    }


@functools.cache
def rule_groups() -> Mapping[str, list[str]]:
    """The names of the rules under each heading of rules.toml."""
    groups: dict[str, list[str]] = {}
    text = (Path(__file__).parent / "rules.toml").read_text(encoding="utf-8")
    for heading, name in re.findall(r"(?m)^# --- (.+) ---$|^\[(.+)\]$", text):
        if heading:
            groups[heading] = []
        else:
            groups[list(groups)[-1]].append(name)
    return groups


class Report:
    """Collects the findings of one object."""

    def __init__(self, ref: str, where: str) -> None:
        self.findings: list[Finding] = []
        self._ref, self._where = ref, where

    def add(self, code: str, at: At, value: object, why: str, fix: str, keda: str = "") -> None:
        """`why` continues the sentence that the value begins; MISSING is no value."""
        shown = "" if value is MISSING else f"{show(value, join(*at))} "
        self.say(code, at, f"{shown}{why}", fix, keda)

    def say(self, code: str, at: At, message: str, fix: str = "", keda: str = "") -> None:
        """The same, with the message made already."""
        finding = Finding(code, rules()[code].severity, at, message, fix, keda, self._ref, self._where)
        if finding not in self.findings:
            self.findings.append(finding)


def without_secrets(text: str, values: Mapping[str, str]) -> str:
    """KEDA's wording with every secret among `values` (by key) taken out."""
    for key, value in values.items():
        if value and (is_secret_key(key) or is_secret_value(value)):
            text = text.replace(value, "(value hidden)")
    return re.sub(r"\s+", " ", "".join(c if c.isprintable() else " " for c in text))[:300]

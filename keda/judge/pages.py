"""A rule's description: on the terminal, and as its page (`python -m keda.judge.pages DOCS CORPUS`)."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from keda.judge.findings import IGNORE, rule_groups, rules
from keda.typed_config import scalers

_EFFECT = {
    "error": "KEDA or the API server refuses it, or it cannot work.",
    "warning": "Accepted by the API server, but likely a mistake.",
}


@dataclass(frozen=True)
class Example:
    """A file that fails, and the findings of `keda check` by line."""

    text: str
    findings: Sequence[tuple[int, str]]

    @property
    def marked(self) -> str:
        """The file with a mark on each line that has a finding."""
        failing = {line for line, _ in self.findings}
        return "\n".join(
            f"{text}   # ←" if number in failing else text
            for number, text in enumerate(self.text.splitlines(), 1)
        )


def explain_rule(name: str) -> str:
    """A rule on the terminal."""
    rule = rules()[name]
    lines = [
        f"{name} ({rule.severity}): {rule.summary}",
        "",
        rule.why,
        "",
        "Passes:",
        *_indented(rule.passes),
    ]
    if rule.ignorable:
        lines += ["", "Ignore it on one object, with a reason:", f'    {IGNORE}{name}: "…"']
    return "\n".join(lines)


def page(name: str, failing: Example) -> str:
    """The rule's page, with a whole file that fails and what `keda check` prints for it."""
    rule = rules()[name]
    printed = "\n".join(f"{name}.yaml:{line}: {text}" for line, text in failing.findings)
    parts = [f"# {name}", f"{rule.summary}. *{rule.severity}*: {_EFFECT[rule.severity]}", rule.why]
    parts.append(f"Fails:\n```yaml\n{failing.marked}\n```")
    parts.append(f"`keda check` prints:\n```text\n{printed}\n```")
    parts.append(f"Passes:\n```yaml\n{rule.passes}\n```")
    if rule.ignorable:
        parts.append(
            "Ignore it on one object, with a reason:\n```yaml\nmetadata:\n  annotations:\n"
            f'    {IGNORE}{name}: "why this is right here"\n```'
        )
    links = ["[All rules](README.md)", "[keda check](../check.md)"]
    if rule.see:
        links.append(f"[{rule.see}](../{rule.see})")
    return "\n\n".join([*parts, " · ".join(links)]) + "\n"


def index() -> str:
    """The list of all rules, by group."""
    parts = [
        "# Rules of `keda check`",
        "Generated from keda/judge/rules.toml and tests/corpus/check/invalid. "
        "*error*: KEDA or the API server refuses it, or it cannot work. "
        "*warning*: accepted by the API server, but likely a mistake; a warning can be ignored per object. "
        "Back to [keda check](../check.md).",
        " · ".join(f"[{group}](#{_anchor(group)})" for group in rule_groups()),
    ]
    for group, names in rule_groups().items():
        rows = [f"| [{name}]({name}.md) | {rules()[name].severity} | {_summary(name)} |" for name in names]
        parts += [f"## {group}", "\n".join(["| rule | severity | what |", "|---|---|---|", *rows])]
    return "\n\n".join(parts) + "\n"


def _summary(name: str) -> str:
    rule = rules()[name]
    return f"{rule.summary} (can be ignored)" if rule.ignorable and rule.severity == "error" else rule.summary


def _anchor(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def example(name: str, text: str) -> Example:
    """A corpus file as users see it, without its leading comments: each is the finding of one line."""
    lines = text.splitlines()
    head = next(number for number, line in enumerate(lines) if not line.startswith("#"))
    findings = []
    for line in lines[:head]:
        number, _, finding = line.removeprefix("# ").partition(": ")
        # A finding may name other lines of the file.
        moved = re.sub(rf"({name}\.yaml:)(\d+)", lambda at: f"{at[1]}{int(at[2]) - head}", finding)
        findings.append((int(number) - head, moved))
    return Example("\n".join(lines[head:]).strip(), findings)


def pages(corpus: Path) -> Mapping[str, str]:
    """Every file of docs/rules; the failing example of a rule is the corpus file of its name."""
    made = {
        f"{name}.md": page(name, example(name, (corpus / "invalid" / f"{name}.yaml").read_text("utf-8")))
        for name in rules()
    }
    return made | {"README.md": index()}


def explain_scaler(name: str) -> str:
    """A scaler's parameters, like `kubectl explain`."""
    scaler = scalers()[name]
    lines = [f"{name}: {len(scaler.parameters)} parameters", ""]
    for each in scaler.parameters:
        facts = [each.type, "required" if each.required else ""]
        facts += [
            f"default {each.default}" if each.default else "",
            f"one of {', '.join(each.enum)}" if each.enum else "",
        ]
        facts += [f"from {', '.join(each.sources)}", f"refused: {each.deprecated}" if each.deprecated else ""]
        lines.append(f"  {' or '.join(each.names)}: {'; '.join(filter(None, facts))}")
    if scaler.open:
        lines.append(f"  any other key: {scaler.open}")
    return "\n".join(lines)


def _indented(text: str) -> list[str]:
    return [f"    {line}" for line in text.splitlines()]


if __name__ == "__main__":
    docs, corpus = map(Path, sys.argv[1:3])
    docs.mkdir(parents=True, exist_ok=True)
    for file, content in pages(corpus).items():
        (docs / file).write_text(content, encoding="utf-8")

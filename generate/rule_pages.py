"""The pages of docs/rules, from the rules and the corpus: `python -m generate.rule_pages`."""

from __future__ import annotations

import contextlib
import re
import tempfile
from collections.abc import Mapping, Set
from dataclasses import dataclass
from pathlib import Path

from keda.checks.findings import IGNORE, rule_groups, rules
from keda.checks.text import as_text
from keda.commands.check import check_paths

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs" / "rules"
CORPUS = ROOT / "tests" / "corpus" / "check"
_EFFECT = {
    "error": "KEDA or the API server refuses it, or it cannot work.",
    "warning": "Accepted by the API server, but likely a mistake.",
}


@dataclass(frozen=True)
class Example:
    """A file that fails, the lines that have a finding, and what `keda check` prints."""

    text: str
    failing: Set[int]
    printed: str

    @property
    def marked(self) -> str:
        """The file with a mark on each line that has a finding."""
        return "\n".join(
            f"{text}   # ←" if number in self.failing else text
            for number, text in enumerate(self.text.splitlines(), 1)
        )


def page(name: str, failing: Example) -> str:
    """The rule's page, with a whole file that fails and what `keda check` prints for it."""
    rule = rules()[name]
    parts = [f"# {name}", f"{rule.summary}. *{rule.severity}*: {_EFFECT[rule.severity]}", rule.why]
    parts.append(f"Fails:\n```yaml\n{failing.marked}\n```")
    parts.append(f"`keda check` prints:\n```text\n{failing.printed}\n```")
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
        "Generated from keda/checks and tests/corpus/check/invalid. "
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
    """A corpus file as users see it, without its leading comments, which are what it must give."""
    lines = text.splitlines()
    head = next(number for number, line in enumerate(lines) if not line.startswith("#"))
    shown = "\n".join(lines[head:]).strip()
    file = Path(f"{name}.yaml")
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        file.write_text(shown, "utf-8")
        findings, _ = check_paths([file.name])
    return Example(shown, {each.line for each in findings}, "\n".join(as_text(findings)))


def pages(corpus: Path = CORPUS) -> Mapping[str, str]:
    """Every file of docs/rules; the failing example of a rule is the corpus file of its name."""
    made = {
        f"{name}.md": page(name, example(name, (corpus / "invalid" / f"{name}.yaml").read_text("utf-8")))
        for name in rules()
    }
    return made | {"README.md": index()}


def main() -> None:
    """Writes docs/rules."""
    DOCS.mkdir(parents=True, exist_ok=True)
    for file, content in pages().items():
        (DOCS / file).write_text(content, encoding="utf-8")


if __name__ == "__main__":
    main()

"""What is said of a rule: on the terminal, and as its page (`python -m keda.judge.pages DOCS CORPUS`)."""

from __future__ import annotations

import sys
from pathlib import Path

from keda.judge.findings import IGNORE, rules
from keda.typed_config import scalers

_EFFECT = {
    "error": "KEDA or the API server refuses it, or it cannot work.",
    "warning": "It is accepted, and then goes wrong.",
}


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


def page(name: str, failing: str) -> str:
    """The rule's page, with a whole file that fails."""
    rule = rules()[name]
    parts = [f"# {name}", f"{rule.summary}. *{rule.severity}*: {_EFFECT[rule.severity]}", rule.why]
    parts.append(f"Fails:\n```yaml\n{failing.strip()}\n```")
    parts.append(f"Passes:\n```yaml\n{rule.passes}\n```")
    if rule.ignorable:
        parts.append(
            "Ignore it on one object, with a reason:\n```yaml\nmetadata:\n  annotations:\n"
            f'    {IGNORE}{name}: "why this is right here"\n```'
        )
    return "\n\n".join(parts) + "\n"


def index() -> str:
    """The list of all rules."""
    rows = [
        f"| [{name}]({name}.md) | {rule.severity} | {rule.summary} | {'yes' if rule.ignorable else ''} |"
        for name, rule in rules().items()
    ]
    head = (
        "# Rules of `python -m keda check`\n\nMade from keda/judge/rules.toml and "
        "tests/corpus/check/invalid.\n\n"
        "| rule | severity | what | can be ignored |\n|---|---|---|---|\n"
    )
    return head + "\n".join(rows) + "\n"


def without_expectations(text: str) -> str:
    """A corpus file without the comments that say what it must give."""
    return "\n".join(line for line in text.splitlines() if not line.startswith("#"))


def pages(corpus: Path) -> dict[str, str]:
    """Every file of docs/rules; the failing example of a rule is the corpus file of its name."""
    made = {
        f"{name}.md": page(
            name, without_expectations((corpus / "invalid" / f"{name}.yaml").read_text("utf-8"))
        )
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

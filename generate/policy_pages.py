"""Each rule's page in docs/policies, and their list (`python -m generate.policy_pages`)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from keda.guardrails import Guardrail
from policies.pack import pages as rules
from policies.rule import UNDECIDED, schema

_EFFECT = {
    "mandatory": "fails the preview, and in an update stops the object before it is created",
    "advisory": "is printed, and the command continues",
}


def page(rule: type[Guardrail]) -> str:
    """The rule's page."""
    parts = [
        f"# {rule.name}",
        rule.summary,
        f"By default *{rule.level}*: a finding {_EFFECT[rule.level]}. Severity {rule.severity}.",
        rule.why,
    ]
    if rule.fails:
        config = json.dumps({rule.name: dict(rule.example)})
        under = f", with `{config}` as policy config" if rule.example else ""
        parts += [_fenced(f"Fails{under}:", rule.fails), _fenced("Passes:", rule.passes)]
    parts += [rule.note.strip()] if rule.note else []
    if rule.name != UNDECIDED:
        parts.append(_settings(rule.name, schema(rule)))
    return "\n\n".join(parts) + "\n"


def index() -> str:
    """The list of all rules, for docs/policies.md."""
    rows = [
        f"| [`{rule.name}`](policies/{rule.name}.md) | {rule.summary} | {rule.level} |" for rule in rules()
    ]
    return "\n".join(["| Rule | What it enforces | Default |", "|---|---|---|", *rows])


def pages() -> dict[str, str]:
    """Every file of docs/policies."""
    return {f"{rule.name}.md": page(rule) for rule in rules()}


def _settings(name: str, schema: Mapping[str, Mapping[str, Any]]) -> str:
    rows = [
        f"| `{key}` | {each['type']} | {json.dumps(each['default']) if 'default' in each else 'none'} "
        f"| {each['description']} |"
        for key, each in schema.items()
    ]
    example = {name: {"excluded": [{"object": "* legacy/*", "reason": "leaves in March"}]}}
    return "\n".join(
        [
            "In the policy config file, in addition to `enforcementLevel`:",
            "",
            "| Key | Type | Default | What it is |",
            "|---|---|---|---|",
            *rows,
            "",
            f"```json\n{json.dumps(example)}\n```",
        ]
    )


def _fenced(title: str, documents: str) -> str:
    return f"{title}\n```yaml\n{documents.strip()}\n```"


def write(docs: Path) -> None:
    """Every page, and the list within docs/policies.md."""
    folder = docs / "policies"
    folder.mkdir(exist_ok=True)
    for file, content in pages().items():
        (folder / file).write_text(content, encoding="utf-8")
    overview = docs / "policies.md"
    overview.write_text(with_index(overview.read_text(encoding="utf-8")), encoding="utf-8")


def with_index(overview: str) -> str:
    """docs/policies.md with the list as it is now, between its two marks."""
    before, _, rest = overview.partition("<!-- rules -->")
    _, _, after = rest.partition("<!-- end -->")
    return f"{before}<!-- rules -->\n{index()}\n<!-- end -->{after}"


if __name__ == "__main__":
    write(Path(__file__).parents[1] / "docs")

"""Each rule's page in docs/policies, and their list (`python -m generate.policy_pages`)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from policies.pack import rules
from policies.rule import UNDECIDED, Rule
from policies.texts import rule_text

_EFFECT = {
    "mandatory": "fails the preview, and in an update stops the object before it is created",
    "advisory": "is printed, and the command goes on",
}


def page(name: str, level: str, severity: str, schema: Mapping[str, Mapping[str, Any]]) -> str:
    """The rule's page. `level` and `severity` are its defaults, `schema` that of its config."""
    text = rule_text(name)
    parts = [
        f"# {name}",
        f"{text.summary}",
        f"By default *{level}*: a finding {_EFFECT[level]}. Severity {severity}.",
        text.why,
    ]
    if text.fails:
        under = f", with `{json.dumps({name: text.config})}` as policy config" if text.config else ""
        parts += [_fenced(f"Fails{under}:", text.fails), _fenced("Passes:", text.passes)]
    parts += [text.note.strip()] if text.note.strip() else []
    if schema:
        parts.append(_settings(name, schema))
    return "\n\n".join(parts) + "\n"


def index() -> str:
    """The list of all rules, for docs/policies.md."""
    rows = [
        f"| [`{rule.name}`](policies/{rule.name}.md) | {rule_text(rule.name).summary} | {rule.level.value} |"
        for rule in rules()
    ]
    rows.append(f"| [`{UNDECIDED}`](policies/{UNDECIDED}.md) | {rule_text(UNDECIDED).summary} | advisory |")
    return "\n".join(["| Rule | What it holds | Default |", "|---|---|---|", *rows])


def pages() -> dict[str, str]:
    """Every file of docs/policies."""
    made = {f"{rule.name}.md": _rule_page(rule) for rule in rules()}
    return made | {f"{UNDECIDED}.md": page(UNDECIDED, "advisory", "low", {})}


def _rule_page(rule: Rule) -> str:
    return page(rule.name, rule.level.value, rule.severity.value, rule.schema)


def _settings(name: str, schema: Mapping[str, Mapping[str, Any]]) -> str:
    rows = [
        f"| `{key}` | {each['type']} | {json.dumps(each['default']) if 'default' in each else 'none'} "
        f"| {each['description']} |"
        for key, each in schema.items()
    ]
    example = {name: {"excluded": [{"object": "* legacy/*", "reason": "leaves in March"}]}}
    return "\n".join(
        [
            "In the policy config file, beside `enforcementLevel`:",
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

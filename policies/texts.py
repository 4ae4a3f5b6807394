"""What is said of each rule: rules.toml, on the terminal and as a page of its own in docs/policies."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Text:
    """`summary` is one sentence, what ought to be. `fails` and `passes` are YAML documents."""

    summary: str
    why: str
    fails: str
    passes: str
    config: Mapping[str, object]
    """What the examples are judged with, as in the policy config file."""
    note: str = ""


@functools.cache
def rule_texts() -> Mapping[str, Text]:
    """Every rule's text by its name."""
    table = tomllib.loads((Path(__file__).parent / "rules.toml").read_text(encoding="utf-8"))
    return {name: Text(**({"config": {}} | entry)) for name, entry in table.items()}


def rule_text(name: str) -> Text:
    return rule_texts()[name]

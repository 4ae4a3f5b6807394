"""`python -m keda decisions PATH…`: how many replicas follow from which value of each trigger."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from keda.commands.errors import NotThere
from keda.timelines import decision_changes
from keda.timelines.decisions import Decisions, decisions
from keda.timelines.manifests import Unread, scaled


def run(paths: Sequence[str], against: Sequence[str], form: str) -> int:
    """Prints the tables, or with `against` what differs from the files there. Returns 0.

    Raises NotThere, one line, for what cannot be read or simulated.
    """
    try:
        now = _all(paths)
        if against:
            found = list(decision_changes.changes(_all(against), now))
            if form == "json":
                print(json.dumps([asdict(change) for change in found], indent=2))
            else:
                print(
                    decision_changes.markdown(found) if form == "markdown" else decision_changes.text(found)
                )
            return 0
        tables = [table for name, manifest in now.items() for table in decisions(manifest, name)]
    except Unread as error:
        raise NotThere(str(error)) from None
    print(
        json.dumps([asdict(table) for table in tables], indent=2) if form == "json" else _text(tables, form)
    )
    return 0


def _all(paths: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
    return {name: manifest for path in paths for name, manifest in scaled(path).items()}


def _text(tables: Sequence[Decisions], form: str) -> str:
    if form == "markdown":
        lines = [f"- **{table.workload}**, `{table.trigger}`: {table}" for table in tables]
    else:
        lines = [f"{table.workload} ({table.trigger}): {table}" for table in tables]
    return "\n".join([*lines, *(f"warning: {warning}" for table in tables for warning in table.warnings)])

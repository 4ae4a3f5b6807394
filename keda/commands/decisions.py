"""`python -m keda decisions FILE…`: how many replicas follow from which value of each trigger."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from dataclasses import asdict

from keda.commands.errors import NotThere
from keda.timelines import decision_changes
from keda.timelines.decisions import Decisions, decisions
from keda.timelines.manifests import Manifests, Read, Unread, scaled

FORMATS = ("text", "json", "markdown")


def add(parser: ArgumentParser) -> None:
    """The arguments."""
    add = parser.add_argument
    add("paths", nargs="+", metavar="FILE", help="with ScaledObjects; - for stdin")
    add("--against", nargs="+", default=[], metavar="OLD", help="only what differs from these")
    add("--format", choices=("text", "json", "markdown"), default="text", help="default: %(default)s")


def main(chosen: Namespace) -> int:
    """Runs it; the exit code. Raises NotThere."""
    return run(chosen.paths, chosen.against, chosen.format, chosen.read or scaled)


def run(paths: Sequence[str], against: Sequence[str], form: str, read: Read = scaled) -> int:
    """Prints the tables, or with `against` what differs from the files there. Returns 0.

    Raises NotThere, one line, for what cannot be read or simulated.
    """
    try:
        print(printed(_all(paths, read), _all(against, read) if against else None, form))
    except Unread as error:
        raise NotThere(str(error)) from None
    return 0


def printed(now: Manifests, before: Manifests | None, form: str) -> str:
    """The tables of `now`, or what differs from `before`, in one of FORMATS. Raises Unread."""
    if before is not None:
        found = list(decision_changes.changes(before, now))
        if form == "json":
            return json.dumps([asdict(change) for change in found], indent=2)
        return decision_changes.markdown(found) if form == "markdown" else decision_changes.text(found)
    tables = [table for manifest in now.values() for table in decisions(manifest)]
    if form == "json":
        return json.dumps([asdict(table) for table in tables], indent=2)
    lines = [_line(table, form) for table in tables]
    return "\n".join([*lines, *(f"warning: {warning}" for table in tables for warning in table.warnings)])


def _all(paths: Sequence[str], read: Read) -> Manifests:
    return {name: manifest for path in paths for name, manifest in read(path).items()}


def _line(table: Decisions, form: str) -> str:
    if form == "markdown":
        return f"- **{table.workload}**, `{table.trigger}`: {table}"
    return f"{table.workload} ({table.trigger}): {table}"

"""What a change of settings does to the decision tables: as text for a terminal, as Markdown for a pull
request.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from keda.timelines.decisions import Decisions, Model, Row, decisions, models
from keda.timelines.tables import duration

UNCHANGED = "No decision changes."


@dataclass(frozen=True)
class Change:
    """One trigger whose table differs; None: the workload or the trigger is not there."""

    workload: str
    trigger: str
    before: Decisions | None
    after: Decisions | None
    rows: tuple[tuple[str, str, str], ...]
    """(value, before, after) for all values of both tables."""


def changes(
    before: Mapping[str, Mapping[str, Any]], after: Mapping[str, Mapping[str, Any]]
) -> Iterator[Change]:
    """The tables that differ between two sets of manifests, by the workload's name. Raises Unread."""
    for name in {**before, **after}:
        old, new = (_by_trigger(found.get(name)) for found in (before, after))
        for trigger in {**old, **new}:
            (table, model), (other, changed) = old.get(trigger, _NOTHING), new.get(trigger, _NOTHING)
            if table is None or other is None or str(table) != str(other):
                yield Change(name, trigger, table, other, tuple(_rows(table, model, other, changed)))


_NOTHING: tuple[None, None] = (None, None)


def _by_trigger(manifest: Mapping[str, Any] | None) -> Mapping[str, tuple[Decisions, Model]]:
    if manifest is None:
        return {}
    tables, found = decisions(manifest), models(manifest)
    return {table.trigger: (table, model) for table, model in zip(tables, found, strict=True)}


def _rows(
    old: Decisions | None, model: Model | None, new: Decisions | None, changed: Model | None
) -> Iterator[tuple[str, str, str]]:
    values = sorted({row.value for table in (old, new) if table for row in table.rows})
    sides = [(old, model), (new, changed)]
    for value in values:
        cells = ["" if table is None or each is None else _cell(table, each, value) for table, each in sides]
        yield f"{value:g}", cells[0], cells[1]
    backs = [None if table is None else table.back for table, _ in sides]
    if any(back is not None for back in backs):
        yield "back down after", *("" if back is None else duration(back) for back in backs)  # type: ignore[misc]


def _cell(table: Decisions, model: Model, value: float) -> str:
    if table.note:
        return table.note
    row: Row = model.at(value)
    return str(row.replicas) + (f" within {duration(row.seconds)}" if row.seconds else "")


def text(found: Iterable[Change]) -> str:
    """Each table before and after."""
    blocks = [
        f"{each.workload} ({each.trigger}):\n"
        f"  before: {each.before or 'is not there'}\n  after:  {each.after or 'is not there'}"
        for each in found
    ]
    return "\n".join(blocks) or UNCHANGED


def markdown(found: Iterable[Change]) -> str:
    """A table for each trigger, and the warnings of the new ones."""
    parts = []
    for each in found:
        head = f"**{each.workload}**, `{each.trigger}`"
        if each.after is None:
            parts.append(f"{head} is gone. Before: {each.before}.")
            continue
        if each.before is None:
            parts.append(f"{head} is new: {each.after}.")
        else:
            rows = [f"| {value} | {before} | {after} |" for value, before, after in each.rows]
            parts.append("\n".join([f"{head}\n", "| signal | before | after |", "|---|---|---|", *rows]))
        parts += [f"⚠️ {warning}" for warning in each.after.warnings]
    return "\n\n".join(["### Replicas by signal", *(parts or [UNCHANGED])])

"""Triggers that are gates: their query is a probe's 0 or 1."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from keda.checks.scaling import Trigger, triggers_of
from keda.manifests.objects import Item
from keda.syntax import probes, promql


def gates_of(item: Item) -> Iterator[tuple[Trigger, Any]]:
    """Each, with the syntax tree of its query."""
    for trigger in triggers_of(item, "prometheus"):
        try:
            tree = promql.parse(trigger.query) if trigger.query else None
        except (promql.Broken, promql.TooDeep):
            continue
        if tree is not None and probes.is_probe(tree):
            yield trigger, tree

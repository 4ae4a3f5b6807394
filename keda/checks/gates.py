"""Triggers that are gates: their query is a probe's 0 or 1."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from keda.checks.scaling import Trigger, spec_of, triggers_of
from keda.manifests.declared import UNKNOWN
from keda.manifests.objects import Item
from keda.manifests.reading import dig, sequence
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


def may_have_gate(item: Item) -> bool:
    """Whether a trigger is a gate, or may be one by what is not known yet."""
    triggers = spec_of(item, "triggers")
    return triggers is UNKNOWN or any(map(_unsettled, sequence(triggers))) or any(gates_of(item))


def _unsettled(trigger: object) -> bool:
    query = dig(trigger, "metadata", "query")
    return dig(trigger, "type") is UNKNOWN or (dig(trigger, "type") == "prometheus" and query is UNKNOWN)

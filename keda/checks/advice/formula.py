"""Triggers beside a formula that KEDA accepts and that then do nothing, or stop everything."""

from __future__ import annotations

from collections.abc import Iterator

from keda.checks.registry import SETTINGS, Problem, on_objects, warning
from keda.checks.scaling import Trigger, all_known, modifiers_of, triggers_of
from keda.core.defaults import RESOURCE_SCALERS
from keda.core.errors import MISSING
from keda.manifests.declared import UNKNOWN
from keda.manifests.objects import Item
from keda.manifests.reading import text

MODIFIERS_UNNAMED_TRIGGER = warning(
    "modifiers-unnamed-trigger",
    SETTINGS,
    summary="A trigger without a name next to a formula",
    why="The object is Ready, and every poll fails.",
    passes="""
        advanced:
          scalingModifiers: {formula: "max(load / 10, hours)", target: "2"}
        triggers:
          - {name: load, type: prometheus}
          - {name: hours, type: cron}
    """,
)
MODIFIERS_UNUSED_TRIGGER = warning(
    "modifiers-unused-trigger",
    SETTINGS,
    summary="A trigger that the formula does not use",
    why=(
        "With a formula, only the formula counts. KEDA then also drops per-container cpu and memory "
        "metrics (hpa.go:371)."
    ),
    passes='scalingModifiers: {formula: "max(load / 10, hours)", target: "2"}',
)


@on_objects("ScaledObject", having=["advanced"])
def beside_a_formula(item: Item) -> Iterator[Problem]:
    """Each trigger: named, and used."""
    written = text(modifiers_of(item).get("formula"))
    if not written:
        return
    from keda.syntax import formula  # Few objects have one.

    named = {text(trigger.get("name")) for trigger in triggers_of(item)}
    used = formula.variables(written)
    for trigger in triggers_of(item):
        if UNKNOWN in (trigger.get("type"), trigger.get("name")):
            continue
        name = text(trigger.get("name"))
        if trigger.type in RESOURCE_SCALERS:
            yield from _per_container(trigger)
        elif not name:
            yield MODIFIERS_UNNAMED_TRIGGER.found(
                (*trigger.at, "name"),
                MISSING,
                "missing, and there is a formula.",
                "Name the trigger and use the name in the formula, or remove it.",
                why="The object is Ready, and every poll fails: nothing scales.",
            )
        elif name not in used and used <= named and all_known(item, "name"):
            yield MODIFIERS_UNUSED_TRIGGER.found(
                (*trigger.at, "name"),
                name,
                "is not in the formula, and with a formula no trigger counts for itself:",
                "Use it in the formula, or remove it.",
                why="it would do nothing.",
            )


def _per_container(trigger: Trigger) -> Iterator[Problem]:
    """hpa.go:371."""
    container = trigger.get("metadata", "containerName")
    if container and container is not UNKNOWN:
        yield MODIFIERS_UNUSED_TRIGGER.found(
            (*trigger.at, "metadata", "containerName"),
            container,
            "next to a formula:",
            "Remove containerName, so that the pods' own metric stays next to the formula.",
            why="KEDA silently leaves this trigger out of the HPA.",
        )

"""What KEDA's webhook requires of a list of triggers, of ScaledObject and ScaledJob alike
(scaletriggers_types.go:58).
"""

from __future__ import annotations

from collections.abc import Iterator

from keda.checks.registry import SCALING, TRIGGERS, Problem, error
from keda.checks.scaling import SPEC, WEBHOOK, Trigger, triggers_of
from keda.core.defaults import RESOURCE_SCALERS
from keda.core.errors import MISSING, join
from keda.manifests.objects import Item
from keda.manifests.reading import text


@error(
    "no-triggers",
    TRIGGERS,
    summary="No triggers",
    why="An empty list passes the CRD; KEDA's webhook refuses it.",
    passes="""
        triggers:
          - type: cron
            metadata: {start: 0 7 * * *, end: 0 19 * * *, timezone: Europe/Berlin, desiredReplicas: "3"}
    """,
).on(*SCALING)
def no_triggers(item: Item) -> Iterator[Problem]:
    if item.spec.get("triggers") == []:
        yield Problem(
            (*SPEC, "triggers"),
            MISSING,
            "empty:",
            "Write one.",
            "no triggers defined in the ScaledObject/ScaledJob",
            why=f"nothing would scale. {WEBHOOK}",
        )


@error(
    "trigger-name-twice",
    TRIGGERS,
    summary="Two triggers with the same name",
    why="A formula could not distinguish them, so KEDA's webhook refuses the object.",
    passes="""
        triggers:
          - {name: load, type: prometheus}
          - {name: hours, type: cron}
    """,
).on(*SCALING)
def trigger_name_twice(item: Item) -> Iterator[Problem]:
    first: dict[str, Trigger] = {}
    for trigger in triggers_of(item):
        name = text(trigger.get("name"))
        if name and first.setdefault(name, trigger) is not trigger:
            yield Problem(
                (*trigger.at, "name"),
                name,
                f"is the name of {join(*first[name].at)} too.",
                "Give it a name of its own.",
                f'triggerName "{name}" is defined multiple times in the ScaledObject/ScaledJob, but it '
                "must be unique",
                why=WEBHOOK,
            )


_UNCACHED = (*RESOURCE_SCALERS, "cron")


@error(
    "cached-metrics",
    TRIGGERS,
    summary="useCachedMetrics on a trigger that has no cache",
    why=(
        "KEDA reads no metric for cpu and memory, and computes cron itself. KEDA's webhook refuses the "
        "setting."
    ),
    passes="- type: cron   # without useCachedMetrics",
).on(*SCALING, having=_UNCACHED)
def cached_metrics(item: Item) -> Iterator[Problem]:
    for trigger in triggers_of(item, *_UNCACHED):
        if trigger.get("useCachedMetrics") is True:
            yield Problem(
                (*trigger.at, "useCachedMetrics"),
                True,
                f"is not possible with {trigger.type}.",
                "Remove it.",
                f'property "useCachedMetrics" is not supported for "{trigger.type}" scaler',
                why=WEBHOOK,
            )

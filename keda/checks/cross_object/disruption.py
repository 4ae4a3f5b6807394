"""What happens to pods that end: the time they take, and the evictions that a budget allows."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from keda.checks.gates import may_have_gate
from keda.checks.registry import SETTINGS, Problem, warning
from keda.checks.scaling import SPEC, any_unknown, lowest_of, number_of, spec_of
from keda.core.defaults import DEFAULT_COOLDOWN
from keda.core.errors import MISSING, counted
from keda.manifests.objects import Item, Objects, selects
from keda.manifests.reading import dig, whole


@warning(
    "grace-over-cooldown",
    SETTINGS,
    summary="terminationGracePeriodSeconds exceeds cooldownPeriod",
    why="When load returns, pods of the last round still terminate and hold memory, GPUs and volumes.",
    passes="cooldownPeriod: 900   # terminationGracePeriodSeconds is 600",
).among("ScaledObject")
def grace_over_cooldown(item: Item, objects: Objects) -> Iterator[Problem]:
    target, given = objects.target(item), number_of(item, "cooldownPeriod")
    if target is None or any_unknown(item, "cooldownPeriod"):
        return
    grace = whole(dig(target.pod, "terminationGracePeriodSeconds"))
    cooldown = DEFAULT_COOLDOWN if given is None else given
    # A gate waits for no work: it stops pods early by intention.
    if grace is not None and grace > cooldown and lowest_of(item) == 0 and not may_have_gate(item):
        yield Problem(
            (*SPEC, "cooldownPeriod"),
            MISSING if given is None else given,
            f"{f'unset, so {DEFAULT_COOLDOWN},' if given is None else 'is'} below the {grace} s that a pod "
            f"of {target.ref} may take to end.",
            f"Write at least {grace}, or lower terminationGracePeriodSeconds.",
            why="New work finds the old pod still ending and holding its resources.",
        )


@warning(
    "pdb-blocks",
    SETTINGS,
    summary="A PodDisruptionBudget that never allows an eviction",
    why="At the lowest replica count no pod may be evicted, so nodes cannot be drained and upgrades hang.",
    passes="""
        kind: PodDisruptionBudget
        spec: {maxUnavailable: 1}
    """,
).among("ScaledObject")
def pdb_blocks(item: Item, objects: Objects) -> Iterator[Problem]:
    target = objects.target(item)
    if target is None or any_unknown(item, "minReplicaCount"):
        return
    lowest = max(1, number_of(item, "minReplicaCount") or 0)
    for budget in objects.of("PodDisruptionBudget", item.namespace):
        if not selects(budget.spec.get("selector"), target.pod_labels):
            continue
        kept = _share(spec_of(budget, "minAvailable"), lowest)
        away = _share(spec_of(budget, "maxUnavailable"), lowest)
        if (kept is not None and kept >= lowest) or away == 0:
            rule = (
                f"minAvailable: {budget.spec.get('minAvailable')}"
                if kept is not None
                else "maxUnavailable: 0"
            )
            yield Problem(
                (*SPEC, "minReplicaCount"),
                number_of(item, "minReplicaCount") or 0,
                f"and {budget.ref} with {rule}:",
                "Write maxUnavailable: 1 in the PodDisruptionBudget, or raise minReplicaCount above it.",
                why=f"at {counted(lowest, 'replica')} no pod may be "
                "evicted, so no node with one can be drained.",
            )


def _share(value: object, replicas: int) -> int | None:
    """An IntOrString of a PodDisruptionBudget over `replicas`; percentages are rounded up."""
    if isinstance(value, str) and re.fullmatch(r"\d{1,9}%", value):
        return math.ceil(int(value[:-1]) * replicas / 100)
    return whole(value)

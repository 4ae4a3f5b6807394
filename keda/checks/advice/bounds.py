"""Replicas, cooldown and fallback that KEDA accepts and that then do not work as meant."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from keda.checks.registry import SCALING, SETTINGS, Problem, warning
from keda.checks.scaling import (
    SPEC,
    all_known,
    lowest_of,
    maximum_of,
    modifiers_of,
    number_of,
    spec_of,
    triggers_of,
    types_of,
)
from keda.core.defaults import DEFAULT_MAX, RESOURCE_SCALERS
from keda.core.errors import MISSING
from keda.manifests.declared import UNKNOWN
from keda.manifests.objects import Item
from keda.manifests.reading import text, whole
from keda.syntax import go


@warning(
    "default-max",
    SETTINGS,
    summary="maxReplicaCount is not set",
    why="The default is 100. One wrong metric is enough to reach it.",
    passes="maxReplicaCount: 10",
).on(*SCALING)
def default_max(item: Item) -> Iterator[Problem]:
    triggers = spec_of(item, "triggers")
    if spec_of(item, "maxReplicaCount") is None and triggers and triggers is not UNKNOWN:
        yield Problem(
            (*SPEC, "maxReplicaCount"),
            MISSING,
            f"not set, so KEDA's default of {DEFAULT_MAX} applies:",
            "Write the highest count that the cluster and its downstream systems can handle.",
            why=f"one wrong metric starts {DEFAULT_MAX} {'Jobs' if item.kind == 'ScaledJob' else 'pods'}.",
        )


@warning(
    "cron-over-max",
    SETTINGS,
    summary="A cron trigger above the maximum",
    why="The HPA limits it to maxReplicaCount.",
    passes='maxReplicaCount: 8   # desiredReplicas: "8"',
).on("ScaledObject", having=["cron"])
def cron_over_max(item: Item) -> Iterator[Problem]:
    maximum = maximum_of(item)
    for trigger in triggers_of(item, "cron"):
        written = text(trigger.metadata.get("desiredReplicas"))
        if maximum is None or not written:
            continue
        try:
            desired = go.integer(written)
        except ValueError:
            continue
        if desired > maximum > 0:
            yield Problem(
                (*trigger.at, "metadata", "desiredReplicas"),
                written,
                f"is above maxReplicaCount {maximum}, and never reached.",
                f"Write at most {maximum}, or raise maxReplicaCount.",
            )


@warning(
    "cooldown-without-zero",
    SETTINGS,
    summary="A cooldownPeriod that has no effect",
    why=(
        "It is the wait before scaling to zero. With minReplicaCount above 0, KEDA never scales to zero; "
        "the HPA's behavior decides."
    ),
    passes="""
        advanced:
          horizontalPodAutoscalerConfig:
            behavior: {scaleDown: {stabilizationWindowSeconds: 600}}
    """,
).on("ScaledObject", having=["cooldownPeriod"])
def cooldown_without_zero(item: Item) -> Iterator[Problem]:
    given, lowest = number_of(item, "cooldownPeriod"), lowest_of(item)
    if given is not None and lowest is not None and lowest > 0:
        yield Problem(
            (*SPEC, "cooldownPeriod"),
            given,
            "has no effect:",
            "Write "
            "advanced.horizontalPodAutoscalerConfig.behavior.scaleDown.stabilizationWindowSeconds instead.",
            why="it is the wait before zero, and minReplicaCount is above 0. Above 1 the HPA decides.",
        )


FALLBACK_CANNOT_FIRE = warning(
    "fallback-cannot-fire",
    SETTINGS,
    summary="A fallback that cannot take effect",
    why=(
        "With a formula, KEDA needs an integer target to compute the fallback (fallback.go:106); cron "
        "triggers never fail; and the HPA allows at most maxReplicaCount."
    ),
    passes='scalingModifiers: {formula: load / 20, target: "5"}',
)


@FALLBACK_CANNOT_FIRE.on("ScaledObject", having=["fallback"])
def fallback_beside_a_formula(item: Item) -> Iterator[Problem]:
    """fallback.go:106."""
    modifiers = modifiers_of(item)
    target = go.trim(text(modifiers.get("target")))
    if _has_fallback(item) and target and not re.fullmatch(r"\+?\d+", target):
        yield Problem(
            (*SPEC, "advanced", "scalingModifiers", "target"),
            target,
            "is not a whole number, and with a formula the fallback needs one:",
            "Write a whole number, and scale the formula to it.",
            why="it would never fire.",
        )


@FALLBACK_CANNOT_FIRE.on("ScaledObject", having=["fallback"])
def fallback_of_cron(item: Item) -> Iterator[Problem]:
    """Cron triggers only."""
    kinds = types_of(item) - set(RESOURCE_SCALERS)
    if _has_fallback(item) and kinds == {"cron"} and all_known(item, "type"):
        yield Problem(
            (*SPEC, "fallback"),
            MISSING,
            "has nothing to fire on:",
            "Remove it.",
            why="a cron trigger reads no source, so it never fails.",
        )


@FALLBACK_CANNOT_FIRE.on("ScaledObject", having=["fallback"])
def fallback_above_maximum(item: Item) -> Iterator[Problem]:
    """More replicas than the HPA allows."""
    replicas, maximum = whole(spec_of(item, "fallback", "replicas")), maximum_of(item)
    if replicas is not None and maximum is not None and replicas > maximum > 0:
        yield Problem(
            (*SPEC, "fallback", "replicas"),
            replicas,
            f"is above maxReplicaCount {maximum}:",
            f"Write at most {maximum}.",
            why="the HPA sets that, never more.",
        )


def _has_fallback(item: Item) -> bool:
    return isinstance(spec_of(item, "fallback"), Mapping)

"""What KEDA's webhook and operator require of a ScaledObject, beyond shape and parameters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from keda.checks.registry import REPLICAS, SCALING, Problem, error, warning
from keda.checks.scaling import (
    SPEC,
    WEBHOOK,
    any_unknown,
    number_of,
    only_resources,
    spec_of,
    without_modifiers,
)
from keda.core.defaults import DEFAULT_MAX, RESOURCE_SCALERS
from keda.core.errors import MISSING
from keda.core.spelling import spelling
from keda.manifests.objects import Item
from keda.manifests.reading import whole

_NOT_READY = "The webhook admits it, and then the ScaledObject is never Ready and nothing scales."

REPLICA_BOUNDS = error(
    "replica-bounds",
    REPLICAS,
    summary="Replica bounds that contradict each other",
    why=(
        "KEDA 2.19's webhook computes this check and then admits the object anyway; the operator leaves "
        "it not Ready (KEDA 2.20 refuses it at admission)."
    ),
    passes="""
        minReplicaCount: 1
        maxReplicaCount: 5
    """,
)


@REPLICA_BOUNDS.on("ScaledObject")
def maximum_and_minimum(item: Item) -> Iterator[Problem]:
    """CheckReplicaCountBoundsAreValid (scaledobject_types.go:287); the webhook of 2.19 only logs."""
    low, high = number_of(item, "minReplicaCount"), number_of(item, "maxReplicaCount")
    effective = 0 if low is None else max(1, low) if low else 0
    limit = DEFAULT_MAX if high is None else high
    if high is not None and high <= 0:
        yield Problem(
            (*SPEC, "maxReplicaCount"),
            high,
            "is not above 0.",
            "Write at least 1; to stop scaling use the annotation autoscaling.keda.sh/paused.",
            f"spec.maxReplicas: Invalid value: {high}: must be greater than 0"
            if effective <= high
            else f"MinReplicaCount={effective} must be less than MaxReplicaCount={high}",
            why="The API server would refuse the HPA that KEDA makes: nothing scales.",
        )
    elif effective > limit and not any_unknown(item, "maxReplicaCount"):
        default = " (the default)" if high is None else ""
        yield Problem(
            (*SPEC, "minReplicaCount"),
            low,
            f"is above {spelling('maxReplicaCount')} {limit}{default}.",
            f"Write at most {limit}, or raise {spelling('maxReplicaCount')}.",
            f"MinReplicaCount={low} must be less than MaxReplicaCount={limit}",
            why=_NOT_READY,
        )


@REPLICA_BOUNDS.on("ScaledObject", having=["idleReplicaCount"])
def idle_below_minimum(item: Item) -> Iterator[Problem]:
    """An idle count that is not below the minimum."""
    idle = number_of(item, "idleReplicaCount")
    if idle is not None and _not_below_minimum(item, idle):
        floor = _floor(item)
        yield Problem(
            (*SPEC, "idleReplicaCount"),
            idle,
            f"is not below {spelling('minReplicaCount')} {floor}.",
            f"Write {spelling('minReplicaCount')}: 1 or more, or remove idleReplicaCount.",
            f"IdleReplicaCount={idle} must be less than MinReplicaCount={floor}",
            why=_NOT_READY,
        )


def _floor(item: Item) -> int:
    low = number_of(item, "minReplicaCount")
    return max(1, low) if low else 0


def _not_below_minimum(item: Item, idle: int) -> bool:
    if any_unknown(item, "minReplicaCount"):
        return False
    return idle >= _floor(item) and not (number_of(item, "minReplicaCount") == 0 and idle == 0)


@warning(
    "idle-not-zero",
    REPLICAS,
    summary="idleReplicaCount other than 0",
    why=(
        "The HPA's minimum is minReplicaCount, so it undoes any other idle count at once "
        "(kedacore/keda#2314)."
    ),
    passes="""
        idleReplicaCount: 0
        minReplicaCount: 3
    """,
).on("ScaledObject", having=["idleReplicaCount"])
def idle_not_zero(item: Item) -> Iterator[Problem]:
    idle = number_of(item, "idleReplicaCount")
    if idle and not any_unknown(item, "minReplicaCount") and not _not_below_minimum(item, idle):
        yield Problem(
            (*SPEC, "idleReplicaCount"),
            idle,
            "is not 0.",
            "Write 0, or remove it.",
            why=f"The HPA's own minimum is {spelling('minReplicaCount')}, so it brings the replicas "
            "back at once.",
        )


@error(
    "negative-number",
    REPLICAS,
    summary="A number below its lower bound (KEDA 2.20 refuses it)",
    why=(
        "These are the bounds that KEDA 2.20 has in its CRDs. KEDA 2.19 stores the number: with a "
        "pollingInterval of 0 it reads the source without a pause."
    ),
    passes="pollingInterval: 30",
).on(*SCALING)
def negative_number(item: Item) -> Iterator[Problem]:
    """Bounds that KEDA 2.20 put into the CRD; 2.19 takes the number and misbehaves."""
    low = number_of(item, "minReplicaCount")
    if low is not None and low < 0:
        takes = "KEDA 2.19 takes it for 1; KEDA 2.20 refuses it." if item.kind == "ScaledObject" else ""
        yield Problem((*SPEC, "minReplicaCount"), low, "is below 0.", "Write 0 or more.", why=takes)
    interval = number_of(item, "pollingInterval")
    if interval is not None and interval <= 0:
        yield Problem(
            (*SPEC, "pollingInterval"),
            interval,
            "is not an interval.",
            "Write e.g. 30.",
            why="KEDA 2.19 would poll the source without a pause.",
        )
    for key in ("cooldownPeriod", "initialCooldownPeriod"):
        seconds = number_of(item, key)
        if seconds is not None and seconds < 0:
            yield Problem(
                (*SPEC, key),
                seconds,
                "is below 0.",
                "Write 0 or more.",
                why="KEDA 2.19 takes it for no wait at all; KEDA 2.20 refuses it.",
            )


@error(
    "resource-scaler-zero",
    REPLICAS,
    summary="cpu and memory alone cannot scale a target up from zero",
    why="Without pods there is no usage. KEDA's webhook refuses the object.",
    passes="""
        minReplicaCount: 1
        triggers:
          - type: cpu
            metricType: Utilization
            metadata: {value: "60"}
    """,
).on("ScaledObject", having=RESOURCE_SCALERS)
def resource_scaler_zero(item: Item) -> Iterator[Problem]:
    lowest = number_of(item, "minReplicaCount")
    unknown = any_unknown(item, "minReplicaCount")
    if only_resources(item) and not lowest and not unknown and without_modifiers(item):
        yield Problem(
            (*SPEC, "minReplicaCount"),
            MISSING if lowest is None else lowest,
            ("is unset, so 0, and" if lowest is None else "with") + " cpu and memory triggers only:",
            f"Write {spelling('minReplicaCount')}: 1, or add a trigger on the work that waits.",
            "scaledobject has only cpu/memory triggers AND minReplica is 0 (scale to zero doesn't "
            "work in this case)",
            why=f"no pod, no usage, so it would never scale up from zero. {WEBHOOK}",
        )


@error(
    "fallback-negative",
    REPLICAS,
    summary="A negative number in fallback",
    why="KEDA's webhook refuses the object.",
    passes="fallback: {failureThreshold: 3, replicas: 2}",
).on("ScaledObject", having=["fallback"])
def fallback_negative(item: Item) -> Iterator[Problem]:
    fallback = spec_of(item, "fallback")
    if not isinstance(fallback, Mapping):
        return
    numbers = {key: whole(fallback.get(key)) for key in ("failureThreshold", "replicas")}
    if any(number is not None and number < 0 for number in numbers.values()):
        yield Problem(
            (*SPEC, "fallback"),
            MISSING,
            "has a number below 0.",
            "Write 0 or more.",
            f"FailureThreshold={numbers['failureThreshold']} & Replicas={numbers['replicas']} must "
            "both be greater than or equal to 0",
            why=WEBHOOK,
        )


@error(
    "fallback-resource-only",
    REPLICAS,
    summary="A fallback with cpu and memory triggers only",
    why=(
        "KEDA does not read these metrics, so it cannot detect that they fail. Its webhook refuses the "
        "object."
    ),
    passes="""
        triggers:   # add a trigger that KEDA reads itself, or remove the fallback: the HPA keeps the replicas
          - {type: cpu, metricType: Utilization, metadata: {value: "60"}}
          - type: prometheus
            metadata:
              serverAddress: "http://prometheus:9090"
              query: sum(jobs_waiting)
              threshold: "5"
              ignoreNullValues: "false"
    """,
).on("ScaledObject", having=["fallback"])
def fallback_resource_only(item: Item) -> Iterator[Problem]:
    if isinstance(spec_of(item, "fallback"), Mapping) and only_resources(item) and without_modifiers(item):
        yield Problem(
            (*SPEC, "fallback"),
            MISSING,
            "cannot fire with cpu and memory triggers only:",
            "Remove it.",
            "at least one trigger (that is not cpu or memory) has to have the `AverageValue` type "
            "for the fallback to be enabled",
            why=f"KEDA does not read those. {WEBHOOK}",
        )

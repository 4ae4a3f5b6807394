"""Gates: ScaledObjects that stop pods while what they need is away, by a probe's 0 or 1."""

from __future__ import annotations

import math
from collections.abc import Iterator

from keda.checks.gates import gates_of
from keda.checks.registry import SETTINGS, Problem, warning
from keda.checks.scaling import (
    SPEC,
    Trigger,
    all_known,
    any_unknown,
    lowest_of,
    number_of,
    spec_of,
    triggers_of,
    without_modifiers,
)
from keda.core.defaults import DEFAULT_COOLDOWN, DEFAULT_POLLING, RESOURCE_SCALERS
from keda.core.errors import MISSING
from keda.core.model import INT32_MAX
from keda.manifests.declared import UNKNOWN
from keda.manifests.objects import Item
from keda.manifests.reading import At, text, whole
from keda.syntax import go, probes


@warning(
    "gate-cooldown",
    SETTINGS,
    summary="A gate that stops pods at the first failed probe, or only after five minutes",
    why=(
        "KEDA scales to zero at the first poll that is later than cooldownPeriod after the last active one "
        "(scale_scaledobjects.go, scaleToZeroOrIdle). Up to pollingInterval, that is the first failed probe. "
        "Unset, it is 300 s, in which the pods run without what they need."
    ),
    passes="cooldownPeriod: 60   # pollingInterval 30, and a blip of 30 s",
    see="gate.md",
).on("ScaledObject", having=["prometheus"])
def gate_cooldown(item: Item) -> Iterator[Problem]:
    gates = list(gates_of(item))
    if not gates or not _decides_alone(item) or lowest_of(item) != 0:
        return
    if any_unknown(item, "cooldownPeriod", "pollingInterval"):
        return
    at: At = (*SPEC, "cooldownPeriod")
    given, interval = number_of(item, "cooldownPeriod"), number_of(item, "pollingInterval")
    interval = DEFAULT_POLLING if interval is None else interval
    if given is None:
        yield Problem(
            at,
            MISSING,
            f"not set, so KEDA's default of {DEFAULT_COOLDOWN} s applies:",
            f"Write the longest blip that may pass, plus the pollingInterval of {interval} s.",
            why=f"pods run for {DEFAULT_COOLDOWN} s without what they need.",
        )
    elif given <= interval and not all(probes.outlasts_a_failure(tree) for _, tree in gates):
        yield Problem(
            at,
            given,
            f"is not above pollingInterval {interval}:",
            f"Write the longest blip that may pass, plus {interval}.",
            why="one failed probe stops every pod.",
        )


@warning(
    "gate-beside-triggers",
    SETTINGS,
    summary="A gate beside other triggers, which it cannot stop",
    why=(
        "KEDA is active while any trigger is (scale_handler.go, getScaledObjectState). Another trigger keeps "
        "the pods running while the gate is closed, and an open gate keeps them running without work."
    ),
    passes="""
        advanced:
          scalingModifiers: {formula: nas * hours, target: "1"}
    """,
    see="gate.md",
).on("ScaledObject", having=["prometheus"])
def gate_beside_triggers(item: Item) -> Iterator[Problem]:
    others = [
        each
        for each in triggers_of(item)
        if each.type not in RESOURCE_SCALERS and each.get("metadata", "query") is not UNKNOWN
    ]
    if not without_modifiers(item) or not all_known(item, "type") or lowest_of(item) != 0:
        return
    gates = [trigger for trigger, _ in gates_of(item)]
    if len(gates) == len(others):  # several probes: any of them may keep the pods, by intention
        return
    for trigger in gates:
        yield Problem(
            (*trigger.at, "metadata", "query"),
            trigger.query,
            "is 0 or 1, and one of several triggers.",
            "Name the triggers, and multiply them: "
            'advanced.scalingModifiers: {formula: "gate * load", target: "…"}.',
            why="KEDA follows the highest: this one stops nothing while another is active, and keeps a "
            "replica while none is.",
        )


@warning(
    "gate-replicas",
    SETTINGS,
    summary="A gate that never reaches its maximum, or never stops its target",
    why=(
        "The value is 1 at most, so the HPA computes 1 / threshold replicas at most. From idleReplicaCount, "
        "KEDA sets minReplicaCount in one step (scale_scaledobjects.go:308)."
    ),
    passes="""
        idleReplicaCount: 0
        minReplicaCount: 3
        maxReplicaCount: 3
    """,
    see="gate.md",
).on("ScaledObject", having=["prometheus"])
def gate_replicas(item: Item) -> Iterator[Problem]:
    if not _decides_alone(item, resources=False) or len(triggers_of(item)) != 1:
        return
    if any_unknown(item, "maxReplicaCount", "minReplicaCount", "idleReplicaCount", "fallback"):
        return
    minimum, maximum = number_of(item, "minReplicaCount") or 0, number_of(item, "maxReplicaCount")
    idle, held = number_of(item, "idleReplicaCount"), whole(spec_of(item, "fallback", "replicas")) or 0
    for trigger, _ in gates_of(item):
        most = _most(trigger)
        if most is None:
            continue
        if minimum > 0 and idle is None and most <= minimum:
            yield Problem(
                (*SPEC, "minReplicaCount"),
                minimum,
                "is kept, whatever the probe gives:",
                "Write idleReplicaCount: 0.",
                why="KEDA never scales below minReplicaCount without idleReplicaCount.",
            )
        elif maximum is not None and (reached := max(most, minimum, held, 1)) < maximum:
            yield Problem(
                (*SPEC, "maxReplicaCount"),
                maximum,
                f"is never reached: the probe is 1 at most, which gives {reached}.",
                f"Write minReplicaCount: {maximum} and idleReplicaCount: 0, which KEDA sets in one step.",
            )


@warning(
    "fallback-zero",
    SETTINGS,
    summary="A fallback of 0 replicas",
    why=(
        "With 0 a failing trigger counts as no activity, whatever the behavior, and KEDA scales to zero "
        "after the cooldown (scale_scaledobjects.go:140). A fallback in use counts as activity "
        "(scale_handler.go, getScalerState), and KEDA scales from zero again: to minReplicaCount, or 1."
    ),
    passes="fallback: {failureThreshold: 2147483647, replicas: 0}   # never in use: the target stays at 0",
    see="gate.md",
).on("ScaledObject", having=["fallback"])
def fallback_zero(item: Item) -> Iterator[Problem]:
    fallback = item.spec.get("fallback")
    if not isinstance(fallback, dict) or lowest_of(item) != 0 or UNKNOWN in fallback.values():
        return
    threshold = whole(fallback.get("failureThreshold"))
    if whole(fallback.get("replicas")) != 0 or threshold is None or threshold == INT32_MAX:
        return
    started = max(1, number_of(item, "minReplicaCount") or 0)
    yield Problem(
        (*SPEC, "fallback", "replicas"),
        0,
        f"gives {started}:",
        f"Write 1 or more; or, to stop the target while its trigger fails, failureThreshold: {INT32_MAX}.",
        why=f"KEDA scales to 0 while the trigger fails, and to {started} once the fallback is in use, after "
        f"{threshold + 1} failures: a fallback counts as activity.",
    )


def _decides_alone(item: Item, resources: bool = True) -> bool:
    """Whether nothing but probes, and with `resources` cpu or memory, decides between 0 and more."""
    if not without_modifiers(item) or not all_known(item, "type") or not all_known(item, "metadata"):
        return False
    allowed = RESOURCE_SCALERS if resources else ()
    gates = {trigger.at for trigger, _ in gates_of(item)}
    return all(each.at in gates or each.type in allowed for each in triggers_of(item))


def _most(trigger: Trigger) -> int | None:
    """The replicas that the HPA makes of the value 1; None where that is not the value alone."""
    if trigger.get("metricType") not in (None, "", "AverageValue"):
        return None
    try:
        threshold = go.json_real(text(trigger.metadata.get("threshold")))
    except ValueError:
        return None
    return math.ceil(1 / threshold) if threshold >= 0.001 else None  # an HPA has no less

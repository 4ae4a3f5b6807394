"""What KEDA's webhook and operator ask of one object, beyond its shape and its triggers' parameters."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from keda.checks.findings import Report
from keda.core.errors import MISSING, did_you_mean
from keda.manifests.objects import Item
from keda.manifests.reading import At, dig, mapping, sequence, text, whole
from keda.syntax import formula
from keda.syntax import go as go_values

RESOURCE_SCALERS = ("cpu", "memory")
DEFAULT_MAX = 100
WEBHOOK = "KEDA's webhook would reject the object."
_NOT_READY = "The webhook admits it, and then the ScaledObject is never Ready and nothing scales."
SPEC: At = ("spec",)


def triggers_of(item: Item) -> Iterator[tuple[int, Mapping[Any, Any]]]:
    """The triggers that are mappings, with their index."""
    for index, trigger in enumerate(sequence(item.spec.get("triggers"))):
        if isinstance(trigger, Mapping):
            yield index, trigger


def only_resources(item: Item) -> bool:
    types = [text(trigger.get("type")) for _, trigger in triggers_of(item)]
    return bool(types) and all(kind in RESOURCE_SCALERS for kind in types)


def modifiers_of(item: Item) -> Mapping[Any, Any]:
    return mapping(dig(item.spec, "advanced", "scalingModifiers"))


def check_scaled_object(item: Item, report: Report) -> None:
    check_trigger_list(item, report)
    _bounds(item, report)
    check_seconds(item, report)
    _fallback(item, report)
    _modifiers(item, report)
    check_annotations(item, report)
    lowest = whole(item.spec.get("minReplicaCount"))
    if only_resources(item) and not lowest and not modifiers_of(item):
        report.add(
            "resource-scaler-zero",
            (*SPEC, "minReplicaCount"),
            MISSING if lowest is None else lowest,
            ("is unset, so 0, and" if lowest is None else "with")
            + " cpu and memory triggers only: no pod, no usage, so it would never scale up from zero. "
            + WEBHOOK,
            "Write minReplicaCount: 1, or add a trigger that sees the work waiting.",
            "scaledobject has only cpu/memory triggers AND minReplica is 0 (scale to zero doesn't "
            "work in this case)",
        )


def check_trigger_list(item: Item, report: Report) -> None:
    """scaletriggers_types.go:58: asked of ScaledObject and ScaledJob alike."""
    if item.spec.get("triggers") == []:
        report.add(
            "no-triggers",
            (*SPEC, "triggers"),
            MISSING,
            f"empty: nothing would scale. {WEBHOOK}",
            "Write one.",
            "no triggers defined in the ScaledObject/ScaledJob",
        )
    names = Counter(text(trigger.get("name")) for _, trigger in triggers_of(item))
    for index, trigger in triggers_of(item):
        name, kind = text(trigger.get("name")), text(trigger.get("type"))
        if name and names[name] > 1:
            report.add(
                "trigger-name-twice",
                (*SPEC, "triggers", index, "name"),
                name,
                f"is the name of more than one trigger. {WEBHOOK}",
                "Give each its own name.",
                f'triggerName "{name}" is defined multiple times in the ScaledObject/ScaledJob, but it '
                "must be unique",
            )
        if trigger.get("useCachedMetrics") is True and kind in (*RESOURCE_SCALERS, "cron"):
            report.add(
                "cached-metrics",
                (*SPEC, "triggers", index, "useCachedMetrics"),
                True,
                f"is not possible with {kind}. {WEBHOOK}",
                "Remove it.",
                f'property "useCachedMetrics" is not supported for "{kind}" scaler',
            )


def _bounds(item: Item, report: Report) -> None:
    """CheckReplicaCountBoundsAreValid (scaledobject_types.go:287); the webhook of 2.19 only logs."""
    low, high, idle = (
        whole(item.spec.get(key)) for key in ("minReplicaCount", "maxReplicaCount", "idleReplicaCount")
    )
    effective = 0 if low is None else max(1, low) if low else 0
    limit = DEFAULT_MAX if high is None else high
    default = " (the default)" if high is None else ""
    if high is not None and high <= 0:
        report.add(
            "replica-bounds",
            (*SPEC, "maxReplicaCount"),
            high,
            "is not above 0. The API server would refuse the HPA that KEDA makes: nothing scales.",
            "Write at least 1; to stop scaling use the annotation autoscaling.keda.sh/paused.",
            f"spec.maxReplicas: Invalid value: {high}: must be greater than 0"
            if effective <= high
            else f"MinReplicaCount={effective} must be less than MaxReplicaCount={high}",
        )
    elif effective > limit:
        report.add(
            "replica-bounds",
            (*SPEC, "minReplicaCount"),
            low,
            f"is above maxReplicaCount {limit}{default}. {_NOT_READY}",
            f"Write at most {limit}, or raise maxReplicaCount.",
            f"MinReplicaCount={low} must be less than MaxReplicaCount={limit}",
        )
    if low is not None and low < 0:
        report.add(
            "negative-number",
            (*SPEC, "minReplicaCount"),
            low,
            "is below 0. KEDA 2.19 takes it for 1; KEDA 2.20 refuses it.",
            "Write 0 or more.",
        )
    if idle is None:
        return
    floor = 0 if low is None else low if low == 0 else max(1, low)
    if idle >= floor and not (low == 0 and idle == 0):
        report.add(
            "replica-bounds",
            (*SPEC, "idleReplicaCount"),
            idle,
            f"is not below minReplicaCount {floor}. {_NOT_READY}",
            "Write minReplicaCount: 1 or more, or remove idleReplicaCount.",
            f"IdleReplicaCount={idle} must be less than MinReplicaCount={floor}",
        )
    elif idle != 0:
        report.add(
            "idle-not-zero",
            (*SPEC, "idleReplicaCount"),
            idle,
            "is not 0. The HPA's own minimum is minReplicaCount, so it brings the replicas back at once.",
            "Write 0, or remove it.",
        )


def check_seconds(item: Item, report: Report) -> None:
    """Bounds that KEDA 2.20 put into the CRD; 2.19 takes the number and misbehaves."""
    interval = whole(item.spec.get("pollingInterval"))
    if interval is not None and interval <= 0:
        report.add(
            "negative-number",
            (*SPEC, "pollingInterval"),
            interval,
            "is not an interval. KEDA 2.19 would ask the trigger's source without a pause.",
            "Write e.g. 30.",
        )
    for key in ("cooldownPeriod", "initialCooldownPeriod"):
        seconds = whole(item.spec.get(key))
        if seconds is not None and seconds < 0:
            report.add(
                "negative-number",
                (*SPEC, key),
                seconds,
                "is below 0. KEDA 2.19 takes it for no wait at all; KEDA 2.20 refuses it.",
                "Write 0 or more.",
            )


def _fallback(item: Item, report: Report) -> None:
    fallback = item.spec.get("fallback")
    if not isinstance(fallback, Mapping):
        return
    numbers = {key: whole(fallback.get(key)) for key in ("failureThreshold", "replicas")}
    if any(number is not None and number < 0 for number in numbers.values()):
        report.add(
            "fallback-negative",
            (*SPEC, "fallback"),
            MISSING,
            f"has a number below 0. {WEBHOOK}",
            "Write 0 or more.",
            f"FailureThreshold={numbers['failureThreshold']} & Replicas={numbers['replicas']} must "
            "both be greater "
            "than or equal to 0",
        )
    if only_resources(item) and not modifiers_of(item):
        report.add(
            "fallback-resource-only",
            (*SPEC, "fallback"),
            MISSING,
            f"cannot fire with cpu and memory triggers only: KEDA does not read those. {WEBHOOK}",
            "Remove it.",
            "at least one trigger (that is not cpu or memory) has to have the `AverageValue` type "
            "for the fallback "
            "to be enabled",
        )


def _modifiers(item: Item, report: Report) -> None:
    """ValidateAndCompileScalingModifiers (scaledobject_webhook.go:459)."""
    modifiers = modifiers_of(item)
    if not modifiers:
        return
    at: At = (*SPEC, "advanced", "scalingModifiers")
    written, target = text(modifiers.get("formula")), text(modifiers.get("target"))
    if not written:
        report.add(
            "modifiers-formula",
            (*at, "formula"),
            MISSING,
            f"missing, and required. {WEBHOOK}",
            'Write a formula over the triggers\' names, such as "(a + b) / 2".',
            "error ScalingModifiers.Formula is mandatory",
        )
    else:
        known = [
            text(trigger.get("name"))
            for _, trigger in triggers_of(item)
            if text(trigger.get("type")) not in RESOURCE_SCALERS and text(trigger.get("name"))
        ]
        broken, unknown = formula.problem(written, known)
        if broken:
            report.add(
                "modifiers-formula",
                (*at, "formula"),
                written,
                f"does not compile: {broken}. {WEBHOOK}",
                "Write it in the expr language: numbers, trigger names, + - * / and functions such as "
                "max(a, b).",
                "error validating formula in ScalingModifiers",
            )
        for name in sorted(unknown):
            guess = did_you_mean(name, known)
            fix = (
                f"Write {guess}."
                if guess
                else f"Name a trigger {name}; named are: {', '.join(known) or 'none'}."
            )
            report.add(
                "modifiers-formula",
                (*at, "formula"),
                written,
                f"names {name}, which no trigger but cpu and memory may be called here. {WEBHOOK}"
                if name in RESOURCE_SCALERS
                else f"names {name}, and no trigger has that name. {WEBHOOK}",
                fix,
                f"unknown name {name}",
            )
    problem = _target_problem(target)
    if problem and (target or modifiers.get("target") is None and written):
        admitted = target and _is_endless(target)
        report.add(
            "modifiers-target",
            (*at, "target"),
            target or MISSING,
            f"{problem}. "
            + ("KEDA's webhook admits it, and no number compares with it." if admitted else WEBHOOK),
            'Write the value one replica takes, such as target: "5".',
            ""
            if admitted
            else "error validating target in ScalingModifiers"
            if target
            else "formula is given but target is empty",
        )
    activation = text(modifiers.get("activationTarget"))
    if activation:
        try:
            go_values.real(activation)
        except ValueError:
            report.add(
                "modifiers-target",
                (*at, "activationTarget"),
                activation,
                "is not a number. KEDA admits it, and then every poll fails while the ScaledObject "
                "says Ready.",
                'Write activationTarget: "0".',
            )


def _target_problem(target: str) -> str:
    if not target:
        return "missing, and required by the formula"
    try:
        number = go_values.real(target)
    except ValueError:
        return "is not a number"
    if not math.isfinite(number):
        return "is not a number to divide by"
    return "is not above 0" if number <= 0 else ""


def _is_endless(target: str) -> bool:
    try:
        return not math.isfinite(go_values.real(target))
    except ValueError:
        return False


_KEDA_ANNOTATIONS = {
    "autoscaling.keda.sh/paused": bool,
    "autoscaling.keda.sh/paused-replicas": int,
    "autoscaling.keda.sh/paused-scale-in": bool,
    "autoscaling.keda.sh/paused-scale-out": bool,
    "autoscaling.keda.sh/force-activation": bool,
}


def check_annotations(item: Item, report: Report) -> None:
    for key, value in item.annotations.items():
        at: At = ("metadata", "annotations", str(key)[:100])
        if not isinstance(key, str) or not isinstance(value, str):
            continue
        wanted = _KEDA_ANNOTATIONS.get(key)
        if wanted is None:
            if key.startswith("autoscaling.keda.sh/"):
                guess = did_you_mean(key, _KEDA_ANNOTATIONS)
                fix = f"Write {guess}." if guess else "Remove it."
                report.add(
                    "unknown-annotation",
                    at,
                    MISSING,
                    "is not an annotation of KEDA. It would do nothing.",
                    fix,
                )
            continue
        try:
            (go_values.boolean if wanted is bool else _int32)(value)
        except ValueError:
            if wanted is int:
                why = (
                    "is not a whole number. The scaling would pause where it stands, and only the log "
                    "says why."
                )
                report.add("paused-not-boolean", at, value, why, 'Write a number in quotes, such as "0".')
            else:
                paused = key == "autoscaling.keda.sh/paused"
                effect = "as true: the HPA is deleted and the replicas freeze" if paused else "as false"
                why = f"is neither true nor false for Go. KEDA reads it {effect}."
                report.add("paused-not-boolean", at, value, why, 'Write "true", or remove the annotation.')


def _int32(value: str) -> int:
    return go_values.integer(value, go_values.INT32)

"""What KEDA accepts and then does wrong: each a rule of its own that an annotation with a reason silences."""

from __future__ import annotations

import functools
import math
import re
import zoneinfo
from collections.abc import Mapping
from typing import Any

from keda.checks.admission.scaled_object import DEFAULT_MAX, RESOURCE_SCALERS, modifiers_of, triggers_of
from keda.checks.advice.queries import advise_queries, advise_queries_among
from keda.checks.cross_object.capacity import advise_capacity
from keda.checks.cross_object.jetstream import advise_jetstream
from keda.checks.findings import Report
from keda.core.errors import MISSING
from keda.manifests.objects import Item, Objects, selects
from keda.manifests.reading import At, dig, mapping, text, whole
from keda.scalers.parser import scalers
from keda.syntax import formula
from keda.syntax import go as go_values

_COOLDOWN = 300


def advise(item: Item, report: Report) -> None:
    """Every rule that needs only the object itself."""
    if item.kind not in ("ScaledObject", "ScaledJob"):
        return
    _default_max(item, report)
    for index, trigger in triggers_of(item):
        _trigger(item, trigger, ("spec", "triggers", index), report)
    advise_queries(item, report)
    if item.kind == "ScaledJob":
        _job(item, report)
        return
    _fallback(item, report)
    _unnamed(item, report)
    _cooldown(item, report)


def advise_among(item: Item, objects: Objects, report: Report) -> None:
    """Every rule that reads other objects too."""
    if item.kind not in ("ScaledObject", "ScaledJob"):
        return
    for index, trigger in triggers_of(item):
        if trigger.get("type") == "nats-jetstream":
            advise_jetstream(item, objects, trigger, ("spec", "triggers", index, "metadata"), report)
    advise_queries_among(item, objects, report)
    target = objects.target(item) if item.kind == "ScaledObject" else None
    if target is not None:
        _grace(item, target, report)
        _disruption(item, target, objects, report)
    advise_capacity(item, objects, report)


def _maximum(item: Item) -> int:
    given = whole(item.spec.get("maxReplicaCount"))
    return DEFAULT_MAX if given is None else given


def _lowest(item: Item) -> int:
    """minReplicaCount, or what the target rests at: idleReplicaCount."""
    lowest = whole(item.spec.get("minReplicaCount")) or 0
    idle = whole(item.spec.get("idleReplicaCount"))
    return lowest if idle is None else min(lowest, idle)


def _default_max(item: Item, report: Report) -> None:
    if item.spec.get("maxReplicaCount") is None and item.spec.get("triggers"):
        report.add(
            "default-max",
            ("spec", "maxReplicaCount"),
            MISSING,
            f"not set, so KEDA's default of {DEFAULT_MAX} applies: one wrong metric starts {DEFAULT_MAX} "
            f"{'Jobs' if item.kind == 'ScaledJob' else 'pods'}.",
            "Write the highest count that the cluster and its downstream systems can handle.",
        )


def _trigger(item: Item, trigger: Mapping[Any, Any], at: At, report: Report) -> None:
    kind = text(trigger.get("type"))
    if kind not in scalers():
        return
    metadata = {
        key: value for key, value in mapping(trigger.get("metadata")).items() if isinstance(value, str)
    }
    if kind == "cron":
        _cron(item, metadata, (*at, "metadata"), report)
    names = {name: each for each in scalers()[kind].parameters for name in each.names}
    for key, value in metadata.items():
        if (
            key in names
            and names[key].type == "duration"
            and re.fullmatch(r"[1-9]\d{0,2}", go_values.trim(value))
        ):
            report.add(
                "duration-in-milliseconds",
                (*at, "metadata", key),
                value,
                "has no unit, and KEDA reads it as milliseconds: nothing would answer in time.",
                f'Write "{value}s", or "{value}ms" if that is meant.',
            )
    if _lowest(item) == 0 and item.kind == "ScaledObject":
        _activation(metadata, (*at, "metadata"), report)


def _activation(metadata: Mapping[str, str], at: At, report: Report) -> None:
    """A threshold to wake that is above the target of one replica."""
    for key, value in metadata.items():
        target = key.removeprefix("activation")
        target = target[:1].lower() + target[1:]
        if not key.startswith("activation") or target not in metadata:
            continue
        try:
            high, one = go_values.real(value), go_values.real(metadata[target])
        except ValueError:
            continue
        if high > one > 0 and math.isfinite(high):
            report.add(
                "activation-over-target",
                (*at, key),
                value,
                f"is above {target} {metadata[target]}. Between the two KEDA goes to zero while the "
                "HPA wants "
                f"{math.ceil(high / one)} replicas: work stays in the queue, and pods come and go.",
                f"Write at most {metadata[target]}; 0 wakes on the first piece of work.",
            )


@functools.cache
def _timezones() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())


def _cron(item: Item, metadata: Mapping[str, str], at: At, report: Report) -> None:
    zone = go_values.trim(metadata.get("timezone", ""))
    if zone and _timezones() and zone not in _timezones():
        close = next(
            (known for known in _timezones() if known.lower() == zone.lower().replace(" ", "_")), None
        )
        report.add(
            "cron-timezone",
            (*at, "timezone"),
            zone,
            "is not a time zone of the IANA database. The object is Ready, and every poll fails: it "
            "never scales by these hours.",
            f"Write {close}." if close else "Write one such as Europe/Berlin or UTC.",
        )
    try:
        desired = go_values.integer(metadata.get("desiredReplicas", "0"))
    except ValueError:
        return
    if item.kind == "ScaledObject" and desired > _maximum(item) > 0:
        report.add(
            "cron-over-max",
            (*at, "desiredReplicas"),
            metadata["desiredReplicas"],
            f"is above maxReplicaCount {_maximum(item)}, and never reached.",
            f"Write at most {_maximum(item)}, or raise maxReplicaCount.",
        )


def _fallback(item: Item, report: Report) -> None:
    fallback = item.spec.get("fallback")
    if not isinstance(fallback, Mapping):
        return
    modifiers = modifiers_of(item)
    target = go_values.trim(text(modifiers.get("target")))
    if modifiers and target and not re.fullmatch(r"\+?\d+", target):
        report.add(
            "fallback-cannot-fire",
            ("spec", "advanced", "scalingModifiers", "target"),
            target,
            "is not a whole number, and with a formula the fallback needs one: it would never fire.",
            "Write a whole number, and scale the formula to it.",
        )
    kinds = {text(trigger.get("type")) for _, trigger in triggers_of(item)} - set(RESOURCE_SCALERS)
    if kinds == {"cron"}:
        report.add(
            "fallback-cannot-fire",
            ("spec", "fallback"),
            MISSING,
            "has nothing to fire on: a cron trigger reads no source, so it never fails.",
            "Remove it.",
        )
    replicas = whole(fallback.get("replicas"))
    if replicas is not None and replicas > _maximum(item) > 0:
        report.add(
            "fallback-cannot-fire",
            ("spec", "fallback", "replicas"),
            replicas,
            f"is above maxReplicaCount {_maximum(item)}: the HPA holds that, never more.",
            f"Write at most {_maximum(item)}.",
        )


def _unnamed(item: Item, report: Report) -> None:
    written = text(modifiers_of(item).get("formula"))
    if not written:
        return
    named = {text(trigger.get("name")) for _, trigger in triggers_of(item)}
    used = formula.variables(written)
    for index, trigger in triggers_of(item):
        name, kind = text(trigger.get("name")), text(trigger.get("type"))
        at: At = ("spec", "triggers", index)
        if kind in RESOURCE_SCALERS:
            if dig(trigger, "metadata", "containerName"):
                report.add(
                    "modifiers-unused-trigger",
                    (*at, "metadata", "containerName"),
                    dig(trigger, "metadata", "containerName"),
                    "next to a formula: KEDA silently leaves this trigger out of the HPA.",
                    "Remove containerName, so that the pods' own metric stays beside the formula.",
                )
        elif not name:
            report.add(
                "modifiers-unnamed-trigger",
                (*at, "name"),
                MISSING,
                "missing, and there is a formula. The object is Ready, and every poll fails: nothing scales.",
                "Name the trigger and use the name in the formula, or remove it.",
            )
        elif name not in used and used <= named:
            report.add(
                "modifiers-unused-trigger",
                (*at, "name"),
                name,
                "is not in the formula, and with a formula no trigger counts for itself: it would do "
                "nothing.",
                "Use it in the formula, or remove it.",
            )


def _cooldown(item: Item, report: Report) -> None:
    given = whole(item.spec.get("cooldownPeriod"))
    if given is not None and _lowest(item) > 0:
        report.add(
            "cooldown-without-zero",
            ("spec", "cooldownPeriod"),
            given,
            "has no effect: it is the wait before zero, and minReplicaCount is above 0. Above 1 "
            "the HPA decides.",
            "Write "
            "advanced.horizontalPodAutoscalerConfig.behavior.scaleDown.stabilizationWindowSeconds instead.",
        )


def _grace(item: Item, target: Item, report: Report) -> None:
    given = whole(item.spec.get("cooldownPeriod"))
    grace = whole(dig(target.pod, "terminationGracePeriodSeconds"))
    cooldown = _COOLDOWN if given is None else given
    if grace is not None and grace > cooldown and _lowest(item) == 0:
        report.add(
            "grace-over-cooldown",
            ("spec", "cooldownPeriod"),
            MISSING if given is None else given,
            f"{'unset, so ' + str(_COOLDOWN) + ',' if given is None else 'is'} below the {grace} s "
            "that a pod of "
            f"{target.ref} may take to end. New work finds the old pod "
            "still ending and "
            "holding its resources.",
            f"Write at least {grace}, or lower terminationGracePeriodSeconds.",
        )


def _share(value: object, replicas: int) -> int | None:
    """An IntOrString of a PodDisruptionBudget over `replicas`; per cents are rounded up."""
    if isinstance(value, str) and re.fullmatch(r"\d{1,9}%", value):
        return math.ceil(int(value[:-1]) * replicas / 100)
    return whole(value)


def _disruption(item: Item, target: Item, objects: Objects, report: Report) -> None:
    lowest = max(1, whole(item.spec.get("minReplicaCount")) or 0)
    for budget in objects.of("PodDisruptionBudget", item.namespace):
        if not selects(budget.spec.get("selector"), target.pod_labels):
            continue
        kept = _share(budget.spec.get("minAvailable"), lowest)
        away = _share(budget.spec.get("maxUnavailable"), lowest)
        if (kept is not None and kept >= lowest) or away == 0:
            rule = (
                f"minAvailable: {budget.spec.get('minAvailable')}"
                if kept is not None
                else "maxUnavailable: 0"
            )
            report.add(
                "pdb-blocks",
                ("spec", "minReplicaCount"),
                whole(item.spec.get("minReplicaCount")) or 0,
                f"and {budget.ref} with {rule}: at {lowest} replica{'s' * (lowest > 1)} no pod may be "
                "evicted, so "
                "no node with one can be drained.",
                "Write maxUnavailable: 1 in the PodDisruptionBudget, or raise minReplicaCount above it.",
            )


_COUNTS_RUNNING = {
    "rabbitmq": ("excludeUnacknowledged", "true"),
    "aws-sqs-queue": ("scaleOnInFlight", "false"),
}
"""Scalers whose number includes the work that Jobs have in hand, unless this says otherwise."""


def _job(item: Item, report: Report) -> None:
    for key in ("successfulJobsHistoryLimit", "failedJobsHistoryLimit"):
        if item.spec.get(key) is None:
            report.add(
                "job-history",
                ("spec", key),
                MISSING,
                "not set, so KEDA's default of 100 applies: a hundred finished Jobs and their pods stay in "
                "the API server for each ScaledJob.",
                f"Write {key}: 5.",
            )
    strategy = dig(item.spec, "rollout", "strategy") or item.spec.get("rolloutStrategy")
    if strategy != "gradual":
        report.add(
            "job-rollout",
            ("spec", "rollout", "strategy"),
            strategy or MISSING,
            "not gradual: every change of the ScaledJob kills the Jobs that run, work in hand included.",
            "Write rollout: {strategy: gradual}.",
        )
    if dig(item.spec, "scalingStrategy", "strategy") not in ("accurate", "eager"):
        return
    for _, trigger in triggers_of(item):
        key, wanted = _COUNTS_RUNNING.get(text(trigger.get("type")), ("", ""))
        if key and dig(trigger, "metadata", key) != wanted:
            report.add(
                "job-strategy-unfit",
                ("spec", "scalingStrategy", "strategy"),
                dig(item.spec, "scalingStrategy", "strategy"),
                f"expects a number without the work in hand, and the {trigger.get('type')} trigger "
                "counts that too: "
                "Jobs are made for messages that others already work on.",
                f'Write {key}: "{wanted}", or strategy: default.',
            )

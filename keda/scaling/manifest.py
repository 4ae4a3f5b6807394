"""A ScaledObject's manifest as the simulation reads it."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from keda.core.defaults import DEFAULT_COOLDOWN, DEFAULT_MAX, RESOURCE_SCALERS
from keda.manifests.declared import UNKNOWN
from keda.manifests.reading import annotation, dig, mapping, sequence, text, whole
from keda.scalers.facts import Parameter, records, scalers
from keda.scaling.behavior import Policy, ScalingRules
from keda.scaling.formula import FormulaUnread, compiled
from keda.scaling.jobs import ScaledJob
from keda.scaling.scaled_object import (
    MOST,
    Annotations,
    Fallback,
    MetricType,
    Modifiers,
    ScaledObject,
    Trigger,
)
from keda.syntax.go import boolean
from keda.syntax.quantity import parse_quantity

_PREFIX = "autoscaling.keda.sh/"
_METRIC_TYPES: Mapping[str, MetricType] = {
    "": "AverageValue",
    "AverageValue": "AverageValue",
    "Value": "Value",
    "Utilization": "Utilization",
}
_FALLBACKS = ("static", "currentReplicas", "currentReplicasIfHigher", "currentReplicasIfLower")


class Unsimulated(ValueError):
    """What cannot be simulated: one sentence that begins with the place in the manifest."""


def read_scaled_object(manifest: Mapping[str, Any]) -> ScaledObject:
    """The ScaledObject of a manifest, in the simulation's units. Raises Unsimulated."""
    spec = mapping(manifest.get("spec"))
    result = replace(
        read_limits(manifest),
        triggers=_triggers(spec),
        modifiers=_modifiers(mapping(dig(spec, "advanced", "scalingModifiers"))),
    )
    if result.modifiers is not None and any(not each.name for each in result.triggers if not each.resource):
        raise Unsimulated(
            "spec.triggers: a formula needs the name of each trigger. Write name on all of them."
        )
    return result


def read_limits(manifest: Mapping[str, Any]) -> ScaledObject:
    """The same without its triggers and their formula. Raises Unsimulated."""
    spec = {key: value for key, value in mapping(manifest.get("spec")).items() if value is not None}
    behavior = mapping(dig(spec, "advanced", "horizontalPodAutoscalerConfig", "behavior"))
    result = ScaledObject(
        (),
        minimum=_number(spec, "minReplicaCount", "spec", 0, MOST),
        maximum=_number(spec, "maxReplicaCount", "spec", DEFAULT_MAX, MOST),
        idle=_number(spec, "idleReplicaCount", "spec", 0, MOST) if "idleReplicaCount" in spec else None,
        polling_interval=_number(spec, "pollingInterval", "spec", 30) * 1000,
        cooldown=_number(spec, "cooldownPeriod", "spec", DEFAULT_COOLDOWN) * 1000,
        initial_cooldown=_number(spec, "initialCooldownPeriod", "spec", 0) * 1000,
        fallback=_fallback(mapping(spec["fallback"])) if spec.get("fallback") else None,
        scale_up=_rules(behavior, "scaleUp"),
        scale_down=_rules(behavior, "scaleDown"),
        annotations=_annotations(manifest),
        name=text(dig(manifest, "metadata", "name")),
    )
    if result.maximum < result.hpa_minimum:
        raise Unsimulated(
            f"spec.maxReplicaCount: {result.maximum} is below the minimum {result.hpa_minimum}. "
            "KEDA's webhook rejects the object. Write a larger maxReplicaCount."
        )
    return result


def read_scaled_job(manifest: Mapping[str, Any]) -> ScaledJob:
    """The ScaledJob of a manifest, in the simulation's units. Raises Unsimulated."""
    spec = mapping(manifest.get("spec"))
    strategy, triggers = mapping(spec.get("scalingStrategy")), _triggers(spec)
    for index, trigger in enumerate(triggers):
        if trigger.resource:  # left out by getScaledJobMetrics (pkg/scaling/scale_handler.go)
            raise Unsimulated(
                f"spec.triggers[{index}].type: {trigger.type} is read by an HPA, and a ScaledJob has none. "
                "KEDA starts no Job for it. Write another trigger."
            )
    lowest, highest = (
        None if spec.get(key) is None else _number(spec, key, "spec", 0, MOST)
        for key in ("minReplicaCount", "maxReplicaCount")
    )
    return ScaledJob(
        lowest,
        highest,
        strategy=text(strategy.get("strategy")),
        calculation=text(strategy.get("multipleScalersCalculation")),
        deduction=_number(strategy, "customScalingQueueLengthDeduction", "spec.scalingStrategy", 0),
        running_share=str(strategy.get("customScalingRunningJobPercentage", "")),
        triggers=triggers,
        polling_interval=_number(spec, "pollingInterval", "spec", 30) * 1000,
        name=text(dig(manifest, "metadata", "name")),
        paused=_is_true(manifest, "paused"),
        parallelism=_number(mapping(spec.get("jobTargetRef")), "parallelism", "spec.jobTargetRef", 1),
    )


def _triggers(spec: Mapping[str, Any]) -> tuple[Trigger, ...]:
    triggers = sequence(spec.get("triggers"))
    if not triggers:
        raise Unsimulated("spec.triggers: there is none. KEDA refuses the object. Write a trigger.")
    return tuple(
        read_trigger(mapping(trigger), f"spec.triggers[{index}]") for index, trigger in enumerate(triggers)
    )


def read_trigger(trigger: Mapping[str, Any], place: str) -> Trigger:
    """One trigger; `place` is its path in the manifest. Raises Unsimulated."""
    kind = text(trigger.get("type"))
    if kind not in scalers():
        raise Unsimulated(
            f"{place}.type: {kind or 'nothing'} is not a scaler of KEDA. Write one, such as kafka."
        )
    metadata = mapping(trigger.get("metadata"))
    given, name, resource = (
        text(trigger.get("metricType")),
        text(trigger.get("name")),
        kind in RESOURCE_SCALERS,
    )
    metric_type = _METRIC_TYPES.get(given)
    allowed = ("Utilization", "AverageValue") if resource else ("", "AverageValue", "Value")
    if metric_type is None or given not in allowed:
        names = " or ".join(filter(None, allowed))
        raise Unsimulated(
            f"{place}.metricType: {given or 'nothing'} is not one that {kind} has. Write {names}."
        )
    if resource:
        resource_target = _resource_target(metadata, metric_type, place)
        return Trigger(resource_target, metric_type=metric_type, type=kind, name=name)
    target_of, activation_of = _parameters(kind)
    if target_of is None or kind == "redis-streams":  # redis-streams: one of three, by what else is set
        raise Unsimulated(
            f"{place}: the target of {kind} does not follow from one parameter. It is not simulated."
        )
    target = _parameter(metadata, target_of, place)
    activation = _parameter(metadata, activation_of, place) if activation_of else 0.0
    if kind in ("cron", "selenium-grid"):  # their metric is the count of replicas itself
        target = 1.0
    elif kind == "github-runner":  # active from the target on, not above it (github_runner_scaler.go)
        activation = math.nextafter(target, -math.inf)
    elif kind == "sumologic":  # always active (sumologic_scaler.go)
        activation = -math.inf
    elif kind == "splunk-observability":  # whatever metricType is written (splunk_observability_scaler.go)
        metric_type = "Value"
    fractions = target_of.type == "float64" and kind != "splunk"  # splunk_scaler.go cuts its target
    milli = int(target * 1000) if fractions else int(target) * 1000
    if milli <= 0:
        raise Unsimulated(
            f"{place}.metadata.{target_of.name}: {target:g} is not above 0. Write a positive one."
        )
    return Trigger(
        milli,
        activation,
        metric_type,
        kind,
        name,
        trigger.get("useCachedMetrics") is True,
        metadata.get("ignoreNullValues", "true") in ("true", True),
    )


@functools.cache
def _parameters(kind: str) -> tuple[Parameter | None, Parameter | None]:
    """A scaler's parameters that are its target and its activation."""
    named, target = scalers()[kind].named, records()[kind].get("target")
    activations = [each for each in scalers()[kind].parameters if each.name.startswith("activation")]
    return named.get(target or ""), activations[0] if activations else None


def _parameter(metadata: Mapping[str, Any], parameter: Parameter, place: str) -> float:
    found = next((metadata[name] for name in parameter.names if metadata.get(name) not in (None, "")), None)
    given = parameter.default or "0" if found is None else str(found)
    try:
        value = math.nan if found is UNKNOWN else float(given)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise Unsimulated(
            f"{place}.metadata.{parameter.name} is not a number that stands in the manifest. Write one."
        )
    return value


def _resource_target(metadata: Mapping[str, Any], metric_type: MetricType, place: str) -> int:
    """cpu and memory: percent of Utilization, else milli of an amount."""
    value = str(metadata.get("value", ""))
    try:
        if metric_type == "Utilization":
            return int(value)
        if metric_type == "AverageValue":
            return int(parse_quantity(value) * 1000)
    except ValueError:
        pass
    raise Unsimulated(
        f"{place}.metadata.value is not a target of type {metric_type}. Write for example metricType "
        'Utilization and value "80".'
    )


def _fallback(fallback: Mapping[str, Any]) -> Fallback:
    behavior = text(fallback.get("behavior")) or "static"
    chosen = next((each for each in _FALLBACKS if each == behavior), None)
    if chosen is None:
        raise Unsimulated(f"spec.fallback.behavior is not one of {', '.join(_FALLBACKS)}. Write one.")
    threshold = _number(fallback, "failureThreshold", "spec.fallback", 0)
    return Fallback(threshold, _number(fallback, "replicas", "spec.fallback", 0, MOST), chosen)  # type: ignore[arg-type]


def _modifiers(modifiers: Mapping[str, Any]) -> Modifiers | None:
    place = "spec.advanced.scalingModifiers"
    formula, target = text(modifiers.get("formula")), str(modifiers.get("target", ""))
    if not modifiers:
        return None
    metric_type = _METRIC_TYPES.get(text(modifiers.get("metricType")), "Utilization")
    try:
        compiled(formula)
        valid = float(target) > 0 and metric_type != "Utilization"
        activation = float(modifiers.get("activationTarget") or 0)
    except FormulaUnread as error:
        raise Unsimulated(
            f"{place}.formula: {error}. Write it with numbers, comparisons and ?: only."
        ) from None
    except ValueError:
        valid = False
    if not valid:
        raise Unsimulated(f"{place}: target, activationTarget or metricType is not one that KEDA takes.")
    return Modifiers(formula, target, activation, metric_type)


def _rules(behavior: Mapping[str, Any], direction: str) -> ScalingRules | None:
    if direction not in behavior:
        return None
    place, rules = f"behavior.{direction}", mapping(behavior[direction])
    policies = tuple(
        Policy(
            "Percent" if policy.get("type") == "Percent" else "Pods",
            _number(policy, "value", place, 0),
            _number(policy, "periodSeconds", place, 15) * 1000,
        )
        for policy in map(mapping, sequence(rules.get("policies")))
    )
    window = rules.get("stabilizationWindowSeconds")
    tolerance = rules.get("tolerance")
    try:
        share = None if tolerance is None else float(parse_quantity(str(tolerance)))
    except ValueError:
        raise Unsimulated(f'{place}.tolerance is not an amount. Write for example "0.05".') from None
    return ScalingRules(
        None if window is None else _number(rules, "stabilizationWindowSeconds", place, 0) * 1000,
        {"Min": "Min", "Disabled": "Disabled"}.get(text(rules.get("selectPolicy")), "Max"),  # type: ignore[arg-type]
        policies,
        share,
    )


def _annotations(manifest: Mapping[str, Any]) -> Annotations:
    count = annotation(manifest, f"{_PREFIX}paused-replicas")
    try:
        paused = None if count is None else int(str(count))
    except ValueError:
        place = f'metadata.annotations["{_PREFIX}paused-replicas"]'
        raise Unsimulated(f"{place} is not a whole number. KEDA only logs an error. Write one.") from None
    if paused is not None and paused > MOST:
        place = f'metadata.annotations["{_PREFIX}paused-replicas"]'
        raise Unsimulated(f"{place}: {paused} is more than is simulated. Write at most {MOST}.")
    flags = ("paused-scale-in", "paused-scale-out", "force-activation")
    return Annotations(_is_true(manifest, "paused"), paused, *(_is_true(manifest, name) for name in flags))


def _is_true(manifest: Mapping[str, Any], name: str) -> bool:
    """A value that is not a boolean counts as true (getBoolAnnotation, scaledobject_types.go)."""
    value = annotation(manifest, _PREFIX + name)
    if value is None:
        return False
    try:
        return boolean(str(value))
    except ValueError:
        return True


def _number(holder: Mapping[str, Any], key: str, place: str, default: int, most: int | None = None) -> int:
    if holder.get(key) is None:
        return default
    value = whole(holder[key])
    if value is None or value < 0:
        raise Unsimulated(f"{place}.{key} is not a whole number from 0 on. Write one.")
    if most is not None and value > most:
        raise Unsimulated(f"{place}.{key}: {value} is more than is simulated. Write at most {most}.")
    return value

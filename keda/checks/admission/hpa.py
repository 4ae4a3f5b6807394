"""The HPA that KEDA makes, as the API server validates it (autoscaling/v2): refused only when the operator
writes it, long after the ScaledObject was admitted.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping

from keda.checks import edits
from keda.checks.admission.metadata import BAD_NAME
from keda.checks.registry import REPLICAS, TRIGGERS, Problem, error
from keda.checks.scaling import SPEC, Trigger, spec_of, triggers_of
from keda.core.defaults import RESOURCE_SCALERS
from keda.core.errors import Refused, did_you_mean, join
from keda.core.names import object_name
from keda.core.spelling import spelling
from keda.manifests.declared import UNKNOWN
from keda.manifests.objects import Item
from keda.manifests.reading import At, dig, mapping, sequence, text, whole
from keda.scalers.facts import records
from keda.syntax import go as go_values
from keda.syntax.quantity import parse_quantity

REFUSED = "The API server would refuse the HPA that KEDA makes: never Ready, nothing scales."
_CONFIG: At = (*SPEC, "advanced", "horizontalPodAutoscalerConfig")


@BAD_NAME.on("ScaledObject", having=["advanced"])
def hpa_name(item: Item) -> Iterator[Problem]:
    """horizontalPodAutoscalerConfig.name, which the API server takes for an object's name."""
    name = dig(item.manifest, *_CONFIG, "name")
    if isinstance(name, str) and name:
        try:
            object_name(name)
        except Refused as wrong:
            keda = f'metadata.name: Invalid value: "{name[:60]}'
            yield Problem((*_CONFIG, "name"), name, wrong.why, wrong.fix or "", keda, why=REFUSED)


@error(
    "hpa-behavior",
    REPLICAS,
    summary="A behavior that the API server refuses",
    why=(
        "KEDA's CRD has no bounds here. The operator writes the HPA, the API server refuses it, and the "
        "object is never Ready."
    ),
    passes="""
        behavior:
          scaleDown:
            selectPolicy: Max
    """,
).on("ScaledObject", having=["advanced"])
def hpa_behavior(item: Item) -> Iterator[Problem]:
    """How fast the HPA may move: its words and its bounds."""
    for direction in ("scaleUp", "scaleDown"):
        at: At = (*_CONFIG, "behavior", direction)
        rules = mapping(dig(item.manifest, *at))
        yield from _one_of((*at, "selectPolicy"), rules.get("selectPolicy"), ("Max", "Min", "Disabled"))
        for index, policy in enumerate(map(mapping, sequence(rules.get("policies")))):
            here = (*at, "policies", index)
            yield from _one_of((*here, "type"), policy.get("type"), ("Pods", "Percent"))
            yield from _within((*here, "value"), policy.get("value"), 1, 2**31 - 1)
            yield from _within((*here, "periodSeconds"), policy.get("periodSeconds"), 1, 1800)


def _one_of(at: At, value: object, words: tuple[str, ...]) -> Iterator[Problem]:
    if isinstance(value, str) and value not in words:
        guess = did_you_mean(value, words) or words[0]
        keda = f'{join("spec", *at[3:])}: Unsupported value: "{value}"'
        what, why = f"is not one of {', '.join(words)}.", REFUSED
        yield Problem(at, value, what, f"Write {guess}.", keda, edits.word(value, guess), why=why)


def _within(at: At, value: object, low: int, high: int) -> Iterator[Problem]:
    number = whole(value)
    if number is not None and not low <= number <= high:
        what, why = f"is not within {low} to {high}.", REFUSED
        keda = f"{join('spec', *at[3:])}: Invalid value: {number}"
        yield Problem(at, number, what, f"Write {low} to {high}.", keda, why=why)


# The HPA's target of these is not the parameter's value (pkg/scalers, GetMetricSpecForScaling).
_OTHER_TARGET = {"cron", "selenium-grid"}


@functools.cache
def _targets() -> Mapping[str, str]:
    """The parameter that becomes the HPA's target, by type."""
    targets = {kind: facts.get("target", "") for kind, facts in records().items()}
    return {kind: target for kind, target in targets.items() if target and kind not in _OTHER_TARGET}


@error(
    "target-not-positive",
    TRIGGERS,
    summary="A target of zero or less",
    why=(
        "KEDA's parsers accept most numbers. The operator writes them into the HPA, rounded down to "
        "thousandths, and the API server refuses a target that is not above 0: the object is never Ready."
    ),
    passes="""
        metadata:
          lagThreshold: "10"
    """,
    unless="trigger-parameter",
).on("ScaledObject")
def target_not_positive(item: Item) -> Iterator[Problem]:
    """An HPA's target is above 0, in thousandths at the finest; KEDA's parsers mostly take any number."""
    formula = spec_of(item, "advanced", "scalingModifiers", "formula")
    if formula is UNKNOWN or text(formula):
        return  # then the HPA has the formula's target only
    for trigger in triggers_of(item):
        kind, scaler = trigger.type, trigger.scaler
        if (
            scaler is None
            or kind not in _targets()
            or UNKNOWN in (trigger.get("metadata"), trigger.get("metricType"))
        ):
            continue
        metadata = trigger.metadata
        parameter = scaler.named[_targets()[kind]]
        name = next((each for each in parameter.names if isinstance(metadata.get(each), str)), None)
        if name is None:
            continue
        field = _target_field(trigger)
        if _is_zero_or_less(metadata[name], field, parameter.type):
            floor = "greater than 0" if field == "averageUtilization" else "positive"
            grain = " in thousandths" if parameter.type.startswith("float") else ""
            yield Problem(
                (*trigger.at, "metadata", name),
                metadata[name],
                f"is not above 0{grain}.",
                f'Write what one replica can take, such as {spelling(name)}: "5".',
                f"target.{field}: Invalid value: …: must be {floor}",
                why=REFUSED,
            )


def _target_field(trigger: Trigger) -> str:
    metric_type = text(trigger.get("metricType"))
    if trigger.type in RESOURCE_SCALERS:
        return "averageUtilization" if metric_type == "Utilization" else "averageValue"
    return "value" if metric_type == "Value" else "averageValue"


def _is_zero_or_less(written: str, field: str, kind: str) -> bool:
    amount = go_values.trim(written)
    try:
        if kind == "string":  # cpu and memory
            number = go_values.integer(amount) if field == "averageUtilization" else parse_quantity(amount)
            return number <= 0
        return go_values.json_real(amount) < 0.001
    except ValueError:
        return False  # refused by the parser, and reported there

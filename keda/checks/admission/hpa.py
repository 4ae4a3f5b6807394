"""The HPA that KEDA makes, as the API server validates it (autoscaling/v2): refused only when the operator
writes it, long after the ScaledObject was admitted."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from keda.checks.admission.scaled_object import RESOURCE_SCALERS, SPEC, modifiers_of, triggers_of
from keda.checks.findings import Report
from keda.core.errors import Refused, did_you_mean, join
from keda.core.names import object_name
from keda.manifests.objects import Item
from keda.manifests.reading import At, dig, mapping, sequence, text, whole
from keda.scalers.parser import scalers
from keda.syntax import go as go_values
from keda.syntax.quantity import parse_quantity

REFUSED = "The API server would refuse the HPA that KEDA makes: never Ready, nothing scales."
_DIRECTIONS = ("scaleUp", "scaleDown")


def check_behavior(item: Item, report: Report) -> None:
    """advanced.horizontalPodAutoscalerConfig: how fast the HPA moves, and its name."""
    config: At = (*SPEC, "advanced", "horizontalPodAutoscalerConfig")
    base: At = (*config, "behavior")
    behavior = mapping(dig(item.manifest, *base))

    def one_of(at: At, value: object, words: tuple[str, ...]) -> None:
        if isinstance(value, str) and value not in words:
            guess = did_you_mean(value, words) or words[0]
            keda = f'{join("spec", *at[3:])}: Unsupported value: "{value}"'
            why = f"is not one of {', '.join(words)}. {REFUSED}"
            report.add("hpa-behavior", at, value, why, f"Write {guess}.", keda)

    def within(at: At, value: object, low: int, high: int) -> None:
        number = whole(value)
        if number is not None and not low <= number <= high:
            report.add(
                "hpa-behavior",
                at,
                number,
                f"is not within {low} to {high}. {REFUSED}",
                f"Write {low} to {high}.",
                f"{join('spec', *at[3:])}: Invalid value: {number}",
            )

    name = dig(item.manifest, *config, "name")
    if isinstance(name, str) and name:
        try:
            object_name(name)
        except Refused as wrong:
            why = f"{wrong.why} {REFUSED}"
            said = f'metadata.name: Invalid value: "{name[:60]}'
            report.add("bad-name", (*config, "name"), name, why, wrong.fix or "", said)
    for direction in _DIRECTIONS:
        rules = mapping(behavior.get(direction))
        one_of((*base, direction, "selectPolicy"), rules.get("selectPolicy"), ("Max", "Min", "Disabled"))
        for index, policy in enumerate(map(mapping, sequence(rules.get("policies")))):
            at = (*base, direction, "policies", index)
            one_of((*at, "type"), policy.get("type"), ("Pods", "Percent"))
            within((*at, "value"), policy.get("value"), 1, 2**31 - 1)
            within((*at, "periodSeconds"), policy.get("periodSeconds"), 1, 1800)


# The HPA's target of these is not what the parameter says (pkg/scalers, GetMetricSpecForScaling).
_OTHER_TARGET = {"cron", "selenium-grid"}


@functools.cache
def _targets() -> Mapping[str, str]:
    """The parameter that becomes the HPA's target, by type."""
    data = json.loads(
        (Path(__file__).parents[2] / "scalers" / "data" / "scalers.json").read_text(encoding="utf-8")
    )
    return {
        kind: facts["target"]
        for kind, facts in data.items()
        if facts.get("target") and kind not in _OTHER_TARGET
    }


def check_targets(item: Item, report: Report) -> None:
    """An HPA's target is above 0, in thousandths at the finest; KEDA's parsers mostly take any number."""
    if text(modifiers_of(item).get("formula")):
        return  # then the HPA has the formula's target only
    for index, trigger in triggers_of(item):
        kind = text(trigger.get("type"))
        if kind not in _targets():
            continue
        metadata = mapping(trigger.get("metadata"))
        parameter = next(each for each in scalers()[kind].parameters if _targets()[kind] in each.names)
        name = next((each for each in parameter.names if isinstance(metadata.get(each), str)), None)
        at: At = (*SPEC, "triggers", index, "metadata", name or "")
        if name is None or any(finding.at == at for finding in report.findings):
            continue
        field = _target_field(kind, trigger)
        if _is_zero_or_less(metadata[name], field, parameter.type):
            floor = "greater than 0" if field == "averageUtilization" else "positive"
            grain = " in thousandths" if parameter.type.startswith("float") else ""
            report.add(
                "target-not-positive",
                at,
                metadata[name],
                f"is not above 0{grain}. {REFUSED}",
                f'Write what one replica can take, such as {name}: "5".',
                f"target.{field}: Invalid value: …: must be {floor}",
            )


def _target_field(kind: str, trigger: Mapping[Any, Any]) -> str:
    metric_type = text(trigger.get("metricType"))
    if kind in RESOURCE_SCALERS:
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

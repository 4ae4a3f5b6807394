"""What KEDA 2.19.0 says of one trigger when it builds its scaler, without KEDA and without a backend."""

from __future__ import annotations

from keda.scalers import rules as cross_field
from keda.scalers.parser import Trigger, parse, scalers
from keda.scalers.rules import own_parsers

# Their constructors never ask for the metric type, or take Utilization (pkg/scalers, New…Scaler).
_ANY_METRIC_TYPE = {"cpu", "memory", "external-mock", "pulsar", "splunk-observability"}
_UTILIZATION = (
    "'Utilization' metric type is unsupported for external metrics, "
    "allowed values are 'Value' or 'AverageValue'"
)


def refusals(trigger: Trigger) -> list[str]:
    """KEDA's reasons to refuse `trigger`, in its words and its order; empty when it builds the scaler."""
    if trigger.type not in scalers():
        return [f"no scaler found for type: {trigger.type}"]
    if trigger.metric_type == "Utilization" and trigger.type not in _ANY_METRIC_TYPE:
        return [_UTILIZATION]
    if scalers()[trigger.type].parser == "own":
        refusal = own_parsers.refusal(trigger)
        return [refusal] if refusal else []
    before = cross_field.BEFORE.get(trigger.type)
    if before and (refusal := before({}, trigger)):
        return [refusal]
    values, errors = parse(trigger)
    validate = cross_field.VALIDATE.get(trigger.type)
    if validate and (refusal := validate(values, trigger)):
        errors.append(refusal)
    for stage in (cross_field.AFTER, cross_field.CLIENT):
        rule = stage.get(trigger.type)
        if not errors and rule and (refusal := rule(values, trigger)):
            errors.append(refusal)
    return errors

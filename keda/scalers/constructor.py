"""What KEDA 2.19.0 refuses of one trigger when it builds its scaler, without KEDA and without a backend."""

from __future__ import annotations

import functools
from importlib import import_module

from keda.scalers import rules
from keda.scalers.facts import ResolvedTrigger, scalers
from keda.scalers.parser import parse
from keda.scalers.refusals import Refusal, RefusalError

# Their constructors do not look at the metric type, or take Utilization (pkg/scalers, New…Scaler).
_ANY_METRIC_TYPE = frozenset({"cpu", "memory", "external-mock", "pulsar", "splunk-observability"})
_UTILIZATION = (
    "'Utilization' metric type is unsupported for external metrics, "
    "allowed values are 'Value' or 'AverageValue'"
)


def refusals(trigger: ResolvedTrigger) -> list[Refusal]:
    """KEDA's reasons to refuse `trigger`, in its order; empty when it builds the scaler.

    What a rule makes of a parameter that could not be parsed is a consequence, and left out.
    """
    if trigger.type not in scalers():
        return [Refusal("unknown-type", (), f"no scaler found for type: {trigger.type}")]
    if trigger.metric_type == "Utilization" and trigger.type not in _ANY_METRIC_TYPE:
        return [Refusal("metric-type", (), _UTILIZATION)]
    _load_rules(scalers()[trigger.type].family)
    own_parser = rules.OWN_PARSERS.get(trigger.type)
    if own_parser is None:
        return _typed(trigger)
    try:
        own_parser(trigger)
    except RefusalError as error:
        return [error.refusal]
    return []


def _typed(trigger: ResolvedTrigger) -> list[Refusal]:
    before = rules.BEFORE.get(trigger.type)
    if before and (refusal := before({}, trigger)):
        return [refusal]
    values, refused = parse(trigger)
    unparsed = {name for each in refused for name in each.parameters}
    validate = rules.VALIDATE.get(trigger.type)
    refusal = validate(values, trigger) if validate else None
    if refusal and not unparsed.intersection(refusal.parameters):
        refused.append(refusal)
    for stage in (rules.AFTER, rules.CLIENT):
        rule = stage.get(trigger.type)
        if not refused and rule and (refusal := rule(values, trigger)):
            refused.append(refusal)
    return refused


@functools.cache
def _load_rules(family: str) -> None:
    """Registers the rules of a family, when the first of its triggers is looked at."""
    import_module(f"{rules.__name__}.{family}")

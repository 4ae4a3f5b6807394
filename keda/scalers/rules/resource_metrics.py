"""Rules of cpu and memory (pkg/scalers/cpu_memory_scaler.go)."""

from __future__ import annotations

import re

from keda.scalers.facts import ResolvedTrigger
from keda.scalers.parser import Values
from keda.scalers.refusals import Refusal, bad_value, crash
from keda.scalers.rules import after
from keda.syntax import go as go_values

_QUANTITY = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(m|n|u|k|[KMGTPE]i?|[eE][+-]?[0-9]+)?", re.ASCII)


@after("cpu", "memory")
def cpu_memory(values: Values, trigger: ResolvedTrigger) -> Refusal | None:
    """A whole percentage for Utilization, a quantity for AverageValue."""
    if trigger.metric_type == "AverageValue":
        known = _QUANTITY.fullmatch(values["value"])
        return None if known else crash("the operator panics: the value is not a quantity", "value")
    if trigger.metric_type == "Utilization":
        try:
            go_values.integer(values["value"], go_values.INT32)
        except ValueError as error:
            return bad_value(str(error), "value")
        return None
    words = f"unknown metric type: {trigger.metric_type}, allowed values are 'Utilization' or 'AverageValue'"
    return Refusal("metric-type", (), words)

"""Rules of kubernetes-resource (pkg/scalers/kubernetes_resource_scaler.go)."""

from __future__ import annotations

from keda.scalers.facts import ResolvedTrigger
from keda.scalers.parser import Values
from keda.scalers.refusals import Refusal, bad_value, conflict, missing
from keda.scalers.rules import validate


@validate("kubernetes-resource")
def kubernetes_resource(values: Values, trigger: ResolvedTrigger) -> Refusal | None:
    """A target above 0, and a valueLocation exactly for json and yaml."""
    if values["targetValue"] <= 0 and not trigger.as_metric_source:
        return bad_value("targetValue must be a float greater than 0", "targetValue")
    if values["format"] == "number" and values["valueLocation"]:
        words = "valueLocation is only supported with json or yaml format"
        return conflict(words, "valueLocation", "format")
    if values["format"] in ("json", "yaml") and not values["valueLocation"]:
        return missing(f"valueLocation is required when format is {values['format']}", "valueLocation")
    return None

"""Rules of kubernetes-workload (pkg/scalers/kubernetes_workload_scaler.go)."""

from __future__ import annotations

from keda.scalers.facts import ResolvedTrigger
from keda.scalers.parser import Values
from keda.scalers.refusals import Refusal, bad_value
from keda.scalers.rules import after, validate
from keda.syntax.selector import is_selector


@validate("kubernetes-workload")
def kubernetes_workload(values: Values, trigger: ResolvedTrigger) -> Refusal | None:
    """A value above 0 pods, unless a formula gives the target."""
    positive = values["value"] > 0 or trigger.as_metric_source
    return None if positive else bad_value("value must be a float greater than 0", "value")


@after("kubernetes-workload")
def pod_selector(values: Values, _: ResolvedTrigger) -> Refusal | None:
    """A selector by labels.Parse of apimachinery."""
    if is_selector(values["podSelector"]):
        return None
    detail = f"unable to parse requirement in {values['podSelector']!r}"
    return bad_value("error parsing pod selector", "podSelector", detail=detail)

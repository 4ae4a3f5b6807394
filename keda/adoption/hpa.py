"""A HorizontalPodAutoscaler as somebody wrote it: v2, v2beta2, v2beta1 or v1, read as v2.

Source: k8s.io/api/autoscaling/{v1,v2,v2beta1}/types.go of Kubernetes 1.34 and the conversions in
pkg/apis/autoscaling/v1/conversion.go, which keep what v1 has no field for in annotations.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from pydantic import ConfigDict, Field, model_validator

from keda.core.errors import MISSING, Fault, SpecError
from keda.core.model import Count, Model, Namespace, ObjectName, Positive
from keda.manifests.reading import mapping
from keda.resources.behavior import Behavior
from keda.triggers.parameters import Amount

_METRICS = "autoscaling.alpha.kubernetes.io/metrics"
_BEHAVIOR = "autoscaling.alpha.kubernetes.io/behavior"
_OLD_SHAPE = ("autoscaling/v1", "autoscaling/v2beta1")
_VERSIONS = ("autoscaling/v2", "autoscaling/v2beta2", *_OLD_SHAPE)
DEFAULT_CPU = 80
"""Percent: what the API server writes into an HPA without metrics (pkg/apis/autoscaling/v2/defaults.go)."""
_DEFAULT_METRIC = {
    "type": "Resource",
    "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": DEFAULT_CPU}},
}


class _Part(Model):
    """A part of an HPA; what the API server adds (status, managedFields) is passed over.

    A field that is null is one that is left out, as for the API server.
    """

    model_config = ConfigDict(extra="ignore")
    consequence = "The API server would refuse the HPA."

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, data: Any) -> Any:
        return {k: v for k, v in data.items() if v is not None} if isinstance(data, Mapping) else data


class Requirement(_Part):
    """One expression of a label selector (metav1.LabelSelectorRequirement)."""

    key: str = Field(examples=["queue"])
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist"] = Field(examples=["In"])
    values: tuple[str, ...] = ()


class Selector(_Part):
    """A label selector of metrics."""

    match_labels: dict[str, str] = Field(default_factory=dict)
    match_expressions: tuple[Requirement, ...] = ()


class Target(_Part):
    """What a metric is held to; `amount` is a quantity, or percent of the request as digits."""

    type: Literal["Utilization", "Value", "AverageValue"] = Field(examples=["AverageValue"])
    value: Amount | None = None
    average_value: Amount | None = None
    average_utilization: Positive | None = None

    @property
    def amount(self) -> str:
        """The target of `type` as it is written; "None" where it is missing."""
        field = {"Utilization": "average_utilization", "Value": "value", "AverageValue": "average_value"}
        return str(getattr(self, field[self.type]))

    def faults(self) -> Iterator[Fault]:
        """A type without its target."""
        if self.amount == "None":
            key = {"Utilization": "averageUtilization", "Value": "value", "AverageValue": "averageValue"}
            why = f"missing, and required by type {self.type}. {self.consequence}"
            yield Fault(key[self.type], MISSING, why, "Write the target.")


class Reference(_Part):
    """The object that is scaled, or that a metric describes."""

    api_version: str | None = None
    kind: str = Field(examples=["Deployment"])
    name: ObjectName = Field(examples=["web"])


class Resource(_Part):
    """Cpu or memory, of the pods or, with `container`, of one container in each."""

    name: str = Field(examples=["cpu"])
    target: Target = Field(examples=["{type: Utilization, averageUtilization: 80}"])
    container: str | None = None


class MetricName(_Part):
    """A metric of an adapter: its name, and the labels that select its series."""

    name: str = Field(min_length=1, examples=["queue_length"])
    selector: Selector = Field(default_factory=Selector)


class Series(_Part):
    """A custom or external metric. `described_object`: of an Object metric only."""

    metric: MetricName = Field(examples=["{name: queue_length}"])
    target: Target = Field(examples=['{type: AverageValue, averageValue: "10"}'])
    described_object: Reference | None = None


class Metric(_Part):
    """One of spec.metrics: `type` names the field that is filled."""

    type: Literal["Resource", "ContainerResource", "Pods", "Object", "External"] = Field(
        examples=["External"]
    )
    resource: Resource | None = None
    container_resource: Resource | None = None
    pods: Series | None = None
    object: Series | None = None
    external: Series | None = None

    @property
    def key(self) -> str:
        """The field that `type` names."""
        return self.type[0].lower() + self.type[1:]

    def faults(self) -> Iterator[Fault]:
        """A type without its field."""
        fields = {"ContainerResource": "container_resource"}
        if getattr(self, fields.get(self.type, self.type.lower())) is None:
            why = f"missing, and required by type {self.type}. {self.consequence}"
            yield Fault(self.key, MISSING, why, "Write the metric.")
        if self.pods and self.pods.target.type != "AverageValue":
            why = f"is not AverageValue, the one type of a Pods metric. {self.consequence}"
            fix = "Write AverageValue, and averageValue."
            yield Fault("pods.target.type", self.pods.target.type, why, fix)
        if self.external and self.external.target.value and self.external.target.average_value:
            why = f"has value and averageValue, and an External metric has one of them. {self.consequence}"
            yield Fault("external.target", MISSING, why, "Write the one of its type.")


class HpaMetadata(_Part):
    """What the adoption reads of the metadata; managedFields name the tools that own fields."""

    name: ObjectName = Field(examples=["web"])
    namespace: Namespace = "default"
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    owner_references: tuple[dict[str, Any], ...] = ()
    managed_fields: tuple[dict[str, Any], ...] = ()


class HpaSpec(_Part):
    """The bounds, in replicas, the metrics and the behavior."""

    scale_target_ref: Reference = Field(examples=["{apiVersion: apps/v1, kind: Deployment, name: web}"])
    min_replicas: Count = 1
    max_replicas: Positive = Field(examples=[4])
    metrics: tuple[Metric, ...] = ()
    behavior: Behavior | None = None

    def faults(self) -> Iterator[Fault]:
        """A minimum above the maximum, or 0 without a metric that is there without pods."""
        if self.min_replicas == 0 and not any(each.type in ("Object", "External") for each in self.metrics):
            why = f"needs an Object or External metric: no other is there without pods. {self.consequence}"
            yield Fault("minReplicas", 0, why, "Write 1.")
        if self.min_replicas > self.max_replicas:
            why = f"is above maxReplicas {self.max_replicas}. {self.consequence}"
            yield Fault("minReplicas", self.min_replicas, why, "Write one that is not above.")


class Hpa(_Part):
    """The HPA in the shape of autoscaling/v2."""

    metadata: HpaMetadata = Field(examples=["{name: web}"])
    spec: HpaSpec = Field(examples=["{scaleTargetRef: …, maxReplicas: 4}"])


def read_hpa(manifest: Mapping[str, Any]) -> Hpa:
    """An HPA of any version in the shape of v2, the API server's default metric (cpu at 80 %) written out.

    Raises SpecError, paths as in the manifest.
    """
    version = manifest.get("apiVersion")
    if version not in _VERSIONS:
        why = f"is not one of {', '.join(_VERSIONS)}. It cannot be read as an HPA."
        raise SpecError([Fault("apiVersion", version, why, "Write autoscaling/v2.")])
    spec = dict(mapping(manifest.get("spec")))
    metrics, at = spec.get("metrics") or [], "spec.metrics"
    if version == "autoscaling/v1":
        metrics, at = _v1_metrics(manifest, spec), f"metadata.annotations[{json.dumps(_METRICS)}]"
        behavior = _annotation(manifest, _BEHAVIOR)
        spec |= {"behavior": _small_keys(behavior)} if behavior else {}
    if version in _OLD_SHAPE and isinstance(metrics, list):
        metrics = [_modern(metric) for metric in metrics]
    spec["metrics"] = metrics or [_DEFAULT_METRIC]
    try:
        return Hpa.parse({"metadata": manifest.get("metadata"), "spec": spec})
    except SpecError as error:
        moved = (_moved(fault, at) for fault in error.faults)
        raise SpecError(moved) from None


def _moved(fault: Fault, at: str) -> Fault:
    path = fault.path
    if path.startswith("spec.metrics") and at != "spec.metrics":
        path = at + path.removeprefix("spec.metrics")
    return Fault(path, fault.value, fault.why, fault.fix)


def _v1_metrics(manifest: Mapping[str, Any], spec: Mapping[str, Any]) -> list[Any]:
    """v1 has a CPU percentage; the API server keeps every other metric in an annotation, as v1 types."""
    others = _annotation(manifest, _METRICS) or []
    percentage = spec.get("targetCPUUtilizationPercentage")
    cpu = {"type": "Resource", "resource": {"name": "cpu", "targetAverageUtilization": percentage}}
    return [*([cpu] if percentage is not None else []), *(others if isinstance(others, list) else [])]


def _annotation(manifest: Mapping[str, Any], key: str) -> Any:
    text = mapping(mapping(manifest.get("metadata")).get("annotations")).get(key)
    if text is None:
        return None
    try:
        return json.loads(text)
    except (TypeError, ValueError):
        path = f"metadata.annotations[{json.dumps(key)}]"
        why = "is not JSON. The API server keeps an HPA's metrics and behavior of v2 there."
        fix = "Give the HPA as v2: kubectl get horizontalpodautoscalers.v2.autoscaling -o yaml."
        raise SpecError([Fault(path, MISSING, why, fix)]) from None


def _small_keys(value: Any) -> Any:
    """The behavior's annotation has Go's field names: `ScaleDown` for `scaleDown`."""
    if isinstance(value, Mapping):
        return {key[:1].lower() + key[1:]: _small_keys(item) for key, item in value.items()}
    return [_small_keys(item) for item in value] if isinstance(value, list) else value


def _modern(metric: Any) -> Any:
    """A metric of v1 or v2beta1 in the shape of v2."""
    if not isinstance(metric, Mapping) or not isinstance(metric.get("type"), str):
        return metric
    kind = metric["type"]
    key = kind[:1].lower() + kind[1:]
    old = mapping(metric.get(key))
    selector = old.get("metricSelector") or old.get("selector")
    target = _target(old)
    if kind in ("Resource", "ContainerResource"):
        return {"type": kind, key: {**old, "target": target}}
    name = {"name": old.get("metricName"), **({"selector": selector} if selector else {})}
    described = {"describedObject": old.get("target")} if kind == "Object" else {}
    return {"type": kind, key: {"metric": name, "target": target, **described}}


def _target(old: Mapping[str, Any]) -> dict[str, Any]:
    if (per_cent := old.get("targetAverageUtilization")) is not None:
        return {"type": "Utilization", "averageUtilization": per_cent}
    if (average := old.get("targetAverageValue") or old.get("averageValue")) is not None:
        return {"type": "AverageValue", "averageValue": average}
    return {"type": "Value", "value": old.get("targetValue")}

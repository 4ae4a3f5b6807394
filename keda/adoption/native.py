"""The way back: the HorizontalPodAutoscaler that takes over from a ScaledObject, and what is lost with KEDA.

cpu and memory triggers are Resource metrics again. A prometheus trigger becomes an External metric; a rule of
Prometheus Adapter behind it holds the trigger's query. No other source has a metric without KEDA.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from keda.core.defaults import DEFAULT_COOLDOWN, DEFAULT_MAX
from keda.core.errors import MISSING, Fault, Faults
from keda.manifests.reading import mapping, sequence, text
from keda.resources import ScaledObject
from keda.resources.scaled_object import ScaledObjectSpec
from keda.triggers import Cpu, Memory, Prometheus
from keda.triggers.catalogue import CLASSES
from keda.triggers.registry import trigger_class

_KEDAS = "scaledobject.keda.sh/"
_PAUSING = "autoscaling.keda.sh/paused"
_ANY_SERIES = "up"
"""The adapter serves a metric while `seriesQuery` finds a series: every Prometheus has this one."""
_OF_THE_ADAPTER = (
    *("authentication_ref", "namespace", "query_parameters", "custom_headers", "auth_modes", "auth_mode"),
    *("aws_region", "identity_owner", "cloud", "azure_managed_prometheus_resource_url", "unsafe_ssl"),
)
"""How a trigger reaches Prometheus: the adapter has flags of its own for it."""


@dataclass(frozen=True)
class Native:
    """An HPA, the `externalRules` of Prometheus Adapter that it needs, and what is lost, one line each."""

    hpa: dict[str, Any]
    rules: tuple[dict[str, Any], ...]
    notes: tuple[str, ...]


def native(manifest: Mapping[str, Any], *, scale_to_zero: bool = False) -> Native:
    """The HPA of autoscaling/v2 for a ScaledObject, as parsed YAML or JSON.

    Args:
        manifest: the ScaledObject.
        scale_to_zero: the cluster has Kubernetes' feature gate HPAScaleToZero: `minReplicas: 0` is kept.

    Raises SpecError, paths as in the ScaledObject: it cannot be read, or an HPA would not scale by it.
    """
    metadata = mapping(manifest.get("metadata"))
    kept = {key: metadata[key] for key in ("name", "namespace", "labels", "annotations") if key in metadata}
    given, ignored = _without_old_names(mapping(manifest.get("spec")))
    scaled = ScaledObject.parse({"metadata": kept, "spec": given or manifest.get("spec")})
    spec, faults = scaled.spec, Faults()
    metrics: list[dict[str, Any]] = []
    rules: list[dict[str, Any]] = []
    lost = ignored
    if spec.advanced and spec.advanced.scaling_modifiers:
        why = (
            "has no counterpart: an HPA takes the largest of its metrics, and would scale by another number."
        )
        fix = "Write the formula as one PromQL query of a prometheus trigger first."
        faults.append(Fault("spec.advanced.scalingModifiers", MISSING, why, fix))
    for index, trigger in enumerate(spec.triggers):
        match trigger:
            case Cpu() | Memory():
                metrics.append(_resource(trigger))
            case Prometheus():
                name = f"{scaled.metadata.namespace}.{scaled.metadata.name}.{index}"
                metrics.append(_external(name, trigger))
                rules.append(_rule(name, trigger))
                lost += _reach(index, trigger)
            case _:
                lost.append(
                    f"LOST triggers[{index}]: {trigger.type} has no metric without KEDA. Export its value to "
                    "Prometheus to keep it."
                )
    if not metrics:
        why = "leave no metric: nothing of them can be read without KEDA. The HPA would scale by CPU instead."
        fix = "Export one of their values to Prometheus, and write a prometheus trigger first."
        faults.append(Fault("spec.triggers", MISSING, why, fix))
    faults.raise_if_any()
    zero = scale_to_zero and spec.min_replica_count in (None, 0) and bool(rules)
    return Native(_hpa(scaled, metrics, zero=zero), tuple(rules), (*lost, *_losses(scaled, zero=zero)))


def _without_old_names(spec: Mapping[Any, Any]) -> tuple[dict[Any, Any], list[str]]:
    """(A spec without the metric names that older releases of KEDA read, a line for each)."""
    triggers, lines = list(sequence(spec.get("triggers"))), []
    for index, each in enumerate(triggers):
        trigger = mapping(each)
        metadata, scaler = mapping(trigger.get("metadata")), text(trigger.get("type"))
        if "metricName" in metadata and scaler in CLASSES:
            fields = trigger_class(scaler).model_fields.values()
            if all(field.alias != "metricName" for field in fields):
                left = {key: value for key, value in metadata.items() if key != "metricName"}
                triggers[index] = {**trigger, "metadata": left}
                lines.append(f"triggers[{index}]: metricName is passed over: KEDA 2.19 does not read it.")
    return ({**spec, "triggers": triggers} if lines else dict(spec)), lines


def _hpa(scaled: ScaledObject, metrics: list[dict[str, Any]], *, zero: bool) -> dict[str, Any]:
    spec, target = scaled.spec, scaled.spec.scale_target_ref
    config = spec.advanced.horizontal_pod_autoscaler_config if spec.advanced else None
    labels = {k: v for k, v in (scaled.metadata.labels or {}).items() if not k.startswith(_KEDAS)}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {
            "name": scaled.hpa_name,
            "namespace": scaled.metadata.namespace,
            **({"labels": labels} if labels else {}),
        },
        "spec": {
            "scaleTargetRef": {
                "apiVersion": target.api_version or "apps/v1",
                "kind": target.kind or "Deployment",
                "name": target.name,
            },
            "minReplicas": 0 if zero else max(1, spec.min_replica_count or 0),
            "maxReplicas": spec.max_replica_count or DEFAULT_MAX,
            "metrics": metrics,
            **({"behavior": config.behavior.dump()} if config and config.behavior else {}),
        },
    }


def _resource(trigger: Cpu | Memory) -> dict[str, Any]:
    kind = trigger.metric_type or "Utilization"
    target: dict[str, Any] = {"type": kind, "averageValue": trigger.value}
    if kind == "Utilization":
        target = {"type": kind, "averageUtilization": int(trigger.value)}
    if trigger.container_name:
        container = {"name": trigger.type, "container": trigger.container_name, "target": target}
        return {"type": "ContainerResource", "containerResource": container}
    return {"type": "Resource", "resource": {"name": trigger.type, "target": target}}


def _external(name: str, trigger: Prometheus) -> dict[str, Any]:
    kind = trigger.metric_type or "AverageValue"
    # KEDA cuts a target to thousandths (pkg/scalers/scaler.go, GetMetricTargetMili).
    milli = int(Decimal(str(trigger.threshold)) * 1000)
    amount = f"{milli}m" if milli % 1000 else str(milli // 1000)
    target = {"type": kind, "value" if kind == "Value" else "averageValue": amount}
    return {"type": "External", "external": {"metric": {"name": name}, "target": target}}


def _rule(name: str, trigger: Prometheus) -> dict[str, Any]:
    """The query as it is: it has its own labels, so the adapter adds none."""
    query = trigger.query
    if trigger.ignore_null_values:  # an empty result is 0 for KEDA, and an error for the adapter
        query = f"({query}) or vector(0)"
    return {
        "seriesQuery": _ANY_SERIES,
        "resources": {"namespaced": False},
        "name": {"matches": f"^{_ANY_SERIES}$", "as": name},
        "metricsQuery": query.replace("<<", '<<"<<">>'),
    }


def _reach(index: int, trigger: Prometheus) -> Iterator[str]:
    yield f"triggers[{index}]: the adapter must read {trigger.server_address} (--prometheus-url)."
    named = [name for name in _OF_THE_ADAPTER if name in trigger.model_fields_set]
    if named:
        fields = type(trigger).model_fields
        words = ", ".join(fields[name].alias or name for name in named)
        yield f"LOST triggers[{index}]: {words}. The adapter has flags of its own to reach Prometheus."


def _losses(scaled: ScaledObject, *, zero: bool) -> Iterator[str]:
    spec = scaled.spec
    yield from _at_zero(spec, zero=zero)
    if spec.idle_replica_count is not None:
        yield f"LOST idleReplicaCount: {spec.idle_replica_count}: idle, the HPA keeps minReplicas."
    if spec.fallback:
        yield f"LOST fallback: with a failed source the HPA keeps its replicas, not {spec.fallback.replicas}."
    if names := [key for key in scaled.metadata.annotations or {} if key.startswith(_PAUSING)]:
        yield f"LOST {', '.join(names)}: the HPA scales as soon as it has the metric."


def _at_zero(spec: ScaledObjectSpec, *, zero: bool) -> Iterator[str]:
    """What becomes of 0 replicas."""
    if spec.min_replica_count:
        return
    cooldown = DEFAULT_COOLDOWN if spec.cooldown_period is None else spec.cooldown_period
    if not zero:
        yield (
            "LOST 0 replicas: minReplicas is 1, so a pod runs while there is no work. A target that is at 0 "
            f"stays there: set minReplicaCount: 1 first. cooldownPeriod ({cooldown} s) has no meaning."
        )
        return
    yield (
        f"LOST cooldownPeriod ({cooldown} s): the HPA goes to 0 after its scale-down window "
        "(behavior.scaleDown.stabilizationWindowSeconds, 300 s by default)."
    )
    if any(trigger.activation for trigger in spec.triggers):
        yield "LOST activation thresholds: the HPA leaves 0 at any value above 0."

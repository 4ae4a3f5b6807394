"""Objects as KEDA 2.19.0 and Kubernetes 1.34 leave them in a cluster; times in seconds before NOW."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from keda.diagnosis.answer import Diagnosis
from keda.diagnosis.diagnose import diagnose
from keda.diagnosis.snapshot import Reading, Snapshot
from keda.manifests.objects import Objects

Manifest = dict[str, Any]

NOW = datetime(2026, 3, 1, 21, 0, 0, tzinfo=UTC)
HPA_KIND = "HorizontalPodAutoscaler"
METRIC = "s0-prometheus"
KINDS = frozenset(
    (
        *("ScaledObject", "ScaledJob", HPA_KIND, "Deployment", "StatefulSet", "Event", "Pod", "Job"),
        *("TriggerAuthentication", "ClusterTriggerAuthentication", "Secret", "ConfigMap", "APIService"),
    )
)
TRIGGER: Manifest = {
    "type": "prometheus",
    "metadata": {
        "serverAddress": "http://prometheus.monitoring:9090",
        "query": "sum(rate(http_requests_total[2m]))",
        "threshold": "10",
        "ignoreNullValues": "false",
    },
}
READY = ("True", "ScaledObjectReady", "ScaledObject is defined correctly and is ready for scaling")
ACTIVE = ("True", "ScalerActive", "Scaling is performed because triggers are active")
INACTIVE = ("False", "ScalerNotActive", "Scaling is not performed because triggers are not active")
NO_FALLBACK = ("False", "NoFallbackFound", "No fallbacks are active on this scaled object")
UNSET = ("Unknown", "", "")
VALID = (
    "True",
    "ValidMetricFound",
    "the HPA was able to successfully calculate a replica count from external metric s0-prometheus"
    "(&LabelSelector{MatchLabels:map[string]string{scaledobject.keda.sh/name: web,},MatchExpressions:[]"
    "LabelSelectorRequirement{},})",
)
DISABLED = (
    "False",
    "ScalingDisabled",
    "scaling is disabled since the replica count of the target is zero",
)


def ago(seconds: float) -> str:
    return f"{NOW - timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%SZ}"


def conditions(**given: tuple[str, ...]) -> list[Manifest]:
    return [
        {
            key: value
            for key, value in zip(("type", "status", "reason", "message"), (kind, *parts), strict=False)
            if value
        }
        for kind, parts in given.items()
    ]


def metadata(name: str, created: float, namespace: str = "shop", **more: Any) -> Manifest:
    return {"name": name, "namespace": namespace, "creationTimestamp": ago(created), **more}


def scaled_object(
    *triggers: Manifest,
    ready: tuple[str, ...] = READY,
    active: tuple[str, ...] = ACTIVE,
    fallback: tuple[str, ...] = NO_FALLBACK,
    last_active: float | None = 10,
    created: float = 3600,
    annotations: Mapping[str, str] | None = None,
    status: Mapping[str, Any] | None = None,
    namespace: str = "shop",
    **spec: Any,
) -> Manifest:
    used = list(triggers) or [TRIGGER]
    names = [
        f"s{index}-{trigger['type']}"
        for index, trigger in enumerate(used)
        if trigger["type"] not in ("cpu", "memory")
    ]
    found: Manifest = {
        "conditions": conditions(Ready=ready, Active=active, Fallback=fallback, Paused=("False", "", "")),
        "externalMetricNames": names,
        "resourceMetricNames": [each["type"] for each in used if each["type"] in ("cpu", "memory")],
        "hpaName": "keda-hpa-web",
        "scaleTargetKind": "apps/v1.Deployment",
        "triggersActivity": {name: {"isActive": active[0] == "True"} for name in names},
    }
    if last_active is not None:
        found["lastActiveTime"] = ago(last_active)
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": metadata("web", created, namespace, annotations=dict(annotations or {})),
        "spec": {"scaleTargetRef": {"name": "web"}, "maxReplicaCount": 5, "triggers": used, **spec},
        "status": found | dict(status or {}),
    }


def external(target: int = 10, kind: str = "AverageValue", name: str = METRIC) -> Manifest:
    key = "value" if kind == "Value" else "averageValue"
    selector = {"matchLabels": {"scaledobject.keda.sh/name": "web"}}
    return {
        "type": "External",
        "external": {
            "metric": {"name": name, "selector": selector},
            "target": {"type": kind, key: str(target)},
        },
    }


def current(value: str | None, kind: str = "AverageValue", name: str = METRIC) -> Manifest:
    """One of status.currentMetrics; None: the HPA has no value of it."""
    if value is None:
        return {"type": ""}
    key = "value" if kind == "Value" else "averageValue"
    return {"type": "External", "external": {"metric": {"name": name}, "current": {key: value}}}


def hpa(
    replicas: int,
    desired: int | None = None,
    *shown: Manifest,
    metrics: list[Manifest] | None = None,
    active: tuple[str, ...] = VALID,
    able: tuple[str, ...] = ("True", "ReadyForNewScale", "recommended size matches current size"),
    limited: tuple[str, ...] = (
        "False",
        "DesiredWithinRange",
        "the desired count is within the acceptable range",
    ),
    last_scaled: float | None = None,
    name: str = "keda-hpa-web",
    owner: bool = True,
    behavior: Manifest | None = None,
    maximum: int = 5,
    minimum: int = 1,
) -> Manifest:
    owners = [{"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "name": "web", "controller": True}]
    found: Manifest = {
        "apiVersion": "autoscaling/v2",
        "kind": HPA_KIND,
        "metadata": metadata(name, 3600, **({"ownerReferences": owners} if owner else {})),
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
            "minReplicas": minimum,
            "maxReplicas": maximum,
            "metrics": [external()] if metrics is None else metrics,
        },
        "status": {
            "currentReplicas": replicas,
            "desiredReplicas": replicas if desired is None else desired,
            "currentMetrics": list(shown),
            "conditions": conditions(AbleToScale=able, ScalingActive=active, ScalingLimited=limited),
        },
    }
    if behavior:
        found["spec"]["behavior"] = behavior
    if last_scaled is not None:
        found["status"]["lastScaleTime"] = ago(last_scaled)
    return found


def managed(manager: str, at: float, operation: str = "Update") -> Manifest:
    """A managedFields entry that owns spec.replicas; what goes through /scale leaves none."""
    return {
        "manager": manager,
        "operation": operation,
        "apiVersion": "apps/v1",
        "time": ago(at),
        "fieldsType": "FieldsV1",
        "fieldsV1": {"f:spec": {"f:replicas": {}}},
    }


def deployment(
    replicas: int, ready: int | None = None, *writers: Manifest, name: str = "web", **more: Any
) -> Manifest:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata(name, 7200, managedFields=list(writers)),
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "web"}]}},
        },
        "status": {"replicas": replicas, "readyReplicas": replicas if ready is None else ready} | more,
    }


def event(
    reason: str,
    message: str,
    at: float = 20,
    count: int = 1,
    first: float | None = None,
    kind: str = "ScaledObject",
    name: str = "web",
    warning: bool = True,
    namespace: str = "shop",
) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": metadata(f"{name}.{reason}.{at}", at, namespace),
        "involvedObject": {"kind": kind, "namespace": namespace, "name": name},
        "reason": reason,
        "message": message,
        "type": "Warning" if warning else "Normal",
        "count": count,
        "firstTimestamp": ago(at if first is None else first),
        "lastTimestamp": ago(at),
        "source": {"component": "keda-operator" if kind != HPA_KIND else "horizontal-pod-autoscaler"},
    }


def rescaled(size: int, reason: str, at: float, count: int = 1, first: float | None = None) -> Manifest:
    """The event of the HPA that set this count."""
    message = f"New size: {size}; reason: {reason}"
    return event("SuccessfulRescale", message, at, count, first, HPA_KIND, "keda-hpa-web", warning=False)


def keda(
    ready: int = 1, adapter: int = 1, available: tuple[str, ...] = ("True", "Passed", ""), **env: str
) -> list[Manifest]:
    """KEDA's Deployments and its APIService."""
    operator = deployment(1, ready, name="keda-operator")
    operator["metadata"]["namespace"] = "keda"
    variables = [{"name": key, "value": value} for key, value in env.items()]
    operator["spec"]["template"]["spec"]["containers"][0]["env"] = variables
    server = deployment(1, adapter, name="keda-operator-metrics-apiserver")
    server["metadata"]["namespace"] = "keda"
    service = {
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {"name": "v1beta1.external.metrics.k8s.io"},
        "spec": {"service": {"namespace": "keda", "name": "keda-operator-metrics-apiserver", "port": 443}},
        "status": {"conditions": conditions(Available=available)},
    }
    return [operator, server, service]


def snapshot(
    *objects: Manifest, values: Mapping[str, int | str] | None = None, installed: bool = True
) -> Snapshot:
    """A live cluster of these objects and KEDA; `values` by metric: milli, or the API server's error."""
    given = list(objects)
    if installed and not any(each["metadata"]["name"] == "keda-operator" for each in given):
        given += keda()
    (item, *_) = [each for each in given if each["kind"] in ("ScaledObject", "ScaledJob")]
    place = item["metadata"]
    readings = {
        (place["namespace"], place["name"], name): Reading(value)
        if isinstance(value, int)
        else Reading(None, value)
        for name, value in (values or {}).items()
    }
    return Snapshot(Objects(copy.deepcopy(given)), NOW, True, KINDS, readings)


def why(*objects: Manifest, values: Mapping[str, int | str] | None = None) -> Diagnosis:
    (found,) = diagnose(snapshot(*objects, values=values))
    return found

"""What the whole objects of the comparison are built with."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.verdicts.samples import sample

Manifest = dict[str, Any]
NAMESPACE = "verdicts"
ABSENT: Any = object()
"""As a value: leave the key out."""


@dataclass(frozen=True)
class Case:
    """An object, and what is applied before it."""

    name: str
    subject: Manifest
    given: tuple[Manifest, ...]

    @property
    def objects(self) -> tuple[Manifest, ...]:
        return (*self.given, self.subject)

    @property
    def namespace(self) -> str:
        return str(self.subject["metadata"].get("namespace", ""))


def without(mapping: Mapping[str, Any]) -> Manifest:
    return {key: value for key, value in mapping.items() if value is not ABSENT}


def keda(kind: str, spec: Any, group: str = "keda.sh", **metadata: Any) -> Manifest:
    body = {"apiVersion": f"{group}/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec}
    return without(body)


def trigger(kind: str = "kubernetes-workload", /, **changes: Any) -> Manifest:
    """A trigger that asks no one outside the cluster, or the smallest of another type."""
    base = {"podSelector": "app=none", "value": "5"}
    if kind != "kubernetes-workload":
        base = sample(kind).metadata
    metadata = changes.pop("metadata", {})
    made = without(base | metadata) if isinstance(metadata, dict) else metadata
    return without({"type": kind, "metadata": made} | changes)


def so(*triggers: Any, labels: Any = ABSENT, annotations: Any = ABSENT, **changes: Any) -> Manifest:
    """A ScaledObject on a Deployment; both get the case's name."""
    spec = {"scaleTargetRef": {}, "maxReplicaCount": 3, "triggers": list(triggers) or [trigger()]}
    metadata = without({"labels": labels, "annotations": annotations})
    return keda("ScaledObject", without(spec | changes), **metadata)


def sj(*triggers: Any, template: Any = None, job: Any = None, **changes: Any) -> Manifest:
    pod = {"restartPolicy": "Never", "containers": [{"name": "app", "image": "none.invalid/app:1"}]}
    target = {"template": {"spec": pod | (template or {})}} if job is None else job
    spec = {"jobTargetRef": target, "maxReplicaCount": 3, "triggers": list(triggers) or [trigger()]}
    return keda("ScaledJob", without(spec | changes))


def ta(**spec: Any) -> Manifest:
    return keda("TriggerAuthentication", spec)


def cta(**spec: Any) -> Manifest:
    return keda("ClusterTriggerAuthentication", spec)


CPU = {"requests": {"cpu": "10m", "memory": "8Mi"}}


def workload(
    kind: str = "Deployment", resources: Any = CPU, name: str = "", container: Any = None
) -> Manifest:
    """A workload whose pods no scheduler takes, so that none ever starts."""
    pod = {
        "schedulerName": "nobody",
        "containers": [
            {"name": "app", "image": "none.invalid/app:1", "resources": resources} | (container or {})
        ],
    }
    labels = {"app": name or "workload"}
    spec: Manifest = {
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": pod},
    }
    if kind == "StatefulSet":
        spec["serviceName"] = "none"
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": without({"name": name or ABSENT}),
        "spec": spec,
    }


def hpa(target: str, name: str, **metadata: Any) -> Manifest:
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": target}
    metric = {
        "type": "Resource",
        "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 60}},
    }
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": name, **metadata},
        "spec": {"scaleTargetRef": reference, "maxReplicas": 3, "metrics": [metric]},
    }


def config_map(name: str, **data: str) -> Manifest:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def secret(name: str, **data: str) -> Manifest:
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "data": encoded}


def case(name: str, subject: Manifest, *given: Manifest, alone: bool = False, target: bool = True) -> Case:
    """Names what has no name after the case. A ScaledObject gets its Deployment, unless one is given or
    `target` is off. `alone` puts the case into a namespace of its own."""
    namespace = f"{NAMESPACE}-{name}" if alone else NAMESPACE
    if (
        subject["kind"] == "ScaledObject"
        and target
        and not any("template" in spec_of(each) for each in given)
    ):
        given = (workload(), *given)
    named = [named_after(each, name, namespace) for each in (*given, subject)]
    return Case(name, named[-1], tuple(named[:-1]))


def spec_of(manifest: Manifest) -> Mapping[str, Any]:
    spec = manifest.get("spec")
    return spec if isinstance(spec, Mapping) else {}


def named_after(manifest: Manifest, name: str, namespace: str) -> Manifest:
    metadata = {"name": name} | manifest["metadata"]
    if not manifest["kind"].startswith("Cluster") and manifest["kind"] != "CustomResourceDefinition":
        metadata["namespace"] = namespace
    elif manifest["kind"] != "CustomResourceDefinition":
        metadata["name"] = f"{NAMESPACE}-{metadata['name']}"
    made = manifest | {"metadata": metadata}
    reference = spec_of(made).get("scaleTargetRef")
    if isinstance(reference, dict):
        target = without({"name": name} | reference)
        made = made | {"spec": dict(made["spec"]) | {"scaleTargetRef": target}}
    return made


def behaving(behavior: Manifest, **config: Any) -> Manifest:
    return so(advanced={"horizontalPodAutoscalerConfig": {"behavior": behavior, **config}})

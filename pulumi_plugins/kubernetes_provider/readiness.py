"""When an object counts as ready: for each kind a function from the live object to what is still missing."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from pulumi_plugins.kubernetes_provider import jsonpath
from pulumi_plugins.kubernetes_provider.api import Cluster
from pulumi_plugins.kubernetes_provider.objects import Object, annotation

# What is missing, in words; None when ready.
Missing = str | None
Check = Callable[[Object, Cluster], Missing]


class Failed(Exception):
    """The object will not become ready any more, such as a Job whose pods failed."""


def check_for(manifest: Object) -> Check | None:
    """What to wait for after a create or an update; None for nothing.

    Raises:
        ValueError: `pulumi.com/waitFor` cannot be understood.
    """
    if annotation(manifest, "skipAwait").lower() == "true":
        return None
    if wanted := annotation(manifest, "waitFor"):
        return _custom(wanted)
    group = str(manifest["apiVersion"]).rpartition("/")[0]
    return CHECKS.get((group, manifest["kind"]))


def condition(obj: Object, name: str) -> Object:
    """A status condition, or an empty dict."""
    found = [entry for entry in obj.get("status", {}).get("conditions") or [] if entry.get("type") == name]
    return found[0] if found else {}


def _custom(wanted: str) -> Check:
    try:
        expressions = json.loads(wanted)
    except ValueError:
        expressions = [wanted]
    checks = [_expression(expression) for expression in expressions]

    def missing(obj: Object, cluster: Cluster) -> Missing:
        return next((text for check in checks if (text := check(obj, cluster))), None)

    return missing


def _expression(expression: str) -> Check:
    kind, _, rest = str(expression).partition("=")
    if kind == "condition":
        name, _, status = rest.partition("=")

        def met(obj: Object, _: Cluster) -> Missing:
            found = condition(obj, name)
            if str(found.get("status", "")).lower() == (status or "True").lower():
                return None
            return f"condition {name} is {found.get('status', 'not there yet')}{_because(found)}"

        return met
    if kind == "jsonpath":
        # The value follows the closing brace; a filter inside holds `=` too.
        path, brace, tail = rest.partition("}")
        if not brace:
            raise ValueError(f"pulumi.com/waitFor: {expression!r} has no JSONPath in braces")
        value = tail.removeprefix("=") if tail else None
        jsonpath.find(path + brace, {})

        def found_there(obj: Object, _: Cluster) -> Missing:
            found = jsonpath.find(path + brace, obj)
            there = any(_text(item) == value for item in found) if value is not None else bool(found)
            return None if there else f"waiting for {rest}"

        return found_there
    raise ValueError(f'pulumi.com/waitFor: {expression!r} starts with neither "jsonpath=" nor "condition="')


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _because(found: Object) -> str:
    text = ": ".join(part for part in (found.get("reason"), found.get("message")) if part)
    return f" ({text})" if text else ""


def _observed(obj: Object) -> bool:
    return bool(obj.get("status", {}).get("observedGeneration", 0) >= obj["metadata"].get("generation", 0))


def _deployment(obj: Object, cluster: Cluster) -> Missing:
    spec, status = obj["spec"], obj.get("status", {})
    if spec.get("paused"):
        return None
    replicas = spec.get("replicas", 1)
    updated, available = status.get("updatedReplicas", 0), status.get("availableReplicas", 0)
    if not _observed(obj):
        return "the controller has not seen it yet"
    if updated == available == status.get("replicas", 0) == replicas:
        return None
    stuck = condition(obj, "Progressing")
    reason = _because(stuck) if stuck.get("status") == "False" else ""
    counts = f"{available} of {replicas} pods are available, {updated} of the new version"
    return f"{counts}{reason}{_pods(obj, cluster)}"


def _stateful_set(obj: Object, cluster: Cluster) -> Missing:
    status, replicas = obj.get("status", {}), obj["spec"].get("replicas", 1)
    ready = status.get("readyReplicas", 0)
    if _observed(obj) and ready == replicas and status.get("currentRevision") == status.get("updateRevision"):
        return None
    return f"{ready} of {replicas} pods are ready{_pods(obj, cluster)}"


def _daemon_set(obj: Object, cluster: Cluster) -> Missing:
    status = obj.get("status", {})
    wanted, ready = status.get("desiredNumberScheduled", 0), status.get("numberReady", 0)
    if _observed(obj) and ready == wanted == status.get("updatedNumberScheduled", 0):
        return None
    return f"{ready} of {wanted} pods are ready{_pods(obj, cluster)}"


def _job(obj: Object, cluster: Cluster) -> Missing:
    if condition(obj, "Complete").get("status") == "True":
        return None
    failed = condition(obj, "Failed")
    if failed.get("status") == "True":
        raise Failed(f"the Job failed{_because(failed)}{_pods(obj, cluster)}")
    return f"{obj.get('status', {}).get('active', 0)} pods are running{_pods(obj, cluster)}"


def _pod(obj: Object, cluster: Cluster) -> Missing:
    status = obj.get("status", {})
    if status.get("phase") == "Succeeded" or condition(obj, "Ready").get("status") == "True":
        return None
    return f"the pod is {status.get('phase', 'Pending')}{_pod_trouble([obj])}"


def _service(obj: Object, cluster: Cluster) -> Missing:
    spec, metadata = obj["spec"], obj["metadata"]
    if spec.get("type") == "LoadBalancer" and not obj.get("status", {}).get("loadBalancer", {}).get(
        "ingress"
    ):
        return "no load balancer has given it an address yet"
    if not spec.get("selector") or spec.get("type") == "ExternalName":
        return None
    slices = cluster.objects(
        "discovery.k8s.io/v1",
        "EndpointSlice",
        metadata["namespace"],
        labelSelector=f"kubernetes.io/service-name={metadata['name']}",
    )
    ready = [
        endpoint
        for each in slices
        for endpoint in each.get("endpoints") or []
        if (endpoint.get("conditions") or {}).get("ready") is not False
    ]
    return None if ready else "no ready pod matches its selector"


def _volume_claim(obj: Object, cluster: Cluster) -> Missing:
    phase = obj.get("status", {}).get("phase")
    if phase == "Bound":
        return None
    if phase == "Pending" and (name := obj["spec"].get("storageClassName")):
        manifest = {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": name}}
        if cluster.get(manifest).get("volumeBindingMode") == "WaitForFirstConsumer":
            return None
    return f"the claim is {phase or 'Pending'}"


def _volume(obj: Object, _: Cluster) -> Missing:
    phase = obj.get("status", {}).get("phase")
    return None if phase in {"Available", "Bound"} else f"the volume is {phase or 'Pending'}"


def _ingress(obj: Object, _: Cluster) -> Missing:
    ingress = obj.get("status", {}).get("loadBalancer", {}).get("ingress")
    return None if ingress else "no ingress controller has given it an address yet"


def _definition(obj: Object, _: Cluster) -> Missing:
    refused = condition(obj, "NamesAccepted")
    if refused.get("status") == "False":
        raise Failed(f"its names are taken{_because(refused)}")
    found = condition(obj, "Established")
    return None if found.get("status") == "True" else f"not established yet{_because(found)}"


def _api_service(obj: Object, _: Cluster) -> Missing:
    found = condition(obj, "Available")
    return None if found.get("status") == "True" else f"not available yet{_because(found)}"


CHECKS: dict[tuple[str, str], Check] = {
    ("apps", "Deployment"): _deployment,
    ("apps", "StatefulSet"): _stateful_set,
    ("apps", "DaemonSet"): _daemon_set,
    ("batch", "Job"): _job,
    ("networking.k8s.io", "Ingress"): _ingress,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): _definition,
    ("apiregistration.k8s.io", "APIService"): _api_service,
    ("", "Pod"): _pod,
    ("", "Service"): _service,
    ("", "PersistentVolumeClaim"): _volume_claim,
    ("", "PersistentVolume"): _volume,
}


def _pods(obj: Object, cluster: Cluster) -> str:
    labels = obj["spec"].get("selector", {}).get("matchLabels", {})
    selector = ",".join(f"{key}={value}" for key, value in labels.items())
    if not selector:
        return ""
    return _pod_trouble(cluster.objects("v1", "Pod", obj["metadata"]["namespace"], labelSelector=selector))


def _pod_trouble(pods: list[Object]) -> str:
    """Why the newest pod that is not ready is not, in its status' words; "" if there are none."""
    waiting = [pod for pod in pods if condition(pod, "Ready").get("status") != "True"]
    for pod in sorted(waiting, key=lambda each: each["metadata"].get("creationTimestamp", ""), reverse=True):
        status = pod.get("status", {})
        for container in (status.get("initContainerStatuses") or []) + (
            status.get("containerStatuses") or []
        ):
            state = container.get("state", {})
            stopped = state.get("waiting") or state.get("terminated") or {}
            if stopped.get("reason") not in {None, "ContainerCreating", "PodInitializing", "Completed"}:
                return f"; container {container['name']} of pod {pod['metadata']['name']}{_because(stopped)}"
        unscheduled = condition(pod, "PodScheduled")
        if unscheduled.get("status") == "False":
            return f"; pod {pod['metadata']['name']}{_because(unscheduled)}"
    return ""

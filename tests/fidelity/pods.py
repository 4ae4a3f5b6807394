"""The metrics API of pods, answered by the scenarios' source: what each pod uses is the scenario's signal."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from lab.node.netns import NODE_ADDRESS
from tests.fidelity.scenario import NAMESPACE, Scenario
from tests.fidelity.source import METRICS_PORT, Signals
from tests.live.cluster import Cluster, wait


@contextlib.contextmanager
def pod_metrics_api(cluster: Cluster, scenarios: Sequence[Scenario]) -> Iterator[None]:
    """The metrics API of pods, answered by the scenarios' source, while a scenario needs one."""
    if not any(trigger.type in ("cpu", "memory") for each in scenarios for trigger in each.triggers):
        yield
        return
    name, group = "pod-metrics", "/apis/apiregistration.k8s.io/v1/apiservices"
    ports = [{"name": "https", "port": 443, "targetPort": METRICS_PORT}]
    slices = f"/apis/discovery.k8s.io/v1/namespaces/{NAMESPACE}/endpointslices"
    cluster.create(
        f"/api/v1/namespaces/{NAMESPACE}/services", {"metadata": {"name": name}, "spec": {"ports": ports}}
    )
    cluster.create(
        slices,
        {
            "metadata": {"name": name, "labels": {"kubernetes.io/service-name": name}},
            "addressType": "IPv4",
            "endpoints": [{"addresses": [NODE_ADDRESS]}],
            "ports": [{"name": "https", "port": METRICS_PORT}],
        },
    )
    cluster.create(
        group,
        {
            "metadata": {"name": "v1beta1.metrics.k8s.io"},
            "spec": {
                "group": "metrics.k8s.io",
                "version": "v1beta1",
                "groupPriorityMinimum": 100,
                "versionPriority": 100,
                "insecureSkipTLSVerify": True,
                "service": {"name": name, "namespace": NAMESPACE},
            },
        },
    )
    path = f"{group}/v1beta1.metrics.k8s.io"
    try:
        wait("pod metrics served", 60, lambda: cluster.condition(path, "Available")[0] == "True" or None)
        yield
    finally:
        cluster.delete(path)
        cluster.delete(f"{slices}/{name}")
        cluster.delete(f"/api/v1/namespaces/{NAMESPACE}/services/{name}")


def pod_metrics(
    cluster: Cluster, scenarios: Sequence[Scenario], signals: Signals, selector: str
) -> list[dict[str, Any]]:
    """What the pods of a scenario use: the signal, in equal shares of whole milli for the Ready ones."""
    scenario = next(each for each in scenarios if selector == f"app={each.name}")
    pods = cluster.get(f"/api/v1/namespaces/{NAMESPACE}/pods?labelSelector=app%3D{scenario.name}")["items"]
    pods = [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]
    ready = {pod["metadata"]["name"] for pod in pods if ready_since(pod)}
    items, now = [], time.time()
    usage = {
        trigger.type: signals.read(scenario.name, index)
        for index, trigger in enumerate(scenario.triggers)
        if trigger.type in ("cpu", "memory")
    }
    for pod in pods:
        name, started = pod["metadata"]["name"], running_since(pod)
        if started is None or now < started + scenario.sampled_after:
            continue
        shares = {
            kind: f"{int(float(total) * 1000 / len(ready)) if name in ready else 0}m"
            for kind, total in usage.items()
        }
        items.append(
            {
                "metadata": {"name": name, "namespace": NAMESPACE, "labels": pod["metadata"]["labels"]},
                "timestamp": datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
                "window": f"{scenario.sampled_after}s",
                "containers": [{"name": "pause", "usage": shares}],
            }
        )
    return items


def ready_since(pod: Mapping[str, Any]) -> bool:
    conditions = pod["status"].get("conditions", [])
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def running_since(pod: Mapping[str, Any]) -> float | None:
    for container in pod["status"].get("containerStatuses", []):
        if running := container["state"].get("running"):
            return datetime.fromisoformat(running["startedAt"]).timestamp()
    return None

"""Variants of the stack that live tests run, and the objects that several of them create."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from cli.engine import Engine
from tests.live.cluster import KEDA, Cluster, wait

WORKLOADS = {
    "ray-serve": "ray",
    "envoy-gateway": "envoy-gateway-system",
    "voice": "voice",
    "batch": "batch",
}


def with_overrides(engine: Engine, extra: Mapping[str, Any]) -> Engine:
    """The engine with more overrides of the stack file."""
    return replace(engine, overrides={**engine.overrides, **extra})


def with_program(engine: Engine, program: Path) -> Engine:
    """The engine on another program folder, same stack."""
    return replace(engine, program=program)


def wait_ready(cluster: Cluster, name: str, namespace: str, seconds: float = 120) -> None:
    """Waits for a ScaledObject's condition Ready=True."""
    path = f"{KEDA}/namespaces/{namespace}/scaledobjects/{name}"
    wait(f"{name} Ready", seconds, lambda: cluster.condition(path, "Ready")[0] == "True" or None)


@contextmanager
def every_kind_scalable(cluster: Cluster) -> Iterator[None]:
    """For the while, KEDA may scale every kind, as its chart alone would let it."""
    rbac, name = "/apis/rbac.authorization.k8s.io/v1", "every-kind-scalable"
    scale = {
        "apiGroups": ["*"],
        "resources": ["*/scale"],
        "verbs": ["get", "list", "patch", "update", "watch"],
    }
    read = {"apiGroups": ["*"], "resources": ["*"], "verbs": ["get"]}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name}
    operator = {"kind": "ServiceAccount", "name": "keda-operator", "namespace": "keda"}
    metadata = {"metadata": {"name": name}}
    cluster.create(f"{rbac}/clusterroles", metadata | {"rules": [scale, read]})
    try:
        cluster.create(f"{rbac}/clusterrolebindings", metadata | {"roleRef": role, "subjects": [operator]})
        yield
    finally:
        cluster.delete(f"{rbac}/clusterrolebindings/{name}")
        cluster.delete(f"{rbac}/clusterroles/{name}")


def scaled_object(name: str, namespace: str, target: str, **spec: Any) -> dict[str, Any]:
    """A minimal ScaledObject manifest with a trigger that KEDA can always parse."""
    trigger = {"type": "kubernetes-workload", "metadata": {"podSelector": "app=none", "value": "1"}}
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"scaleTargetRef": {"name": target}, "triggers": [trigger], **spec},
    }


def deployment(name: str, namespace: str, cpu: str, memory: str, **spec: Any) -> dict[str, Any]:
    """A Deployment of pods that do nothing, request `cpu` and `memory`, and end at once."""
    labels = {"app": name}
    container = {
        "name": "main",
        "image": "registry.k8s.io/pause:3.10",
        "resources": {"requests": {"cpu": cpu, "memory": memory}},
    }
    return {
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [container], "terminationGracePeriodSeconds": 0},
            },
            **spec,
        },
    }


def busy(cluster: Cluster, namespace: str, pods: int, most: int) -> None:
    """Creates or deletes pods busy-… with the label signal=busy until there are `pods` of at most `most`.

    No node runs them.
    """
    path = f"/api/v1/namespaces/{namespace}/pods"
    spec = {"nodeSelector": {"no": "node"}, "containers": [{"name": "none", "image": "none"}]}
    for index in range(most):
        if index < pods and cluster.get(f"{path}/busy-{index}") is None:
            metadata = {"name": f"busy-{index}", "labels": {"signal": "busy"}}
            cluster.create(path, {"metadata": metadata, "spec": spec})
        elif index >= pods:
            cluster.delete(f"{path}/busy-{index}")

"""Workloads whose signal a test sets: a trigger counts pods that are never scheduled."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from keda.api_server import connect
from keda.diagnosis import cluster as live
from keda.diagnosis.answer import Diagnosis
from keda.diagnosis.diagnose import diagnose
from tests.live.cluster import KEDA, MERGE, Cluster, wait

NAMESPACE = "shop"
APPS = f"/apis/apps/v1/namespaces/{NAMESPACE}"
OBJECTS = f"{KEDA}/namespaces/{NAMESPACE}"
PAUSE = {
    "name": "main",
    "image": "registry.k8s.io/pause:3.10",
    "securityContext": {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "runAsNonRoot": True,
        "runAsUser": 65535,
        "seccompProfile": {"type": "RuntimeDefault"},
    },
}


class Shop:
    """A namespace of its own, and what `keda why` answers for what is in it."""

    def __init__(self, cluster: Cluster, kubeconfig: str) -> None:
        self.cluster, self.kubeconfig = cluster, kubeconfig

    def target(self, name: str, replicas: int = 1) -> None:
        """A Deployment of pods that do nothing."""
        self.cluster.create(f"{APPS}/deployments", deployment(name, replicas, [PAUSE]))

    def signal(self, name: str, value: int) -> None:
        """The value of the trigger of that name from now on."""
        path = f"{APPS}/deployments/load-{name}"
        if self.cluster.get(path) is None:
            pod = {"nodeSelector": {"no": "node"}}
            self.cluster.create(f"{APPS}/deployments", deployment(f"load-{name}", value, [PAUSE], **pod))
        else:
            self.cluster.request("PATCH", path, {"spec": {"replicas": value}}, MERGE)
        wait(f"{value} pods of load-{name}", 60, lambda: self._count(f"load-{name}") == value or None)

    def _count(self, app: str) -> int:
        pods = self.cluster.get(f"/api/v1/namespaces/{NAMESPACE}/pods?labelSelector=app%3D{app}")["items"]
        return len(pods)

    def scaled(self, name: str, *triggers: Any, annotations: Any = None, **spec: Any) -> None:
        """A ScaledObject that polls every 5 s, on the Deployment of its name."""
        given = scaled_object(name, *triggers, annotations=annotations, **spec)
        self.cluster.create(f"{OBJECTS}/scaledobjects", given)

    def annotate(self, name: str, value: str | None, annotation: str) -> None:
        """Sets an annotation of KEDA's, or removes it."""
        patch = {"metadata": {"annotations": {f"autoscaling.keda.sh/{annotation}": value}}}
        self.cluster.request("PATCH", f"{OBJECTS}/scaledobjects/{name}", patch, MERGE)

    def replicas(self, name: str) -> int:
        return self.cluster.replicas(NAMESPACE, name)[0]

    def why(self, name: str, kubeconfig: str = "") -> Diagnosis:
        """What `keda why shop/<name>` finds."""
        get, _ = connect(kubeconfig or self.kubeconfig, "", ("KUBECONFIG", "--context"))
        (found,) = diagnose(live.read(get, NAMESPACE, name), NAMESPACE, name)
        return found

    def answer(self, name: str, kind: str, seconds: float = 90) -> str:
        """The first line, once the cause is of this kind."""
        last: list[str] = []

        def probe() -> str | None:
            found = self.why(name)
            last[:] = [f"{found.answer.kind}: {found.title}"]
            return found.title if found.answer.kind == kind else None

        try:
            return wait(f"{name}: {kind}", seconds, probe)
        except AssertionError:
            raise AssertionError(f"{name} is not {kind} within {seconds:.0f} s, but {last}") from None


def deployment(name: str, replicas: int, containers: list[Any], **pod: Any) -> dict[str, Any]:
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": containers, "terminationGracePeriodSeconds": 0, **pod},
            },
        },
    }


def counting(name: str, value: int = 10, **more: Any) -> dict[str, Any]:
    """A trigger whose value is the signal of that name."""
    metadata = {"podSelector": f"app=load-{name}", "value": str(value)}
    return {"type": "kubernetes-workload", "metadata": metadata, **more}


def prometheus(address: str) -> dict[str, Any]:
    metadata = {
        "serverAddress": address,
        "query": "vector(1)",
        "threshold": "10",
        "ignoreNullValues": "false",
    }
    return {"type": "prometheus", "metadata": metadata}


def scaled_object(name: str, *triggers: Any, annotations: Any = None, **spec: Any) -> dict[str, Any]:
    """A ScaledObject that polls every 5 s and scales to 4."""
    settings = {"pollingInterval": 5, "maxReplicaCount": 4, **spec}
    given = list(triggers) or [counting(name)]
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": name, "namespace": NAMESPACE, "annotations": annotations or {}},
        "spec": {"scaleTargetRef": {"name": name}, "triggers": given, **settings},
    }


@contextmanager
def scaled_to_zero(cluster: Cluster, name: str) -> Iterator[None]:
    """For the while, one of KEDA's Deployments has no pod."""
    path = f"/apis/apps/v1/namespaces/keda/deployments/{name}"

    def scale(count: int) -> None:
        cluster.request("PATCH", f"{path}/scale", {"spec": {"replicas": count}}, MERGE)
        wait(f"{name} {count}", 120, lambda: cluster.replicas("keda", name) == (count, count) or None)

    before = cluster.replicas("keda", name)[0]
    scale(0)
    try:
        yield
    finally:
        scale(before)


def command(*arguments: str, kubeconfig: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    """`python -m keda why …`."""
    return subprocess.run(
        [sys.executable, "-m", "keda", "why", *arguments],
        env={"KUBECONFIG": kubeconfig, "PATH": "/usr/bin:/bin", "HOME": "/nonexistent"},
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
    )

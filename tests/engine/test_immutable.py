"""The replacement table against the API server: what Kubernetes will not change in place must be in it."""

from __future__ import annotations

import copy
import json
import re
import subprocess
from typing import Any

import pytest

from pulumi_plugins.kubernetes_provider import diff
from tests.engine.conftest import COMMAND, Cluster

pytestmark = pytest.mark.engine

POD = {
    "serviceAccountName": "default",
    "priorityClassName": "one",
    "containers": [
        {"name": "a", "image": "b", "imagePullPolicy": "Always", "stdin": True, "stdinOnce": True}
    ],
    "volumes": [{"name": "one", "emptyDir": {}}],
    "nodeSelector": {"a": "b"},
}
TEMPLATE = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "a", "image": "b"}]}}
JOB_TEMPLATE = {"spec": {**TEMPLATE["spec"], "restartPolicy": "Never"}}
SELECTOR = {"matchLabels": {"a": "b"}}
CLAIM = {
    "metadata": {"name": "data"},
    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
}
ROLE = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "one"}
OBJECTS: dict[str, dict[str, Any]] = {
    "v1 Pod": {"spec": POD},
    "v1 Service": {"spec": {"clusterIP": "10.96.7.7", "ports": [{"port": 80}]}},
    "v1 Secret": {"type": "Opaque", "data": {"a": "Yg=="}},
    "v1 ConfigMap": {"data": {"a": "b"}},
    "v1 ResourceQuota": {"spec": {"scopes": ["Terminating"], "hard": {"pods": "1"}}},
    "v1 PersistentVolumeClaim": {"spec": {**CLAIM["spec"], "storageClassName": "x", "volumeName": "v"}},
    "v1 PersistentVolume": {
        "spec": {
            "hostPath": {"path": "/a"},
            "capacity": {"storage": "1Gi"},
            "accessModes": ["ReadWriteOnce"],
        }
    },
    "apps/v1 Deployment": {"spec": {"selector": SELECTOR, "template": TEMPLATE}},
    "apps/v1 DaemonSet": {"spec": {"selector": SELECTOR, "template": TEMPLATE}},
    "apps/v1 StatefulSet": {
        "spec": {
            "selector": SELECTOR,
            "template": TEMPLATE,
            "serviceName": "a",
            "volumeClaimTemplates": [CLAIM],
        }
    },
    "batch/v1 Job": {"spec": {"template": JOB_TEMPLATE, "completions": 2, "parallelism": 1}},
    "rbac.authorization.k8s.io/v1 RoleBinding": {"roleRef": ROLE},
    "rbac.authorization.k8s.io/v1 ClusterRoleBinding": {"roleRef": ROLE},
    "storage.k8s.io/v1 StorageClass": {"provisioner": "example.com/a", "parameters": {"a": "b"}},
}
OTHER = {"matchLabels": {"a": "c"}}
# Kind, path, another value, whether the API server refuses it, whether a new object is made of it.
CHANGES: list[tuple[str, str, Any, bool, bool]] = [
    ("v1 Pod", "spec.serviceAccountName", "other", True, True),
    ("v1 Pod", "spec.priorityClassName", "two", True, True),
    ("v1 Pod", "spec.containers[0].imagePullPolicy", "Never", True, True),
    ("v1 Pod", "spec.containers[0].stdinOnce", False, True, True),
    ("v1 Pod", "spec.containers[0].stdin", False, True, True),
    ("v1 Pod", "spec.containers[0].command", ["c"], True, True),
    ("v1 Pod", "spec.volumes[0].name", "two", True, True),
    ("v1 Pod", "spec.nodeSelector", {"a": "c"}, True, True),
    ("v1 Pod", "spec.hostNetwork", True, True, True),
    ("v1 Pod", "spec.schedulerName", "other", True, True),
    ("v1 Pod", "spec.dnsPolicy", "Default", True, True),
    # Kubernetes changes these in place; the released provider replaces all the same.
    ("v1 Pod", "spec.containers[0].image", "other", False, True),
    ("v1 Pod", "spec.activeDeadlineSeconds", 60, False, False),
    ("v1 ConfigMap", "data.a", "c", False, True),
    ("v1 Secret", "data.a", "Yw==", False, True),
    ("batch/v1 Job", "spec.parallelism", 2, False, True),
    ("batch/v1 Job", "spec.backoffLimit", 1, False, False),
    ("apps/v1 StatefulSet", "spec.revisionHistoryLimit", 3, False, True),
    ("apps/v1 StatefulSet", "spec.replicas", 3, False, False),
    ("v1 Secret", "type", "example.com/other", True, True),
    ("v1 Service", "spec.clusterIP", "10.96.7.8", True, True),
    ("v1 ResourceQuota", "spec.scopes", ["NotTerminating"], True, True),
    ("v1 PersistentVolumeClaim", "spec.accessModes", ["ReadOnlyMany"], True, True),
    ("v1 PersistentVolumeClaim", "spec.storageClassName", "y", True, True),
    ("v1 PersistentVolumeClaim", "spec.volumeName", "w", True, True),
    ("v1 PersistentVolumeClaim", "spec.selector", SELECTOR, True, True),
    ("v1 PersistentVolume", "spec.hostPath.path", "/b", True, True),
    ("apps/v1 Deployment", "spec.selector", OTHER, True, True),
    ("apps/v1 Deployment", "spec.replicas", 3, False, False),
    ("apps/v1 DaemonSet", "spec.selector", OTHER, True, True),
    ("apps/v1 StatefulSet", "spec.selector", OTHER, True, True),
    ("apps/v1 StatefulSet", "spec.serviceName", "b", True, True),
    ("apps/v1 StatefulSet", "spec.podManagementPolicy", "Parallel", True, True),
    ("apps/v1 StatefulSet", "spec.volumeClaimTemplates[0].metadata.name", "other", True, True),
    ("batch/v1 Job", "spec.completions", 3, True, True),
    ("batch/v1 Job", "spec.template.spec.containers[0].image", "c", True, True),
    ("batch/v1 Job", "spec.selector", OTHER, True, True),
    ("rbac.authorization.k8s.io/v1 RoleBinding", "roleRef.name", "two", True, True),
    ("rbac.authorization.k8s.io/v1 ClusterRoleBinding", "roleRef.name", "two", True, True),
    ("storage.k8s.io/v1 StorageClass", "provisioner", "example.com/b", True, True),
    ("storage.k8s.io/v1 StorageClass", "parameters.a", "c", True, True),
    # Immutable to Kubernetes and not in the released provider's table: its update fails.
    ("storage.k8s.io/v1 StorageClass", "reclaimPolicy", "Retain", True, False),
]


@pytest.fixture(scope="module")
def objects(cluster: Cluster) -> dict[str, dict[str, Any]]:
    """Each object, as the API server has it."""
    cluster.kubectl("create", "namespace", "immutable")
    cluster.kubectl("create", "serviceaccount", "default", "-n", "immutable")
    for name, value in (("one", "1"), ("two", "2")):
        cluster.kubectl("create", "priorityclass", name, f"--value={value}")
    made = {}
    for key, body in OBJECTS.items():
        api_version, kind = key.split(" ")
        metadata = {"name": "immutable", "namespace": "immutable"}
        cluster.kubectl(
            *("create", "-n", "immutable", "-f", "-"),
            stdin={"apiVersion": api_version, "kind": kind, "metadata": metadata, **copy.deepcopy(body)},
        )
        found = cluster.get(kind, "immutable", "immutable")
        assert found is not None
        made[key] = found
    return made


def changed(obj: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    made = copy.deepcopy(obj)
    made["metadata"].pop("managedFields", None)
    at: Any = made
    *way, last = diff.parse(path)
    for step in way:
        at = at[step] if isinstance(step, int) else at.setdefault(step, {})
    at[last] = value
    return made


@pytest.mark.parametrize(("key", "path", "value", "refused", "replaced"), CHANGES)
def test_the_table_has_what_the_api_server_refuses(
    cluster: Cluster,
    objects: dict[str, dict[str, Any]],
    key: str,
    path: str,
    value: Any,
    refused: bool,
    replaced: bool,
) -> None:
    done = subprocess.run(
        [cluster.binary, "--kubeconfig", cluster.kubeconfig, "replace", "--dry-run=server", "-f", "-"],
        input=json.dumps(changed(objects[key], path, value)),
        capture_output=True,
        text=True,
        timeout=COMMAND,
    )
    assert (done.returncode != 0) is refused, done.stdout + done.stderr
    assert not refused or re.search(r"immutable|[Ff]orbidden|may not change|cannot change", done.stderr), (
        done.stderr
    )
    api_version, kind = key.split(" ")
    assert diff.needs_replacement({"apiVersion": api_version, "kind": kind}, diff.parse(path)) is replaced

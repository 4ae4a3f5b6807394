"""The policy pack reads the API server that the program's provider speaks to, in the real engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.engine.conftest import Cluster, Stack

pytestmark = pytest.mark.engine

PACK = ("--policy-pack", str(Path(__file__).resolve().parents[2] / "policies"))
PROGRAM = """
import signal
signal.signal(signal.SIGINT, signal.SIG_DFL)
import pulumi
from pulumi_kubernetes import Provider
from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.autoscaling.v2 import HorizontalPodAutoscaler

options = pulumi.ResourceOptions(provider=Provider("own", context="tests"))

def scaled(name="web"):
    trigger = {{"type": "kubernetes-workload", "metadata": {{"podSelector": "app=a", "value": "1"}}}}
    CustomResource(name, api_version="keda.sh/v1alpha1", kind="ScaledObject", opts=options,
        metadata={{"namespace": {namespace!r}, "name": name}},
        spec={{"scaleTargetRef": {{"name": "web"}}, "maxReplicaCount": 3, "triggers": [trigger]}})

def hpa():
    reference = {{"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}}
    HorizontalPodAutoscaler("second", opts=options, metadata={{"namespace": {namespace!r}, "name": "second"}},
        spec={{"maxReplicas": 3, "scaleTargetRef": reference}})

{body}
"""


def hpa(name: str, namespace: str, **metadata: Any) -> dict[str, Any]:
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": name, "namespace": namespace, **metadata},
        "spec": {
            "maxReplicas": 3,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
        },
    }


def scaled_object(name: str, namespace: str) -> dict[str, Any]:
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"scaleTargetRef": {"name": "web"}, "maxReplicaCount": 3},
    }


def test_what_the_cluster_alone_has_fails_the_preview(
    stack: Stack, cluster: Cluster, namespace: str, scaled_objects: None
) -> None:
    stack.program(PROGRAM.format(namespace=namespace, body="scaled()"))
    cluster.kubectl("create", "-f", "-", stdin=hpa("by-hand", namespace))
    refused = stack.preview(*PACK)
    assert refused.code != 0, refused.text
    assert refused.text.count("[mandatory]") == 1, refused.text
    assert (
        f"HorizontalPodAutoscaler {namespace}/by-hand and ScaledObject {namespace}/web both" in refused.text
    )
    assert f"kubectl delete hpa -n {namespace} by-hand" in refused.text
    cluster.kubectl("delete", "hpa", "by-hand", "-n", namespace)
    passed = stack.preview(*PACK)
    assert passed.code == 0, passed.text
    assert "keda-" not in passed.text.partition("Policies:")[2].replace("keda-homelab@", "")


def test_an_hpa_on_somebody_elses_target_is_one_finding(
    stack: Stack, cluster: Cluster, namespace: str, scaled_objects: None
) -> None:
    """The cluster guard refuses it, and the released provider keeps that to itself in a preview."""
    stack.program(PROGRAM.format(namespace=namespace, body="hpa()"))
    cluster.kubectl("create", "-f", "-", stdin=scaled_object("theirs", namespace))
    owner = {"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "name": "theirs", "controller": True}
    uid = cluster.get("scaledobject", "theirs", namespace)["metadata"]["uid"]  # type: ignore[index]
    made = hpa("keda-hpa-theirs", namespace, ownerReferences=[{**owner, "uid": uid}])
    cluster.kubectl("create", "-f", "-", stdin=made)
    refused = stack.preview(*PACK)
    assert refused.code != 0, refused.text
    assert refused.text.count("[mandatory]") == 1, refused.text
    assert f"HorizontalPodAutoscaler {namespace}/second and ScaledObject {namespace}/theirs" in refused.text


def test_its_own_objects_in_the_cluster_are_no_conflict(
    stack: Stack, cluster: Cluster, namespace: str, scaled_objects: None
) -> None:
    stack.program(PROGRAM.format(namespace=namespace, body="scaled()"))
    up = stack.up(*PACK)
    assert up.code == 0, up.text
    owner = {"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "name": "web", "controller": True}
    uid = cluster.get("scaledobject", "web", namespace)["metadata"]["uid"]  # type: ignore[index]
    made = hpa("keda-hpa-web", namespace, ownerReferences=[{**owner, "uid": uid}])
    cluster.kubectl("create", "-f", "-", stdin=made)
    again = stack.preview("--expect-no-changes", *PACK)
    assert again.code == 0, again.text
    stack.program(PROGRAM.format(namespace=namespace, body="scaled('renamed')"))
    refused = stack.preview(*PACK)
    assert refused.code != 0, refused.text
    assert refused.text.count("[mandatory]") == 1, refused.text
    assert "pulumi up without it, then with the new name" in refused.text
    assert stack.destroy().code == 0

"""What the program and its policy pack make of a cluster that others write to as well."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli import stackfile
from cli.engine import Engine
from tests.live.cluster import KEDA, Cluster, wait
from tests.live.support import wait_ready, with_overrides, with_program

pytestmark = pytest.mark.live

HPAS = "/apis/autoscaling/v2/namespaces/{}/horizontalpodautoscalers"
BACKEND: dict[str, Any] = {
    "recipe": "generic",
    "namespace": "default",
    "target": {"name": "backend"},
    "minReplicas": 1,
    "maxReplicas": 2,
    "triggers": [{"type": "kubernetes-workload", "metadata": {"podSelector": "app=none", "value": "1"}}],
}


def findings(text: str) -> list[str]:
    """The findings about owners, and the notes of what could not be read, each by its rule."""
    shown = text.partition("Policies:")[2]
    return re.findall(r"\[(?:mandatory|advisory)\].*?(keda-(?:one-owner-[a-z]+|rules-undecided))", shown)


def test_the_homelab_stack_has_no_finding(stack: Engine) -> None:
    done = stack.operate("preview", "--expect-no-changes", capture=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert findings(done.stdout) == []


def hpa(name: str, target: str) -> dict[str, Any]:
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": target}
    return {"metadata": {"name": name}, "spec": {"scaleTargetRef": reference, "maxReplicas": 3}}


def test_an_hpa_by_hand_on_a_new_workloads_target_fails_the_preview(stack: Engine, cluster: Cluster) -> None:
    wanted = with_overrides(stack, {"keda-homelab:workloads.backend": BACKEND})
    path = HPAS.format("default")
    cluster.create(path, hpa("by-hand", "backend"))
    try:
        refused = wanted.operate("preview", capture=True)
    finally:
        cluster.delete(f"{path}/by-hand")
    text = refused.stdout + refused.stderr
    assert refused.returncode != 0, text
    assert "by-hand" in text and "Traceback" not in text
    passed = wanted.operate("preview", capture=True)
    assert passed.returncode == 0, passed.stdout + passed.stderr
    assert findings(passed.stdout) == []


SECOND = """
import signal
signal.signal(signal.SIGINT, signal.SIG_DFL)
from pulumi_kubernetes.autoscaling.v2 import HorizontalPodAutoscaler

reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "voice-pipeline"}
HorizontalPodAutoscaler("second", metadata={"name": "second", "namespace": "voice"},
    spec={"maxReplicas": 3, "scaleTargetRef": reference})
"""


def test_another_programs_hpa_on_a_scaled_target_fails_its_preview(stack: Engine, tmp_path: Path) -> None:
    """The cluster guard would refuse it, which the released provider does not show in a preview."""
    (tmp_path / "Pulumi.yaml").write_text("name: keda-homelab\nruntime: python\n")
    (tmp_path / "__main__.py").write_text(SECOND)
    done = with_program(stack, tmp_path).operate("preview", capture=True)
    text = done.stdout + done.stderr
    assert done.returncode != 0, text
    assert "voice/second" in text and "Traceback" not in text


@pytest.fixture
def renamed(stack: Engine, cluster: Cluster) -> Iterator[Engine]:
    """The stack with the workload ray-serve under another name, and afterwards as it was."""
    config = stackfile.read()["config"]["keda-homelab:workloads"]["ray-serve"]
    short = {"pollingInterval": 5, "cooldownPeriod": 10, "scaleDownWindow": 5}
    yield with_overrides(
        stack,
        {
            "keda-homelab:workloads.ray-serve": None,
            "keda-homelab:workloads.inference": {**config, **short},
        },
    )
    back = stack.operate("up", capture=True)
    assert back.returncode == 0, back.stdout + back.stderr
    wait_ready(cluster, "ray-serve", "ray")


def test_a_renamed_workload_moves_in_one_update(renamed: Engine, cluster: Cluster) -> None:
    wait_ready(cluster, "ray-serve", "ray")
    before = cluster.get("/api/v1/namespaces/ray/pods")["items"]
    preview = renamed.operate("preview", capture=True)
    assert preview.returncode == 0, preview.stdout + preview.stderr
    assert findings(preview.stdout) == []
    up = renamed.operate("up", capture=True)
    assert up.returncode == 0, up.stdout + up.stderr
    wait_ready(cluster, "inference", "ray")
    names = [
        item["metadata"]["name"] for item in cluster.get(f"{KEDA}/namespaces/ray/scaledobjects")["items"]
    ]
    assert names == ["inference"]
    wait("one HPA", 60, lambda: _hpas(cluster) == ["keda-hpa-inference"] or None)
    after = cluster.get("/api/v1/namespaces/ray/pods")["items"]
    # The load of an earlier test may still leave: its pods may go, but none may come.
    kept = {pod["metadata"]["uid"] for pod in after}
    assert kept and kept <= {pod["metadata"]["uid"] for pod in before}
    # The state drops the old name from the component's inputs; no object changes.
    again = renamed.operate("preview", capture=True)
    assert again.returncode == 0, again.stdout + again.stderr
    assert "1 to update" in again.stdout and "[diff: -renamed]" in again.stdout, again.stdout
    resources = [line for line in again.stdout.splitlines() if "[advisory]" not in line]
    assert not [line for line in resources if "kubernetes:" in line]


def _hpas(cluster: Cluster) -> list[str]:
    return [item["metadata"]["name"] for item in cluster.get(HPAS.format("ray"))["items"]]


def test_workloads_share_a_trigger_authentication_and_either_may_go(stack: Engine, cluster: Cluster) -> None:
    shared = {
        "authentications": {"nothing": {"podIdentity": {"provider": "none"}}},
        "triggers": [BACKEND["triggers"][0] | {"authenticationRef": {"name": "nothing"}}],
    }
    one = BACKEND | shared
    two = BACKEND | shared | {"target": {"name": "shared-second"}}
    labels = {"app": "shared-second"}
    pod = {"containers": [{"name": "main", "image": "registry.k8s.io/pause:3.10"}]}
    deployments = "/apis/apps/v1/namespaces/default/deployments"
    spec = {
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": pod},
    }
    cluster.create(deployments, {"metadata": {"name": "shared-second"}, "spec": spec})
    path = f"{KEDA}/namespaces/default/triggerauthentications/nothing"
    key = "keda-homelab:workloads.{}".format
    try:
        both = with_overrides(stack, {key("one"): one, key("two"): two}).operate("up", capture=True)
        assert both.returncode == 0, both.stdout + both.stderr
        uid = cluster.get(path)["metadata"]["uid"]
        left = with_overrides(stack, {key("two"): two}).operate("up", capture=True)
        assert left.returncode == 0, left.stdout + left.stderr
        assert cluster.get(path)["metadata"]["uid"] == uid
        wait_ready(cluster, "two", "default")
    finally:
        back = stack.operate("up", capture=True)
        cluster.delete(f"{deployments}/shared-second")
    assert back.returncode == 0, back.stdout + back.stderr
    assert cluster.get(path) is None


def test_an_edit_by_hand_of_a_field_of_the_programs_is_put_right(stack: Engine, cluster: Cluster) -> None:
    """Whoever holds the field: each run of the released provider is another field manager."""
    path = f"{KEDA}/namespaces/voice/scaledobjects/voice"
    wanted = cluster.get(path)["spec"]["maxReplicaCount"]
    edit = {"spec": {"maxReplicaCount": wanted + 3}}
    cluster.request("PATCH", f"{path}?fieldManager=kubectl-edit", edit, "application/merge-patch+json")
    changed = with_overrides(stack, {"keda-homelab:workloads.voice.maxReplicas": wanted + 1})
    done = changed.operate("up", capture=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert cluster.get(path)["spec"]["maxReplicaCount"] == wanted + 1
    back = stack.operate("up", capture=True)
    assert back.returncode == 0, back.stdout + back.stderr
    assert cluster.get(path)["spec"]["maxReplicaCount"] == wanted

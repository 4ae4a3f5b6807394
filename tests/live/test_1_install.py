"""What stands after `make up`."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from cli.engine import Engine
from lab.paths import Lab
from tests.live.cluster import KEDA, Cluster, Refused, query, wait
from tests.live.support import WORKLOADS, scaled_object, wait_ready, with_overrides, with_program

pytestmark = pytest.mark.live

DEPLOYMENTS = ("keda-operator", "keda-operator-metrics-apiserver", "keda-admission-webhooks")


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_keda_runs_from_the_chart(stack: Engine, cluster: Cluster, name: str) -> None:
    deployment = cluster.get(f"/apis/apps/v1/namespaces/keda/deployments/{name}")
    assert deployment["status"]["readyReplicas"] == 1
    assert deployment["metadata"]["labels"]["helm.sh/chart"] == "keda-2.19.0"


@pytest.mark.parametrize(("name", "namespace"), WORKLOADS.items())
def test_every_workload_is_ready(stack: Engine, cluster: Cluster, name: str, namespace: str) -> None:
    wait_ready(cluster, name, namespace)
    hpa = cluster.get(f"{KEDA}/namespaces/{namespace}/scaledobjects/{name}")["status"]["hpaName"]
    assert cluster.get(f"/apis/autoscaling/v2/namespaces/{namespace}/horizontalpodautoscalers/{hpa}")


def test_prometheus_reads_keda_through_the_service_monitors(stack: Engine, lab: Lab) -> None:
    port = json.loads(lab.record.read_text())["ports"]["prometheus"]
    wait(
        "three KEDA targets up",
        120,
        lambda: len([s for s in query(port, 'up{namespace="keda"}') if s["value"][1] == "1"]) == 3 or None,
    )
    down = wait("targets", 60, lambda: query(port, "up") or None)
    assert [s["metric"] for s in down if s["value"][1] != "1"] == []


def test_the_webhook_refuses_a_second_owner(stack: Engine, cluster: Cluster) -> None:
    # KEDA runs its checks in random order (scaledobject_webhook.go): either owner may be the one it names.
    with pytest.raises(
        Refused, match="is already managed by the (ScaledObject 'voice'|hpa 'keda-hpa-voice')"
    ):
        cluster.create(
            f"{KEDA}/namespaces/voice/scaledobjects", scaled_object("second", "voice", "voice-pipeline")
        )


def test_the_dashboard_is_provisioned(stack: Engine, cluster: Cluster) -> None:
    maps = cluster.get("/api/v1/namespaces/monitoring/configmaps?labelSelector=grafana_dashboard%3D1")[
        "items"
    ]
    boards = [json.loads(text) for item in maps for text in item["data"].values()]
    assert boards
    assert all(board["panels"] for board in boards)


def test_a_second_up_changes_nothing(stack: Engine) -> None:
    done = stack.operate("up", "--expect-no-changes", capture=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_refresh_finds_no_drift(stack: Engine) -> None:
    done = stack.operate("refresh", "--expect-no-changes", capture=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_preview_already_shows_what_the_webhook_refuses(stack: Engine, cluster: Cluster) -> None:
    """Somebody else's ScaledObject holds the target: the dry run meets KEDA's webhook, or, where the provider
    keeps a 403 to itself as the released one does, the policy pack reads the cluster."""
    theirs = scaled_object("theirs", "default", "backend", minReplicaCount=1)
    cluster.create(f"{KEDA}/namespaces/default/scaledobjects", theirs)
    try:
        ours = {
            "recipe": "generic",
            "namespace": "default",
            "target": {"name": "backend"},
            "maxReplicas": 2,
            "minReplicas": 1,
            "triggers": [
                {"type": "kubernetes-workload", "metadata": {"podSelector": "app=none", "value": "1"}}
            ],
        }
        done = with_overrides(stack, {"keda-homelab:workloads.backend": ours}).operate(
            "preview", capture=True
        )
    finally:
        cluster.delete(f"{KEDA}/namespaces/default/scaledobjects/theirs")
    text = done.stdout + done.stderr
    assert done.returncode != 0, text
    summary = re.split("Diagnostics:|Policies:", text, maxsplit=1)[1]  # before it Pulumi shows its progress
    named = re.compile(
        r"is already managed by the (ScaledObject 'theirs'|hpa 'keda-hpa-theirs')"
        "|ScaledObject default/backend and ScaledObject default/theirs both scale"
    )
    lines = [line for line in summary.splitlines() if named.search(line)]
    assert len(lines) == 1, text
    assert "Traceback" not in text


def test_wrong_settings_are_one_line_each(stack: Engine) -> None:
    wrong = {
        "keda-homelab:workloads.voice.maxReplica": 3,
        "keda-homelab:workloads.ray-serve.minReplicas": 9,
        "keda-homelab:workloads.envoy-gateway.connectionsPerReplica": "many",
    }
    done = with_overrides(stack, wrong).operate("preview", capture=True)
    text = done.stdout + done.stderr
    assert done.returncode != 0, text
    summary = text.partition("Diagnostics:")[2]
    for path in ("voice.maxReplica:", "ray-serve.minReplicas:", "envoy-gateway.connectionsPerReplica:"):
        assert len([line for line in summary.splitlines() if f"workloads.{path}" in line]) == 1, text
    assert "Traceback" not in text


CONFLICT = """
import runpy, sys
from pathlib import Path

import pulumi
from pulumi_kubernetes.autoscaling.v2 import HorizontalPodAutoscaler

PROJECT = Path({project!r})
sys.path.insert(0, str(PROJECT))


def hpa():
    HorizontalPodAutoscaler(
        "by-hand",
        metadata={{"name": "by-hand", "namespace": "voice"}},
        spec={{
            "minReplicas": 1,
            "maxReplicas": 3,
            "scaleTargetRef": {{"apiVersion": "apps/v1", "kind": "Deployment", "name": "voice-pipeline"}},
        }},
    )


{body}
"""
RUN = 'runpy.run_path(str(PROJECT / "__main__.py"), run_name="__main__")'


@pytest.mark.parametrize("body", [f"hpa()\n{RUN}", f"{RUN}\nhpa()"], ids=["before", "after"])
def test_preview_refuses_a_conflicting_hpa(stack: Engine, tmp_path: Path, body: str) -> None:
    """The preview's dry-run meets the cluster guard first; the pack alone is tested in tests/policies."""
    project = stack.program
    (tmp_path / "Pulumi.yaml").write_text((project / "Pulumi.yaml").read_text())
    (tmp_path / "__main__.py").write_text(CONFLICT.format(project=str(project), body=body))
    done = with_program(stack, tmp_path).operate("preview", capture=True)
    text = done.stdout + done.stderr
    assert done.returncode != 0, text
    summary = text.partition("Policies:")[2]  # before it Pulumi shows its progress
    lines = [line for line in summary.splitlines() if "by-hand" in line and "voice-pipeline" in line]
    assert len(lines) == 1, text
    assert "ScaledObject" in lines[0] and "voice" in lines[0]

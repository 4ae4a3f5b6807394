"""Every alert against its fault in a real cluster: quiet while all is well, firing when the fault is made.

Prometheus gets a second PrometheusRule, the stack's own without the waiting times, so that what would page
in half an hour fires at once. The waiting times are promtool's to test (tests/alerts).
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from cli.engine import Engine
from lab.paths import Lab
from tests.live.alarms import RULES, SLOW, Alarms, patched, scaled, without_waiting
from tests.live.cluster import KEDA, Cluster, wait
from tests.live.support import WORKLOADS, wait_ready

pytestmark = pytest.mark.live

CASES = Path(__file__).parents[1] / "alerts" / "cases.yaml"
NOT_MADE = dict(re.findall(r"^#   (Keda\w+): (.+)$", CASES.read_text(encoding="utf-8"), re.MULTILINE))
"""Alert -> why no test here makes its fault; promtool fires them all the same."""


@pytest.fixture(scope="module")
def alarms(stack: Engine, cluster: Cluster, lab: Lab) -> Iterator[Alarms]:
    """The rules without waiting times, loaded; all workloads Ready and at rest."""
    with without_waiting(cluster, lab) as alarms:
        yield alarms


def annotated(cluster: Cluster, name: str, key: str) -> Any:
    """A ScaledObject that carries an annotation `true` for the while."""
    metadata = {"metadata": {"annotations": {f"autoscaling.keda.sh/{key}": "true"}}}
    undo = {"metadata": {"annotations": {f"autoscaling.keda.sh/{key}": None}}}
    return patched(cluster, scaled(name), metadata, undo)


def stopped(cluster: Cluster, deployment: str) -> Any:
    """A Deployment of KEDA's without pods for the while."""
    path = f"/apis/apps/v1/namespaces/keda/deployments/{deployment}"
    return patched(cluster, path, {"spec": {"replicas": 0}}, {"spec": {"replicas": 1}})


def with_trigger(cluster: Cluster, name: str, change: Callable[[dict[str, Any]], None]) -> Any:
    """A ScaledObject whose first trigger is another for the while."""
    before = cluster.get(scaled(name))["spec"]["triggers"]
    after = json.loads(json.dumps(before))
    change(after[0])
    return patched(cluster, scaled(name), {"spec": {"triggers": after}}, {"spec": {"triggers": before}})


def settled(alarms: Alarms) -> None:
    wait("all quiet", SLOW, lambda: not alarms.firing() or None)


def test_every_rule_is_loaded_and_evaluates(alarms: Alarms, cluster: Cluster) -> None:
    declared = cluster.get(f"{RULES}/keda-homelab")["spec"]["groups"]
    loaded = wait("evaluated", SLOW, lambda: _evaluated(alarms.rules(now=False)))
    assert sorted(rule["name"] for rule in loaded) == sorted(
        rule["alert"] for group in declared for rule in group["rules"]
    )
    assert {rule["health"] for rule in loaded} == {"ok"}, [rule.get("lastError") for rule in loaded]


def _evaluated(rules: list[dict[str, Any]]) -> list[dict[str, Any]] | None:
    return None if not rules or any(rule["health"] == "unknown" for rule in rules) else rules


def test_no_alert_fires_in_a_healthy_cluster(alarms: Alarms) -> None:
    settled(alarms)

    def quiet() -> bool | None:
        return not [rule["name"] for rule in alarms.rules(now=False) if rule["state"] == "firing"] or None

    # What a test before this one broke counts as failing for some minutes more.
    wait("all quiet with the waiting times", SLOW, quiet)


def test_every_alert_fires_on_its_fault(alarms: Alarms, cluster: Cluster, lab: Lab) -> None:
    """A broken query, a missing Secret, an HPA at its maximum, GPUs used up, webhooks down, a sleeper that
    may not wake, all at once; then those that exclude each other."""

    def unreachable(trigger: dict[str, Any]) -> None:
        trigger["metadata"]["serverAddress"] = "http://nobody.monitoring.svc:9090"

    def without_secret(trigger: dict[str, Any]) -> None:
        trigger["metadata"]["authModes"] = "bearer"
        trigger["authenticationRef"] = {"name": "alerts-test"}

    # Voice may not wake now, and may not sleep later: this one is in force before it wakes.
    with annotated(cluster, "voice", "paused-scale-in"):
        with ExitStack() as faults:
            faults.enter_context(stopped(cluster, "keda-admission-webhooks"))
            authentications = f"{KEDA}/namespaces/batch/triggerauthentications"
            missing = {"parameter": "bearerToken", "name": "no-such-secret", "key": "token"}
            cluster.create(
                authentications,
                {
                    "apiVersion": "keda.sh/v1alpha1",
                    "kind": "TriggerAuthentication",
                    "metadata": {"name": "alerts-test", "namespace": "batch"},
                    "spec": {"secretTargetRef": [missing]},
                },
            )
            faults.callback(cluster.delete, f"{authentications}/alerts-test")
            faults.enter_context(with_trigger(cluster, "batch", without_secret))
            faults.enter_context(with_trigger(cluster, "envoy-gateway", unreachable))
            faults.enter_context(
                patched(
                    cluster,
                    scaled("ray-serve"),
                    {"spec": {"minReplicaCount": 4}},
                    {"spec": {"minReplicaCount": 1}},
                )
            )
            faults.enter_context(gpus_used(cluster))
            faults.enter_context(annotated(cluster, "voice", "paused-scale-out"))
            messages = publish(lab)
            alarms.wait_for(
                "KedaWebhooksDown",
                "KedaNotReady: ScaledObject batch/batch",
                "KedaScalerFailing: ScaledObject envoy-gateway-system/envoy-gateway",
                "KedaNotReady: ScaledObject envoy-gateway-system/envoy-gateway",
                "KedaHpaUnableToScale: ScaledObject envoy-gateway-system/envoy-gateway",
                "KedaAtMaximum: ScaledObject ray/ray-serve",
                "KedaGpuBudgetNearlyUsed",
                "KedaStuckAtZero: ScaledObject voice/voice",
            )
            fired = {each.partition(":")[0] for each in alarms.firing()}
        messages.wait(timeout=SLOW)
        alarms.wait_for(
            "KedaStuckAboveZero: ScaledObject voice/voice", "KedaPaused: ScaledObject voice/voice"
        )
    with without_nats(cluster):
        alarms.wait_for("KedaQueueConsumerMissing: ScaledObject voice/voice")
    with stopped(cluster, "keda-operator"), stopped(cluster, "keda-operator-metrics-apiserver"):
        alarms.wait_for("KedaOperatorDown", "KedaMetricsServerDown")
    fired |= {"KedaStuckAboveZero", "KedaPaused", "KedaQueueConsumerMissing", "KedaOperatorDown"}
    fired |= {"KedaMetricsServerDown"}
    declared = {rule["name"] for rule in alarms.rules(now=True)}
    assert declared - fired <= set(NOT_MADE), "an alert without its fault"
    assert not fired & set(NOT_MADE), "a reason that holds no longer"


def test_all_is_quiet_again_once_the_faults_are_mended(alarms: Alarms, cluster: Cluster) -> None:
    """But for the errors, which KedaScalerFailing counts over five minutes."""
    for name, namespace in WORKLOADS.items():
        wait_ready(cluster, name, namespace)

    def quiet() -> bool | None:
        return {each for each in alarms.firing() if not each.startswith("KedaScalerFailing")} == set() or None

    wait("all quiet", SLOW, quiet)


def publish(lab: Lab) -> subprocess.Popen[bytes]:
    """Messages for the voice pipeline."""
    return subprocess.Popen(
        [sys.executable, "-m", "lab", "load", "voice", "--messages=8", "--name", lab.name],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def without_nats(cluster: Cluster) -> Any:
    """Neither stream nor consumer for the while; its side-car makes both anew."""
    path = "/apis/apps/v1/namespaces/nats/statefulsets/nats"
    return patched(cluster, path, {"spec": {"replicas": 0}}, {"spec": {"replicas": 1}})


@contextmanager
def gpus_used(cluster: Cluster) -> Iterator[None]:
    """Every GPU of the node in use by a Deployment that KEDA does not scale."""
    collection = "/apis/apps/v1/namespaces/batch/deployments"
    container = {
        "name": "pause",
        "image": "registry.k8s.io/pause:3.10",
        "resources": {"limits": {"nvidia.com/gpu": "4"}},
    }
    labels = {"app": "alerts-test"}
    spec = {
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
    }
    metadata = {"name": "alerts-test", "namespace": "batch"}
    cluster.create(collection, {"metadata": metadata, "spec": spec})
    try:
        yield
    finally:
        cluster.delete(f"{collection}/alerts-test")

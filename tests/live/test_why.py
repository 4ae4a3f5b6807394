"""`keda why` on a real KEDA: each of the 15 questions is broken here, and the first line has its cause.

All workloads are made first, since most need a minute or two to come into their state.
"""

from __future__ import annotations

import base64
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from cli import targets
from cli.engine import Engine
from lab.node import netns
from lab.paths import Lab
from tests.live.cluster import APPLY, KEDA, MERGE, Cluster, wait
from tests.live.shop import (
    APPS,
    NAMESPACE,
    OBJECTS,
    PAUSE,
    Shop,
    command,
    counting,
    deployment,
    prometheus,
    scaled_object,
    scaled_to_zero,
)

pytestmark = [pytest.mark.live, pytest.mark.long]

CLOSED = "http://127.0.0.1:9"
HPAS = f"/apis/autoscaling/v2/namespaces/{NAMESPACE}/horizontalpodautoscalers"
FALLBACK = {"failureThreshold": 2, "replicas": 3}


@pytest.fixture(scope="module")
def shop(stack: Engine, lab: Lab, cluster: Cluster) -> Iterator[Shop]:
    """The namespace with a workload for each question."""
    found = Shop(cluster, str(lab.kubeconfig))
    cluster.create("/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
    with netns.entered(lab):  # a socket stays in the namespace it was made in
        silent = socket.create_server((netns.NODE_ADDRESS, 0))  # it takes connections and never answers
    fill(found, f"http://{netns.NODE_ADDRESS}:{silent.getsockname()[1]}")
    yield found
    silent.close()
    for kind in ("scaledobjects", "scaledjobs"):
        for item in cluster.get(f"{OBJECTS}/{kind}")["items"]:
            cluster.delete(f"{OBJECTS}/{kind}/{item['metadata']['name']}")
    for kind in ("scaledobjects", "scaledjobs"):
        wait(f"no {kind}", 60, lambda kind=kind: not cluster.get(f"{OBJECTS}/{kind}")["items"] or None)  # type: ignore[misc]
    cluster.delete(f"{KEDA}/clustertriggerauthentications/why")
    cluster.delete("/api/v1/namespaces/keda/secrets/why")
    cluster.delete(f"/api/v1/namespaces/{NAMESPACE}")


def fill(shop: Shop, silent: str) -> None:
    """Each workload under the name of its state; `silent` is an address that does not answer."""
    for name, value in {
        "tolerance": 11,
        "idle-minimum": 0,
        "average": 25,
        "small-value": 1,
        "late": 35,
        "polling": 15,
        "maximum": 90,
        "deployed": 0,
        "put-back": 25,
        "paused": 25,
        "flapping": 10,
    }.items():
        shop.target(name, 2 if name in ("deployed", "idle-minimum") else 1)
        shop.signal(name, value)
    shop.scaled("tolerance")
    shop.scaled("idle-minimum", minReplicaCount=2)
    shop.scaled("average")
    shop.scaled("small-value")
    shop.scaled("late", cooldownPeriod=600)
    shop.scaled("polling", minReplicaCount=1, pollingInterval=300)
    shop.scaled("maximum")
    shop.scaled("deployed")
    shop.scaled("put-back")
    shop.scaled("paused", annotations={"autoscaling.keda.sh/paused": "true"})
    behavior = {"scaleDown": {"stabilizationWindowSeconds": 0}}
    shop.scaled("flapping", advanced={"horizontalPodAutoscalerConfig": {"behavior": behavior}})
    shop.scaled("no-target")
    for name, address, more in (
        ("refused", CLOSED, {}),
        ("silent", silent, {}),
        ("fallback", CLOSED, {"fallback": FALLBACK}),
        ("fallback-late", CLOSED, {"fallback": FALLBACK | {"failureThreshold": 1000}}),
    ):
        shop.target(name)
        shop.scaled(name, prometheus(address), **more)
    _second_hpa(shop)
    _credentials(shop)
    _jobs(shop)


def _second_hpa(shop: Shop) -> None:
    """It comes first: the cluster guard refuses a later one. Its annotation hides it from KEDA's webhook."""
    shop.target("two-owners", 2)
    shop.signal("two-owners", 25)
    resource = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}
    spec = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "two-owners"},
        "minReplicas": 1,
        "maxReplicas": 4,
        "metrics": [{"type": "Resource", "resource": resource}],
    }
    metadata = {"name": "old", "annotations": {"validations.keda.sh/hpa-ownership": "false"}}
    hpa = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": metadata}
    shop.cluster.create(HPAS, hpa | {"spec": spec})
    shop.scaled("two-owners")


def _credentials(shop: Shop) -> None:
    """A Secret without the key that a ClusterTriggerAuthentication names."""
    data = {"user": base64.b64encode(b"me").decode()}
    shop.cluster.create("/api/v1/namespaces/keda/secrets", {"metadata": {"name": "why"}, "data": data})
    entries = [
        {"parameter": parameter, "name": "why", "key": parameter} for parameter in ("username", "password")
    ]
    shop.cluster.create(
        f"{KEDA}/clustertriggerauthentications",
        {
            "apiVersion": "keda.sh/v1alpha1",
            "kind": "ClusterTriggerAuthentication",
            "metadata": {"name": "why"},
            "spec": {"secretTargetRef": entries},
        },
    )
    trigger = prometheus("http://prometheus-operated.monitoring:9090")
    trigger["metadata"]["authModes"] = "basic"
    trigger["authenticationRef"] = {"name": "why", "kind": "ClusterTriggerAuthentication"}
    shop.target("credentials")
    shop.scaled("credentials", trigger)


def _jobs(shop: Shop) -> None:
    for name, value in {"jobs-full": 9, "jobs-idle": 0, "jobs-failing": 1}.items():
        shop.signal(name, value)
    container = dict(PAUSE)
    shop.cluster.create(f"{OBJECTS}/scaledjobs", scaled_job("jobs-full", container, maxReplicaCount=2))
    shop.cluster.create(f"{OBJECTS}/scaledjobs", scaled_job("jobs-idle", container))
    failing = container | {"command": ["/no-such-program"]}
    shop.cluster.create(f"{OBJECTS}/scaledjobs", scaled_job("jobs-failing", failing))


def scaled_job(name: str, container: dict[str, Any], **spec: Any) -> dict[str, Any]:
    pod = {"containers": [container], "restartPolicy": "Never", "terminationGracePeriodSeconds": 0}
    template = {"template": {"spec": pod}, "backoffLimit": 0}
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledJob",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "jobTargetRef": template,
            "pollingInterval": 5,
            "maxReplicaCount": 4,
            "triggers": [counting(name, 1)],
            **spec,
        },
    }


def test_2_the_target_is_missing(shop: Shop) -> None:
    line = shop.answer("no-target", "refused")
    assert "has no HPA, so nothing scales: its target Deployment shop/no-target does not exist" in line


def test_2_paused(shop: Shop) -> None:
    line = shop.answer("paused", "paused")
    assert "by the annotation autoscaling.keda.sh/paused: KEDA deleted its HPA" in line


def test_3_within_the_tolerance(shop: Shop) -> None:
    line = shop.answer("tolerance", "tolerance")
    assert (
        "stays at 1 though s0-workload-shop asks for 2: 11 / 10 = 1.100 is within the HPA's tolerance"
    ) in line


def test_3_at_its_maximum(shop: Shop) -> None:
    assert "stays at 4, its maxReplicaCount, though s0-workload-shop asks for 9" in shop.answer(
        "maximum", "at-maximum"
    )


def test_4_inactive_at_its_minimum(shop: Shop) -> None:
    line = shop.answer("idle-minimum", "inactive-at-minimum")
    assert "is at its minReplicaCount 2" in line and "Active decides between 0 and 1 only" in line


def test_5_the_average(shop: Shop) -> None:
    wait("average at 3", 60, lambda: shop.replicas("average") == 3 or None)
    assert "(25 / 10 per replica = 2.5, rounded up)" in shop.answer("average", "at-target")
    wait(
        "the HPA shows the average",
        60,
        lambda: (
            any(
                "8334m/10 (avg), the value divided by 3 replicas" in line
                for link in shop.why("average").chain
                for line in link.evidence
            )
            or None
        ),
    )


def test_6_a_small_value_keeps_it_up(shop: Shop) -> None:
    line = shop.answer("small-value", "held-at-one")
    assert "s0-workload-shop is 1, above its activation threshold 0, so it is active" in line


def test_8_it_went_to_zero_after_the_deploy(shop: Shop) -> None:
    line = shop.answer("deployed", "never-active")
    assert "no trigger has been active yet, and initialCooldownPeriod is 0, its default" in line


def test_7_it_comes_down_late(shop: Shop) -> None:
    """First the HPA's window of 5 minutes, then KEDA's cooldown: both clocks."""
    wait("late at 4", 60, lambda: shop.replicas("late") == 4 or None)
    shop.signal("late", 5)
    line = shop.answer("late", "coming-down")
    assert (
        "comes down from 4 to 1" in line and "the HPA keeps the highest count of the last 5 minutes"
    ) in line
    shop.signal("late", 0)
    line = shop.answer("late", "cooling-down")
    assert "goes from 4 to 0 at" in line and "cooldownPeriod is 10 minutes" in line
    assert [each.at for each in shop.why("late").next if each.at]


def test_9_something_puts_it_back(shop: Shop) -> None:
    """A tool that applies the replicas again, as GitOps does."""
    given = deployment("put-back", 1, [PAUSE])
    for _ in range(3):
        wait("put-back at 3", 60, lambda: shop.replicas("put-back") == 3 or None)
        path = f"{APPS}/deployments/put-back?fieldManager=kustomize-controller&force=true"
        shop.cluster.request("PATCH", path, given, APPLY)
        first = shop.why("put-back")
        assert first.answer.kind in ("foreign-writer", "put-back"), first.title
    assert "kustomize-controller" in first.title
    wait("put-back at 3", 60, lambda: shop.replicas("put-back") == 3 or None)
    line = shop.answer("put-back", "put-back")
    assert (
        "its HPA set 3 replicas" in line and "kustomize-controller writes Deployment shop/put-back too"
    ) in line


def test_10_two_owners(shop: Shop) -> None:
    line = shop.answer("two-owners", "second-hpa")
    assert "HPA old scales Deployment shop/two-owners as well as KEDA's keda-hpa-two-owners" in line
    assert "Kubernetes stops both (AmbiguousSelector)" in line


def test_10_it_oscillates(shop: Shop) -> None:
    for value, count in (35, 4), (10, 1), (35, 4), (10, 1), (35, 4), (10, 1):
        shop.signal("flapping", value)
        wait(f"flapping at {count}", 60, lambda count=count: shop.replicas("flapping") == count or None)  # type: ignore[misc]
    line = shop.answer("flapping", "oscillation")
    assert "oscillates between 1 and 4: its HPA changed it" in line and "a scaleDown window of 0 s" in line


def test_11_the_polling_interval(shop: Shop) -> None:
    wait("polling at 2", 60, lambda: shop.replicas("polling") == 2 or None)
    line = shop.answer("polling", "at-target")
    assert "pollingInterval 300 has no effect on that: from 1 on the HPA reads the trigger itself" in line


def test_12_the_fallback_acts(shop: Shop) -> None:
    line = shop.answer("fallback", "fallback")
    assert "is held by its fallback (3 replicas) after" in line and "connection refused" in line


def test_12_the_fallback_does_not_act_yet(shop: Shop) -> None:
    line = shop.answer("fallback-late", "fallback-pending")
    assert "more reads fail (failureThreshold 1000), then its fallback of 3 replicas acts" in line


def test_13_the_source_does_not_answer(shop: Shop) -> None:
    line = shop.answer("silent", "trigger-error")
    assert "its trigger s0-prometheus fails: " in line and "context deadline exceeded" in line
    assert "connection refused" in shop.answer("refused", "trigger-error")


def test_14_the_credentials(shop: Shop) -> None:
    line = shop.answer("credentials", "refused")
    assert "Secret keda/why has no key username" in line and "KEDA reports " in line


def test_15_jobs(shop: Shop) -> None:
    line = shop.answer("jobs-full", "jobs-at-maximum")
    assert "has 2 unfinished Jobs, as many as maxReplicaCount allows" in line
    assert "gets none: " in shop.answer("jobs-idle", "jobs-inactive")
    assert "makes new Jobs for the same work: its last" in shop.answer("jobs-failing", "failing-jobs", 180)


def test_healthy_workloads_are_not_called_broken(shop: Shop, stack: Engine) -> None:
    done = command("--format", "json", kubeconfig=shop.kubeconfig)
    found = {f"{each['namespace']}/{each['name']}": each["level"] for each in json.loads(done.stdout)}
    for workload in ("ray/ray-serve", "envoy-gateway-system/envoy-gateway", "voice/voice", "batch/batch"):
        assert found[workload] != "broken", workload


def test_a_dump_gives_the_same_answers(shop: Shop, lab: Lab, tmp_path: Path) -> None:
    kubectl = targets.lab_kubectl(lab)
    kinds = "scaledobjects,hpa,deployments,events,pods"
    text = kubectl.call("get", kinds, "-n", NAMESPACE, "-o", "json", "--show-managed-fields")
    for name in ("no-target", "two-owners", "fallback", "silent", "paused"):
        live = shop.why(name)
        done = command(f"{NAMESPACE}/{name}", "-", "--format", "json", kubeconfig="/nowhere", stdin=text)
        (found,) = json.loads(done.stdout)
        assert (found["cause"], found["level"]) == (live.answer.kind, live.answer.level.value), done.stderr
    if folder := os.environ.get("KEDA_HOMELAB_DUMPS"):
        (Path(folder) / "why.json").write_text(text)


READER = [
    {"apiGroups": ["keda.sh"], "resources": ["*"]},
    {"apiGroups": ["autoscaling"], "resources": ["horizontalpodautoscalers"]},
    {"apiGroups": ["apps"], "resources": ["deployments", "statefulsets"]},
    {"apiGroups": ["batch"], "resources": ["jobs"]},
    {
        "apiGroups": [""],
        "resources": ["pods", "events", "configmaps", "secrets", "pods/proxy", "services/proxy"],
    },
    {"apiGroups": ["apiregistration.k8s.io"], "resources": ["apiservices"]},
    {"apiGroups": ["external.metrics.k8s.io"], "resources": ["*"]},
]


@pytest.fixture
def reader(shop: Shop, lab: Lab, tmp_path: Path) -> str:
    """A kubeconfig of a ServiceAccount that may get and list, and nothing else."""
    rbac, name = "/apis/rbac.authorization.k8s.io/v1", "why-reader"
    rules = [rule | {"verbs": ["get", "list"]} for rule in READER]
    shop.cluster.create(f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts", {"metadata": {"name": name}})
    shop.cluster.create(f"{rbac}/clusterroles", {"metadata": {"name": name}, "rules": rules})
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name}
    subject = {"kind": "ServiceAccount", "name": name, "namespace": NAMESPACE}
    binding = {"metadata": {"name": name}, "roleRef": role, "subjects": [subject]}
    shop.cluster.create(f"{rbac}/clusterrolebindings", binding)
    token = shop.cluster.create(
        f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts/{name}/token",
        {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}},
    )
    config = yaml.safe_load(lab.kubeconfig.read_text())
    config["users"][0]["user"] = {"token": token["status"]["token"]}
    file = tmp_path / "reader"
    file.write_text(yaml.safe_dump(config))
    yield str(file)
    shop.cluster.delete(f"{rbac}/clusterrolebindings/{name}")
    shop.cluster.delete(f"{rbac}/clusterroles/{name}")
    shop.cluster.delete(f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts/{name}")


def test_a_reader_may_not_write_and_sees_everything(shop: Shop, reader: str) -> None:
    done = command("--format", "json", kubeconfig=reader)
    assert done.returncode == 1, done.stderr
    found = json.loads(done.stdout)
    unseen = {line["what"] for each in found for line in each["unseen"]}
    assert unseen <= {"the value of s0-prometheus of shop/silent"}, "its source does not answer"
    assert {each["name"] for each in found} >= {"tolerance", "fallback", "jobs-full"}
    one = command(f"{NAMESPACE}/average", kubeconfig=reader)
    assert one.returncode == 0 and one.stdout.startswith("shop/average has 3 replicas: "), one.stderr


def test_rights_that_are_missing_are_named(shop: Shop, reader: str) -> None:
    role = "/apis/rbac.authorization.k8s.io/v1/clusterroles/why-reader"
    rules = [rule | {"verbs": ["get", "list"]} for rule in READER[:4]]
    shop.cluster.request("PATCH", role, {"rules": rules}, MERGE)

    def probe() -> str | None:
        done = command(f"{NAMESPACE}/average", kubeconfig=reader)
        return done.stdout if "not seen" in done.stdout else None

    text = wait("the right is gone", 30, probe)
    assert "metric values in shop: grant `get *` of external.metrics.k8s.io" in text
    assert "events in shop: grant `list events` in shop" in text
    assert text.startswith("shop/average has 3 replicas: ")


def test_1_the_adapter_is_down(shop: Shop, cluster: Cluster) -> None:
    with scaled_to_zero(cluster, "keda-operator-metrics-apiserver"):
        line = shop.answer("average", "no-adapter")
        assert "KEDA's metrics adapter has no ready pod, and the APIService" in line
    assert shop.answer("average", "at-target", 120)


def test_2_the_operator_is_down(shop: Shop, cluster: Cluster) -> None:
    with scaled_to_zero(cluster, "keda-operator"):
        line = shop.answer("average", "operator-down")
        assert "KEDA's operator keda/keda-operator is scaled to 0, so no trigger is read" in line
    assert shop.answer("average", "at-target", 120)


def test_2_the_operator_watches_other_namespaces(shop: Shop, cluster: Cluster) -> None:
    path = "/apis/apps/v1/namespaces/keda/deployments/keda-operator"
    containers = cluster.get(path)["spec"]["template"]["spec"]["containers"]
    before = next(
        each["env"] for each in containers if any(v["name"] == "WATCH_NAMESPACE" for v in each["env"])
    )

    def watch(value: str) -> None:
        env = [each | {"value": value} if each["name"] == "WATCH_NAMESPACE" else each for each in before]
        patch = {
            "spec": {"template": {"spec": {"containers": [{"name": containers[0]["name"], "env": env}]}}}
        }
        cluster.request("PATCH", path, patch, "application/strategic-merge-patch+json")
        cluster_path = cluster.get(path)

        def rolled() -> bool | None:
            status = cluster.get(path)["status"]
            generation = cluster_path["metadata"]["generation"]
            current = status.get("observedGeneration", 0) >= generation and status.get("updatedReplicas") == 1
            return (current and status.get("readyReplicas") == 1 and status.get("replicas") == 1) or None

        wait("the operator is rolled out", 120, rolled)

    watch("keda")
    try:
        shop.target("unwatched")
        cluster.create(f"{OBJECTS}/scaledobjects", scaled_object("unwatched", counting("average")))
        line = shop.answer("unwatched", "not-watched")
        assert "its operator watches keda only (WATCH_NAMESPACE), so no HPA is made" in line
    finally:
        watch("")

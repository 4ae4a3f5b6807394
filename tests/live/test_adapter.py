"""Prometheus Adapter is left for KEDA under load, and KEDA for the adapter: no HPA misses more than one sync.

It has a lab of its own, without KEDA at first, and the HPA controller's own period of 15 s. With
KEDA_HOMELAB_PICTURE=FILE the run is drawn there as SVG.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from cli import targets
from cli.kubectl import Kubectl
from lab import __main__ as lab_command
from lab.paths import Lab
from tests.live.cluster import Cluster, wait
from tests.live.conftest import NAME, SOON, running
from tests.live.leaving import HpaProbe, draw

pytestmark = [pytest.mark.live, pytest.mark.long]

PROJECT = Path(__file__).resolve().parents[2]
NAMESPACE = "shop"
QUEUE, API, WEB = "queue", "api", "web"  # of an External, a Pods and an Object metric
WORKLOADS = (QUEUE, API, WEB)
LEAST, BUSY, MOST = 2, 4, 6  # replicas: the minimum, what the load asks for, the maximum and the second load
PERIOD = 15.0  # seconds between two syncs of an HPA: kube-controller-manager's default
SETTLE = 3 * PERIOD
PROMETHEUS = "http://prometheus-operated.monitoring.svc:9090"
APISERVICE = "/apis/apiregistration.k8s.io/v1/apiservices/v1beta1.external.metrics.k8s.io"
ROTATION, BACK = "KEDA upgraded", "leave-adapter BACK=1"  # two of the probe's marks
DNS = [
    f"DNS:{service}{suffix}"
    for service in ("keda-operator", "keda-operator-metrics-apiserver", "keda-admission-webhooks")
    for suffix in ("", ".keda", ".keda.svc", ".keda.svc.cluster.local")
]

# The load is how many pods are called busy-…; no node runs them. The adapter's rules
# (lab/fleet/on_demand/prometheus-adapter.yaml) serve these series.
LOAD = f'scalar(count(kube_pod_info{{namespace="{NAMESPACE}",pod=~"busy-.*"}}) or vector(0))'
RULES = {
    "shop_queue_length": (f"vector({LOAD})", {"namespace": NAMESPACE}),
    "shop_requests": (
        f'max by (namespace, pod) (kube_pod_info{{namespace="{NAMESPACE}",pod=~"{API}-.*"}}) * {LOAD} / '
        f'scalar(count(kube_pod_info{{namespace="{NAMESPACE}",pod=~"{API}-.*"}}))',
        {},
    ),
    "shop_sessions": (
        f'vector({LOAD} / scalar(count(kube_pod_info{{namespace="{NAMESPACE}",pod=~"{WEB}-.*"}})))',
        {"namespace": NAMESPACE, "service": WEB},
    ),
}
AVERAGE, VALUE = {"type": "AverageValue", "averageValue": "1"}, {"type": "Value", "value": "1"}
SERVICE = {"apiVersion": "v1", "kind": "Service", "name": WEB}
METRICS: dict[str, dict[str, Any]] = {
    QUEUE: {"type": "External", "external": {"metric": {"name": "queue_waiting"}, "target": AVERAGE}},
    API: {"type": "Pods", "pods": {"metric": {"name": "requests"}, "target": AVERAGE}},
    WEB: {
        "type": "Object",
        "object": {"metric": {"name": "sessions"}, "describedObject": SERVICE, "target": VALUE},
    },
}


def deployment(name: str) -> dict[str, Any]:
    labels = {"app": name}
    container = {
        "name": "main",
        "image": "registry.k8s.io/pause:3.10",
        "resources": {"requests": {"cpu": "2m", "memory": "4Mi"}},
    }
    return {
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "replicas": LEAST,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [container], "terminationGracePeriodSeconds": 0},
            },
        },
    }


def hpa(name: str) -> dict[str, Any]:
    """Without a scale-down window: one sync that read 0 would be seen at once."""
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": f"{name}-hpa", "namespace": NAMESPACE},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
            "minReplicas": LEAST,
            "maxReplicas": MOST,
            "metrics": [METRICS[name]],
            "behavior": {"scaleDown": {"stabilizationWindowSeconds": 0}},
        },
    }


def rule() -> dict[str, Any]:
    rules = [{"record": name, "expr": expr, "labels": labels} for name, (expr, labels) in RULES.items()]
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "shop", "namespace": NAMESPACE},
        "spec": {"groups": [{"name": "shop", "interval": "5s", "rules": rules}]},
    }


def load(cluster: Cluster, pods: int) -> None:
    path = f"/api/v1/namespaces/{NAMESPACE}/pods"
    spec = {"nodeSelector": {"no": "node"}, "containers": [{"name": "none", "image": "none"}]}
    for index in range(MOST):
        if index < pods and cluster.get(f"{path}/busy-{index}") is None:
            cluster.create(path, {"metadata": {"name": f"busy-{index}"}, "spec": spec})
        elif index >= pods:
            cluster.delete(f"{path}/busy-{index}")


def python(*arguments: str, stdin: str = "") -> str:
    done = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=PROJECT,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr if arguments[0] == "cli" else done.stdout


def certificates(folder: Path) -> dict[str, str]:
    """A CA for KEDA and the certificate of its three servers, as docs/migrate.md makes them."""
    names = f"subjectAltName={','.join(DNS)}\nextendedKeyUsage=serverAuth,clientAuth\n"
    (folder / "names").write_text(names)
    signed = "-CA ca.crt -CAkey ca.key -CAcreateserial -extfile names -days 3650"
    for command in (
        "genrsa -traditional -out ca.key 2048",
        "req -x509 -key ca.key -days 3650 -subj /CN=KEDA -addext subjectAltName=DNS:KEDA -out ca.crt",
        "req -newkey rsa:2048 -nodes -subj /CN=keda-operator -keyout tls.key -out tls.csr",
        f"x509 -req -in tls.csr {signed} -out tls.crt",
    ):
        subprocess.run(["openssl", *command.split()], cwd=folder, check=True, capture_output=True)
    return {name: (folder / name).read_text() for name in ("ca.crt", "ca.key", "tls.crt", "tls.key")}


@dataclass(frozen=True)
class Helm:
    """Helm on KEDA's chart in the lab's registry."""

    binary: str
    kubeconfig: str
    registry: int

    def run(self, verb: str, *arguments: str, rotation: bool = False) -> str:
        """`helm VERB keda CHART`, with KEDA's certificate given by us unless it makes its own."""
        values: dict[str, Any] = {"certificates.autoGenerated": rotation}
        values |= {f"{part}.readinessProbe": SOON["readinessProbe"] for part in ("operator", "webhooks")}
        given = [f"--set-json={key}={json.dumps(value)}" for key, value in values.items()]
        chart = f"oci://127.0.0.1:{self.registry}/kedacore/charts/keda"
        done = subprocess.run(
            [
                *(self.binary, f"--kubeconfig={self.kubeconfig}", verb, "keda", chart, "--namespace=keda"),
                *("--version=2.19.0", "--plain-http", *given, *arguments),
            ],
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


def install_keda_without_its_apiservice(helm: Helm, kubectl: Kubectl, folder: Path) -> None:
    kubectl.call("create", "namespace", "keda")
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "kedaorg-certs", "namespace": "keda"},
        "stringData": certificates(folder),
    }
    kubectl.call("create", "-f", "-", stdin=json.dumps(secret))
    but = "app.kubernetes.io/name!=v1beta1.external.metrics.k8s.io"
    kubectl.call("apply", "--server-side", "-f", "-", "-l", but, stdin=helm.run("template"))
    for name in ("keda-operator", "keda-operator-metrics-apiserver", "keda-admission-webhooks"):
        kubectl.call("rollout", "status", f"deployment/{name}", "--namespace=keda", "--timeout=180s")


@pytest.fixture(scope="module")
def lab(shown: Callable[[], AbstractContextManager[None]]) -> Iterator[Lab]:
    """A lab of this module's own, with Prometheus Adapter and without a KEDA."""
    with running(f"{NAME[:14]}-leave", shown, "15s") as lab:
        with shown():
            assert lab_command.main(["add", "prometheus-adapter", "--name", lab.name]) == 0
        yield lab


@pytest.fixture(scope="module")
def cluster(lab: Lab) -> Cluster:
    return Cluster(str(lab.kubeconfig))


@pytest.fixture(scope="module")
def kubectl(lab: Lab) -> Kubectl:
    return targets.lab_kubectl(lab)


@pytest.fixture(scope="module")
def helm(lab: Lab) -> Helm:
    record = targets.lab_record(lab)
    return Helm(record["tools"]["helm"], str(lab.kubeconfig), record["ports"]["registry"])


@dataclass(frozen=True)
class Moved:
    """What was printed on the way there and back, and what a look a second saw."""

    uids: dict[str, str]
    there: str
    translated: str
    back: str
    native: str
    probe: HpaProbe


@pytest.fixture(scope="module")
def loaded(cluster: Cluster, kubectl: Kubectl, helm: Helm, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Three Deployments at four replicas by three HPAs of the adapter, and a KEDA that serves nobody."""
    kubectl.call("create", "namespace", NAMESPACE)
    kubectl.call("apply", "--server-side", "-f", "-", stdin=json.dumps(rule()))
    service = {"metadata": {"name": WEB}, "spec": {"selector": {"app": WEB}, "ports": [{"port": 80}]}}
    cluster.create(f"/api/v1/namespaces/{NAMESPACE}/services", service)
    for name in WORKLOADS:
        cluster.create(f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments", deployment(name))
        cluster.create(f"/apis/autoscaling/v2/namespaces/{NAMESPACE}/horizontalpodautoscalers", hpa(name))
    load(cluster, BUSY)
    for name in WORKLOADS:
        wait(f"{name} at {BUSY}", 300, lambda name=name: cluster.replicas(NAMESPACE, name) == (BUSY, BUSY))
    install_keda_without_its_apiservice(helm, kubectl, tmp_path_factory.mktemp("certificates"))
    spec = cluster.get(APISERVICE)["spec"]
    assert (spec["service"]["name"], "caBundle" in spec) == ("prometheus-adapter", False)


@pytest.fixture(scope="module")
def moved(
    loaded: None,
    lab: Lab,
    cluster: Cluster,
    kubectl: Kubectl,
    helm: Helm,
    tmp_path_factory: pytest.TempPathFactory,
    shown: Callable[[], AbstractContextManager[None]],
) -> Moved:
    folder = tmp_path_factory.mktemp("leave")
    probe = HpaProbe(cluster, NAMESPACE, WORKLOADS)
    before = probe.uids()
    probe.start()
    time.sleep(PERIOD)
    assert probe.gaps == {}, "something is not served from the beginning: there is nothing to lose"

    rules = kubectl.call("get", "configmap", "prometheus-adapter", "--namespace=monitoring", "-o", "yaml")
    (folder / "rules.yaml").write_text(rules)
    listed = kubectl.call("get", "hpa", f"--namespace={NAMESPACE}", "-o", "yaml")
    translated = python(
        *("keda", "adopt", "-", "--adapter-config", str(folder / "rules.yaml"), "--prometheus", PROMETHEUS),
        stdin=listed,
    )
    (folder / "scaledobjects.yaml").write_text(translated)
    probe.mark("leave-adapter")
    there = python("cli", "leave-adapter", "--lab", lab.name, "--file", str(folder / "scaledobjects.yaml"))
    time.sleep(SETTLE)
    probe.mark("adapter removed")
    kubectl.call("scale", "deployment/prometheus-adapter", "--namespace=monitoring", "--replicas=0")
    kubectl.call("delete", "apiservice", "v1beta1.custom.metrics.k8s.io")
    helm.run("install", "--take-ownership", "--wait")
    probe.mark(f"load {MOST}")
    load(cluster, MOST)
    for name in WORKLOADS:
        wait(f"{name} at {MOST}", 120, lambda name=name: cluster.replicas(NAMESPACE, name) == (MOST, MOST))
    probe.mark(ROTATION)
    helm.run("upgrade", "--wait", rotation=True)
    time.sleep(SETTLE)

    scaled = kubectl.call("get", "scaledobjects", f"--namespace={NAMESPACE}", "-o", "yaml")
    native = python("keda", "adopt", "--to", "hpa", "-", stdin=scaled)
    (folder / "hpas.yaml").write_text(native)
    *_, config = yaml.safe_load_all(native)
    config["metadata"] = {"name": "prometheus-adapter", "namespace": "monitoring"}
    kubectl.call("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=json.dumps(config))
    kubectl.call("scale", "deployment/prometheus-adapter", "--namespace=monitoring", "--replicas=1")
    wait_rollout = ("rollout", "status", "deployment/prometheus-adapter", "--namespace=monitoring")
    kubectl.call(*wait_rollout, "--timeout=120s")
    time.sleep(PERIOD)  # the adapter lists its series
    probe.mark(BACK)
    back = python("cli", "leave-adapter", "--back", "--lab", lab.name, "--file", str(folder / "hpas.yaml"))
    time.sleep(SETTLE)
    probe.stop()
    with shown():
        print(f"\n{translated}\n{there}\n{native}\n{back}\nlooks {probe.looks}; lowest {probe.lowest()}")
        for name in probe.gaps:
            rows = [f"{begin:.0f}-{end:.0f}" for begin, end in probe.rows(name)]
            print(f"no answer of {name}: {probe.longest(name):.0f} s at most, at {', '.join(rows)}")
        print(f"marks: {probe.marks}")
    if picture := os.environ.get("KEDA_HOMELAB_PICTURE"):
        Path(picture).write_text(draw(probe))
    return Moved(before, there, translated, back, native, probe)


def test_the_plan_is_printed_first(moved: Moved) -> None:
    first, *rest = moved.there.splitlines()
    assert first == (
        "Found: v1beta1.external.metrics.k8s.io is served by Service monitoring/prometheus-adapter"
    )
    assert "HPA shop/queue-hpa (External) -> ScaledObject shop/queue, with the switch" in moved.there
    assert "HPA shop/api-hpa (Pods) -> ScaledObject shop/api, after it" in moved.there
    assert "HPA shop/web-hpa (Object) -> ScaledObject shop/web, after it" in moved.there
    assert rest


@pytest.mark.parametrize("name", WORKLOADS)
def test_the_replicas_never_fall(moved: Moved, name: str) -> None:
    assert moved.probe.lowest()[name] == (BUSY, BUSY)
    assert moved.probe.lowest(since=ROTATION)[name] == (MOST, MOST)


def rows(moved: Moved, what: str, begin: str, end: str = "") -> list[tuple[float, float]]:
    """The rows of looks without an answer that began between two marks."""
    marks = moved.probe.marks
    until = marks.get(end, float("inf"))
    return [row for row in moved.probe.rows(what) if marks[begin] <= row[0] < until]


PARTS = {"there": ("leave-adapter", ROTATION), "back": (BACK, "")}


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("name", WORKLOADS)
def test_no_hpa_misses_more_than_one_sync(moved: Moved, name: str, part: str) -> None:
    """A sync that read nothing sets ScalingActive to False, and the next one sets it back."""
    assert moved.probe.looks[f"sync of {name}"] > 100
    missed = rows(moved, f"sync of {name}", *PARTS[part])
    assert len(missed) <= 1
    assert all(end - begin <= PERIOD + 3 for begin, end in missed)


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("name", WORKLOADS)
def test_no_metric_is_away_for_a_whole_period(moved: Moved, name: str, part: str) -> None:
    away = rows(moved, f"metric of {name}", *PARTS[part])
    assert all(end - begin < PERIOD for begin, end in away)


@pytest.mark.parametrize("name", (API, WEB))
def test_custom_metrics_are_left_without_any_gap(moved: Moved, name: str) -> None:
    """KEDA serves external metrics already when their HPAs move. (On the way back all are External.)"""
    assert rows(moved, f"sync of {name}", *PARTS["there"]) == []


@pytest.mark.parametrize("name", WORKLOADS)
def test_an_upgrade_that_turns_rotation_on_is_as_any_other(moved: Moved, name: str) -> None:
    """The operator starts again; the APIService keeps a CA that verifies it."""
    away = rows(moved, f"metric of {name}", ROTATION, BACK)
    assert all(end - begin < 60 for begin, end in away)


@pytest.mark.parametrize("name", WORKLOADS)
def test_the_hpa_is_the_same_object(moved: Moved, name: str) -> None:
    assert moved.probe.uids()[name] == moved.uids[name]


def test_nothing_had_to_be_guessed(moved: Moved) -> None:
    assert "CHECK" not in moved.translated
    assert "LOST" not in moved.native


def test_in_the_end_nothing_is_kedas(moved: Moved, cluster: Cluster, kubectl: Kubectl) -> None:
    assert kubectl.items("scaledobjects", "--all-namespaces") == []
    for item in kubectl.items("hpa", f"--namespace={NAMESPACE}"):
        assert "ownerReferences" not in item["metadata"]
    assert cluster.get(APISERVICE)["spec"]["service"]["name"] == "prometheus-adapter"


@pytest.mark.parametrize("name", WORKLOADS)
def test_scaling_goes_on_without_keda(moved: Moved, cluster: Cluster, name: str) -> None:
    load(cluster, LEAST)
    wait(f"{name} at {LEAST}", 120, lambda: cluster.replicas(NAMESPACE, name)[0] == LEAST)

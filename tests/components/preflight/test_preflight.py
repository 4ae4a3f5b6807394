"""What the settings ask of a cluster, against clusters that lack it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml

from components.preflight.check import (
    another_cluster,
    missing_kinds,
    missing_namespaces,
    missing_targets,
    preflight,
    unselected,
)
from components.preflight.cluster import ClusterReader, Forbidden, api
from components.settings import Cluster, Settings
from tests.support import CORPUS, STACK, settings_of

MONITORING = "/apis/monitoring.coreos.com/v1"
ADMISSION = "/apis/admissionregistration.k8s.io/v1"
POLICY = "ValidatingAdmissionPolicy"
KINDS = ("ServiceMonitor", "PodMonitor", "PrometheusRule", "Prometheus")


def served(*kinds: str) -> dict[str, Any]:
    return {"resources": [{"name": kind.lower() + "s", "kind": kind} for kind in kinds]}


def prometheus(**spec: Any) -> dict[str, Any]:
    return {"items": [{"metadata": {"name": "main", "namespace": "monitoring"}, "spec": spec}]}


@pytest.fixture
def homelab() -> Settings:
    return settings_of(STACK.read_text())


def with_labels(labels: str) -> Settings:
    return settings_of(STACK.read_text().replace("monitorLabels: {}", f"monitorLabels: {labels}"))


def test_a_cluster_that_has_everything(homelab: Settings) -> None:
    everything = {MONITORING: served(*KINDS), ADMISSION: served(POLICY)}
    assert list(missing_kinds(homelab, ClusterReader(everything.get))) == []


def test_on_a_kubernetes_before_1_30(homelab: Settings) -> None:
    old = {MONITORING: served(*KINDS), ADMISSION: served("ValidatingWebhookConfiguration")}
    [fault] = missing_kinds(homelab, ClusterReader(old.get))
    assert str(fault) == (
        'keda.clusterGuard: "deny" needs the kind ValidatingAdmissionPolicy '
        "(admissionregistration.k8s.io/v1), which this cluster does not have. "
        "The update would fail half-way. Write clusterGuard: off, or upgrade to Kubernetes 1.30 or newer."
    )


def test_without_the_prometheus_operator(homelab: Settings) -> None:
    lines = [str(fault) for fault in missing_kinds(homelab, ClusterReader({ADMISSION: served(POLICY)}.get))]
    assert lines[0] == (
        "monitoring.serviceMonitors: true needs the kind ServiceMonitor (monitoring.coreos.com/v1), which "
        "this cluster does not have. The update would fail half-way. "
        "Write serviceMonitors: false, or install the Prometheus Operator."
    )
    assert [line.partition(":")[0] for line in lines] == [
        "monitoring.serviceMonitors",
        "monitoring.alerts",
        *(f"workloads.{name}.monitor" for name in homelab.workloads),
    ]


def test_without_the_grafana_operator() -> None:
    settings = settings_of((CORPUS / "valid" / "settings" / "every-key.yaml").read_text())
    cluster = {MONITORING: served(*KINDS), ADMISSION: served(POLICY)}
    lines = [str(fault) for fault in missing_kinds(settings, ClusterReader(cluster.get))]
    assert lines == [
        'monitoring.dashboards: "both" needs the kind GrafanaDashboard (grafana.integreatly.org/v1beta1), '
        "which this cluster does not have. The update would fail half-way. "
        "Write dashboards: configMap, or install the Grafana Operator."
    ]


SELECTS = {
    "everything": ({"podMonitorSelector": {}, "podMonitorNamespaceSelector": {}}, "{}", True),
    "its release": (
        {
            "podMonitorSelector": {"matchLabels": {"release": "kps"}},
            "podMonitorNamespaceSelector": {},
        },
        "{release: kps}",
        True,
    ),
    "another release": (
        {
            "podMonitorSelector": {"matchLabels": {"release": "kps"}},
            "podMonitorNamespaceSelector": {},
        },
        "{}",
        False,
    ),
    "its own namespace": ({"podMonitorSelector": {}}, "{}", False),
    "nothing": ({"podMonitorNamespaceSelector": {}}, "{}", False),
    "namespaces by a label": (
        {"podMonitorSelector": {}, "podMonitorNamespaceSelector": {"matchLabels": {"team": "ml"}}},
        "{}",
        True,  # the namespaces' labels are not asked for
    ),
}


@pytest.mark.parametrize("name", SELECTS)
def test_monitors_that_no_prometheus_selects(name: str) -> None:
    spec, labels, selected = SELECTS[name]
    cluster = {f"{MONITORING}/prometheuses": prometheus(**spec, serviceMonitorSelector={})}
    faults = unselected(with_labels(labels), ClusterReader(cluster.get))
    found = [str(each) for each in faults if "PodMonitor" in str(each)]
    assert (found == []) == selected
    if name == "another release":
        assert found[0] == (
            "monitoring.monitorLabels: no Prometheus selects the PodMonitors in ray, "
            "envoy-gateway-system, nats by them: there will be no data. "
            "Write monitorLabels: {release: kps}."
        )


def test_without_a_prometheus_object_something_else_may_read_them(homelab: Settings) -> None:
    assert list(unselected(homelab, ClusterReader({}.get))) == []


def namespaces(*names: str) -> dict[str, Any]:
    return {f"/api/v1/namespaces/{name}": {"metadata": {"name": name}} for name in names}


OF_THE_LAB = ("ray", "envoy-gateway-system", "voice", "nats", "batch", "kube-system", "monitoring")


def test_namespaces_that_are_there(homelab: Settings) -> None:
    assert list(missing_namespaces(homelab, ClusterReader(namespaces(*OF_THE_LAB).get))) == []


def test_a_missing_namespace_is_one_line_whoever_names_it(homelab: Settings) -> None:
    lines = list(map(str, missing_namespaces(homelab, ClusterReader(namespaces("kube-system").get))))
    assert lines[0] == (
        'workloads.ray-serve.namespace: "ray" is not a namespace of this cluster. The update would fail '
        "half-way. Run `kubectl create namespace ray`, or correct the name."
    )
    assert [line.partition(" is not")[0] for line in lines] == [
        'workloads.ray-serve.namespace: "ray"',
        'workloads.envoy-gateway.namespace: "envoy-gateway-system"',
        'workloads.voice.namespace: "voice"',
        'workloads.voice.monitor.namespace: "nats"',
        'workloads.batch.namespace: "batch"',
        'monitoring.dashboardNamespace: "monitoring"',
    ]


def test_a_namespace_that_is_being_deleted_takes_nothing(homelab: Settings) -> None:
    cluster = namespaces(*OF_THE_LAB)
    cluster["/api/v1/namespaces/voice"]["status"] = {"phase": "Terminating"}
    [fault] = missing_namespaces(homelab, ClusterReader(cluster.get))
    assert str(fault) == (
        'workloads.voice.namespace: "voice" is being deleted: nothing can be created in that namespace. '
        "The update would fail half-way. Wait until it is gone, and create it again."
    )


def test_of_kube_state_metrics(homelab: Settings) -> None:
    paths = [fault.path for fault in missing_namespaces(homelab, ClusterReader({}.get))]
    assert paths[-1] == "monitoring.stateMetrics.namespace"


def test_of_what_keda_watches() -> None:
    settings = settings_of((CORPUS / "valid" / "settings" / "every-key.yaml").read_text())
    paths = [fault.path for fault in missing_namespaces(settings, ClusterReader({}.get))]
    assert "keda.watchNamespaces[1]" in paths
    assert not any(
        fault.value == settings.keda.namespace
        for fault in missing_namespaces(settings, ClusterReader({}.get))
    )


APPS = "/apis/apps/v1"


def deployment(namespace: str, name: str) -> str:
    return f"{APPS}/namespaces/{namespace}/deployments/{name}"


def test_a_missing_target_is_named(homelab: Settings) -> None:
    cluster = {
        APPS: {"resources": [{"name": "deployments", "kind": "Deployment"}]},
        deployment("ray", "ray-serve"): {},
        deployment("envoy-gateway-system", "envoy-default-eg-e41e7b31"): {},
        deployment("batch", "batch-inference"): {},
    }
    [fault] = missing_targets(homelab, ClusterReader(cluster.get))
    assert str(fault) == (
        'workloads.voice.target: "voice-pipeline" is not a Deployment in namespace voice. The ScaledObject '
        "is "
        "created, and is not Ready until it comes. Create it, or correct the name."
    )


def forbidding(path: str) -> Any:
    raise Forbidden(path)


def test_what_may_not_be_seen_is_no_fault_and_is_named(homelab: Settings) -> None:
    reader = ClusterReader(forbidding)
    checks = (another_cluster, missing_kinds, missing_namespaces, missing_targets, unselected)
    assert [list(check(homelab, reader)) for check in checks] == [[], [], [], [], []]
    assert "/api/v1/namespaces/voice" in reader.forbidden
    assert "/apis/monitoring.coreos.com/v1" in reader.forbidden


UIDS = ("6c1f0c9e-8f55-4a3c-9d6e-2f1f0a7c1b11", "00000000-1111-2222-3333-444444444444")


@pytest.mark.parametrize("uid", [None, *UIDS])
def test_another_cluster_under_the_same_name(homelab: Settings, uid: str | None) -> None:
    settings = replace(homelab, cluster=Cluster(uid=uid))
    cluster = {"/api/v1/namespaces/kube-system": {"metadata": {"uid": UIDS[0]}}}
    found = list(map(str, another_cluster(settings, ClusterReader(cluster.get))))
    if uid != UIDS[1]:
        assert found == []
    else:
        assert found == [
            f'cluster.uid: "{UIDS[1]}" is another cluster than the one that answers, {UIDS[0]}. Pulumi would '
            "install everything there and lose sight of what it installed here. Correct context or "
            "kubeconfig; or name a new stack for that cluster: docs/cluster.md."
        ]


class Server(BaseHTTPRequestHandler):
    """An API server that serves nothing of monitoring, and forbids one path."""

    def do_GET(self) -> None:  # noqa: N802 -- the name http.server looks for
        known = {"/forbidden": 403, "/apis/apps/v1": 200, "/page": 200}
        status = known.get(self.path, 404)
        self.send_response(status)
        self.end_headers()
        found = b"<html>" if self.path == "/page" else json.dumps(served("Deployment")).encode()
        self.wfile.write(found if status == 200 else b"{}")

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    with HTTPServer(("127.0.0.1", 0), Server) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        context = {"cluster": "fake", "user": "fake"}
        kubeconfig = {
            "current-context": "fake",
            "clusters": [{"name": "fake", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}],
            "users": [{"name": "fake", "user": {"token": "t"}}],
            "contexts": [{"name": "fake", "context": context}],
        }
        file = tmp_path / "kubeconfig"
        file.write_text(yaml.safe_dump(kubeconfig))
        yield Cluster(kubeconfig=str(file))
        server.shutdown()


def of(cluster: Cluster) -> Settings:
    settings = settings_of(STACK.read_text())
    return Settings(cluster, settings.keda, settings.monitoring, settings.workloads)


def test_the_api_server_is_asked(cluster: Cluster) -> None:
    get = api(cluster)
    assert get is not None
    assert get("/apis/apps/v1") == served("Deployment")
    assert get("/apis/monitoring.coreos.com/v1") is None
    with pytest.raises(Forbidden, match="403"):
        get("/forbidden")
    with pytest.raises(OSError, match="no answer of Kubernetes"):
        get("/page")


def test_the_program_ends_with_one_line_a_setting(cluster: Cluster) -> None:
    with pytest.raises(
        pulumi.RunError, match=r"(?m)^monitoring\.serviceMonitors: true needs the kind"
    ) as error:
        preflight(of(cluster))
    assert 'workloads.voice.namespace: "voice" is not a namespace' in str(error.value)


def test_a_cluster_that_does_not_answer_is_not_asked(cluster: Cluster, tmp_path: Path) -> None:
    assert cluster.kubeconfig
    text = Path(cluster.kubeconfig).read_text().replace("http://127.0.0.1:", "http://127.0.0.1:1 # ")
    silent = tmp_path / "silent"
    silent.write_text(text)
    preflight(of(Cluster(kubeconfig=str(silent))))
    preflight(of(Cluster(kubeconfig=str(tmp_path / "none"))))


@pytest.mark.parametrize("text", ["a: [token\n", "clusters: 5\n", "some text\n", ""])
def test_a_kubeconfig_that_cannot_be_read_is_left_to_the_provider(text: str, tmp_path: Path) -> None:
    file = tmp_path / "broken"
    file.write_text(text)
    assert api(Cluster(kubeconfig=str(file))) is None
    assert api(Cluster(kubeconfig=f"{text}\n")) is None

"""What the settings ask of a cluster, against clusters that lack it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml
from support import CORPUS, STACK, settings_of

from components.preflight import api, missing_kinds, preflight, unselected
from components.settings import Cluster, Settings

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
    assert list(missing_kinds(homelab, everything.get)) == []


def test_on_a_kubernetes_before_1_30(homelab: Settings) -> None:
    old = {MONITORING: served(*KINDS), ADMISSION: served("ValidatingWebhookConfiguration")}
    [fault] = missing_kinds(homelab, old.get)
    assert str(fault) == (
        'keda.clusterGuard: "deny" needs the kind ValidatingAdmissionPolicy '
        "(admissionregistration.k8s.io/v1), which this cluster does not have. "
        "The update would fail half-way. Write clusterGuard: off, or take Kubernetes 1.30 or newer."
    )


def test_without_the_prometheus_operator(homelab: Settings) -> None:
    lines = [str(fault) for fault in missing_kinds(homelab, {ADMISSION: served(POLICY)}.get)]
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
    lines = [str(fault) for fault in missing_kinds(settings, cluster.get)]
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
    found = [str(each) for each in unselected(with_labels(labels), cluster.get) if "PodMonitor" in str(each)]
    assert (found == []) == selected
    if name == "another release":
        assert found[0] == (
            "monitoring.monitorLabels: Prometheus monitoring/main selects no PodMonitor with them in ray, "
            "envoy-gateway-system, nats, nor does any other: there will be no data. "
            "Write monitorLabels: {release: kps}."
        )


def test_without_a_prometheus_object_something_else_may_read_them(homelab: Settings) -> None:
    assert list(unselected(homelab, {}.get)) == []


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
    with pytest.raises(OSError, match="403"):
        get("/forbidden")
    with pytest.raises(OSError, match="no answer of Kubernetes"):
        get("/page")


def test_the_program_ends_with_one_line_a_setting(cluster: Cluster) -> None:
    with pytest.raises(pulumi.RunError, match=r"(?m)^monitoring\.serviceMonitors: true needs the kind"):
        preflight(of(cluster))


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

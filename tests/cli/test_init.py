"""What `make init` makes of a cluster's answers: a file the program takes, with a reason for each guess."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from cli.clusters import OwnCluster
from cli.errors import CommandError
from cli.init import command
from cli.init.command import policy_config, stack_file
from cli.init.survey import Guess, survey
from components.preflight.cluster import ClusterReader, Forbidden
from components.settings import Settings, decode

UID = "6c1f0c9e-8f55-4a3c-9d6e-2f1f0a7c1b11"
MONITORING = "/apis/monitoring.coreos.com/v1"
HOME = OwnCluster("home", "home")


def named(
    name: str, namespace: str = "", labels: dict[str, str] | None = None, **rest: Any
) -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace, "labels": labels or {}}
    return {"metadata": {key: value for key, value in metadata.items() if value}, **rest}


def listed(*items: dict[str, Any]) -> dict[str, Any]:
    return {"items": list(items)}


def workload(name: str, namespace: str, *containers: dict[str, Any], **labels: str) -> dict[str, Any]:
    spec = {"template": {"spec": {"containers": list(containers), "serviceAccountName": f"{name}-account"}}}
    return named(name, namespace, labels, spec=spec)


def kinds(*names: str) -> dict[str, Any]:
    return {"resources": [{"name": name.lower() + "s", "kind": name} for name in names]}


SELECTOR = {"matchLabels": {"release": "kps"}}
PROMETHEUS = named(
    "kps-prometheus",
    "observability",
    spec={
        "serviceMonitorSelector": SELECTOR,
        "serviceMonitorNamespaceSelector": {},
        "podMonitorSelector": SELECTOR,
        "podMonitorNamespaceSelector": {},
        "ruleSelector": SELECTOR,
        "ruleNamespaceSelector": {},
        "routePrefix": "/prometheus",
    },
)
SIDECAR = {
    "name": "grafana-sc-dashboard",
    "image": "quay.io/kiwigrid/k8s-sidecar:1.30.0",
    "env": [
        {"name": "LABEL", "value": "dashboard_of"},
        {"name": "LABEL_VALUE", "value": "grafana"},
        {"name": "NAMESPACE", "value": "ALL"},
    ],
}
HPA_SPEC = {
    "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
    "minReplicas": 2,
    "maxReplicas": 10,
    "metrics": [
        {
            "type": "Resource",
            "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}},
        }
    ],
}
BARE = {
    "/version": {"gitVersion": "v1.29.4"},
    "/api/v1/namespaces/kube-system": {"metadata": {"uid": UID}},
    "/api/v1/nodes": listed(
        named("one", status={"nodeInfo": {"osImage": "Debian"}, "allocatable": {"cpu": "4"}})
    ),
    "/api/v1/namespaces": listed(named("default"), named("kube-system")),
}
FULL = {
    "/version": {"gitVersion": "v1.34.3+k3s1"},
    "/api/v1/namespaces/kube-system": {"metadata": {"uid": UID}},
    "/api/v1/namespaces/observability": named("observability"),
    "/api/v1/namespaces": listed(named("kube-system"), named("observability"), named("shop")),
    "/api/v1/nodes": listed(
        named("one", status={"allocatable": {"nvidia.com/gpu": "2"}}),
        named("two", status={"allocatable": {"nvidia.com/gpu": "1"}}),
    ),
    "/apis/admissionregistration.k8s.io/v1": kinds("ValidatingAdmissionPolicy"),
    MONITORING: kinds("ServiceMonitor", "PodMonitor", "PrometheusRule"),
    f"{MONITORING}/prometheuses": listed(PROMETHEUS),
    "/apis/apps/v1/deployments": listed(
        workload("grafana", "observability", SIDECAR),
        workload("kps-ksm", "observability", **{"app.kubernetes.io/name": "kube-state-metrics"}),
        workload(
            "envoy-1",
            "envoy-gateway-system",
            **{
                "gateway.envoyproxy.io/owning-gateway-name": "eg",
                "gateway.envoyproxy.io/owning-gateway-namespace": "edge",
            },
        ),
    ),
    "/api/v1/services": listed(
        named("nats", "mq", spec={"ports": [{"port": 4222}, {"port": 8222}], "clusterIP": "10.0.0.1"}),
        named("nats-headless", "mq", spec={"ports": [{"port": 4222}, {"port": 8222}], "clusterIP": "None"}),
    ),
    "/apis/gateway.networking.k8s.io/v1/gatewayclasses": listed(
        named("eg", spec={"controllerName": "gateway.envoyproxy.io/gatewayclass-controller"}),
        named("cilium", spec={"controllerName": "io.cilium/gateway-controller"}),
    ),
    "/apis/gateway.networking.k8s.io/v1/gateways": listed(
        named("eg", "edge", spec={"gatewayClassName": "eg"}),
        named("other", "edge", spec={"gatewayClassName": "cilium"}),
    ),
    "/apis/ray.io/v1/rayservices": listed(named("llm", "ai")),
    "/apis/autoscaling/v2/horizontalpodautoscalers": listed(
        named("web-hpa", "shop", spec=HPA_SPEC),
        {**named("keda-hpa-x", "shop", spec=HPA_SPEC)}
        | {"metadata": {"name": "keda-hpa-x", "ownerReferences": [{"kind": "ScaledObject"}]}},
    ),
}  # fmt: skip


def written(cluster: dict[str, Any]) -> str:
    return stack_file(HOME, survey(ClusterReader(cluster.get)))


def settings_of(text: str) -> Settings:
    config = yaml.safe_load(text)["config"]
    return Settings.parse(decode({key: json.dumps(value) for key, value in config.items()}, "keda-homelab"))


def uncommented(text: str) -> str:
    """The file once a user has taken the signs off its workloads: off the entries, not off the reasons."""
    head, sign, rest = text.partition("  keda-homelab:workloads: {}\n")
    assert sign
    lines = [line.replace("    # ", "    ", 1) for line in rest.splitlines()]
    entries = [line for line in lines if not line.strip() or line.lstrip().startswith("- ") or ":" in line]
    kept = [line for line in entries if not line.lstrip()[:1].isupper()]
    return head + "  keda-homelab:workloads:\n" + "\n".join(kept) + "\n"


def test_a_cluster_with_nothing() -> None:
    text = written(BARE)
    settings = settings_of(text)
    assert (settings.cluster.context, settings.cluster.uid) == ("home", UID)
    assert settings.keda.cluster_guard == "off"
    monitoring = settings.monitoring
    assert (monitoring.service_monitors, monitoring.alerts, monitoring.dashboards) == (False, False, "none")
    assert settings.workloads == {}
    assert "# A placeholder: no Prometheus was found." in text
    assert "# Kubernetes v1.29.4, another distribution" in text


def test_a_cluster_with_everything() -> None:
    text = written(FULL)
    settings = settings_of(text)
    monitoring = settings.monitoring
    assert monitoring.prometheus == "http://prometheus-operated.observability.svc:9090/prometheus"
    assert monitoring.monitor_labels == {"release": "kps"}
    assert (monitoring.dashboards, monitoring.dashboard_namespace) == ("configMap", "observability")
    assert monitoring.dashboard_labels == {"dashboard_of": "grafana"}
    assert monitoring.alerts and monitoring.service_monitors
    assert settings.keda.cluster_guard == "deny"
    assert settings.workloads == {} and monitoring.state_metrics is None
    assert "# Kubernetes v1.34.3+k3s1, k3s (its version has k3s), nodes: 2." in text
    assert "    # stateMetrics: {namespace: observability, serviceAccount: kps-ksm-account}" in text
    assert "RayService ai/llm" in text
    assert "keda-hpa-x" not in text and "edge/other" not in text


def test_what_is_found_is_a_comment_that_becomes_a_workload() -> None:
    workloads = settings_of(uncommented(written(FULL))).workloads
    assert set(workloads) == {"eg", "my-consumer", "web"}
    assert workloads["eg"].namespace == "envoy-gateway-system"
    trigger = workloads["my-consumer"].scaled.to_manifest()["spec"]["triggers"][0]["metadata"]
    assert trigger["natsServerMonitoringEndpoint"] == "nats-headless.mq.svc.cluster.local:8222"
    web = workloads["web"].scaled.to_manifest()["spec"]
    assert (web["minReplicaCount"], web["maxReplicaCount"]) == (2, 10)
    assert web["advanced"]["horizontalPodAutoscalerConfig"]["name"] == "web-hpa"


def test_a_keda_and_its_objects_that_are_there() -> None:
    marks = {
        "annotations": {"meta.helm.sh/release-name": "keda", "meta.helm.sh/release-namespace": "scaling"}
    }
    operator = {"metadata": {"name": "keda-operator", "namespace": "scaling", **marks}}
    rollout = {"scaleTargetRef": {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "name": "web"}}
    plain = {"scaleTargetRef": {"name": "web"}}
    reading = {"secretTargetRef": [{"parameter": "token", "name": "s", "key": "k"}]}
    cluster = BARE | {
        "/apis/apps/v1/deployments?labelSelector=app.kubernetes.io/name=keda-operator": listed(operator),
        "/apis/keda.sh/v1alpha1/scaledobjects": listed(
            named("a", "shop", spec=rollout), named("b", "shop", spec=plain)
        ),
        "/apis/keda.sh/v1alpha1/triggerauthentications": listed(named("auth", "shop", spec=reading)),
    }
    text = written(cluster)
    keda = settings_of(text).keda
    assert (keda.namespace, keda.secrets) == ("scaling", "watched")
    assert [(kind.api_group, kind.resource) for kind in keda.scaled_kinds] == [("argoproj.io", "rollouts")]
    assert "scaling/keda-operator, of release scaling/keda. See docs/takeover.md." in text


def test_gpus_are_the_policy_configs() -> None:
    assert policy_config(survey(ClusterReader(FULL.get))) == {"keda-gpu-budget": {"capacity": 3}}
    assert policy_config(survey(ClusterReader(BARE.get))) == {}
    amd = {"/api/v1/nodes": listed(named("one", status={"allocatable": {"amd.com/gpu": "1"}}))}
    budget = policy_config(survey(ClusterReader(amd.get)))["keda-gpu-budget"]
    assert budget == {"capacity": 1, "resource": "amd.com/gpu"}


def test_every_line_fits_and_every_guess_has_its_reason() -> None:
    lines = written(FULL).splitlines()
    assert max(len(line) for line in lines) <= 120
    for key in ("uid", "clusterGuard", "prometheus", "serviceMonitors", "monitorLabels", "dashboards"):
        at = next(n for n, line in enumerate(lines) if line.startswith(f"    {key}:"))
        assert lines[at - 1].startswith("    # "), key


def test_a_name_from_the_cluster_stays_a_comment() -> None:
    evil = {"/api/v1/namespaces": listed(named("a\nconfig: {}\n  x"))}
    assert settings_of(written(BARE | evil)).workloads == {}


def test_what_may_not_be_read_is_named_and_taken_for_there() -> None:
    def get(path: str) -> Any:
        if path != "/version":
            raise Forbidden(path)
        return {"gitVersion": "v1.34.3"}

    found = survey(ClusterReader(get))
    text = stack_file(HOME, found)
    assert "/api/v1/nodes" in found.unseen
    assert "# Not seen, since the account may not read them (403): " in text
    settings = settings_of(text)
    assert settings.cluster.uid is None
    assert settings.monitoring.service_monitors


def prometheus(**spec: Any) -> dict[str, Any]:
    return {f"{MONITORING}/prometheuses": listed(named("p", "m", spec=spec))}


EVERYTHING = {f"{word}{part}": {} for word in ("serviceMonitor", "podMonitor", "rule")
              for part in ("Selector", "NamespaceSelector")}  # fmt: skip


@pytest.mark.parametrize(
    ("spec", "labels", "doubt"),
    [
        (EVERYTHING, {}, "selects by no label"),
        (
            EVERYTHING | {"podMonitorSelector": None},
            {},
            "its podMonitorSelector is not set, so it reads none",
        ),
        (
            EVERYTHING
            | {
                "ruleSelector": {"matchLabels": {"a": "1"}},
                "podMonitorSelector": {"matchLabels": {"a": "2"}},
            },
            {"a": "2"},
            "its ruleSelector requires a: 1 instead",
        ),
        (
            EVERYTHING | {"ruleSelector": {"matchExpressions": [{"key": "a", "operator": "Exists"}]}},
            {},
            "its ruleSelector has matchExpressions: check them",
        ),
        (
            EVERYTHING | {"serviceMonitorNamespaceSelector": None},
            {},
            "its serviceMonitorNamespaceSelector is not set, so it reads its own namespace alone",
        ),
    ],
)
def test_monitor_labels_and_what_is_doubtful(
    spec: dict[str, Any], labels: dict[str, str], doubt: str
) -> None:
    found = survey(ClusterReader((BARE | prometheus(**spec)).get)).monitor_labels
    assert found.value == labels
    assert doubt in found.why


@pytest.mark.parametrize(
    ("labels", "port", "address"),
    [
        ({"app.kubernetes.io/name": "prometheus"}, 80, "http://server.mon.svc:80"),
        ({"app.kubernetes.io/name": "vmsingle"}, 8428, "http://server.mon.svc:8428"),
        ({"app.kubernetes.io/name": "prometheus", "app.kubernetes.io/component": "alertmanager"}, 9093, None),
        ({"app": "prometheus"}, 9090, None),
    ],
)
def test_a_prometheus_without_the_operator(labels: dict[str, str], port: int, address: str | None) -> None:
    service = named("server", "mon", labels, spec={"ports": [{"port": port, "name": "http"}]})
    found = survey(ClusterReader((BARE | {"/api/v1/services": listed(service)}).get)).prometheus
    assert (found.value if found else None) == address


def test_the_grafana_operator_comes_first() -> None:
    grafana = {
        "/apis/grafana.integreatly.org/v1beta1/grafanas": listed(named("g", "obs", {"dashboards": "main"}))
    }
    settings = settings_of(written(FULL | grafana))
    assert settings.monitoring.dashboards == "grafanaDashboard"
    assert settings.monitoring.grafana_selector == {"dashboards": "main"}


@pytest.mark.parametrize(
    ("version", "node", "name"),
    [
        ("v1.33.1+rke2r1", {}, "RKE2"),
        ("v1.33.1-eks-1a2b3c", {}, "EKS"),
        ("v1.33.1", {"status": {"nodeInfo": {"osImage": "Talos (v1.10.2)"}}}, "Talos"),
        ("v1.33.1", {"spec": {"providerID": "kind://docker/a/b"}}, "kind"),
        ("v1.33.1", {"metadata": {"name": "n", "labels": {"microk8s.io/cluster": "true"}}}, "MicroK8s"),
    ],
)
def test_distributions(version: str, node: dict[str, Any], name: str) -> None:
    cluster = {"/version": {"gitVersion": version}, "/api/v1/nodes": listed(named("n") | node)}
    assert survey(ClusterReader(cluster.get)).distribution.value == name


def test_kubeadm() -> None:
    cluster = BARE | {"/api/v1/namespaces/kube-system/configmaps/kubeadm-config": named("kubeadm-config")}
    assert survey(ClusterReader(cluster.get)).distribution == Guess(
        "kubeadm", "kube-system has the ConfigMap kubeadm-config"
    )


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> OwnCluster:
    """The cluster `home` with everything, and a program folder of its own."""
    monkeypatch.setattr(OwnCluster, "server", lambda self: "https://there:6443")
    monkeypatch.setattr(command, "api", lambda cluster: FULL.get)
    (tmp_path / "policies").mkdir()
    return OwnCluster("home", "home", tmp_path)


def test_both_files_are_written_and_the_next_command_named(cluster: OwnCluster) -> None:
    report = command.write(cluster, force=False)
    assert json.loads(cluster.policy_config.read_text()) == {"keda-gpu-budget": {"capacity": 3}}
    assert settings_of(cluster.file.read_text()).cluster.context == "home"
    assert report.splitlines() == [
        "home: Kubernetes v1.34.3+k3s1, k3s, nodes: 2",
        "Written: Pulumi.home.yaml, policies/home.json. Every guess has its reason above it.",
        "Next: make preview CLUSTER=home",
    ]


@pytest.mark.parametrize("there", ["file", "policy_config"])
def test_nothing_is_overwritten_without_force(cluster: OwnCluster, there: str) -> None:
    file: Path = getattr(cluster, there)
    file.write_text("config: {a:b: mine}")
    with pytest.raises(
        CommandError, match=rf"^{file.name}: is there already, with what you have set\. FORCE=1 "
    ):
        command.write(cluster, force=False)
    assert file.read_text() == "config: {a:b: mine}"


def test_force_keeps_what_pulumi_wrote(cluster: OwnCluster) -> None:
    cluster.file.write_text("encryptionsalt: v1:abc\nconfig: {a:b: mine}\n")
    command.write(cluster, force=True)
    data = yaml.safe_load(cluster.file.read_text())
    assert data["encryptionsalt"] == "v1:abc"
    assert "a:b" not in data["config"]


def test_force_does_not_move_a_stack_to_another_cluster(cluster: OwnCluster) -> None:
    other = "00000000-1111-2222-3333-444444444444"
    cluster.file.write_text(f"config: {{keda-homelab:cluster: {{context: home, uid: {other}}}}}\n")
    with pytest.raises(CommandError, match=rf"^stack home: it is of another cluster \({other}\)"):
        command.write(cluster, force=True)


def test_what_stands_in_the_way_is_said_at_once(cluster: OwnCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    adapter = {"spec": {"service": {"namespace": "mon", "name": "prometheus-adapter"}}}
    path = "/apis/apiregistration.k8s.io/v1/apiservices/v1beta1.external.metrics.k8s.io"
    monkeypatch.setattr(command, "api", lambda cluster: (FULL | {path: adapter}).get)
    report = command.write(cluster, force=False)
    assert "In the way of a first `make up`:" in report
    assert "is served by Service mon/prometheus-adapter" in report

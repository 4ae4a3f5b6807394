"""The fleet's manifests against the stack file that names its objects, and its programs' own tests."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab.errors import LabError
from lab.fleet import apply
from lab.fleet.apply import MANIFESTS, WAITED_FOR, prometheus_operator
from lab.fleet.build import MODULE
from lab.fleet.load import LOADS, parser
from lab.node.images import IMAGES, ON_DEMAND
from lab.paths import Lab
from lab.toolchain import gobuild, tools

STACK = yaml.safe_load((Path(__file__).parents[2] / "Pulumi.homelab.yaml").read_text())["config"]
WORKLOADS: dict[str, dict[str, Any]] = STACK["keda-homelab:workloads"]
ALL = [item for path in sorted(MANIFESTS.glob("*.yaml")) for item in yaml.safe_load_all(path.read_text())]
SCALED = {
    ("voice", "voice-pipeline"),
    ("ray", "ray-serve"),
    ("envoy-gateway-system", "envoy-default-eg-e41e7b31"),
    ("batch", "batch-inference"),
}


def one(kind: str, namespace: str, name: str) -> dict[str, Any]:
    found = [
        item
        for item in ALL
        if (item["kind"], item["metadata"].get("namespace"), item["metadata"]["name"])
        == (kind, namespace, name)
    ]
    assert len(found) == 1, f"{kind} {namespace}/{name}: {len(found)} in the manifests"
    return found[0]


def pod_specs() -> Iterator[dict[str, Any]]:
    for item in ALL:
        if item["kind"] in ("Deployment", "StatefulSet"):
            yield item["spec"]["template"]["spec"]


def containers() -> Iterator[dict[str, Any]]:
    for spec in pod_specs():
        yield from [*spec["containers"], *spec.get("initContainers", [])]


def flags(container: dict[str, Any]) -> dict[str, str]:
    return dict(argument.removeprefix("--").split("=", 1) for argument in container["args"][1:])


@pytest.mark.parametrize(("namespace", "name"), sorted(SCALED))
def test_scaled_deployments_leave_replicas_to_keda(namespace: str, name: str) -> None:
    assert "replicas" not in one("Deployment", namespace, name)["spec"]


def test_every_target_of_the_stack_file_is_a_scaled_deployment() -> None:
    targets = {
        (settings["namespace"], settings["target"]["name"])
        for settings in WORKLOADS.values()
        if "target" in settings
    }
    gateway = WORKLOADS["envoy-gateway"]
    assert targets | {(gateway["namespace"], "envoy-default-eg-e41e7b31")} == SCALED


def test_every_namespace_used_is_created() -> None:
    created = {item["metadata"]["name"] for item in ALL if item["kind"] == "Namespace"} | {"default"}
    assert {item["metadata"]["namespace"] for item in ALL if "namespace" in item["metadata"]} <= created


def test_ray_serve_says_the_stack_files_application() -> None:
    [serve] = one("Deployment", "ray", "ray-serve")["spec"]["template"]["spec"]["containers"]
    assert flags(serve)["application"] == WORKLOADS["ray-serve"]["application"]


def test_the_proxies_carry_the_gateways_labels() -> None:
    """By them the program's PodMonitor finds the proxies, and the query tells Gateways apart."""
    gateway = WORKLOADS["envoy-gateway"]["gateway"]
    deployment = one("Deployment", "envoy-gateway-system", "envoy-default-eg-e41e7b31")
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert labels["gateway.envoyproxy.io/owning-gateway-name"] == gateway["name"]
    assert labels["gateway.envoyproxy.io/owning-gateway-namespace"] == gateway["namespace"]


@pytest.mark.parametrize("workload", [name for name in WORKLOADS if WORKLOADS[name].get("monitor")])
def test_every_monitor_finds_a_port(workload: str) -> None:
    monitor = WORKLOADS[workload]["monitor"]
    namespace = monitor.get("namespace", WORKLOADS[workload]["namespace"])
    ports: set[str] = set()
    for item in ALL:
        if item["metadata"].get("namespace") != namespace:
            continue
        if monitor.get("kind", "PodMonitor") == "ServiceMonitor":
            labels, named = item["metadata"].get("labels", {}), item.get("spec", {}).get("ports", [])
            found = item["kind"] == "Service"
        else:
            pod = item.get("spec", {}).get("template")
            labels = pod["metadata"]["labels"] if pod else {}
            named = [
                port for each in (pod["spec"]["containers"] if pod else []) for port in each.get("ports", [])
            ]
            found = pod is not None
        if found and monitor["selector"].items() <= labels.items():
            ports |= {port["name"] for port in named}
    assert monitor.get("port", "metrics") in ports


def test_the_program_alone_brings_the_workloads_monitors() -> None:
    """Two monitors of the same pods would double every sum."""
    monitors = [item for item in ALL if item["kind"] in ("PodMonitor", "ServiceMonitor")]
    assert {item["metadata"]["name"] for item in monitors} == {"kube-state-metrics", "kubelet"}


def test_nats_is_where_the_stack_file_asks() -> None:
    voice = WORKLOADS["voice"]
    host, port = voice["monitoringEndpoint"].split(":")
    name, namespace, *_ = host.split(".")
    service = one("Service", namespace, name)
    assert int(port) in [entry["port"] for entry in service["spec"]["ports"]]
    source = (MODULE / "cmd" / "fleet" / "voice.go").read_text()
    assert f'= "{voice["stream"]}"' in source
    assert f'= "{voice["consumer"]}"' in source


def test_a_batch_worker_asks_for_the_stack_files_gpus_and_queue() -> None:
    [worker] = one("Deployment", "batch", "batch-inference")["spec"]["template"]["spec"]["containers"]
    gpus = WORKLOADS["batch"]["gpusPerPod"]
    assert worker["resources"]["requests"]["nvidia.com/gpu"] == gpus
    assert worker["resources"]["limits"] == {"nvidia.com/gpu": gpus}
    assert flags(worker)["queue"] == WORKLOADS["batch"]["queue"]


def test_prometheus_is_where_the_stack_file_asks() -> None:
    # The operator names the Service of every Prometheus object prometheus-operated.
    assert STACK["keda-homelab:monitoring"]["prometheus"] == "http://prometheus-operated.monitoring.svc:9090"
    assert one("Prometheus", "monitoring", "prometheus")["spec"]["serviceMonitorSelector"] == {}


def test_every_image_is_one_the_lab_builds() -> None:
    used = {container["image"] for container in containers()}
    used.add(one("Prometheus", "monitoring", "prometheus")["spec"]["image"])
    assert used <= IMAGES.keys()


def test_every_container_asks_for_little() -> None:
    """The node has two cores, and KEDA's own pods ask for 100m each."""
    asked = {container["name"]: container["resources"]["requests"] for container in containers()}
    assert all(int(requests["cpu"].removesuffix("m")) <= 20 for requests in asked.values())
    assert all(int(requests["memory"].removesuffix("Mi")) <= 64 for requests in asked.values())


def test_everything_waited_for_exists() -> None:
    made_by_the_operator = {"deployment/prometheus-operator", "statefulset/prometheus-prometheus"}
    for namespace, workload in WAITED_FOR:
        if workload not in made_by_the_operator:
            kind, _, name = workload.partition("/")
            one({"deployment": "Deployment", "statefulset": "StatefulSet"}[kind], namespace, name)


def test_the_operators_bundle_moves_to_monitoring() -> None:
    bundle = (
        "kind: CustomResourceDefinition\nmetadata: {name: c}\n"
        "enum:\n  - =\ndescription: |-\n  namespace: default is what it says\n---\n"
        "kind: ClusterRoleBinding\nsubjects:\n- kind: ServiceAccount\n  namespace: default\n---\n"
        "kind: Deployment\nmetadata:\n  name: d\n  namespace: default\n"
    )
    moved = prometheus_operator(bundle)
    assert moved.count("  namespace: monitoring\n") == 2
    assert moved.replace("namespace: monitoring\n", "namespace: default\n") == bundle


@pytest.mark.parametrize("workload", WORKLOADS)
def test_the_default_load_drives_a_workload_past_its_maximum(workload: str) -> None:
    load, settings = LOADS[workload], WORKLOADS[workload]
    amount = getattr(parser().parse_args([workload]), next(iter(load.options)))
    per_replica = {
        "voice": "messagesPerReplica",
        "ray-serve": "requestsPerReplica",
        "envoy-gateway": "connectionsPerReplica",
        "batch": "jobsPerReplica",
    }[workload]
    most = settings.get("maxReplicas") or settings["gpus"] // settings["gpusPerPod"]
    # Above (max - 1) replicas' worth and the HPA's tolerance of a tenth, so that ceil() gives the maximum.
    assert amount > (most - 1) * settings[per_replica] * 1.1


@pytest.mark.parametrize("workload", WORKLOADS)
def test_loads_talk_to_a_service_that_exists(workload: str) -> None:
    namespace, name, port = LOADS[workload].service
    assert port in [entry["port"] for entry in one("Service", namespace, name)["spec"]["ports"]]


@pytest.mark.tools
@pytest.mark.skipif(shutil.which("go") is None, reason="no Go on PATH")
@pytest.mark.parametrize("command", ["vet", "test"])
def test_programs(command: str) -> None:
    done = subprocess.run(
        ["go", command, "./..."],
        cwd=MODULE,
        env=gobuild.environment(),
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_definition_without_conditions_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    answers: list[Exception | None] = [LabError("kubectl wait: .status.conditions accessor error: …"), None]
    monkeypatch.setattr(apply.time, "sleep", lambda _: None)

    def run(*arguments: str) -> str:
        if (answer := answers.pop(0)) is not None:
            raise answer
        return ""

    apply._await_kinds(run)
    assert answers == []
    answers = [LabError("kubectl wait: timed out")]
    with pytest.raises(LabError, match="timed out"):
        apply._await_kinds(run)


@pytest.mark.tools
def test_flux_is_made_of_its_modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEDA_HOMELAB_STATE", str(tmp_path))
    folder = apply.with_modules(
        Lab("unit"), apply.MANIFESTS_ON_DEMAND / "flux", apply.ON_DEMAND["flux"].tools
    )
    kubectl = tools.ensure(["kubectl"])["kubectl"]
    done = subprocess.run([kubectl, "kustomize", folder], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    items = list(yaml.safe_load_all(done.stdout))
    deployments = [each for each in items if each["kind"] == "Deployment"]
    assert {("flux-system", f"deployment/{each['metadata']['name']}") for each in deployments} == set(
        apply.ON_DEMAND["flux"].waited_for
    )
    for item in deployments:
        [container] = item["spec"]["template"]["spec"]["containers"]
        assert container["image"] in ON_DEMAND
    bound = [subject for each in items for subject in each.get("subjects", [])]
    assert {subject["namespace"] for subject in bound} == {"flux-system"}

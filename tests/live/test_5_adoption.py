"""An HPA changes hands: by hand before, KEDA's after, the same object, and the replicas never fall."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cli import targets
from cli.engine import POLICY_PACK, Engine
from keda.adoption.prometheus_adapter import read_rules
from keda.adoption.translate import adopt
from lab.paths import Lab
from tests.live.cluster import KEDA, Cluster, Refused, query, wait
from tests.live.support import busy, deployment, wait_ready

pytestmark = pytest.mark.live

NAMESPACE = "adoption"
LEAST, MOST, BUSY = 3, 6, 5  # replicas: the bounds of every HPA, and what the signal asks for later
BY_HAND, IN_PROGRAM, LET_GO_FIRST = "by-hand", "in-program", "let-go-first"
WORKLOADS = (BY_HAND, IN_PROGRAM, LET_GO_FIRST)
PROMETHEUS = "http://prometheus-operated.monitoring.svc:9090"

# Prometheus Adapter's rule behind the metric of the HPA by hand: how many pods there are of a name.
RULES = read_rules(
    {
        "externalRules": [
            {
                "seriesQuery": 'kube_pod_info{namespace!=""}',
                "resources": {"template": "<<.Resource>>"},
                "name": {"as": "busy_pods"},
                "metricsQuery": 'count(<<.Series>>{<<.LabelMatchers>>,pod=~"busy-.*"}) or vector(0)',
            }
        ]
    }
)

PROGRAM = """
import sys

sys.path.insert(0, {project!r})

import pulumi
from pulumi_kubernetes.autoscaling.v2 import HorizontalPodAutoscaler

from components.adoption import release_adopted_hpas
from components.platform import provider
from components.recipes.generic import Generic
from components.settings import Cluster
from components.scaled_workload import ScaledWorkload

options = pulumi.ResourceOptions(providers=[provider(Cluster())])
workloads = {{
    name: Generic.parse(settings).models(name, {prometheus!r})
    for name, settings in {workloads!r}.items()
}}
release_adopted_hpas(workloads)
for manifest, retain in {hpas!r}:
    own = pulumi.ResourceOptions.merge(options, pulumi.ResourceOptions(retain_on_delete=retain))
    name = manifest["metadata"]["name"]
    HorizontalPodAutoscaler(name, metadata=manifest["metadata"], spec=manifest["spec"], opts=own)
for name, workload in workloads.items():
    ScaledWorkload(name, workload, (), options)
"""


def hpa(name: str) -> dict[str, Any]:
    """By hand it reads an external metric, of a program it reads CPU, and neither asks for more replicas."""
    target = {"type": "Utilization", "averageUtilization": 80}
    metric: dict[str, Any] = {"type": "Resource", "resource": {"name": "cpu", "target": target}}
    if name == BY_HAND:
        target = {"type": "AverageValue", "averageValue": "1"}
        metric = {"type": "External", "external": {"metric": {"name": "busy_pods"}, "target": target}}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": f"{name}-hpa", "namespace": NAMESPACE},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
            "minReplicas": LEAST,
            "maxReplicas": MOST,
            "metrics": [metric],
        },
    }


def workload(name: str) -> dict[str, Any]:
    """The same bounds, and a signal that needs no CPU: the query proposed for the HPA's own metric (by hand),
    or the number of pods with a label."""
    if name == BY_HAND:
        [proposed] = adopt(hpa(name), PROMETHEUS, RULES).workload().values()
        return {**proposed, "pollingInterval": 5, "scaleDownWindow": 0}
    return {
        "recipe": "generic",
        "namespace": NAMESPACE,
        "target": {"name": name},
        "minReplicas": LEAST,
        "maxReplicas": MOST,
        "pollingInterval": 5,
        "scaleDownWindow": 0,
        "triggers": [
            {"type": "kubernetes-workload", "metadata": {"podSelector": "signal=busy", "value": "1"}}
        ],
        "adopt": f"{name}-hpa",
    }


@dataclass(frozen=True)
class Program:
    """A Pulumi program of somebody's own, state beside it, with the project's components and policies."""

    folder: Path
    engine: Engine

    def pulumi(self, *arguments: str) -> str:
        done = subprocess.run(
            [str(self.engine.pulumi), *arguments],
            cwd=self.folder,
            env={**self.engine.environment(), "PULUMI_BACKEND_URL": self.folder.as_uri()},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    def up(self, hpas: Sequence[tuple[str, bool]], workloads: Sequence[str]) -> str:
        """Updates to these HPAs (name, whether it is retained on delete) and adopting workloads."""
        text = PROGRAM.format(
            project=str(POLICY_PACK.parent),
            prometheus=PROMETHEUS,
            workloads={name: workload(name) for name in workloads},
            hpas=[(hpa(name), retain) for name, retain in hpas],
        )
        (self.folder / "__main__.py").write_text(text)
        return self.pulumi("up", "--yes", "--skip-preview", "--policy-pack", str(POLICY_PACK))


class Watch:
    """`kubectl get --watch` on the Deployments: every replica count the API server has held since."""

    def __init__(self, lab: Lab, log: Path) -> None:
        shown = 'jsonpath={.metadata.name} {.spec.replicas} {.status.readyReplicas}{"\\n"}'
        kubectl = targets.lab_record(lab)["tools"]["kubectl"]
        command = [kubectl, f"--kubeconfig={lab.kubeconfig}", f"--namespace={NAMESPACE}", "get"]
        self.log = log
        with log.open("w") as output:
            self.process = subprocess.Popen(
                [*command, "deployments", "--watch", "-o", shown], stdout=output, stderr=subprocess.DEVNULL
            )

    def lowest(self) -> Mapping[str, tuple[int, int]]:
        """Name -> the lowest (wanted, ready) replicas seen."""
        seen: dict[str, tuple[int, int]] = {}
        for line in self.log.read_text().splitlines():
            name, wanted, *ready = line.split()
            counts = (int(wanted), int(ready[0]) if ready else 0)
            seen[name] = min(seen.get(name, counts)[0], counts[0]), min(seen.get(name, counts)[1], counts[1])
        return seen

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=30)


def hpas(cluster: Cluster) -> dict[str, Any]:
    path = f"/apis/autoscaling/v2/namespaces/{NAMESPACE}/horizontalpodautoscalers"
    return {item["metadata"]["name"]: item for item in cluster.get(path)["items"]}


def replicas(cluster: Cluster, name: str) -> tuple[int, int]:
    return cluster.replicas(NAMESPACE, name)


@pytest.fixture(scope="module")
def program(stack: Engine, cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """Three Deployments at rest under HPAs of their own: one by hand, two of a Pulumi program."""
    cluster.create("/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
    folder = tmp_path_factory.mktemp("adoption")
    (folder / "Pulumi.yaml").write_text("name: adoption\nruntime: python\n")
    program = Program(folder, stack)
    program.pulumi("stack", "init", "adoption")
    for name in WORKLOADS:
        given = deployment(name, NAMESPACE, "5m", "8Mi", replicas=LEAST)
        cluster.create(f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments", given)
    path = f"/apis/autoscaling/v2/namespaces/{NAMESPACE}/horizontalpodautoscalers"
    cluster.create(path, hpa(BY_HAND))
    program.up([(IN_PROGRAM, False), (LET_GO_FIRST, False)], [])
    for name in WORKLOADS:
        wait(f"{name} at rest", 60, lambda name=name: replicas(cluster, name) == (LEAST, LEAST))
    yield program
    program.pulumi("destroy", "--yes", "--skip-preview")
    cluster.delete(f"/api/v1/namespaces/{NAMESPACE}")
    wait("the namespace to go", 60, lambda: cluster.get(f"/api/v1/namespaces/{NAMESPACE}") is None)


@pytest.fixture(scope="module")
def moved(
    program: Program, cluster: Cluster, lab: Lab, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[dict[str, Any], Watch]]:
    """(The HPAs before, the watch) after all three have changed hands."""
    before = hpas(cluster)
    watch = Watch(lab, tmp_path_factory.mktemp("watch") / "deployments")
    wait("the watch to begin", 30, lambda: len(watch.lowest()) == len(WORKLOADS))
    try:
        said = program.up([(IN_PROGRAM, False), (LET_GO_FIRST, True)], [BY_HAND, IN_PROGRAM])
        assert f"{NAMESPACE}/{IN_PROGRAM}-hpa is now managed by KEDA" in said
        program.up([], WORKLOADS)
        for name in WORKLOADS:
            wait_ready(cluster, name, NAMESPACE)
        yield before, watch
    finally:
        watch.stop()


@pytest.mark.parametrize("name", WORKLOADS)
def test_the_hpa_is_the_same_and_kedas(
    moved: tuple[dict[str, Any], Watch], cluster: Cluster, name: str
) -> None:
    before, after = moved[0][f"{name}-hpa"], hpas(cluster)[f"{name}-hpa"]
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert "ownerReferences" not in before["metadata"]
    [owner] = after["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["name"], owner["controller"]) == ("ScaledObject", name, True)
    assert [metric["type"] for metric in after["spec"]["metrics"]] == ["External"]


def test_prometheus_answers_the_query_made_of_the_adapters_rule(moved: object, lab: Lab) -> None:
    [trigger] = workload(BY_HAND)["triggers"]
    [answer] = query(targets.lab_record(lab)["ports"]["prometheus"], trigger["metadata"]["query"])
    assert answer["value"][1] == "0"


def test_pulumi_has_forgotten_the_hpas(moved: object, program: Program) -> None:
    state = json.loads(program.pulumi("stack", "export"))["deployment"]["resources"]
    kinds = [resource["type"].rpartition(":")[2] for resource in state]
    assert kinds.count("ScaledObject") == len(WORKLOADS)
    assert "HorizontalPodAutoscaler" not in kinds


@pytest.fixture(scope="module")
def scaled(moved: tuple[dict[str, Any], Watch], cluster: Cluster) -> None:
    """After the signal rose to five, up to where all three Deployments wanted five, and fell."""
    busy(cluster, NAMESPACE, BUSY, BUSY)
    for name in WORKLOADS:
        wait(f"{name} at {BUSY}", 60, lambda name=name: replicas(cluster, name)[0] == BUSY)
    busy(cluster, NAMESPACE, 0, BUSY)


@pytest.mark.parametrize("name", WORKLOADS)
def test_scaling_goes_on(scaled: None, cluster: Cluster, name: str) -> None:
    wait(f"{name} back at {LEAST}", 60, lambda: replicas(cluster, name)[0] == LEAST)


@pytest.fixture(scope="module")
def given_back(scaled: None, moved: tuple[dict[str, Any], Watch], cluster: Cluster) -> None:
    """After one HPA has gone back: its ScaledObject deleted, its dependents orphaned, its old metrics set."""
    path = f"{KEDA}/namespaces/{NAMESPACE}/scaledobjects/{IN_PROGRAM}"
    cluster.request("DELETE", path, {"propagationPolicy": "Orphan"})
    wait("the ScaledObject to go", 60, lambda: cluster.get(path) is None)

    def written() -> bool:
        path = f"/apis/autoscaling/v2/namespaces/{NAMESPACE}/horizontalpodautoscalers/{IN_PROGRAM}-hpa"
        change = {"spec": hpa(IN_PROGRAM)["spec"]}
        try:
            cluster.request("PATCH", path, change, "application/merge-patch+json")
        except Refused:  # the guard in the cluster may not know yet that the ScaledObject is gone
            return False
        return True

    wait("the HPA to be one's own", 60, written)


def test_an_hpa_goes_back(given_back: None, moved: tuple[dict[str, Any], Watch], cluster: Cluster) -> None:
    before, after = moved[0][f"{IN_PROGRAM}-hpa"], hpas(cluster)[f"{IN_PROGRAM}-hpa"]
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert "ownerReferences" not in after["metadata"]
    assert after["spec"]["metrics"] == before["spec"]["metrics"]


@pytest.mark.parametrize("name", WORKLOADS)
def test_the_replicas_never_fell(given_back: None, moved: tuple[dict[str, Any], Watch], name: str) -> None:
    watch = moved[1]
    assert watch.process.poll() is None, "the watch ended early and may have missed something"
    assert watch.lowest()[name] == (LEAST, LEAST)

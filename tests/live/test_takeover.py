"""A KEDA that Helm installed is taken over under load: no ScaledObject is deleted, and no replica is lost.

It has a lab of its own, in which Helm installs KEDA before Pulumi does.
"""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cli import targets
from cli.engine import Engine
from cli.takeover.command import keep_crds
from cli.takeover.plan import inspect
from lab.paths import Lab
from tests.live.cluster import KEDA, Cluster, wait
from tests.live.conftest import NAME, running
from tests.live.helm import Helm
from tests.live.probe import SECONDS, KedaProbe, uids
from tests.live.support import busy, deployment, scaled_object, wait_ready

pytestmark = [pytest.mark.live, pytest.mark.long]

PROJECT = Path(__file__).resolve().parents[2]
NAMESPACE = "helm-era"
WORKLOADS = tuple(f"shop-{index}" for index in range(1, 6))
LEAST, BUSY, MOST = 1, 3, 4  # replicas: the minimum, what the load asks for, the maximum
HELMS_OWN = "SET_BY_HELM_ALONE"
COMPLETE = ("--create-namespace", "--wait", "--timeout=4m")


def takeover(lab: Lab) -> list[str]:
    return [sys.executable, "-m", "cli", "takeover", "--lab", lab.name, "--yes"]


@pytest.fixture(scope="module")
def lab(shown: Callable[[], AbstractContextManager[None]]) -> Iterator[Lab]:
    """A lab of this module's own, without a KEDA."""
    with running(f"{NAME[:14]}-takeover", shown) as lab:
        yield lab


@pytest.fixture(scope="module")
def cluster(lab: Lab) -> Cluster:
    return Cluster(str(lab.kubeconfig))


@pytest.fixture(scope="module")
def helm(lab: Lab) -> Helm:
    return Helm(lab)


@pytest.fixture(scope="module")
def loaded(lab: Lab, cluster: Cluster, helm: Helm) -> dict[str, str]:
    """The uids of five ScaledObjects of a KEDA that Helm installed, all above their minimum.

    The release has been uninstalled once before, with its CRDs kept as the takeover's second step keeps them.
    """
    helm.chart("install", {}, *COMPLETE)
    cluster.create("/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
    for name in WORKLOADS:
        given = deployment(name, NAMESPACE, "2m", "4Mi")
        cluster.create(f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments", given)
        trigger = {"type": "kubernetes-workload", "metadata": {"podSelector": "signal=busy", "value": "1"}}
        item = scaled_object(
            name, NAMESPACE, name, minReplicaCount=LEAST, maxReplicaCount=MOST, triggers=[trigger]
        )
        cluster.create(f"{KEDA}/namespaces/{NAMESPACE}/scaledobjects", item)
        wait_ready(cluster, name, NAMESPACE)
    before = uids(cluster)
    kubectl = targets.lab_kubectl(lab)
    keep_crds(inspect(kubectl), kubectl)
    said = helm.run("uninstall", "keda", "--wait")
    assert said.count("[CustomResourceDefinition]") == 6, said
    assert uids(cluster) == before
    helm.chart("install", {"env": [{"name": HELMS_OWN, "value": "1"}]}, *COMPLETE)
    helm.chart("upgrade", {"env": [{"name": HELMS_OWN, "value": "2"}]}, *COMPLETE)
    busy(cluster, NAMESPACE, BUSY, MOST)
    for name in WORKLOADS:
        wait(f"{name} at {BUSY}", 120, lambda name=name: cluster.replicas(NAMESPACE, name) == (BUSY, BUSY))
    return before


@dataclass(frozen=True)
class Taken:
    """A takeover that was killed while `pulumi up` ran, and the one that ended it."""

    uids: dict[str, str]
    probe: KedaProbe
    first: str
    second: str
    seconds: float


@pytest.fixture(scope="module")
def taken(
    loaded: dict[str, str],
    lab: Lab,
    cluster: Cluster,
    shown: Callable[[], AbstractContextManager[None]],
) -> Taken:
    probe = KedaProbe(cluster, loaded, NAMESPACE, WORKLOADS[0], WORKLOADS[0], f"s0-workload-{NAMESPACE}")
    probe.start()
    wait("the probe to look", 30, lambda: probe.looks.get("external metrics", 0) > 3)
    assert probe.gaps == {}, "Helm's KEDA answers nothing: there is nothing to lose"
    began = time.monotonic()

    def by_pulumi() -> bool:
        crd = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/scaledobjects.keda.sh"
        managers = [entry["manager"] for entry in cluster.get(crd)["metadata"]["managedFields"]]
        return any(manager.startswith("pulumi-") for manager in managers)

    options: dict[str, Any] = {
        "cwd": PROJECT,
        "stdout": subprocess.PIPE,
        "stderr": subprocess.STDOUT,
        "text": True,
    }
    with subprocess.Popen(takeover(lab), start_new_session=True, **options) as process:
        wait("pulumi up to write", 400, lambda: by_pulumi() or process.poll() is not None)
        os.killpg(process.pid, signal.SIGKILL)
        first = process.communicate(timeout=60)[0]
    done = subprocess.run(takeover(lab), timeout=600, **options)
    seconds = time.monotonic() - began
    time.sleep(15 * SECONDS)  # what an operator that has just changed does next is seen too
    probe.stop()
    with shown():
        print(f"\ntakeover, killed once: {seconds:.0f} s; looks {probe.looks}; lowest {probe.lowest}")
        print(*probe.silences(), sep="\n")
    assert done.returncode == 0, first + done.stdout
    return Taken(loaded, probe, first, done.stdout, seconds)


def test_no_scaled_object_is_deleted(taken: Taken, cluster: Cluster) -> None:
    assert taken.probe.looks["ScaledObjects"] > 20
    assert taken.probe.gone == set()
    there = uids(cluster)
    assert {name: there.get(name) for name in taken.uids} == taken.uids


@pytest.mark.parametrize("name", WORKLOADS)
def test_the_replicas_never_fall(taken: Taken, name: str) -> None:
    assert taken.probe.lowest[name] == (BUSY, BUSY)


def test_the_webhook_and_the_metrics_answer(taken: Taken) -> None:
    """A new operator pod leads, and serves metrics, once the old one has gone. An HPA without a metric keeps
    its replicas meanwhile."""
    assert taken.probe.longest("webhook") <= 3
    assert taken.probe.longest("external metrics") <= 30
    assert "ScaledObjects" not in taken.probe.gaps and "replicas" not in taken.probe.gaps


def test_a_stopped_takeover_goes_on(taken: Taken) -> None:
    assert "1/5 backup" in taken.first and "2/5 6 CRDs" in taken.first and "3/5" not in taken.first
    assert "5/5 release keda/keda is forgotten" in taken.second
    assert "Traceback" not in taken.first + taken.second


def test_helm_has_forgotten_the_release(taken: Taken, helm: Helm, cluster: Cluster) -> None:
    assert helm.run("list", "--all", "-q").split() == []
    assert cluster.get("/api/v1/namespaces/keda/secrets?labelSelector=owner%3Dhelm")["items"] == []


def test_nothing_of_helms_is_left_on_the_objects(taken: Taken, cluster: Cluster) -> None:
    paths = [
        "/apis/apps/v1/namespaces/keda/deployments/keda-operator",
        "/api/v1/namespaces/keda/services/keda-operator",
        "/apis/rbac.authorization.k8s.io/v1/clusterroles/keda-operator",
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/scaledobjects.keda.sh",
        "/apis/apiregistration.k8s.io/v1/apiservices/v1beta1.external.metrics.k8s.io",
    ]
    for path in paths:
        metadata = cluster.get(path)["metadata"]
        assert not [key for key in metadata.get("annotations") or {} if key.startswith("meta.helm.sh/")], path
        managers = {entry["manager"] for entry in metadata["managedFields"]}
        assert "helm" not in managers and any(each.startswith("pulumi-") for each in managers), path
    [container] = cluster.get(paths[0])["spec"]["template"]["spec"]["containers"]
    assert HELMS_OWN not in [each["name"] for each in container["env"]]


def test_the_backup_is_for_its_owner_alone(taken: Taken, lab: Lab) -> None:
    files = sorted((lab.root / "pulumi" / "takeover").iterdir())
    assert [stat.S_IMODE(file.stat().st_mode) for file in files] == [0o600, 0o600]
    objects, release = (json.loads(file.read_text())["items"] for file in files)
    assert {item["metadata"]["name"] for item in objects} >= set(WORKLOADS)
    assert [item["type"] for item in release] == ["helm.sh/release.v1"] * 2


def test_the_plan_names_what_is_there(taken: Taken) -> None:
    assert "Found: Helm release keda/keda, chart keda-2.19.0, deployed" in taken.first
    assert "2 stored revisions, 6 CRDs, 5 ScaledObjects" in taken.first
    assert f"ScaledObject {NAMESPACE}/{WORKLOADS[0]} scales Deployment {WORKLOADS[0]}" in taken.first
    assert "\n  env\n" in taken.first  # a value that the stack does not set


def test_scaling_goes_on(taken: Taken, cluster: Cluster) -> None:
    busy(cluster, NAMESPACE, MOST, MOST)
    for name in WORKLOADS:
        wait(f"{name} at {MOST}", 90, lambda name=name: cluster.replicas(NAMESPACE, name)[0] == MOST)


def test_a_second_takeover_finds_nothing(taken: Taken, lab: Lab) -> None:
    done = subprocess.run(takeover(lab), cwd=PROJECT, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (
        0,
        f"No KEDA of another tool is on this cluster: nothing to take over. Run `make up LAB={lab.name}`.\n",
    )


@pytest.fixture(scope="module")
def engine(lab: Lab) -> Engine:
    return targets.lab_engine(lab)


def test_an_update_changes_nothing(taken: Taken, engine: Engine) -> None:
    done = engine.operate("up", "--expect-no-changes", capture=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_destroy_keeps_what_helm_once_served(taken: Taken, engine: Engine, cluster: Cluster) -> None:
    done = engine.operate("destroy", capture=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert cluster.get("/apis/apps/v1/namespaces/keda/deployments/keda-operator") is None
    assert uids(cluster) == taken.uids

"""Flux brings a cluster to what `make render` wrote: Ready from nothing, equal to `pulumi up`, and stable.

Real source, kustomize and helm controllers, in a lab of their own. The tree is an OCI artifact in its
registry.
"""

from __future__ import annotations

import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cli import targets
from cli.engine import Engine
from cli.handover import handover
from cli.takeover.command import takeover
from lab import __main__ as lab_command
from lab.paths import Lab
from tests.live.cluster import KEDA, MERGE, Cluster, wait
from tests.live.conftest import NAME, SHORT, running
from tests.live.equality import DIFFERENCES, Difference, comparable, differing, made_since
from tests.live.flux import KUSTOMIZATIONS, RELEASE, SOURCES, Flux, pulled, ready
from tests.live.flux import NAME as ROOT
from tests.live.objects import Objects, everything, written
from tests.live.probe import KedaProbe, uids
from tests.live.support import WORKLOADS, wait_ready

pytestmark = [pytest.mark.live, pytest.mark.long]

CANARY = secrets.token_hex(16)
PAUSED = "autoscaling.keda.sh/paused"
VOICE = f"{KEDA}/namespaces/voice/scaledobjects/voice"
RAY = f"{KEDA}/namespaces/ray/scaledobjects/ray-serve"
ENVOY = f"{KEDA}/namespaces/envoy-gateway-system/scaledobjects/envoy-gateway"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
PROJECT = Path(__file__).resolve().parents[2]
GATEWAY, PROXY, BUSY = "envoy-gateway-system", "envoy-default-eg-e41e7b31", 3
OPERATOR = "/apis/apps/v1/namespaces/keda/deployments/keda-operator"
SETTLED = 20
"""Seconds until KEDA and the HPAs have written what they write after a change."""


@pytest.fixture(scope="module")
def lab(shown: Callable[[], AbstractContextManager[None]]) -> Iterator[Lab]:
    """A lab of this module's own, with Flux and without KEDA."""
    with running(f"{NAME[:16]}-flux", shown) as lab:
        with shown():
            assert lab_command.main(["add", "flux", "--name", lab.name]) == 0
        yield lab


@pytest.fixture(scope="module")
def cluster(lab: Lab) -> Cluster:
    return Cluster(str(lab.kubeconfig))


@pytest.fixture(scope="module")
def before(cluster: Cluster) -> Objects:
    """The cluster without KEDA."""
    return everything(cluster)


@pytest.fixture(scope="module")
def flux(lab: Lab, cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Flux:
    folder = tmp_path_factory.mktemp("flux")
    kubeconfig = folder / "kubeconfig"
    kubeconfig.write_text(f"users: [{{name: admin, user: {{token: {CANARY}}}}}]\n")
    environment = {"PULUMI_CONFIG_PASSPHRASE": CANARY, "KUBECONFIG": str(kubeconfig)}
    return Flux(lab, cluster, folder, SHORT, environment)


@pytest.fixture(scope="module")
def revision(
    flux: Flux, cluster: Cluster, before: Objects, shown: Callable[[], AbstractContextManager[None]]
) -> str:
    """The first revision, Ready in a cluster that had nothing of it.

    KEDA's Ready is True before its first poll, and Flux goes on by it. A poll that fails takes it back: the
    series of the fleet may be younger than Prometheus' first scrape.
    """
    assert not [key for key in before if key.group == "keda.sh" or key.namespace == "keda"]
    flux.render()
    began = time.monotonic()
    revision = flux.sync()
    flux.await_revision(revision, 400)
    applied = time.monotonic() - began
    for name, namespace in WORKLOADS.items():
        wait_ready(cluster, name, namespace)
    with shown():
        seconds = time.monotonic() - began
        print(f"\nfrom an empty cluster: Ready for Flux in {applied:.0f} s, ScaledObjects in {seconds:.0f} s")
    return revision


def test_flux_brings_an_empty_cluster_to_ready(flux: Flux, cluster: Cluster, revision: str) -> None:
    assert ready(cluster.get(RELEASE))[:2] == ("True", "InstallSucceeded")
    assert ready(cluster.get(f"{SOURCES}/keda/ocirepositories/keda"))[0] == "True"
    for name, namespace in WORKLOADS.items():
        assert cluster.condition(f"{KEDA}/namespaces/{namespace}/scaledobjects/{name}", "Ready")[0] == "True"


def test_no_secret_is_in_the_artifact(flux: Flux, lab: Lab, revision: str) -> None:
    port = targets.lab_record(lab)["ports"]["registry"]
    files = pulled(port, revision.partition("@")[2])
    rendered = {file.relative_to(flux.tree).as_posix() for file in flux.tree.rglob("*") if file.is_file()}
    assert set(files) == rendered and len(files) > 30
    for name, content in files.items():
        assert CANARY.encode() not in content, name
        assert b"kind: Secret\n" not in content, name


@pytest.fixture(scope="module")
def by_flux(flux: Flux, cluster: Cluster, revision: str, before: Objects) -> Objects:
    """What Flux made."""
    time.sleep(SETTLED)
    return made_since(before, everything(cluster))


def test_a_second_reconciliation_writes_nothing(flux: Flux, cluster: Cluster, by_flux: Objects) -> None:
    flux.reconcile()
    after = everything(cluster)
    assert written(by_flux) == written({key: after[key] for key in by_flux})


def change(flux: Flux, changes: Mapping[str, Any], timeout: str | None = None) -> str:
    """Renders, pushes, and has Flux look; the revision. With `timeout`, workloads that are broken are not
    waited for five minutes."""
    flux.render(changes)
    if timeout:
        for file in (flux.tree / "flux").glob("apps-*.yaml"):
            file.write_text(file.read_text().replace("timeout: 5m", f"timeout: {timeout}"))
    return flux.sync()


def test_a_paused_workload_is_current(flux: Flux, cluster: Cluster, by_flux: Objects) -> None:
    """Whatever else it is: here its trigger is broken, too."""
    paused = {
        "keda-homelab:workloads.voice.annotations": {PAUSED: "true"},
        "keda-homelab:workloads.voice.monitoringEndpoint": "nowhere.nats.svc.cluster.local:8222",
    }
    flux.await_revision(change(flux, paused), 120)
    wait("voice paused", 60, lambda: cluster.condition(VOICE, "Paused")[0] == "True")
    flux.reconcile()
    assert flux.ready("keda-apps-voice")[0] == "True"
    flux.await_revision(change(flux, {}), 120)
    wait("voice not paused", 60, lambda: cluster.condition(VOICE, "Paused")[0] != "True")


def test_a_rollout_of_keda_is_healthy(flux: Flux, cluster: Cluster, by_flux: Objects) -> None:
    """What waits for KEDA waits; nothing fails."""
    generation = cluster.get(OPERATOR)["metadata"]["generation"]
    slower = {"readinessProbe": {"initialDelaySeconds": 3}}
    revision = change(flux, {"keda-homelab:keda.values.operator": slower})
    reasons: set[str] = set()

    def rolled_out() -> bool:
        states = [ready(item) for item in flux.kustomizations().values()]
        reasons.update(reason for status, reason, _ in states if status == "False")
        return cluster.get(OPERATOR)["metadata"]["generation"] > generation and not flux.late(revision)

    wait("the rollout", 300, rolled_out)
    assert reasons <= {"DependencyNotReady"}
    for name, namespace in WORKLOADS.items():
        wait_ready(cluster, name, namespace)
    flux.await_revision(change(flux, {}), 300)


@pytest.fixture(scope="module")
def broken(flux: Flux, cluster: Cluster, by_flux: Objects) -> dict[str, tuple[str, str, str]]:
    """Ready of each layer after Prometheus has gone. Three workloads ask it, one of them with a fallback that
    is to fail; voice asks NATS."""
    change(
        flux,
        {
            "keda-homelab:monitoring.prometheus": "http://nowhere.monitoring.svc:9090",
            "keda-homelab:gitops.fallback": "failed",
            "keda-homelab:workloads.envoy-gateway.fallback": {"failureThreshold": 1, "replicas": 2},
        },
        timeout="45s",
    )
    wait("the fallback", 120, lambda: cluster.condition(ENVOY, "Fallback")[0] == "True")
    wait("ray-serve broken", 120, lambda: cluster.condition(RAY, "Ready")[0] == "False")
    began = time.monotonic()
    names = {f"keda-apps-{namespace}" for namespace in WORKLOADS.values()}
    tokens = {name: flux.ask(f"{KUSTOMIZATIONS}/{name}") for name in sorted(names)}
    found: dict[str, tuple[str, str, str]] = {}

    def judged() -> bool:
        for name, item in flux.kustomizations().items():
            state = ready(item)
            handled = item["status"].get("lastHandledReconcileAt") == tokens.get(name)
            if name not in found and (handled or state[0] == "False") and state[0] in ("True", "False"):
                found[name] = state
                print(f"{name}: {state}, after {time.monotonic() - began:.0f} s")
        return names <= found.keys()

    wait("every layer judged", 200, judged)
    flux.await_revision(change(flux, {}), 300)
    return found


def test_an_active_fallback_fails_its_layer_by_choice(broken: dict[str, tuple[str, str, str]]) -> None:
    status, reason, message = broken["keda-apps-envoy-gateway-system"]
    assert (status, reason) == ("False", "HealthCheckFailed")
    assert "ScaledObject/envoy-gateway-system/envoy-gateway" in message and "Failed" in message


def test_a_broken_trigger_fails_its_layer_alone(broken: dict[str, tuple[str, str, str]]) -> None:
    status, reason, message = broken["keda-apps-ray"]
    assert (status, reason) == ("False", "HealthCheckFailed")
    assert "ScaledObject/ray/ray-serve" in message and "InProgress" in message
    assert broken["keda-apps-voice"][0] == "True"


def test_a_pruned_workload_leaves_nothing(flux: Flux, cluster: Cluster, by_flux: Objects) -> None:
    revision = change(flux, {"keda-homelab:workloads.batch": None})
    flux.await_revision(revision, 200)
    of_batch = [key for key in everything(cluster) if key.namespace == "batch"]
    assert not [key for key in of_batch if key.group in ("keda.sh", "autoscaling")]
    assert "keda-apps-batch" not in flux.kustomizations()
    flux.await_revision(change(flux, {}), 200)


@pytest.fixture(scope="module")
def removed(flux: Flux, cluster: Cluster, by_flux: Objects) -> Objects:
    """The cluster after the tree was deleted, and then the release: docs/gitops.md."""
    flux.await_revision(change(flux, {}), 200)
    cluster.delete(f"{KUSTOMIZATIONS}/{ROOT}")
    wait("the tree gone", 200, lambda: not flux.kustomizations())
    assert ready(cluster.get(RELEASE))[0] == "True"
    cluster.delete(RELEASE)
    wait("the release gone", 200, lambda: cluster.get(RELEASE) is None)
    return everything(cluster)


def test_deleting_the_tree_and_then_the_release_leaves_the_crds(before: Objects, removed: Objects) -> None:
    left = {key for key in removed if key not in before and key.kind != "Event"}
    kinds = {(key.kind, key.group) for key in left}
    assert ("CustomResourceDefinition", "apiextensions.k8s.io") in kinds
    assert not [key for key in left if key.group == "keda.sh"]


@pytest.fixture(scope="module")
def engine(lab: Lab) -> Engine:
    return targets.lab_engine(lab, SHORT)


@pytest.fixture(scope="module")
def by_pulumi(
    engine: Engine,
    cluster: Cluster,
    before: Objects,
    removed: Objects,
    shown: Callable[[], AbstractContextManager[None]],
) -> Objects:
    """What `pulumi up` made in the same cluster, from nothing again."""
    cluster.delete("/api/v1/namespaces/keda")
    for key in removed:
        if key.kind == "CustomResourceDefinition" and key.name.endswith(".keda.sh"):
            cluster.delete(f"{CRDS}/{key.name}")
    wait("KEDA gone", 120, lambda: not comparable(made_since(before, everything(cluster))))
    with shown():
        assert engine.operate("up").returncode == 0
    for name, namespace in WORKLOADS.items():
        wait_ready(cluster, name, namespace)
    time.sleep(SETTLED)
    return made_since(before, everything(cluster))


def test_pulumi_and_flux_make_the_same(by_flux: Objects, by_pulumi: Objects) -> None:
    flux, pulumi = comparable(by_flux), comparable(by_pulumi)
    assert len(pulumi) > 60
    assert differing(flux, pulumi) == []


@pytest.mark.parametrize("difference", DIFFERENCES, ids=[each.what for each in DIFFERENCES])
def test_what_may_differ_does(by_flux: Objects, by_pulumi: Objects, difference: Difference) -> None:
    others = [each for each in DIFFERENCES if each is not difference]
    assert differing(comparable(by_flux, others), comparable(by_pulumi, others)) != []


def test_a_second_up_writes_nothing(engine: Engine, cluster: Cluster, by_pulumi: Objects) -> None:
    done = engine.operate("up", "--expect-no-changes", capture=True)
    assert done.returncode == 0, done.stdout + done.stderr
    after = everything(cluster)
    assert written(by_pulumi) == written({key: after[key] for key in by_pulumi})


@dataclass(frozen=True)
class HandedOver:
    """What a probe saw while the objects changed hands."""

    uids: dict[str, str]
    probe: KedaProbe
    objects: Objects


@contextmanager
def probed(lab: Lab, cluster: Cluster) -> Iterator[KedaProbe]:
    """A probe that looks, while clients hold connections to Envoy; at its end it prints what it saw."""
    loading = [sys.executable, "-m", "lab", "load", "envoy-gateway", "--name", lab.name]
    client = subprocess.Popen([*loading, "--connections", "140", "--seconds", "900"], cwd=PROJECT)
    try:
        wait("the load", 120, lambda: cluster.replicas(GATEWAY, PROXY) == (BUSY, BUSY))
        [metric] = cluster.get(ENVOY)["status"]["externalMetricNames"]
        probe = KedaProbe(cluster, uids(cluster), GATEWAY, "envoy-gateway", PROXY, metric)
        probe.start()
        wait("the probe to look", 30, lambda: probe.looks.get("external metrics", 0) > 3)
        assert probe.gaps == {}, "KEDA answers nothing: there is nothing to lose"
        yield probe
        time.sleep(15)  # what comes of it is seen too
        probe.stop()
    finally:
        client.terminate()
        client.wait(timeout=30)
    print(f"\n{probe.looks}; {probe.lowest}", *probe.silences(), sep="\n")


@pytest.fixture(scope="module")
def handed_over(
    flux: Flux,
    lab: Lab,
    cluster: Cluster,
    engine: Engine,
    before: Objects,
    by_pulumi: Objects,
    shown: Callable[[], AbstractContextManager[None]],
) -> HandedOver:
    """From Pulumi to Flux as docs/gitops.md has it, with clients that hold connections to Envoy."""
    with shown(), probed(lab, cluster) as probe:
        began = time.monotonic()
        flux.render()
        flux.await_revision(flux.sync(), 300)
        adopted = time.monotonic() - began
        handover(engine, targets.lab_kubectl(lab), lambda: None)
        print(f"\nadopted in {adopted:.0f} s, handed over in {time.monotonic() - began:.0f} s")
    return HandedOver(probe.uids, probe, made_since(before, everything(cluster)))


def test_no_scaled_object_is_deleted_and_no_replica_lost(handed_over: HandedOver, cluster: Cluster) -> None:
    assert handed_over.probe.looks["ScaledObjects"] > 20
    assert handed_over.probe.gone == set() and uids(cluster) == handed_over.uids
    assert handed_over.probe.lowest[PROXY] == (BUSY, BUSY)


def test_the_webhook_and_the_metrics_answer(handed_over: HandedOver) -> None:
    """KEDA's pods are replaced, since their label `helm.sh/chart` differs."""
    assert handed_over.probe.longest("webhook") <= 3
    assert handed_over.probe.longest("external metrics") <= 30
    assert "ScaledObjects" not in handed_over.probe.gaps and "replicas" not in handed_over.probe.gaps


def test_nothing_of_pulumi_is_left(handed_over: HandedOver, by_flux: Objects, engine: Engine) -> None:
    for key, item in handed_over.objects.items():
        managers = {entry["manager"] for entry in item["metadata"].get("managedFields") or ()}
        assert not [each for each in managers if each.startswith("pulumi-")], key
        annotations = item["metadata"].get("annotations") or {}
        assert not [each for each in annotations if each.startswith("pulumi.com/")], key
    others = differing(comparable(by_flux), comparable(handed_over.objects))
    # KEDA's pods were replaced once, and its Deployments count that.
    revision = "metadata.annotations[deployment.kubernetes.io/revision]"
    assert {(key.kind, path) for key, path, _, _ in others} <= {("Deployment", revision)}
    assert engine.deployment().get("resources", []) == []


def test_flux_alone_changes_what_was_handed_over(
    handed_over: HandedOver, flux: Flux, cluster: Cluster
) -> None:
    """A label that leaves the tree leaves the cluster, which another owner of it would prevent."""
    flux.await_revision(change(flux, {"keda-homelab:workloads.voice.labels": {"team": "voice"}}), 120)
    assert cluster.get(VOICE)["metadata"]["labels"]["team"] == "voice"
    flux.await_revision(change(flux, {}), 120)
    assert "team" not in cluster.get(VOICE)["metadata"]["labels"]


def test_pulumi_is_refused_from_now_on(handed_over: HandedOver, engine: Engine) -> None:
    done = engine.operate("up", capture=True)
    assert done.returncode != 0 and "Flux" in done.stdout + done.stderr


@pytest.fixture(scope="module")
def taken_back(
    handed_over: HandedOver,
    flux: Flux,
    lab: Lab,
    cluster: Cluster,
    engine: Engine,
    before: Objects,
    shown: Callable[[], AbstractContextManager[None]],
) -> HandedOver:
    """From Flux to Pulumi as docs/takeover.md has it, with the same load."""
    flux.await_revision(change(flux, {"keda-homelab:gitops.orphan": True}), 200)
    assert {item["spec"]["deletionPolicy"] for item in of_the_tree(flux).values()} == {"Orphan"}
    with shown(), probed(lab, cluster) as probe:
        began = time.monotonic()
        cluster.delete(f"{KUSTOMIZATIONS}/{ROOT}")
        wait("the tree gone", 200, lambda: not flux.kustomizations())
        cluster.request("PATCH", RELEASE, {"spec": {"suspend": True}}, MERGE)
        cluster.delete(RELEASE)
        wait("the HelmRelease gone", 60, lambda: cluster.get(RELEASE) is None)
        cluster.delete(f"{SOURCES}/keda/ocirepositories/keda")
        takeover(engine, targets.lab_kubectl(lab), f" LAB={lab.name}", lambda: None)
        print(f"\ntaken back in {time.monotonic() - began:.0f} s")
    return HandedOver(probe.uids, probe, made_since(before, everything(cluster)))


def of_the_tree(flux: Flux) -> dict[str, dict[str, Any]]:
    """The Kustomizations of the tree."""
    return {name: item for name, item in flux.kustomizations().items() if name != ROOT}


def test_the_way_back_loses_nothing(taken_back: HandedOver, cluster: Cluster) -> None:
    assert taken_back.probe.gone == set() and uids(cluster) == taken_back.uids
    assert taken_back.probe.lowest[PROXY] == (BUSY, BUSY)
    assert taken_back.probe.longest("webhook") <= 3
    assert taken_back.probe.longest("external metrics") <= 30


def test_nothing_of_flux_is_left(taken_back: HandedOver, by_pulumi: Objects) -> None:
    for key, item in taken_back.objects.items():
        if key not in by_pulumi or key.kind == "Event":
            continue
        managers = {entry["manager"] for entry in item["metadata"].get("managedFields") or ()}
        assert not managers & {"kustomize-controller", "helm-controller"}, key
        assert not [each for each in item["metadata"].get("labels") or {} if "fluxcd" in each], key
    others = differing(comparable(by_pulumi), comparable(taken_back.objects))
    # KEDA's pods were replaced on the way there and back, and its Deployments count that.
    revision = "metadata.annotations[deployment.kubernetes.io/revision]"
    assert {(key.kind, path) for key, path, _, _ in others} <= {("Deployment", revision)}


def test_pulumi_alone_owns_it_again(taken_back: HandedOver, engine: Engine) -> None:
    done = engine.operate("up", "--expect-no-changes", capture=True)
    assert done.returncode == 0, done.stdout + done.stderr

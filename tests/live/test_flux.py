"""Flux brings a cluster to what `make render` wrote: Ready from nothing, equal to `pulumi up`, and stable.

Real source, kustomize and helm controllers, in a lab of their own. The tree is an OCI artifact in its registry.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from cli import targets
from cli.engine import Engine
from lab import __main__ as lab_command
from lab.paths import Lab
from tests.live.cluster import KEDA, Cluster, wait
from tests.live.conftest import NAME, SHORT, running
from tests.live.equality import DIFFERENCES, comparable, made_since
from tests.live.flux import KUSTOMIZATIONS, RELEASE, SOURCES, Flux, pulled, ready
from tests.live.flux import NAME as ROOT
from tests.live.objects import Key, Objects, everything, leaves, written
from tests.live.support import WORKLOADS, wait_ready

pytestmark = pytest.mark.live

CANARY = secrets.token_hex(16)
PAUSED = "autoscaling.keda.sh/paused"
NOWHERE = "http://nowhere.monitoring.svc:9090"
VOICE = f"{KEDA}/namespaces/voice/scaledobjects/voice"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
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
def revision(flux: Flux, before: Objects, shown: Callable[[], AbstractContextManager[None]]) -> str:
    """The first revision, Ready in a cluster that had nothing of it."""
    assert not [key for key in before if key.group == "keda.sh" or key.namespace == "keda"]
    flux.render()
    began = time.monotonic()
    revision = flux.sync()
    flux.await_revision(revision, 400)
    with shown():
        print(f"\nfrom an empty cluster to Ready by Flux: {time.monotonic() - began:.0f} s")
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


def change(flux: Flux, changes: Mapping[str, Any]) -> str:
    """Renders, pushes, and has Flux look; the revision."""
    flux.render(changes)
    return flux.sync()


def test_a_paused_workload_is_current(flux: Flux, cluster: Cluster, by_flux: Objects) -> None:
    """Paused, and its target is gone: nothing of that is a fault of what was applied."""
    paused = {"keda-homelab:workloads.voice.annotations": {PAUSED: "true"}}
    flux.await_revision(change(flux, paused), 120)
    wait("voice paused", 60, lambda: cluster.condition(VOICE, "Paused")[0] == "True")
    flux.reconcile()
    assert flux.ready("keda-apps-voice")[0] == "True"
    flux.await_revision(change(flux, {}), 120)
    wait("voice not paused", 60, lambda: cluster.condition(VOICE, "Paused")[0] != "True")


def test_a_rollout_of_keda_is_healthy(flux: Flux, cluster: Cluster, by_flux: Objects) -> None:
    generation = cluster.get(OPERATOR)["metadata"]["generation"]
    probe = {"readinessProbe": {"initialDelaySeconds": 3}}
    revision = change(flux, {"keda-homelab:keda.values.operator": probe})
    failed: dict[str, tuple[str, str, str]] = {}

    def rolled_out() -> bool:
        there = {name: ready(item) for name, item in flux.kustomizations().items()}
        failed.update({name: each for name, each in there.items() if each[0] == "False"})
        return cluster.get(OPERATOR)["metadata"]["generation"] > generation and flux.is_ready(revision)

    wait("the rollout", 300, rolled_out)
    assert {each[1] for each in failed.values()} <= {"DependencyNotReady"}
    for name, namespace in WORKLOADS.items():
        wait_ready(cluster, name, namespace)


@pytest.mark.parametrize(("fallback", "reason"), [("failed", "HealthCheckFailed")])
def test_a_broken_trigger_fails_its_layer_alone(
    flux: Flux, cluster: Cluster, by_flux: Objects, fallback: str, reason: str
) -> None:
    """Prometheus has gone. Three workloads ask it, and voice asks NATS."""
    broken = {
        "keda-homelab:monitoring.prometheus": NOWHERE,
        "keda-homelab:gitops.fallback": fallback,
        "keda-homelab:workloads.envoy-gateway.fallback": {"failureThreshold": 1, "replicas": 2},
    }
    began = time.monotonic()
    change(flux, broken)
    name = "keda-apps-envoy-gateway-system"
    wait(f"{name} fails", 200, lambda: flux.ready(name)[:2] == ("False", reason))
    assert time.monotonic() - began < 200
    assert "ScaledObject/envoy-gateway-system/envoy-gateway" in flux.ready(name)[2]
    assert flux.ready("keda-apps-voice")[0] == "True"
    flux.await_revision(change(flux, {}), 300)


def test_a_pruned_workload_leaves_nothing(flux: Flux, cluster: Cluster, by_flux: Objects) -> None:
    revision = change(flux, {"keda-homelab:workloads.batch": None})
    flux.await_revision(revision, 200)
    left = [key for key in everything(cluster) if key.namespace == "batch" and key.group == "keda.sh"]
    assert left == []
    assert (
        cluster.get("/apis/autoscaling/v2/namespaces/batch/horizontalpodautoscalers/keda-hpa-batch") is None
    )
    assert cluster.get(f"{KUSTOMIZATIONS}/keda-apps-batch") is None
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
    wait("KEDA gone", 120, lambda: not [key for key in made_since(before, everything(cluster))])
    with shown():
        assert engine.operate("up").returncode == 0
    for name, namespace in WORKLOADS.items():
        wait_ready(cluster, name, namespace)
    time.sleep(SETTLED)
    return made_since(before, everything(cluster))


def test_pulumi_and_flux_make_the_same_objects(by_flux: Objects, by_pulumi: Objects) -> None:
    flux, pulumi = comparable(by_flux), comparable(by_pulumi)
    assert len(pulumi) > 60
    assert sorted(flux) == sorted(pulumi)


def test_pulumi_and_flux_make_the_same_fields(by_flux: Objects, by_pulumi: Objects) -> None:
    flux, pulumi = comparable(by_flux), comparable(by_pulumi)
    assert differing(flux, pulumi) == []


def differing(left: Objects, right: Objects) -> list[tuple[Key, str, Any, Any]]:
    """(object, path, left, right) of each field that differs, of the objects that both have."""
    found = []
    for key in sorted(left.keys() & right.keys()):
        one, other = dict(leaves(left[key])), dict(leaves(right[key]))
        paths = sorted(one.keys() | other.keys())
        found += [
            (key, path, one.get(path), other.get(path)) for path in paths if one.get(path) != other.get(path)
        ]
    return found


def test_every_difference_that_is_allowed_is_seen(by_flux: Objects, by_pulumi: Objects) -> None:
    """The list has nothing that no longer differs."""
    for difference in DIFFERENCES:
        others = [each for each in DIFFERENCES if each is not difference]
        flux, pulumi = comparable(by_flux, others), comparable(by_pulumi, others)
        assert sorted(flux) != sorted(pulumi) or differing(flux, pulumi), difference


def test_a_second_up_writes_nothing(engine: Engine, cluster: Cluster, by_pulumi: Objects) -> None:
    done = engine.operate("up", "--expect-no-changes", capture=True)
    assert done.returncode == 0, done.stdout + done.stderr
    after = everything(cluster)
    assert written(by_pulumi) == written({key: after[key] for key in by_pulumi})

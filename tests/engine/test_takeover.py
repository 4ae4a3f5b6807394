"""Helm and the API server in a takeover: what `helm uninstall` deletes, what an edited release keeps, whose
fields are whose. `pulumi up` is a forced server-side apply of the chart here; tests/live has the real one."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from cli.engine import Engine
from cli.errors import CommandError
from cli.kubectl import Kubectl
from cli.takeover.command import keep_crds, takeover
from cli.takeover.plan import inspect
from lab import chart_source
from lab.toolchain import tools
from tests.engine.conftest import Cluster

pytestmark = pytest.mark.engine

CRD = "scaledobjects.keda.sh"
BY_HELM = [{"name": "SET_BY_HELM_ALONE", "value": "1"}]
DRIVERS = ("secret", "configmap")
SCALED = {
    "apiVersion": "keda.sh/v1alpha1",
    "kind": "ScaledObject",
    "metadata": {"name": "shop", "namespace": "default"},
    "spec": {
        "scaleTargetRef": {"name": "shop"},
        "triggers": [
            {"type": "kubernetes-workload", "metadata": {"podSelector": "app=shop", "value": "1"}},
        ],
    },
}


@dataclass(frozen=True)
class Helm:
    """Helm with one storage driver, on a KEDA chart in a folder."""

    binary: Path
    chart: Path
    kubeconfig: Path
    driver: str = "secret"

    def run(self, *arguments: str) -> str:
        done = subprocess.run(
            [self.binary, f"--kubeconfig={self.kubeconfig}", "--namespace=keda", *arguments],
            env={**os.environ, "HELM_DRIVER": self.driver},
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def upgrade(self, release: str = "keda", version: str = "2.19.0") -> None:
        """`helm upgrade --install` of the chart in this version, with one environment variable more."""
        text = (self.chart / "Chart.yaml").read_text()
        (self.chart / "Chart.yaml").write_text(text.replace("2.19.0", version))
        try:
            given = f"--set-json=env={json.dumps(BY_HELM)}"
            self.run("upgrade", "--install", release, str(self.chart), "--create-namespace", given)
        finally:
            (self.chart / "Chart.yaml").write_text(text)

    @functools.lru_cache(1)  # noqa: B019 (a second of YAML, the same for every test)
    def rendered(self) -> list[dict[str, Any]]:
        """The objects of the chart as the program has it: its CRDs kept, and no environment of Helm's."""
        keep = '--set-json=crds.additionalAnnotations={"helm.sh/resource-policy":"keep"}'
        text = self.run("template", "keda", str(self.chart), keep)
        return [each for each in yaml.load_all(text, yaml.CSafeLoader) if each]


@dataclass(frozen=True)
class Applied(Engine):
    """An engine whose `up` applies the rendered chart as Pulumi's provider does."""

    kubectl: Kubectl | None = None
    objects: tuple[dict[str, Any], ...] = ()

    def operate(
        self, verb: str, *args: str, capture: bool = False, assume_yes: bool = True
    ) -> subprocess.CompletedProcess[str]:
        if verb == "up" and self.kubectl:
            whole = {"apiVersion": "v1", "kind": "List", "items": list(self.objects)}
            force = ["--server-side", "--force-conflicts", "--field-manager=pulumi-kubernetes-1"]
            self.kubectl.call("apply", *force, "-f", "-", stdin=json.dumps(whole))
        return subprocess.CompletedProcess([], 0, "", "")

    def deployment(self) -> dict[str, Any]:
        return {"resources": [{"type": "kubernetes:x", "outputs": each} for each in self.objects]}


@pytest.fixture(scope="module")
def chart(found: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("chart")
    crds = tools.module_dir("keda-operator") / "config" / "crd"
    with tarfile.open(chart_source.package_own(found, crds, folder)) as archive:
        archive.extractall(folder, filter="data")
    return folder / "keda"


@pytest.fixture(params=DRIVERS)
def helm(
    request: pytest.FixtureRequest, found: dict[str, Path], chart: Path, cluster: Cluster
) -> Iterator[Helm]:
    """Helm by one of its drivers; what it installed is gone afterwards."""
    helm = Helm(found["helm"], chart, cluster.kubeconfig, request.param)
    yield helm
    # The aggregated API first: nothing serves it here, and no namespace can be emptied beside it.
    cluster.kubectl("delete", "apiservice", "v1beta1.external.metrics.k8s.io", "--ignore-not-found")
    everything = {"apiVersion": "v1", "kind": "List", "items": helm.rendered()}
    cluster.kubectl("delete", "--ignore-not-found", "-f", "-", stdin=everything)
    cluster.kubectl("delete", "secrets,configmaps", "-n", "keda", "-l", "owner=helm")


@pytest.fixture
def kubectl(cluster: Cluster) -> Kubectl:
    return Kubectl(str(cluster.binary), kubeconfig=str(cluster.kubeconfig))


def scale(cluster: Cluster) -> str:
    """Applies the ScaledObject; its uid."""
    cluster.kubectl("wait", f"crd/{CRD}", "--for=condition=Established", "--timeout=60s")
    cluster.kubectl("apply", "-f", "-", stdin=SCALED)
    return uid(cluster)


def uid(cluster: Cluster) -> str:
    found = cluster.get("scaledobjects.keda.sh", "shop")
    return found["metadata"]["uid"] if found else ""


def engine(folder: Path, helm: Helm, kubectl: Kubectl) -> Applied:
    overrides = {"keda-homelab:workloads": {}}
    return Applied(
        folder, Path("pulumi"), overrides=overrides, kubectl=kubectl, objects=tuple(helm.rendered())
    )


def test_helm_does_not_look_at_the_live_crd(helm: Helm, cluster: Cluster) -> None:
    """Why the stored release is edited: a CRD that has the annotation itself is deleted all the same."""
    helm.upgrade()
    assert scale(cluster)
    cluster.kubectl("annotate", "crd", CRD, "helm.sh/resource-policy=keep")
    helm.run("uninstall", "keda")
    cluster.kubectl("wait", f"crd/{CRD}", "--for=delete", "--timeout=60s")


def test_helm_keeps_the_crds_of_an_edited_release(helm: Helm, cluster: Cluster, kubectl: Kubectl) -> None:
    helm.upgrade("scaler")
    helm.upgrade("scaler")
    before = scale(cluster)
    keep_crds(inspect(kubectl), kubectl)
    assert helm.run("uninstall", "scaler").count("[CustomResourceDefinition]") == 6
    assert uid(cluster) == before


@pytest.mark.parametrize("version", ["2.19.0", "2.17.2"])
def test_a_takeover(helm: Helm, cluster: Cluster, kubectl: Kubectl, tmp_path: Path, version: str) -> None:
    """And the way back: the backup is Helm's release again, which the next upgrade takes up."""
    helm.upgrade(version=version)
    before = scale(cluster)
    stack = engine(tmp_path, helm, kubectl)
    takeover(stack, kubectl, "", lambda: None)
    assert uid(cluster) == before
    assert helm.run("list", "--all", "-q") == ""
    for item in stack.objects:
        metadata = item["metadata"]
        name = [item["kind"], metadata["name"], "-n", metadata.get("namespace", "keda")]
        live = json.loads(cluster.kubectl("get", *name, "-o", "json", "--show-managed-fields"))
        managers = {each["manager"] for each in live["metadata"]["managedFields"]}
        assert "pulumi-kubernetes-1" in managers and "helm" not in managers, name
        assert "meta.helm.sh" not in json.dumps(live), name
        assert BY_HELM[0]["name"] not in json.dumps(live), name
    [backup] = (tmp_path / "takeover").glob("*-release.json")
    cluster.kubectl("create", "-f", str(backup))
    helm.upgrade()
    assert helm.run("list", "-q").split() == ["keda"]
    deployment = cluster.get("deployment", "keda-operator", "keda")
    assert deployment and BY_HELM[0]["name"] in json.dumps(deployment)


def test_a_newer_release_is_refused(helm: Helm, cluster: Cluster, kubectl: Kubectl, tmp_path: Path) -> None:
    helm.upgrade(version="2.20.1")
    scale(cluster)
    with pytest.raises(
        CommandError, match=r"^keda\.version: 2\.19\.0 is older than the release's 2\.20\.1\."
    ):
        takeover(engine(tmp_path, helm, kubectl), kubectl, "", lambda: None)
    assert helm.run("list", "-q").split() == ["keda"]

"""What Pulumi made is handed over with the real engine: the objects stay, its fields and its state go.

A forced server-side apply stands for Flux here; tests/live/test_flux.py has the real one.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cli.engine import Engine
from cli.errors import CommandError
from cli.handover import handover
from cli.kubectl import Kubectl
from tests.engine.conftest import Cluster

pytestmark = pytest.mark.engine

PROGRAM = """
from pulumi_kubernetes import Provider
from pulumi_kubernetes.core.v1 import ConfigMap
from pulumi import ResourceOptions
providers = {"first": Provider("first"), "second": Provider("second", upsert_existing_objects=True)}
annotations = {"pulumi.com/patchForce": "true"}
for name, provider in providers.items():
    ConfigMap(name, metadata={"name": name, "namespace": %r, "annotations": annotations},
        data={"both": "1", "pulumi-alone": "1"}, opts=ResourceOptions(provider=provider))
"""


@pytest.fixture
def engine(
    cluster: Cluster, found: dict[str, Path], plugins: dict[str, str], namespace: str, tmp_path: Path
) -> Engine:
    """A stack of two ConfigMaps, one created and one applied server-side."""
    program, state = tmp_path / "program", tmp_path / "state"
    program.mkdir()
    state.mkdir()
    (program / "Pulumi.yaml").write_text("name: keda-homelab\nruntime: python\n", encoding="utf-8")
    (program / "__main__.py").write_text(PROGRAM % namespace, encoding="utf-8")
    environment = {
        **plugins,
        "KUBECONFIG": str(cluster.kubeconfig),
        "PULUMI_BACKEND_URL": state.as_uri(),
        "PULUMI_CONFIG_PASSPHRASE": "test",
    }
    engine = Engine(tmp_path / "engine", found["pulumi"], environment, program=program, exclusive=True)
    done = engine.operate("up", "--skip-preview", capture=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return engine


def adopt(kubectl: Kubectl, namespace: str, *names: str) -> None:
    """Applies the ConfigMaps as Flux does."""
    labels = {f"kustomize.toolkit.fluxcd.io/{key}": f"the-{key}" for key in ("name", "namespace")}
    for name in names:
        item = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": name, "namespace": namespace, "labels": labels},
            "data": {"both": "1"},
        }
        command = ["apply", "--server-side", "--force-conflicts", "--field-manager=kustomize-controller"]
        kubectl.call(*command, "-f", "-", stdin=json.dumps(item))


def live(cluster: Cluster, namespace: str, name: str) -> dict[str, Any]:
    command = ["get", "configmap", name, "-n", namespace, "-o", "json", "--show-managed-fields"]
    found: dict[str, Any] = json.loads(cluster.kubectl(*command))
    return found


def test_a_handover(
    engine: Engine, cluster: Cluster, namespace: str, capsys: pytest.CaptureFixture[str]
) -> None:
    kubectl = Kubectl(str(cluster.binary), kubeconfig=str(cluster.kubeconfig))
    before = {name: live(cluster, namespace, name) for name in ("first", "second")}
    adopt(kubectl, namespace, "first")
    with pytest.raises(CommandError, match=rf"^ConfigMap {namespace}/second: Flux does not apply it, so"):
        handover(engine, kubectl, lambda: None)
    assert len(engine.deployment()["resources"]) > 2

    adopt(kubectl, namespace, "second")
    handover(engine, kubectl, lambda: None)
    assert "2 by Kustomization the-namespace/the-name" in capsys.readouterr().out
    for name, old in before.items():
        item = live(cluster, namespace, name)
        assert item["metadata"]["uid"] == old["metadata"]["uid"]
        assert item["data"] == {"both": "1"}
        assert "annotations" not in item["metadata"]
        assert [each["manager"] for each in item["metadata"]["managedFields"]] == ["kustomize-controller"]
    assert engine.deployment().get("resources", []) == []
    assert engine.config_file.exists()

"""Which cluster a command talks to, and what it refuses to take away."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from cli import __main__ as command
from cli import targets
from cli.engine import Engine
from lab.paths import Lab
from tests.cli.test_status import Canned


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    """A lab that looks as if it were up."""
    monkeypatch.setenv("KEDA_HOMELAB_STATE", str(tmp_path))
    monkeypatch.setattr(
        "pulumi_plugins.plugin_environment", lambda pulumi, home: ({"PULUMI_HOME": str(home)}, "")
    )
    lab = Lab("unit")
    lab.root.mkdir()
    programs = {name: f"/opt/{name}/{name}" for name in ("kubectl", "helm", "pulumi")}
    record = {"tools": programs, "chart": {"source": "oci://127.0.0.1:5000/keda"}}
    lab.record.write_text(json.dumps(record))
    return lab


def test_a_lab_is_the_cluster_whatever_kubeconfig_is_exported(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", "/home/me/.kube/production")
    engine = targets.lab_engine(lab)
    assert engine.environment()["KUBECONFIG"] == str(lab.kubeconfig)
    assert engine.overrides == {
        "keda-homelab:keda.chart": "oci://127.0.0.1:5000/keda",
        "keda-homelab:cluster": None,
    }


def test_the_passphrase_is_the_owners_alone(lab: Lab) -> None:
    file = Path(targets.lab_engine(lab).env["PULUMI_CONFIG_PASSPHRASE_FILE"])
    first = file.read_text()
    targets.lab_engine(lab)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert len(first) > 20
    assert file.read_text() == first


def test_a_lab_that_is_not_up_is_one_line(lab: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    lab.record.unlink()
    assert command.main(["status", "--lab", "unit"]) == 1
    assert capsys.readouterr().err == (
        "lab unit: not up, so there is no cluster to talk to. Run `make up LAB=unit`.\n"
    )


def test_a_name_that_cannot_be_a_labs_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["status", "--lab", "Not A Name"]) == 1
    assert capsys.readouterr().err.startswith("LAB: 'Not A Name' cannot name a lab")


@pytest.mark.parametrize("exclusive", [True, False])
def test_only_a_lock_that_must_be_ours_is_cancelled(tmp_path: Path, exclusive: bool) -> None:
    """On a shared backend the lock may be a colleague's running update."""
    said = tmp_path / "said"
    pulumi = tmp_path / "pulumi"
    pulumi.write_text(f'#!/bin/sh\necho "$1" >>{said}\n')
    pulumi.chmod(0o755)
    Engine(folder=tmp_path / "stack", pulumi=pulumi, exclusive=exclusive).operate("up")
    assert ("cancel" in said.read_text().split()) is exclusive
    assert said.read_text().split()[-1] == "up"


class Exported(Engine):
    """An engine whose state holds one ScaledObject, voice/voice."""

    def deployment(self) -> dict[str, Any]:
        resource = {
            "type": "kubernetes:keda.sh/v1alpha1:ScaledObject",
            "outputs": {"metadata": {"namespace": "voice", "name": "voice"}},
        }
        return {"resources": [resource]}


def scaled(namespace: str, name: str, *finalizers: str) -> dict[str, Any]:
    return {
        "kind": "ScaledObject",
        "metadata": {"namespace": namespace, "name": name, "finalizers": list(finalizers)},
    }


def test_only_others_objects_with_kedas_finalizer_stand_in_the_way(tmp_path: Path) -> None:
    found = [
        scaled("voice", "voice", "finalizer.keda.sh"),
        scaled("web", "shop", "finalizer.keda.sh"),
        scaled("web", "new"),
    ]
    engine = Exported(folder=tmp_path, pulumi=Path("pulumi"))
    assert targets.foreign_keda_objects(engine, Canned({"scaledobjects.keda.sh": found})) == [
        "ScaledObject web/shop"
    ]

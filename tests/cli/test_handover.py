"""Handing the stack's objects over to Flux: what is refused, what is planned, and a stop at any step."""

from __future__ import annotations

import copy
import json
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from cli.engine import Engine
from cli.errors import CommandError
from cli.handover import handover
from cli.kubectl import Kubectl

Object = dict[str, Any]
KUSTOMIZE, HELM = "kustomize.toolkit.fluxcd.io", "helm.toolkit.fluxcd.io"


def item(kind: str, name: str, owner: str, namespace: str = "", manager: str = "", **labels: str) -> Object:
    group = {"ScaledObject": "keda.sh/v1alpha1", "Deployment": "apps/v1"}.get(kind, "v1")
    fields = [{"manager": f"pulumi-kubernetes-{name}", "operation": "Apply"}]
    if manager:
        fields.append({"manager": manager, "operation": "Apply"})
    marks = {f"{owner}/name": "keda", f"{owner}/namespace": "flux-system"} if owner else {}
    metadata: Object = {"name": name, "labels": {**marks, **labels}, "managedFields": fields}
    if namespace:
        metadata["namespace"] = namespace
    return {"apiVersion": group, "kind": kind, "metadata": {**metadata, "resourceVersion": "1"}}


ADOPTED = (
    item("Namespace", "keda", KUSTOMIZE, manager="kustomize-controller"),
    item("Deployment", "keda-operator", HELM, "keda", "helm-controller"),
    item("ScaledObject", "shop", KUSTOMIZE, "web", "kustomize-controller"),
)


class Killed(BaseException):
    """The command is stopped here, as by kill -9."""


@dataclass
class Cluster(Kubectl):
    """An API server that knows `get` and an `apply` of nothing."""

    objects: list[Object]
    kill_at: int = -1
    given_up: list[str] = field(default_factory=list)

    def call(self, *args: str, stdin: str = "") -> str:
        given = json.loads(stdin)
        wanted = [each["metadata"]["name"] for each in given.get("items", [given])]
        there = [each for each in self.objects if each["metadata"]["name"] in wanted]
        if args[0] == "get":
            return json.dumps({"items": copy.deepcopy(there)})
        assert args[0] == "apply" and "--server-side" in args
        [found] = there
        manager = next(each for each in args if "field-manager" in each).partition("=")[2]
        fields = found["metadata"]["managedFields"]
        found["metadata"]["managedFields"] = [each for each in fields if each["manager"] != manager]
        self.given_up.append(manager)
        if len(self.given_up) == self.kill_at:
            raise Killed
        return ""

    def managers(self) -> set[str]:
        return {entry["manager"] for each in self.objects for entry in each["metadata"]["managedFields"]}


@dataclass(frozen=True)
class Pulumi(Engine):
    """An engine whose state has these objects."""

    state: list[Object] = field(default_factory=list)

    def deployment(self) -> Object:
        made = [
            {**each, "__fieldManager": f"pulumi-kubernetes-{each['metadata']['name']}"} for each in self.state
        ]
        return {"resources": [{"type": "kubernetes:x", "outputs": each} for each in made] + [{"type": "x"}]}

    def forget(self) -> None:
        self.state.clear()


def pulumi(folder: Path, cluster: Cluster) -> Pulumi:
    return Pulumi(folder, Path("pulumi"), state=list(cluster.objects))


def adopted(*more: Object) -> Cluster:
    return Cluster([*copy.deepcopy(ADOPTED), *more])


def test_a_handover(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cluster = adopted()
    engine = pulumi(tmp_path, cluster)
    handover(engine, cluster, lambda: None)
    assert cluster.managers() == {"kustomize-controller", "helm-controller"}
    assert engine.state == []
    said = capsys.readouterr().out
    assert "3 objects" in said and "1 by HelmRelease flux-system/keda" in said
    assert "ScaledObject web/shop" in said and "given up on 3 objects" in said
    [backup] = (tmp_path / "handover").iterdir()
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    assert len(json.loads(backup.read_text())["deployment"]["resources"]) == 4


def test_nothing_is_written_before_the_answer(tmp_path: Path) -> None:
    cluster = adopted()
    engine = pulumi(tmp_path, cluster)

    def no() -> None:
        raise CommandError("no")

    with pytest.raises(CommandError, match="no"):
        handover(engine, cluster, no)
    assert cluster.given_up == [] and len(engine.state) == 3 and list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "left",
    [
        item("ConfigMap", "board", "", "monitoring"),
        item("ConfigMap", "board", KUSTOMIZE, "monitoring"),  # labels of a Flux that has gone
        item("ConfigMap", "board", "", "monitoring", "kustomize-controller"),
    ],
)
def test_what_flux_does_not_apply_is_refused(left: Object, tmp_path: Path) -> None:
    cluster = adopted(copy.deepcopy(left))
    engine = pulumi(tmp_path, cluster)
    with pytest.raises(CommandError, match=r"^ConfigMap monitoring/board: Flux does not apply it, so"):
        handover(engine, cluster, pytest.fail)
    assert cluster.given_up == []


@pytest.mark.parametrize("last", [1, 2, 3])
def test_a_handover_that_was_stopped_goes_on(last: int, tmp_path: Path) -> None:
    cluster = adopted()
    engine = pulumi(tmp_path, cluster)
    cluster.kill_at = last
    with pytest.raises(Killed):
        handover(engine, cluster, lambda: None)
    assert len(engine.state) == 3
    cluster.kill_at = -1
    handover(engine, cluster, lambda: None)
    assert engine.state == [] and len(cluster.given_up) == 3


def test_an_empty_stack_has_nothing_to_hand_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    handover(Pulumi(tmp_path, Path("pulumi")), Cluster([]), pytest.fail)
    assert "nothing to hand over" in capsys.readouterr().out

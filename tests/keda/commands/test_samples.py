"""Files of samples are alternatives: one scales the target in one way, another in another."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.keda.commands.tree import found, scaled_object, workload

HPA = """\
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web}
spec: {maxReplicas: 3, scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}}
"""


@pytest.mark.parametrize("folder", ["tutorials/assets", "examples", "deploy/samples/web", "util/testdata"])
@pytest.mark.parametrize("other", [HPA, scaled_object("web-2", target="web")], ids=["HPA", "ScaledObject"])
def test_two_files_of_samples(folder: str, other: str, tmp_path: Path) -> None:
    files = {f"{folder}/so.yaml": scaled_object(), f"{folder}/other.yaml": other}
    assert found(tmp_path, files) == []


def test_what_is_applied_together_meets(tmp_path: Path) -> None:
    files = {
        "k8s/so.yaml": scaled_object(),
        "k8s/hpa.yaml": HPA,
        "examples/a/all.yaml": f"{scaled_object('a')}---\n",
    }
    files["examples/a/all.yaml"] += HPA.replace("name: web", "name: a")
    assert [line.split(": ")[1] for line in found(tmp_path, files)] == ["one-owner-hpa"] * 2
    parts = {
        "examples/b/so.yaml": scaled_object("b"),
        "examples/b/b.yaml": workload("b").replace("spec:", "spec:\n  replicas: 2", 1),
    }
    assert "examples/b/so.yaml: one-owner-replicas: ScaledObject default/b" in found(tmp_path, parts)

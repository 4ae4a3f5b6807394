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


@pytest.mark.parametrize("folder", ["tutorials/assets", "examples", "deploy/samples", "util/testdata/a"])
@pytest.mark.parametrize("other", [HPA, scaled_object("web-2", target="web")], ids=["HPA", "ScaledObject"])
def test_two_files_of_samples(folder: str, other: str, tmp_path: Path) -> None:
    files = {f"{folder}/so.yaml": scaled_object(), f"{folder}/other.yaml": other}
    assert found(tmp_path, files) == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("k8s/so.yaml", "k8s/hpa.yaml"),
        ("examples/all.yaml", "examples/all.yaml"),
        ("examples/web/so.yaml", "examples/web/hpa.yaml"),
    ],
)
def test_what_is_applied_together_meets(one: str, other: str, tmp_path: Path) -> None:
    files = {one: scaled_object(), other: HPA} if one != other else {one: f"{scaled_object()}---\n{HPA}"}
    assert found(tmp_path, files) == [f"{one}: one-owner-hpa: ScaledObject default/web"]


def test_a_fixed_count_in_another_file_of_samples_is_told(tmp_path: Path) -> None:
    files = {
        "examples/so.yaml": scaled_object(),
        "examples/web.yaml": workload().replace("spec:", "spec:\n  replicas: 2", 1),
    }
    assert found(tmp_path, files) == ["examples/so.yaml: one-owner-replicas: ScaledObject default/web"]

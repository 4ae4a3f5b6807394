"""A stored Helm release, and its CRDs kept."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

import pytest
import yaml

from cli.helm_release import StoredRelease, keep

CRD = """# Source: keda/templates/crds/crd-scaledobjects.yaml
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  annotations:
    controller-gen.kubebuilder.io/version: v0.20.0
  labels:
    app.kubernetes.io/name: keda-operator
  name: scaledobjects.keda.sh
spec:
  group: keda.sh
  description: |
    metadata:
      annotations: none
"""
BARE = """apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
    name: scaledjobs.keda.sh
spec: {group: keda.sh}
"""
FLOW = "{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: a.keda.sh}}\n"
EMPTY = BARE.replace("    name", "    annotations: {}\n    name")
OTHERWISE = BARE.replace("    name", "    annotations:\n        helm.sh/resource-policy: delete\n    name")
DEPLOYMENT = """---
# Source: keda/templates/manager/deployment.yaml
apiVersion: apps/v1
kind: Deployment
metadata:
  name: keda-operator
"""


def stored(kind: str = "Secret", **changed: Any) -> dict[str, Any]:
    release = {
        "name": "keda",
        "namespace": "scaling",
        "version": 3,
        "info": {"status": "deployed"},
        "chart": {"metadata": {"name": "keda", "version": "2.19.0"}},
        "config": {"operator": {"replicaCount": 2}},
        "manifest": f"---\n{CRD}{DEPLOYMENT}",
        **changed,
    }
    text = base64.b64encode(gzip.compress(json.dumps(release).encode())).decode()
    if kind == "Secret":
        text = base64.b64encode(text.encode()).decode()
    metadata = {"name": "sh.helm.release.v1.keda.v3", "namespace": "scaling"}
    return {"kind": kind, "metadata": metadata, "data": {"release": text}}


@pytest.mark.parametrize("document", [CRD, BARE, FLOW, EMPTY, OTHERWISE], ids=range(5))
def test_a_crd_is_kept_and_nothing_else_changes(document: str) -> None:
    before, after = yaml.safe_load(document), yaml.safe_load(keep(document))
    annotations = after["metadata"].pop("annotations")
    assert annotations.pop("helm.sh/resource-policy") == "keep"
    earlier = before["metadata"].pop("annotations", {})
    earlier.pop("helm.sh/resource-policy", None)
    assert (annotations, after) == (earlier, before)
    assert keep(keep(document)) == keep(document)


def test_one_line_is_added_to_a_manifest() -> None:
    manifest = f"---\n{CRD}{DEPLOYMENT}"
    after = keep(manifest)
    added = [line for line in after.splitlines() if line not in manifest.splitlines()]
    assert added == ["    helm.sh/resource-policy: keep"]
    assert after.replace(f"{added[0]}\n", "") == manifest


@pytest.mark.parametrize("kind", ["Secret", "ConfigMap"])
def test_a_release_is_stored_as_it_was_with_the_crds_kept(kind: str) -> None:
    release = StoredRelease.of(stored(kind))
    kept = release.keeping()
    assert kept and {**kept, "data": None} == {**release.item, "data": None}
    again = StoredRelease.of(kept)
    assert {**again.data, "manifest": ""} == {**release.data, "manifest": ""}
    assert again.manifest == keep(release.manifest)
    assert again.keeping() is None
    assert (again.name, again.namespace, again.revision, again.status) == ("keda", "scaling", 3, "deployed")
    assert [each["kind"] for each in again.objects()] == ["CustomResourceDefinition", "Deployment"]


@pytest.mark.parametrize(
    "item",
    [
        {"kind": "Secret", "metadata": {}, "data": {}},
        {"kind": "Secret", "metadata": {}, "data": {"release": "cGFzc3dvcmQ="}},
        {"kind": "ConfigMap", "metadata": {}, "data": {"release": "e30="}},
        {"kind": "ConfigMap", "metadata": {}, "data": None},
        stored(info=None),
    ],
)
def test_what_is_no_release_is_refused_without_its_content(item: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="no release of Helm's: [A-Za-z]+$"):
        StoredRelease.of(item)

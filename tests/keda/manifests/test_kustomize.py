"""Kustomize folders are judged as they are applied, each root by itself."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from keda.manifests.files import Files, Unjudged
from keda.manifests.kustomize import build
from tests.keda.commands.tree import (
    authentication,
    found,
    judged,
    kustomization,
    scaled_object,
    secret,
    workload,
    written,
)

OTHER = workload("other", "shop")
OLD = f"{scaled_object(namespace='shop', target='old')}---\n{workload('web', 'shop')}"


@pytest.mark.parametrize(
    "files",
    [
        pytest.param(
            {
                "kustomization.yaml": kustomization(
                    "namespace: shop\nresources: [so.yaml, dep.yaml, other.yaml]"
                ),
                "so.yaml": scaled_object(namespace="shop"),
                "dep.yaml": workload(),
                "other.yaml": OTHER,
            },
            id="namespace",
        ),
        pytest.param(
            {
                "app/kustomization.yaml": kustomization("resources: [../base, so.yaml]\nnamePrefix: dev-"),
                "app/so.yaml": scaled_object(namespace="shop", target="dev-web"),
                "base/kustomization.yaml": kustomization("resources: [web.yaml]\nnamespace: shop"),
                "base/web.yaml": workload() + "---\n" + OTHER,
            },
            id="prefix",
        ),
        pytest.param(
            {
                "kustomization.yml": kustomization("resources: [all.yaml]\nnameSuffix: -v2"),
                "all.yaml": OLD.replace("name: old", "name: web-v2"),
            },
            id="suffix",
        ),
        pytest.param(
            {
                "kustomization.yaml": kustomization(
                    "resources: [all.yaml]\nnamePrefix: a-\nconfigurations: [names.yaml]"
                ),
                "names.yaml": "nameReference:\n- kind: Deployment\n  fieldSpecs:\n"
                "  - {kind: ScaledObject, path: spec/scaleTargetRef/name}\n",
                "all.yaml": f"{scaled_object(namespace='shop')}---\n{workload('web', 'shop')}",
            },
            id="configurations name the reference",
        ),
        pytest.param(
            {
                "base/kustomization.yaml": kustomization("resources: [all.yaml]"),
                "base/all.yaml": OLD,
                "prod/kustomization.yaml": kustomization(
                    "resources: [../base]\npatches:\n- target: {kind: ScaledObject}\n  patch: |-\n"
                    "    - {op: replace, path: /spec/scaleTargetRef/name, value: web}"
                ),
            },
            id="JSON patch inline",
        ),
        pytest.param(
            {
                "base/kustomization.yaml": kustomization("resources: [all.yaml]"),
                "base/all.yaml": OLD,
                "prod/kustomization.yaml": kustomization(
                    "resources: [../base]\npatchesStrategicMerge: [p.yaml]"
                ),
                "prod/p.yaml": "apiVersion: keda.sh/v1alpha1\nkind: ScaledObject\nmetadata: {name: web}\n"
                "spec: {scaleTargetRef: {name: web}}\n",
            },
            id="strategic merge",
        ),
        pytest.param(
            {
                "base/kustomization.yaml": kustomization("resources: [so.yaml]"),
                "base/so.yaml": scaled_object().replace("  maxReplicaCount: 4\n", "  maxReplicaCount: -1\n"),
                "prod/kustomization.yaml": kustomization("resources: [../base]\npatches: [{path: p.json}]"),
                "prod/p.json": '{"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "metadata": '
                '{"name": "web"}, "spec": {"maxReplicaCount": 9}}',
            },
            id="a patch corrects the base",
        ),
        pytest.param(
            {
                "kustomization.yaml": kustomization("resources: [so.yaml]\ncomponents: [../zero]"),
                "so.yaml": scaled_object(namespace="shop").replace(
                    "maxReplicaCount: 4", "maxReplicaCount: -1"
                ),
                "../zero/kustomization.yaml": kustomization(
                    "patches:\n- target: {kind: Scaled.*}\n  patch: |\n"
                    "    [{op: add, path: /spec/maxReplicaCount, value: 3}]",
                    "Component",
                ),
            },
            id="component",
        ),
        pytest.param(
            {
                "kustomization.yaml": kustomization(
                    "resources: [ta.yaml]\nnamespace: shop\n"
                    "secretGenerator: [{name: mq, literals: [host=amqp://mq/]}, "
                    "{name: other, files: [a=b.txt]}]"
                ),
                "ta.yaml": authentication("mq"),
            },
            id="secret of literals",
        ),
        pytest.param(
            {
                "kustomization.yaml": kustomization(
                    "resources: [ta.yaml, s.yaml]\nnamespace: shop\n"
                    "secretGenerator: [{name: mq, envs: [.env]}]"
                ),
                ".env": "# a comment\nhost=amqp://mq/\n",
                "ta.yaml": authentication("mq"),
                "s.yaml": secret("other"),
            },
            id="secret of an env file",
        ),
        pytest.param(
            {
                "kustomization.yaml": kustomization(
                    "resources: [ta.yaml, s.yaml]\ntransformers: [sealed.yaml]\ngenerators: [ksops.yaml]"
                ),
                "ksops.yaml": "apiVersion: viaduct.ai/v1\nkind: ksops\nmetadata: {name: k}\n",
                "ta.yaml": authentication("mq"),
                "s.yaml": secret("other"),
            },
            id="generator plug-in",
        ),
        pytest.param(
            {
                "kustomization.yaml": kustomization(
                    "resources: [ta.yaml, s.yaml, 'https://example.org/base?ref=v1']"
                ),
                "ta.yaml": authentication("mq"),
                "s.yaml": secret("other"),
            },
            id="remote resource",
        ),
        pytest.param(
            {
                "kustomization.yaml": kustomization(
                    "resources: [so.yaml]\nreplacements:\n- source: {kind: ConfigMap, name: c}\n  targets:\n"
                    "  - {select: {kind: ScaledObject}, fieldPaths: [spec.maxReplicaCount]}"
                ),
                "so.yaml": scaled_object().replace("maxReplicaCount: 4", "maxReplicaCount: -1"),
            },
            id="replacement",
        ),
        pytest.param(
            {
                "kustomization.yaml": kustomization(
                    "resources: [all.yaml]\nreplicas: [{name: other, count: 3}]"
                ),
                "all.yaml": f"{scaled_object()}---\n{workload()}---\n{workload('other')}",
            },
            id="replicas of another",
        ),
    ],
)
def test_valid(files: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    written(tmp_path / "tree", files)
    assert found(tmp_path) == []


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        pytest.param(
            {
                "kustomization.yaml": kustomization(
                    "resources: [all.yaml]\nnamespace: shop\nnamePrefix: dev-"
                ),
                "all.yaml": f"{scaled_object()}---\n{workload()}",
            },
            ["all.yaml: target-missing: ScaledObject shop/dev-web"],
            id="kustomize does not rename KEDA's references",
        ),
        pytest.param(
            {
                "kustomization.yaml": kustomization(
                    "resources: [all.yaml]\nreplicas: [{name: web, count: 3}]"
                ),
                "all.yaml": f"{scaled_object(namespace='shop')}---\n{workload('web', 'shop')}",
            },
            ["all.yaml: one-owner-replicas: ScaledObject shop/web"],
            id="replicas",
        ),
        pytest.param(
            {
                "base/kustomization.yaml": "resources: [so.yaml]\n",
                "base/so.yaml": scaled_object(),
                "prod/kustomization.yaml": kustomization("resources: [../base]\npatches: [{path: p.yaml}]"),
                "prod/p.yaml": "apiVersion: keda.sh/v1alpha1\nkind: ScaledObject\nmetadata: {name: web}\n"
                "spec: {maxReplicaCount: -1}\n",
            },
            ["base/so.yaml: replica-bounds: ScaledObject default/web"],
            id="a patch breaks the base",
        ),
        pytest.param(
            {
                "base/kustomization.yaml": kustomization("resources: [so.yaml]"),
                "base/so.yaml": scaled_object().replace("maxReplicaCount: 4", "maxReplicaCount: -1"),
                "a/kustomization.yaml": kustomization("resources: [../base]\nnamespace: a"),
                "b/kustomization.yaml": kustomization("resources: [../base]\nnamespace: b"),
            },
            ["base/so.yaml: replica-bounds: ScaledObject a/web"],
            id="a base's mistake is told once",
        ),
        pytest.param(
            {
                "kustomization.yaml": kustomization(
                    "resources: [ta.yaml]\nnamespace: shop\nsecretGenerator: [{name: mq, literals: [hots=x]}]"
                ),
                "ta.yaml": authentication("mq"),
            },
            ["ta.yaml: unknown-secret: TriggerAuthentication shop/mq"],
            id="a generator's keys count",
        ),
    ],
)
def test_invalid(files: dict[str, str], expected: list[str], tmp_path: Path) -> None:
    assert found(tmp_path, files) == expected


@pytest.mark.parametrize("names", [("staging", "prod"), ("clusters/a", "clusters/b"), ("eu/web", "us/web")])
def test_roots_do_not_meet(names: tuple[str, str], tmp_path: Path) -> None:
    files = {"base/kustomization.yaml": "resources: [web.yaml]\n", "base/web.yaml": workload()}
    for number, name in enumerate(names):
        up = "../" * len(Path(name).parts)
        files[f"{name}/kustomization.yaml"] = kustomization(f"resources: [{up}base, so.yaml]")
        files[f"{name}/so.yaml"] = scaled_object(f"web-{number}", target="web")
    assert found(tmp_path, files) == []
    both = kustomization("resources: [one.yaml, two.yaml]")
    together = {"kustomization.yaml": both} | {
        name: scaled_object(name[:3], target="web") for name in ("one.yaml", "two.yaml")
    }
    (tmp_path / "same").mkdir()
    assert [line.split(": ")[1] for line in found(tmp_path / "same", together)] == ["one-owner-scaledobject"]


def test_a_file_that_no_one_lists_is_named(tmp_path: Path) -> None:
    files = {
        "kustomization.yaml": kustomization("resources: [a.yaml]"),
        "a.yaml": scaled_object("a"),
        "b.yaml": scaled_object("b").replace("maxReplicaCount: 4", "maxReplicaCount: -1"),
    }
    lines, noted = judged(tmp_path, files)
    assert lines == []
    assert noted.unjudged.unlisted == [str(tmp_path / "b.yaml")]


def test_the_file_itself_can_be_named(tmp_path: Path) -> None:
    files = {
        "a/kustomization.yaml": kustomization("resources: [so.yaml]\nnamespace: shop"),
        "a/so.yaml": scaled_object().replace("maxReplicaCount: 4", "maxReplicaCount: -1"),
    }
    expected = ["a/so.yaml: replica-bounds: ScaledObject shop/web"]
    assert found(tmp_path, files, "a/kustomization.yaml") == expected
    assert found(tmp_path, files, "a") == expected


@pytest.mark.tools
def test_it_builds_what_kubectl_builds(tmp_path: Path) -> None:
    kubectl = shutil.which("kubectl")
    assert kubectl, "kubectl is not on PATH"
    written(
        tmp_path,
        {
            "base/kustomization.yaml": kustomization("resources: [all.yaml]\ncommonLabels: {tier: front}"),
            "base/all.yaml": f"{scaled_object()}---\n{workload()}---\n{workload('db', kind='StatefulSet')}",
            "zero/kustomization.yaml": kustomization(
                "patches:\n- target: {kind: Deployment, name: w.*}\n  patch: |\n"
                "    - {op: add, path: /metadata/annotations, value: {a: b}}",
                "Component",
            ),
            "prod/kustomization.yaml": kustomization(
                "resources: [../base]\ncomponents: [../zero]\nnamespace: shop\nnamePrefix: a-\n"
                "nameSuffix: -z\nlabels: [{pairs: {x: z}, includeSelectors: true}]\n"
                "replicas: [{name: db, count: 3}]\npatches: [{path: p.yaml}]\n"
                "configMapGenerator: [{name: c, literals: [k=v]}]\n"
                "generatorOptions: {disableNameSuffixHash: true}"
            ),
            "prod/p.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n"
            "  template:\n    spec:\n      containers:\n      - {name: c, env: [{name: A, value: b}]}\n"
            "      - {name: side, image: s}\n",
        },
    )
    command = [kubectl, "kustomize", str(tmp_path / "prod")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    theirs = {(each["kind"], each["metadata"]["name"]): each for each in yaml.safe_load_all(done.stdout)}
    files = Files(Unjudged())
    ours = {(each.kind, each.name): each.manifest for each in build(tmp_path / "prod", files.read).objects}
    assert ours == theirs

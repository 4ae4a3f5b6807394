"""Charts and YAML through the real engine: children, their names, order, options; manifests as files."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.engine.conftest import Stack

pytestmark = pytest.mark.engine

CHART = {
    "Chart.yaml": "apiVersion: v2\nname: toy\nversion: 1.2.3\n",
    "values.yaml": "replicas: 1\ntext: from the chart\n",
    "crds/toys.yaml": """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: toys.example.com}
spec:
  group: example.com
  names: {kind: Toy, plural: toys, singular: toy, listKind: ToyList}
  scope: Namespaced
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}
""",
    "templates/all.yaml": """
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}-config
  annotations: {helm.sh/resource-policy: keep}
data:
  text: {{ .Values.text }}
  files: {{ .Values.fromFile | default "none" }}
  apps: {{ .Capabilities.APIVersions.Has "apps/v1/Deployment" | quote }}
  version: {{ .Capabilities.KubeVersion.Version }}
  found: {{ (lookup "v1" "Namespace" "" "default").metadata.name }}
---
apiVersion: example.com/v1
kind: Toy
metadata: {name: bear}
spec: {replicas: {{ .Values.replicas }}}
---
apiVersion: v1
kind: Secret
metadata: {name: key, namespace: default}
stringData: {key: hunter2}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: toys}
rules: []
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: hook
  annotations: {helm.sh/hook: pre-install}
""",
}

START = """
import signal

import pulumi
from pulumi import FileAsset, ResourceOptions, StringAsset
from pulumi_kubernetes import Provider
from pulumi_kubernetes.core.v1 import ConfigMap
from pulumi_kubernetes.helm.v4 import Chart
from pulumi_kubernetes.yaml.v2 import ConfigGroup

signal.signal(signal.SIGINT, signal.SIG_DFL)

def label(args):
    if args.type_ == "kubernetes:core/v1:ConfigMap" and isinstance(args.props["metadata"], dict):
        metadata = {**args.props["metadata"], "labels": {"transformed": "yes"}}
        return pulumi.ResourceTransformResult({**args.props, "metadata": metadata}, args.opts)

"""


@pytest.fixture
def chart(stack: Stack) -> Path:
    for name, text in CHART.items():
        path = stack.folder / "toy" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return stack.folder / "toy"


@pytest.mark.usefixtures("chart")
def test_a_chart(stack: Stack, namespace: str) -> None:
    """The children are the released provider's: type, name, parent; CRDs come before their objects."""
    body = f"""
provider = Provider("ours", upsert_existing_objects=True)
chart = Chart("toy", chart="./toy", namespace={namespace!r}, values={{"replicas": 2}},
    value_yaml_files=[StringAsset("fromFile: yes-it-was")],
    opts=ResourceOptions(provider=provider, transforms=[label]))
ConfigMap("after", metadata={{"name": "after", "namespace": {namespace!r}}},
    opts=ResourceOptions(depends_on=[chart], provider=provider))
pulumi.export("count", chart.resources.apply(len))
"""
    stack.program(START + body)
    preview = stack.preview()
    assert preview.code == 0, preview.text
    assert "example.com/v1:Toy toy:" in preview.text
    assert (up := stack.up()).code == 0, up.text
    assert "warning" not in up.text, up.text
    resources = {each["urn"].split("::")[-1]: each for each in stack.resources()}
    root = "urn:pulumi:test::engine-test::kubernetes:helm.sh/v4:Chart"
    assert resources["toy"]["urn"] == f"{root}::toy"
    expected = {
        f"toy:{namespace}/toy-config": "kubernetes:core/v1:ConfigMap",
        "toy:toys.example.com": "kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition",
        f"toy:{namespace}/bear": "kubernetes:example.com/v1:Toy",
        "toy:default/key": "kubernetes:core/v1:Secret",
        "toy:toys": "kubernetes:rbac.authorization.k8s.io/v1:ClusterRole",
    }
    children = {
        name: each["urn"].split("::")[2]
        for name, each in resources.items()
        if each.get("parent") == f"{root}::toy"
    }
    assert children == {name: f"kubernetes:helm.sh/v4:Chart${kind}" for name, kind in expected.items()}
    assert all("::ours::" in resources[name]["provider"] for name in expected)
    assert resources[f"toy:{namespace}/toy-config"]["retainOnDelete"] is True
    assert resources["toy:toys.example.com"]["urn"] in resources[f"toy:{namespace}/bear"]["dependencies"]
    assert stack.pulumi("stack", "output", "count").text.strip() == "5"
    state = "".join(file.read_text() for file in (stack.folder / "state").rglob("*.json"))
    assert "hunter2" not in state and "aHVudGVyMg" not in state

    config = stack.cluster.get("configmap", "toy-config", namespace)
    bear = stack.cluster.get("toys.example.com", "bear", namespace)
    assert config is not None and bear is not None
    assert config["metadata"]["labels"] == {"transformed": "yes"}
    assert config["data"] == {
        "text": "from the chart",
        "files": "yes-it-was",
        "apps": "true",
        "version": "v1.34.3",
        "found": "default",
    }
    assert bear["spec"]["replicas"] == 2
    assert stack.cluster.get("configmap", "hook", namespace) is None

    assert stack.up("--expect-no-changes").code == 0
    assert stack.pulumi("refresh", "--yes", "--skip-preview", "--expect-no-changes").code == 0
    assert (done := stack.destroy()).code == 0, done.text
    assert stack.cluster.get("configmap", "toy-config", namespace) is not None
    assert stack.cluster.get("crd", "toys.example.com") is None


@pytest.mark.usefixtures("chart")
def test_charts_that_cannot_be_rendered(stack: Stack, namespace: str) -> None:
    """An unknown value leaves the preview incomplete; a missing chart is one line."""
    stack.program(
        START
        + """
cm = ConfigMap("first")
Chart("toy", chart="./toy", values={"text": cm.id})
"""
    )
    preview = stack.preview()
    assert preview.code == 0, preview.text
    assert preview.lines("Input properties have unknown values. Preview is incomplete.")
    assert "toy:" not in preview.text

    stack.program(
        START + 'Chart("gone", chart="oci://127.0.0.1:9/charts/gone", version="1.0.0", plain_http=True)'
    )
    # The SDK's own traceback may follow, if it hears of the end before the host interrupts the program.
    refused = stack.preview(traceback=True)
    assert refused.code != 0
    (line,) = refused.lines("chart oci://127.0.0.1:9/charts/gone 1.0.0 cannot be rendered")
    assert "connection refused" in line


def test_yaml(stack: Stack, namespace: str) -> None:
    """A namespace comes before what is in it; an object without one goes to the default namespace."""
    file = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: from-file}\n"
    (stack.folder / "one.more.yaml").write_text(file, encoding="utf-8")
    text = yaml.safe_dump_all(
        [
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": "inside", "namespace": "made"},
            },
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "made"}},
        ]
    )
    stack.program(
        START
        + f"""
provider = Provider("ours", namespace={namespace!r})
ConfigGroup("group", yaml={text!r}, files=["one.*.yaml"], skip_await=True,
    opts=ResourceOptions(provider=provider))
"""
    )
    assert (up := stack.up()).code == 0, up.text
    names = {each["urn"].split("::")[-1] for each in stack.resources()}
    assert {"group:made", "group:made/inside", f"group:{namespace}/from-file"} <= names
    assert (done := stack.destroy()).code == 0, done.text


def test_manifests_as_files(stack: Stack) -> None:
    stack.program(
        START
        + """
provider = Provider("files", render_yaml_to_directory="out")
ConfigMap("cm", metadata={"name": "cm", "namespace": "there"}, data={"a": "1"},
    opts=ResourceOptions(provider=provider))
"""
    )
    assert (up := stack.up()).code == 0, up.text
    (file,) = (stack.folder / "out" / "1-manifest").iterdir()
    assert file.name == "v1-configmap-there-cm.yaml"
    assert yaml.safe_load(file.read_text())["data"] == {"a": "1"}
    assert stack.destroy().code == 0
    assert not file.exists()

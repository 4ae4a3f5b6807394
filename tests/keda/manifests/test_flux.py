"""Flux: its variables are not mistakes, its Kustomizations say what is applied where."""

from __future__ import annotations

from pathlib import Path

import pytest

from keda.manifests.clusters import Tree
from keda.manifests.declared import UNKNOWN
from keda.manifests.documents import documents
from keda.manifests.given import Built, Lead
from keda.manifests.substitution import filled_in
from tests.keda.commands.tree import found, judged, kustomization, scaled_object, secret, workload


def flux(name: str, path: str, rest: str = "") -> str:
    return (
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\n"
        f"metadata: {{name: {name}, namespace: flux-system}}\n"
        f"spec:\n  path: {path}\n  sourceRef: {{kind: GitRepository, name: flux-system}}\n{rest}"
    )


VARIED = """\
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: "${APP}-nfs", namespace: "${NAMESPACE:=shop}"}
spec:
  scaleTargetRef: {name: "${APP}", kind: "${KIND:-Deployment}"}
  pollingInterval: ${POLL}
  minReplicaCount: ${MIN:=0}
  maxReplicaCount: ${MAX:=1}
  triggers:
  - type: ${TYPE:=prometheus}
    metadata:
      serverAddress: "http://$PROMETHEUS:9090"
      query: max(probe_success{instance=~"${HOST}.+"})
      threshold: "${THRESHOLD:=1}"
      ignoreNullValues: "$IGNORE"
"""


def test_a_value_with_a_variable_is_not_a_finding(tmp_path: Path) -> None:
    assert found(tmp_path, {"so.yaml": VARIED}) == []


@pytest.mark.parametrize(
    "trigger",
    [
        "{type: kafka, metadata: {bootstrapServers: '${A}', topic: $B, consumerGroup: $C, lagThreshold: $D}}",
        "{type: redis, metadata: {address: '${A}', listName: x, listLength: '${B}', enableTLS: '${C}'}}",
        "{type: nats-jetstream, metadata: {"
        "natsServerMonitoringEndpoint: $A, account: $G, stream: $B, consumer: c}}",
        "{type: cron, metadata: {timezone: $TZ, start: $A, end: '0 ${B} * * *', desiredReplicas: $C}}",
        "{type: rabbitmq, metadata: {queueName: q, mode: $M, value: $V}, authenticationRef: {name: $R}}",
        "{type: '${TYPE}', metadata: {a: '${B}'}}",
        "{type: cpu, metricType: '${M}', metadata: {value: '${V}'}}",
    ],
)
def test_in_any_trigger(trigger: str, tmp_path: Path) -> None:
    text = scaled_object().replace("minReplicaCount: 0", "minReplicaCount: ${MIN}")
    head = text.partition("  triggers:")[0]
    assert found(tmp_path, {"so.yaml": f"{head}  triggers: [{trigger}]\n"}) == []


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("${A}", UNKNOWN),
        ("$A", UNKNOWN),
        ("x-${A}-y", UNKNOWN),
        ("${A:?missing}", UNKNOWN),
        ("${A^^}", UNKNOWN),
        ("${A:=${B}}", UNKNOWN),
        ("${{A}}", UNKNOWN),
        ("${A:=1}", 1),
        ("'${A:=1}'", "1"),
        ("${A:-yes}", True),
        ("${A-text}", "text"),
        ("${A:=}", None),
        ("${B}", "two"),
        ("${B:=1}/${A:-x}", "two/x"),
        ("^web-[0-9]+$", "^web-[0-9]+$"),
        ("$1", "$1"),
        ("$G", "$G"),
        ("cost: $$", "cost: $$"),
    ],
)
def test_what_a_variable_becomes(written: str, value: object) -> None:
    quoted = written if ": " not in written else f'"{written}"'
    (document,) = documents(f"kind: Pod\nvalue: {quoted}\n", variables=True)
    assert filled_in(document, {"B": "two"}) == {"kind": "Pod", "value": value}


def test_a_script_keeps_its_variables() -> None:
    text = 'kind: ConfigMap\ndata:\n  a.sh: |\n    echo $A\n    exit\n  b.json: \'{"a": "$b"}\'\n  c: $A\n'
    (document,) = documents(text, variables=True)
    assert filled_in(document)["data"] == {"a.sh": "echo $A\nexit\n", "b.json": '{"a": "$b"}', "c": UNKNOWN}


def test_a_rule_still_sees_what_is_known(tmp_path: Path) -> None:
    text = VARIED.replace("MIN:=0", "MIN:=5").replace("  pollingInterval", "  poling: 3\n  pollingInterval")
    assert [line.split(": ")[1] for line in found(tmp_path, {"so.yaml": text})] == [
        "unknown-field",
        "replica-bounds",
    ]


def test_the_variables_of_postbuild_are_used(tmp_path: Path) -> None:
    files = {
        "flux/ks.yaml": flux("web", "./apps/web", "  postBuild: {substitute: {APP: web, MAX: '-1'}}\n"),
        "apps/web/kustomization.yaml": kustomization("resources: [so.yaml]\nnamespace: shop"),
        "apps/web/so.yaml": VARIED,
    }
    assert found(tmp_path, files) == ["apps/web/so.yaml: replica-bounds: ScaledObject shop/web-nfs"]


def test_values_come_from_a_configmap_and_not_from_a_secret(tmp_path: Path) -> None:
    names = "[{kind: ConfigMap, name: c}, {kind: Secret, name: s}]"
    settings = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, namespace: flux-system}\n"
    files = {
        "flux/ks.yaml": flux("web", "./apps/web", f"  postBuild: {{substituteFrom: {names}}}\n"),
        "flux/c.yaml": f"{settings}data: {{APP: web, MAX: '-1', MIN: '9'}}\n---\n"
        + secret("s", "flux-system", "stringData: {MIN: '8'}"),
        "apps/web/so.yaml": VARIED,
    }
    lines, _ = judged(tmp_path, files)
    assert lines == ["apps/web/so.yaml: replica-bounds: ScaledObject shop/web-nfs"]


@pytest.mark.parametrize(
    "root", ["apps/web/kustomization.yaml", "apps/web/readme.md"], ids=["listed", "plain"]
)
def test_target_namespace_brings_the_two_together(root: str, tmp_path: Path) -> None:
    files = {
        "flux/ks.yaml": flux("web", "./apps/web", "  targetNamespace: shop\n"),
        root: kustomization("resources: [all.yaml]"),
        "apps/web/all.yaml": "---\n".join(
            (scaled_object(namespace="shop"), workload(), workload("b", "shop"))
        ),
    }
    assert found(tmp_path, files) == []
    missing = {"apps/web/all.yaml": f"{scaled_object(target='gone')}---\n{workload('other')}"}
    assert found(tmp_path, missing) == ["apps/web/all.yaml: target-missing: ScaledObject shop/web"]


def test_one_cluster_is_all_that_its_entry_leads_to(tmp_path: Path) -> None:
    """Two apps of one cluster meet; two clusters, which share a base, do not."""
    files = {
        "clusters/a/apps.yaml": flux("one", "./apps/one") + "---\n" + flux("two", "./apps/two"),
        "clusters/b/apps.yaml": flux("three", "./apps/three"),
        "apps/one/all.yaml": f"{scaled_object('one', 'shop', 'web')}---\n{workload('web', 'shop')}",
        "apps/two/so.yaml": scaled_object("two", "shop", "web"),
        "apps/three/so.yaml": scaled_object("three", "shop", "web"),
    }
    lines, noted = judged(tmp_path, files)
    assert [line.split(": ", 1)[1] for line in lines] == ["one-owner-scaledobject: ScaledObject shop/one"]
    assert noted.of_keda == 3


def test_what_an_entry_leads_to_is_built_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each app's folder lists a Kustomization of Flux, as home clusters do, and the entry leads to all."""
    apps = [f"app{number}" for number in range(8)]
    files = {"flux/cluster/ks.yaml": flux("apps", "./apps")}
    for name in apps:
        files |= {
            f"apps/{name}/kustomization.yaml": kustomization("resources: [ks.yaml]"),
            f"apps/{name}/ks.yaml": flux(name, f"./apps/{name}/app"),
            f"apps/{name}/app/kustomization.yaml": kustomization("resources: [so.yaml]"),
            f"apps/{name}/app/so.yaml": scaled_object(name),
        }
    built: list[str] = []
    applied = Tree._applied

    def counted(tree: Tree, lead: Lead, folder: Path, reached: set[Path]) -> Built:
        built.append(folder.relative_to(tmp_path).as_posix())
        return applied(tree, lead, folder, reached)

    monkeypatch.setattr(Tree, "_applied", counted)
    lines, noted = judged(tmp_path, files)
    assert (lines, noted.of_keda) == ([], len(apps))
    assert sorted(built) == sorted(["apps", *(f"apps/{name}/app" for name in apps)])


def test_components_and_patches_of_a_kustomization(tmp_path: Path) -> None:
    patch = (
        "  patches:\n  - target: {kind: ScaledObject}\n    patch: |\n"
        "      - {op: add, path: /spec/poling, value: 1}\n"
    )
    files = {
        "flux/ks.yaml": flux("web", "./apps/web", "  components: [../../components/zero]\n" + patch),
        "apps/web/kustomization.yaml": kustomization("resources: [dep.yaml]\nnamespace: shop"),
        "apps/web/dep.yaml": workload(),
        "components/zero/kustomization.yaml": kustomization("resources: [so.yaml]", "Component"),
        "components/zero/so.yaml": scaled_object(namespace="shop"),
    }
    assert found(tmp_path, files) == ["components/zero/so.yaml: unknown-field: ScaledObject shop/web"]


def test_flux_that_applies_itself(tmp_path: Path) -> None:
    files = {
        "clusters/a/flux-system/kustomization.yaml": kustomization("resources: [sync.yaml]"),
        "clusters/a/flux-system/sync.yaml": flux("flux-system", "./clusters/a"),
        "clusters/a/apps.yaml": flux("apps", "./apps"),
        "apps/so.yaml": scaled_object(target="web", namespace="shop").replace("  min", "  poling: 3\n  min"),
        "apps/dep.yaml": workload("web", "shop"),
    }
    lines, noted = judged(tmp_path, files)
    assert [line.split(": ")[1] for line in lines] == ["unknown-field"]
    assert noted.of_keda == 1


def test_a_file_named_kustomization_may_be_fluxs(tmp_path: Path) -> None:
    files = {
        "apps/kustomization.yaml": flux("web", "./web"),
        "apps/so.yaml": scaled_object().replace("maxReplicaCount: 4", "maxReplicaCount: -1"),
    }
    assert found(tmp_path, files) == ["apps/so.yaml: replica-bounds: ScaledObject default/web"]


OPENSHIFT = """\
apiVersion: template.openshift.io/v1
kind: Template
metadata: {name: t}
parameters: [{name: NAME}, {name: MAX, value: "-1"}]
objects:
- apiVersion: keda.sh/v1alpha1
  kind: ScaledObject
  metadata: {name: "${NAME}"}
  spec:
    scaleTargetRef: {name: "${NAME}"}
    maxReplicaCount: %s
    minReplicaCount: 1
    triggers: [{type: cpu, metricType: Utilization, metadata: {value: "60"}}]
"""


@pytest.mark.parametrize(
    ("maximum", "rules"), [("${{SIZE}}", []), ("${{MAX}}", ["replica-bounds"]), ("3", [])]
)
def test_openshift_template(maximum: str, rules: list[str], tmp_path: Path) -> None:
    lines = found(tmp_path, {"t.yaml": OPENSHIFT % maximum})
    assert [line.split(": ")[1] for line in lines] == rules

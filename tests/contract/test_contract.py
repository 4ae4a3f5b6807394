"""What the project relies on in Pulumi's language host and Kubernetes provider: each behaviour, its source.

`make contract` runs this against the plugins in use: the released ones where they are on PATH or in
~/.pulumi, else the stand-ins of pulumi_plugins. A source is a file and a line of pulumi/pulumi-kubernetes
(commit 94977969, after 4.32) or of pulumi/pulumi (3.259.0), or "measured": seen with the released language
host of 3.259 and the released provider of 4.33 under CLI 3.250.

A message is compared by the words that both have. What the stand-ins cannot do alike is in docs/proven.md.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tests.engine.conftest import Result, Stack

pytestmark = pytest.mark.engine

Test = TypeVar("Test", bound=Callable[..., None])
HOST = "pulumi: sdk/python/cmd/pulumi-language-python/main.go"
EXECUTOR = "pulumi: sdk/python/cmd/pulumi-language-python-exec"
PROVIDER = "pulumi-kubernetes: provider/pkg/provider/provider.go"
AWAIT = "pulumi-kubernetes: provider/pkg/await/await.go"
CHART = "pulumi-kubernetes: provider/pkg/provider/helm/v4/chart.go"
YAML = "pulumi-kubernetes: provider/pkg/provider/yaml/v2/yaml.go"
MEASURED = "measured with the released plugins"

# A refused program leaves no traceback with this line.
CALM = "signal.signal(signal.SIGINT, signal.SIG_DFL)\n"
START = f"""
import signal
{CALM}"""
START += """
import pulumi
from pulumi import ResourceOptions
from pulumi_kubernetes import Provider
from pulumi_kubernetes.apiextensions.v1 import CustomResourceDefinition
from pulumi_kubernetes.apps.v1 import Deployment
from pulumi_kubernetes.core.v1 import ConfigMap, ConfigMapPatch, Secret, Service
from pulumi_kubernetes.helm.v4 import Chart
from pulumi_kubernetes.rbac.v1 import RoleBinding

NAMESPACE = {namespace!r}
calm = Provider("calm", upsert_existing_objects=True, enable_config_map_mutable=True)
forcing = Provider("forcing", upsert_existing_objects=True, enable_config_map_mutable=True,
    enable_patch_force=True)

def meta(name, **more):
    return {{"name": name, "namespace": NAMESPACE, **more}}

def deployment(label):
    labels = {{"label": str(label)}}
    pod = {{"containers": [{{"name": "a", "image": "b"}}]}}
    return Deployment("x", metadata=meta("x", annotations={{"pulumi.com/skipAwait": "true"}}), spec={{
        "selector": {{"match_labels": labels}},
        "template": {{"metadata": {{"labels": labels}}, "spec": pod}}}})
"""


def source(*places: str) -> Callable[[Test], Test]:
    """Where a behaviour is written, or that it was measured."""
    return lambda test: pytest.mark.source(*places)(test)


def write(stack: Stack, namespace: str, body: str) -> None:
    stack.program(START.format(namespace=namespace) + body)


def managers(obj: dict[str, Any] | None) -> list[tuple[str, str]]:
    assert obj is not None
    return [
        (entry["manager"], entry["operation"])
        for entry in obj["metadata"]["managedFields"]
        if not entry.get("subresource")
    ]


def live(stack: Stack, kind: str, name: str, namespace: str) -> dict[str, Any] | None:
    text = stack.cluster.kubectl(
        *("get", kind, name, "-n", namespace, "-o", "json", "--ignore-not-found", "--show-managed-fields")
    )
    return json.loads(text) if text else None


def forget(stack: Stack, name: str) -> None:
    """As after kill -9: the object is in the cluster, and the state has nothing of it."""
    (urn,) = [each["urn"] for each in stack.resources() if each["urn"].endswith(f"::{name}")]
    assert (done := stack.pulumi("state", "delete", urn, "--yes")).code == 0, done.text


def state(stack: Stack) -> str:
    return "".join(file.read_text() for file in (stack.folder / "state").rglob("*.json*"))


def conflicts(result: Result) -> bool:
    return bool(re.search(r"field conflict", result.text)) and "pulumi-kubernetes-" in result.text


# --- field managers -----------------------------------------------------------------------------------------


@source(f"{PROVIDER}:2883 fieldManagerName", f"{AWAIT}:197 Creation")
def test_a_new_object_has_a_random_field_manager_which_the_state_keeps(stack: Stack, namespace: str) -> None:
    body = """
for name in ("one", "two"):
    ConfigMap(name, metadata=meta(name), data={"a": "%s"}, opts=ResourceOptions(provider=calm))
ConfigMap("created", metadata=meta("created"), data={"a": "1"})
"""
    write(stack, namespace, body % 1)
    assert (up := stack.up()).code == 0, up.text
    first = {name: managers(live(stack, "configmap", name, namespace)) for name in ("one", "two")}
    names = {manager for each in first.values() for manager, _ in each}
    assert len(names) == 2
    assert all(re.fullmatch("pulumi-kubernetes-[0-9a-f]{8}", name) for name in names)
    assert all(operation == "Apply" for each in first.values() for _, operation in each)
    # Without upsertExistingObjects an object is created, not applied, under a fixed name.
    assert managers(live(stack, "configmap", "created", namespace)) == [("pulumi-kubernetes", "Update")]
    write(stack, namespace, body % 2)
    assert (up := stack.up()).code == 0, up.text
    assert {name: managers(live(stack, "configmap", name, namespace)) for name in first} == first


@source(f"{MEASURED}: kill -9, then `make up`", f"{AWAIT}:810 handleSSAErr", f"{AWAIT}:1031 patchForce")
def test_what_a_killed_run_has_made_conflicts_unless_applies_are_forced(stack: Stack, namespace: str) -> None:
    body = 'ConfigMap("cm", metadata=meta("cm"), data={"a": "%s"}, opts=ResourceOptions(provider=%s))'
    write(stack, namespace, body % (1, "calm"))
    assert stack.up().code == 0
    forget(stack, "cm")
    write(stack, namespace, body % (2, "calm"))
    assert stack.preview().code == 0  # a dry-run of a new object forces
    assert (up := stack.up()).code != 0
    assert conflicts(up), up.text
    write(stack, namespace, body % (2, "forcing"))
    assert (up := stack.up()).code == 0, up.text
    write(stack, namespace, body % (3, "forcing"))
    assert (preview := stack.preview()).code == 0, preview.text
    assert (up := stack.up()).code == 0, up.text
    found = live(stack, "configmap", "cm", namespace)
    assert found is not None and found["data"] == {"a": "3"}


@source(f"{MEASURED}: the same conflict in preview", f"{AWAIT}:1031 patchForce")
def test_a_change_after_such_a_run_conflicts_in_preview_too(stack: Stack, namespace: str) -> None:
    body = 'ConfigMap("cm", metadata=meta("cm"), data={"a": "%s"}, opts=ResourceOptions(provider=%s))'
    write(stack, namespace, body % (1, "calm"))
    assert stack.up().code == 0
    forget(stack, "cm")
    assert (up := stack.up()).code == 0, up.text  # the same values: two managers own the field now
    assert len(managers(live(stack, "configmap", "cm", namespace))) == 2
    write(stack, namespace, body % (2, "calm"))
    for result in (stack.preview(), stack.up()):
        assert result.code != 0
        assert conflicts(result), result.text
    write(stack, namespace, body % (2, "forcing"))
    assert (up := stack.up()).code == 0, up.text


@source(f"{MEASURED}: destroy, then `up` with a chart whose CRD labels differ")
def test_kept_definitions_with_other_labels_conflict_unless_applies_are_forced(
    stack: Stack, namespace: str
) -> None:
    body = """
CustomResourceDefinition("crd", metadata={"name": "kepts.%(group)s", "labels": {"version": "%(version)s"}},
    spec={"group": "%(group)s", "scope": "Namespaced",
        "names": {"kind": "Kept", "plural": "kepts", "singular": "kept", "listKind": "KeptList"},
        "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema":
            {"type": "object", "x_kubernetes_preserve_unknown_fields": True}}}]},
    opts=ResourceOptions(provider=%(provider)s, retain_on_delete=True))
"""
    group = "kept.example.com"
    first = {"group": group, "version": "1", "provider": "calm"}
    write(stack, namespace, body % first)
    assert (up := stack.up()).code == 0, up.text
    assert stack.destroy().code == 0
    write(stack, namespace, body % {**first, "version": "2"})
    assert (preview := stack.preview()).code == 0, preview.text
    assert (up := stack.up()).code != 0
    assert conflicts(up), up.text
    write(stack, namespace, body % {**first, "version": "2", "provider": "forcing"})
    assert (up := stack.up()).code == 0, up.text
    write(stack, namespace, body % {**first, "version": "3", "provider": "forcing"})
    assert (up := stack.up()).code == 0, up.text
    crd = live(stack, "crd", f"kepts.{group}", "default")
    assert crd is not None and crd["metadata"]["labels"] == {"version": "3"}
    stack.cluster.kubectl("delete", "crd", f"kepts.{group}")


@source(f"{AWAIT}:858 fixCSAFieldManagers", "fluxcd/pkg: ssa/patch.go, which compares prefixes of names")
def test_an_update_takes_over_what_kubectl_wrote(stack: Stack, namespace: str) -> None:
    body = 'ConfigMap("cm", metadata=meta("cm"), data={"a": "%s"}, opts=ResourceOptions(provider=calm))'
    write(stack, namespace, body % 1)
    assert stack.up().code == 0
    stack.cluster.kubectl("patch", "configmap", "cm", "-n", namespace, "-p", '{"data": {"a": "by hand"}}')
    write(stack, namespace, body % 2)
    assert (up := stack.up()).code == 0, up.text
    assert {name for name, _ in managers(live(stack, "configmap", "cm", namespace))} == {
        name for name, _ in managers(live(stack, "configmap", "cm", namespace)) if name.startswith("pulumi-")
    }


@source(f"{AWAIT}:271 Creation", "pulumi-kubernetes: CHANGELOG, 4.29.0")
def test_an_existing_object_is_an_error_of_up_alone(stack: Stack, namespace: str) -> None:
    there = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "cm", "namespace": namespace}}
    stack.cluster.kubectl("create", "-f", "-", stdin=there)
    write(stack, namespace, 'ConfigMap("cm", metadata=meta("cm"), data={"a": "1"})')
    assert (preview := stack.preview()).code == 0, preview.text
    assert (up := stack.up()).code != 0
    assert "already exists" in up.text


# --- replacement, normal form, state ------------------------------------------------------------------------


@source("pulumi-kubernetes: provider/pkg/provider/diff.go:207", f"{MEASURED}: `keda.namespace` changed")
@pytest.mark.parametrize(
    ("kind", "before", "after"),
    [
        (
            "ConfigMap",
            'ConfigMap("x", metadata=meta("x"), data={"a": "1"})',
            'ConfigMap("x", metadata={"name": "x", "namespace": "default"}, data={"a": "1"})',
        ),
        (
            "RoleBinding",
            'RoleBinding("x", metadata=meta("x"), role_ref={"api_group": "rbac.authorization.k8s.io", '
            '"kind": "Role", "name": "one"})',
            'RoleBinding("x", metadata=meta("x"), role_ref={"api_group": "rbac.authorization.k8s.io", '
            '"kind": "Role", "name": "two"})',
        ),
        ("Deployment", "deployment(1)", "deployment(2)"),
    ],
    ids=["metadata.namespace", "roleRef", "spec.selector"],
)
def test_an_immutable_field_replaces(
    stack: Stack, namespace: str, kind: str, before: str, after: str
) -> None:
    write(stack, namespace, before)
    assert (up := stack.up()).code == 0, up.text
    write(stack, namespace, after)
    preview = stack.preview()
    assert preview.code == 0, preview.text
    assert re.search(rf":{kind} +x +replace", preview.text), preview.text
    assert (up := stack.up()).code == 0, up.text
    assert stack.preview("--expect-no-changes").code == 0
    assert stack.destroy().code == 0
    assert live(stack, kind, "x", namespace) is None


SPELLED = """
Deployment("web", metadata=meta("web", annotations={"pulumi.com/skipAwait": "true"}),
    spec={"replicas": 0, "selector": {"match_labels": {"a": "1"}}, "template": {
        "metadata": {"labels": {"a": "1"}},
        "spec": {"host_network": False, "init_containers": [], "containers": [{"name": "a", "image": "b",
            "resources": {"limits": {"cpu": 1, "memory": "1024Mi"}, "requests": {"cpu": "0.5"}}}]}}})
Secret("secret", metadata=meta("secret"), string_data={"password": "hunter2"})
"""


@source(f"{PROVIDER}:2983 normalizeInputs", "pulumi-kubernetes: provider/pkg/clients/unstructured.go:72")
def test_inputs_are_kept_in_their_normal_form(stack: Stack, namespace: str) -> None:
    write(stack, namespace, SPELLED)
    assert (up := stack.up()).code == 0, up.text
    assert (again := stack.preview("--expect-no-changes")).code == 0, again.text
    kept = {each["urn"].rpartition("::")[2]: each for each in stack.resources()}
    inputs = kept["web"]["outputs"]["__inputs"]["spec"]["template"]["spec"]
    assert inputs["containers"][0]["resources"] == {
        "limits": {"cpu": "1", "memory": "1Gi"},
        "requests": {"cpu": "500m"},
    }
    assert "hostNetwork" not in inputs and "initContainers" not in inputs
    secret = kept["secret"]["outputs"]["__inputs"]
    assert "data" in secret and "stringData" not in secret
    assert "hunter2" not in state(stack) and "aHVudGVyMg" not in state(stack)


@source(
    f"{PROVIDER}:3087 checkpointObject", f"{PROVIDER}:1431 Diff", f"{MEASURED}: a state that the other made"
)
def test_a_state_with_other_spellings_of_the_same_inputs_is_unchanged(stack: Stack, namespace: str) -> None:
    """A state that another provider has written: the inputs as they were typed, not in normal form."""
    write(stack, namespace, SPELLED)
    assert (up := stack.up()).code == 0, up.text
    exported = json.loads(stack.pulumi("stack", "export", "--show-secrets").text)
    for each in exported["deployment"]["resources"]:
        if each["urn"].endswith("::web"):
            assert {"__inputs", "__fieldManager", "__initialApiVersion"} <= each["outputs"].keys()
            for inputs in (each["inputs"], each["outputs"]["__inputs"]):
                pod = inputs["spec"]["template"]["spec"]
                pod["hostNetwork"] = False
                pod["containers"][0]["resources"]["limits"] = {"cpu": 1, "memory": "1024Mi"}
    (stack.folder / "other.json").write_text(json.dumps(exported))
    assert stack.pulumi("stack", "import", "--file", "other.json").code == 0
    preview = stack.preview("--expect-no-changes")
    assert preview.code == 0, preview.text


# --- dry-runs -----------------------------------------------------------------------------------------------


def denying(stack: Stack, namespace: str, reason: str | None) -> None:
    """A policy in force that denies ConfigMaps with `bad` in this namespace."""
    name = f"deny-{namespace}"
    policy = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": name},
        "spec": {
            "matchConstraints": {
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
                "resourceRules": [
                    {
                        "apiGroups": [""],
                        "apiVersions": ["v1"],
                        "operations": ["CREATE", "UPDATE"],
                        "resources": ["configmaps"],
                    }
                ],
            },
            "validations": [
                {
                    "expression": "!('bad' in object.?data.orValue({}))",
                    "message": "data must not be bad",
                    **({"reason": reason} if reason else {}),
                }
            ],
        },
    }
    binding = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": name},
        "spec": {"policyName": name, "validationActions": ["Deny"]},
    }
    probe = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "probe", "namespace": namespace},
        "data": {"bad": "1"},
    }
    stack.cluster.kubectl("apply", "-f", "-", stdin=policy)
    stack.cluster.kubectl("apply", "-f", "-", stdin=binding)

    def in_force() -> bool:
        try:
            stack.cluster.kubectl("create", "--dry-run=server", "-f", "-", stdin=probe)
        except AssertionError:
            return True
        return False

    wait_until(in_force)


def wait_until(condition: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.2)


BAD = 'ConfigMap("cm", metadata=meta("cm"), data={"bad": "1"})'
GOOD = 'ConfigMap("cm", metadata=meta("cm"), data={"good": "1"}, opts=ResourceOptions(provider=calm))'
TURNED = 'ConfigMap("cm", metadata=meta("cm"), data={"bad": "1"}, opts=ResourceOptions(provider=calm))'


@source(f"{PROVIDER}:1800, :2455 IsForbidden", f"{AWAIT}:265 LogStatus", f"{MEASURED}: an HPA by kubectl")
def test_a_403_of_a_dry_run_passes_in_silence(stack: Stack, namespace: str) -> None:
    """A webhook's refusal is a 403, and a policy's whose reason is Forbidden; `up` fails."""
    denying(stack, namespace, "Forbidden")
    write(stack, namespace, BAD)
    preview = stack.preview()
    assert preview.code == 0, preview.text
    assert "data must not be bad" not in preview.text.partition("Diagnostics:")[2]
    assert (up := stack.up()).code != 0
    assert "data must not be bad" in up.text
    write(stack, namespace, GOOD)
    assert (up := stack.up()).code == 0, up.text
    write(stack, namespace, TURNED)
    assert (preview := stack.preview()).code == 0, preview.text
    assert stack.up().code != 0


@pytest.mark.usefixtures("stand_in_provider")
@source("the stand-in's own switch, KEDA_HOMELAB_STRICT_PREVIEW")
def test_a_strict_preview_fails_where_admission_refuses(stack: Stack, namespace: str) -> None:
    denying(stack, namespace, "Forbidden")
    stack.environment["KEDA_HOMELAB_STRICT_PREVIEW"] = "true"
    write(stack, namespace, BAD)
    preview = stack.preview()
    assert preview.code != 0
    assert len(preview.lines("data must not be bad")) == 1, preview.text


@source(f"{PROVIDER}:1800 IsForbidden")
def test_another_refusal_of_a_dry_run_fails_the_preview(stack: Stack, namespace: str) -> None:
    """A policy without a reason answers 422."""
    denying(stack, namespace, None)
    write(stack, namespace, BAD)
    preview = stack.preview()
    assert preview.code != 0
    assert "data must not be bad" in preview.text


@source(f"{PROVIDER}:1728 skipPreview")
def test_a_patch_is_not_tried_in_preview(stack: Stack, namespace: str) -> None:
    write(stack, namespace, 'ConfigMapPatch("patch", metadata=meta("nobody", labels={"a": "/not a label/"}))')
    assert (preview := stack.preview()).code == 0, preview.text


# --- charts -------------------------------------------------------------------------------------------------


def chart(stack: Stack, text: str) -> None:
    templates = stack.folder / "toy" / "templates"
    templates.mkdir(parents=True, exist_ok=True)
    (templates.parent / "Chart.yaml").write_text("apiVersion: v2\nname: toy\nversion: 1.2.3\n")
    (templates / "all.yaml").write_text(text)


@source(f"{YAML}:171 Normalize", f"{MEASURED}: Chart v4 refuses an object without a name")
@pytest.mark.parametrize(
    "metadata",
    ["{labels: {a: b}}", "{name: y}", "{generateName: a-}"],
    ids=["none", "a boolean", "generated"],
)
def test_a_chart_with_an_object_without_a_name_is_refused(
    stack: Stack, namespace: str, metadata: str
) -> None:
    """YAML's `y` is true to Kubernetes' Go library, so it is not a name."""
    chart(stack, f"apiVersion: v1\nkind: ConfigMap\nmetadata: {metadata}\n")
    write(stack, namespace, 'Chart("toy", chart="./toy", namespace=NAMESPACE)')
    preview = stack.preview(traceback=True)
    assert preview.code != 0
    assert "require a .metadata.name" in preview.text


@source("helm: pkg/action/install.go, LocateChart", f"{MEASURED}: a broken chart ends the program earlier")
def test_a_chart_that_is_not_there_ends_the_preview(stack: Stack, namespace: str) -> None:
    write(stack, namespace, 'Chart("gone", chart="./no-such-chart")')
    preview = stack.preview(traceback=True)
    assert preview.code != 0
    assert 'path "./no-such-chart" not found' in preview.text


@source(f"{CHART}:335 preregister")
def test_a_kept_child_of_a_chart_outlives_a_destroy(stack: Stack, namespace: str) -> None:
    metadata = "{name: kept, annotations: {helm.sh/resource-policy: keep}}"
    chart(stack, f"apiVersion: v1\nkind: ConfigMap\nmetadata: {metadata}\n")
    write(
        stack,
        namespace,
        'Chart("toy", chart="./toy", namespace=NAMESPACE, opts=ResourceOptions(provider=calm))',
    )
    assert (up := stack.up()).code == 0, up.text
    assert stack.destroy().code == 0
    assert live(stack, "configmap", "kept", namespace) is not None


# --- the language host --------------------------------------------------------------------------------------


@source(f"{EXECUTOR}:110 set_all_config", f"{HOST}:1074", f"{MEASURED}: a setting stored by `--secret`")
def test_the_program_can_tell_a_secret_setting(stack: Stack, namespace: str) -> None:
    canary = "canary-7d1f"
    assert stack.pulumi("config", "set", "--secret", "mine", canary).code == 0
    assert stack.pulumi("config", "set", "plain", "yes").code == 0
    write(
        stack,
        namespace,
        """
from pulumi.runtime import is_config_secret
assert is_config_secret("engine-test:mine") and not is_config_secret("engine-test:plain")
ConfigMap("cm", metadata=meta("cm"), data={"a": pulumi.Config().require_secret("mine")})
""",
    )
    up = stack.up()
    assert up.code == 0, up.text
    assert canary not in up.text and canary not in state(stack)


PACK = """
import os
from pulumi_policy import EnforcementLevel, PolicyPack, ResourceValidationPolicy

def validate(args, report):
    if args.resource_type == "kubernetes:core/v1:ConfigMap":
        report("the pack runs in " + os.getcwd())

PolicyPack("pack", enforcement_level=EnforcementLevel.MANDATORY, policies=[
    ResourceValidationPolicy("where", "where", validate)])
"""


@pytest.fixture
def pack(stack: Stack) -> Path:
    folder = stack.folder / "pack"
    folder.mkdir()
    (folder / "PulumiPolicy.yaml").write_text("runtime: python\n")
    (folder / "__main__.py").write_text(PACK)
    return folder


@source(f"{HOST}:1639 RunPlugin", f"{MEASURED}: one relative `manifests` path")
def test_a_pack_runs_in_its_own_folder(stack: Stack, namespace: str, pack: Path) -> None:
    write(stack, namespace, 'ConfigMap("cm")')
    preview = stack.preview("--policy-pack", "pack")
    assert preview.code != 0
    assert f"the pack runs in {pack.resolve()}" in preview.text, preview.text


@source(f"{HOST}:1057 SIGINT", f"{MEASURED}: a refused preview")
def test_a_refused_program_is_interrupted(stack: Stack, namespace: str, pack: Path) -> None:
    """Python makes a traceback of it, unless the program gives SIGINT its default action."""
    assert pack.exists()
    body = 'ConfigMap("cm")\n'
    stack.program(START.format(namespace=namespace).replace(CALM, "") + body)
    refused = stack.preview("--policy-pack", "pack", traceback=True)
    assert refused.code != 0
    assert "KeyboardInterrupt" in refused.text
    assert "the pack runs in" in refused.text
    write(stack, namespace, body)
    refused = stack.preview("--policy-pack", "pack")
    assert refused.code != 0
    assert "the pack runs in" in refused.text


@source(f"{HOST}:1184", f"{EXECUTOR}:242", f"{MEASURED}: an unhandled error after a wrong setting")
def test_a_program_that_has_reported_its_fault_ends_with_32(stack: Stack, namespace: str) -> None:
    write(stack, namespace, 'import sys; pulumi.log.error("settings.x: wrong"); sys.exit(32)')
    failed = stack.preview()
    assert failed.code != 0
    assert "settings.x: wrong" in failed.text
    assert "unhandled" not in failed.text and "exit code" not in failed.text
    write(stack, namespace, 'import sys; print("settings.x: wrong", file=sys.stderr); sys.exit(1)')
    failed = stack.preview()
    assert failed.code != 0
    assert re.search("(?i)program exited with non-zero exit code: 1", failed.text), failed.text


@source(f"{EXECUTOR}:238")
def test_a_program_that_raises_shows_its_own_lines(stack: Stack, namespace: str) -> None:
    write(stack, namespace, 'raise ValueError("mine")')
    failed = stack.preview(traceback=True)
    assert failed.code != 0
    assert "Program failed with an unhandled exception" in failed.text
    assert "ValueError: mine" in failed.text
    assert "run_in_stack" not in failed.text

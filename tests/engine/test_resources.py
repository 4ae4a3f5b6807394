"""Resources through the real engine and the stand-in plugins, on a real API server: one story a test."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import pytest

from tests.engine.conftest import Cluster, Stack

pytestmark = pytest.mark.engine

START = """
import signal

import pulumi
from pulumi import CustomTimeouts, ResourceOptions
from pulumi_kubernetes import Provider
from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.apps.v1 import Deployment
from pulumi_kubernetes.core.v1 import ConfigMap, ConfigMapPatch, Namespace, Secret, Service

# As the project's program does; else an interrupted one ends with a traceback.
signal.signal(signal.SIGINT, signal.SIG_DFL)
NAMESPACE = {namespace!r}

def meta(name, **more):
    return {{"name": name, "namespace": NAMESPACE, **more}}

def deployment(app, cpu="0.5", **options):
    labels = {{"app": app}}
    container = {{"name": "a", "image": "b", "resources": {{"requests": {{"cpu": cpu}}}}}}
    return Deployment("web", metadata=meta("web", annotations={{"pulumi.com/skipAwait": "true"}}),
        spec={{"replicas": 2, "selector": {{"match_labels": labels}},
            "template": {{"metadata": {{"labels": labels}}, "spec": {{"containers": [container]}}}}}},
        opts=ResourceOptions(**options))
"""


def write(stack: Stack, namespace: str, body: str) -> None:
    stack.program(START.format(namespace=namespace) + body)


def test_a_whole_life(stack: Stack, namespace: str) -> None:
    """Created, unchanged, no drift, drift seen and undone, replaced, destroyed; the secret stays one.

    With upsert, as the program runs; the other tests create without it.
    """
    cluster = stack.cluster
    stack.environment["PULUMI_K8S_UPSERT_EXISTING_OBJECTS"] = "true"
    body = """
ConfigMap("plain", metadata=meta("plain"), data={"a": "1"})
ConfigMap("named-by-pulumi", data={"a": "%s"}, metadata={"namespace": NAMESPACE})
Secret("secret", metadata=meta("secret"), string_data={"password": "hunter2"})
Service("service", metadata=meta("service"), spec={"ports": [{"port": 80}]})
deployment("%s")
"""
    write(stack, namespace, body % ("1", "one"))
    assert (up := stack.up()).code == 0, up.text
    assert "warning" not in up.text
    assert stack.up("--expect-no-changes").code == 0
    refresh = ("refresh", "--yes", "--skip-preview", "--expect-no-changes")
    assert (calm := stack.pulumi(*refresh)).code == 0, calm.text
    state = "".join(file.read_text() for file in (stack.folder / "state").rglob("*.json"))
    assert "hunter2" not in state and "aHVudGVyMg" not in state
    (named,) = [each for each in stack.resources() if each["urn"].endswith("::named-by-pulumi")]
    first = named["outputs"]["metadata"]["name"]
    assert first.startswith("named-by-pulumi-") and len(first) == len("named-by-pulumi-") + 8

    cluster.kubectl("patch", "configmap", "plain", "-n", namespace, "-p", '{"data": {"a": "drifted"}}')
    cluster.kubectl("scale", "deployment", "web", "-n", namespace, "--replicas=7")
    assert stack.pulumi(*refresh).code != 0
    preview = stack.preview("--diff")
    assert "replicas: 7 => 2" in preview.text, preview.text
    assert "drifted" in preview.text

    write(stack, namespace, body % ("2", "two"))
    preview = stack.preview()
    assert "apps/v1:Deployment web replace" in preview.text, preview.text
    assert (up := stack.up()).code == 0, up.text
    live = cluster.get("deployment", "web", namespace)
    assert live is not None and live["spec"]["selector"]["matchLabels"] == {"app": "two"}
    assert cluster.get("configmap", first, namespace) is None
    assert (done := stack.destroy()).code == 0, done.text
    assert cluster.get("deployment", "web", namespace) is None


DENY = {
    "apiVersion": "admissionregistration.k8s.io/v1",
    "kind": "ValidatingAdmissionPolicy",
    "metadata": {"name": "no-bad-data"},
    "spec": {
        "failurePolicy": "Fail",
        "matchConstraints": {
            "resourceRules": [
                {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["*"], "resources": ["configmaps"]}
            ]
        },
        "validations": [
            {"expression": "!('bad' in object.?data.orValue({}))", "message": "data must not be bad"}
        ],
    },
}
BINDING = {
    "apiVersion": "admissionregistration.k8s.io/v1",
    "kind": "ValidatingAdmissionPolicyBinding",
    "metadata": {"name": "no-bad-data"},
    "spec": {"policyName": "no-bad-data", "validationActions": ["Deny"]},
}
BAD = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "probe"}, "data": {"bad": "1"}}


@pytest.fixture
def denying(cluster: Cluster) -> None:
    cluster.kubectl("apply", "-f", "-", stdin=DENY)
    cluster.kubectl("apply", "-f", "-", stdin=BINDING)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:  # a policy is in force a moment later
        try:
            cluster.kubectl("create", "--dry-run=server", "-f", "-", stdin=BAD)
        except AssertionError:
            return
        time.sleep(0.2)
    pytest.fail("the policy is not in force")


@pytest.mark.usefixtures("denying")
def test_a_preview_says_what_admission_would(stack: Stack, namespace: str) -> None:
    """One line for a create and for an update; what the cluster cannot judge yet passes."""
    write(stack, namespace, 'ConfigMap("cm", metadata=meta("cm"), data={"bad": "1"})')
    refused = stack.preview()
    assert refused.code != 0
    (line,) = refused.lines("data must not be bad")
    assert f"ConfigMap {namespace}/cm is refused by the API server" in line

    write(
        stack,
        namespace,
        """
cm = ConfigMap("cm", metadata=meta("cm"), data={"good": "1"})
missing = Namespace("missing", metadata={"name": NAMESPACE + "-2"})
ConfigMap("elsewhere", metadata={"name": "x", "namespace": missing.metadata["name"]}, data={"bad": "1"})
ConfigMap("unknown", metadata=meta("unknown"), data={"x": cm.id})
CustomResource("thing", api_version="not.served/v1", kind="Thing", metadata=meta("thing"))
""",
    )
    passed = stack.preview()
    assert passed.code == 0, passed.text
    assert passed.lines("5 to create") or passed.lines("6 to create"), passed.text

    write(stack, namespace, 'ConfigMap("cm", metadata=meta("cm"), data={"good": "1"}, opts=None)')
    assert stack.up().code == 0
    write(
        stack,
        namespace,
        'ConfigMap("cm", metadata=meta("cm", labels={"a": "b"}), data={"bad": "1"},'
        ' opts=ResourceOptions(provider=Provider("mutable", enable_config_map_mutable=True)))',
    )
    assert len((refused := stack.preview()).lines("data must not be bad")) == 1, refused.text


def test_options(stack: Stack, namespace: str) -> None:
    """ignoreChanges, retainOnDelete, import, patches; a field that leaves the program leaves the object."""
    cluster = stack.cluster
    foreign = {**BAD, "metadata": {"name": "foreign", "namespace": namespace}, "data": {"theirs": "1"}}
    cluster.kubectl("create", "-f", "-", stdin=foreign)
    cluster.kubectl(
        "create", "-f", "-", stdin={**foreign, "metadata": {"name": "patched", "namespace": namespace}}
    )
    body = """
deployment("one", ignore_changes=["spec.replicas"])
ConfigMap("kept", metadata=meta("kept"), data={"a": "1"}, opts=ResourceOptions(retain_on_delete=True))
ConfigMap("foreign", metadata=meta("foreign"), data={"theirs": "1"},
    opts=ResourceOptions(import_=NAMESPACE + "/foreign"))
ConfigMapPatch("patch", metadata=meta("patched", labels={"ours": "yes"}))
Service("service", metadata=meta("service", labels={%s}), spec={"ports": [{"port": 80}]})
"""
    write(stack, namespace, body % '"a": "1", "b": "2"')
    assert (up := stack.up()).code == 0, up.text
    cluster.kubectl("scale", "deployment", "web", "-n", namespace, "--replicas=5")
    write(stack, namespace, body.replace('deployment("one"', 'deployment("one", cpu="1"') % '"a": "1"')
    assert (up := stack.up()).code == 0, up.text
    web, service = cluster.get("deployment", "web", namespace), cluster.get("service", "service", namespace)
    assert web is not None and service is not None
    assert web["spec"]["replicas"] == 5
    assert web["spec"]["template"]["spec"]["containers"][0]["resources"]["requests"]["cpu"] == "1"
    assert service["metadata"]["labels"] == {"a": "1"}
    patched = cluster.get("configmap", "patched", namespace)
    assert patched is not None and patched["metadata"]["labels"] == {"ours": "yes"}

    assert (done := stack.destroy()).code == 0, done.text
    assert cluster.get("configmap", "kept", namespace) is not None
    assert cluster.get("configmap", "foreign", namespace) is None
    patched = cluster.get("configmap", "patched", namespace)
    assert patched is not None and "labels" not in patched["metadata"] and patched["data"] == {"theirs": "1"}


def test_an_existing_object_is_refused_or_taken_over(stack: Stack, namespace: str) -> None:
    existing = {**BAD, "metadata": {"name": "cm", "namespace": namespace}, "data": {"a": "0", "b": "1"}}
    stack.cluster.kubectl("create", "-f", "-", stdin=existing)
    body = """
provider = Provider("provider", upsert_existing_objects={}, enable_patch_force={})
ConfigMap("cm", metadata=meta("cm"), data={{"a": "1"}}, opts=ResourceOptions(provider=provider))
"""
    write(stack, namespace, body.format(False, False))
    refused = stack.up()
    assert refused.code != 0
    (line,) = refused.lines("already exists in the cluster")
    assert "upsertExistingObjects" in line

    write(stack, namespace, body.format(True, True))
    assert (up := stack.up()).code == 0, up.text
    live = stack.cluster.get("configmap", "cm", namespace)
    assert live is not None and live["data"] == {"a": "1", "b": "1"}


def test_a_finalizer_that_holds_is_named(stack: Stack, namespace: str) -> None:
    write(
        stack,
        namespace,
        'ConfigMap("held", metadata=meta("held", finalizers=["example.com/hold"]), data={},'
        ' opts=ResourceOptions(custom_timeouts=CustomTimeouts(delete="1s")))',
    )
    assert stack.up().code == 0
    held = stack.destroy()
    assert held.code != 0
    assert held.lines("is still there: finalizer example.com/hold is held by its controller"), held.text
    stack.cluster.kubectl(
        "patch",
        "configmap",
        "held",
        "-n",
        namespace,
        "--type=merge",
        "-p",
        '{"metadata": {"finalizers": null}}',
    )
    assert (done := stack.destroy()).code == 0, done.text


WAITING = """
ConfigMap("waits", data={"phase": "no"}, metadata=meta("waits", annotations={
    "pulumi.com/waitFor": "jsonpath={.data.phase}=yes", "pulumi.com/timeoutSeconds": "%s"}))
"""


def test_what_is_not_ready_is_named_and_kept(stack: Stack, namespace: str) -> None:
    """A timeout leaves the object in the state, and the next run goes on from there."""
    write(stack, namespace, WAITING % 1)
    late = stack.up()
    assert late.code != 0
    assert late.lines(f"ConfigMap {namespace}/waits is not ready in time: waiting for {{.data.phase}}=yes"), (
        late.text
    )
    assert any(each["urn"].endswith("::waits") for each in stack.resources())
    write(stack, namespace, WAITING.replace('"no"', '"yes"') % 1)
    assert (up := stack.up()).code == 0, up.text


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=["ctrl-c", "kill -9"])
def test_an_interrupted_up_is_taken_up_again(stack: Stack, namespace: str, number: signal.Signals) -> None:
    """No process is left, and the next run converges, whatever the state knows."""
    provider = 'Provider("kubernetes-upsert", upsert_existing_objects=True, enable_patch_force=True)'
    body = WAITING.replace("}))", f"}}), opts=ResourceOptions(provider={provider}))")
    write(stack, namespace, body % 60)
    assert (
        stack.pulumi("stack", "init", "other").code == 0 and stack.pulumi("stack", "select", "test").code == 0
    )
    process = stack.start("up", "--yes", "--skip-preview")
    deadline = time.monotonic() + 60
    while stack.cluster.get("configmap", "waits", namespace) is None and time.monotonic() < deadline:
        time.sleep(0.1)
    process.send_signal(number)
    text, _ = process.communicate(timeout=60)
    assert process.returncode != 0
    assert "Traceback" not in text, text
    deadline = time.monotonic() + 30
    while (left := _plugins_of(stack.folder)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not left
    if number == signal.SIGKILL:
        assert stack.pulumi("cancel", "--yes").code == 0
    write(stack, namespace, body.replace('"no"', '"yes"') % 60)
    assert (up := stack.up("--refresh")).code == 0, up.text
    live = stack.cluster.get("configmap", "waits", namespace)
    assert live is not None and live["data"] == {"phase": "yes"}


def _plugins_of(folder: Path) -> list[str]:
    """Command lines of processes that work in a folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").resolve() == folder and int(process.name) != os.getpid():
                found.append((process / "cmdline").read_text())
        except OSError:
            continue
    return found


def test_a_cluster_that_does_not_answer_is_one_line(stack: Stack, namespace: str) -> None:
    kubeconfig = json.loads(stack.cluster.kubeconfig.read_text())
    kubeconfig["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:9"
    provider = f'Provider("p", kubeconfig={json.dumps(kubeconfig)!r})'
    write(stack, namespace, f'ConfigMap("cm", opts=ResourceOptions(provider={provider}))')
    failed = stack.up()
    assert failed.code != 0
    (line,) = failed.lines("the Kubernetes cluster cannot be reached: https://127.0.0.1:9 does not answer")
    assert "object at 0x" not in line


def test_a_program_that_ends_says_its_own_line(stack: Stack, namespace: str) -> None:
    write(stack, namespace, 'import sys; print("settings.x: wrong", file=sys.stderr); sys.exit(1)')
    failed = stack.preview()
    assert failed.code != 0
    assert len(failed.lines("settings.x: wrong")) == 1, failed.text
    assert len(failed.lines("Program exited with non-zero exit code: 1")) == 1, failed.text


def test_nothing_runs_afterwards(stack: Stack, namespace: str) -> None:
    write(stack, namespace, 'ConfigMap("cm", metadata=meta("cm"))')
    assert stack.up().code == 0
    deadline = time.monotonic() + 10
    while (left := _plugins_of(stack.folder)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not left

"""The provider's pure rules, without engine or cluster."""

from __future__ import annotations

import re
from typing import Any

import pytest

from pulumi_plugins.kubernetes_provider import diff, immutable, jsonpath, normal, objects, readiness, settings
from pulumi_plugins.kubernetes_provider.api import ApiError
from pulumi_plugins.kubernetes_provider.codec import UNKNOWN, Secret, decode, encode, mark_secrets


def test_values_survive_the_wire() -> None:
    values = {
        "int": 3,
        "float": 0.5,
        "bool": True,
        "none": None,
        "list": [1, {"a": "b"}],
        "secret": Secret("x"),
    }
    assert decode(encode({**values, "unknown": UNKNOWN})) == {**values, "unknown": UNKNOWN}


def test_secrets_are_marked_where_the_program_had_them_and_in_every_secret() -> None:
    assert mark_secrets({"a": {"b": "c"}}, {"a": Secret({})}) == {"a": Secret({"b": "c"})}
    live = {"apiVersion": "v1", "kind": "Secret", "data": {"a": "Yg=="}}
    assert mark_secrets(live, {})["data"] == Secret({"a": "Yg=="})


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({"a": 1}, {"a": 1.0}, {}),
        ({"a": True}, {"a": 1}, {"a": "update"}),
        ({"a": {"b.c": "1"}}, {"a": {"b.c": "2"}}, {'a["b.c"]': "update"}),
        ({"a": [1, 2]}, {"a": [1]}, {"a[1]": "delete"}),
        ({}, {"a": {"b": 1}}, {"a": "add"}),
        ({"a": 1}, {"a": UNKNOWN}, {"a": "update"}),
        ({"a": [1]}, {"a": {}}, {"a": "update"}),
    ],
)
def test_differences(old: dict[str, Any], new: dict[str, Any], expected: dict[str, str]) -> None:
    assert {diff.text(path): how for path, how in diff.changes(old, new)} == expected


# The released provider's table (provider/pkg/provider/diff.go, `forceNew` and `forceNewProperties`).
CONTAINER = """args command env image imagePullPolicy lifecycle livenessProbe ports readinessProbe resources
    securityContext stdin stdinOnce terminationMessagePath terminationMessagePolicy tty volumeDevices
    volumeMounts workingDir"""
REPLACED = {
    "apps/v1 Deployment": "spec.selector",
    "apps/v1 DaemonSet": "spec.selector",
    "apps/v1 StatefulSet": """spec.podManagementPolicy spec.revisionHistoryLimit spec.selector
        spec.serviceName spec.volumeClaimTemplates""",
    "batch/v1 Job": "spec.completions spec.parallelism spec.selector spec.template",
    "rbac.authorization.k8s.io/v1 RoleBinding": "roleRef",
    "rbac.authorization.k8s.io/v1 ClusterRoleBinding": "roleRef",
    "storage.k8s.io/v1 StorageClass": "parameters provisioner",
    "v1 ConfigMap": "binaryData data",
    "v1 Secret": "type data stringData",
    "v1 Service": "spec.clusterIP",
    "v1 ResourceQuota": "spec.scopes",
    "v1 PersistentVolumeClaim": "spec.accessModes spec.selector spec.storageClassName spec.volumeName",
    "v1 PersistentVolume": """spec.awsElasticBlockStore spec.azureDisk spec.azureFile spec.cephfs spec.cinder
        spec.csi spec.fc spec.flexVolume spec.flocker spec.gcePersistentDisk spec.glusterfs spec.hostPath
        spec.iscsi spec.local spec.nfs spec.photonPersistentDisk spec.portworxVolume spec.quobyte spec.rbd
        spec.scaleIO spec.storageos spec.vsphereVolume""",
    "v1 Pod": """spec.affinity spec.automountServiceAccountToken spec.dnsConfig spec.dnsPolicy
        spec.enableServiceLinks spec.hostAliases spec.hostIPC spec.hostNetwork spec.hostPID spec.hostname
        spec.imagePullSecrets spec.nodeName spec.nodeSelector spec.overhead spec.preemptionPolicy
        spec.priority spec.priorityClassName spec.readinessGates spec.restartPolicy spec.runtimeClassName
        spec.schedulerName spec.securityContext spec.serviceAccount spec.serviceAccountName
        spec.shareProcessNamespace spec.subdomain spec.terminationGracePeriodSeconds spec.volumes"""
    + "".join(
        f" spec.{containers}[3].{name}"
        for containers in ("containers", "initContainers")
        for name in CONTAINER.split()
    ),
}
ROWS = [
    (*kind.split(" "), path)
    for kind, paths in REPLACED.items()
    for path in [*paths.split(), "metadata.name", "metadata.namespace"]
]


@pytest.mark.parametrize(("api_version", "kind", "path"), ROWS)
def test_an_immutable_field_means_a_new_object(api_version: str, kind: str, path: str) -> None:
    """The field itself, what is below it, and what holds it; a field of a similar name does not."""
    obj = {"apiVersion": api_version, "kind": kind}
    steps = diff.parse(path)
    assert diff.needs_replacement(obj, steps)
    assert diff.needs_replacement(obj, [*steps, "below"])
    holding: Any = "value"
    for step in reversed(steps[1:]):
        holding = [holding] if isinstance(step, int) else {step: holding}
    assert diff.needs_replacement(obj, steps[:1], holding)
    assert not diff.needs_replacement(obj, diff.parse(f"{path}X"))


def test_no_field_of_the_table_is_missed_or_added() -> None:
    """`ROWS` and the provider's own table are the same."""
    ours = {
        (group, kind, ".".join(step.replace("*", "[3]") for step in path).replace(".[3]", "[3]"))
        for (group, kind), paths in immutable.FIXED.items()
        for path in paths
    }
    rows = {
        (version.rpartition("/")[0], kind, path)
        for version, kind, path in ROWS
        if not path.startswith("metadata.")
    }
    assert ours == rows


@pytest.mark.parametrize(
    ("api_version", "kind", "path"),
    [
        ("apps/v1", "Deployment", "spec.replicas"),
        ("apps/v1", "Deployment", "metadata.labels.name"),
        ("batch/v1", "Job", "spec.backoffLimit"),
        ("v1", "Service", "spec.clusterIPs[0]"),
        ("v1", "Pod", "spec.activeDeadlineSeconds"),
        ("v1", "Pod", "spec.tolerations"),
        ("v1", "ConfigMap", "immutable"),
        ("policy/v1", "PodDisruptionBudget", "spec.minAvailable"),
        ("storage.k8s.io/v1", "StorageClass", "reclaimPolicy"),
        ("rbac.authorization.k8s.io/v1", "RoleBinding", "subjects[0].name"),
        ("keda.sh/v1alpha1", "ScaledObject", "spec.scaleTargetRef.name"),
    ],
)
def test_other_fields_change_in_place(api_version: str, kind: str, path: str) -> None:
    assert not diff.needs_replacement({"apiVersion": api_version, "kind": kind}, diff.parse(path))


def test_a_patch_is_replaced_for_another_object_only() -> None:
    obj = {"apiVersion": "apps/v1", "kind": "Deployment"}
    assert diff.needs_replacement(obj, ["metadata", "namespace"], identity_only=True)
    assert not diff.needs_replacement(obj, ["spec", "selector"], identity_only=True)


def test_data_of_config_maps_may_be_declared_mutable() -> None:
    obj: dict[str, Any] = {"apiVersion": "v1", "kind": "ConfigMap"}
    mutable = frozenset({"ConfigMap"})
    assert not diff.needs_replacement(obj, ["data", "a"], mutable=mutable)
    assert diff.needs_replacement({**obj, "immutable": True}, ["data", "a"], mutable=mutable)


@pytest.mark.parametrize(
    ("ignore", "path", "expected"),
    [
        ("spec", "spec.replicas", True),
        ("spec.replicas", "spec", False),
        ("webhooks[*].clientConfig.caBundle", "webhooks[1].clientConfig.caBundle", True),
        ('metadata.annotations["a.b/c"]', 'metadata.annotations["a.b/c"]', True),
        ("spec.a", "spec.b", False),
    ],
)
def test_ignored(ignore: str, path: str, expected: bool) -> None:
    assert diff.ignored(diff.parse(path), [diff.parse(ignore)]) is expected


@pytest.mark.parametrize(
    ("inputs", "recorded", "live", "expected"),
    [
        # The server's spelling is no drift while it stands.
        ({"cpu": "0.5"}, {"cpu": "500m"}, {"cpu": "500m"}, {"cpu": "0.5"}),
        ({"cpu": "0.5"}, {"cpu": "500m"}, {"cpu": "1"}, {"cpu": "1"}),
        # What the program does not set is not ours.
        ({"a": 1}, {"a": 1, "b": 1}, {"a": 1, "b": 2}, {"a": 1}),
        # Write-only, and gone.
        ({"stringData": {"a": "b"}}, {}, {"data": {}}, {"stringData": {"a": "b"}}),
        ({"a": 1, "b": 2}, {"a": 1, "b": 2}, {"b": 2}, {"b": 2}),
        ({"l": [{"a": 1}]}, {"l": [{"a": 1, "d": 0}]}, {"l": [{"a": 2, "d": 1}]}, {"l": [{"a": 2}]}),
        ({"l": [1]}, {"l": [1]}, {"l": [1, 2]}, {"l": [1, 2]}),
        ({"l": [1, 2]}, {"l": [1, 2]}, {"l": [1]}, {"l": [1]}),
    ],
)
def test_refreshed_inputs(inputs: Any, recorded: Any, live: Any, expected: Any) -> None:
    assert objects.refreshed(inputs, recorded, live) == expected


def test_fields_of_a_creator_become_ours() -> None:
    def entry(manager: str, operation: str, field: str, **more: str) -> dict[str, Any]:
        return {"manager": manager, "operation": operation, "fieldsV1": {"f:spec": {field: {}}}, **more}

    fields = [
        entry("pulumi-kubernetes", "Update", "f:a"),
        entry("ours", "Apply", "f:b"),
        entry("keda", "Update", "f:c"),
        entry("pulumi-kubernetes", "Update", "f:d", subresource="status"),
    ]
    live = {"metadata": {"managedFields": fields}}
    (operation,) = objects.take_over_fields(live, "ours")
    theirs, status, ours = operation["value"]
    assert (theirs, status) == (fields[2], fields[3])
    assert (ours["manager"], ours["operation"]) == ("ours", "Apply")
    assert ours["fieldsV1"] == {"f:spec": {"f:a": {}, "f:b": {}}}
    assert objects.take_over_fields({"metadata": {"managedFields": [ours, theirs]}}, "ours") == []
    edited = {"metadata": {"managedFields": [ours, entry("kubectl-edit", "Update", "f:x")]}}
    assert objects.take_over_fields(edited, "ours")
    killed = {"metadata": {"managedFields": [ours, entry("pulumi-kubernetes-1234abcd", "Apply", "f:x")]}}
    assert objects.take_over_fields(killed, "ours") == []


def test_each_new_object_has_a_field_manager_of_its_own() -> None:
    managers = {objects.field_manager() for _ in range(50)}
    assert len(managers) == 50
    assert all(re.fullmatch("pulumi-kubernetes-[0-9a-f]{8}", each) for each in managers)


CONDITIONS = {
    "status": {"conditions": [{"type": "Ready", "status": "True"}, {"type": "Active", "status": "False"}]}
}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ('{.status.conditions[?(@.type=="Active")].status}', ["False"]),
        ("{.status.conditions[*].type}", ["Ready", "Active"]),
        ("{.status.conditions[-1].type}", ["Active"]),
        ("{.status.phase}", []),
        ("status['conditions'][0].status", ["True"]),
    ],
)
def test_jsonpath(path: str, expected: list[Any]) -> None:
    assert jsonpath.find(path, CONDITIONS) == expected


def waited(wanted: str) -> dict[str, Any]:
    annotations = {"pulumi.com/waitFor": wanted}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"annotations": annotations}}


@pytest.mark.parametrize(
    ("wanted", "ready"),
    [
        ("condition=Ready", True),
        ("condition=Active=False", True),
        ("condition=Gone", False),
        ('jsonpath={.status.conditions[?(@.type=="Ready")].status}=True', True),
        ("jsonpath={.status.conditions}", True),
        ('["condition=Ready", "condition=Active"]', False),
    ],
)
def test_wait_for(wanted: str, ready: bool) -> None:
    check = readiness.check_for(waited(wanted))
    assert check is not None
    assert (check(CONDITIONS, None) is None) is ready  # type: ignore[arg-type]


@pytest.mark.parametrize("wanted", ["Ready", "jsonpath={.a", "jsonpath={.a[?(@.b)]}"])
def test_wait_for_that_cannot_be_understood(wanted: str) -> None:
    with pytest.raises(ValueError, match=r"waited for|starts with neither|in braces"):
        readiness.check_for(waited(wanted))


class Pods:
    """A cluster with one pod that cannot start."""

    def objects(self, *_: object, **__: object) -> list[dict[str, Any]]:
        waiting = {"reason": "ImagePullBackOff", "message": "no such image"}
        status = {"containerStatuses": [{"name": "app", "state": {"waiting": waiting}}]}
        return [{"metadata": {"name": "web-1"}, "status": status}]


def workload(kind: str, spec: dict[str, Any], status: dict[str, Any]) -> dict[str, Any]:
    group = {"Deployment": "apps/v1", "Job": "batch/v1"}.get(kind, "apiregistration.k8s.io/v1")
    spec = {"selector": {"matchLabels": {"a": "b"}}, **spec}
    metadata = {"name": "web", "namespace": "default", "generation": 2}
    return {"apiVersion": group, "kind": kind, "metadata": metadata, "spec": spec, "status": status}


DONE = {"observedGeneration": 2, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2}


@pytest.mark.parametrize(
    ("obj", "missing"),
    [
        (workload("Deployment", {"replicas": 2}, DONE), None),
        (workload("Deployment", {"replicas": 0}, {"observedGeneration": 2}), None),
        (workload("Deployment", {"replicas": 2}, {**DONE, "observedGeneration": 1}), "has not seen it"),
        (
            workload("Deployment", {"replicas": 2}, {**DONE, "availableReplicas": 1}),
            "1 of 2 pods are available, 2 of the new version; "
            "container app of pod web-1 (ImagePullBackOff: no such image)",
        ),
        (workload("Job", {}, {"conditions": [{"type": "Complete", "status": "True"}]}), None),
        (workload("Job", {}, {"active": 1}), "1 pods are running"),
        (workload("APIService", {}, {"conditions": [{"type": "Available", "status": "True"}]}), None),
        (
            workload("APIService", {}, {"conditions": [{"type": "Available", "reason": "No"}]}),
            "not available yet (No)",
        ),
    ],
)
def test_readiness(obj: dict[str, Any], missing: str | None) -> None:
    check = readiness.check_for(obj)
    assert check is not None
    said = check(obj, Pods())  # type: ignore[arg-type]
    assert said is None if missing is None else missing in (said or "")


def test_a_failed_job_is_not_waited_for() -> None:
    job = workload("Job", {}, {"conditions": [{"type": "Failed", "status": "True", "message": "too often"}]})
    check = readiness.check_for(job)
    assert check is not None
    with pytest.raises(readiness.Failed, match="too often"):
        check(job, Pods())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("code", "reason", "forbidden"),
    [
        (403, "Forbidden", True),
        (403, "", True),
        (422, "Invalid", False),
        (403, "Invalid", False),
        (409, "Conflict", False),
    ],
)
def test_forbidden_is_what_apimachinery_takes_for_it(code: int, reason: str, forbidden: bool) -> None:
    assert ApiError(code, reason, "no").forbidden is forbidden


@pytest.mark.parametrize(
    ("message", "denied"),
    [
        ('admission webhook "vscaledobject.kb.io" denied the request: already managed', True),
        (
            "configmaps \"a\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: x",
            True,
        ),
        ('configmaps "a" is forbidden: User "jane" cannot patch resource "configmaps"', False),
    ],
)
def test_only_admission_speaks_in_a_preview(message: str, denied: bool) -> None:
    assert ApiError(403, "Forbidden", message).denied_by_admission is denied


def kubeconfig(server: str) -> str:
    return f"""
current-context: one
contexts: [{{name: one, context: {{cluster: c}}}}]
clusters: [{{name: c, cluster: {{server: "{server}"}}}}]
"""


@pytest.mark.parametrize(
    ("old", "new", "replaces"),
    [
        ({"kubeconfig": kubeconfig("a")}, {"kubeconfig": kubeconfig("b")}, ["kubeconfig"]),
        ({"kubeconfig": kubeconfig("a")}, {"kubeconfig": kubeconfig("a") + "# comment"}, []),
        ({}, {"upsertExistingObjects": "true"}, []),
        ({"renderYamlToDirectory": "a"}, {"renderYamlToDirectory": "b"}, ["renderYamlToDirectory"]),
        (
            {"kubeconfig": kubeconfig("a"), "clusterIdentifier": "x"},
            {"kubeconfig": kubeconfig("b"), "clusterIdentifier": "x"},
            [],
        ),
    ],
)
def test_only_another_cluster_replaces_everything(
    old: dict[str, str], new: dict[str, str], replaces: list[str]
) -> None:
    assert settings.replaced_by(old, new)[1] == replaces


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("0.5", "500m"),
        (1, "1"),
        (0.25, "250m"),
        ("1000m", "1"),
        ("2000", "2k"),
        ("1000Mi", "1000Mi"),
        ("1024Mi", "1Gi"),
        ("1.5Gi", "1536Mi"),
        ("128974848", "128974848"),
        ("1e3", "1e3"),
        ("1E", "1E"),
        ("0.1n", "1n"),
        ("0", "0"),
        ("no quantity", "no quantity"),
    ],
)
def test_quantities(written: Any, canonical: str) -> None:
    assert normal.quantity(written) == canonical


def pod(**fields: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "spec": {**fields}}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        # KEDA's chart: `cpu: 1` in its values, and an object that the released provider has normalized.
        (
            pod(containers=[{"resources": {"limits": {"cpu": 1, "memory": "1000Mi"}}}]),
            pod(containers=[{"resources": {"limits": {"cpu": "1", "memory": "1000Mi"}}}]),
        ),
        (
            pod(hostNetwork=False, containers=[{"args": [], "env": [{"name": "A", "value": ""}]}]),
            pod(containers=[{"env": [{"name": "A"}]}]),
        ),
        (
            {"apiVersion": "v1", "kind": "Secret", "stringData": {"a": "b"}, "data": {"a": "eA=="}},
            {"apiVersion": "v1", "kind": "Secret", "data": {"a": "Yg=="}},
        ),
        (
            {
                "apiVersion": "apiextensions.k8s.io/v1",
                "kind": "CustomResourceDefinition",
                "spec": {"preserveUnknownFields": False},
                "status": {},
            },
            {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "spec": {}},
        ),
    ],
)
def test_two_spellings_are_one_object(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert normal.normalized(one) == normal.normalized(other)


@pytest.mark.parametrize(
    "obj",
    [
        pod(volumes=[{"name": "a", "emptyDir": {}}], enableServiceLinks=False, priority=0),
        pod(containers=[{"securityContext": {"allowPrivilegeEscalation": False}}]),
        {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "spec": {"storageClassName": ""}},
        {"apiVersion": "v1", "kind": "ConfigMap", "data": {"empty": "", "requests": "1000m"}},
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "spec": {"podSelector": {}, "ingress": [{"from": [{"namespaceSelector": {}}]}]},
        },
        {"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "spec": {"limits": {"cpu": 1}, "x": []}},
        pod(hostNetwork=False, nodeName=UNKNOWN),
    ],
)
def test_what_means_something_stays(obj: dict[str, Any]) -> None:
    assert normal.normalized(obj) == obj

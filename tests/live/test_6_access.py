"""What KEDA may do in a real cluster: no more than the workloads need, and that is enough.

That the four workloads scale under the narrow role is tests/live/test_2_scaling.py, on the same stack.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from cli import targets
from cli.engine import Engine
from lab.paths import Lab
from tests.live.cluster import KEDA, Cluster, Refused, wait
from tests.live.support import WORKLOADS, scaled_object, wait_ready, with_overrides

pytestmark = pytest.mark.live

NAMESPACE = "access"
OPERATOR = "system:serviceaccount:keda:keda-operator"
DEPLOYMENTS = ("keda-operator", "keda-operator-metrics-apiserver", "keda-admission-webhooks")
SCALED_OBJECTS = f"{KEDA}/namespaces/{NAMESPACE}/scaledobjects"
LOAD = 3
"""What the signal says: a ConfigMap's value, which the API server shows to holders of the token only."""

TRIGGER = {
    "type": "metrics-api",
    "metadata": {
        "url": f"https://kubernetes.default.svc/api/v1/namespaces/{NAMESPACE}/configmaps/load",
        "valueLocation": "data.value",
        "targetValue": "1",
        "authModes": "bearer",
        "unsafeSsl": "true",
    },
    "authenticationRef": {"name": "token"},
}
AUTHENTICATION = {"secretTargetRef": [{"parameter": "token", "name": "reader", "key": "token"}]}
PRYING = {
    "type": "kubernetes-resource",
    "metadata": {"resourceKind": "Secret", "resourceName": "reader", "key": "token", "targetValue": "1"},
}

CanI = Callable[..., bool]
Apply = Callable[..., str]


@pytest.fixture(scope="module")
def can_i(stack: Engine, lab: Lab) -> CanI:
    """`kubectl auth can-i` as KEDA's operator."""

    def ask(*question: str) -> bool:
        kubectl = targets.lab_record(lab)["tools"]["kubectl"]
        connection = [f"--kubeconfig={lab.kubeconfig}", f"--as={OPERATOR}"]
        done = subprocess.run(
            [kubectl, "auth", "can-i", *question, *connection], capture_output=True, text=True
        )
        answer = done.stdout.strip()
        assert answer in ("yes", "no"), done.stderr
        return answer == "yes"

    return ask


def objects() -> Iterator[tuple[str, dict[str, Any]]]:
    """(collection, object): a target, its signal, and a Secret with the token that may read the signal."""
    core, rbac = (
        f"/api/v1/namespaces/{NAMESPACE}",
        f"/apis/rbac.authorization.k8s.io/v1/namespaces/{NAMESPACE}",
    )
    annotations = {"kubernetes.io/service-account.name": "reader"}
    yield "/api/v1/namespaces", {"metadata": {"name": NAMESPACE}}
    yield f"{core}/serviceaccounts", {"metadata": {"name": "reader"}}
    secret = {"metadata": {"name": "reader", "annotations": annotations}}
    yield f"{core}/secrets", secret | {"type": "kubernetes.io/service-account-token"}
    yield f"{core}/configmaps", {"metadata": {"name": "load"}, "data": {"value": str(LOAD)}}
    rule = {"apiGroups": [""], "resources": ["configmaps"], "resourceNames": ["load"], "verbs": ["get"]}
    yield f"{rbac}/roles", {"metadata": {"name": "reader"}, "rules": [rule]}
    yield (
        f"{rbac}/rolebindings",
        {
            "metadata": {"name": "reader"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader"},
            "subjects": [{"kind": "ServiceAccount", "name": "reader", "namespace": NAMESPACE}],
        },
    )
    labels = {"app": "web"}
    container = {"name": "web", "image": "ghcr.io/keda-homelab/fleet:dev"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    yield (
        f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments",
        {
            "metadata": {"name": "web"},
            "spec": {"selector": {"matchLabels": labels}, "template": template},
        },
    )


@pytest.fixture(scope="module")
def target(stack: Engine, cluster: Cluster) -> Iterator[None]:
    """A namespace of somebody else's, with a Secret in it."""
    for collection, body in objects():
        cluster.create(collection, body)
    yield
    cluster.delete(f"/api/v1/namespaces/{NAMESPACE}")


@pytest.fixture
def scaled(target: None, cluster: Cluster) -> Iterator[Apply]:
    """Applies a ScaledObject as others do and gives its path; it is gone after the test."""
    path = f"{SCALED_OBJECTS}/theirs"

    def apply(**spec: Any) -> str:
        cluster.create(SCALED_OBJECTS, scaled_object("theirs", NAMESPACE, "web", **spec))
        return path

    yield apply
    cluster.delete(path)
    wait("KEDA to let go of the ScaledObject", 60, lambda: cluster.get(path) is None)


def operator_log(cluster: Cluster) -> str:
    """What the operator wrote lately."""
    pods = cluster.get("/api/v1/namespaces/keda/pods?labelSelector=app%3Dkeda-operator")["items"]
    names = [pod["metadata"]["name"] for pod in pods]
    return "".join(
        cluster.text(f"/api/v1/namespaces/keda/pods/{name}/log?sinceSeconds=120") for name in names
    )


def test_a_secret_it_has_no_business_with_is_forbidden(can_i: CanI) -> None:
    for namespace in ("voice", "kube-system", "default"):
        assert not can_i("get", "secret/x", "--namespace", namespace)
        assert not can_i("list", "secrets", "--namespace", namespace)
    assert not can_i("list", "secrets", "--all-namespaces")
    assert can_i("get", "secret/kedaorg-certs", "--namespace", "keda")


def test_only_targets_can_be_scaled(can_i: CanI) -> None:
    scale = ("--subresource", "scale", "--namespace", "voice")
    assert can_i("update", "deployments.apps", *scale)
    assert not can_i("update", "replicasets.apps", *scale)
    assert not can_i("get", "replicasets.apps", "--namespace", "voice")


def test_what_others_scale_beside_is_told(scaled: Apply, cluster: Cluster) -> None:
    path = scaled(scaleTargetRef={"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web"})
    forbidden = f'User "{OPERATOR}" cannot get resource "replicasets"'
    wait("KEDA to tell", 60, lambda: forbidden in cluster.condition(path, "Ready")[1])


def test_keda_runs_under_the_restricted_pod_security_level(stack: Engine, cluster: Cluster) -> None:
    labels = cluster.get("/api/v1/namespaces/keda")["metadata"]["labels"]
    assert {labels[f"pod-security.kubernetes.io/{mode}"] for mode in ("enforce", "audit", "warn")} == {
        "restricted"
    }
    for name in DEPLOYMENTS:
        assert cluster.replicas("keda", name) == (1, 1)
    container = {"name": "p", "image": "p", "securityContext": {"privileged": True}}
    with pytest.raises(Refused, match='violates PodSecurity "restricted:latest"'):
        cluster.create(
            "/api/v1/namespaces/keda/pods?dryRun=All",
            {"metadata": {"name": "privileged"}, "spec": {"containers": [container]}},
        )


def test_a_secret_beside_a_workload_that_is_not_declared_is_not_read(scaled: Apply, cluster: Cluster) -> None:
    """KEDA looks for it in its own namespace; its log names the other, and says "not found"."""
    authentications = f"{KEDA}/namespaces/{NAMESPACE}/triggerauthentications"
    manifest = {"apiVersion": "keda.sh/v1alpha1", "kind": "TriggerAuthentication"}
    cluster.create(authentications, manifest | {"metadata": {"name": "token"}, "spec": AUTHENTICATION})
    try:
        path = scaled(triggers=[TRIGGER])

        def verdict() -> bool:
            status, message = cluster.condition(path, "Ready")
            return status == "False" and "bearer token is required when bearer auth is enabled" in message

        wait("KEDA to miss the token", 60, verdict)
        log = operator_log(cluster)
        assert 'secret \\"reader\\" not found' in log
        assert "error trying to get secret from namespace" in log
    finally:
        cluster.delete(f"{authentications}/token")


def test_its_own_attempt_at_a_secret_is_forbidden(scaled: Apply, cluster: Cluster) -> None:
    """kubernetes-resource is the one scaler that reads a Secret past the restriction."""
    forbidden = f'User \\"{OPERATOR}\\" cannot list resource \\"secrets\\" in API group \\"\\" at the cluster'
    assert forbidden not in operator_log(cluster)
    scaled(triggers=[PRYING])
    wait("the API server's no", 60, lambda: forbidden in operator_log(cluster))


@pytest.fixture(scope="module")
def declared(target: None, stack: Engine, cluster: Cluster) -> Iterator[None]:
    """The same workload, declared in the stack file, with every offer taken."""
    workload = {
        "recipe": "generic",
        "namespace": NAMESPACE,
        "target": {"name": "web"},
        "maxReplicas": LOAD,
        "pollingInterval": 2,
        "triggers": [TRIGGER],
        "authentications": {"token": AUTHENTICATION},
    }
    watched = sorted({*WORKLOADS.values(), NAMESPACE})
    overrides = {
        "keda-homelab:workloads.web": workload,
        "keda-homelab:keda.watchNamespaces": watched,
        "keda-homelab:keda.networkPolicy": True,
        "keda-homelab:keda.disruptionBudgets": True,
    }
    done = with_overrides(stack, overrides).operate("up", "--skip-preview", capture=True)
    try:
        assert done.returncode == 0, done.stdout + done.stderr
        yield
    finally:
        back = stack.operate("up", "--skip-preview", capture=True)
    assert back.returncode == 0, back.stdout + back.stderr
    for name, namespace in WORKLOADS.items():
        wait_ready(cluster, name, namespace)


def test_a_declared_secret_is_read_and_works(declared: None, cluster: Cluster) -> None:
    wait_ready(cluster, "web", NAMESPACE)
    wait("one replica for each of the load", 60, lambda: cluster.replicas(NAMESPACE, "web")[0] == LOAD)


def test_only_watched_namespaces_are_open(declared: None, can_i: CanI) -> None:
    assert can_i("list", "secrets", "--namespace", NAMESPACE)
    for namespace in ("default", "kube-system", "monitoring"):
        assert not can_i("list", "secrets", "--namespace", namespace)
        assert not can_i("update", "deployments.apps", "--subresource", "scale", "--namespace", namespace)
    assert not can_i("list", "secrets", "--all-namespaces")


def test_what_is_offered_selects_kedas_pods(declared: None, cluster: Cluster) -> None:
    """The lab's network does not enforce the policies; which pods they mean can be told all the same."""
    for name in DEPLOYMENTS:
        policy = cluster.get(f"/apis/networking.k8s.io/v1/namespaces/keda/networkpolicies/{name}")
        assert policy["spec"]["policyTypes"] == ["Ingress", "Egress"]
        [(key, value)] = policy["spec"]["podSelector"]["matchLabels"].items()
        pods = cluster.get(f"/api/v1/namespaces/keda/pods?labelSelector={key}%3D{value}")["items"]
        assert pods
        assert all(pod["metadata"]["name"].startswith(f"{name}-") for pod in pods)

        def budget(name: str = name) -> bool:
            status = cluster.get(f"/apis/policy/v1/namespaces/keda/poddisruptionbudgets/{name}")["status"]
            return (status.get("currentHealthy"), status.get("disruptionsAllowed")) == (1, 1)

        wait(f"the budget of {name} to know its pod", 30, budget)

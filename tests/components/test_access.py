"""What KEDA may do follows from the workloads: all they need, and nothing beside it.

That KEDA's chart then grants exactly this is tests/lab/test_chart_access.py; that KEDA can work with it is
tests/live/test_6_access.py.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.access import (
    Access,
    ScaledKind,
    SecretNeed,
    chart_access,
    namespace_labels,
    reads_watched_secrets,
    resource_of,
    scaled_kinds,
    secrets_needed,
    token_accounts,
    watched_namespaces,
)
from components.recipes.generic import Generic
from components.workload import Workload
from keda import SpecError
from tests.support import STACK, settings_of

CRON = {
    "type": "cron",
    "metadata": {"start": "0 7 * * *", "end": "0 8 * * *", "timezone": "UTC", "desiredReplicas": 2},
}
PROMETHEUS = {
    "type": "prometheus",
    "metadata": {"serverAddress": "http://p", "query": "sum(up)", "threshold": 1, "authModes": "bearer"},
}
REDIS = {"type": "redis", "metadata": {"address": "redis:6379", "listName": "mail", "listLength": 5}}
SECRET_KEY = {"valueFrom": {"secretKeyRef": {"name": "cloud", "key": "k"}}}


def workload(
    namespace: str = "web",
    target: dict[str, str] | None = None,
    trigger: dict[str, Any] = CRON,
    authentication: dict[str, Any] | None = None,
) -> Workload:
    """A generic workload; `authentication` is the spec of the TriggerAuthentication its trigger uses."""
    settings: dict[str, Any] = {
        "recipe": "generic",
        "namespace": namespace,
        "target": {"name": "web", **(target or {})},
        "maxReplicas": 4,
        "triggers": [trigger],
    }
    if authentication:
        settings["triggers"] = [{**trigger, "authenticationRef": {"name": "token"}}]
        settings["authentications"] = {"token": authentication}
    return Generic.parse(settings).models("web", "http://p")


NAMESPACES = st.sampled_from(["web", "mail", "render"])
TARGETS = st.sampled_from(
    [
        {},
        {"kind": "StatefulSet"},
        {"kind": "ReplicaSet"},
        {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout"},
        {"apiVersion": "argoproj.io/v1beta1", "kind": "Rollout"},
        {"apiVersion": "v1", "kind": "ReplicationController"},
        {"apiVersion": "example.org/v1", "kind": "Proxy"},
    ]
)
WORKLOADS = st.lists(st.builds(workload, NAMESPACES, TARGETS), max_size=5)


@given(WORKLOADS)
def test_every_target_is_scalable_and_nothing_else(workloads: list[Workload]) -> None:
    built_in = {("apps", "deployments"), ("apps", "statefulsets")}
    targets = [each.scaled.to_manifest()["spec"]["scaleTargetRef"] for each in workloads]
    wanted = {
        (each.get("apiVersion", "apps/v1").rpartition("/")[0], resource_of(each.get("kind", "Deployment")))
        for each in targets
    }
    rbac = chart_access(Access(), workloads)["rbac"]
    granted = {(kind["apiGroup"], kind["kind"]) for kind in rbac["scaledRefKinds"]}
    assert wanted <= granted | built_in
    assert granted == wanted - built_in
    assert rbac["enabledCustomScaledRefKinds"] is bool(granted)


@given(WORKLOADS, st.lists(NAMESPACES, max_size=3))
def test_what_is_watched(workloads: list[Workload], listed: list[str]) -> None:
    named = {f"w{number}": each for number, each in enumerate(workloads)}
    assert watched_namespaces(Access()) is None
    assert chart_access(Access(), workloads)["watchNamespace"] == ""
    Access().check(named)
    access = Access(watch_namespaces=tuple(listed))
    assert set(watched_namespaces(access) or ()) == {"keda", *listed}
    assert chart_access(access, workloads)["watchNamespace"] == ",".join(sorted({"keda", *listed}))
    unseen = [each for each in workloads if each.namespace not in listed]
    if not unseen:
        access.check(named)
        return
    with pytest.raises(SpecError) as error:
        access.check(named)
    assert [fault.path for fault in error.value.faults] == ["workloads.web.namespace"] * len(unseen)


@pytest.mark.parametrize(
    ("kind", "resource"),
    [("Deployment", "deployments"), ("Rollout", "rollouts"), ("Ingress", "ingresses"), ("Proxy", "proxies")],
)
def test_resource_of(kind: str, resource: str) -> None:
    assert resource_of(kind) == resource


def test_a_plural_that_cannot_be_guessed_is_added_by_hand() -> None:
    access = Access(scaled_kinds=(ScaledKind(api_group="example.org", resource="gateways"),))
    kinds = scaled_kinds(access, [workload(target={"apiVersion": "example.org/v1", "kind": "Gateway"})])
    assert kinds == (("example.org", "gateways"), ("example.org", "gatewaies"))[::-1]


NEEDS: dict[str, tuple[dict[str, Any], dict[str, Any] | None, list[SecretNeed]]] = {
    "none": (CRON, None, []),
    "plain metadata": (REDIS, None, []),
    "config map": (REDIS, {"configMapTargetRef": [{"parameter": "username", "name": "c", "key": "k"}]}, []),
    "secret": (
        PROMETHEUS,
        {"secretTargetRef": [{"parameter": "bearerToken", "name": "prometheus", "key": "token"}]},
        [SecretNeed("the TriggerAuthentication token", "prometheus")],
    ),
    "environment": (
        REDIS,
        {"env": [{"parameter": "password", "name": "PASSWORD"}]},
        [SecretNeed("the TriggerAuthentication token")],
    ),
    "parameter from the environment": (
        {**REDIS, "metadata": {**REDIS["metadata"], "passwordFromEnv": "PASSWORD"}},
        None,
        [SecretNeed("the parameter passwordFromEnv")],
    ),
    "somebody else's": (
        {**PROMETHEUS, "authenticationRef": {"name": "theirs"}},
        None,
        [SecretNeed("the TriggerAuthentication theirs")],
    ),
    "the cluster's": (
        {**PROMETHEUS, "authenticationRef": {"name": "ours", "kind": "ClusterTriggerAuthentication"}},
        None,
        [],
    ),
    "aws": (
        PROMETHEUS,
        {
            "awsSecretManager": {
                "secrets": [{"parameter": "bearerToken", "name": "n"}],
                "credentials": {"accessKey": SECRET_KEY, "accessSecretKey": SECRET_KEY},
            }
        },
        [SecretNeed("the TriggerAuthentication token", "cloud")],
    ),
    "azure": (
        PROMETHEUS,
        {
            "azureKeyVault": {
                "vaultUri": "https://v",
                "secrets": [{"parameter": "bearerToken", "name": "n"}],
                "credentials": {"clientId": "c", "tenantId": "t", "clientSecret": SECRET_KEY},
            }
        },
        [SecretNeed("the TriggerAuthentication token", "cloud")],
    ),
    "kubernetes-resource": (
        {
            "type": "kubernetes-resource",
            "metadata": {"resourceKind": "Secret", "resourceName": "s", "key": "k", "targetValue": 1},
        },
        None,
        [SecretNeed("the trigger kubernetes-resource", "s")],
    ),
}


@pytest.mark.parametrize("name", NEEDS)
def test_which_secrets_are_needed(name: str) -> None:
    trigger, authentication, needs = NEEDS[name]
    needy = workload("render", trigger=trigger, authentication=authentication)
    assert list(secrets_needed(needy)) == needs
    for access in (Access(), Access(watch_namespaces=("web", "render"))):
        assert reads_watched_secrets(access, [workload(), needy]) is bool(needs)
        restrict = chart_access(access, [workload(), needy])["permissions"]["operator"]["restrict"]
        assert restrict["secret"] is not bool(needs)
    for secrets in ("keda", "watched"):
        explicit = Access(secrets=secrets)
        explicit.check({"web": needy})
        assert reads_watched_secrets(explicit, [needy]) is (secrets == "watched")
    Access(watch_namespaces=("web", "render")).check({"web": needy})
    if needs:
        with pytest.raises(
            SpecError, match=r"^keda\.secrets: missing, and required since workloads\.web reads "
        ):
            Access().check({"web": needy})
    else:
        Access().check({"web": needy})


def test_tokens_are_for_the_named_accounts_only() -> None:
    bound = {"boundServiceAccountToken": [{"parameter": "bearerToken", "serviceAccountName": "reader"}]}
    vault = {
        "hashiCorpVault": {
            "address": "https://v",
            "authentication": "kubernetes",
            "role": "r",
            "mount": "m",
            "credential": {"serviceAccountName": "vault"},
            "secrets": [{"parameter": "bearerToken", "path": "p", "key": "k"}],
        }
    }
    workloads = [
        workload(namespace, trigger=PROMETHEUS, authentication=spec)
        for namespace, spec in (("render", bound), ("mail", vault), ("render", bound))
    ]
    assert token_accounts(workloads) == (("mail", "vault"), ("render", "reader"))
    assert not reads_watched_secrets(Access(), workloads)


def test_every_recipe_of_the_homelab_gets_by_on_the_narrowest() -> None:
    settings = settings_of(STACK.read_text())
    workloads = settings.workloads.values()
    assert len(workloads) == 4
    assert scaled_kinds(settings.keda, workloads) == ()
    assert not reads_watched_secrets(settings.keda, workloads)
    assert token_accounts(workloads) == ()


def test_the_namespace_is_labelled_for_pod_security() -> None:
    for level in ("restricted", "baseline", "privileged"):
        labels = namespace_labels(Access(pod_security=level))
        assert labels == {
            f"pod-security.kubernetes.io/{mode}": level for mode in ("enforce", "audit", "warn")
        }


def test_offers() -> None:
    values = chart_access(Access(), ())
    assert values["networkPolicy"]["enabled"] is False
    assert values["podDisruptionBudget"] == {"operator": {}, "metricServer": {}, "webhooks": {}}
    values = chart_access(Access(network_policy=True, disruption_budgets=True), ())
    assert values["networkPolicy"] == {"enabled": True, "flavor": "kubernetes"}
    # minAvailable: 1 would stop every drain of a node where one replica runs.
    assert values["podDisruptionBudget"]["operator"] == {"maxUnavailable": 1}

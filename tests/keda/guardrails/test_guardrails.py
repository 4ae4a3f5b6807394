"""The rules beyond conflicts, their settings, and that nothing they are given makes them raise or tell a "
"secret."""

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pulumi_policy.proxy import UNKNOWN_OBJECT_VALUE, UNKNOWN_STRING_VALUE

from generate import policy_pages as pages
from policies.config import mistakes
from policies.pack import rules
from policies.pack import settings as settings_of_rules
from tests.keda.guardrails.test_pages import EXAMPLES, RULES, example
from tests.policies.manifests import CRON, Manifest, deployment, merged, scaled_object
from tests.policies.operation import Operation, secret

UNDECIDED = "keda-rules-undecided"


def gpu_deployment(gpus: Any = 1, priority: str | None = None, name: str = "voice-pipeline") -> Manifest:
    pod: Manifest = {"containers": [{"name": "a", "resources": {"limits": {"nvidia.com/gpu": gpus}}}]}
    if priority:
        pod["priorityClassName"] = priority
    return deployment(name=name, spec={"template": {"spec": pod}})


def gpu_job(maximum: int = 2, gpus: Any = 1, **more: Any) -> Manifest:
    container = {"name": "a", "image": "a:1", "resources": {"limits": {"nvidia.com/gpu": gpus}}}
    pod = {"containers": [container], "restartPolicy": "Never"}
    return merged(
        {
            "apiVersion": "keda.sh/v1alpha1",
            "kind": "ScaledJob",
            "metadata": {"name": "batch", "namespace": "batch"},
            "spec": {
                "successfulJobsHistoryLimit": 5,
                "failedJobsHistoryLimit": 5,
                "rollout": {"strategy": "gradual"},
                "jobTargetRef": {"template": {"spec": pod}},
                "maxReplicaCount": maximum,
                "triggers": [CRON],
            },
        },
        more,
    )


def budget(capacity: int = 4, **more: Any) -> dict[str, Any]:
    return {"keda-gpu-budget": {"capacity": capacity, **more}}


# --- GPU budget ---
def test_gpus_are_summed_over_scaledobjects_and_scaledjobs_in_any_order() -> None:
    objects = [scaled_object(), gpu_deployment(), gpu_job()]
    for order in (objects, objects[::-1], [objects[1], objects[2], objects[0]]):
        operation = Operation(budget()).register(*order).end()
        assert operation.rules == ["keda-gpu-budget"]
        assert "that makes 5; the cluster has 4" in operation.messages[0]
    assert Operation(budget(5)).register(*objects).end().rules == []


def test_without_a_capacity_gpus_are_not_counted() -> None:
    assert Operation().register(scaled_object(), gpu_deployment(), gpu_job(9)).end().rules == []


def test_gpus_may_overlap_where_it_is_said_who_gives_way_or_why() -> None:
    high = gpu_deployment(priority="high")
    assert Operation(budget()).register(scaled_object(), high, gpu_job()).end().rules == []
    reason = {"annotations": {"keda-homelab.dev/gpu-overlap": "at night only"}}
    by_night = gpu_job(metadata=reason)
    assert Operation(budget()).register(scaled_object(), gpu_deployment(), by_night).end().rules == []
    assert Operation(budget(1)).register(by_night).end().rules == ["keda-gpu-budget"]


def test_gpus_that_cannot_be_counted_are_named() -> None:
    elsewhere = Operation(budget()).register(scaled_object()).end()
    assert elsewhere.rules == [UNDECIDED]
    assert "names Deployment voice/voice-pipeline, which is declared elsewhere" in elsewhere.messages[0]
    assert Operation(budget(elsewhere=0)).register(scaled_object()).end().rules == []
    assert Operation(budget(elsewhere=2)).register(scaled_object()).end().rules == ["keda-gpu-budget"]
    stated = scaled_object(metadata={"annotations": {"keda-homelab.dev/gpus-per-pod": "2"}})
    assert Operation(budget()).register(stated).end().rules == ["keda-gpu-budget"]
    unknown = Operation(budget()).register(scaled_object(), gpu_deployment(UNKNOWN_STRING_VALUE)).end()
    assert set(unknown.rules) == {UNDECIDED}
    (line,) = [message for message in unknown.messages if "keda-gpu-budget" in message]
    assert "nvidia.com/gpu" in line and "only in the update" in line


# --- Limits ---
def test_the_ceiling_is_the_configs() -> None:
    config = {"keda-replicas-ceiling": {"ceiling": 2}}
    operation = Operation(config).register(scaled_object())
    assert operation.rules == ["keda-replicas-ceiling"]
    assert "spec.maxReplicaCount: 3 is above the ceiling of 2" in operation.messages[0]
    assert Operation({"keda-replicas-ceiling": {"ceiling": 3}}).register(scaled_object()).rules == []


def test_the_ignore_annotation_of_keda_check_is_heeded() -> None:
    annotations = {"keda-homelab.dev/ignore-default-max": "the quota is the limit"}
    unset = scaled_object(metadata={"annotations": annotations}, spec={"maxReplicaCount": None})
    assert Operation().register(unset).rules == []


def test_a_credential_is_named_by_its_key_and_never_printed() -> None:
    metadata = {"address": "redis:6379", "password": "hunter2", "listName": "a", "listLength": "5"}
    triggers = [{"type": "redis", "metadata": metadata}]
    operation = Operation().register(scaled_object(spec={"triggers": triggers})).end()
    assert operation.rules == ["keda-credentials-plain"]
    assert "spec.triggers[0].metadata.password" in operation.messages[0]
    assert "hunter2" not in str(operation.reports)


def test_namespaces_are_free_until_some_are_named() -> None:
    config = {"keda-namespaces-allowed": {"allowed": ["team-*", "voic?"]}}
    assert Operation(config).register(scaled_object()).rules == []
    elsewhere = scaled_object(metadata={"namespace": "other"})
    assert Operation(config).register(elsewhere).rules == ["keda-namespaces-allowed"]
    assert Operation().register(elsewhere).rules == []


VAULT = {
    "address": "https://vault.example.org",
    "authentication": "kubernetes",
    "credential": {"serviceAccountName": "shop"},
    "secrets": [],
}


def vault(kind: str = "TriggerAuthentication", **more: Any) -> Manifest:
    metadata = {"name": "vault", **({"namespace": "shop"} if kind == "TriggerAuthentication" else {})}
    spec = {"hashiCorpVault": {**VAULT, **more}}
    return {"apiVersion": "keda.sh/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec}


@pytest.mark.parametrize("kind", ["TriggerAuthentication", "ClusterTriggerAuthentication"])
def test_the_operators_own_token_is_refused_wherever_it_goes(kind: str) -> None:
    for config in ({}, {"addresses": []}, {"addresses": ["https://vault.example.org"]}):
        operation = Operation({"keda-vault-token": config}).register(vault(kind, credential=None)).end()
        assert operation.rules == ["keda-vault-token"]
        assert "spec.hashiCorpVault.credential: missing. KEDA 2.19 logs in with the token" in str(
            operation.messages
        )


def test_vaults_are_free_until_some_are_listed() -> None:
    elsewhere = vault(address="https://vault.example.org.evil")
    assert Operation().register(elsewhere).end().rules == []
    for addresses in ([], ["https://Vault.example.org/"]):
        operation = Operation({"keda-vault-token": {"addresses": addresses}})
        operation.register(elsewhere, vault("ClusterTriggerAuthentication")).end()
        refused = ["spec.hashiCorpVault.address: not one of the Vaults"] * (1 if addresses else 2)
        assert [refused[0] in message for message in operation.messages] == [True] * len(refused)
    own = vault(authentication="token", credential={"token": "hunter2"}, address="https://other")
    assert Operation({"keda-vault-token": {"addresses": []}}).register(own).end().rules == []


def test_a_vault_that_crashes_the_operator_is_refused() -> None:
    operation = Operation().register(vault(authentication="token", credential=None)).end()
    assert operation.rules == ["keda-check"]
    assert "Write credential: {}." in operation.messages[0]


def test_a_vault_that_is_not_known_yet_is_named() -> None:
    unknown = vault(credential={"serviceAccountName": UNKNOWN_STRING_VALUE})
    operation = Operation({"keda-vault-token": {"addresses": []}}).register(unknown).end()
    assert operation.rules == [UNDECIDED]
    assert "hashiCorpVault.credential.serviceAccountName is known only in the update" in operation.messages[0]


def test_one_replica_of_the_webhook_is_told() -> None:
    pod = {"containers": [{"name": "a", "image": "mirror.example/kedacore/keda-admission-webhooks:2.19.0"}]}
    one = deployment(name="keda-admission-webhooks", spec={"template": {"spec": pod}})
    assert Operation().register(one).rules == ["keda-webhook-availability"]
    assert Operation({"keda-webhook-availability": {"replicas": 1}}).register(one).rules == []
    assert Operation().register(merged(one, {"spec": {"replicas": 2}})).rules == []


@pytest.mark.parametrize(
    ("image", "drifts"),
    [
        ("ghcr.io/kedacore/keda:2.19.0", False),
        ("mirror.example:5000/a/keda-metrics-apiserver:2.18.3", True),
        (f"ghcr.io/kedacore/keda-admission-webhooks:2.17.0@sha256:{'a' * 64}", True),
        ("ghcr.io/kedacore/keda:main", False),
        ("ghcr.io/other/not-keda:1.0", False),
    ],
)
def test_another_keda_than_the_one_that_is_checked_against(image: str, drifts: bool) -> None:
    pod = {"containers": [{"name": "a", "image": image}]}
    operation = Operation({"keda-webhook-availability": {"replicas": 1}})
    operation.register(deployment(name="keda-operator", spec={"template": {"spec": pod}}))
    assert operation.rules == (["keda-version-drift"] if drifts else [])


def test_a_helm_release_of_another_keda() -> None:
    release = {"apiVersion": "helm.sh/v3", "kind": "Release", "name": "keda", "chart": "kedacore/keda"}
    assert Operation().register(release | {"version": "2.17.2"}).rules == ["keda-version-drift"]
    assert Operation().register(release | {"version": "2.19.0"}).rules == []


def test_external_metrics_of_two_clusters_do_not_meet() -> None:
    manifests = example("keda-metrics-apiservice", "Fails")
    blue, green = {"kubeconfig": "blue"}, {"kubeconfig": "green"}
    operation = Operation().register(manifests[0], provider=blue, at="one")
    assert operation.register(manifests[1], provider=green, at="two").rules == []
    assert operation.register(manifests[1], provider=blue, at="three").rules == ["keda-metrics-apiservice"]


# --- Settings of every rule ---
@pytest.mark.parametrize("rule", EXAMPLES)
@pytest.mark.parametrize("kind", ["object", "urn"])
def test_an_excluded_object_is_passed_over(rule: str, kind: str) -> None:
    manifests = example(rule, "Fails")
    entry = {"object": f"{manifests[-1]['kind']} *"} if kind == "object" else {"urn": "urn:pulumi:*"}
    given = dict(RULES[rule].example) | {"excluded": [entry | {"reason": "known"}]}
    operation = Operation({rule: given})
    for index, manifest in enumerate(manifests):
        operation.register(manifest, at=str(index))
    assert operation.end().rules == []


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.name)
def test_a_key_that_no_rule_reads_is_a_mistake(rule: Any) -> None:
    (line,) = mistakes({rule.name: {"exclude": [], "enforcementLevel": "advisory"}}, settings_of_rules())
    assert line == f"policy config {rule.name}.exclude: unknown key. No rule reads it. Write excluded."


def test_a_rule_that_does_not_exist_is_a_mistake() -> None:
    known = settings_of_rules()
    (line,) = mistakes({"keda-gpu-budjet": "disabled"}, known)
    assert line == "policy config keda-gpu-budjet: is not a rule, so it has no effect. Write keda-gpu-budget."
    assert list(mistakes({"all": "advisory", "keda-rules-undecided": "advisory"}, known)) == []


@pytest.mark.parametrize("reason", ["", "  ", "x", "-", "true", "TODO", "n/a", "...."])
def test_an_exclusion_needs_a_reason_in_words(reason: str) -> None:
    entry = {"object": "Deployment a/b", "reason": reason}
    (line,) = mistakes({"keda-check": {"excluded": [entry]}}, settings_of_rules())
    assert line.startswith("policy config keda-check.excluded[0].reason: is not a reason.")
    entry["reason"] = "gone in March"
    assert list(mistakes({"keda-check": {"excluded": [entry]}}, settings_of_rules())) == []


# --- Whatever they are given ---
@pytest.mark.parametrize("rule", EXAMPLES)
def test_objects_never_registered_are_judged_at_the_end(rule: str) -> None:
    if rule == "keda-one-owner-replicas":
        return  # replicas in a state are the live count, which nobody declared
    operation = Operation({rule: dict(RULES[rule].example)})
    manifests = example(rule, "Fails")
    operation.end(*(copy.deepcopy(each) for each in manifests))
    if rule != "keda-metrics-apiservice":  # both have one URN here
        assert operation.rules == [rule]


SCALARS = st.sampled_from(
    [None, True, -1.0, 1e40, "", "x", UNKNOWN_STRING_VALUE, UNKNOWN_OBJECT_VALUE, [], {}, [[]]]
)
ALL = [manifest for rule in EXAMPLES for title in ("Fails", "Passes") for manifest in example(rule, title)]


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at, *(place for key, each in inner for place in places(each, (*at, key)))]


def replaced(manifest: Any, at: tuple[Any, ...], value: Any) -> Any:
    changed = copy.deepcopy(manifest)
    inner = changed
    for key in at[:-1]:
        inner = inner[key]
    inner[at[-1]] = value
    return changed


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_malformed_and_unknown_values_raise_nothing(data: Any) -> None:
    config = {rule: dict(RULES[rule].example) for rule in EXAMPLES}
    operation = Operation(config)
    for index in range(3):
        manifest = data.draw(st.sampled_from(ALL))
        at = data.draw(st.sampled_from([place for place in places(manifest) if place]))
        operation.register(replaced(manifest, at, data.draw(SCALARS)), at=str(index))
    operation.end()
    assert all("\n" not in message for message in operation.messages)


SECRET = "s3cr3t-hunter2"


@pytest.mark.parametrize("rule", EXAMPLES)
def test_no_value_that_is_a_secret_is_printed(rule: str) -> None:
    config = {each: dict(RULES[each].example) for each in EXAMPLES}
    manifests = example(rule, "Fails")
    for number, manifest in enumerate(manifests):
        for at in places(manifest):
            if not at:
                continue
            operation = Operation(config)
            for index, other in enumerate(manifests):
                given = replaced(other, at, secret(SECRET)) if index == number else other
                operation.register(given, at=str(index))
            assert SECRET not in str(operation.end().reports), at


@pytest.mark.parametrize("rule", EXAMPLES)
def test_an_unknown_value_is_never_taken_for_a_mistake(rule: str) -> None:
    """Whatever single field of a passing example is unknown in preview, no rule refuses it."""
    manifests = example(rule, "Passes")
    config = {each: dict(RULES[each].example) for each in EXAMPLES if RULES[each].example}
    config["keda-namespaces-allowed"] = {"allowed": ["*"]}
    config["keda-gpu-budget"] = {"capacity": 4, "elsewhere": 0}
    released = {"ignore_changes": ["metadata", "spec"]} if rule == "keda-one-owner-hpa" else {}
    for number, manifest in enumerate(manifests):
        for at in places(manifest):
            if not at or at in (("apiVersion",), ("kind",)):
                continue
            operation = Operation(config)
            for index, other in enumerate(manifests):
                given = replaced(other, at, UNKNOWN_STRING_VALUE) if index == number else other
                operation.register(given, at=str(index), **released)
            said = [each for each in operation.end().reports if each[0] != UNDECIDED]
            assert said == [], at


def test_pages_of_all_rules_are_made() -> None:
    assert len(pages.pages()) == len(rules()) + 1

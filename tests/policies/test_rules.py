"""The rules on what the engine really hands over: marks of unknowns and secrets, floats, any order."""

import pytest
from pulumi_policy.proxy import UNKNOWN_OBJECT_VALUE, UNKNOWN_STRING_VALUE

from tests.policies.manifests import CRON, Manifest, adopting, deployment, hpa, merged, scaled_object
from tests.policies.operation import Operation, read, resource

UNDECIDED = "keda-rules-undecided"

RULES = {"hpa": hpa(), "scaledobject": scaled_object("other"), "replicas": deployment(2.0)}


@pytest.mark.parametrize(("rule", "other"), RULES.items(), ids=RULES)
def test_the_second_owner_is_reported_when_it_arrives_and_not_again_at_the_end(
    rule: str, other: Manifest
) -> None:
    for one, two in ((scaled_object(), other), (other, scaled_object())):
        operation = Operation().register(one)
        assert operation.rules == []
        assert operation.register(two).rules == [f"keda-one-owner-{rule}"]
        assert operation.end(one, two).rules == [f"keda-one-owner-{rule}"]


def test_each_rule_reports_its_own_conflicts_only() -> None:
    operation = Operation().register(*RULES.values(), scaled_object())
    assert sorted(operation.rules) == [
        "keda-one-owner-hpa",
        "keda-one-owner-hpa",
        "keda-one-owner-replicas",
        "keda-one-owner-replicas",
        "keda-one-owner-scaledobject",
    ]


@pytest.mark.parametrize("unknown", [UNKNOWN_STRING_VALUE, UNKNOWN_OBJECT_VALUE])
def test_unknowns_beside_the_decisive_fields_hide_nothing(unknown: str) -> None:
    trigger = merged(CRON, {"metadata": {"start": unknown}})
    scaled = scaled_object(spec={"triggers": [trigger], "fallback": unknown})
    unrelated = deployment(name="other", metadata={"labels": unknown}, spec={"template": unknown})
    operation = Operation().register(unrelated, scaled, hpa(spec={"metrics": [unknown], "behavior": unknown}))
    assert operation.rules == ["keda-one-owner-hpa"]


@pytest.mark.parametrize(
    "undecided",
    [
        hpa(spec={"scaleTargetRef": {"name": UNKNOWN_STRING_VALUE}}),
        hpa(spec={"scaleTargetRef": UNKNOWN_OBJECT_VALUE}),
        hpa(metadata={"namespace": UNKNOWN_STRING_VALUE}),
        hpa() | {"metadata": UNKNOWN_OBJECT_VALUE},
        hpa() | {"spec": UNKNOWN_OBJECT_VALUE},
        deployment(UNKNOWN_STRING_VALUE),
    ],
)
def test_an_unknown_decisive_field_is_named_once_and_left_to_the_update(undecided: Manifest) -> None:
    operation = Operation().register(scaled_object(), undecided).end(scaled_object(), undecided)
    assert operation.rules == [UNDECIDED]
    assert "is known only in the update, where keda-one-owner-* will read it" in operation.messages[0]


def test_the_stack_rule_reports_what_was_only_read() -> None:
    operation = Operation().register(scaled_object())
    assert operation.end(scaled_object(), hpa()).rules == ["keda-one-owner-hpa"]


def test_live_replicas_are_nobodys_declaration() -> None:
    operation = Operation().register(scaled_object(), deployment())
    assert operation.end(scaled_object(), deployment(3)).rules == []
    assert Operation().register(scaled_object()).end(scaled_object(), deployment(3)).rules == []


@pytest.mark.parametrize("ignored", ["spec.replicas", "spec"])
def test_replicas_left_alone_by_ignore_changes_are_no_second_owner(ignored: str) -> None:
    operation = Operation().register(scaled_object())
    assert operation.register(deployment(2), ignore_changes=[ignored]).rules == []


def test_adoption_passes_once_the_program_has_let_go() -> None:
    operation = Operation().register(adopting("by-hand"))
    assert operation.register(hpa(), ignore_changes=["metadata", "spec"]).rules == []
    assert operation.end(adopting("by-hand"), hpa()).rules == []


@pytest.mark.parametrize("ignored", [[], ["spec"], ["spec.metrics", "metadata"]])
def test_adoption_of_an_hpa_that_the_program_holds(ignored: list[str]) -> None:
    operation = Operation().register(adopting("by-hand")).register(hpa(), ignore_changes=ignored)
    assert operation.rules == ["keda-one-owner-hpa"]
    assert operation.end(adopting("by-hand"), hpa()).rules == ["keda-one-owner-hpa"]


def test_clusters_of_two_kubeconfigs_do_not_meet() -> None:
    blue, green = {"kubeconfig": "secret-blue"}, {"kubeconfig": "secret-green"}
    assert Operation().register(scaled_object(), provider=blue).register(hpa(), provider=green).rules == []
    assert Operation().register(scaled_object(), provider=blue).register(hpa(), provider=blue).rules != []
    assert Operation().register(scaled_object(), provider=blue).register(hpa()).rules != []
    assert "secret-blue" not in repr(read(resource(hpa(), provider=blue)))


@pytest.mark.parametrize(
    "props", [{}, {"spec": None}, {"kind": 3.0, "metadata": []}, {"metadata": {"name": ["x"]}}]
)
def test_malformed_props_raise_nothing(props: Manifest) -> None:
    given = resource(hpa())
    Operation().other(given["type"], "odd", props).end()


def test_a_providers_namespace_is_that_of_what_names_none() -> None:
    provider = {"kubeconfig": "secret-blue", "namespace": "voice"}
    bare = hpa()
    del bare["metadata"]["namespace"]
    assert Operation().register(scaled_object(), provider=provider).register(
        bare, provider=provider
    ).rules == ["keda-one-owner-hpa"]
    elsewhere = provider | {"namespace": "other"}
    assert (
        Operation().register(scaled_object(), provider=provider).register(bare, provider=elsewhere).rules
        == []
    )


def test_other_providers_resources_are_none_of_our_business() -> None:
    assert read(resource(hpa(), token="keda-homelab:scaling:Workload")) is None


def test_a_program_that_leaves_kind_and_version_to_the_type_token_is_read_all_the_same() -> None:
    bare = {key: value for key, value in hpa().items() if key not in ("apiVersion", "kind")}
    for token, kind in (
        ("kubernetes:autoscaling/v2:HorizontalPodAutoscaler", "HorizontalPodAutoscaler"),
        ("kubernetes:apps/v1:DeploymentPatch", "Deployment"),
        ("kubernetes:core/v1:Pod", "Pod"),
    ):
        found = read(resource(bare, token=token))
        assert found is not None and isinstance(found.manifest, dict)
        assert found.manifest["kind"] == kind
    assert found.manifest["apiVersion"] == "v1"

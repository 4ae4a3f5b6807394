"""The cluster that a program itself speaks to is read without being named, and a workload's target is known
before its ScaledObject is registered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pulumi_policy.proxy import UNKNOWN_STRING_VALUE

from keda.manifests.declared import Declared
from policies.rule import UNDECIDED
from policies.sources import cluster as live
from tests.policies.cluster import cluster, managed
from tests.policies.cluster import live as read
from tests.policies.manifests import Manifest, adopting, deployment, hpa, merged, scaled_object
from tests.policies.operation import Operation

HERE = {"context": "homelab"}
ELSEWHERE = {"context": "other"}
OWNER = {"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "controller": True}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """The contexts that were read; a kubeconfig is there."""
    (tmp_path / "config").write_text("kind: Config\n")
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    return []


@pytest.fixture
def holds(monkeypatch: pytest.MonkeyPatch, asked: list[str]) -> Any:
    """Sets what the cluster of the context `homelab` holds; any other is empty."""

    def hold(*manifests: Manifest, unread: str = "", forbidden: str = "") -> None:
        def answer(given: dict[str, str], missed: list[str]) -> list[Declared]:
            asked.append(given["context"])
            if unread:
                missed.append(unread)
            there = manifests if given["context"] in ("homelab", "") else ()
            return list(read(cluster(*there, forbidden=forbidden), missed))

        monkeypatch.setattr(live, "read_cluster", answer)

    hold()
    return hold


def kedas(name: str) -> Manifest:
    """The HPA that KEDA makes of a ScaledObject."""
    return hpa(f"keda-hpa-{name}", metadata={"ownerReferences": [OWNER | {"name": name}]})


def workload(target: str = "voice-pipeline", **props: Any) -> Manifest:
    """The component of a workload, as policies see it."""
    return {
        "kind": "ScaledObject",
        "namespace": "voice",
        "name": "voice",
        "hpa": "keda-hpa-voice",
        "scaleTargetRef": {"name": target},
        "adopts": False,
        **props,
    }


# --- Owners that meet only while the update runs ---
URN = "urn:pulumi:homelab::test::kubernetes"
NIGHT, VOICE = (f"{URN}:keda.sh/v1alpha1:ScaledObject::{name}" for name in ("night", "voice"))
BY_HAND = f"{URN}:autoscaling/v2:HorizontalPodAutoscaler::by-hand"


def test_a_target_that_changes_hands_is_named_unless_the_new_owner_waits(holds: Any) -> None:
    holds(scaled_object(), kedas("voice"))
    for waits in ([], [(VOICE, NIGHT)]):
        operation = Operation().register(
            scaled_object("night"), scaled_object("voice", "other"), provider=HERE
        )
        assert operation.end(waits=waits).rules == [UNDECIDED]
        start = "ScaledObject voice/night takes Deployment voice/voice-pipeline over from ScaledObject voice/"
        assert operation.messages[0].startswith(start)
        assert "depends_on the ScaledObject voice" in operation.messages[0]
        assert operation.urns == [NIGHT]
    for chain in ([(NIGHT, VOICE)], [(NIGHT, "urn:between"), ("urn:between", VOICE)]):
        operation = Operation().register(
            scaled_object("night"), scaled_object("voice", "other"), provider=HERE
        )
        assert operation.end(waits=chain).reports == []


def test_an_hpa_that_turns_to_another_target_is_named_unless_the_scaled_object_waits(holds: Any) -> None:
    holds(hpa())
    turned = merged(hpa(), {"spec": {"scaleTargetRef": {"name": "other"}}})
    operation = Operation().register(scaled_object(), turned, provider=HERE).end()
    assert operation.rules == [UNDECIDED]
    assert "HorizontalPodAutoscaler voice/by-hand" in operation.messages[0]
    waiting = Operation().register(scaled_object(), turned, provider=HERE).end(waits=[(VOICE, BY_HAND)])
    assert waiting.reports == []


def test_an_hpa_that_leaves_the_program_and_stays_in_the_cluster_is_a_second_owner(holds: Any) -> None:
    """With retainOnDelete it stays for good; without, Pulumi deletes it after the ScaledObject comes."""
    holds(managed(hpa(), "pulumi-kubernetes-12345", {"f:spec": {}}, operation="Apply"))
    operation = Operation().register(scaled_object(), provider=HERE).end()
    assert operation.rules == ["keda-one-owner-hpa"]
    assert "field manager pulumi-kubernetes-12345" in operation.messages[0]
    holds(managed(hpa(), "pulumi-kubernetes-12345", {"f:spec": {}}, operation="Apply"))
    assert Operation().register(adopting("by-hand"), provider=HERE).end().reports == []


def test_a_renamed_scaled_object_meets_its_old_name_and_the_message_gives_the_two_steps(holds: Any) -> None:
    holds(managed(scaled_object(), "pulumi-kubernetes-12345", {"f:spec": {}}, operation="Apply"))
    operation = Operation().register(scaled_object("night"), provider=HERE).end()
    assert operation.rules == ["keda-one-owner-scaledobject"]
    assert "pulumi up without it, then with the new name" in operation.messages[0]


def test_nothing_changes_hands_where_the_new_target_is_not_known_or_is_the_same(holds: Any) -> None:
    holds(scaled_object("voice", "other"), scaled_object("night"))
    operation = Operation().register(scaled_object("night"), scaled_object("voice", "other"), provider=HERE)
    assert operation.end().reports == []
    holds(scaled_object())
    unknown = scaled_object("voice", UNKNOWN_STRING_VALUE)
    operation = Operation().register(scaled_object("night"), unknown, provider=HERE).end()
    assert not any("takes Deployment" in message for message in operation.messages)


# --- What the cluster alone has ---
def test_an_hpa_by_hand_is_one_finding_without_any_config(holds: Any, asked: list[str]) -> None:
    holds(managed(hpa(), "kubectl-create", {}))
    operation = Operation().register(scaled_object(), deployment(), provider=HERE).end()
    assert operation.rules == ["keda-one-owner-hpa"]
    assert "kubectl delete hpa -n voice by-hand" in operation.messages[0]
    assert asked == ["homelab"]


def test_an_hpa_that_the_cluster_guard_would_refuse_is_one_finding(holds: Any) -> None:
    """The released provider is silent on the guard's 403 in a preview."""
    holds(scaled_object("foreign"), kedas("foreign"))
    operation = Operation().register(hpa(), provider=HERE).end()
    assert operation.rules == ["keda-one-owner-hpa"]


def test_a_foreign_scaled_object_and_the_hpa_that_keda_made_of_it_are_one_finding(holds: Any) -> None:
    holds(scaled_object("foreign"), kedas("foreign"))
    operation = Operation().register(scaled_object(), provider=HERE).end()
    assert operation.rules == ["keda-one-owner-scaledobject"]
    assert "pulumi up without it, then with the new name" in operation.messages[0]


@pytest.mark.parametrize(
    ("declared", "held"),
    [
        ([scaled_object()], [scaled_object(), kedas("voice")]),
        ([scaled_object()], [kedas("voice")]),
        (
            [scaled_object()],
            [hpa("keda-hpa-voice", metadata={"ownerReferences": [OWNER | {"name": "voice"}]})],
        ),
        ([adopting("by-hand")], [hpa()]),
        ([adopting("by-hand")], [hpa(metadata={"ownerReferences": [OWNER | {"name": "voice"}]})]),
        # It moves to another target, and what KEDA made for the old one goes with it.
        ([scaled_object("night"), scaled_object("voice", "other")], [kedas("voice")]),
        ([scaled_object()], [managed(deployment(1), "kubectl-create", {"f:spec": {"f:replicas": {}}})]),
        ([scaled_object()], [hpa("other", "elsewhere"), scaled_object("elsewhere", "elsewhere")]),
    ],
)
def test_what_keda_made_what_is_adopted_and_what_is_not_meant_is_no_conflict(
    holds: Any, declared: list[Manifest], held: list[Manifest]
) -> None:
    holds(*held)
    assert Operation().register(*declared, provider=HERE).end().reports == []


def test_what_a_targeted_update_leaves_out_replaces_what_is_live_too(holds: Any) -> None:
    holds(managed(deployment(2), "pulumi-kubernetes-1", {"f:spec": {"f:replicas": {}}}, operation="Apply"))
    operation = Operation().register(scaled_object(), provider=HERE)
    assert operation.end(scaled_object(), deployment(), provider=HERE).reports == []


def test_the_labs_own_manifests_fix_no_replicas_of_what_may_be_scaled() -> None:
    manifests = Path(__file__).resolve().parents[2] / "lab" / "fleet" / "manifests"
    gateway = (manifests / "envoy-gateway.yaml").read_text(encoding="utf-8")
    assert "replicas:" not in gateway


def test_a_renamed_workload_meets_neither_its_old_scaled_object_nor_that_ones_hpa(holds: Any) -> None:
    holds(scaled_object("old"), kedas("old"))
    operation = Operation().component(workload(renamed="old"))
    assert operation.register(scaled_object(), provider=HERE).end().reports == []
    holds(scaled_object("old"), kedas("old"), scaled_object("older"))
    operation = Operation().component(workload(renamed="old"))
    assert operation.register(scaled_object(), provider=HERE).end().rules == ["keda-one-owner-scaledobject"]


def test_each_cluster_is_read_and_meets_its_own_objects_only(holds: Any, asked: list[str]) -> None:
    holds(hpa())
    operation = Operation().register(scaled_object(), provider=ELSEWHERE)
    operation.register(deployment(name="own"), provider=HERE, at="own")
    assert operation.end().reports == []
    assert asked == ["other"]  # a Deployment without replicas owns none
    operation = Operation().register(scaled_object(), provider=ELSEWHERE)
    operation.register(scaled_object("night"), provider=HERE, at="night")
    assert operation.end().rules == ["keda-one-owner-hpa"]
    assert sorted(asked[1:]) == ["homelab", "other"]


def test_nothing_is_read_for_a_program_without_owners(holds: Any, asked: list[str]) -> None:
    config_map = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "voice"}}
    Operation().register(config_map, provider=HERE).end()
    assert asked == []


def test_a_provider_that_renders_files_has_no_cluster(holds: Any, asked: list[str]) -> None:
    Operation().register(scaled_object(), provider={"renderYamlToDirectory": "out"}).end()
    assert asked == []


def test_without_a_kubeconfig_there_is_no_cluster(
    holds: Any, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", "/nowhere")
    assert Operation().register(scaled_object()).end().reports == []
    assert asked == []


def test_a_named_cluster_takes_the_place_of_the_programs_own(
    holds: Any, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from policies.sources import files as sources

    monkeypatch.setattr(sources, "read_cluster", live.read_cluster)
    config = {"keda-one-owner-sources": {"cluster": {"context": "other"}}}
    Operation(config).register(scaled_object(), provider=HERE).end()
    assert asked == ["other"]


def test_a_cluster_that_does_not_answer_is_an_advisory(holds: Any) -> None:
    holds(unread="cluster homelab: the API server does not answer (MaxRetryError).")
    operation = Operation().register(scaled_object(), provider=HERE).end()
    assert operation.rules == [UNDECIDED]
    assert operation.messages[0].startswith(
        "cluster homelab: the API server does not answer (MaxRetryError)."
    )


def test_what_may_not_be_listed_is_one_advisory(holds: Any) -> None:
    holds(hpa(), scaled_object("a", "b"), forbidden="/apis/")
    operation = Operation().register(scaled_object(), provider=HERE).end()
    assert operation.rules == [UNDECIDED]
    assert (
        "scaledobjects.keda.sh, horizontalpodautoscalers.autoscaling: may not be read"
        in operation.messages[0]
    )


def test_a_cluster_that_only_the_update_knows_is_an_advisory(holds: Any, asked: list[str]) -> None:
    provider = {"kubeconfig": UNKNOWN_STRING_VALUE}
    operation = Operation().register(scaled_object(), provider=provider).end()
    assert operation.rules == [UNDECIDED]
    assert "its kubeconfig is known only in the update. So second owners" in operation.messages[0]
    assert asked == []


def test_a_real_connection_that_fails_names_no_secret() -> None:
    text = (
        "apiVersion: v1\nkind: Config\ncurrent-context: a\n"
        "contexts: [{name: a, context: {cluster: a, user: a}}]\n"
        'clusters: [{name: a, cluster: {server: "https://127.0.0.1:1"}}]\n'
        "users: [{name: a, user: {token: hunter2}}]\n"
    )
    for kubeconfig in (text, '{"token": "hunter2"}'):
        operation = Operation().register(scaled_object(), provider={"kubeconfig": kubeconfig}).end()
        assert operation.rules == [UNDECIDED]
        assert "hunter2" not in operation.messages[0] and "\n" not in operation.messages[0]


# --- What a workload's component announces ---
@pytest.mark.parametrize("first", ["component", "hpa"])
def test_a_workloads_target_counts_before_its_scaled_object_comes(first: str) -> None:
    operation = Operation()
    if first == "component":
        operation.component(workload()).register(hpa())
    else:
        operation.register(hpa()).component(workload())
    assert operation.rules == ["keda-one-owner-hpa"]
    assert "ScaledWorkload::voice" in operation.messages[0]
    assert operation.register(scaled_object()).end(hpa(), scaled_object()).rules == ["keda-one-owner-hpa"]


def test_what_is_announced_is_judged_once_by_the_other_rules() -> None:
    config = {"keda-namespaces-allowed": {"allowed": ["team-*"]}, "keda-replicas-ceiling": {"ceiling": 1}}
    operation = Operation(config).component(workload()).register(scaled_object()).end()
    assert sorted(operation.rules) == ["keda-namespaces-allowed", "keda-replicas-ceiling"]


@pytest.mark.parametrize(
    ("announced", "other"),
    [
        (workload(adopts=True, hpa="by-hand"), merged(hpa(), {})),
        (workload("other"), hpa()),
        ({"kind": "ScaledJob", "namespace": "voice", "name": "voice"}, hpa()),
        ({}, hpa()),
    ],
)
def test_an_announced_workload_that_does_not_meet_the_hpa(announced: Manifest, other: Manifest) -> None:
    operation = Operation().component(announced)
    assert operation.register(other, ignore_changes=["metadata", "spec"]).rules == []


def test_a_component_is_of_the_programs_one_cluster() -> None:
    operation = Operation().provider(HERE).component(workload()).register(hpa(), provider=HERE)
    assert operation.register(scaled_object(), provider=HERE).end().rules == ["keda-one-owner-hpa"]


@pytest.mark.parametrize(("one", "other"), [(HERE, ELSEWHERE), (ELSEWHERE, HERE)])
def test_where_there_are_two_clusters_its_objects_alone_tell_which_it_is_for(
    holds: Any, one: Manifest, other: Manifest
) -> None:
    operation = Operation().provider(HERE).provider(ELSEWHERE).component(workload())
    operation.register(hpa(), provider=one)
    assert operation.register(scaled_object(), provider=other).end().rules == []

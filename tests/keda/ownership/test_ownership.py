"""keda.ownership: which objects are two owners of one replica count, and which only look like it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keda.manifests.declared import UNKNOWN, Declared
from keda.ownership import Conflict, Owners, conflicts
from tests.policies.manifests import Manifest, adopting, deployment, hpa, merged, scaled_object


def found(*manifests: object) -> list[Conflict]:
    return conflicts(Declared(manifest, f"app.yaml:{line}") for line, manifest in enumerate(manifests, 1))


def rules(*manifests: object) -> list[str]:
    return sorted(conflict.rule for conflict in found(*manifests))


def without(manifest: Manifest, *path: str) -> Manifest:
    key, *rest = path
    if rest:
        return manifest | {key: without(manifest[key], *rest)}
    return {k: v for k, v in manifest.items() if k != key}


def owned_by_keda(scaled: str, **more: Any) -> Manifest:
    owner = {"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "name": scaled}
    return hpa(f"keda-hpa-{scaled}", metadata={"ownerReferences": [owner]}, **more)


EXEMPT = {"annotations": {"validations.keda.sh/hpa-ownership": "false"}}
ROLLOUT = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "name": "voice-pipeline"}
NAMED = {"advanced": {"horizontalPodAutoscalerConfig": {"name": "mine"}}}

CONFLICTS = {
    "HPA v2": ("hpa", scaled_object(), hpa()),
    "HPA v1": ("hpa", scaled_object(), hpa(version="v1")),
    "HPA v2beta2": ("hpa", scaled_object(), hpa(version="v2beta2")),
    "HPA without a kind or version for its target": (
        "hpa",
        scaled_object(),
        hpa(target={"name": "voice-pipeline"}),
    ),
    "ScaledObject with the defaults written out": (
        "hpa",
        scaled_object(target={"apiVersion": "apps/v1", "kind": "Deployment", "name": "voice-pipeline"}),
        hpa(),
    ),
    "target of another kind": ("hpa", scaled_object(target=ROLLOUT), hpa(target=ROLLOUT)),
    "target under two API versions": (
        "hpa",
        scaled_object(target=ROLLOUT),
        hpa(target=ROLLOUT | {"apiVersion": "argoproj.io/v1"}),
    ),
    "namespace left out is default": (
        "hpa",
        without(scaled_object(), "metadata", "namespace"),
        merged(hpa(), {"metadata": {"namespace": "default"}}),
    ),
    "HPA under KEDA's own name": ("hpa", scaled_object(), hpa("keda-hpa-voice")),
    "HPA under KEDA's own name, other target": ("hpa", scaled_object(), hpa("keda-hpa-voice", "other")),
    "HPA owned by another ScaledObject": ("hpa", scaled_object(), owned_by_keda("other")),
    "adoption of an HPA of another name": ("hpa", adopting("other"), hpa()),
    "adoption without naming the HPA": ("hpa", without(adopting("by-hand"), "spec", "advanced"), hpa()),
    "named, but adoption not asked for": (
        "hpa",
        without(adopting("by-hand"), "metadata", "annotations"),
        hpa(),
    ),
    "adoption asked for with another word": (
        "hpa",
        merged(
            adopting("by-hand"),
            {"metadata": {"annotations": {"scaledobject.keda.sh/transfer-hpa-ownership": "yes"}}},
        ),
        hpa(),
    ),
    "HPA exempt by another word": (
        "hpa",
        scaled_object(),
        hpa(metadata={"annotations": {"validations.keda.sh/hpa-ownership": "False"}}),
    ),
    "two ScaledObjects on one target": ("scaledobject", scaled_object(), scaled_object("other")),
    "two ScaledObjects on one HPA name": (
        "scaledobject",
        scaled_object(spec=NAMED),
        scaled_object("other", "elsewhere", spec=NAMED),
    ),
    "two ScaledObjects, one named as the other's default": (
        "scaledobject",
        scaled_object(),
        scaled_object(
            "x", "y", spec={"advanced": {"horizontalPodAutoscalerConfig": {"name": "keda-hpa-voice"}}}
        ),
    ),
    "fixed replicas": ("replicas", scaled_object(), deployment(2)),
    "fixed replicas as a float": ("replicas", scaled_object(), deployment(2.0)),
    "fixed at none": ("replicas", scaled_object(), deployment(0)),
    "fixed replicas of a StatefulSet": (
        "replicas",
        scaled_object(target={"kind": "StatefulSet", "name": "voice-pipeline"}),
        deployment(1, kind="StatefulSet"),
    ),
    "fixed replicas of a custom kind": (
        "replicas",
        scaled_object(target=ROLLOUT),
        deployment(1, kind="Rollout") | {"apiVersion": "argoproj.io/v1alpha1"},
    ),
    "inside a List": ("hpa", scaled_object(), {"apiVersion": "v1", "kind": "List", "items": [hpa()]}),
    "inside a typed List": (
        "hpa",
        scaled_object(),
        {
            "apiVersion": "autoscaling/v2",
            "kind": "HorizontalPodAutoscalerList",
            "items": [without(without(hpa(), "kind"), "apiVersion")],
        },
    ),
}

PEACE = {
    "an HPA on another workload": (scaled_object(), hpa(target="other")),
    "an HPA in another namespace": (scaled_object(), hpa(metadata={"namespace": "ray"})),
    "an HPA on another kind": (scaled_object(), hpa(target=ROLLOUT)),
    "an HPA on the same kind of another group": (
        scaled_object(),
        hpa(target=ROLLOUT | {"kind": "Deployment"}),
    ),
    "KEDA's own HPA": (scaled_object(), owned_by_keda("voice")),
    "an adopted HPA": (adopting("by-hand"), hpa()),
    "an HPA that KEDA's webhook is told to ignore": (scaled_object(), hpa(metadata=EXEMPT)),
    "two ScaledObjects on two workloads": (scaled_object(), scaled_object("other", "elsewhere")),
    "the same ScaledObject twice": (scaled_object(), scaled_object()),
    "no replicas": (scaled_object(), deployment()),
    "replicas of a workload nobody scales": (scaled_object(), deployment(2, "other")),
    "two HPAs, no ScaledObject": (hpa(), hpa("second")),
    "an HPA and fixed replicas, no ScaledObject": (hpa(), deployment(2)),
    "an HPA whose target is not known yet": (
        scaled_object(),
        hpa(target={"kind": "Deployment", "name": UNKNOWN}),
    ),
    "an HPA whose namespace is not known yet": (scaled_object(), hpa(metadata={"namespace": UNKNOWN})),
    "an HPA whose annotations are not known yet": (scaled_object(), hpa(metadata={"annotations": UNKNOWN})),
    "replicas that are not known yet": (scaled_object(), deployment(UNKNOWN)),
    "a ScaledObject that may adopt": (
        merged(adopting("by-hand"), {"metadata": {"annotations": UNKNOWN}}),
        hpa(),
    ),
}


@pytest.mark.parametrize(("rule", "one", "other"), CONFLICTS.values(), ids=CONFLICTS)
def test_two_owners_are_one_conflict_in_either_order(rule: str, one: Manifest, other: Manifest) -> None:
    assert rules(one, other) == [rule]
    assert rules(other, one) == [rule]


@pytest.mark.parametrize(("one", "other"), PEACE.values(), ids=PEACE)
def test_one_owner_is_no_conflict(one: Manifest, other: Manifest) -> None:
    assert found(one, other) == found(other, one) == []


@pytest.mark.parametrize(("rule", "one", "other"), CONFLICTS.values(), ids=CONFLICTS)
def test_a_message_is_one_line_that_names_both_owners_and_where_they_are(
    rule: str, one: Manifest, other: Manifest
) -> None:
    (conflict,) = found(one, other)
    assert "\n" not in conflict.message
    for part in (str(conflict.scaled_object), str(conflict.other), "app.yaml:1", "app.yaml:2"):
        assert part in conflict.message


MESSAGES = {
    "hpa": (
        hpa(),
        """HorizontalPodAutoscaler voice/by-hand and ScaledObject voice/voice both scale Deployment
        voice/voice-pipeline: Kubernetes stops two HPAs on the same pods (AmbiguousSelector), so
        nothing scales though the ScaledObject is Ready; where their limits differ, the replicas
        flap (KEDA's webhook refuses the ScaledObject only if the HPA is there first). Remove the
        HorizontalPodAutoscaler; or let KEDA take it over: on the ScaledObject, annotate
        scaledobject.keda.sh/transfer-hpa-ownership: "true" and set
        spec.advanced.horizontalPodAutoscalerConfig.name: by-hand. Declared: ScaledObject at
        app.yaml:1; HorizontalPodAutoscaler at app.yaml:2.""",
    ),
    "KEDA's own HPA": (
        hpa("keda-hpa-voice"),
        """HorizontalPodAutoscaler voice/keda-hpa-voice is the very HPA that KEDA writes for ScaledObject
        voice/voice: KEDA and you overwrite each other's limits and metrics. Remove the
        HorizontalPodAutoscaler; or let KEDA take it over: on the ScaledObject, annotate
        scaledobject.keda.sh/transfer-hpa-ownership: "true" and set
        spec.advanced.horizontalPodAutoscalerConfig.name: keda-hpa-voice. Declared: ScaledObject at
        app.yaml:1; HorizontalPodAutoscaler at app.yaml:2.""",
    ),
    "two ScaledObjects": (
        scaled_object("voice-night"),
        """ScaledObject voice/voice and ScaledObject voice/voice-night both scale Deployment
        voice/voice-pipeline: KEDA's webhook refuses the second, and while it is down their two HPAs
        stop each other. Keep one ScaledObject and put the triggers of both into its spec.triggers:
        the highest count wins. Declared: ScaledObject at app.yaml:1; ScaledObject at app.yaml:2.""",
    ),
    "one HPA name": (
        scaled_object(
            "x", "y", spec={"advanced": {"horizontalPodAutoscalerConfig": {"name": "keda-hpa-voice"}}}
        ),
        """ScaledObject voice/voice and ScaledObject voice/x both name their HPA keda-hpa-voice: KEDA's
        webhook refuses the second, and while it is down each overwrites the other's HPA. Give one of them
        another spec.advanced.horizontalPodAutoscalerConfig.name. Declared: ScaledObject at app.yaml:1;
        ScaledObject at app.yaml:2.""",
    ),
    "replicas": (
        deployment(2.0),
        """Deployment voice/voice-pipeline sets spec.replicas: 2 and ScaledObject voice/voice scales it:
        every apply (pulumi up, GitOps) puts it back to 2 whatever the load, or stops at a conflict. Remove
        spec.replicas from the Deployment, or have it left alone (Pulumi's ignoreChanges: spec.replicas);
        minReplicaCount of the ScaledObject is the lower limit. Declared: ScaledObject at app.yaml:1;
        Deployment at app.yaml:2.""",
    ),
}


@pytest.mark.parametrize(("other", "message"), MESSAGES.values(), ids=MESSAGES)
def test_message(other: Manifest, message: str) -> None:
    assert [conflict.message for conflict in found(scaled_object(), other)] == [" ".join(message.split())]


def test_every_pair_is_told_once_however_many_owners_there_are() -> None:
    objects = [scaled_object(), scaled_object("other"), hpa(), deployment(2), hpa(), scaled_object()]
    assert rules(*objects) == ["hpa", "hpa", "replicas", "replicas", "scaledobject"]


def test_two_clusters_do_not_meet_but_the_current_one_may_be_either() -> None:
    def clusters(one: str, other: str) -> int:
        return len(conflicts([Declared(scaled_object(), "a", one), Declared(hpa(), "b", other)]))

    assert clusters("blue", "green") == 0
    assert clusters("blue", "blue") == clusters("blue", "") == clusters("", "green") == clusters("", "") == 1


def test_the_same_conflict_in_two_clusters_is_two() -> None:
    objects = [
        Declared(m, f"{m['kind']} {c}", c) for c in ("blue", "green") for m in (scaled_object(), hpa())
    ]
    assert len(conflicts(objects)) == 2


names = st.sampled_from(["voice", "other"])
texts = names | st.sampled_from(
    ["apps/v1", "Deployment", "HorizontalPodAutoscaler", "ScaledObject", "List", "", "true"]
)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | texts | st.just(UNKNOWN)
keys = st.sampled_from(
    [
        "apiVersion",
        "kind",
        "metadata",
        "name",
        "namespace",
        "annotations",
        "ownerReferences",
        "spec",
        "replicas",
    ]
    + ["scaleTargetRef", "advanced", "horizontalPodAutoscalerConfig", "items"]
    + ["scaledobject.keda.sh/transfer-hpa-ownership", "validations.keda.sh/hpa-ownership"]
)
json = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=5)
)
kinds = st.sampled_from(
    [
        {"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject"},
        {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler"},
        {"apiVersion": "apps/v1", "kind": "Deployment"},
        {"apiVersion": "v1", "kind": "List"},
    ]
)
sections = {"metadata": json, "spec": json, "items": json}
nearly_right = st.builds(dict.__or__, kinds, st.fixed_dictionaries({}, optional=sections))


@given(st.lists(json | nearly_right, max_size=4))
def test_any_json_gets_an_answer(manifests: list[object]) -> None:
    found(*manifests, scaled_object(), hpa(), deployment(2))


valid = st.one_of(
    st.builds(scaled_object, names, names),
    st.builds(adopting, names),
    st.builds(hpa, names, names),
    st.builds(deployment, st.none() | st.integers(0, 3), names),
)


@given(
    st.lists(valid, max_size=6).flatmap(lambda ms: st.tuples(st.just(ms), st.permutations(range(len(ms)))))
)
def test_order_does_not_matter(case: tuple[list[Manifest], list[int]]) -> None:
    manifests, order = case
    objects = [Declared(manifest, f"app.yaml:{line}") for line, manifest in enumerate(manifests)]
    index = Owners()
    one_by_one = [c for place in order for c in index.add(objects[place])]
    assert len(one_by_one) == len(set(one_by_one))
    assert set(one_by_one) == set(conflicts(objects))
    messages = [conflict.message for conflict in conflicts(objects)]
    assert messages == [conflict.message for conflict in conflicts(objects[place] for place in order)]


def test_a_list_in_a_list_without_end_is_read_without_recursion() -> None:
    manifest: object = hpa()
    for _ in range(5000):
        manifest = {"apiVersion": "v1", "kind": "List", "items": [manifest]}
    assert rules(manifest, scaled_object()) == ["hpa"]

"""No miss and no false alarm: every kind of owner x declared before or after x known, unknown or secret
values x literal, component, chart, YAML file, live cluster."""

import itertools
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pulumi_policy.proxy import UNKNOWN_STRING_VALUE

from keda.manifests.declared import Declared
from keda.ownership import Owners, conflicts
from policies.sources.files import declared_elsewhere
from tests.policies.cluster import cluster, live, managed
from tests.policies.kinds_of_owners import KINDS, Kind, at
from tests.policies.manifests import Manifest
from tests.policies.operation import read as read_resource
from tests.policies.operation import resource

SECRET = "hunter2"
UNKNOWN = UNKNOWN_STRING_VALUE  # as the SDK sends it

Source = Callable[[Iterable[Manifest], Path], list[Declared]]


def program(parent: str) -> Source:
    """Resources of a program, below a parent of that type."""

    def read(manifests: Iterable[Manifest], _: Path) -> list[Declared]:
        found = []
        for manifest in manifests:
            args = resource(manifest)
            args["urn"] = args["urn"].replace("::kubernetes:", f"::{parent}kubernetes:")
            found.append(read_resource(args))
        return [each for each in found if each]

    return read


def files(manifests: Iterable[Manifest], folder: Path) -> list[Declared]:
    (folder / "all.yaml").write_text(yaml.safe_dump_all(manifests))
    unread: list[str] = []
    found = declared_elsewhere([str(folder)], None, unread)
    assert unread == []
    return found


def in_cluster(manifests: Iterable[Manifest], _: Path) -> list[Declared]:
    unread: list[str] = []
    applied = [
        managed(each, "kustomize-controller", {"f:spec": {"f:replicas": {}}}, operation="Apply")
        for each in manifests
    ]
    found = list(live(cluster(*applied), unread))
    assert unread == []
    return found


LITERAL = program("")
SOURCES: dict[str, tuple[Source, str]] = {
    "literal": (LITERAL, "urn:pulumi:"),
    "component": (program("app:index:App$"), "app:index:App$"),
    "chart": (program("kubernetes:helm.sh/v4:Chart$"), "helm.sh/v4:Chart$"),
    "file": (files, "all.yaml:"),
    "cluster": (in_cluster, "live cluster homelab: "),
}
CASES = [
    pytest.param(kind, source, id=f"{name}-{source}")
    for name, kind in KINDS.items()
    for source in SOURCES
    if kind.live or source != "cluster"
]


def orders(declared: list[Declared]) -> Iterator[list[Declared]]:
    """Before and after; with several objects every order. What is live comes last, as the pack reads it."""
    for order in itertools.permutations(declared):
        yield sorted(order, key=lambda each: each.live)


def beside(manifest: Manifest, value: Any) -> Manifest:
    """The manifest with a value where nothing decides."""
    labels = {**manifest["metadata"].get("labels", {}), "beside": value}
    manifest = at(manifest, ("metadata", "labels"), labels)
    if manifest["kind"] == "ScaledObject":
        trigger = manifest["spec"]["triggers"][0]
        metadata = {**trigger["metadata"], "password": value}
        return at(manifest, ("spec", "triggers", "0"), {**trigger, "metadata": metadata})
    return at(manifest, ("spec", "beside"), value)


def told(declared: list[Declared]) -> list[tuple[str, str]]:
    """(rule, message) of what is reported as the objects come one by one; the same in every order."""
    results = []
    for order in orders(declared):
        index = Owners()
        found = [conflict for each in order for conflict in index.add(each)]
        results.append(found)
        assert {(c.rule, c.scaled_object, c.other) for c in found} == {
            (c.rule, c.scaled_object, c.other) for c in results[0]
        }
        assert len(found) == len(set(found))
    return [(str(conflict.rule), conflict.message) for conflict in results[0]]


@pytest.mark.parametrize(("kind", "source"), CASES)
def test_two_owners_are_told_once_wherever_they_come_from(kind: Kind, source: str, tmp_path: Path) -> None:
    read, place = SOURCES[source]
    in_program = source in ("literal", "component", "chart")
    for value in ("plain", SECRET, UNKNOWN):
        # What is not known yet, is the program's.
        there = "plain" if value == UNKNOWN and not in_program else value
        scaled = LITERAL([beside(kind.scaled, value)], tmp_path)
        others = read([beside(each, there) for each in kind.others], tmp_path)
        ((rule, message),) = told([*scaled, *others])
        assert rule == kind.rule
        assert "\n" not in message and SECRET not in message
        assert f"{kind.scaled['kind']} at urn:pulumi:" in message
        assert place in message.partition(" Declared: ")[2]


@pytest.mark.parametrize(("kind", "source"), CASES)
def test_the_scaled_object_may_be_the_one_elsewhere(kind: Kind, source: str, tmp_path: Path) -> None:
    read, place = SOURCES[source]
    ((rule, message),) = told([*LITERAL(kind.others, tmp_path), *read([kind.scaled], tmp_path)])
    assert rule == kind.rule
    assert place in message.partition(" Declared: ")[2]


@pytest.mark.parametrize(("kind", "source"), CASES)
def test_one_owner_is_no_conflict(kind: Kind, source: str, tmp_path: Path) -> None:
    read, _ = SOURCES[source]
    scaled = LITERAL([kind.scaled], tmp_path)
    assert told([*scaled, *read(kind.with_value(kind.instead).others, tmp_path)]) == []
    elsewhere = at(kind.scaled, ("metadata", "namespace"), "elsewhere")
    if kind.scaled["metadata"]["namespace"] == "voice":
        assert told([*LITERAL([elsewhere], tmp_path), *read(kind.others, tmp_path)]) == []
    # Without a ScaledObject the owners are not ours to judge.
    others = [each for each in kind.others if "ScaledObject" not in each["kind"]]
    assert told(read(others, tmp_path)) == [] if others else True


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_decisive_value_that_is_unknown_waits_for_the_update(kind: Kind, tmp_path: Path) -> None:
    for source in ("literal", "component", "chart"):
        others = SOURCES[source][0](kind.with_value(UNKNOWN).others, tmp_path)
        assert told([*LITERAL([kind.scaled], tmp_path), *others]) == []


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_an_object_of_the_program_that_is_also_live_is_one_owner(kind: Kind, tmp_path: Path) -> None:
    """The program has changed what decides; the cluster still holds the former."""
    now = LITERAL([kind.scaled, *kind.with_value(kind.instead).others], tmp_path)
    if kind.live and kind.decisive != ("metadata", "name"):
        assert conflicts([*now, *in_cluster([kind.scaled, *kind.others], tmp_path)]) == []


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just(UNKNOWN),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=5,
)


def paths(value: Any, at: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every path within a manifest."""
    first = dict(enumerate(value[:1])) if isinstance(value, list) else value
    inner = first.items() if isinstance(first, dict) else ()
    for key, each in inner:
        yield (*at, str(key))
        yield from paths(each, (*at, str(key)))


@st.composite
def damaged(draw: st.DrawFn) -> list[Manifest]:
    """The objects of a conflict, one value of one of them replaced by anything."""
    kind = draw(st.sampled_from(list(KINDS.values())))
    objects = [kind.scaled, *kind.others]
    hit = draw(st.integers(0, len(objects) - 1))
    path = draw(st.sampled_from(list(paths(objects[hit]))))
    objects[hit] = at(objects[hit], path, draw(anything))
    return draw(st.permutations(objects))


@settings(deadline=None)
@given(damaged())
def test_any_damage_gets_an_answer_and_the_order_does_not_matter(objects: list[Manifest]) -> None:
    declared = [Declared(manifest, f"app.yaml:{line}") for line, manifest in enumerate(objects)]
    assert all("\n" not in conflict.message for conflict in conflicts(declared))
    told(declared)


several = st.lists(st.sampled_from(list(KINDS)), min_size=2, max_size=3, unique=True)


@settings(deadline=None, max_examples=50)
@given(several, st.randoms(use_true_random=False))
def test_unrelated_owners_do_not_change_what_is_told(kinds: list[str], random: Any) -> None:
    """The conflicts of several sets are those of each, with what they have between them."""
    objects = [each for name in kinds for each in (KINDS[name].scaled, *KINDS[name].others)]
    declared = [Declared(manifest, f"app.yaml:{line}") for line, manifest in enumerate(objects)]
    expected = conflicts(declared)
    shuffled = random.sample(declared, len(declared))
    index = Owners()
    assert set(expected) == {conflict for each in shuffled for conflict in index.add(each)}
    assert {KINDS[name].rule for name in kinds} <= {str(conflict.rule) for conflict in expected}

"""Whatever is given, the judge answers: any JSON, damaged specs, and hostile YAML."""

from __future__ import annotations

import copy
import random
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

import keda
from keda.checks.admission.crd_shapes import shapes
from keda.manifests.documents import MAX_DEPTH, Unreadable, documents
from keda.syntax.formula import problem
from tests.support import CORPUS

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(["cpu", "prometheus"]),
)
KEYS = st.one_of(
    st.text(max_size=10),
    st.sampled_from(
        ["metadata", "spec", "triggers", "type", "name", "scaleTargetRef", "items", "kind", "query"]
    ),
)
JSON = st.recursive(
    SCALARS, lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(KEYS, inner, max_size=5))
)
ODD: list[Any] = [
    None,
    True,
    -1,
    2**40,
    1.5,
    float("nan"),
    "",
    "x",
    "\x00",
    [],
    {},
    [[]],
    [{}],
    {"": {}},
    {1: 2},
    "1e400",
]


@given(kind=st.sampled_from([*shapes(), "List", "Deployment"]), metadata=JSON, spec=JSON)
@settings(max_examples=300, deadline=None)
def test_any_json(kind: str, metadata: object, spec: object) -> None:
    group = "eventing.keda.sh" if "Event" in kind else "keda.sh"
    manifest = {"apiVersion": f"{group}/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec}
    for finding in keda.check([manifest, spec, {"apiVersion": "v1", "kind": "List", "items": spec}]):
        assert "\n" not in str(finding)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    for key, inner in (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    ):
        found += places(inner, (*path, key))
    return found


def damaged(objects: list[Any], path: tuple[Any, ...], value: Any) -> list[Any]:
    objects = copy.deepcopy(objects)
    into: Any = objects
    for key in path[:-1]:
        into = into[key]
    into[path[-1]] = value
    return objects


@pytest.mark.parametrize("file", sorted((CORPUS / "check").rglob("*.yaml")), ids=lambda file: file.stem)
def test_every_place_damaged(file: Path) -> None:
    objects = [each for each in yaml.safe_load_all(file.read_text("utf-8")) if each]
    pick = random.Random(file.name)
    for path in places(objects):
        for value in pick.sample(ODD, 4):
            for finding in keda.check(damaged(objects, path, value)):
                assert "\n" not in str(finding)


@given(st.text(alphabet="ab1.+-*/()?:,<>=!&|[] \"'{}#", max_size=30))
@settings(max_examples=500, deadline=None)
def test_any_formula(formula: str) -> None:
    problem(formula, ["a", "b"])


@given(st.text(max_size=60) | st.text(alphabet="ab:-[]{}&*<>!|'\"\n 1.,#%?", max_size=60))
@settings(max_examples=500, deadline=None)
def test_any_text(text: str) -> None:
    try:
        keda.check([document.value for document in documents(text)])
    except Unreadable as unreadable:
        assert unreadable.line >= 1


@pytest.mark.parametrize(
    "query",
    ["(" * 5000 + "a" + ")" * 5000, "-" * 100_000 + "a", "a+" * 20_000 + "a",
     "a or " * 5000 + "a", "a[5m:]" * 3000,
     "sum(" * 49 + "a" + ")" * 49, "{" * 500, "a[" * 400, "\"" * 999, "`" * 3, "(" * 40,
     "a offset NaN", "a[Inf]", "a offset -1e30", "a @ NaN", "a[99999999999999999999]"],
    ids=lambda query: f"{query[:6]}…",
)  # fmt: skip
def test_hostile_queries(query: str, capfd: pytest.CaptureFixture[str]) -> None:
    metadata = {"serverAddress": "http://x", "threshold": "1", "query": query}
    manifest = {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": "a"},
        "spec": {"scaleTargetRef": {"name": "a"}, "triggers": [{"type": "prometheus", "metadata": metadata}]},
    }
    assert all("\n" not in str(finding) for finding in keda.check([manifest]))
    assert capfd.readouterr().err == ""


BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12)
)


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        pytest.param("a: 1\na: 2\n", 2, "twice", id="duplicate key"),
        pytest.param("[" * (MAX_DEPTH * 50), 1, "deeper", id="depth"),
        pytest.param(BOMB, 7, "bomb", id="bomb"),
        pytest.param("a: *b\n", 1, "alias", id="alias"),
        pytest.param("? [a]\n: 1\n", 1, "key", id="list as key"),
        pytest.param("a: b\n c: d\n", 2, "mapping values", id="indent"),
        pytest.param("a: \x01\n", 1, "", id="control character"),
        pytest.param("<<: 1\n<<: [1]\n", 2, "twice", id="merge"),
    ],
)
def test_unreadable(text: str, line: int, why: str) -> None:
    with pytest.raises(Unreadable) as caught:
        list(documents(text))
    assert why in caught.value.why
    assert caught.value.line == line


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", True), ("Off", False), ("~", None), ("''", ""), ("0x1F", 31), ("0o17", 15), ("017", 15),
        ("1_000", 1000),
        ("-.inf", float("-inf")), ("1e3", 1000.0), (".5", 0.5), ("1:30", "1:30"),
        ("2020-01-01", "2020-01-01"),
        ("!!str 5", "5"), ("1.2.3", "1.2.3"), ("-", None), ("+", "+"),
    ],
)  # fmt: skip
def test_scalars_as_kubernetes_reads_them(text: str, value: object) -> None:
    (document,) = documents(f"a: {text}" if text != "-" else "a:")
    assert document.value == {"a": value}


def test_merge_keys_and_lines() -> None:
    (document,) = documents("base: &b\n  x: 1\n  z: 2\nuse:\n  <<: *b\n  z: 3\nlist:\n- p: q\n")
    assert document.value["use"] == {"x": 1, "z": 3}
    assert document.line_of(("list", 0, "p")) == 8
    assert document.line_of(("use", "missing", "more")) == 4

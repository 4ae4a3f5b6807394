"""Messages: one line each, whatever was written, and never a secret."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keda.core.errors import (
    MISSING,
    Fault,
    Faults,
    SpecError,
    did_you_mean,
    is_secret_key,
    join,
    last_key,
    show,
)
from keda.syntax.quantity import parse_quantity


def test_the_shape_of_a_line() -> None:
    fault = Fault("triggers[0].lagThreshold", "ten", "is not a whole number. It hurts.", "Write 10.")
    assert str(fault.under("workloads.voice")) == (
        'workloads.voice.triggers[0].lagThreshold: "ten" is not a whole number. It hurts. Write 10.'
    )
    assert (
        str(Fault("a", MISSING, "missing, and required.", "Write a: 1."))
        == "a: missing, and required. Write a: 1."
    )
    assert Fault("[0]", 1, "", "").under("list").path == "list[0]"
    assert Fault("", 1, "", "").under("here").path == "here"


def test_paths() -> None:
    assert join("workloads", "a.b/c", "triggers", 0, "x") == 'workloads["a.b/c"].triggers[0].x'
    assert [last_key(path) for path in ("a.b", "a.b[0]", "a[0].c", 'a["x y"]', "a")] == [
        "b",
        "b",
        "c",
        "x y",
        "a",
    ]


@given(st.text(), st.text())
def test_one_fault_is_one_line(key: str, value: str) -> None:
    assert len(str(Fault(join("a", key), value, "is wrong.", "Write x.")).splitlines()) == 1


@pytest.mark.parametrize(
    "key",
    [
        "password",
        "redisPassword",
        "bearerToken",
        "apiKey",
        "secret",
        "connectionString",
        "sasKey",
        "accessKey",
        "passwd",
    ],
)
def test_secrets_are_known_by_their_key(key: str) -> None:
    assert is_secret_key(key)
    assert show("hunter2", f"a.{key}[0]") == "(value hidden)"


def test_ordinary_keys_are_no_secrets() -> None:
    assert not any(
        map(is_secret_key, ["passwordFromEnv", "key", "tokenURL", "authenticationRef", "threshold", "name"])
    )


@pytest.mark.parametrize("value", ["amqp://me:hunter2@host/", "ghp_abc", "eyJhbGciOi", "-----BEGIN RSA"])
def test_secrets_are_known_by_their_look(value: str) -> None:
    assert show(value, "host") == "(value hidden)"


def test_what_is_shown() -> None:
    shown = [show(value) for value in ("a", 1, 2.0, 1.5, True, None, {"a": 1}, [1], "x" * 100)]
    assert shown[:8] == ['"a"', "1", "2", "1.5", "true", "null", "a mapping", "a list"]
    assert len(shown[8]) == 61


def test_guesses() -> None:
    assert did_you_mean("LAGTHRESHOLD", ["lagThreshold", "stream"]) == "lagThreshold"
    assert did_you_mean("zzz", ["lagThreshold"]) is None


def test_faults_of_many_parts_are_one_error() -> None:
    found = Faults()
    for name in ("a", "b"):
        with found.under(name):
            raise SpecError([Fault("x", 1, "is wrong.", "Write 2.")])
    with pytest.raises(SpecError) as error:
        found.raise_if_any()
    assert str(error.value) == "a.x: 1 is wrong. Write 2.\nb.x: 1 is wrong. Write 2."


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("0", "0"),
        ("500m", "0.5"),
        ("1.5Gi", str(Decimal("1.5") * 2**30)),
        ("2e3", "2000"),
        ("1E", "1000000000000000000"),
        ("1E3", "1000"),
        (".5", "0.5"),
        ("5.", "5"),
        ("+1k", "1000"),
        ("-1u", "-0.000001"),
        ("3n", "0.000000003"),
        ("2Ki", "2048"),
    ],
)
def test_quantities(text: str, amount: str) -> None:
    assert parse_quantity(text) == Decimal(amount)


@pytest.mark.parametrize("text", ["", "1 Gi", "Gi", "1gi", "1K", "1mm", "1e", "1.2.3", "٣", "0x1", "NaN"])
def test_no_quantities(text: str) -> None:
    with pytest.raises(ValueError, match="not a quantity"):
        parse_quantity(text)

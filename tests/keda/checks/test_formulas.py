"""Formulas, with the verdict of expr v1.17.7 on each, compiled and run as KEDA's webhook does."""

from __future__ import annotations

import pytest

from keda.syntax import formula

TRIGGERS = ("a", "b", "load-x")

ACCEPTED = [
    "a > 1 ? 5 : 0",
    "a > 1 && b > 1 ? a * 2 : b",
    "a > 1 ?: 2",
    "1 < a < 5 ? 1 : 0",
    "let x = a; let y = b; max(x, y)",
    "if a > 1 { 5 } else if b > 2 { 3 } else { 0 }",
    "count([a, b], {# > 1}) > 1 ? 5 : 0",
    "count([a > 1, b > 1])",
    "[a, b] | filter(# > 0) | len()",
    "reduce([a, b], #acc + #)",
    "sum([a, b]) / len([a, b])",
    "any([a, b], {# > 3}) ? 1.5 : 2",
    "a /* in seconds */ + b",
    "a + // the queue\n b",
    "0x10 + 0b11 + 1_000 * a",
    "a in 1..3 ? 1 : 0",
    "a not in [1, 2] ? 1 : 0",
    "`5`",
    "$env['load-x'] + $env.a",
    "{x: a, y: b}.x",
    "int(a) % 2",
    "now().Hour() > 8 ? a : b",
    "float(a) + float(b)",
    "a) + (b",  # float(a) + (b)
    "max([1, 2], a)",
    "nil ?? a",
    "a + b ?? 1 ?? 2",
    "(a ?? 1) + b",
    "a ?? 1 | max(b)",
    "(a; b) + 1",
    "let x = a; x + 1; x * b",
    "if a > 1 { a; b } else { let y = b; y; a }",
    "count([a, b], {let x = #; x; x > 1})",
    "float(a); float(b);",
    "::max(a, b)",
    "a + 0.000_1 + 1e1_0",
    "len(`a``b`)",
    "reduce([a, b], #acc + #, {x: a}.x)",
    "[a, b] | count({# > 1})",
]
REFUSED = [
    "a > 1",
    "a == b",
    "float(a) > 1",
    "not a > 1 ? 1 : 0",
    "(a > 5) * 2",
    "a + (b > 5)",
    "a && b",
    "a or b",
    "a ? 1 : 0",
    "if a { 5 } else { 0 }",
    "a % 2",
    "a..b",
    "a.value > 5 ? 1 : 0",
    "a[0]",
    "a + '1'",
    "a matches 'x' ? 1 : 0",
    "abs(a, b)",
    "max()",
    "len(a)",
    "sum(a, b)",
    "a | b",
    "a // b",
    "a ?? 1 + b",
    "a ?? b > 1 ? 1 : 0",
    "a; b",
    "a b",
    "a = b",
    "(a + b",
    "# + a",
    "all([a, b], {# > 1})",
    "let x = load; x * 2",
    "count([a, load], {# > 1}) > 1 ? 5 : 0",
    "if load > 1 { 5 } else { 0 }",
    "average(a, b)",
    "Math.max(a, b)",
]


@pytest.mark.parametrize("written", ACCEPTED)
def test_a_formula_that_keda_takes(written: str) -> None:
    assert formula.problem(written, TRIGGERS) == ("", set())


@pytest.mark.parametrize("written", REFUSED)
def test_a_formula_that_keda_refuses(written: str) -> None:
    why, unknown = formula.problem(written, TRIGGERS)
    assert why or unknown


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("a > 1", "it gives a condition, and KEDA needs a number"),
        ("a ? 1 : 0", "a number with decimals stands where a condition belongs, such as a > 0"),
        ("a % 2", "% does not take a number with decimals and a whole number"),
        ("a.value", "a number with decimals has no fields"),
        ("sum(a, b)", "sum takes a list, such as [a, b]"),
        ("abs(a, b)", "abs takes one value, and 2 are given"),
        ("(a + b", ") is missing"),
        ("a + 'b", "' is not closed"),
        ("a & b", "& is not part of a formula"),
        ("a ?? 0 + b", "?? and + are mixed without parentheses"),
    ],
)
def test_the_reason_is_given(written: str, why: str) -> None:
    assert formula.problem(written, TRIGGERS) == (why, set())

"""PromQL that is 1 while something is there, and 0 while it is away."""

from __future__ import annotations

from typing import Any

import promql_parser as ast

from keda.syntax import promql

PROBES = ("probe_success", "up")
"""Metrics that are 0 or 1: of the blackbox exporter, and of Prometheus about each target."""
_OVER_TIME = ("max_over_time", "min_over_time", "last_over_time")
_COMPARISONS = (">", ">=", "<", "<=", "==", "!=")
_BOTH = ("or", "*", "and", "unless")
_ABSENT = ("absent", "absent_over_time")


def is_probe(tree: Any) -> bool:
    """Whether the value is 0 or 1, or none, and comes from one of PROBES."""
    while isinstance(tree, ast.ParenExpr):
        tree = tree.expr
    if isinstance(tree, ast.MatrixSelector | ast.SubqueryExpr):
        return False  # many values, none of which KEDA reads
    if not _zero_or_one(tree) or any(map(_is_higher_while_away, promql.walk(tree))):
        return False
    return any(name in PROBES for name, _ in promql.selectors(tree))


def outlasts_a_failure(tree: Any) -> bool:
    """Whether one failed probe may leave the value at 1: it is of a time, or counts several probes."""
    return any(map(_is_of_several, promql.walk(tree)))


def _is_of_several(node: Any) -> bool:
    if isinstance(node, ast.AggregateExpr):
        return str(node.op) not in ("min", "max")
    over_time = isinstance(node, ast.Call) and node.func.name.endswith("_over_time")
    return over_time and node.func.name not in ("min_over_time", "last_over_time")


def _is_higher_while_away(node: Any) -> bool:
    """Whether a part may be the opposite of a probe, such as `up == 0` and `1 - up`."""
    if isinstance(node, ast.Call):
        return node.func.name in _ABSENT
    if not isinstance(node, ast.BinaryExpr):
        return False
    operator, right = str(node.op).split()[0], node.rhs
    if operator in _COMPARISONS and isinstance(node.lhs, ast.NumberLiteral):
        return True
    zero = isinstance(right, ast.NumberLiteral) and right.val == 0
    return operator in ("<", "<=", "-") or (operator == "==" and zero) or (operator == "!=" and not zero)


def _zero_or_one(tree: Any) -> bool:
    while isinstance(tree, ast.ParenExpr):
        tree = tree.expr
    match tree:
        case ast.VectorSelector():
            return tree.name in PROBES
        case ast.MatrixSelector():
            return _zero_or_one(tree.vector_selector)
        case ast.SubqueryExpr():
            return _zero_or_one(tree.expr)
        case ast.NumberLiteral():
            return tree.val in (0, 1)
        case ast.AggregateExpr():
            return str(tree.op) in ("min", "max") and _zero_or_one(tree.expr)
        case ast.Call():
            return tree.func.name in (*_OVER_TIME, "vector", "scalar") and _zero_or_one(tree.args[0])
        case ast.BinaryExpr():
            operator = str(tree.op).split()[0]
            if operator in _COMPARISONS:
                turned = tree.modifier is not None and tree.modifier.return_bool
                return turned or _zero_or_one(tree.lhs)
            return operator in _BOTH and _zero_or_one(tree.lhs) and _zero_or_one(tree.rhs)
    return False

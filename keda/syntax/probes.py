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


def is_probe(tree: Any) -> bool:
    """Whether the value is 0 or 1, or none, and comes from one of PROBES."""
    while isinstance(tree, ast.ParenExpr):
        tree = tree.expr
    if isinstance(tree, ast.MatrixSelector | ast.SubqueryExpr):
        return False  # many values, none of which KEDA reads
    return _zero_or_one(tree) and any(name in PROBES for name, _ in promql.selectors(tree))


def outlasts_a_failure(tree: Any) -> bool:
    """Whether one failed probe leaves the value at 1: it is the highest over a time."""
    return any(isinstance(node, ast.Call) and node.func.name == "max_over_time" for node in promql.walk(tree))


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

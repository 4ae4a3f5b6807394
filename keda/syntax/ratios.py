"""Whether a PromQL query is a part of a whole: a number between 0 and 1, or between 0 and 100."""

from __future__ import annotations

import re
from typing import Any

import promql_parser as promql

from keda.syntax.promql import bare, is_number, one_series, selectors

_SAME_NUMBER = {
    *(
        "round",
        "ceil",
        "floor",
        "clamp",
        "clamp_min",
        "clamp_max",
        "scalar",
        "vector",
        "abs",
        "sort",
        "sort_desc",
    ),
    *("max_over_time", "min_over_time", "avg_over_time", "last_over_time", "quantile_over_time"),
    *("label_replace", "label_join", "present_over_time"),
}
"""Functions of a ratio that give a ratio."""
_OF_ONE = {"max", "min", "avg", "quantile", "topk", "bottomk", "group", "limitk"}
"""Aggregations that give the number of one pod, or of the usual one."""
_COMPARISONS = {">", ">=", "<", "<=", "==", "!="}


def whole_of(tree: Any) -> float | None:
    """What the ratio is 1 at: 1, or 100 for a percentage; None if the query is not known to be a ratio.

    A ratio is a total over a total, or the same sort of number on both sides under names that begin alike. A
    total over what one pod can do is not a ratio: it is a number of pods.
    """
    tree = bare(tree)
    match tree:
        case promql.SubqueryExpr():
            return whole_of(tree.expr)
        case promql.Call():
            inner = _first_vector(tree)
            return whole_of(inner) if tree.func.name in _SAME_NUMBER and inner is not None else None
        case promql.AggregateExpr():
            keeps = str(tree.op) in _OF_ONE or str(tree.op) == "sum" and one_series(tree.expr)
            return whole_of(tree.expr) if keeps else None
        case promql.BinaryExpr():
            return _whole_of_binary(tree)
    return None


def _first_vector(call: Any) -> Any:
    literal = promql.StringLiteral
    return next((each for each in call.args if not is_number(each) and not isinstance(each, literal)), None)


def _whole_of_binary(tree: Any) -> float | None:
    operator = str(tree.op).split()[0]
    if operator in _COMPARISONS:
        return None if tree.modifier is not None and tree.modifier.return_bool else whole_of(tree.lhs)
    if operator in ("or", "and", "unless"):
        return whole_of(tree.lhs)
    if operator == "*":
        factor, other = _factor(tree)
        whole = whole_of(other) if factor else None
        return whole * factor if whole else None
    if operator == "-" and is_number(tree.lhs):
        return whole_of(tree.rhs)  # 1 - idle / all
    if operator == "/":
        factor, part = _factor(tree.lhs)  # 100 * a / b is read from the left
        return factor or 1.0 if _are_part_and_whole(part, tree.rhs) else None
    return None


def _factor(tree: Any) -> tuple[float, Any]:
    """(3, x) of `3 * x` and `x * 3`; (0, tree) of what is not a product with a number."""
    product = bare(tree)
    if isinstance(product, promql.BinaryExpr) and str(product.op) == "*":
        for number, other in ((product.lhs, product.rhs), (product.rhs, product.lhs)):
            if isinstance(bare(number), promql.NumberLiteral):
                return float(bare(number).val), other
    return 0.0, tree


def _are_part_and_whole(part: Any, whole: Any) -> bool:
    if is_number(part) or is_number(whole):
        return False
    one, other = _sort(part), _sort(whole)
    if one != other or not one:
        return False
    return one == "total" or bool(_first_words(part) & _first_words(whole))


def _sort(tree: Any) -> str:
    """Returns "total" of all pods, "one" of them, "series" as stored, or "" if that is unknown."""
    tree = bare(tree)
    match tree:
        case promql.VectorSelector() | promql.MatrixSelector():
            return "series"
        case promql.SubqueryExpr():
            return _sort(tree.expr)
        case promql.AggregateExpr():
            return "total" if str(tree.op) in ("sum", "count") else "one" if str(tree.op) in _OF_ONE else ""
        case promql.Call():
            inner = _first_vector(tree)
            return _sort(inner) if inner is not None else ""
        case promql.BinaryExpr():
            sides = [_sort(side) for side in (tree.lhs, tree.rhs) if not is_number(side)]
            return sides[0] if len(set(sides)) == 1 else ""
    return ""


def _first_words(tree: Any) -> set[str]:
    return {re.split(r"[_:]", name)[0] for name, _ in selectors(tree) if name}

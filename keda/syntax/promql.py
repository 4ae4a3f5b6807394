"""What a PromQL query gives, judged on its syntax tree (promql-parser)."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from itertools import accumulate
from typing import Any

import promql_parser as promql

# promql-parser 0.12 panics, and prints a stack, on a time that is no finite number of seconds.
_PANICS = re.compile(r"(?i)(\boffset|[\[:@])[\s+-]*(nan|inf|[\d.]+e|0x|\d{12})")
_MAX_DEPTH, _MAX_OPERATORS = 50, 300
_PICKS = {"topk", "bottomk", "limitk"}
_COMPARISONS = {">", ">=", "<", "<=", "==", "!="}
_SETS = {"and", "unless"}
_KEEP_NATURE = {
    *("round", "ceil", "floor", "clamp", "clamp_min", "clamp_max", "scalar", "vector"),
    *("max_over_time", "min_over_time", "avg_over_time", "last_over_time", "label_replace", "label_join"),
}
"""Functions whose result is the same sort of number as their first argument."""
_MATCHES = (
    (promql.MatchOp.Equal, "="),
    (promql.MatchOp.NotEqual, "!="),
    (promql.MatchOp.Re, "=~"),
    (promql.MatchOp.NotRe, "!~"),
)
_ALWAYS_ONE = {"scalar", "vector", "time", "absent", "absent_over_time", "pi"}


class Broken(ValueError):
    """The query is not valid PromQL; `str()` has the place."""


class TooDeep(ValueError):
    """The query is nested deeper than anyone writes, and than the parser's stack bears."""


@functools.lru_cache(maxsize=4096)
def parse(query: str) -> Any:
    """The syntax tree. Raises Broken or TooDeep."""
    _bound(query)
    try:
        return promql.parse(query)
    except ValueError as error:
        raise Broken(" ".join(str(error).split())[:120]) from error
    except BaseException as error:  # the parser is Rust: a panic there is no Exception
        if isinstance(error, (KeyboardInterrupt, SystemExit, MemoryError)):
            raise
        raise Broken("it cannot be read") from None


def _bound(query: str) -> None:
    """A bound on the tree's depth: brackets within brackets, and operators in all. Texts do not count."""
    code = re.sub(r'"(\\.|[^"\\])*"|\'(\\.|[^\'\\])*\'|`[^`]*`', "", query)
    depths = accumulate((char in "([{") - (char in ")]}") for char in code)
    if (
        sum(map(code.count, "([{")) > _MAX_DEPTH
        and max(depths) > _MAX_DEPTH
        or sum(map(code.count, "+-*/%^@<>=!")) > _MAX_OPERATORS
        or len(re.findall(r"\b(or|and|unless|atan2)\b", code)) > 50
        or _PANICS.search(code)
    ):
        raise TooDeep


def bare(tree: Any) -> Any:
    """Without the parentheses and the sign around it."""
    while isinstance(tree, (promql.ParenExpr, promql.UnaryExpr)):
        tree = tree.expr
    return tree


def _parts(tree: Any) -> list[Any]:
    match tree:
        case promql.BinaryExpr():
            return [tree.lhs, tree.rhs]
        case promql.Call():
            return list(tree.args)
        case promql.AggregateExpr() | promql.ParenExpr() | promql.UnaryExpr() | promql.SubqueryExpr():
            return [tree.expr]
        case promql.MatrixSelector():
            return [tree.vector_selector]
    return []


def walk(tree: Any) -> Iterator[Any]:
    """Every node."""
    pending = [tree]
    while pending:
        node = pending.pop()
        yield node
        pending += _parts(node)


def selectors(tree: Any) -> Iterator[tuple[str, Mapping[str, tuple[str, str]]]]:
    """Each selector: its metric's name, and its matchers as label -> (=, !=, =~ or !~, value)."""
    for node in walk(tree):
        if isinstance(node, promql.VectorSelector):
            matchers = {
                each.name: (next((word for op, word in _MATCHES if op == each.op), "?"), each.value)
                for each in node.matchers.matchers
            }
            yield node.name or matchers.get("__name__", ("", ""))[1], matchers


def is_plain_selector(tree: Any) -> bool:
    """Whether it is the selector of one metric's newest samples, without offset or @."""
    if not isinstance(tree, promql.VectorSelector) or tree.offset is not None or tree.at is not None:
        return False
    _, matchers = next(selectors(tree))
    return bool(tree.name) or matchers.get("__name__", ("",))[0] == "="


def is_number(tree: Any) -> bool:
    """Whether it is made of numbers only."""
    return all(
        isinstance(node, (promql.NumberLiteral, promql.ParenExpr, promql.UnaryExpr, promql.BinaryExpr))
        for node in walk(tree)
    )


def result_type(tree: Any) -> str:
    """What Prometheus answers with: "vector" (instant), "matrix" (a range vector), "scalar" or "string"."""
    tree = bare(tree)
    match tree:
        case promql.MatrixSelector() | promql.SubqueryExpr():
            return "matrix"
        case promql.StringLiteral():
            return "string"
        case promql.NumberLiteral():
            return "scalar"
        case promql.Call():
            return "scalar" if tree.func.return_type == promql.ValueType.Scalar else "vector"
        case promql.BinaryExpr():
            both = {result_type(tree.lhs), result_type(tree.rhs)}
            return "scalar" if both == {"scalar"} else "vector"
    return "vector"


def one_series(tree: Any) -> bool:
    """Whether the result has at most one series, whatever is stored."""
    tree = bare(tree)
    match tree:
        case promql.NumberLiteral() | promql.StringLiteral():
            return True
        case promql.AggregateExpr():
            if str(tree.op) in _PICKS:
                return (
                    isinstance(tree.param, promql.NumberLiteral)
                    and tree.param.val <= 1
                    and _labels(tree) == []
                )
            return str(tree.op) != "count_values" and _pinned(tree)
        case promql.Call():
            return _one_call(tree)
        case promql.BinaryExpr():
            return _one_binary(tree)
    return False


def _labels(tree: Any) -> list[str] | None:
    """The labels an aggregation keeps; None for `without`."""
    if tree.modifier is None:
        return []
    return list(tree.modifier.labels) if tree.modifier.type == promql.AggModifierType.By else None


def _pinned(tree: Any) -> bool:
    labels = _labels(tree)
    if not labels:
        return labels is not None
    found = [matchers for _, matchers in selectors(tree)]
    return bool(found) and all(
        matchers.get(label, ("", ""))[0] == "=" for label in labels for matchers in found
    )


def _one_call(tree: Any) -> bool:
    if tree.func.name in _ALWAYS_ONE:
        return True
    inner = [
        bare(each) for each in tree.args if not is_number(each) and not isinstance(each, promql.StringLiteral)
    ]
    if tree.func.name in ("histogram_quantile", "histogram_fraction") and inner:
        return isinstance(inner[-1], promql.AggregateExpr) and _labels(inner[-1]) in ([], ["le"])
    return bool(inner) and all(
        one_series(each.expr if isinstance(each, promql.SubqueryExpr) else each) for each in inner
    )


def _one_binary(tree: Any) -> bool:
    left, right, operator = one_series(tree.lhs), one_series(tree.rhs), str(tree.op).split()[0]
    if operator in _SETS:
        return left
    if operator == "or":
        return left and right
    grouped = tree.modifier is not None and "Many" in str(getattr(tree.modifier, "card", "")).replace(
        "ManyToMany", ""
    )
    numbers = (
        is_number(tree.lhs)
        or is_number(tree.rhs)
        or any(
            isinstance(bare(side), promql.Call) and bare(side).func.name in ("scalar", "time", "pi")
            for side in (tree.lhs, tree.rhs)
        )
    )
    return left and right if numbers or grouped else left or right


def states_no_data(tree: Any) -> bool:
    """Whether the query itself sets what no data means: `… or vector(0)`."""
    return any(isinstance(node, promql.BinaryExpr) and str(node.op) == "or" for node in walk(tree)) or any(
        isinstance(node, promql.Call) and node.func.name in ("absent", "absent_over_time")
        for node in walk(tree)
    )


def nature(tree: Any) -> str:
    """What sort of number it is: "per replica" (an average, a total over a count), "latency" (a quantile, a
    mean duration), "total", or "" if that is unknown.
    """
    tree = bare(tree)
    match tree:
        case promql.AggregateExpr():
            operator = str(tree.op)
            quantiles = any("quantile" in matchers for _, matchers in selectors(tree))
            if operator == "quantile" or quantiles:
                return "latency"
            if operator == "avg":
                return "per replica"
            if operator in ("sum", "count"):
                return nature(tree.expr) if _is_ratio(bare(tree.expr)) else "total"
            return nature(tree.expr) if operator in ("max", "min") else ""
        case promql.Call():
            if tree.func.name in ("histogram_quantile", "histogram_avg"):
                return "latency"
            if tree.func.name in _KEEP_NATURE:
                return nature(tree.args[0])
        case promql.SubqueryExpr():
            return nature(tree.expr)
        case promql.BinaryExpr():
            return _nature_binary(tree)
    return ""


def _is_ratio(tree: Any) -> bool:
    return (
        isinstance(tree, promql.BinaryExpr)
        and str(tree.op) == "/"
        or isinstance(tree, promql.Call)
        and tree.func.name == "histogram_quantile"
    )


def _nature_binary(tree: Any) -> str:
    operator = str(tree.op).split()[0]
    if operator == "/" and not is_number(tree.rhs):
        right = bare(tree.rhs)
        while isinstance(right, promql.Call) and right.func.name in ("clamp_min", "scalar"):
            right = bare(right.args[0])
        above, below = ({name for name, _ in selectors(side)} for side in (tree.lhs, tree.rhs))
        if any(name.endswith("_sum") and name.removesuffix("_sum") + "_count" in below for name in above):
            return "latency"
        counts = isinstance(right, promql.AggregateExpr) and str(right.op) == "count"
        if counts or any(name.startswith("kube_") and "replicas" in name for name in below):
            return "per replica"
        return ""
    if operator in ("or", *_SETS, *_COMPARISONS) or is_number(tree.rhs):
        return nature(tree.lhs)
    if not is_number(tree.lhs) or operator not in ("*", "-"):
        return ""
    right_nature = nature(tree.rhs)
    # 1 - avg(idle) is an average too; 10 - sum(busy) is no total.
    return right_nature if operator == "*" or right_nature == "per replica" else ""


def may_be_nan(tree: Any) -> str:
    """What can be 0/0, or "": a division by a total that can be 0, or a quantile of no observation."""
    tree = bare(tree)
    if isinstance(tree, promql.BinaryExpr):
        operator = str(tree.op).split()[0]
        if operator in _COMPARISONS and is_number(tree.rhs):
            return ""  # NaN compares false, so it is filtered out
        if operator == "/" and not is_number(tree.rhs) and not _guarded(tree.rhs):
            return "a division by what can be 0"
        sides = [tree.lhs, tree.rhs] if operator not in _SETS else [tree.lhs]
        return next((reason for side in sides if (reason := may_be_nan(side))), "")
    if isinstance(tree, promql.Call):
        if tree.func.name == "histogram_quantile":
            return "a quantile, and without observations there is none"
        return next((reason for each in tree.args if (reason := may_be_nan(each))), "")
    return may_be_nan(tree.expr) if isinstance(tree, promql.AggregateExpr) else ""


def _guarded(tree: Any) -> bool:
    tree = bare(tree)
    if isinstance(tree, promql.Call):
        return tree.func.name in ("clamp_min", "time") or (
            bool(tree.args) and tree.func.name in ("scalar", "round", "ceil") and _guarded(tree.args[0])
        )
    if isinstance(tree, promql.BinaryExpr):
        operator = str(tree.op).split()[0]
        return (
            operator in (">", ">=", "!=")
            or operator == "+"
            and is_number(tree.rhs)
            or operator in ("*", "/")
            and _guarded(tree.lhs)
        )
    if isinstance(tree, promql.AggregateExpr):
        return str(tree.op) == "count" or _guarded(tree.expr)
    return False

"""What a prometheus trigger's query gives: a number that KEDA can take, not divided once more by the pods."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from keda.checks.advice.queries import QUERY_METRIC_TYPE
from keda.checks.registry import SCALING, SETTINGS, Problem, error
from keda.checks.scaling import Trigger, triggers_of, without_modifiers
from keda.manifests.declared import UNKNOWN
from keda.manifests.objects import Item
from keda.manifests.reading import At, text
from keda.syntax import go, promql
from keda.syntax.ratios import whole_of


@error(
    "query-result-type",
    SETTINGS,
    summary="A query whose result KEDA cannot take",
    why=(
        "KEDA runs an instant query and reads a list of series, each with one value "
        "(prometheus_scaler.go:58). A range vector has a list of values: KEDA finds none, which is 0, or an "
        'error with ignoreNullValues: "false". A scalar or a string has no series: every poll fails. The '
        "loki scaler sends an instant query too (loki_scaler.go:122), which Loki refuses for log lines."
    ),
    passes="query: sum(rate(http_requests_total[2m]))",
    ignorable=True,
).on(*SCALING, having=["prometheus", "loki"])
def query_result_type(item: Item) -> Iterator[Problem]:
    for trigger in triggers_of(item, "prometheus"):
        tree = _tree(trigger)
        kind = "vector" if tree is None else promql.result_type(tree)
        if kind == "vector":
            continue
        metadata = trigger.metadata
        at: At = (*trigger.at, "metadata", "query")
        if kind == "matrix":
            strict = text(metadata.get("ignoreNullValues")).lower() in ("false", "f", "0")
            unknown = metadata.get("ignoreNullValues") is UNKNOWN
            harm = "every poll fails" if strict else "it always counts as 0"
            yield Problem(
                at,
                trigger.query,
                "gives a range vector, many values of each series, and KEDA reads one value:",
                "Write a function around the range, such as sum(rate(…[1m])) of a counter or "
                "max(max_over_time(…[1m])) of a gauge; or leave the range out.",
                why=f"{'nothing scales by it' if unknown else harm}.",
            )
        else:
            yield Problem(
                at,
                trigger.query,
                f"gives a {kind} and not a series, and KEDA cannot read the answer:",
                "Write vector(…) around it." if kind == "scalar" else "Write a query without the quotes.",
                "json: cannot unmarshal … into Go struct field",
                why="every poll fails, while the object is Ready.",
            )

    for trigger in triggers_of(item, "loki"):
        query = trigger.get("metadata", "query")
        if isinstance(query, str) and query.lstrip().startswith("{"):
            yield Problem(
                (*trigger.at, "metadata", "query"),
                query,
                "gives log lines, and KEDA reads one value:",
                "Count them, such as sum(count_over_time(… [1m])).",
                "log queries are not supported as an instant query type",
                why="every poll fails, while the object is Ready.",
            )


@QUERY_METRIC_TYPE.on("ScaledObject", having=["prometheus"])
def ratio_per_replica(item: Item) -> Iterator[Problem]:
    """A part of a whole, which the HPA divides by the replicas: below 1 it cannot ask for many."""
    if not without_modifiers(item):
        return
    for trigger in triggers_of(item, "prometheus"):
        tree = _tree(trigger)
        averaged = trigger.get("metricType") in (None, "", "AverageValue")
        if tree is None or not averaged or "/" not in trigger.query:
            continue
        whole, threshold = whole_of(tree), _threshold(trigger)
        if whole is None or threshold is None or not 0 < threshold < whole or promql.nature(tree):
            continue
        yield Problem(
            (*trigger.at, "metadata", "query"),
            trigger.query,
            "is a ratio, and AverageValue (the default) divides it by the replicas once more:",
            "Write metricType: Value, or query the total that one replica takes its share of.",
            why="up to "
            f"{whole:g} it never gives more than {math.ceil(round(whole / threshold, 9))} replicas.",
        )


def _tree(trigger: Trigger) -> Any:
    """The query's syntax tree; None without one that can be read."""
    query = trigger.query
    try:
        return promql.parse(query) if query else None
    except (promql.Broken, promql.TooDeep):
        return None


def _threshold(trigger: Trigger) -> float | None:
    try:
        return go.real(go.trim(text(trigger.get("metadata", "threshold"))))
    except ValueError:
        return None

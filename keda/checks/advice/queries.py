"""Rules on a prometheus trigger's query: what it gives, and what KEDA makes of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from keda.checks.advice.expressions import QUERY_SYNTAX
from keda.checks.advice.metric_names import name_problems
from keda.checks.registry import SCALING, SETTINGS, Problem, on_objects, warning
from keda.checks.scaling import Trigger, triggers_of, without_modifiers
from keda.core.errors import MISSING
from keda.manifests.declared import UNKNOWN
from keda.manifests.objects import Item
from keda.manifests.reading import At, dig, mapping, text
from keda.syntax import promql
from keda.syntax.query_languages import is_other_language, is_victoria_metrics

QUERY_SEVERAL_SERIES = warning(
    "query-several-series",
    SETTINGS,
    summary="A query that can return several series",
    why=(
        "KEDA needs one number. With two series it reports an error and scales nothing, often only once a "
        "second pod runs."
    ),
    passes='query: sum(rate(http_requests_total{job="gateway"}[2m]))',
    unless="query-result-type",
)
QUERY_NAN = warning(
    "query-nan",
    SETTINGS,
    summary="A query that returns NaN when there is no traffic",
    why=(
        "0/0 is NaN, and so is a quantile without observations. KEDA treats infinity as no data, but not "
        "NaN: the trigger is inactive and the HPA reads a meaningless number."
    ),
    passes="query: sum(rate(errors_total[2m])) / (sum(rate(requests_total[2m])) > 0)",
)
QUERY_METRIC_TYPE = warning(
    "query-metric-type",
    SETTINGS,
    summary="Query and metric type do not fit",
    why=(
        "AverageValue (the default) divides the number by the replicas: right for totals, wrong for "
        "averages and latencies. Value compares the number itself: right for averages, wrong for totals."
    ),
    passes="""
        - type: prometheus
          metadata:
            query: sum(rate(http_requests_total{job="gateway"}[2m]))
    """,
)
NO_DATA_CONTRACT = warning(
    "no-data-contract",
    SETTINGS,
    summary="ignoreNullValues is not set",
    why=(
        "It is true by default: a metric that is gone counts as 0, so an outage of the source scales the "
        "target in. With false it is an error, and the fallback can fire."
    ),
    passes="""
        metadata:
          ignoreNullValues: "false"
    """,
)
_NO_DATA_SAID = {"ignoreNullValues", "minMetricValue"}
"""They set what no data means; minMetricValue is aws-cloudwatch's (aws_cloudwatch_scaler.go:298)."""


@on_objects(*SCALING)
def queries(item: Item) -> Iterator[Problem]:
    """Each trigger's query, if it has one, and its contract for missing data."""
    for trigger in triggers_of(item):
        at: At = (*trigger.at, "metadata")
        query, tree = trigger.query, None
        if query:
            try:
                tree = promql.parse(query)
            except promql.Broken as broken:
                if _takes_more(trigger, query):
                    continue
                yield QUERY_SYNTAX.found(
                    (*at, "query"),
                    query,
                    f"is not valid PromQL: {broken}.",
                    "Try it in Prometheus first.",
                    why="The object is Ready, and every poll fails.",
                )
                continue
            except promql.TooDeep:
                continue
            yield from _query(item, trigger, query, tree, (*at, "query"))
        if tree is None or promql.result_type(tree) == "vector":
            yield from _no_data(trigger, tree, at)


def _takes_more(trigger: Trigger, query: str) -> bool:
    """Whether the server may be VictoriaMetrics, whose MetricsQL is wider than PromQL."""
    address = trigger.get("metadata", "serverAddress")
    return address is UNKNOWN or is_victoria_metrics(text(address)) or is_other_language(query)


def _query(item: Item, trigger: Trigger, query: str, tree: Any, at: At) -> Iterator[Problem]:
    yield from name_problems(tree, at)
    if not promql.one_series(tree):
        yield QUERY_SEVERAL_SERIES.found(
            at,
            query,
            "can give more than one series (a second pod or label value is enough).",
            "Write sum(…) or max(…) around it.",
            why="KEDA then refuses the answer, and nothing is scaled.",
        )
    if reason := promql.may_be_nan(tree):
        yield QUERY_NAN.found(
            at,
            query,
            f"is {reason}: NaN when nothing happens.",
            "Guard it: … / (… > 0), or compare the whole with >= 0.",
            why="KEDA does not treat NaN as no data: the replicas fall to the minimum whatever else is true.",
        )
    if item.kind == "ScaledObject" and without_modifiers(item):
        yield from _metric_type(trigger, query, promql.nature(tree), at)


def _metric_type(trigger: Trigger, query: str, nature: str, at: At) -> Iterator[Problem]:
    averaged = trigger.get("metricType") in (None, "", "AverageValue")
    if averaged and nature == "per replica":
        yield QUERY_METRIC_TYPE.found(
            at,
            query,
            "is a value per replica, and AverageValue (the default) divides it by the replicas once more:",
            "Query the total, sum(…), or write metricType: Value.",
            why="it never scales past the first few.",
        )
    elif averaged and nature == "latency":
        yield QUERY_METRIC_TYPE.found(
            at,
            query,
            "is a latency, and AverageValue (the default) divides it by the replicas:",
            "Write metricType: Value, or scale on sum(rate(…)).",
            why="more pods look like an answer even while it stays slow.",
        )
    elif trigger.get("metricType") == "Value" and nature == "total":
        yield QUERY_METRIC_TYPE.found(
            at,
            query,
            "is a total, and Value compares it with the threshold of one replica:",
            "Write metricType: AverageValue, or divide the query by the replicas.",
            why="new pods do not make it smaller, so it goes to maxReplicaCount.",
        )


def _no_data(trigger: Trigger, tree: Any, at: At) -> Iterator[Problem]:
    if trigger.scaler is None or "ignoreNullValues" not in trigger.scaler.named:
        return
    metadata = trigger.get("metadata")
    if UNKNOWN in (metadata, dig(metadata, "query")) or not _NO_DATA_SAID.isdisjoint(mapping(metadata)):
        return
    if tree is None or not promql.states_no_data(tree):
        yield NO_DATA_CONTRACT.found(
            (*at, "ignoreNullValues"),
            MISSING,
            "not set:",
            'Write ignoreNullValues: "false" (no data is an error; fallback can fire) or "true" (no data is '
            "no work).",
            why="missing data counts as 0, so an outage of the metric looks like no work and scales the "
            "workload in.",
        )

"""Rules on prometheus triggers: what the query gives, and what KEDA makes of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from keda.checks.admission.scaled_object import RESOURCE_SCALERS, modifiers_of, triggers_of
from keda.checks.advice.metric_names import add_name_faults
from keda.checks.findings import Report
from keda.core.errors import MISSING
from keda.manifests.objects import Item, Objects
from keda.manifests.reading import At, dig, mapping, sequence, text, whole
from keda.scalers.parser import scalers
from keda.syntax import go as go_values
from keda.syntax import promql

_OWN_LABELS = (
    "pod",
    "container",
    "deployment",
    "workload",
    "app",
    "app_kubernetes_io_name",
    "job",
    "service",
)


def query_of(trigger: Mapping[Any, Any]) -> str:
    return text(dig(trigger, "metadata", "query")) if trigger.get("type") == "prometheus" else ""


def advise_queries(item: Item, report: Report) -> None:
    """Every rule that reads PromQL and needs only the object itself."""
    for index, trigger in triggers_of(item):
        at: At = ("spec", "triggers", index, "metadata")
        query = query_of(trigger)
        tree = None
        if query:
            try:
                tree = promql.parse(query)
            except promql.Broken as broken:
                report.add(
                    "query-syntax",
                    (*at, "query"),
                    query,
                    f"is not valid PromQL: {broken}. The object is Ready, and every poll fails.",
                    "Try it in Prometheus first.",
                )
                continue
            except promql.TooDeep:
                continue
            _judge(item, trigger, query, tree, (*at, "query"), report)
        _no_data(trigger, tree, at, report)


def advise_queries_among(item: Item, objects: Objects, report: Report) -> None:
    """Every rule that reads PromQL and other objects too."""
    _wake(item, objects, report)
    _scrape(item, objects, report)


def _judge(item: Item, trigger: Mapping[Any, Any], query: str, tree: Any, at: At, report: Report) -> None:
    add_name_faults(tree, at, report)
    if not promql.one_series(tree):
        report.add(
            "query-several-series",
            at,
            query,
            "can give more than one series (a second pod or label value is enough). KEDA then "
            "refuses the answer "
            "and the scaling stands still.",
            "Write sum(…) or max(…) around it.",
        )
    if reason := promql.may_be_nan(tree):
        report.add(
            "query-nan",
            at,
            query,
            f"is {reason}: NaN when nothing happens. KEDA does not treat NaN as no data: the "
            "replicas fall to the "
            "minimum whatever else is true.",
            "Guard it: … / (… > 0), or compare the whole with >= 0.",
        )
    if item.kind == "ScaledObject" and not modifiers_of(item):
        _metric_type(trigger, query, promql.nature(tree), at, report)


def _metric_type(trigger: Mapping[Any, Any], query: str, nature: str, at: At, report: Report) -> None:
    averaged = trigger.get("metricType") in (None, "", "AverageValue")
    if averaged and nature == "per replica":
        report.add(
            "query-metric-type",
            at,
            query,
            "is a value per replica, and AverageValue (the default) divides it by the replicas "
            "once more: it never "
            "scales past the first few.",
            "Query the total, sum(…), or write metricType: Value.",
        )
    elif averaged and nature == "latency":
        report.add(
            "query-metric-type",
            at,
            query,
            "is a latency, and AverageValue (the default) divides it by the replicas: more pods "
            "look like an answer "
            "even while it stays slow.",
            "Write metricType: Value, or scale on sum(rate(…)).",
        )
    elif trigger.get("metricType") == "Value" and nature == "total":
        report.add(
            "query-metric-type",
            at,
            query,
            "is a total, and Value compares it with the threshold of one replica: new pods do not "
            "make it smaller, "
            "so it goes to maxReplicaCount.",
            "Write metricType: AverageValue, or divide the query by the replicas.",
        )


def _no_data(trigger: Mapping[Any, Any], tree: Any, at: At, report: Report) -> None:
    kind = text(trigger.get("type"))
    if kind not in scalers() or not any(
        each.name == "ignoreNullValues" for each in scalers()[kind].parameters
    ):
        return
    if "ignoreNullValues" in mapping(trigger.get("metadata")) or (
        tree is not None and promql.states_no_data(tree)
    ):
        return
    report.add(
        "no-data-contract",
        (*at, "ignoreNullValues"),
        MISSING,
        "not set: missing data counts as 0, so an outage of the metric looks like no work and scales "
        "the workload in.",
        'Write ignoreNullValues: "false" (no data is an error; fallback can fire) or "true" '
        "(no data is no work).",
    )


def _wake(item: Item, objects: Objects, report: Report) -> None:
    """With no pod there is no metric of the pod: nothing wakes the target."""
    lowest = whole(item.spec.get("minReplicaCount")) or 0
    if item.kind != "ScaledObject" or (lowest > 0 and whole(item.spec.get("idleReplicaCount")) != 0):
        return
    waking = [(i, trigger) for i, trigger in triggers_of(item) if trigger.get("type") not in RESOURCE_SCALERS]
    if not waking or not all(_of_target(item, objects, trigger) for _, trigger in waking):
        return
    index, trigger = waking[0]
    key = "query" if query_of(trigger) else "podSelector"
    report.add(
        "wake-from-own-metric",
        ("spec", "triggers", index, "metadata", key),
        dig(trigger, "metadata", key),
        "comes from the scaled pods themselves. At 0 replicas there is none of it, so it "
        "never scales up from zero again.",
        "Take a metric from in front of the target (queue, gateway, proxy), or write minReplicaCount: 1.",
    )


def _of_target(item: Item, objects: Objects, trigger: Mapping[Any, Any]) -> bool:
    """Whether every number of the trigger comes from the target's pods, as far as its labels tell."""
    target = objects.target(item)
    name = text(dig(item.spec, "scaleTargetRef", "name"))
    if trigger.get("type") == "kubernetes-workload" and target:
        pairs = [part.partition("=") for part in text(dig(trigger, "metadata", "podSelector")).split(",")]
        return bool(pairs) and all(
            sign and target.pod_labels.get(key.strip()) == value.strip("= ") for key, sign, value in pairs
        )
    query = query_of(trigger)
    if not query or not name:
        return False
    try:
        tree = promql.parse(query)
    except (promql.Broken, promql.TooDeep):
        return False
    found = list(promql.selectors(tree))
    absent = any(word in query for word in ("absent(", "absent_over_time("))
    return (
        bool(found)
        and not absent
        and all(
            not metric.startswith(("kube_deployment", "kube_statefulset"))
            and _names_target(matchers, name, target)
            for metric, matchers in found
        )
    )


def _names_target(matchers: Mapping[str, tuple[str, str]], name: str, target: Item | None) -> bool:
    names = {name}
    if target:
        names |= {
            value
            for key, value in target.pod_labels.items()
            if key in ("app", "app.kubernetes.io/name") and isinstance(value, str)
        }
    for label in _OWN_LABELS:
        operator, value = matchers.get(label, ("", ""))
        if operator == "=" and (value in names or label == "pod" and value.startswith(f"{name}-")):
            return True
        if operator == "=~" and re.match(rf"\^?{re.escape(name)}(?![\w])", value) and "|" not in value:
            return True
    return False


def _scrape(item: Item, objects: Objects, report: Report) -> None:
    interval = whole(item.spec.get("pollingInterval"))
    if interval is None or interval <= 0 or not any(query_of(trigger) for _, trigger in triggers_of(item)):
        return
    scrapes = list(_scrape_intervals(objects))
    if scrapes and interval < min(scrapes):
        report.add(
            "polling-faster-than-scrape",
            ("spec", "pollingInterval"),
            interval,
            f"is below the shortest scrape interval here ({min(scrapes)} s). KEDA would read the "
            "same number again.",
            f"Write {min(scrapes)}, or scrape more often.",
        )


def _scrape_intervals(objects: Objects) -> Iterator[int]:
    for monitor in objects.everywhere("ServiceMonitor", "PodMonitor"):
        for key in ("endpoints", "podMetricsEndpoints"):
            for endpoint in sequence(monitor.spec.get(key)):
                yield from _seconds(dig(endpoint, "interval"))
    for prometheus in objects.everywhere("Prometheus"):
        yield from _seconds(prometheus.spec.get("scrapeInterval"))


def _seconds(written: object) -> Iterator[int]:
    try:
        if isinstance(written, str) and not written.isdigit():
            yield go_values.duration(written) // 10**9
    except ValueError:
        return

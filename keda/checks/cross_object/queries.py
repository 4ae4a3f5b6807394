"""Rules on queries that need other objects: the target's pods, and how often they are scraped."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from keda.checks.registry import SCALING, SETTINGS, Problem, warning
from keda.checks.scaling import SPEC, Trigger, all_known, any_unknown, number_of, triggers_of
from keda.core.defaults import RESOURCE_SCALERS
from keda.manifests.objects import Item, Objects
from keda.manifests.reading import dig, sequence, text
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


@warning(
    "wake-from-own-metric",
    SETTINGS,
    summary="Nothing can scale the target up from zero",
    why="All triggers read metrics of the scaled pods. At 0 replicas there are no pods to emit them.",
    passes="minReplicaCount: 1   # or a metric of the queue or gateway in front",
).among("ScaledObject")
def wake_from_own_metric(item: Item, objects: Objects) -> Iterator[Problem]:
    """With no pod there is no metric of the pod: nothing wakes the target."""
    lowest = number_of(item, "minReplicaCount") or 0
    if any_unknown(item, "minReplicaCount", "idleReplicaCount") or not all_known(item, "type"):
        return
    if lowest > 0 and number_of(item, "idleReplicaCount") != 0:
        return
    waking = [trigger for trigger in triggers_of(item) if trigger.type not in RESOURCE_SCALERS]
    if not waking or not all(_of_target(item, objects, trigger) for trigger in waking):
        return
    trigger = waking[0]
    key = "query" if trigger.query else "podSelector"
    yield Problem(
        (*trigger.at, "metadata", key),
        trigger.get("metadata", key),
        "comes from the scaled pods themselves.",
        "Take a metric from in front of the target (queue, gateway, proxy), or write minReplicaCount: 1.",
        why="At 0 replicas there is none of it, so it never scales up from zero again.",
    )


def _of_target(item: Item, objects: Objects, trigger: Trigger) -> bool:
    """Whether every number of the trigger comes from the target's pods, as far as its labels show."""
    target = objects.target(item)
    name = text(dig(item.spec, "scaleTargetRef", "name"))
    if trigger.type == "kubernetes-workload" and target:
        pairs = [part.partition("=") for part in text(trigger.get("metadata", "podSelector")).split(",")]
        return bool(pairs) and all(
            sign and target.pod_labels.get(key.strip()) == value.strip("= ") for key, sign, value in pairs
        )
    query = trigger.query
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


@warning(
    "polling-faster-than-scrape",
    SETTINGS,
    summary="Polling faster than the metric changes",
    why=(
        "Prometheus has a new number once per scrape. Polling in between costs CPU and gives the same number."
    ),
    passes="pollingInterval: 30   # with a scrape interval of 30 s",
).among(*SCALING, having=["pollingInterval"])
def polling_faster_than_scrape(item: Item, objects: Objects) -> Iterator[Problem]:
    interval = number_of(item, "pollingInterval")
    if not interval or interval <= 0 or not any(each.query for each in triggers_of(item, "prometheus")):
        return
    scrapes = list(_scrape_intervals(objects))
    if scrapes and interval < min(scrapes):
        yield Problem(
            (*SPEC, "pollingInterval"),
            interval,
            f"is below the shortest scrape interval here ({min(scrapes)} s).",
            f"Write {min(scrapes)}, or scrape more often.",
            why="KEDA would read the same number again.",
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

"""Metric and label names in the PromQL of triggers, alerts and dashboards, against what KEDA 2.19.0,
kube-state-metrics and the recipes' exporters emit (data/metrics.json).
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import promql_parser

from keda.checks.registry import SETTINGS, Problem, Rule, warning
from keda.core.errors import MISSING, did_you_mean
from keda.manifests.reading import At
from keda.syntax import promql

_SCRAPE = frozenset(
    {
        "cluster",
        "container",
        "endpoint",
        "instance",
        "job",
        "namespace",
        "node",
        "pod",
        "prometheus",
        "service",
    }
)
"""Labels that a scrape adds to every series."""
_OPEN = re.compile(r"__|exported_|label_|annotation_")

METRIC_NAME = warning(
    "metric-name",
    SETTINGS,
    summary="A metric name that KEDA 2.19.0 or kube-state-metrics does not emit",
    why=(
        "Prometheus returns no series and no error for an unknown name: the trigger reads 0, the panel "
        "stays empty, the alert never fires. Names of earlier releases are the usual cause."
    ),
    passes="expr: sum by (exported_namespace, scaledObject) (rate(keda_scaler_detail_errors_total[5m])) > 0",
)
METRIC_LABEL = warning(
    "metric-label",
    SETTINGS,
    summary="A label that the metric does not have",
    why=(
        "A matcher on a label that does not exist matches nothing, and Prometheus reports no error. "
        "KEDA's labels are in camel case: scaledObject, triggerIndex."
    ),
    passes="""
        query: >-
          sum(kube_horizontalpodautoscaler_status_desired_replicas{
          namespace="shop", horizontalpodautoscaler="keda-hpa-api"})
    """,
)


class Exporter:
    """What one exporter emits. With a `prefix`, `metrics` has every name that begins so."""

    def __init__(
        self, name: str, metrics: Mapping[str, frozenset[str]], prefix: str, exceptions: tuple[str, ...]
    ) -> None:
        self.name, self.metrics, self.prefix, self.exceptions = name, metrics, prefix, exceptions

    @functools.cached_property
    def labels(self) -> frozenset[str]:
        """The labels of all its metrics."""
        return frozenset().union(*self.metrics.values())

    def has_every(self, metric: str) -> bool:
        """Whether a metric of this name could only come from here."""
        return (
            bool(self.prefix)
            and metric.startswith(self.prefix)
            and not metric.startswith(self.exceptions)
            and (_family(metric) in self.families or self._ends_alike(metric))
        )

    @functools.cached_property
    def families(self) -> frozenset[str]:
        """The first two words of its metrics, such as `kube_pod`."""
        return frozenset(map(_family, self.metrics))

    def _ends_alike(self, metric: str) -> bool:
        """Whether it is a name of here with another beginning; else others may have taken the prefix."""
        guess = did_you_mean(metric, self.metrics)
        return guess is not None and guess.endswith("_".join(metric.split("_")[-2:]))


def _family(metric: str) -> str:
    """`kube_pod_` of kube_pod_info."""
    return "_".join(metric.split("_")[:2])


@functools.cache
def exporters() -> tuple[Exporter, ...]:
    """The catalogue."""
    return tuple(
        Exporter(
            name,
            {metric: frozenset(labels) for metric, labels in entry["metrics"].items()},
            entry.get("prefix", ""),
            tuple(entry.get("except", ())),
        )
        for name, entry in _data()["exporters"].items()
    )


@functools.cache
def _data() -> Any:
    path = Path(__file__).with_name("metrics.json")
    return json.loads(path.read_text(encoding="utf-8"))


class NameFault(NamedTuple):
    """A name in an expression that nothing emits."""

    rule: Rule
    what: str
    """Up to a colon, which `why` follows."""
    why: str
    fix: str


def name_faults(tree: Any) -> Iterator[NameFault]:
    """Each wrong metric or label name of a parsed expression once."""
    seen: set[NameFault] = set()
    for fault in _faults(tree):
        if fault not in seen:
            seen.add(fault)
            yield fault


def _faults(tree: Any) -> Iterator[NameFault]:
    for metric, matchers in promql.selectors(tree):
        yield from _metric(metric)
        yield from _labels(metric, matchers)
    for node in promql.walk(tree):
        modifier = node.modifier if isinstance(node, promql_parser.AggregateExpr) else None
        if modifier and modifier.type == promql_parser.AggModifierType.By and not _relabels(node):
            names = {name for name, _ in promql.selectors(node)}
            if len(names) == 1:
                yield from _labels(names.pop(), modifier.labels)


def _metric(metric: str) -> Iterator[NameFault]:
    nothing = "the expression returns nothing, without an error."
    if successor := _data()["renamed"].get(metric):
        what = f"{metric} is a metric of an earlier release:"
        yield NameFault(METRIC_NAME, what, nothing, f"Write {successor}.")
        return
    for exporter in exporters():
        if exporter.has_every(metric) and metric not in exporter.metrics:
            guess = did_you_mean(metric, exporter.metrics)
            fix = f"Write {guess}." if guess else "Look at the exporter's /metrics for the right name."
            yield NameFault(METRIC_NAME, f"{exporter.name} emits no {metric}:", nothing, fix)


_NEAR = 0.75
"""A label may have been added by relabeling, so one that is only somewhat alike is no mistake."""


def _labels(metric: str, used: Any) -> Iterator[NameFault]:
    """A label that the metric lacks, if it is near one it has, or the exporter's on another metric.

    Any other may have been added by relabeling.
    """
    for exporter in exporters():
        known = exporter.metrics.get(metric)
        if known is None:
            continue
        for label in used:
            if label in known or label in _SCRAPE or _OPEN.match(label):
                continue
            guess = did_you_mean(label, known, cutoff=_NEAR)
            if guess or label in exporter.labels:
                what, why = f"{metric} has no label {label}:", "nothing matches, without an error."
                fix = f"Write {guess}." if guess else f"Write one of its labels: {', '.join(sorted(known))}."
                yield NameFault(METRIC_LABEL, what, why, fix)


def _relabels(tree: Any) -> bool:
    return any(
        isinstance(node, promql_parser.Call)
        and node.func.name in ("label_replace", "label_join")
        or isinstance(node, promql_parser.BinaryExpr)
        for node in promql.walk(tree)
    )


def name_problems(tree: Any, at: At) -> Iterator[Problem]:
    """The wrong names of a parsed expression at a path."""
    for fault in name_faults(tree):
        yield fault.rule.found(at, MISSING, fault.what, fault.fix, why=fault.why)

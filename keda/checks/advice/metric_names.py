"""Metric and label names in the PromQL of triggers, alerts and dashboards, against what KEDA 2.19.0,
kube-state-metrics and the recipes' exporters emit (data/metrics.json)."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import promql_parser

from keda.checks.findings import Report
from keda.core.errors import did_you_mean
from keda.manifests.objects import Item
from keda.manifests.reading import At, dig, mapping, sequence, text
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
_VARIABLE = re.compile(r"\$\{\w+(?::\w+)?\}|\$\w+")
_JSON_LIMIT = 5_000_000


@dataclass(frozen=True)
class Exporter:
    """What one exporter emits. A `prefix` says that `metrics` holds every name that begins so."""

    name: str
    metrics: Mapping[str, frozenset[str]]
    prefix: str
    exceptions: tuple[str, ...]

    @functools.cached_property
    def labels(self) -> frozenset[str]:
        return frozenset().union(*self.metrics.values())

    def has_every(self, metric: str) -> bool:
        """Whether a metric of this name could only come from here."""
        return bool(self.prefix) and metric.startswith(self.prefix) and not metric.startswith(self.exceptions)


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


@dataclass(frozen=True)
class NameFault:
    """A name in an expression that nothing emits. `rule`: metric-name or metric-label."""

    rule: str
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
        if isinstance(node, promql_parser.AggregateExpr) and not _relabels(node):
            names = {name for name, _ in promql.selectors(node)}
            if len(names) == 1 and node.modifier and node.modifier.type == promql_parser.AggModifierType.By:
                yield from _labels(names.pop(), node.modifier.labels)


def _metric(metric: str) -> Iterator[NameFault]:
    nothing = "the expression returns nothing, without an error."
    if successor := _data()["renamed"].get(metric):
        yield NameFault(
            "metric-name", f"{metric} is a metric of an earlier release: {nothing}", f"Write {successor}."
        )
        return
    for exporter in exporters():
        if exporter.has_every(metric) and metric not in exporter.metrics:
            guess = did_you_mean(metric, exporter.metrics)
            fix = f"Write {guess}." if guess else "Look at the exporter's /metrics for the right name."
            yield NameFault("metric-name", f"{exporter.name} emits no {metric}: {nothing}", fix)


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
            guess = did_you_mean(label, known)
            if guess or label in exporter.labels:
                why = f"{metric} has no label {label}: nothing matches, without an error."
                fix = f"Write {guess}." if guess else f"It has {', '.join(sorted(known))}."
                yield NameFault("metric-label", why, fix)


def _relabels(tree: Any) -> bool:
    return any(
        isinstance(node, promql_parser.Call)
        and node.func.name in ("label_replace", "label_join")
        or isinstance(node, promql_parser.BinaryExpr)
        for node in promql.walk(tree)
    )


def check_expressions(item: Item, report: Report) -> None:
    """Every expression of a PrometheusRule, a rule file or a Grafana dashboard."""
    for at, expression in expressions(item.manifest):
        try:
            tree = parse(expression)
        except promql.Broken as broken:
            why = f"is not valid PromQL: {broken}. It would never give anything."
            report.add("query-syntax", at, expression, why, "Try it in Prometheus first.")
            continue
        if tree is not None:
            add_name_faults(tree, at, report)


def add_name_faults(tree: Any, at: At, report: Report) -> None:
    """The wrong names of a parsed expression at a path, as findings."""
    for fault in name_faults(tree):
        report.say(fault.rule, at, fault.why, fault.fix)


def parse(expression: str) -> Any:
    """The tree, with Grafana's variables filled in; None if what they stand for cannot be told, or if it is
    nested beyond reading. Raises promql.Broken."""
    try:
        if "$" not in expression:
            return promql.parse(expression)
    except promql.TooDeep:
        return None
    timed = re.sub(r"(\[|:|offset\s+)\$\{?\w+\}?", r"\g<1>5m", expression)
    for stand_in in ("1", "x"):
        try:
            return promql.parse(_VARIABLE.sub(stand_in, timed))
        except (promql.Broken, promql.TooDeep):
            continue
    return None


def expressions(manifest: Mapping[Any, Any]) -> Iterator[tuple[At, str]]:
    """Each PromQL expression of an alerting or dashboard object, with its path.

    PrometheusRule (and Prometheus' own rule files), a ConfigMap that holds dashboards, GrafanaDashboard, and
    a dashboard's own JSON.
    """
    match text(manifest.get("kind")):
        case "PrometheusRule":
            yield from _rules(dig(manifest, "spec", "groups"), ("spec", "groups"))
        case "ConfigMap":
            for key, value in mapping(manifest.get("data")).items():
                if isinstance(key, str) and key.endswith(".json"):
                    yield from _dashboard_text(value, ("data", key))
        case "GrafanaDashboard":
            yield from _dashboard_text(dig(manifest, "spec", "json"), ("spec", "json"))
        case "":
            yield from _rules(manifest.get("groups"), ("groups",))
            yield from _board(manifest, ())


def _rules(groups: object, at: At) -> Iterator[tuple[At, str]]:
    for index, group in enumerate(sequence(groups)):
        for number, rule in enumerate(sequence(dig(group, "rules"))):
            if expression := text(dig(rule, "expr")):
                yield (*at, index, "rules", number, "expr"), expression


def _dashboard_text(value: object, at: At) -> Iterator[tuple[At, str]]:
    if not isinstance(value, str) or len(value) > _JSON_LIMIT or '"panels"' not in value:
        return
    try:
        board = json.loads(value)
    except (ValueError, RecursionError):
        return
    yield from _board(mapping(board), at)


def _board(board: Mapping[Any, Any], at: At) -> Iterator[tuple[At, str]]:
    yield from _panels(board.get("panels"), (*at, "panels"))
    for index, event in enumerate(sequence(dig(board, "annotations", "list"))):
        if expression := text(dig(event, "expr")):
            yield (*at, "annotations", "list", index, "expr"), expression


def _panels(panels: object, at: At) -> Iterator[tuple[At, str]]:
    for index, panel in enumerate(sequence(panels)):
        for number, target in enumerate(sequence(dig(panel, "targets"))):
            if expression := text(dig(target, "expr")):
                yield (*at, index, "targets", number, "expr"), expression
        # A collapsed row holds its panels itself; rows do not nest.
        for inner, panel_of_row in enumerate(sequence(dig(panel, "panels"))):
            for number, target in enumerate(sequence(dig(panel_of_row, "targets"))):
                if expression := text(dig(target, "expr")):
                    yield (*at, index, "panels", inner, "targets", number, "expr"), expression

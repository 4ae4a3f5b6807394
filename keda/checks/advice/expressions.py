"""The PromQL of PrometheusRules, rule files and Grafana dashboards."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from keda.checks.advice.metric_names import name_problems
from keda.checks.registry import OTHERS, SETTINGS, Problem, error, on_objects
from keda.manifests.objects import Item
from keda.manifests.reading import At, dig, mapping, sequence, text
from keda.syntax import promql
from keda.syntax.query_languages import PROMETHEUS, is_other_language, is_prometheus

_VARIABLE = re.compile(r"\$\{\w+(?::\w+)?\}|\$\w+")
_JSON_LIMIT = 5_000_000

QUERY_SYNTAX = error(
    "query-syntax",
    SETTINGS,
    summary="A query that is not valid PromQL",
    why="KEDA does not parse it: the object is Ready, and every poll fails.",
    passes="query: sum(rate(http_requests_total[2m]))",
)


@on_objects(OTHERS)
def check_expressions(item: Item) -> Iterator[Problem]:
    """Every expression of the object parses, and names metrics and labels that exist."""
    for at, expression in expressions(item.manifest):
        try:
            tree = parse(expression)
        except promql.Broken as broken:
            if is_other_language(expression):
                continue
            what, why = f"is not valid PromQL: {broken}.", "It would never give anything."
            yield QUERY_SYNTAX.found(at, expression, what, "Try it in Prometheus first.", why=why)
            continue
        if tree is not None:
            yield from name_problems(tree, at)


def parse(expression: str) -> Any:
    """The tree, with Grafana's variables filled in; None if what they stand for is unknown, or if it is
    nested beyond reading. Raises promql.Broken.
    """
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
    a dashboard's own JSON. Not those of a group or panel whose data source is of another type.
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
        if dig(group, "type") not in (None, "prometheus"):  # vmalert's: graphite, vlogs
            continue
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
    sources = _Sources(board)
    yield from _panels(board.get("panels"), (*at, "panels"), sources)
    for index, event in enumerate(sequence(dig(board, "annotations", "list"))):
        if (expression := text(dig(event, "expr"))) and sources.prometheus(event):
            yield (*at, "annotations", "list", index, "expr"), expression


def _panels(panels: object, at: At, sources: _Sources) -> Iterator[tuple[At, str]]:
    for index, panel in enumerate(sequence(panels)):
        yield from _targets(panel, (*at, index), sources)
        # A collapsed row holds its panels itself; rows do not nest.
        for inner, panel_of_row in enumerate(sequence(dig(panel, "panels"))):
            yield from _targets(panel_of_row, (*at, index, "panels", inner), sources)


def _targets(panel: object, at: At, sources: _Sources) -> Iterator[tuple[At, str]]:
    for number, target in enumerate(sequence(dig(panel, "targets"))):
        if (expression := text(dig(target, "expr"))) and sources.prometheus(target, panel):
            yield (*at, "targets", number, "expr"), expression


class _Sources:
    """The data sources of a dashboard's variables and inputs, by name."""

    def __init__(self, board: Mapping[Any, Any]) -> None:
        self._types = {
            text(dig(each, "name")): text(dig(each, "pluginId")) for each in sequence(board.get("__inputs"))
        } | {
            text(dig(each, "name")): text(dig(each, "query"))
            for each in sequence(dig(board, "templating", "list"))
            if dig(each, "type") == "datasource"
        }

    def prometheus(self, *around: object) -> bool:
        """Whether the first data source that is named, from the target outwards, may be a Prometheus'."""
        for each in around:
            source = dig(each, "datasource")
            kind = text(dig(source, "type"))
            if kind not in ("", "datasource"):
                return kind in PROMETHEUS
            name = text(dig(source, "uid")) or text(source)
            if name and not name.startswith("--"):
                variable = name.strip("${}")
                return is_prometheus(self._types.get(variable) or variable)
        return True

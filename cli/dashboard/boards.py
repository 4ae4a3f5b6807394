"""Grafana's dashboards as the cluster has them: their panels, each with its queries."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cli.dashboard.prometheus import Window
from cli.errors import CommandError
from cli.kubectl import Kubectl

LABEL = "grafana_dashboard"
# `$1` is label_replace's, and no variable.
_VARIABLE = re.compile(r"\$\{([A-Za-z_]\w*)(?::\w+)?\}|\$([A-Za-z_]\w*)")


@dataclass(frozen=True)
class Target:
    """One expression of a panel, and the pattern of its series' names."""

    expression: str
    legend: str = ""


@dataclass(frozen=True)
class Panel:
    """One panel: `kind` as Grafana calls it (timeseries, stat, state-timeline, row, …), its place in columns
    (24 make a line) and lines.
    """

    title: str
    kind: str
    x: int
    y: int
    width: int
    height: int
    targets: tuple[Target, ...] = ()
    unit: str = ""
    description: str = ""
    names: bool = False
    """Shows the names of its series in place of their values."""
    words: Mapping[str, str] = field(default_factory=dict)
    """Shown in place of a value, by the value."""
    colour: str | None = None
    """Of what is true (1), by Grafana's name."""


@dataclass(frozen=True)
class Board:
    """One dashboard; `events` are its annotations by name: expressions that are 0 while nothing happens."""

    title: str
    panels: tuple[Panel, ...]
    events: tuple[Target, ...] = field(default=())


def in_cluster(kubectl: Kubectl) -> list[Board]:
    """The dashboards that Grafana's sidecar would load, by title. Raises CommandError."""
    found = [
        parse(_model(text, item["metadata"], key))
        for item in kubectl.items("configmaps", "--all-namespaces", "-l", LABEL)
        for key, text in sorted((item.get("data") or {}).items())
        if key.endswith(".json")
    ]
    return sorted(found, key=lambda board: board.title)


def _model(text: str, metadata: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """Raises CommandError."""
    try:
        model = json.loads(text)
    except ValueError:
        model = None
    if not isinstance(model, dict):
        raise CommandError(
            f"ConfigMap {metadata['namespace']}/{metadata['name']} {key}: is not a Grafana dashboard, though "
            f"it has the label {LABEL}. Grafana could not read it either. Correct it, or take the label away."
        )
    return model


def parse(model: Mapping[str, Any]) -> Board:
    """A dashboard from Grafana's JSON model."""
    events = [
        Target(str(entry["expr"]), str(entry.get("name") or "Event"))
        for entry in (model.get("annotations") or {}).get("list", [])
        if entry.get("expr")
    ]
    return Board(str(model.get("title", "")), tuple(_panels(model.get("panels", []))), tuple(events))


def _panels(panels: Sequence[Mapping[str, Any]]) -> Iterator[Panel]:
    for panel in panels:
        place = panel.get("gridPos") or {}
        defaults = (panel.get("fieldConfig") or {}).get("defaults") or {}
        mapped = _mapped(defaults.get("mappings") or [])
        yield Panel(
            title=str(panel.get("title", "")),
            kind=str(panel.get("type", "")),
            x=int(place.get("x", 0)),
            y=int(place.get("y", 0)),
            width=int(place.get("w", 24)),
            height=int(place.get("h", 8)),
            targets=tuple(
                Target(str(target["expr"]), str(target.get("legendFormat", "")))
                for target in panel.get("targets") or []
                if target.get("expr")
            ),
            unit=str(defaults.get("unit", "")),
            description=str(panel.get("description", "")),
            names=(panel.get("options") or {}).get("textMode") == "name",
            words={value: str(shown["text"]) for value, shown in mapped.items() if shown.get("text")},
            colour=mapped.get("1", {}).get("color"),
        )
        yield from _panels(panel.get("panels") or [])


def _mapped(mappings: Sequence[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """What Grafana shows for single values."""
    return {
        value: shown
        for mapping in mappings
        if mapping.get("type") == "value"
        for value, shown in mapping.get("options", {}).items()
    }


def filled(expression: str, window: Window) -> str:
    """`expression` with Grafana's variables filled in: intervals by the window's, any other by all."""
    built_in = {
        "__interval": f"{window.step:.0f}s",
        "__rate_interval": f"{max(60, 4 * window.step):.0f}s",
        "__range": f"{window.seconds:.0f}s",
        "__range_s": f"{window.seconds:.0f}",
    }
    return _VARIABLE.sub(lambda found: built_in.get(found[1] or found[2], ".*"), expression)


def named(legend: str, labels: Mapping[str, str]) -> str:
    """A series' name by its legend, or by its labels where there is none."""
    if legend and legend != "__auto":
        return re.sub(r"\{\{\s*(\w+)\s*\}\}", lambda found: labels.get(found[1], ""), legend)
    own = ", ".join(f"{key}={value}" for key, value in sorted(labels.items()) if key != "__name__")
    return own or labels.get("__name__", "value")

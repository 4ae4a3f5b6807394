"""One HTML page, complete in itself, that shows Grafana's dashboards without Grafana."""

from __future__ import annotations

import html
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from plotly.offline import get_plotlyjs

from cli.dashboard.boards import Board, Panel, Target, filled, named
from cli.dashboard.prometheus import Prometheus, QueryError, Series, Window

# Of similar lightness, so that each differs on white and on black.
_NAMED = {"semi-dark-blue": "#3274d9"}
"""Grafana's colours by its names, as far as the dashboards use them."""
_COLOURS = ("#3274d9", "#e0752d", "#2a9d6f", "#b877d9", "#d44a3a", "#8a7a1f", "#1f9db5", "#c2568d")
_DRAW = """
for (const [id, figure] of Object.entries(FIGURES)) {
  Plotly.newPlot(id, figure.data, figure.layout, {responsive: true, displayModeBar: false});
}
document.body.dataset.drawn = Object.keys(FIGURES).length;
"""


@dataclass(frozen=True)
class Counts:
    """How many panels show data, have none, or could not be queried."""

    drawn: int
    empty: int
    broken: int

    def __str__(self) -> str:
        parts = [f"{self.drawn} panels with data"]
        parts += [f"{self.empty} without"] if self.empty else []
        parts += [f"{self.broken} broken"] if self.broken else []
        return ", ".join(parts)


def render(title: str, boards: Sequence[Board], prometheus: Prometheus, window: Window) -> tuple[str, Counts]:
    """The page, and what became of its panels. A panel whose query fails shows the reason in its place."""
    page = _Page(prometheus, window)
    body = "".join(page.board(board) for board in boards)
    counts = Counts(page.drawn, page.empty, page.broken)
    css = (Path(__file__).parent / "page.css").read_text(encoding="utf-8")
    span = f"{_clock(window.start)} to {_clock(window.end)} UTC"
    figures = json.dumps(page.figures).replace("</", "<\\/")
    head = (
        f'<meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{html.escape(title)}</title><style>{css}</style>"
    )
    intro = f"<header><h1>{html.escape(title)}</h1><p>{span}. {counts}.</p></header>"
    script = f"<script>{get_plotlyjs()}</script><script>const FIGURES = {figures};{_DRAW}</script>"
    return (
        f"<!doctype html><html lang=en><head>{head}</head><body>{intro}{body}{script}</body></html>\n",
        counts,
    )


class _Page:
    def __init__(self, prometheus: Prometheus, window: Window) -> None:
        self.figures: dict[str, Any] = {}
        self.drawn = self.empty = self.broken = 0
        self._prometheus, self._window = prometheus, window

    def board(self, board: Board) -> str:
        events = list(self._events(board.events))
        panels = "".join(self._panel(panel, events) for panel in board.panels)
        names = ", ".join(dict.fromkeys(html.escape(each.legend) for each in board.events))
        legend = f'<p class="events"><i></i>{names}</p>' if events else ""
        return f'<h2>{html.escape(board.title)}</h2>{legend}<div class="board">{panels}</div>'

    def _panel(self, panel: Panel, events: Sequence[float]) -> str:
        place = (
            f'style="grid-column:{panel.x + 1}/span {panel.width};grid-row:{panel.y + 1}/span {panel.height}"'
        )
        title = html.escape(panel.title)
        if panel.kind == "row":
            return f'<div class="row" {place}>{title}</div>'
        about = f' title="{html.escape(panel.description)}"' if panel.description else ""
        return (
            f'<section class="panel" {place}><h3{about}>{title}</h3>{self._content(panel, events)}</section>'
        )

    def _content(self, panel: Panel, events: Sequence[float]) -> str:
        if not panel.targets:
            return f'<p class="empty">{html.escape(panel.description)}</p>'
        try:
            found = [pair for target in panel.targets for pair in self._series(target)]
        except QueryError as error:
            self.broken += 1
            return f'<p class="broken">{html.escape(str(error))}</p>'
        if not found:
            self.empty += 1
            return '<p class="empty">No data in this time.</p>'
        self.drawn += 1
        if panel.kind in ("stat", "gauge", "bargauge"):
            return _numbers(found, panel)
        if panel.kind == "table":
            return _table(found, panel.unit)
        if panel.kind == "timeseries" and not any(value for _, each in found for _, value in each.points):
            return '<p class="empty">0 all the time.</p>'
        name = f"plot{len(self.figures)}"
        self.figures[name] = _figure(panel, found, events, self._window)
        return f'<div class="plot" id="{name}"></div>'

    def _series(self, target: Target) -> Iterator[tuple[str, Series]]:
        for series in self._prometheus.range(filled(target.expression, self._window), self._window):
            if series.points:
                yield named(target.legend, series.labels), series

    def _events(self, targets: Sequence[Target]) -> Iterator[float]:
        """When an annotation's expression stops being 0."""
        for target in targets:
            try:
                found = list(self._series(target))
            except QueryError:
                continue
            for _, series in found:
                values = [(series.points[0][0], 0.0), *series.points]
                yield from (at for (_, before), (at, now) in pairwise(values) if now and not before)


def _figure(
    panel: Panel, found: Sequence[tuple[str, Series]], events: Sequence[float], window: Window
) -> dict[str, Any]:
    states = panel.kind == "state-timeline"
    marks = [
        {"type": "line", "xref": "x", "yref": "paper", "x0": _moment(at), "x1": _moment(at), "y0": 0, "y1": 1}
        | {"line": {"color": "#9aa3af", "width": 1, "dash": "dot"}}
        for at in events
    ]
    layout = {
        "margin": {"l": 8 if states else 44, "r": 8, "t": 4, "b": 24},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "xaxis": {
            "range": [_moment(window.start), _moment(window.end)],
            "type": "date",
            "tickformat": "%H:%M",
        },
        "yaxis": {"automargin": True, "autorange": "reversed"}
        if states
        else {"automargin": True, "rangemode": "tozero", "ticksuffix": _scale(panel.unit)[1], "nticks": 5},
        "showlegend": not states,
        "legend": {"orientation": "h", "y": -0.12, "font": {"size": 11}, "bgcolor": "rgba(0,0,0,0)"},
        "hovermode": "x unified" if len(found) < 6 and not states else "closest",
        "shapes": marks,
    }
    return {"data": [_lanes(found, panel.colour)] if states else list(_lines(panel, found)), "layout": layout}


def _lanes(found: Sequence[tuple[str, Series]], colour: str | None) -> dict[str, Any]:
    """A lane for each series, filled while it is not 0."""
    times = sorted({at for _, series in found for at, _ in series.points})
    rows = [dict(series.points) for _, series in found]
    return {
        "type": "heatmap",
        "x": [_moment(at) for at in times],
        "y": [name for name, _ in found],
        "z": [[None if at not in row else float(row[at] != 0) for at in times] for row in rows],
        "colorscale": [[0, "rgba(128,128,128,0.18)"], [1, _NAMED.get(colour or "", _COLOURS[0])]],
        "zmin": 0,
        "zmax": 1,
        "ygap": 4,
        "showscale": False,
    }


def _lines(panel: Panel, found: Sequence[tuple[str, Series]]) -> Iterator[dict[str, Any]]:
    shape = "hv" if panel.unit in ("", "none", "short") else "linear"
    factor, _ = _scale(panel.unit)
    for index, (name, series) in enumerate(found):
        limit = name.lower().startswith(("max", "min", "thresh", "activ"))
        line = {"color": _COLOURS[index % len(_COLOURS)], "width": 1.6, "shape": shape}
        yield {
            "x": [_moment(at) for at, _ in series.points],
            "y": [value * factor for _, value in series.points],
            "name": name,
            "mode": "lines" if len(series.points) > 1 else "markers",
            "line": line | ({"dash": "dot"} if limit else {}),
        }


def _numbers(found: Sequence[tuple[str, Series]], panel: Panel) -> str:
    values = [(name, series.points[-1][1]) for name, series in found]
    if panel.names:
        cells = [f"<div><b>{html.escape(name)}</b></div>" for name, _ in values]
    else:
        cells = [
            f"<div><b>{html.escape(panel.words.get(f'{value:g}') or number(value, panel.unit))}</b>"
            f"<span>{html.escape(name)}</span></div>"
            for name, value in values
        ]
    return f'<div class="numbers">{"".join(cells)}</div>'


def _table(found: Sequence[tuple[str, Series]], unit: str) -> str:
    rows = (
        f"<tr><td>{html.escape(name)}</td><td>{number(series.points[-1][1], unit)}</td></tr>"
        for name, series in found
    )
    return f"<table>{''.join(rows)}</table>"


def number(value: float, unit: str) -> str:
    """A value as a person reads it; `unit` is Grafana's."""
    if unit in ("bytes", "decbytes"):
        base = 1024.0 if unit == "bytes" else 1000.0
        for prefix in ("", "K", "M", "G"):
            if abs(value) < base or prefix == "G":
                return f"{value:.3g} {prefix}{'i' if prefix and unit == 'bytes' else ''}B"
            value /= base
    factor, suffix = _scale(unit)
    value *= factor
    digits = f"{value:.0f}" if value == int(value) and abs(value) < 1e9 else f"{value:.3g}"
    return digits + suffix


def _scale(unit: str) -> tuple[float, str]:
    """What a value in Grafana's `unit` is multiplied by on an axis, and what follows it."""
    if unit.startswith("suffix:"):
        return 1, unit.removeprefix("suffix:")
    scales = {
        "percent": (1, " %"),
        "percentunit": (100, " %"),
        "s": (1, " s"),
        "ms": (1, " ms"),
        "h": (1, " h"),
        "bytes": (2**-20, " MiB"),
        "decbytes": (1e-6, " MB"),
    }
    return scales.get(unit, (1, ""))


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _clock(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%H:%M")

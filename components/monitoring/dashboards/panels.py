"""The few kinds of panel the dashboards use, and how they are laid out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from string import ascii_uppercase

from grafana_foundation_sdk.builders import common as common_builder
from grafana_foundation_sdk.builders import dashboard as builder
from grafana_foundation_sdk.builders import prometheus, stat, statetimeline, timeseries
from grafana_foundation_sdk.models import common
from grafana_foundation_sdk.models import dashboard as model

_DASHED = {"fill": "dash", "dash": [8, 8]}
WIDTH = 24
HEIGHT = 7
PER_SECOND = "suffix:/s"
CORES = "suffix: cores"
GPU_HOURS = "suffix: GPU h"
"""Units of Grafana's own form `suffix:<text>`, where it has none by name."""
_STATE_COLOUR = "semi-dark-blue"
"""Grafana's #3274D9, which is legible on light and on dark."""
_SOURCE = common.DataSourceRef(type_val="prometheus", uid="${datasource}")

Panel = timeseries.Panel | stat.Panel | statetimeline.Panel
Line = tuple[str, str]
"""An expression, and its legend."""


def board(uid: str, title: str, description: str, datasource: str | None) -> builder.Dashboard:
    """An empty dashboard. `datasource`: uid or name of a Prometheus datasource; None: Grafana's default."""
    variable = builder.DatasourceVariable("datasource").label("Prometheus").type("prometheus")
    if datasource:
        variable.current(model.VariableOption(text=datasource, value=datasource))
    return (
        builder.Dashboard(title)
        .uid(uid)
        .description(description)
        .tags(["keda"])
        .readonly()
        .refresh("30s")
        .time("now-3h", "now")
        .tooltip(model.DashboardCursorSync.CROSSHAIR)
        .with_variable(variable)
    )


def events(name: str, expression: str, title: str) -> builder.AnnotationQuery:
    """Marks on every time series where the expression has a value. `title` may use its labels."""
    return (
        builder.AnnotationQuery()
        .name(name)
        .datasource(_SOURCE)
        .enable(True)
        .icon_color("blue")
        .expr(expression)
        .step("15s")
        .title_format(title)
    )


def lines(
    title: str,
    targets: Sequence[Line],
    limits: Sequence[Line] = (),
    *,
    unit: str = "short",
    description: str = "",
    steps: bool = False,
    reach: float | None = None,
) -> timeseries.Panel:
    """Values over time, and their limits, dashed. `steps`: whole numbers. `unit`: Grafana's name of one.
    `reach`: what the axis shows at least, so that a line of zeros has a scale.
    """
    panel = timeseries.Panel().title(title).description(description).datasource(_SOURCE).unit(unit)
    panel.min(0).show_points(common.VisibilityMode.NEVER).line_width(2 if steps else 1)
    if reach is not None:
        panel.axis_soft_max(reach)
    panel.legend(common_builder.VizLegendOptions().show_legend(True).placement(common.LegendPlacement.BOTTOM))
    if steps:
        panel.decimals(0).line_interpolation(common.LineInterpolation.STEP_AFTER)
    for letter, (expression, legend) in _lettered([*targets, *limits]):
        panel.with_target(_query(expression, legend, letter))
    for letter, _ in _lettered([*targets, *limits])[len(targets) :]:
        panel.override_by_query(letter, [model.DynamicConfigValue("custom.lineStyle", _DASHED)])
    return panel


def numbers(
    title: str,
    targets: Sequence[Line],
    *,
    unit: str = "short",
    description: str = "",
    names: bool = False,
    words: Mapping[str, str] | None = None,
) -> stat.Panel:
    """The last value of each expression, large. `names`: only the legend is shown. `words`: shown in place of
    a value.
    """
    panel = stat.Panel().title(title).description(description).datasource(_SOURCE).unit(unit)
    panel.graph_mode(common.BigValueGraphMode.NONE).color_mode(common.BigValueColorMode.NONE)
    panel.reduce_options(common_builder.ReduceDataOptions().calcs(["lastNotNull"]))
    panel.text_mode(common.BigValueTextMode.NAME if names else common.BigValueTextMode.AUTO)
    if words:
        options = {value: model.ValueMappingResult(text=word) for value, word in words.items()}
        panel.mappings([model.ValueMap(options=options)])
    for letter, (expression, legend) in _lettered(targets):
        panel.with_target(_query(expression, legend, letter).instant())
    return panel


def states(title: str, targets: Sequence[Line], *, description: str = "") -> statetimeline.Panel:
    """What is true (1) and what is not (0), over time."""
    panel = statetimeline.Panel().title(title).description(description).datasource(_SOURCE)
    panel.show_value(common.VisibilityMode.NEVER).row_height(0.8)
    panel.mappings(
        [
            model.ValueMap(
                options={
                    "0": model.ValueMappingResult(text="no", color="transparent", index=0),
                    "1": model.ValueMappingResult(text="yes", color=_STATE_COLOUR, index=1),
                }
            )
        ]
    )
    for letter, (expression, legend) in _lettered(targets):
        panel.with_target(_query(expression, legend, letter))
    return panel


class Layout:
    """Puts panels onto a dashboard, line by line."""

    def __init__(self, dashboard: builder.Dashboard) -> None:
        self._dashboard, self._top, self._number = dashboard, 0, 0

    def row(self, title: str) -> None:
        """A heading over what follows."""
        place = model.GridPos(h=1, w=WIDTH, x=0, y=self._top)
        self._dashboard.with_row(builder.Row(title).id(self._next()).grid_pos(place))
        self._top += 1

    def line(self, panels: Iterable[tuple[int, Panel]], height: int = HEIGHT) -> None:
        """Panels side by side, each with its width in columns; 24 make a line, what is over a further one."""
        left = 0
        for width, panel in panels:
            if left + width > WIDTH:
                left, self._top = 0, self._top + height
            place = model.GridPos(h=height, w=width, x=left, y=self._top)
            self._dashboard.with_panel(panel.id(self._next()).grid_pos(place))
            left += width
        self._top += height

    def _next(self) -> int:
        self._number += 1
        return self._number


def _query(expression: str, legend: str, letter: str) -> prometheus.Dataquery:
    query = prometheus.Dataquery().expr(expression).legend_format(legend).ref_id(letter)
    return query.datasource(_SOURCE).range()


def _lettered(targets: Sequence[Line]) -> list[tuple[str, Line]]:
    """Grafana's names for the queries of a panel: A, B and so on."""
    return list(zip(ascii_uppercase, targets, strict=False))

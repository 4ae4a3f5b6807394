"""A timeline as a picture: the signals with their thresholds, the replicas, and why each change happened.

matplotlib draws it (the extra `plot`). An SVG has the dark colours too, for viewers that
apply `prefers-color-scheme`; the others show the light ones.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from keda.scaling.scaled_object import ScaledObject, Trigger
from keda.scaling.simulation import Sample
from keda.timelines.notation import clock, short
from keda.timelines.tables import counts, why
from keda.timelines.timeline import Timeline

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    Draw = Callable[[], Figure]

MISSING = "matplotlib is not installed, which draws the pictures. Run: pip install matplotlib."

PAPER, INK, MUTED, GRID = "#ffffff", "#1f2329", "#6a737d", "#e4e7eb"
SIGNAL, THRESHOLD, ACTIVATION = "#2f6fde", "#c2410c", "#8a6d00"
READY, REPLICAS, WANTED, BEFORE = "#cfe3f7", "#1b4f9c", "#9a6fd0", "#878f99"
FAILING = "#fbe0dc"
OWNERS = {"keda": "#2b8a3e", "hpa": "#1c5fd1", "other": "#d6336c"}
OWNER_NAMES = {"keda": "KEDA", "hpa": "the HPA", "other": "another owner"}
MARKERS = {"keda": "o", "hpa": "^", "other": "X"}
DARK = {
    **{PAPER: "#0d1117", INK: "#e6edf3", MUTED: "#9aa4af", GRID: "#2a313a"},
    **{SIGNAL: "#6ea8fe", THRESHOLD: "#ff9d5c", ACTIVATION: "#e3c34a"},
    **{READY: "#1d3a5c", REPLICAS: "#8ec1ff", WANTED: "#c3a3ee", BEFORE: "#7b848f"},
    **{FAILING: "#4a2522"},
    **{OWNERS["keda"]: "#5bd07a", OWNERS["hpa"]: "#79b0ff", OWNERS["other"]: "#ff7fab"},
}
"""The colour in the dark of each colour; all are different, so that a style sheet can find them."""
LISTED = 10
"""So many lines are below the picture."""
CROWDED = 40
"""Beyond so many changes numbers would cover each other, and beyond some more the line of what is wanted."""
_WIDTH = 150
"""Characters of a line below the picture."""
_POINTS = 1500
"""Beyond twice as many samples, a line shows the lowest and the highest of each part."""
_STEPS = (5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400)


Before = tuple[str, Timeline] | None
"""Another timeline under the same signal, with its name: its replicas are a dashed line."""


class Undrawn(Exception):
    """A picture that cannot be made: one sentence."""


def svg(draw: Draw) -> str:
    """A picture as SVG, with text as text. Raises Undrawn."""
    text = io.StringIO()
    with _settings():
        draw().savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    head, opening, rest = text.getvalue().partition("<svg ")
    tag, closing, body = rest.partition(">")
    return f"{head}{opening}{tag}{closing}\n<style>{dark_style()}</style>{body}"


def png(draw: Draw) -> bytes:
    """A picture as PNG, in the light colours. Raises Undrawn."""
    picture = io.BytesIO()
    with _settings():
        draw().savefig(picture, format="png", dpi=120)
    return picture.getvalue()


@contextmanager
def _settings() -> Iterator[None]:
    """matplotlib's own, whatever the machine's are; a `$` in a name is no formula. Raises Undrawn."""
    try:
        import matplotlib
    except ImportError:
        raise Undrawn(MISSING) from None
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams["svg.fonttype"] = "none"
        matplotlib.rcParams["svg.hashsalt"] = "keda"
        matplotlib.rcParams["text.parse_math"] = False
        yield


def dark_style() -> str:
    """The dark colours in place of the light ones: matplotlib writes each into a style attribute."""
    rules = "".join(
        f'[style*="{what}: {light}"]{{{what}:{dark}!important}}'
        for light, dark in DARK.items()
        for what in ("fill", "stroke")
    )
    return f"@media (prefers-color-scheme:dark){{{rules}}}"


def figure(timeline: Timeline, before: Before = None, *, listed: bool = True) -> Figure:
    """A timeline as a figure; `listed` writes the changes below it."""
    from matplotlib.figure import Figure

    triggers, changes = timeline.scaled_object.triggers, timeline.changes
    decided = [change for change in changes if change.by != "job"]
    numbered = decided[: LISTED - 1] if len(decided) > LISTED else decided
    lines = list(_listed(timeline, numbered, len(decided))) if listed else []
    ratios = [*[1.9] * len(triggers), 2.4]
    size = 10, sum(ratios) + 0.6 + 0.19 * len(lines)
    drawn = Figure(figsize=size, layout="constrained", facecolor=PAPER)
    axes = drawn.subplots(len(ratios), 1, sharex=True, squeeze=False, height_ratios=ratios)[:, 0]
    for index, trigger in enumerate(triggers):
        _signal(axes[index], timeline, index, trigger)
    _replicas(axes[-1], timeline, before, numbered if listed and len(decided) <= CROWDED else ())
    _times(axes[-1], timeline.until)
    if lines:
        axes[-1].set_xlabel("\n".join(lines), loc="left", fontsize=8, color=INK, linespacing=1.5)
    return drawn


def trade_off(
    names: tuple[str, str],
    tried: Sequence[tuple[float, float]],
    curve: Sequence[tuple[float, float]],
    present: tuple[float, float],
    best: tuple[float, float] | None,
    limit: float | None,
) -> Figure:
    """What settings cost (x) and what they reach (y), both better when lower; `names` of the two.

    Settings far above all that matters are outside.
    """
    from matplotlib.figure import Figure

    drawn = Figure(figsize=(8, 5), layout="constrained", facecolor=PAPER)
    axes = drawn.subplots()
    _axes(axes, f"{names[1]} by {names[0]}")
    costs, reached = zip(*tried, strict=True)
    axes.scatter(costs, reached, s=16, color=BEFORE, label="tried")
    axes.plot(
        *zip(*curve, strict=True), color=SIGNAL, linewidth=1.2, drawstyle="steps-post", label="trade-off"
    )
    if limit is not None:
        axes.axhline(limit, color=THRESHOLD, linewidth=1, linestyle="--", label=f"limit {short(limit)}")
    axes.plot(
        *present, linestyle="none", marker="X", markersize=9, color=OWNERS["other"], label="what you have"
    )
    if best is not None:
        axes.plot(
            *best, linestyle="none", marker="*", markersize=13, color=OWNERS["keda"], label="recommended"
        )
    axes.set_xlim(left=0)
    axes.set_ylim(0, 1.4 * max([*(point[1] for point in (*curve, present)), limit or 0.0]) or 1)
    axes.set_xlabel(names[0], color=INK, fontsize=9)
    axes.set_ylabel(names[1], color=INK, fontsize=9)
    _legend(axes)
    return drawn


def _signal(axes: Axes, timeline: Timeline, index: int, trigger: Trigger) -> None:
    unit = f", target {trigger.target} % of the requests" if trigger.metric_type == "Utilization" else ""
    _axes(axes, timeline.scaled_object.metric_name(index) + unit)
    samples = timeline.samples
    values = [_known(sample.values[index]) for sample in samples]
    moments = [*(sample.at for sample in samples), timeline.until]
    times, shown = thinned(moments, [*values, *values[-1:]])
    times_in_seconds = [time / 1000 for time in times]
    axes.plot(times_in_seconds, shown, color=SIGNAL, linewidth=1.4, drawstyle="steps-post", label="signal")
    for number, (begins, ends) in enumerate(_unknown(samples, values, timeline.until)):
        label = "no value" if number == 0 else None
        axes.axvspan(begins, ends, color=FAILING, linewidth=0, zorder=0.5, label=label)
    scaled = timeline.scaled_object
    modified = isinstance(scaled, ScaledObject) and scaled.modifiers is not None
    highest = max((value for value in values if value == value), default=0.0)
    if trigger.metric_type != "Utilization" and not modified:
        threshold = trigger.target / 1000
        text = f"threshold {threshold:g}" + (
            f" for each {timeline.counted.removesuffix('s')}" if trigger.metric_type == "AverageValue" else ""
        )
        axes.axhline(threshold, color=THRESHOLD, linewidth=1, linestyle="--", label=text)
        highest = max(highest, threshold)
    if not trigger.resource and math.isfinite(trigger.activation) and not modified:
        text = f"active above {trigger.activation:g}"
        axes.axhline(trigger.activation, color=ACTIVATION, linewidth=1, linestyle=":", label=text)
        highest = max(highest, trigger.activation)
    _height(axes, highest * 1.12 or 1)
    axes.yaxis.set_major_formatter(lambda value, _: short(value))
    _legend(axes)


def _replicas(axes: Axes, timeline: Timeline, before: Before, numbered: Sequence[Sample]) -> None:
    from matplotlib.ticker import MaxNLocator

    jobs, (minimum, maximum) = timeline.counted == "Jobs", timeline.bounds
    _axes(axes, "unfinished Jobs" if jobs else "replicas")
    samples, until = timeline.samples, timeline.until
    ready = _compressed([(sample.at, sample.ready) for sample in samples], until)
    axes.fill_between(*ready, step="post", color=READY, linewidth=0, label="running" if jobs else "ready")
    asked = _compressed(
        [(sample.at, sample.wanted) for sample in samples if sample.wanted is not None], until
    )
    most = max([1, *(sample.replicas for sample in samples)])
    if before is not None:
        name, other = before
        most = max([most, *(sample.replicas for sample in other.samples)])
        old = _compressed([(sample.at, sample.replicas) for sample in other.samples], until)
        axes.step(*old, where="post", color=BEFORE, linewidth=1.3, linestyle="--", label=name)
    most = max(most, maximum) if maximum <= 2 * most else most
    top = most * 1.12 + 0.2
    wanted = max(asked[1], default=0)
    label = "wanted" if wanted <= top else f"wanted, up to {short(wanted)}"
    if asked[0] and len(asked[0]) <= 5 * CROWDED:
        axes.step(*asked, where="post", color=WANTED, linewidth=1.2, linestyle=":", label=label, zorder=4)
    counted = _compressed([(sample.at, sample.replicas) for sample in samples], until)
    label = "unfinished" if jobs else "replicas"
    axes.step(*counted, where="post", color=REPLICAS, linewidth=1.6, label=label)
    for count, name in ((maximum, "maximum"), (minimum, "minimum")):
        if 0 < count <= top:
            axes.axhline(count, color=MUTED, linewidth=0.8, linestyle=":")
            axes.annotate(
                f"{name} {count}",
                (1, count),
                xycoords=("axes fraction", "data"),
                xytext=(-3, 2),
                textcoords="offset points",
                ha="right",
                fontsize=7,
                color=MUTED,
            )
    _marks(axes, timeline.changes, numbered)
    _height(axes, top)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.yaxis.set_major_formatter(lambda value, _: short(value))
    _legend(axes)


def _marks(axes: Axes, changes: Sequence[Sample], numbered: Sequence[Sample]) -> None:
    """A mark for each change, by who made it; numbers where they are listed."""
    size = 5.5 if len(changes) <= 60 else 2.5
    for owner, colour in OWNERS.items():
        own = [change for change in changes if change.by == owner]
        if own:
            axes.plot(
                [change.at / 1000 for change in own],
                [change.replicas for change in own],
                linestyle="none",
                marker=MARKERS[owner],
                markersize=size,
                color=colour,
                markeredgecolor=PAPER,
                markeredgewidth=0.6,
                label=f"by {OWNER_NAMES[owner]}",
                clip_on=False,
                zorder=5,
            )
    for number, change in enumerate(numbered, 1):
        axes.annotate(
            str(number),
            (change.at / 1000, change.replicas),
            xytext=(5, 4),
            textcoords="offset points",
            fontsize=7,
            color=INK,
            zorder=6,
        )


def _listed(timeline: Timeline, numbered: Sequence[Sample], of: int) -> Iterator[str]:
    for number, change in enumerate(numbered, 1):
        gap = "\u00a0" * 3  # browsers show several blanks as one
        text = gap.join((str(number), clock(change.at), counts(change), why(timeline, change)))
        yield text if len(text) <= _WIDTH else f"{text[: _WIDTH - 1]}…"
    if (more := of - len(numbered)) > 0:
        yield f"and {more} more changes"


def _axes(axes: Axes, title: str) -> None:
    axes.set_title(title, loc="left", fontsize=9, color=INK, fontweight="bold")
    axes.set_facecolor("none")
    axes.grid(color=GRID, linewidth=0.7)
    axes.set_axisbelow(True)
    axes.tick_params(colors=MUTED, labelsize=8, length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _legend(axes: Axes) -> None:
    axes.legend(
        loc="lower right",
        bbox_to_anchor=(1, 1),
        ncols=8,
        fontsize=7.5,
        frameon=False,
        labelcolor=INK,
        borderaxespad=0.2,
        handlelength=1.8,
        columnspacing=1.2,
    )


def _height(axes: Axes, top: float) -> None:
    """From a little below 0, so that a line at 0 is seen."""
    axes.set_ylim(-0.025 * top, top)


def _times(axes: Axes, until: int) -> None:
    step = next((step for step in _STEPS if until / 1000 / step <= 12), None)
    step = step or 86_400 * math.ceil(until / 1000 / 86_400 / 12)
    axes.set_xlim(0, until / 1000)
    axes.set_xticks(range(0, until // 1000 + 1, step))
    axes.xaxis.set_major_formatter(lambda value, _: tick(round(value), step))


def tick(seconds: int, step: int) -> str:
    """A time on the axis, as fine as the steps between two are: 90 s, 5 min, 1 h 30, 2 d."""
    if step < 60:
        return f"{seconds} s" if seconds < 300 else clock(seconds * 1000)
    days, hours, minutes = seconds // 86_400, seconds // 3600 % 24, seconds // 60 % 60
    if step < 3600 and seconds < 7200:
        return f"{seconds // 60} min"
    parts = [f"{days} d" if days else "", f"{hours} h" if hours or not days else ""]
    return " ".join(filter(None, [*parts, f"{minutes:02}" if minutes else ""]))


def thinned(times: Sequence[int], values: Sequence[float]) -> tuple[list[int], list[float]]:
    """Few enough points for a picture: the lowest and the highest value of each part keep their height."""
    if len(values) <= 2 * _POINTS:
        return list(times), list(values)
    shown: list[tuple[int, float]] = []
    bounds = [len(values) * part // _POINTS for part in range(_POINTS + 1)]
    for begins, ends in pairwise(bounds):
        part = range(begins, ends)
        known = [index for index in part if values[index] == values[index]]
        if len(known) < len(part):
            shown.append((times[begins], math.nan))
        if known:
            pair = {min(known, key=values.__getitem__), max(known, key=values.__getitem__)}
            shown += [(times[index], values[index]) for index in sorted(pair)]
    shown.sort(key=lambda point: point[0])
    return [time for time, _ in shown], [value for _, value in shown]


def _known(value: float | None) -> float:
    return math.nan if value is None else value


def _unknown(samples: Sequence[Sample], values: Sequence[float], until: int) -> Iterator[tuple[float, float]]:
    """From when to when the value is not there, in seconds."""
    begins = None
    for sample, value in zip(samples, values, strict=True):
        if value == value and begins is not None:
            yield begins / 1000, sample.at / 1000
            begins = None
        elif value != value and begins is None:
            begins = sample.at
    if begins is not None:
        yield begins / 1000, until / 1000


def _compressed(points: Sequence[tuple[int, Any]], until: int) -> tuple[list[float], list[Any]]:
    """Only the points where the value changes, and the end: seconds and values."""
    kept = [point for index, point in enumerate(points) if index == 0 or points[index - 1][1] != point[1]]
    if points:
        kept.append((until, points[-1][1]))
    return [time / 1000 for time, _ in kept], [value for _, value in kept]

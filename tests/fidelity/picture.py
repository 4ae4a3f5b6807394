"""All comparisons as one PNG: a panel a scenario, the real replicas and the simulated ones over time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tests.fidelity.compare import Comparison
from tests.fidelity.record import Point, Record

COLUMNS = 6
REAL, SIMULATED, SIGNAL, WRONG = "#2563eb", "#ea580c", "#9ca3af", "#dc2626"


def draw(records: Sequence[Record], comparisons: Sequence[Comparison], path: Path) -> None:
    """Writes the picture."""
    rows = -(-len(records) // COLUMNS)
    figure = Figure(figsize=(COLUMNS * 3, rows * 1.7 + 0.4), layout="constrained")
    axes = list(figure.subplots(rows, COLUMNS, squeeze=False).flat)
    for each, record, comparison in zip(axes, records, comparisons, strict=False):
        _panel(each, record, comparison)
    for each in axes[len(records) :]:
        each.axis("off")
    handles = [axes[0].plot([], [], color=colour)[0] for colour in (REAL, SIMULATED, SIGNAL)]
    names = ["really", "simulated", "the first signal, not to scale"]
    figure.legend(handles, names, loc="outside upper center", ncols=3, frameon=False)
    figure.savefig(path, dpi=80)


def _panel(axes: Axes, record: Record, comparison: Comparison) -> None:
    most = max(count for _, count in (*comparison.real, *comparison.simulated)) or 1
    signal = [(at, value) for at, value in record.signals[0] if isinstance(value, (int, float))]
    highest = max((value for _, value in signal), default=0) or 1
    _line(axes, [(at, value / highest * most) for at, value in signal], record.ran, SIGNAL, 0.8)
    _line(axes, comparison.real, record.ran, REAL, 3.5)
    _line(axes, comparison.simulated, record.ran, SIMULATED, 1.2)
    colour = WRONG if comparison.differences else "black"
    axes.set_title(
        f"{record.name} {comparison.exact}/{comparison.syncs}", fontsize=8, color=colour, loc="left"
    )
    axes.set_ylim(-0.05 * most, most * 1.1)
    axes.set_xlim(0, record.ran)
    axes.tick_params(labelsize=6)
    axes.yaxis.get_major_locator().set_params(integer=True, nbins=4)


def _line(
    axes: Axes, points: Sequence[tuple[float, float] | Point], ran: float, colour: str, width: float
) -> None:
    times, values = [max(at, 0.0) for at, _ in points], [value for _, value in points]
    if values:
        axes.step([*times, ran], [*values, values[-1]], where="post", color=colour, linewidth=width)

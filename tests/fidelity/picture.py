"""All comparisons as one SVG: a panel a scenario, the real replicas and the simulated ones over time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from tests.fidelity.compare import Comparison
from tests.fidelity.record import Point, Record

WIDTH, HEIGHT, COLUMNS = 300, 150, 4
LEFT, TOP, RIGHT, BOTTOM = 26, 34, 8, 20
REAL, SIMULATED, WRONG = "#2563eb", "#ea580c", "#dc2626"


def page(records: Sequence[Record], comparisons: Sequence[Comparison]) -> str:
    """The SVG's text."""
    rows = -(-len(records) // COLUMNS)
    panels = "".join(
        f'<g transform="translate({number % COLUMNS * WIDTH} {30 + number // COLUMNS * HEIGHT})">'
        + "".join(panel(record, comparison))
        + "</g>"
        for number, (record, comparison) in enumerate(zip(records, comparisons, strict=True))
    )
    width, height = COLUMNS * WIDTH, 30 + rows * HEIGHT
    legend = (
        f'<text x="8" y="18" font-size="13">replicas over seconds: <tspan fill="{REAL}">real</tspan>, '
        f'<tspan fill="{SIMULATED}">simulated</tspan></text>'
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" font-family="sans-serif"><rect width="100%" height="100%" fill="white"/>'
        f"{legend}{panels}</svg>\n"
    )


def panel(record: Record, comparison: Comparison) -> Iterator[str]:
    most = max(count for _, count in (*comparison.real, *comparison.simulated)) or 1
    inner, tall = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def line(points: Sequence[Point], colour: str, more: str) -> str:
        path, last = "", None
        for at, count in points:
            x = LEFT + min(max(at, 0), record.ran) / record.ran * inner
            y = TOP + tall * (1 - count / most)
            path += f"M{x:.1f} {y:.1f}" if last is None else f"H{x:.1f}V{y:.1f}"
            last = count
        return f'<path d="{path}H{LEFT + inner}" fill="none" stroke="{colour}" {more}/>'

    colour = WRONG if comparison.differences else "black"
    share = f"{comparison.exact}/{comparison.syncs} syncs at once"
    yield f'<text x="8" y="16" font-size="12" fill="{colour}">{escape(record.name)}</text>'
    yield f'<text x="8" y="28" font-size="9" fill="#666">{share}, shift {comparison.shift:.1f} s</text>'
    yield f'<path d="M{LEFT} {TOP}V{TOP + tall}H{LEFT + inner}" fill="none" stroke="#999"/>'
    for count in sorted({0, most}):
        y = TOP + tall * (1 - count / most) + 3
        yield f'<text x="{LEFT - 4}" y="{y:.1f}" font-size="9" text-anchor="end">{count}</text>'
    for seconds in range(0, int(record.ran) + 1, 60):
        x = LEFT + seconds / record.ran * inner
        yield f'<text x="{x:.1f}" y="{HEIGHT - 8}" font-size="9" text-anchor="middle">{seconds}</text>'
    yield line(comparison.real, REAL, 'stroke-width="3" opacity="0.55"')
    yield line(comparison.simulated, SIMULATED, 'stroke-width="1.3"')

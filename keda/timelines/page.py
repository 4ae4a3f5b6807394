"""A timeline as one HTML page, complete in itself, light or dark as the reader's system is."""

from __future__ import annotations

import html as escaping
from collections.abc import Sequence

from keda.timelines import drawing
from keda.timelines.notation import clock
from keda.timelines.tables import counts, shown, sums, why
from keda.timelines.timeline import Outcome, Timeline

ROWS = 2000
"""The most changes in the page's table."""
_STYLE = """
:root{color-scheme:light dark}
body{font:14px/1.5 system-ui,sans-serif;max-width:1080px;margin:2rem auto;padding:0 1rem;
background:light-dark(#ffffff,#0d1117);color:light-dark(#1f2329,#e6edf3)}
h1{font-size:1.3rem}h2{font-size:1rem;margin-top:2rem}
svg{width:100%;height:auto}
table{border-collapse:collapse;font-variant-numeric:tabular-nums}
th,td{text-align:left;padding:.2rem 1rem .2rem 0;border-bottom:1px solid light-dark(#e4e7eb,#2a313a)}
th{font-weight:600}.n{text-align:right;white-space:nowrap}
div{overflow-x:auto}
"""


def html(timelines: Sequence[Timeline], outcomes: Sequence[Outcome], names: Sequence[str]) -> str:
    """The page of one timeline, or of two with their names. Raises drawing.Undrawn."""
    *others, timeline = timelines
    before = (names[0], others[0]) if others else None
    _, opening, picture = drawing.svg(lambda: drawing.figure(timeline, before, listed=False)).partition(
        "<svg "
    )
    name = escaping.escape(timeline.scaled_object.name or "ScaledObject")
    title = f"{name}: {clock(timeline.until)}"
    head = ("", *names) if before else ()
    return (
        f'<!doctype html><html lang=en><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>{title}</title>'
        f"<style>{_STYLE}</style></head><body><h1>{title}</h1>{opening}{picture}"
        f"<h2>Sums</h2>{_table(head, sums(outcomes))}<h2>Changes</h2>{_changes(timeline)}</body></html>\n"
    )


def _changes(timeline: Timeline) -> str:
    found = shown(timeline)
    rows = [
        (
            clock(sample.at),
            *("error" if value is None else f"{value:.6g}" for value in sample.values),
            "" if sample.wanted is None else str(sample.wanted),
            counts(sample),
            why(timeline, sample),
        )
        for sample in found[:ROWS]
    ]
    names = ("time", *timeline.scaled_object.metric_names, "wanted", timeline.counted, "reason")
    more = f"<p>and {len(found) - ROWS} more</p>" if len(found) > ROWS else ""
    return _table(names, rows, right=len(names) - 1) + more


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], right: int = 0) -> str:
    def line(cells: Sequence[str], tag: str) -> str:
        return "".join(
            f"<{tag}{' class=n' if column < right else ''}>{escaping.escape(cell)}</{tag}>"
            for column, cell in enumerate(cells)
        )

    top = f"<tr>{line(head, 'th')}</tr>" if head else ""
    body = "".join(f"<tr>{line(row, 'td')}</tr>" for row in rows)
    return f"<div><table>{top}{body}</table></div>"

"""Two settings under the same signal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from keda.timelines.notation import clock
from keda.timelines.tables import columns, why
from keda.timelines.timeline import Timeline


def text(
    before: Timeline,
    after: Timeline,
    names: Sequence[str] = ("old", "new"),
    time: tuple[str, Callable[[int], str]] = ("time", clock),
) -> str:
    """When the counts differ, and why they changed. `time`: the column's name, and its form."""
    rows = [(time[1](at), *cells) for at, *cells in _differences(before, after, names)]
    return columns([(time[0], *names, "reason"), *rows]) if rows else "The counts are always the same."


def _differences(
    before: Timeline, after: Timeline, names: Sequence[str]
) -> Iterator[tuple[int, str, str, str]]:
    """The moments at which a count changes that the other does not follow."""
    moments = sorted({change.at for each in (before, after) for change in each.changes})
    counts = [_start(before), _start(after)]
    held = [list(each.changes) for each in (before, after)]
    differed = False
    for now in moments:
        reasons = []
        for side, (timeline, name) in enumerate(zip((before, after), names, strict=True)):
            while held[side] and held[side][0].at == now:
                change = held[side].pop(0)
                counts[side] = change.replicas
                reasons.append(f"{name}: {why(timeline, change)}")
        if differed or counts[0] != counts[1]:
            yield now, str(counts[0]), str(counts[1]), "; ".join(reasons)
        differed = counts[0] != counts[1]


def _start(timeline: Timeline) -> int:
    return timeline.samples[0].before if timeline.samples else 0

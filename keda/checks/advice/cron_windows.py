"""The hours of a cron trigger: from when to when KEDA takes it for active."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator

from keda.checks.registry import SCALING, SETTINGS, Problem, warning
from keda.checks.scaling import triggers_of
from keda.manifests.declared import UNKNOWN
from keda.manifests.objects import Item
from keda.manifests.reading import At, text
from keda.syntax import cron, go

_START, _END = "start", "end"
_Event = tuple[datetime.datetime, frozenset[str]]


@warning(
    "cron-window",
    SETTINGS,
    summary="A cron trigger that is active at other hours than it seems",
    why=(
        "KEDA 2.19 compares the next start with the next end: a cron trigger is active while the next end "
        "comes first (cron_scaler.go:135). So an end without a start before it opens a window instead of "
        "closing one, and of two starts in a row only the last counts."
    ),
    passes="""
        start: 30 6 * * 1-5
        end: 10 22 * * 1-5
    """,
).on(*SCALING, having=["cron"])
def cron_window(item: Item) -> Iterator[Problem]:
    for trigger in triggers_of(item, "cron"):
        metadata = trigger.metadata
        start, end = (go.trim(text(metadata.get(key))) for key in (_START, _END))
        if UNKNOWN in metadata.values() or not start or not end:
            continue
        if (zone := re.match(r"(CRON_)?TZ=\S+ ", start)) and end.startswith(zone[0]):
            start, end = start[zone.end() :], end[zone.end() :]
        if cron.schedule_error(start) or cron.schedule_error(end):
            continue
        at: At = (*trigger.at, "metadata")
        events, by_date = _events(start, end), _names_dates(start) or _names_dates(end)
        if extended := _runs_on(events):
            first, meant, last = (_shown(each, by_date) for each in extended)
            yield Problem(
                (*at, _END),
                end,
                f"comes again on {last} with no start in between, and KEDA keeps a trigger active until the "
                "next end:",
                "Write the days of start into end too."
                if extended[1].date() == extended[0].date()
                else "Write into end the days after those of start: the window closes on the next day.",
                why=f"the window of {first} does not end on {meant}, it runs on to {last}.",
            )
        elif late := _starts_late(events):
            first, last = (_shown(each, by_date) for each in late)
            yield Problem(
                (*at, _START),
                start,
                f"comes again on {last} before any end, and only the last start before an end counts:",
                "Write one start for each end.",
                why=f"from {first} to {last} the trigger is inactive.",
            )


def _events(start: str, end: str) -> list[_Event]:
    """The times of both schedules, in order."""
    starts, ends = set(cron.times(start)), set(cron.times(end))
    if not starts or not ends:
        return []
    both_until = min(max(starts), max(ends))
    return [
        (time, frozenset(word for word, times in ((_START, starts), (_END, ends)) if time in times))
        for time in sorted(starts | ends)
        if time <= both_until
    ]


def _runs_on(events: list[_Event]) -> tuple[datetime.datetime, datetime.datetime, datetime.datetime] | None:
    """(Start, the end it seems to have, the end it has) of the first window that an end does not close."""
    for index in range(1, len(events) - 1):
        if events[index][1] == {_END} and _END in events[index + 1][1]:
            first = last = index
            while first > 0 and _END in events[first][1]:
                first -= 1
            while last + 1 < len(events) and _END in events[last + 1][1]:
                last += 1
            if _START in events[first][1] and last + 1 < len(events):
                return events[first][0], events[index][0], events[last][0]
    return None


def _starts_late(events: list[_Event]) -> tuple[datetime.datetime, datetime.datetime] | None:
    """The first of several starts in a row, and the last."""
    for index in range(len(events) - 1):
        if events[index][1] == {_START} == events[index + 1][1]:
            last = index
            while last + 1 < len(events) and events[last + 1][1] == {_START}:
                last += 1
            return events[index][0], events[last][0]
    return None


def _names_dates(schedule: str) -> bool:
    return any(field not in ("*", "?") for field in schedule.split()[2:4])


def _shown(time: datetime.datetime, by_date: bool) -> str:
    return f"{time.day} {time:%b %H:%M}" if by_date else f"{time:%a %H:%M}"

"""The five-field schedules of robfig/cron v3, the parser behind KEDA's cron scaler."""

from __future__ import annotations

import datetime
import functools
import itertools
import re
from collections.abc import Iterator
from typing import NamedTuple

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
FIELDS: tuple[tuple[str, int, int, dict[str, int]], ...] = (
    ("minute", 0, 59, {}),
    ("hour", 0, 23, {}),
    ("day of month", 1, 31, {}),
    ("month", 1, 12, {name: number for number, name in enumerate(_MONTHS, 1)}),
    ("day of week", 0, 6, {name: number for number, name in enumerate(_DAYS)}),
)
"""Name, lowest, highest and names of the numbers."""


class ScheduleError(NamedTuple):
    """Why robfig/cron refuses a schedule; `field` is the one at fault, or "" for the whole."""

    words: str
    field: str = ""

    def __str__(self) -> str:
        return f"{self.field}: {self.words}" if self.field else self.words


def schedule_error(schedule: str) -> ScheduleError | None:
    """Why robfig/cron refuses `schedule`, or None. Sunday is 0 only; `@daily` and seconds are not enabled."""
    if not schedule:
        return ScheduleError("empty spec string")
    if match := re.match(r"(CRON_)?TZ=\S* ", schedule):
        schedule = schedule[match.end() :].strip()
    if schedule.startswith("@"):
        return ScheduleError(f"parser does not accept descriptors: {schedule}")
    fields = schedule.split()
    if len(fields) != 5:
        return ScheduleError(f"expected exactly 5 fields, found {len(fields)}: {fields}")
    for (name, low, high, names), field in zip(FIELDS, fields, strict=True):
        for part in filter(None, field.split(",")):
            if error := _part_error(part, low, high, names):
                return ScheduleError(error, name)
    return None


def _part_error(part: str, low: int, high: int, names: dict[str, int]) -> str | None:
    span, *step = part.split("/")
    ends = span.split("-")
    if len(step) > 1 or len(ends) > 2:
        return f"too many slashes or hyphens: {part}"
    numbers = [] if ends[0] in ("*", "?") else [_number(end, names) for end in ends]
    numbers += [_number(each, {}) for each in step]
    if None in numbers:
        return f"failed to parse int from {part}"
    if step and numbers[-1] == 0:
        return f"step of range should be a positive number: {part}"
    if ends[0] in ("*", "?"):
        return None
    start, end = numbers[0] or 0, numbers[len(ends) - 1] or 0
    if start < low or end > high:
        return f"outside of {low} to {high}: {part}"
    return f"beginning of range is beyond its end: {part}" if start > end else None


def _number(text: str, names: dict[str, int]) -> int | None:
    if text.lower() in names:
        return names[text.lower()]
    return int(text) if re.fullmatch(r"\+?[0-9]{1,9}", text, re.ASCII) else None


_FIRST_DAY = datetime.date(2027, 1, 4)
"""A Monday."""
_DAYS_READ, _MOST_TIMES = 800, 20_000


@functools.lru_cache(maxsize=1024)
def times(schedule: str) -> tuple[datetime.datetime, ...]:
    """Every time of a schedule in two years from a Monday, by the clock of its zone; empty if it has none, or
    if it names a zone of its own. The schedule is one without a `schedule_error`.
    """
    return tuple(itertools.islice(_times(schedule, _FIRST_DAY), _MOST_TIMES))


def next_time(schedule: str, after: datetime.datetime) -> datetime.datetime | None:
    """The first time of a schedule after one by the clock of its zone; None if none is near."""
    return next((time for time in _times(schedule, after.date()) if time > after), None)


def _times(schedule: str, first: datetime.date) -> Iterator[datetime.datetime]:
    fields = schedule.split()
    if "=" in schedule or len(fields) != 5:
        return
    minutes, hours, days, months, weekdays = (
        _numbers(field, low, high, names) for field, (_, low, high, names) in zip(fields, FIELDS, strict=True)
    )
    any_day, any_weekday = (_is_star(fields[place]) for place in (2, 4))
    for number in range(_DAYS_READ):
        day = first + datetime.timedelta(days=number)
        of_month, of_week = day.day in days, day.isoweekday() % 7 in weekdays
        # With both fields given either is enough (spec.go, dayMatches).
        matches = of_month and of_week if any_day or any_weekday else of_month or of_week
        if day.month in months and matches:
            for hour in sorted(hours):
                for minute in sorted(minutes):
                    yield datetime.datetime(day.year, day.month, day.day, hour, minute)


def _is_star(field: str) -> bool:
    return any(part in ("*", "?", "*/1", "?/1") for part in field.split(","))


def _numbers(field: str, low: int, high: int, names: dict[str, int]) -> set[int]:
    return {number for part in filter(None, field.split(",")) for number in _of_part(part, low, high, names)}


def _of_part(part: str, low: int, high: int, names: dict[str, int]) -> Iterator[int]:
    span, _, step = part.partition("/")
    ends = span.split("-")
    if ends[0] in ("*", "?"):
        first, last = low, high
    else:
        first = _number(ends[0], names) or 0
        last = _number(ends[1], names) or 0 if len(ends) == 2 else high if step else first
    yield from range(first, last + 1, int(step or 1))

"""The five-field schedules of robfig/cron v3, the parser behind KEDA's cron scaler."""

from __future__ import annotations

import re
from dataclasses import dataclass

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


@dataclass(frozen=True)
class ScheduleError:
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

"""The cron scaler (pkg/scalers/cron_scaler.go, v2.19.0)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, ClassVar
from zoneinfo import available_timezones

from pydantic import AfterValidator, Field

from keda.errors import Fault, Refused
from keda.triggers.base import Trigger
from keda.triggers.parameters import Integer, Text

_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
_FIELDS: tuple[tuple[str, int, int, dict[str, int]], ...] = (
    ("minute", 0, 59, {}),
    ("hour", 0, 23, {}),
    ("day of month", 1, 31, {}),
    ("month", 1, 12, {name: number for number, name in enumerate(_MONTHS, start=1)}),
    ("day of week", 0, 6, {name: number for number, name in enumerate(_DAYS)}),
)
_ITEM = re.compile(r"(\*|\?|(?P<low>\w+)(-(?P<high>\w+))?)(/(?P<step>\d+))?", re.ASCII)


def schedule(value: str) -> str:
    """Five fields as robfig/cron reads them: no seconds, no @daily, Sunday is 0 and never 7. Raises
    Refused."""
    fields = re.sub(r"^(CRON_)?TZ=\S+\s+", "", value).split()
    if len(fields) != len(_FIELDS):
        raise Refused("is not five cron fields.")
    for text, (name, lowest, highest, names) in zip(fields, _FIELDS, strict=True):
        if not all(_is_item(item.lower(), lowest, highest, names) for item in text.split(",")):
            raise Refused(f"is no schedule: its {name} is not within {lowest}-{highest}.")
    return value


def _is_item(item: str, lowest: int, highest: int, names: dict[str, int]) -> bool:
    match = _ITEM.fullmatch(item)
    if match is None or (match["step"] is not None and int(match["step"]) == 0):
        return False
    if match["low"] is None:
        return True
    ends = [match["low"], match["high"] or match["low"]]
    numbers = [names.get(end, int(end) if end.isdigit() else -1) for end in ends]
    return lowest <= numbers[0] <= numbers[1] <= highest


def zone(value: str) -> str:
    """An IANA time zone; KEDA would notice a wrong one only while polling, with the object still Ready."""
    known = available_timezones()
    if known and value not in known:
        raise Refused(
            "is not an IANA time zone.",
            consequence="KEDA would find out only while polling, and never scale.",
        )
    return value


Schedule = Annotated[Text, AfterValidator(schedule)]


class Cron(Trigger):
    """`desired_replicas` between `start` and `end`, 0 otherwise (other triggers and the minimum may ask
    for more)."""

    scaler: ClassVar[str] = "cron"

    start: Schedule = Field(examples=['"0 7 * * 1-5"'])
    end: Schedule = Field(examples=['"0 19 * * 1-5"'])
    timezone: Annotated[Text, AfterValidator(zone)] = Field(examples=["Europe/Berlin"])
    desired_replicas: Integer = Field(examples=[2])

    def faults(self) -> Iterator[Fault]:
        yield from super().faults()
        if self.start == self.end:
            yield Fault(
                "end",
                self.end,
                f"is the same as start. {self.consequence}",
                "Write when the replicas are to go again.",
            )
        if self.desired_replicas < 1:
            yield Fault(
                "desiredReplicas",
                self.desired_replicas,
                f"is below 1. {self.consequence}",
                "Write 1 or more.",
            )

"""The cron scaler (pkg/scalers/cron_scaler.go, v2.19.0)."""

from __future__ import annotations

from typing import Annotated, ClassVar
from zoneinfo import available_timezones

from pydantic import AfterValidator, Field

from keda.core.errors import Refused
from keda.syntax.cron import FIELDS, schedule_error
from keda.triggers.base import Trigger
from keda.triggers.parameters import Integer, Text

_BOUNDS = {name: f"{low}-{high}" for name, low, high, _ in FIELDS}


def schedule(value: str) -> str:
    """Five fields as robfig/cron reads them: no seconds, no @daily, Sunday is 0 and never 7. Raises
    Refused.
    """
    if error := schedule_error(value):
        if error.field:
            raise Refused(f"is not a schedule: its {error.field} is not within {_BOUNDS[error.field]}.")
        raise Refused("is not five cron fields.")
    return value


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
    for more).
    """

    scaler: ClassVar[str] = "cron"

    start: Schedule = Field(examples=['"0 7 * * 1-5"'])
    end: Schedule = Field(examples=['"0 19 * * 1-5"'])
    timezone: Annotated[Text, AfterValidator(zone)] = Field(examples=["Europe/Berlin"])
    desired_replicas: Integer = Field(examples=[2], ge=1)

    @property
    def target(self) -> None:
        """None: the HPA's target is 1, and the value the replicas."""

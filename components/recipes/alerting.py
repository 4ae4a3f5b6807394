"""Which alerts a workload has, and how long their conditions must hold."""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated

from pydantic import BeforeValidator, ConfigDict, Field, WithJsonSchema

from components import workload
from components.monitoring.alerts import OF_WORKLOAD
from components.setting import Setting
from components.workload import OFF
from keda.core.errors import Refused
from keda.core.model import whole_number

_YEAR = 365 * 24 * 60


def _off_or_minutes(value: object) -> object:
    """Raises Refused."""
    if value is False or value == OFF:  # YAML 1.1 reads a bare `off` as false
        return OFF
    with suppress(Refused):
        minutes = whole_number(value)
        if isinstance(minutes, int) and 1 <= minutes <= _YEAR:
            return minutes
    raise Refused(f"is not off or a whole number of minutes, 1 to {_YEAR}.")


_IN_AN_EDITOR = {"anyOf": [{"enum": ["off", False]}, {"type": "integer", "minimum": 1, "maximum": _YEAR}]}
Minutes = Annotated[workload.Minutes, BeforeValidator(_off_or_minutes), WithJsonSchema(_IN_AN_EDITOR)]


class Alerting(Setting):
    """`off`, or the minutes that an alert's condition must hold, by the alert's name; unset: its default."""

    consequence = "The workload's alerts could not be made."

    model_config = ConfigDict(alias_generator=str)

    # One field per alert: pydantic reads them where it reads those that are written out.
    __annotations__ = {each.name: Minutes | None for each in OF_WORKLOAD}
    vars().update({each.name: Field(default=None, examples=[each.minutes]) for each in OF_WORKLOAD})

"""Which alerts a workload has, and how long their conditions must hold."""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated, Literal

from pydantic import BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic.alias_generators import to_pascal

from components.setting import Setting
from keda.core.errors import Refused
from keda.core.model import whole_number

OFF: Literal["off"] = "off"
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
Minutes = Annotated[Literal["off"] | int, BeforeValidator(_off_or_minutes), WithJsonSchema(_IN_AN_EDITOR)]


class Alerting(Setting):
    """`off`, or the minutes that an alert's condition must hold, by the alert's name; unset: its default."""

    consequence = "The workload's alerts could not be made."

    model_config = ConfigDict(alias_generator=to_pascal)

    keda_scaler_failing: Minutes | None = Field(default=None, examples=[15])
    keda_not_ready: Minutes | None = Field(default=None, examples=[15])
    keda_fallback_in_use: Minutes | None = Field(default=None, examples=[15])
    keda_hpa_unable_to_scale: Minutes | None = Field(default=None, examples=[15])
    keda_at_maximum: Minutes | None = Field(default=None, examples=["off"])
    keda_replicas_flapping: Minutes | None = Field(default=None, examples=["off"])
    keda_stuck_at_zero: Minutes | None = Field(default=None, examples=[15])
    keda_stuck_above_zero: Minutes | None = Field(default=None, examples=[60])
    keda_paused: Minutes | None = Field(default=None, examples=["off"])
    keda_queue_consumer_missing: Minutes | None = Field(default=None, examples=[15])
    keda_jobs_at_maximum: Minutes | None = Field(default=None, examples=["off"])
    keda_jobs_failing: Minutes | None = Field(default=None, examples=["off"])

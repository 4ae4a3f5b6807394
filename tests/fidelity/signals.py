"""What a trigger reads over a scenario: steps at given times, with failures of the source among them."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

DOWN = "down"
"""The source answers with an error."""
NAN = "nan"
EMPTY = "empty"
"""Prometheus finds no series."""
Value = float | str
Step = tuple[float, Value]
"""Seconds since the scenario began, and the value from then on."""


@dataclass(frozen=True)
class Timeline:
    """A signal of `keda.scaling`, and what the source serves. The first step is at 0."""

    steps: tuple[Step, ...]
    ignore_null_values: bool = True

    def value(self, seconds: float) -> Value:
        """The value served `seconds` after the beginning."""
        place = bisect_right([at for at, _ in self.steps], seconds)
        return self.steps[max(place - 1, 0)][1]

    def at(self, now: int, ready: int) -> float | None:
        """The value as a scaler reads it: None for an error."""
        value = self.value(now / 1000)
        if value == EMPTY:
            return 0.0 if self.ignore_null_values else None
        if value == DOWN:
            return None
        return math.nan if value == NAN else float(value)


def steps(first: Value, *later: Step) -> tuple[Step, ...]:
    """`first` from the beginning on, then each step at its time."""
    return ((0, first), *later)


def ramp(start: float, end: float, begins: float, ends: float) -> tuple[Step, ...]:
    """A straight line in steps of a sync period: each is between the same two syncs on every run."""
    count = int((ends - begins) / 5)
    return tuple(
        (begins + number * 5, round(start + (end - start) * number / count, 3)) for number in range(count + 1)
    )


def saw(low: Value, high: Value, every: float, begins: float, ends: float) -> Sequence[Step]:
    """`high` and `low` in turns, each for `every` seconds."""
    count = int((ends - begins) / every)
    return [(begins + number * every, high if number % 2 == 0 else low) for number in range(count)]

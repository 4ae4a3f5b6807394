"""A simulation in its slowest phase, until nothing changes any more.

In a cluster a signal changes at any moment between two polls and two syncs. The slowest moment is right after
a poll, with a sync right before each poll. What holds there holds at any moment.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from keda.scaling.behavior import ScalingRules
from keda.scaling.scaled_object import ScaledObject
from keda.scaling.signals import DAY, Day, Faulty, Queue, Ramp, Recorded, Signal, Step, bare
from keda.scaling.simulation import Options, Sample, Simulation
from keda.timelines.timeline import Timeline, with_waits

LONGEST = 30 * DAY
"""Policies that allow one pod in half an hour need days."""
FLAPPING = 20
"""After so many turns of direction, a day is enough."""


@dataclass
class Turns:
    """How often replicas went the other way than before."""

    count: int = 0
    _up: bool | None = None

    def add(self, change: Sample) -> None:
        """Takes a change in."""
        up = change.replicas > change.before
        self.count += self._up is not None and up != self._up
        self._up = up


@dataclass(frozen=True, slots=True)
class Delayed:
    """A signal that begins `by` milliseconds later; its first value holds until then."""

    signal: Signal
    by: int

    def at(self, now: int, ready: int) -> float | None:
        """The value at `now`, while `ready` replicas do the work."""
        return self.signal.at(max(now - self.by, 0), ready)


@dataclass(frozen=True)
class Settled:
    """A timeline, and when its signals change first and last, in its milliseconds."""

    timeline: Timeline
    first: int
    last: int


def slowest(
    scaled_object: ScaledObject,
    signals: Sequence[Signal],
    options: Options,
    until: int | None = None,
    quiet: int | None = None,
) -> Settled:
    """Runs for `until` milliseconds; without it, until nothing changes for `quiet`, by default `rest`.

    A queue and a `Day` never rest: they run for a day, as does what flaps.
    """
    polling, period = max(scaled_object.polling_interval, 1000), options.controller.sync_period
    times = sorted(time for signal in signals for time in _times(signal))
    first, last = (times[0], times[-1]) if times else (0, 0)
    delay = -first % polling + 1 if first else 0
    delayed = [_delayed(signal, delay) for signal in signals]
    simulation = Simulation(scaled_object, delayed, replace(options, hpa_offset=period - 1))
    endless = any(isinstance(bare(signal), Queue | Day) for signal in signals)
    quiet = rest(scaled_object, options) if quiet is None else quiet
    ends, changed = until or last + (DAY if endless else LONGEST), last + delay
    samples: list[Sample] = []
    turns = Turns()
    for sample in simulation.run(ends):
        turning = sample.at > last + DAY and turns.count > FLAPPING
        if until is None and not endless and (sample.at > changed + quiet or turning):
            ends = sample.at
            break
        samples.append(sample)
        if sample.changed:
            changed = max(changed, sample.at)
            turns.add(sample)
    timeline = with_waits(Timeline(scaled_object, ends, tuple(samples)), signals)
    return Settled(timeline, first + delay, last + delay)


def rest_upwards(scaled_object: ScaledObject, options: Options) -> int:
    """The same on the way up, where neither the cooldown nor the window of scaleDown matters."""
    rules = scaled_object.scale_up or ScalingRules()
    slow = max([15_000, *(policy.period for policy in rules.policies)]) + (rules.window or 0)
    return slow + options.start_up + 2 * (scaled_object.polling_interval + 15_000)


def rest(scaled_object: ScaledObject, options: Options) -> int:
    """Milliseconds after which nothing changes any more under the same values."""
    up, down = scaled_object.scale_up or ScalingRules(), scaled_object.scale_down or ScalingRules()
    window = options.controller.downscale_window if down.window is None else down.window
    periods = [policy.period for each in (up, down) for policy in each.policies]
    slow = max(window, up.window or 0) + max([15_000, *periods])
    cooldown = max(scaled_object.cooldown, scaled_object.initial_cooldown)
    return max(slow, cooldown) + options.start_up + 2 * (scaled_object.polling_interval + 15_000)


def _delayed(signal: Signal, delay: int) -> Signal:
    if isinstance(signal, Recorded):
        signal = replace(signal, place=0)
    return signal if isinstance(bare(signal), Queue) else Delayed(signal, delay)


def _times(signal: Signal) -> list[int]:
    """When a signal changes first and last, as far as it does."""
    times: list[int] = []
    if isinstance(signal, Faulty):
        times = [time for fault in signal.faults for time in (fault.begins, fault.ends)]
    plain = bare(signal)
    if isinstance(plain, Step):
        times.append(plain.time)
    elif isinstance(plain, Ramp):
        times += [plain.begins, plain.ends]
    elif isinstance(plain, Recorded):
        values = zip(plain.times, plain.values, strict=True)
        times += [now for (_, old), (now, new) in pairwise(values) if old != new]
    return sorted(times)

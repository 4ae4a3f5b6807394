"""What a trigger reads over time. Values in the trigger's own units, times in milliseconds.

A signal is asked at times that never go back. None is a failure of the source: the scaler gives an error.
"""

from __future__ import annotations

import heapq
import math
import random
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

DAY = 86_400_000
_SLOT = 5000
"""Arrivals by chance are drawn for so many milliseconds at once."""


class SignalError(ValueError):
    """A signal that cannot be simulated: one sentence with the place, the value and what to write."""


class Signal(Protocol):
    """What a trigger's source returns over time; times are milliseconds from the start."""

    def at(self, now: int, ready: int) -> float | None:
        """The value at `now`, while `ready` replicas do the work."""


@dataclass(frozen=True, slots=True)
class Constant:
    """The same value at all times. Raises SignalError for a negative one."""

    value: float

    def __post_init__(self) -> None:
        _not_negative(self.value, "the constant")

    def at(self, now: int, ready: int) -> float | None:
        """Always the value."""
        return self.value


@dataclass(frozen=True, slots=True)
class Step:
    """`before` until `time`, then `after`. Raises SignalError."""

    before: float
    after: float
    time: int

    def __post_init__(self) -> None:
        _not_negative(self.before, "the value before the step")
        _not_negative(self.after, "the value after the step")

    def at(self, now: int, ready: int) -> float | None:
        """The new value from `time` on."""
        return self.before if now < self.time else self.after


@dataclass(frozen=True, slots=True)
class Ramp:
    """A straight line from `start` to `end` between two times, flat before and after. Raises SignalError."""

    start: float
    end: float
    begins: int
    ends: int

    def __post_init__(self) -> None:
        _not_negative(self.start, "the ramp's start")
        _not_negative(self.end, "the ramp's end")
        if self.ends <= self.begins:
            raise SignalError("the ramp ends before it begins. Write a later end.")

    def at(self, now: int, ready: int) -> float | None:
        """A share of the way, by the time since `begins`."""
        share = min(max((now - self.begins) / (self.ends - self.begins), 0.0), 1.0)
        return self.start + (self.end - self.start) * share


@dataclass(frozen=True, slots=True)
class Day:
    """A sine of one day between `low` and `high`, lowest at `lowest_at` of each day. Raises SignalError."""

    low: float
    high: float
    lowest_at: int = 3 * 3_600_000

    def __post_init__(self) -> None:
        _not_negative(self.low, "the day's lowest value")
        if self.high < self.low:
            raise SignalError("the day's highest value is below its lowest. Write the lower one first.")

    def at(self, now: int, ready: int) -> float | None:
        """The value at this time of day."""
        phase = 2 * math.pi * (now - self.lowest_at) / DAY
        return self.low + (self.high - self.low) * (1 - math.cos(phase)) / 2


@dataclass(slots=True)
class Recorded:
    """A recorded series: each value holds until the next. Build it with `recorded`, which checks it."""

    times: Sequence[int]
    values: Sequence[float]
    place: int = 0
    """Where the last value was found."""
    every: int = 0
    """The distance of all values, if it is one."""

    def at(self, now: int, ready: int) -> float | None:
        """The last value recorded at or before `now`. Times never go back between two calls."""
        if self.every:
            return self.values[min(now // self.every, len(self.values) - 1)]
        times, place = self.times, self.place
        while place + 1 < len(times) and times[place + 1] <= now:
            place += 1
        self.place = place
        return self.values[place]


@dataclass(slots=True)
class Queue:
    """A closed loop: items arrive by chance at `rate` per second (Poisson), each replica works on one item
    at a time for `service` milliseconds. The value is the number of items that wait or are in work; without
    `locked` only of those that wait.

    The same `seed` gives the same arrivals, whenever the queue is looked at. A replica that goes finishes its
    item first.
    """

    rate: Signal
    service: int
    seed: int = 0
    locked: bool = True
    waiting: deque[int] = field(default_factory=deque)
    """Arrival times of the items that wait."""
    waits: Counter[int] = field(default_factory=Counter)
    """How long the items waited that are in work or done: tenths of a second, cut, and how many items."""
    _working: list[int] = field(default_factory=list)
    _random: random.Random = field(init=False)
    _now: int = 0
    _ready: int = 0
    _coming: deque[int] = field(default_factory=deque)
    """Arrivals that are drawn already, up to `_drawn`."""
    _drawn: int = 0

    def __post_init__(self) -> None:
        if self.service <= 0:
            raise SignalError("the service time is not above 0. Write for example 2s.")
        self._random = random.Random(self.seed)

    def at(self, now: int, ready: int) -> float | None:
        """Works off the time since the last call; returns the items that wait or are in work."""
        arrivals = self._arrivals(now)
        self._work(self._now, now, self._ready, arrivals)
        self._now, self._ready = now, ready
        self._begin(now, ready)
        return float(len(self.waiting) + self.locked * len(self._working))

    def take(self, now: int) -> None:
        """The oldest item that waits, if there is one, is in work from `now` on."""
        if self.waiting:
            self.waits[(now - self.waiting.popleft()) // 100] += 1
            heapq.heappush(self._working, now + self.service)

    def _arrivals(self, now: int) -> deque[int]:
        """Poisson arrivals since the last time. They are drawn slot by slot, at the rate of its beginning."""
        while self._drawn <= now:
            count = _poisson((self.rate.at(self._drawn, 0) or 0.0) * _SLOT / 1000, self._random)
            drawn = (self._drawn + int(self._random.random() * _SLOT) for _ in range(count))
            self._coming.extend(sorted(drawn))
            self._drawn += _SLOT
        arrivals = deque[int]()
        while self._coming and self._coming[0] <= now:
            arrivals.append(self._coming.popleft())
        return arrivals

    def _work(self, now: int, end: int, ready: int, arrivals: deque[int]) -> None:
        while True:
            done = self._working[0] if self._working else end + 1
            come = arrivals[0] if arrivals else end + 1
            if min(done, come) > end:
                return
            if done <= come:
                now = heapq.heappop(self._working)
            else:
                now = arrivals.popleft()
                self.waiting.append(now)
            self._begin(now, ready)

    def _begin(self, now: int, ready: int) -> None:
        while self.waiting and len(self._working) < ready:
            self.take(now)


@dataclass(frozen=True, slots=True)
class Fault:
    """Between `begins` and `ends` the source answers with nothing ("no-data"), with NaN, or not at all
    ("source-down").
    """

    kind: Literal["no-data", "nan", "source-down"]
    begins: int
    ends: int


@dataclass(frozen=True, slots=True)
class Faulty:
    """A signal with faults. Nothing is 0 for a scaler that ignores null values, else an error."""

    signal: Signal
    faults: tuple[Fault, ...]
    ignore_null_values: bool = True

    def at(self, now: int, ready: int) -> float | None:
        """The signal's value, or what the scaler reads during a fault: 0, NaN, or None for an error."""
        value = self.signal.at(now, ready)
        for fault in self.faults:
            if fault.begins <= now < fault.ends:
                if fault.kind == "nan":
                    return math.nan
                return 0.0 if fault.kind == "no-data" and self.ignore_null_values else None
        return value


def bare(signal: Signal) -> Signal:
    """The signal without its faults."""
    return signal.signal if isinstance(signal, Faulty) else signal


def recorded(points: Sequence[tuple[int, float]], source: str) -> Recorded:
    """A series that begins at 0, from (milliseconds, value) points. Raises SignalError naming `source`.

    A gap is a distance of more than three times the usual one: the value in it is not known.
    """
    check_points(points, source)
    times = [time - points[0][0] for time, _ in points]
    distances = [after - before for before, after in zip(times, times[1:], strict=False)]
    usual = sorted(distances)[len(distances) // 2] if distances else 0
    for number, distance in enumerate(distances, 2):
        if distance > 3 * usual:
            raise SignalError(
                f"{source}, value {number}: nothing for {distance / 1000:g} s, where a value comes every "
                f"{usual / 1000:g} s. Cut the series there, or fill the gap."
            )
    every = usual if set(distances) == {usual} else 0
    return Recorded(times, [value for _, value in points], every=every)


def check_points(points: Sequence[tuple[int, float]], source: str) -> None:
    """Raises SignalError for no points, a value below 0 or NaN, a time twice or before the last one."""
    if not points:
        raise SignalError(f"{source} has no values. Record at least one.")
    for number, (time, value) in enumerate(points, 1):
        if not math.isfinite(value) or value < 0:
            wrong = "not a number" if not math.isfinite(value) else "negative"
            raise SignalError(
                f"{source}, value {number}: {value:g} is {wrong}. KEDA scales on counts from 0 on."
            )
        if number > 1 and time <= points[number - 2][0]:
            wrong = "there twice" if time == points[number - 2][0] else "before the one above it"
            raise SignalError(
                f"{source}, value {number}: its time {time / 1000:.13g} is {wrong}. Sort the series by time."
            )


def pulse(before: float, during: float, begins: int, ends: int) -> Recorded:
    """`during` between two times, `before` else. Raises SignalError."""
    _not_negative(before, "the value before the pulse")
    _not_negative(during, "the pulse's value")
    if not 0 < begins < ends:
        raise SignalError("the pulse ends before it begins, or begins at 0. Write for example 1m-5m.")
    return Recorded([0, begins, ends], [before, during, before])


def _poisson(expected: float, source: random.Random) -> int:
    """A Poisson number: multiplied uniforms, in parts so that no part underflows."""
    count = 0
    while expected > 0:
        part = min(expected, 500.0)
        expected -= part
        floor, product = math.exp(-part), source.random()
        while product > floor:
            count += 1
            product *= source.random()
    return count


def _not_negative(value: float, what: str) -> None:
    if not math.isfinite(value) or value < 0:
        raise SignalError(f"{what} is {value:g}. Write a number from 0 on.")

"""Polls and syncs that change nothing, found without running them: a month of 100 workloads needs that.

For the usual ScaledObject only: one external trigger of type AverageValue, no annotations, a signal that
does not depend on the replicas. It is exact: the same changes come at the same moments (a property test).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from keda.scaling.controller import HorizontalPodAutoscaler
from keda.scaling.loop import Loop
from keda.scaling.numbers import MAX_INT64, received, to_milli
from keda.scaling.replicas import external_average
from keda.scaling.scaled_object import Annotations, ScaledObject
from keda.scaling.signals import Constant, Day, Ramp, Recorded, Signal, Step

_OPEN = (Constant, Step, Ramp, Day, Recorded)


def applies(scaled_object: ScaledObject, signals: Sequence[Signal]) -> bool:
    """Whether this module covers the ScaledObject and its signal."""
    trigger, *others = scaled_object.triggers
    return (
        not others
        and trigger.metric_type == "AverageValue"
        and not (trigger.resource or trigger.use_cached_metrics)
        and scaled_object.modifiers is None
        and scaled_object.annotations == Annotations()
        and isinstance(signals[0], _OPEN)
    )


@dataclass(slots=True)
class Quiet:
    """The trigger's values at all polls and syncs before `until`, and for each replica count the totals that
    ask for exactly that count.
    """

    scaled_object: ScaledObject
    signal: Signal
    polling: int
    period: int
    offset: int
    until: int
    _polled: Sequence[float] = field(init=False)
    _totals: list[int] = field(init=False)
    _bands: dict[int, tuple[int, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._polled = _sampled(self.signal, 0, self.polling, self.until)
        synced = _sampled(self.signal, self.offset, self.period, self.until)
        self._totals = _milli(synced)

    def skip(
        self, poll: int, sync: int, limit: int, replicas: int, hpa: HorizontalPodAutoscaler, loop: Loop
    ) -> tuple[int, int]:
        """The next poll and sync that may change something, or come at `limit` or later; the HPA's
        recommendations and the loop's last activity are brought up to there.
        """
        if not hpa.started:
            return poll, sync
        scaled_object = self.scaled_object
        if replicas == 0:
            if scaled_object.minimum and scaled_object.idle is None:
                return poll, sync
            stop = self._first_active(poll, limit)
            return self._next_poll(poll, stop), self._next_sync(sync, stop)
        if replicas < scaled_object.hpa_minimum or replicas > scaled_object.maximum:
            return poll, sync
        stop = min(self._first_loud_sync(sync, limit, replicas, hpa), limit)
        if stop > sync or stop > poll:
            if scaled_object.minimum == 0 or scaled_object.idle is not None:
                stop = self._first_deactivation(poll, stop, replicas, loop)
            next_sync = self._next_sync(sync, stop)
            self._recommend(sync, next_sync, replicas, hpa)
            return self._next_poll(poll, stop), next_sync
        return poll, sync

    def _first_active(self, poll: int, limit: int) -> int:
        activation, polled, step = self.scaled_object.triggers[0].activation, self._polled, self.polling
        for index in range(poll // step, min(len(polled), -(-limit // step))):
            if polled[index] > activation:
                return index * step
        return limit

    def _first_deactivation(self, poll: int, stop: int, replicas: int, loop: Loop) -> int:
        """The first poll before `stop` that goes to zero or idle."""
        scaled_object, polled, step = self.scaled_object, self._polled, self.polling
        activation, last = scaled_object.triggers[0].activation, loop.last_active
        if scaled_object.idle is not None and replicas <= scaled_object.idle:
            return poll
        for index in range(poll // step, min(len(polled), -(-stop // step))):
            now = index * step
            if polled[index] > activation:
                last = now
            else:
                since = loop.created if last is None else last
                cooldown = scaled_object.initial_cooldown if last is None else scaled_object.cooldown
                if now - since >= cooldown:
                    stop = now
                    break
        loop.last_active = last
        return stop

    def _first_loud_sync(self, sync: int, limit: int, replicas: int, hpa: HorizontalPodAutoscaler) -> int:
        """The time of the first sync before `limit` after which the count may be another one.

        Quiet is a total up to what `replicas` can take, while the stabilization window holds a recommendation
        of that many, or where nothing lower is allowed.
        """
        low, high = self._band(replicas, hpa)
        first = (sync - self.offset) // self.period
        at_minimum, at_maximum = replicas == hpa.minimum, replicas == hpa.maximum
        newest, above = hpa.recommendations.holding(sync, replicas)
        if above and not at_maximum:
            return sync
        last = -MAX_INT64 if newest is None else first - (sync - newest) / self.period
        span = hpa.recommendations.down_window / self.period
        end = min(len(self._totals), -(-(limit - self.offset) // self.period))
        for index in range(first, end):
            total = self._totals[index]
            if total > high:
                if not at_maximum:
                    return self.offset + index * self.period
                last = index
            elif total >= low:
                last = index
            elif index - last >= span and not at_minimum:
                return self.offset + index * self.period
        return limit

    def _recommend(self, sync: int, stop: int, replicas: int, hpa: HorizontalPodAutoscaler) -> None:
        """The recommendations of the syncs that were left out, as far back as a window reaches."""
        recent = hpa.recommendations
        window = max(recent.up_window, recent.down_window)
        low, high = self._band(replicas, hpa)
        target = self.scaled_object.triggers[0].target
        for now in range(max(sync, stop - (window // self.period + 1) * self.period), stop, self.period):
            total = self._totals[(now - self.offset) // self.period]
            inside = low <= total <= high
            wanted = (
                replicas if inside else external_average(total, target, replicas, hpa.tolerances).replicas
            )
            recent.add(now, wanted)

    def _band(self, replicas: int, hpa: HorizontalPodAutoscaler) -> tuple[int, int]:
        """The lowest and the highest total at which exactly `replicas` are asked for."""
        if replicas not in self._bands:
            target, tolerances = self.scaled_object.triggers[0].target, hpa.tolerances

            def wanted(total: int) -> int:
                return external_average(total, target, replicas, tolerances).replicas

            around = replicas * target // 10
            low = _lowest(
                lambda total: wanted(total) >= replicas, min((replicas - 1) * target + 1, around * 9)
            )
            high = _lowest(lambda total: wanted(total) > replicas, around * 11) - 1
            self._bands[replicas] = low, high
        return self._bands[replicas]

    def _next_poll(self, poll: int, stop: int) -> int:
        return max(poll, -(-stop // self.polling) * self.polling)

    def _next_sync(self, sync: int, stop: int) -> int:
        return max(sync, self.offset - (-(stop - self.offset) // self.period) * self.period)


def _milli(values: Sequence[float]) -> list[int]:
    """Totals as the HPA receives them."""
    if max(values, default=0.0) < 1e12:
        return [int(value * 1000) for value in values]
    return [received(to_milli(value)) for value in values]


def _lowest(reached: Callable[[int], bool], guess: int) -> int:
    """The lowest total from 0 on for which `reached` is true; it stays true from there on."""
    low, high = max(guess - 2, 0), guess + 2
    if low and reached(low):
        low = 0
    while high < MAX_INT64 and not reached(high):
        high *= 2
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if reached(middle) else (middle + 1, high)
    return low


def _sampled(signal: Signal, start: int, step: int, until: int) -> Sequence[float]:
    """The signal's values at start, start + step, … before `until`, on a copy of it."""
    if isinstance(signal, Recorded):
        every = signal.every
        if every and start % every == 0 and step % every == 0:
            values = signal.values[start // every : -(-until // every) : step // every]
            missing = len(range(start, until, step)) - len(values)
            return [*values, *[signal.values[-1]] * missing] if missing else values
        signal = replace(signal, place=0)
    return [signal.at(now, 0) or 0.0 for now in range(start, until, step)]

"""Recorded replicas beside the algorithm: each change gets its reason, or none is found.

A recording has neither the moments of KEDA's polls and the HPA's syncs nor the values they read, only samples
around them. So a change is explained if the algorithm makes it at about that time in one of several phases,
from the count and with the windows that the recording has before it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise, product
from typing import Literal

from keda.scaling.behavior import Event
from keda.scaling.controller import HorizontalPodAutoscaler
from keda.scaling.scaled_object import MOST, Annotations, ScaledObject
from keda.scaling.signals import SignalError, check_points
from keda.scaling.simulation import Options, Sample, SecondOwner, Simulation
from keda.timelines.settled import rest
from keda.timelines.timeline import Timeline

Verdict = Literal["explained", "unexplained", "not judged"]
SYNC = 15_000
_GRID = 5000
"""While the past is repeated, the recorded count is written so often: before each poll and sync."""
_SYNCS = range(0, SYNC, _GRID)
"""The phases of the HPA's sync that are tried, milliseconds."""


@dataclass(frozen=True)
class Series:
    """Samples: milliseconds since 1970 and values. Build it with `series`, which checks them."""

    times: Sequence[int]
    values: Sequence[float]
    step: int
    """The usual distance of two samples, milliseconds."""

    def at(self, time: int) -> float | None:
        """The last value up to `time`; None in a gap of more than three steps, and outside."""
        place = bisect_right(self.times, time) - 1
        if place < 0 or time - self.times[place] > 3 * self.step:
            return None
        return self.values[place]


def series(points: Sequence[tuple[int, float]], source: str) -> Series:
    """A series of at least two points; gaps are allowed. Raises SignalError, which names `source`."""
    check_points(points, source)
    if len(points) < 2:
        raise SignalError(f"{source} has one value. Record at least two.")
    times = [time for time, _ in points]
    distances = sorted(after - before for before, after in pairwise(times))
    return Series(times, [value for _, value in points], distances[len(distances) // 2])


@dataclass(frozen=True, slots=True)
class _Read:
    """A series as a signal: `base` is its time 0; `shift` looks a little earlier or later."""

    series: Series
    base: int
    shift: int = 0

    def at(self, now: int, ready: int) -> float | None:
        """The value at `now`."""
        return self.series.at(self.base + now + self.shift)


@dataclass(frozen=True)
class Judged:
    """One recorded change: `at` is the first sample with the new count, milliseconds since 1970.

    `sample` is the algorithm's change that explains it; `why` stands for it where there is none.
    """

    at: int
    before: int
    after: int
    verdict: Verdict
    sample: Sample | None
    why: str = ""


@dataclass(frozen=True)
class Missing:
    """From `at` to `ends` the algorithm would set `wanted`, and the recorded count stays `replicas`."""

    at: int
    ends: int
    replicas: int
    wanted: int
    sample: Sample


@dataclass(frozen=True)
class Replay:
    """A recording and the ScaledObject that it is judged by. Raises SignalError for series that do not meet.

    `signals` come in the triggers' order.
    """

    scaled_object: ScaledObject
    signals: tuple[Series, ...]
    replicas: Series
    options: Options = Options()

    def __post_init__(self) -> None:
        if self.begins >= self.ends:
            raise SignalError("the recorded signal and the recorded replicas have no time in common.")
        for number, value in enumerate(self.replicas.values, 1):
            if value != int(value):
                raise SignalError(f"the recorded replicas, value {number}: {value:g} is not a whole number.")
            if value > MOST:
                raise SignalError(
                    f"the recorded replicas, value {number}: {value:g} is more than {MOST}. Is it the signal?"
                )

    @property
    def begins(self) -> int:
        """When all series have begun."""
        return max(each.times[0] for each in (*self.signals, self.replicas))

    @property
    def ends(self) -> int:
        """When the first series ends."""
        return min(each.times[-1] for each in (*self.signals, self.replicas))

    @property
    def memory(self) -> int:
        """How far back a decision can depend on the past."""
        return rest(self.scaled_object, self.options)

    @property
    def shadow(self) -> bool:
        """Whether KEDA reads its metrics and may not scale, in neither direction: another owner does."""
        annotations = self.scaled_object.annotations
        return annotations.paused or (annotations.paused_scale_in and annotations.paused_scale_out)

    @cached_property
    def judged(self) -> list[Judged]:
        """Each recorded change."""
        times, values = self.replicas.times, self.replicas.values
        found, since = list[Judged](), times[0]
        for (_, before), (now, after) in pairwise(zip(times, values, strict=True)):
            if before != after:
                if self.begins <= now <= self.ends:
                    found.append(self._judge(found, since, now, int(before), int(after)))
                since = now
        unexplained = [each for each in found if each.verdict == "unexplained"]
        return [_suspected(each, unexplained) if each in unexplained else each for each in found]

    @cached_property
    def missing(self) -> list[Missing]:
        """Changes that the algorithm makes again and again, in each phase, and that never come."""
        if self.shadow:
            return []
        held = sorted(self._missing(0, 0), key=lambda missing: missing.at)
        step = max(each.step for each in self.signals)
        for shift, phase in product((-step, 0, step), _SYNCS):
            if held and (shift, phase) != (0, 0):
                others = list(self._missing(shift, phase))
                held = [each for each in held if any(_same(each, other) for other in others)]
        found: list[Missing] = []
        for each in held:
            last = found[-1] if found else None
            if last and last.replicas == each.replicas and each.at <= last.ends + self._patience:
                found[-1] = replace(last, ends=max(last.ends, each.ends))
            else:
                found.append(each)
        return found

    def _judge(self, past: Sequence[Judged], since: int, now: int, before: int, after: int) -> Judged:
        """`past` are the changes so far, `since` is the first sample with the count `before`."""
        if self.shadow:
            return Judged(now, before, after, "not judged", None, "KEDA is paused, another owner scales")
        # A sync up to `since` has set `before`.
        free = max(since + 1, now - self.replicas.step - self._slack)
        sample = self._explained(past, free, now, before, after)
        if sample is not None:
            return Judged(now, before, after, "explained", sample)
        if self._gap(now):
            return Judged(now, before, after, "not judged", None, "the signal has a gap around it")
        if now - self.begins < self.memory:
            return Judged(
                now, before, after, "not judged", None, "what led to it may be before the recording"
            )
        return Judged(now, before, after, "unexplained", None)

    @property
    def _slack(self) -> int:
        return SYNC + max(each.step for each in self.signals)

    def _gap(self, now: int) -> bool:
        around = range(now - self.replicas.step - 2 * self._slack, now + 1, _GRID)
        return any(each.at(time) is None for each in self.signals for time in around)

    def _explained(
        self, past: Sequence[Judged], free: int, now: int, before: int, after: int
    ) -> Sample | None:
        """The algorithm's change to `after` between `free` and a little after `now`, in the first phase that
        has one. A phase that makes it at once comes before one with counts in between.
        """
        step, shift = self.replicas.step, max(each.step for each in self.signals)
        phases = (0, step // 2, step)  # the poll and the sync lie between the two samples
        hidden = None
        for shifted, poll, sync in product((0, -shift, shift), phases, _SYNCS):
            path = self._phase(past, free, now, after, shifted, now - poll, now - sync)
            if len(path) == 1:
                return path[0]
            if hidden is None and path and self._unseen(path, before, after):
                hidden = path[-1]
        return hidden

    def _unseen(self, path: Sequence[Sample], before: int, after: int) -> bool:
        """Whether the counts between `before` and `after` may have come and gone between two samples.

        Two polls, or two syncs, are a period apart: a way back and forth takes at least that.
        """
        step, period = self.replicas.step, min(max(self.scaled_object.polling_interval, 1000), SYNC)
        if path[-1].at - path[0].at > step:
            return False
        low, high = sorted((before, after))
        return step > period or all(low <= each.replicas <= high for each in path)

    def _phase(
        self, past: Sequence[Judged], free: int, now: int, after: int, shift: int, poll: int, sync: int
    ) -> list[Sample]:
        """Repeats the past with the recorded counts until `free`, then runs freely: the changes up to the one
        to `after`, none without it.
        """
        polling = max(self.scaled_object.polling_interval, 1000)
        base = poll - -(-(poll - free + self.memory) // polling) * polling
        simulation, path = self._simulation(base, shift, self._options(base, free, sync)), list[Sample]()
        for sample in simulation.run(now + self._slack - base):
            if sample.by == "other" and sample.at == free - base:
                _remember(simulation.hpa, past, base, sync)
            if sample.changed and sample.at >= free - base and sample.by != "other":
                path.append(sample._replace(at=sample.at + base))
                if sample.replicas == after:
                    return path
        return []

    def _simulation(self, base: int, shift: int, options: Options) -> Simulation:
        simulation = Simulation(
            self.scaled_object, [_Read(each, base, shift) for each in self.signals], options
        )
        simulation.loop.last_active = -self.scaled_object.cooldown  # long ago
        return simulation

    def _options(self, base: int, ends: int, sync: int) -> Options:
        """From `base` on, with the recorded counts until `ends`; one sync of the HPA is at `sync`."""
        return Options(
            self._count(base),
            self.options.start_up,
            cpu_request=self.options.cpu_request,
            memory_request=self.options.memory_request,
            hpa_offset=(sync - base) % SYNC,
            owners=tuple(self._owners(base, ends, sync)),
        )

    def _owners(self, base: int, ends: int, sync: int) -> Iterator[SecondOwner]:
        """The recorded counts; one sync of the HPA is at `sync`.

        A change comes right after the last sync before its first sample.
        """
        lead = SYNC - 1 + max(0, self.replicas.step - SYNC) // 2
        for time in range(base, ends, _GRID):
            last = time - 1 - (time - 1 - sync) % SYNC
            yield SecondOwner(time - base, self._count(last + lead))
        yield SecondOwner(ends - base, self._count(ends))

    def _count(self, time: int) -> int:
        """The recorded count; of the nearest time in the recording."""
        times = self.replicas.times
        place = bisect_right(times, min(max(time, times[0]), times[-1])) - 1
        return int(self.replicas.values[place])

    def _missing(self, shift: int, phase: int) -> Iterator[Missing]:
        """The recorded counts all along; a decision that stays without effect for long is missing."""
        base = self.begins
        options = self._options(base, self.ends, base + phase)
        held: dict[str, tuple[Sample, int]] = {}
        for sample in self._simulation(base, shift, options).run(self.ends - base):
            by, wanted = sample.by, sample.changed and None not in sample.values
            if by in held and not (wanted and sample.before == held[by][0].before):
                yield from self._long(*held.pop(by))
            if wanted and by != "other":
                held[by] = held.get(by, (sample,))[0], sample.at
        for first, last in held.values():
            yield from self._long(first, last)

    @property
    def _patience(self) -> int:
        """A decision that has no effect for so long is missing; one sample or sync is not."""
        step = max(SYNC, self.replicas.step, *(each.step for each in self.signals))
        return 3 * step + max(self.scaled_object.polling_interval, 1000)

    def _long(self, first: Sample, last: int) -> Iterator[Missing]:
        if last - first.at > self._patience and first.at > self.memory:
            yield Missing(self.begins + first.at, self.begins + last, first.before, first.replicas, first)

    def recorded(self) -> Timeline:
        """The recording as a timeline; who made a change is `other` where nothing explains it."""
        base, samples = self.begins, list[Sample]()
        changes = {each.at: each for each in self.judged}
        step = min(each.step for each in (*self.signals, self.replicas))
        for time in sorted({*range(base, self.ends, step), *changes}):
            values = tuple(each.at(time) for each in self.signals)
            count, change = self._count(time), changes.get(time)
            by, decision = "other", SecondOwner(time - base, count)
            before = count if change is None else change.before
            if change is not None and change.sample is not None:
                by, decision = change.sample.by, change.sample.decision  # type: ignore[assignment]
            samples.append(Sample(time - base, by, values, None, before, count, count, decision))
        return Timeline(self.scaled_object, self.ends - base, tuple(samples))

    def simulated(self) -> Timeline:
        """What the algorithm alone does with the recorded signal, as if it were not paused."""
        if self.shadow:
            free = replace(self.scaled_object, annotations=Annotations())
            return replace(self, scaled_object=free).simulated()
        base = self.begins
        options = Options(self._count(base), self.options.start_up)
        samples = tuple(self._simulation(base, 0, options).run(self.ends - base))
        return Timeline(self.scaled_object, self.ends - base, samples)


def _same(one: Missing, other: Missing) -> bool:
    """Whether both are missing at one time, and both lead up or both lead down."""
    way = (one.wanted > one.replicas) == (other.wanted > other.replicas)
    return way and one.at <= other.ends and other.at <= one.ends


def _remember(hpa: HorizontalPodAutoscaler, past: Sequence[Judged], base: int, sync: int) -> None:
    """The HPA's own changes as its policies count them: each at the last sync before its first sample."""
    ups, downs = list[Event](), list[Event]()
    for each in past:
        if each.sample is not None and each.sample.by == "hpa":
            change = each.after - each.sample.before
            event = Event(abs(change), each.at - (each.at - sync) % SYNC - base)
            (ups if change > 0 else downs).append(event)
    hpa.ups, hpa.downs = ups, downs


def _suspected(change: Judged, unexplained: Sequence[Judged]) -> Judged:
    """With who it may have been."""
    counts = Counter(each.after for each in unexplained)
    once = sum(count == 1 for count in counts.values())
    if counts[change.after] > 1:
        why = f"GitOps, Helm or an apply that writes replicas: the same count {counts[change.after]} times"
    elif once >= 4:
        why = f"another HPA or autoscaler on the same target: {once} times"
    else:
        why = "kubectl scale, or another writer of spec.replicas"
    return Judged(change.at, change.before, change.after, change.verdict, None, why)

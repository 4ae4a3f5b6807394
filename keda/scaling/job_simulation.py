"""One ScaledJob over time: KEDA's polls, the Jobs that begin and end."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from keda.scaling.jobs import ScaledJob, combined, decide, queue_metric
from keda.scaling.loop import Action
from keda.scaling.numbers import received, to_milli
from keda.scaling.reasons import Reason
from keda.scaling.signals import Queue, Signal, bare
from keda.scaling.simulation import Sample


@dataclass(frozen=True, slots=True)
class JobOptions:
    """A Job's life, in milliseconds: its pod runs `pending` after its creation, and it ends `lifetime` after
    it. A `pending` of at least `lifetime` is a pod that never runs.
    """

    lifetime: int
    pending: int = 0
    operator_outages: tuple[tuple[int, int], ...] = ()
    """From when to when KEDA's operator is away: no polls."""


@dataclass(slots=True)
class JobSimulation:
    """Steps through time with `run`. The triggers' signals come in the triggers' order; what they are given
    as ready replicas is the number of Jobs whose pod runs.

    A Job takes one item of a queue when its pod runs. Under the strategy accurate a queue counts what waits
    only, which that strategy is made for.
    """

    job: ScaledJob
    signals: Sequence[Signal]
    options: JobOptions
    _created: list[int] = field(default_factory=list)
    """When each unfinished Job was created, oldest first."""
    _queues: list[Queue] = field(init=False)

    def __post_init__(self) -> None:
        if len(self.signals) != len(self.job.triggers):
            raise ValueError(f"{len(self.job.triggers)} triggers need as many signals")
        self._queues = [each for each in map(bare, self.signals) if isinstance(each, Queue)]
        for queue in self._queues:
            queue.locked = self.job.strategy != "accurate"

    def run(self, until: int) -> Iterator[Sample]:
        """Every poll before `until`, the first at 0, and each moment at which Jobs end or pods begin."""
        poll, polling = 0, max(self.job.polling_interval, 1000)
        lifetime, pending = self.options.lifetime, self.options.pending
        now = -1
        while True:
            first = bisect_right(self._created, now - pending)
            starts = self._created[first] + pending if first < len(self._created) else until
            ends = self._created[0] + lifetime if self._created else until
            now = min(poll, starts, ends)
            if now >= until:
                return
            if now == ends:
                yield self._end(now)
            if now == starts:
                yield self._start(now)
            if now == poll:
                outages = self.options.operator_outages
                if not any(begins <= now < away for begins, away in outages):
                    yield self._poll(now)
                poll += polling

    def _end(self, now: int) -> Sample:
        before = len(self._created)
        count = bisect_right(self._created, now - self.options.lifetime)
        del self._created[:count]
        return self._sample(now, "job", before, None, Action(None, Reason("jobs-ended", {"count": count})))

    def _start(self, now: int) -> Sample:
        created = now - self.options.pending
        count = bisect_right(self._created, created) - bisect_left(self._created, created)
        self._take(now, count)
        before = len(self._created)
        return self._sample(now, "job", before, None, Action(None, Reason("jobs-started", {"count": count})))

    def _poll(self, now: int) -> Sample:
        """A trigger that fails is left out (getScaledJobMetrics, pkg/scaling/scale_handler.go)."""
        job, unfinished = self.job, len(self._created)
        if job.paused:
            return self._sample(now, "keda", unfinished, None, Action(None, Reason("paused")))
        values = self._values(now)
        most = job.effective_maximum
        read = [(value, each) for value, each in zip(values, job.triggers, strict=True) if value is not None]
        metrics = [
            queue_metric(received(to_milli(value)) / 1000, each.target / 1000, value > each.activation, most)
            for value, each in read
        ]
        state = combined(metrics, job)
        created = decide(job, state, unfinished, unfinished - self._running(now)).created
        numbers = {"wanted": state.most, "unfinished": unfinished, "created": created}
        if not metrics and not created:
            reason = Reason("jobs-no-value")
        elif not state.active:
            reason = Reason("inactive")
        elif unfinished < job.effective_minimum:
            reason = Reason("jobs-minimum", numbers | {"minimum": job.effective_minimum})
        else:
            more = any(value > each.activation and value * 1000 > most * each.target for value, each in read)
            limits = ("TooManyJobs",) if more and unfinished + created >= job.most else ()
            reason = Reason("jobs-created" if created else "jobs-enough", numbers, limits)
        self._created += [now] * created
        if not self.options.pending:
            self._take(now, created)
        action = Action(unfinished + created if created else None, reason)
        return self._sample(now, "keda", unfinished, state.most, action, values)

    def _sample(
        self,
        now: int,
        by: str,
        before: int,
        wanted: int | None,
        action: Action,
        values: tuple[float | None, ...] | None = None,
    ) -> Sample:
        read = self._values(now) if values is None else values
        return Sample(now, by, read, wanted, before, len(self._created), self._running(now), action)

    def _running(self, now: int) -> int:
        return bisect_right(self._created, now - self.options.pending)

    def _values(self, now: int) -> tuple[float | None, ...]:
        """A queue is given no replica: `_take` works it off."""
        ready = 0 if self._queues else self._running(now)
        return tuple([signal.at(now, ready) for signal in self.signals])

    def _take(self, now: int, count: int) -> None:
        for queue in self._queues:
            queue.at(now, 0)
        for _ in range(count):
            waiting = next((queue for queue in self._queues if queue.waiting), None)
            if waiting is not None:
                waiting.take(now)

"""One ScaledJob over time: KEDA's polls, the Jobs that begin and end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from keda.scaling.jobs import ScaledJob, combined, decide, queue_metric
from keda.scaling.numbers import received, to_milli
from keda.scaling.signals import Signal


@dataclass(frozen=True, slots=True)
class JobOptions:
    """A Job's life, in milliseconds: its pod runs `pending` after its creation, and it ends `lifetime` after
    it. A `pending` of at least `lifetime` is a pod that never runs.
    """

    lifetime: int
    pending: int = 0


class JobSample(NamedTuple):
    """One poll: what each trigger reads, the unfinished Jobs and those of them without a running pod before
    it, and how many it starts.
    """

    at: int
    values: tuple[float | None, ...]
    unfinished: int
    pending: int
    created: int


@dataclass(slots=True)
class JobSimulation:
    """Steps through time with `run`. The triggers' signals come in the triggers' order; what they are given
    as ready replicas is the number of Jobs whose pod runs.
    """

    job: ScaledJob
    signals: Sequence[Signal]
    options: JobOptions
    _begun: list[int] = field(default_factory=list)
    """When each unfinished Job was created, oldest first."""

    def __post_init__(self) -> None:
        if len(self.signals) != len(self.job.triggers):
            raise ValueError(f"{len(self.job.triggers)} triggers need as many signals")

    def run(self, until: int) -> Iterator[JobSample]:
        """Every poll before `until`; the first is at 0."""
        for now in range(0, until, max(self.job.polling_interval, 1000)):
            self._begun = [begun for begun in self._begun if begun + self.options.lifetime > now]
            unfinished = len(self._begun)
            pending = sum(begun + self.options.pending > now for begun in self._begun)
            values = tuple([signal.at(now, unfinished - pending) for signal in self.signals])
            created = self._created(values, unfinished, pending)
            self._begun += [now] * created
            yield JobSample(now, values, unfinished, pending, created)

    def _created(self, values: Sequence[float | None], unfinished: int, pending: int) -> int:
        """A trigger that fails is left out (getScaledJobMetrics, pkg/scaling/scale_handler.go)."""
        job, maximum = self.job, self.job.effective_maximum
        metrics = [
            queue_metric(
                received(to_milli(value)) / 1000, trigger.target / 1000, value > trigger.activation, maximum
            )
            for value, trigger in zip(values, job.triggers, strict=True)
            if value is not None
        ]
        return decide(job, combined(metrics, job), unfinished, pending).created

"""A ScaledObject or ScaledJob over time, and what it comes to: pods, waiting work, cold starts, flaps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from keda.scaling.job_simulation import JobOptions, JobSimulation
from keda.scaling.jobs import ScaledJob
from keda.scaling.scaled_object import ScaledObject
from keda.scaling.signals import Queue, Signal, SignalError, bare
from keda.scaling.simulation import Options, Sample, Simulation
from keda.timelines.notation import short

FLAP = 300_000
"""Replicas that come within so many milliseconds after others went have gone in vain."""


Scaled = ScaledObject | ScaledJob


@dataclass(frozen=True)
class Timeline:
    """A simulation from 0 to `until` milliseconds: each poll, sync and foreign write, in order; of a
    ScaledJob each poll, and the ends of Jobs.

    `queues` are the triggers whose signal the replicas work off; `waits` counts their items by age when a
    replica began them, in tenths of a second.
    """

    scaled_object: Scaled
    until: int
    samples: tuple[Sample, ...]
    queues: tuple[int, ...] = ()
    waits: Mapping[int, int] = field(default_factory=dict)

    @property
    def changes(self) -> list[Sample]:
        """The samples that change the replicas."""
        return [sample for sample in self.samples if sample.changed]

    @property
    def bounds(self) -> tuple[int, int]:
        """The lowest and the highest count of replicas, or of unfinished Jobs."""
        scaled = self.scaled_object
        if isinstance(scaled, ScaledJob):
            return scaled.effective_minimum, scaled.most
        return scaled.minimum, scaled.maximum

    @property
    def counted(self) -> str:
        """What is counted."""
        return "Jobs" if isinstance(self.scaled_object, ScaledJob) else "replicas"

    def spans(self) -> Iterator[tuple[Sample, int]]:
        """Each sample with the milliseconds until the next: its counts hold so long."""
        for index, sample in enumerate(self.samples):
            ends = self.samples[index + 1].at if index + 1 < len(self.samples) else self.until
            yield sample, ends - sample.at


def simulate(
    scaled_object: ScaledObject, signals: Sequence[Signal], options: Options, until: int
) -> Timeline:
    """Runs the simulation for `until` milliseconds."""
    samples = tuple(Simulation(scaled_object, signals, options).run(until))
    return with_waits(Timeline(scaled_object, until, samples), signals)


def simulate_jobs(job: ScaledJob, signals: Sequence[Signal], options: JobOptions, until: int) -> Timeline:
    """The same of a ScaledJob."""
    samples = tuple(JobSimulation(job, signals, options).run(until))
    return with_waits(Timeline(job, until, samples), signals)


def with_waits(timeline: Timeline, signals: Sequence[Signal]) -> Timeline:
    """The timeline with what the queues among its signals counted while it ran."""
    queues = {index: each for index, each in enumerate(map(bare, signals)) if isinstance(each, Queue)}
    waits = Counter[int]()
    for queue in queues.values():
        waits.update(queue.waits)
        waits.update((timeline.until - arrival) // 100 for arrival in queue.waiting)
    return replace(timeline, queues=tuple(queues), waits=waits)


def check_units(timeline: Timeline, options: Options) -> None:
    """Raises SignalError for a cpu or memory signal that is a thousand times too large or too small for its
    pods: millicores or MiB instead of cores and bytes.
    """
    scaled_object, (_, maximum) = timeline.scaled_object, timeline.bounds
    for index, trigger in enumerate(scaled_object.triggers):
        if not trigger.resource:
            continue
        requested = options.cpu_request if trigger.type == "cpu" else options.memory_request
        if trigger.metric_type != "Utilization":
            pod = trigger.target / 1000
        elif requested:
            pod = requested / 1000 * trigger.target / 100
        else:
            raise SignalError(
                f"{scaled_object.metric_name(index)}: {trigger.target} % of an unknown request. "
                f"Write --{trigger.type}-request."
            )
        values = [sample.values[index] for sample in timeline.samples]
        highest = max((value for value in values if value is not None and value == value), default=0.0)
        if highest > 1000 * pod * maximum or 0 < highest < pod / 1000:
            unit = "cores" if trigger.type == "cpu" else "bytes"
            name = scaled_object.metric_name(index)
            raise SignalError(
                f"{name}: at most {short(highest)} {unit} for pods whose target is {short(pod)} {unit} each: "
                f"the units are mixed up. Write the signal in {unit}."
            )


class Spread(NamedTuple):
    """What half of all is at most, what 95 % are at most, and the worst."""

    p50: float
    p95: float
    worst: float

    @classmethod
    def of(cls, weights: Mapping[float, int] | Mapping[int, int], scale: float = 1) -> Spread:
        """Of values by weight; nothing has 0 everywhere."""
        ordered, total = sorted(weights.items()), sum(weights.values())
        if not total:
            return cls(0, 0, 0)

        def share(part: float) -> float:
            seen = 0
            for value, weight in ordered:
                seen += weight
                if seen >= part * total:
                    return value * scale
            return ordered[-1][0] * scale

        return cls(share(0.5), share(0.95), ordered[-1][0] * scale)


@dataclass(frozen=True)
class Outcome:
    """What a timeline comes to. Times in seconds.

    `waiting` is work without a ready replica over time: of a queue, the items that nobody works on; else what
    the triggers' values exceed threshold x ready replicas by. `age` is how long a queue's items waited.
    `always_on` is the pod seconds of maxReplicaCount replicas all the time. `jobs`: how many a ScaledJob
    started; it has neither cold starts nor flaps.
    """

    seconds: float
    pod_seconds: float
    always_on: float
    at_maximum: float
    waiting: Spread | None
    age: Spread | None
    cold_starts: int
    flaps: int
    highest: int
    lowest: int
    gpus_per_pod: int = 0
    jobs: int | None = None

    @classmethod
    def of(cls, timeline: Timeline, gpus_per_pod: int = 0) -> Outcome:
        """Sums a timeline up."""
        scaled, (_, maximum) = timeline.scaled_object, timeline.bounds
        each = scaled.parallelism if isinstance(scaled, ScaledJob) else 1
        pods = full = 0
        waiting = Counter[float]()
        counts = set[int]()
        for sample, span in timeline.spans():
            pods += sample.replicas * each * span
            full += span if sample.replicas >= maximum else 0
            counts.add(sample.replicas)
            if span and (left := _without_a_replica(timeline, sample)) is not None:
                waiting[left] += span
        return cls(
            timeline.until / 1000,
            pods / 1000,
            maximum * each * timeline.until / 1000,
            full / 1000,
            Spread.of(waiting) if waiting else None,
            Spread.of(timeline.waits, 0.1) if timeline.queues else None,
            sum(1 for change in timeline.changes if change.before == 0),
            _flaps(timeline.changes),
            max(counts, default=0),
            min(counts, default=0),
            gpus_per_pod,
            _created(timeline.changes) if isinstance(scaled, ScaledJob) else None,
        )

    @property
    def gpu_hours(self) -> float:
        """Of all replicas, ready or not."""
        return self.pod_seconds * self.gpus_per_pod / 3600

    @property
    def gpu_hours_always_on(self) -> float:
        """Of maxReplicaCount replicas all the time."""
        return self.always_on * self.gpus_per_pod / 3600


def _without_a_replica(timeline: Timeline, sample: Sample) -> float | None:
    """The most that a trigger's value is above what the ready replicas take.

    None where that has no meaning: metrics that are no sums, and values that are not there.
    """
    found, scaled = [], timeline.scaled_object
    for index, (value, trigger) in enumerate(zip(sample.values, scaled.triggers, strict=True)):
        if isinstance(scaled, ScaledJob) and scaled.strategy == "accurate":
            each = 0.0  # what is in work is not counted
        elif index in timeline.queues:
            each = 1.0
        elif isinstance(scaled, ScaledJob):
            each = trigger.target / 1000
        elif trigger.metric_type != "AverageValue" or trigger.resource or scaled.modifiers:
            continue
        else:
            each = trigger.target / 1000
        if value is not None and value == value:
            found.append(max(value - sample.ready * each, 0.0))
    return max(found, default=None)


def _created(changes: Sequence[Sample]) -> int:
    return sum(change.replicas - change.before for change in changes if change.by == "keda")


def _flaps(changes: Sequence[Sample]) -> int:
    """How often replicas came less than FLAP after others went."""
    found, went = 0, None
    for change in changes:
        if change.replicas < change.before:
            went = change.at
        elif went is not None:
            found += change.at - went < FLAP
            went = None
    return found

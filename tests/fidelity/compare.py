"""A record against the simulation of the same ScaledObject with the same signals."""

from __future__ import annotations

import statistics
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from keda.manifests.patches import merged
from keda.scaling.controller import ControllerSettings
from keda.scaling.job_simulation import JobOptions, JobSimulation
from keda.scaling.manifest import read_scaled_job, read_scaled_object
from keda.scaling.scaled_object import Trigger
from keda.scaling.simulation import Edit, Options, SecondOwner, Simulation
from tests.fidelity.record import Point, Record
from tests.fidelity.signals import Timeline

PERIOD = 5.0
"""--horizontal-pod-autoscaler-sync-period of the lab, in seconds."""
DOWNSCALE = 40.0
"""--horizontal-pod-autoscaler-downscale-stabilization while the scenarios run, in seconds."""
SLACK = 0.4
"""From a write to the watch that reports it, on a busy machine."""
NEVER = 2 * 10**9
"""Longer than the pods that a simulation begins with have been there."""


@dataclass(frozen=True)
class Comparison:
    """`syncs`: how many of the HPA's were compared; `exact`: at how many the counts were equal at that very
    moment; `differences`: what one sync period of shift does not explain."""

    name: str
    syncs: int
    exact: int
    shift: float
    """The largest distance in time of two equal changes, in seconds."""
    differences: Sequence[str]
    real: Sequence[Point]
    simulated: Sequence[Point]


def compare(record: Record) -> Comparison:
    """Both counts at every sync of the HPA, and at every second."""
    simulated, syncs = simulate(record)
    if record.manifest["kind"] == "ScaledJob":
        simulated = one_by_one(simulated)
    real = [(max(at, 0.0), count) for at, count in record.replicas]
    period = sync_period(record)
    times = {at + SLACK for at, *_ in record.syncs} | set(syncs) | set(map(float, range(int(record.ran))))
    differences = []
    for at in sorted(time for time in times if 0 <= time <= record.ran):
        mine, theirs = count_at(simulated, at), count_at(real, at)
        if mine != theirs:
            reach = period + SLACK
            if theirs not in counts_within(simulated, at - reach, at + reach):
                differences.append(f"{at:.1f} s: really {theirs}, simulated {mine}")
            elif mine not in counts_within(real, at - reach, at + reach):
                differences.append(f"{at:.1f} s: simulated {mine}, really {theirs}")
    looked = syncs if record.manifest["kind"] == "ScaledJob" else [at for at, *_ in record.syncs]
    moments = [at + SLACK for at in looked if at + SLACK <= record.ran]
    exact = sum(count_at(simulated, at) == count_at(real, at) for at in moments)
    return Comparison(record.name, len(moments), exact, shift(real, simulated), differences, real, simulated)


def simulate(record: Record) -> tuple[list[Point], list[float]]:
    """The replicas over time, each change; and when the simulated HPA syncs."""
    if record.manifest["kind"] == "ScaledJob":
        return simulate_jobs(record)
    scaled_object = read_scaled_object(record.manifest)
    signals = timelines(record, scaled_object.triggers)
    start_up = start_up_of(record)
    options = Options(
        replicas=record.replicas[0][1],
        start_up=start_up,
        pending=max(start_up - record.delay * 1000, 0),
        cpu_request=record.request,
        status_delay=status_delay(record),
        created=round(record.created * 1000),
        metrics_delay=record.sampled_after * 1000,
        controller=ControllerSettings(
            sync_period=round(sync_period(record) * 1000), downscale_window=round(DOWNSCALE * 1000)
        ),
        hpa_offset=round(first_sync(record) * 1000),
        owners=tuple(
            SecondOwner(round(act["at"] * 1000), act["replicas"])
            for act in record.acts
            if act["replicas"] is not None
        ),
        edits=tuple(edits(record)),
        controller_outages=tuple(in_milliseconds(record.controller_away)),
        operator_outages=tuple(in_milliseconds(record.operator_away)),
    )
    changes, syncs = [(0.0, options.replicas)], []
    for sample in Simulation(scaled_object, signals, options).run(round(record.ran * 1000)):
        if sample.changed:
            changes.append((sample.at / 1000, sample.replicas))
        if sample.by == "hpa":
            syncs.append(sample.at / 1000)
    return changes, syncs


def simulate_jobs(record: Record) -> tuple[list[Point], list[float]]:
    """The unfinished Jobs over time, each change; and when KEDA polls."""
    job = read_scaled_job(record.manifest)
    starts = [entry["running"] - entry["created"] for entry in record.jobs if entry["running"] is not None]
    ends = [entry["ended"] - entry["created"] for entry in record.jobs if entry["ended"] is not None]
    lifetime = round(statistics.median(ends) * 1000) if ends else NEVER
    options = JobOptions(lifetime, round(statistics.median(starts) * 1000) if starts else NEVER)
    changes, polls = [(0.0, record.replicas[0][1])], []
    for sample in JobSimulation(job, timelines(record, job.triggers), options).run(round(record.ran * 1000)):
        if sample.changed:
            changes.append((sample.at / 1000, sample.replicas))
        if sample.by == "keda":
            polls.append(sample.at / 1000)
    return changes, polls


def timelines(record: Record, triggers: Sequence[Trigger]) -> list[Timeline]:
    return [
        Timeline(tuple((at, value) for at, value in steps), trigger.ignore_null_values)
        for steps, trigger in zip(record.signals, triggers, strict=True)
    ]


def edits(record: Record) -> Iterator[Edit]:
    """The ScaledObject after each patch; one of the spec is there when KEDA's loop begins anew."""
    manifest: Any = record.manifest
    patches = [(act["at"], act["patch"]) for act in record.acts if act["patch"] is not None]
    former = 0.0
    for at, patch in patches:
        manifest = merged(manifest, patch)
        if "spec" in patch:
            ends = [later for later, other in patches if ends_the_loop(other)]
            ends += [begins for begins, _ in record.operator_away]
            until = min((end for end in ends if end > at), default=record.ran)
            at = anew(record, at, until, manifest["spec"]["pollingInterval"])
        former = max(at, former)
        yield Edit(round(former * 1000), read_scaled_object(manifest))


def ends_the_loop(patch: Mapping[str, Any]) -> bool:
    """KEDA stops polling for it, or begins anew."""
    annotations = (patch.get("metadata") or {}).get("annotations") or {}
    return "spec" in patch or bool(
        {"autoscaling.keda.sh/paused", "autoscaling.keda.sh/paused-replicas"} & set(annotations)
    )


def anew(record: Record, at: float, until: float, interval: float) -> float:
    """When KEDA's loop began anew after a change of the spec at `at`: the first of the polls up to `until`
    that follow each other by `interval`. `at` itself where KEDA's loop reads nothing, as of cpu.
    """
    polls = [time for time in polls_of(record) if at < time < until]
    for last in reversed(polls):
        chain = [last]
        for time in reversed(polls):
            if abs(chain[-1] - time - interval) < SLACK / 2:
                chain.append(time)
        if len(chain) > 1:
            return chain[-1]
    return at


def polls_of(record: Record) -> list[float]:
    """When KEDA's loop read a trigger. The HPA's controller logs a sync right after its own read of each."""
    asking = [at for at, kind, desired in record.syncs if (kind, desired) != ("kept", 0)]
    polls: set[float] = set()
    for trigger, times in zip(record.manifest["spec"]["triggers"], record.served, strict=True):
        if trigger["type"] in ("cpu", "memory"):
            continue
        rest = list(times)
        for sync in asking if not trigger.get("useCachedMetrics") else ():
            if read := [time for time in rest if 0 <= sync - time < SLACK]:
                rest.remove(read[-1])
        polls.update(rest)
    return sorted(polls)


def sync_period(record: Record) -> float:
    """The middle distance of two syncs: the period and the work of one."""
    times = [at for at, *_ in record.syncs]
    distances = [after - before for before, after in zip(times, times[1:], strict=False)]
    usual = [distance for distance in distances if PERIOD - 0.5 < distance < PERIOD + 1]
    return statistics.median(usual) if usual else PERIOD


def first_sync(record: Record) -> float:
    """When the HPA syncs first, without what a single sync was late: from all before the first gap."""
    times, period = [at for at, *_ in record.syncs], sync_period(record)
    if not times:
        return PERIOD
    gap = next(
        (index for index in range(1, len(times)) if times[index] - times[index - 1] > 1.5 * period), None
    )
    return statistics.median(at - index * period for index, at in enumerate(times[:gap]))


def start_up_of(record: Record) -> int:
    """From a pod's creation until the target counts it as Ready, in milliseconds: the middle one."""
    if record.pods == "none":
        return NEVER
    delays = []
    for (_, before), (at, after) in zip(record.replicas, record.replicas[1:], strict=False):
        if after > before and (
            reached := [time for time, count in record.ready if time > at and count >= after]
        ):
            delays.append(reached[0] - at)
    return round(statistics.median(delays) * 1000) if delays else 0


def status_delay(record: Record) -> int:
    """How long status.replicas lags behind spec.replicas, in milliseconds: the middle one."""
    delays = []
    for at, count in record.replicas[1:]:
        reached = [time for time, same in record.status if time >= at and same == count]
        if reached and reached[0] - at < PERIOD:
            delays.append(reached[0] - at)
    return round(statistics.median(delays) * 1000) if delays else 0


def in_milliseconds(spans: Sequence[tuple[float, float]]) -> Iterator[tuple[int, int]]:
    return ((round(begins * 1000), round(ends * 1000)) for begins, ends in spans)


def one_by_one(points: Sequence[Point]) -> list[Point]:
    """With each count on the way: the Jobs of a poll start and end one after another."""
    found = list(points[:1])
    for at, count in points[1:]:
        before = found[-1][1]
        step = 1 if count > before else -1
        found += [(at, each) for each in range(before + step, count + step, step)]
    return found


def count_at(points: Sequence[Point], at: float) -> int:
    """The count at a time; before the first point it is the first one."""
    return points[max(bisect_right([time for time, _ in points], at) - 1, 0)][1]


def counts_within(points: Sequence[Point], begins: float, ends: float) -> set[int]:
    """All counts between two times, both included."""
    return {count_at(points, begins)} | {count for at, count in points if begins <= at <= ends}


def shift(real: Sequence[Point], simulated: Sequence[Point]) -> float:
    """The largest distance in time between a real change and the next simulated one to the same count."""
    return max(
        (
            min((abs(at - other) for other, same in simulated[1:] if same == count), default=0.0)
            for at, count in real[1:]
        ),
        default=0.0,
    )

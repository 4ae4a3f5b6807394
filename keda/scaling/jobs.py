"""How many Jobs a ScaledJob starts in one poll (KEDA 2.19.0, pkg/scaling/executor/scale_jobs.go and
pkg/scaling/scaledjob/metrics.go).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from keda.core.defaults import DEFAULT_MAX, KEDA_VERSION
from keda.scaling.numbers import int64
from keda.scaling.scaled_object import Trigger, Triggered


@dataclass(frozen=True, slots=True)
class ScaledJob(Triggered):
    """`strategy`: default, custom, accurate or eager; anything else is default. `calculation`: min, avg, sum;
    anything else is max.
    """

    minimum: int | None = None
    maximum: int | None = None
    strategy: str = ""
    calculation: str = ""
    deduction: int = 0
    """customScalingQueueLengthDeduction"""
    running_share: str = ""
    """customScalingRunningJobPercentage, as written"""
    triggers: tuple[Trigger, ...] = ()
    polling_interval: int = 30_000
    """Milliseconds."""
    name: str = ""
    paused: bool = False
    """By its annotation: KEDA's loop is stopped."""
    parallelism: int = 1
    """Pods of each Job."""
    version: str = KEDA_VERSION

    @property
    def most(self) -> int:
        """So many Jobs may be unfinished at once."""
        return self.effective_minimum + self.effective_maximum

    @property
    def effective_minimum(self) -> int:
        """MinReplicaCount: never above the maximum (apis/keda/v1alpha1/scaledjob_types.go)."""
        if self.minimum is None:
            return 0
        return self.minimum if self.maximum is None else min(self.minimum, self.maximum)

    @property
    def effective_maximum(self) -> int:
        """MaxReplicaCount: what may come on top of the minimum; the default is not reduced by it."""
        if self.maximum is None:
            return DEFAULT_MAX
        if self.minimum is not None and self.minimum > self.maximum:
            return self.maximum
        return self.maximum - self.effective_minimum


class QueueMetric(NamedTuple):
    """One trigger: its queue length, the Jobs it asks for, and whether it is active."""

    length: float
    jobs: float
    active: bool


class JobState(NamedTuple):
    """Over all triggers: `length` is what Jobs are made for, `most` how many may exist for it."""

    active: bool
    length: int
    most: int


class JobDecision(NamedTuple):
    """`created` Jobs now, at most `allowed`; 0 without an active trigger."""

    created: int
    allowed: int


def queue_metric(value: float, target: float, active: bool, maximum: int) -> QueueMetric:
    """CalculateQueueLengthAndMaxValue; `value` and `target` in units."""
    jobs = min(value / target, float(maximum)) if target else 0.0
    return QueueMetric(value, jobs, active)


def combined(metrics: Sequence[QueueMetric], job: ScaledJob) -> JobState:
    """IsScaledJobActive: inactive triggers do not count; a minimum above 0 makes it active."""
    used = [metric for metric in metrics if metric.active]
    length, jobs, active = 0.0, 0.0, bool(used)
    if job.calculation == "min":
        active = False
        for metric in used:
            if length == 0 or metric.length < length:
                length, jobs, active = metric.length, metric.jobs, True
    elif job.calculation in ("avg", "sum"):
        parts = max(len(used), 1) if job.calculation == "avg" else 1
        length = sum(metric.length for metric in used) / parts
        jobs = sum(metric.jobs for metric in used) / parts
    else:
        active = False
        for metric in used:
            if metric.length > length:
                length, jobs, active = metric.length, metric.jobs, True
    jobs = min(jobs, float(job.effective_maximum))
    return JobState(active or job.effective_minimum > 0, math.ceil(length), math.ceil(jobs))


def decide(job: ScaledJob, state: JobState, running: int, pending: int) -> JobDecision:
    """RequestJobScale: `running` Jobs are not finished, `pending` ones of them have no running pod yet."""
    minimum, wanted = job.effective_minimum, state.length
    if running < minimum:
        wanted = allowed = minimum - running
    else:
        allowed, wanted = _allowed(job, state, running - minimum, pending)
    allowed = max(allowed, 0)
    return JobDecision(min(wanted, allowed) if state.active else 0, allowed)


def _allowed(job: ScaledJob, state: JobState, running: int, pending: int) -> tuple[int, int]:
    """GetEffectiveMaxScale of the strategy: how many Jobs may come, and how many are wanted."""
    maximum, most = job.effective_maximum, state.most
    if job.strategy == "custom":
        try:
            share = float(job.running_share)
        except ValueError:
            return most - running, state.length  # KEDA takes the default strategy then
        return min(most - job.deduction - int64(running * share), maximum), state.length
    if job.strategy == "accurate":
        if most + running - pending > maximum:
            return maximum - running, state.length
        return most - pending, state.length
    if job.strategy == "eager":
        return min(maximum - running - pending, most), maximum
    return most - running, state.length

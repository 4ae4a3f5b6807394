"""How many replicas one metric asks for (Kubernetes 1.34.3,
pkg/controller/podautoscaler/replica_calculator.go).

Values and targets are milli, except a utilization target, which is percent of the pods' requests.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from keda.scaling.numbers import MAX_INT32, MAX_INT64, ceil, divide, int32, quotient

Phase = Literal["Pending", "Running", "Succeeded", "Failed"]


class MetricFailed(Exception):
    """A metric from which no replica count follows; `kind` names the cause."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Tolerances:
    """The share by which a ratio may leave 1 without a change, for each direction."""

    down: float = 0.1
    up: float = 0.1

    def hold(self, ratio: float) -> bool:
        """Both ends included: a ratio of exactly 1.1 changes nothing; NaN is outside."""
        return 1.0 - self.down <= ratio <= 1.0 + self.up


@dataclass(frozen=True, slots=True)
class Pod:
    """What the controller reads of a pod; `ready` is None without a Ready condition.

    `started` and `ready_since` are times (`ready_since`: the condition's last change), `request` is milli.
    """

    name: str
    phase: Phase = "Running"
    ready: bool | None = True
    started: int | None = 0
    ready_since: int = 0
    deleting: bool = False
    request: int | None = None


@dataclass(frozen=True, slots=True)
class PodMetric:
    """One pod's usage, milli, measured up to `at` over `window` milliseconds."""

    value: int
    at: int = 0
    window: int = 60_000


@dataclass(frozen=True, slots=True)
class Readiness:
    """--horizontal-pod-autoscaler-cpu-initialization-period and -initial-readiness-delay, milliseconds."""

    cpu_initialization: int = 300_000
    initial_delay: int = 30_000


class Proposal(NamedTuple):
    """The replicas that one metric asks for, and its usage: milli, or percent for a utilization."""

    replicas: int
    usage: int


class Groups(NamedTuple):
    """groupPods: how many pods count, and the names of the others."""

    ready: int
    unready: frozenset[str]
    missing: frozenset[str]
    ignored: frozenset[str]


def external_average(total: int, target: int, status_replicas: int, tolerances: Tolerances) -> Proposal:
    """AverageValue of an external metric, KEDA's default (GetExternalPerPodMetricReplicas)."""
    if total < 0:  # taken for an overflow: the controller reads it as the highest value
        total = MAX_INT64
    replicas = status_replicas
    if not tolerances.hold(divide(float(total), float(target) * float(status_replicas))):
        wanted = ceil(divide(float(total), float(target)))
        replicas = MAX_INT32 if wanted > MAX_INT32 else int32(wanted)
    if float(total) >= float(MAX_INT64):
        return Proposal(replicas, MAX_INT64)
    return Proposal(replicas, int(ceil(total / status_replicas)) if status_replicas else 0)


def object_average(total: int, target: int, status_replicas: int, tolerances: Tolerances) -> Proposal:
    """AverageValue of an object metric (GetObjectPerPodMetricReplicas)."""
    replicas = status_replicas
    if not tolerances.hold(divide(float(total), float(target) * float(status_replicas))):
        replicas = int32(ceil(divide(float(total), float(target))))
    return Proposal(replicas, int(ceil(total / status_replicas)) if status_replicas else 0)


def whole_value(total: int, target: int, current: int, ready: int | None, tolerances: Tolerances) -> Proposal:
    """Value of an external or object metric: times the ready pods, not the replicas
    (getUsageRatioReplicaCount). `ready` is None where no pod is there. Raises MetricFailed then.
    """
    ratio = divide(float(total), float(target))
    if current == 0:
        return Proposal(int32(ceil(ratio)), total)
    if tolerances.hold(ratio):
        return Proposal(current, total)
    if ready is None:
        raise MetricFailed("no-pods")
    return Proposal(int32(ceil(ratio * float(ready))), total)


def group_pods(
    pods: Sequence[Pod], metrics: Mapping[str, PodMetric], *, cpu: bool, readiness: Readiness, now: int
) -> Groups:
    """Which pods count, have no metric yet, are not ready, or are on their way out (groupPods)."""
    ready, unready, missing, ignored = 0, set[str](), set[str](), set[str]()
    for pod in pods:
        if pod.deleting or pod.phase == "Failed":
            ignored.add(pod.name)
        elif pod.phase == "Pending":
            unready.add(pod.name)
        elif pod.name not in metrics:
            missing.add(pod.name)
        elif cpu and _cpu_not_ready(pod, metrics[pod.name], readiness, now):
            unready.add(pod.name)
        else:
            ready += 1
    return Groups(ready, frozenset(unready), frozenset(missing), frozenset(ignored))


def _cpu_not_ready(pod: Pod, metric: PodMetric, readiness: Readiness, now: int) -> bool:
    """While a pod starts, a sample counts only if it was measured wholly after the pod became ready."""
    if pod.ready is None or pod.started is None:
        return True
    if pod.started + readiness.cpu_initialization > now:
        return not pod.ready or metric.at < pod.ready_since + metric.window
    return not pod.ready and pod.started + readiness.initial_delay > pod.ready_since


def pod_average(
    pods: Sequence[Pod],
    metrics: Mapping[str, PodMetric],
    target: int,
    current: int,
    tolerances: Tolerances,
    *,
    cpu: bool = False,
    readiness: Readiness = Readiness(),  # noqa: B008 - frozen
    now: int = 0,
) -> Proposal:
    """AverageValue of a resource or pods metric (calcPlainMetricReplicas). Raises MetricFailed."""
    groups, counted = _counted(pods, metrics, cpu, readiness, now)
    usage = _mean(counted.values())
    ratio = usage / target
    filled = _filled(ratio, groups, counted, dict.fromkeys(groups.missing, target))
    if filled is None:
        replicas = current if tolerances.hold(ratio) else int32(ceil(ratio * groups.ready))
        return Proposal(replicas, usage)
    corrected = _mean(filled.values()) / target
    return Proposal(_same_direction(ratio, corrected, len(filled), current, tolerances), usage)


class Utilization(NamedTuple):
    """The replicas that a utilization asks for; percent of the requests; mean usage in milli."""

    replicas: int
    percent: int
    usage: int


def utilization(
    pods: Sequence[Pod],
    metrics: Mapping[str, PodMetric],
    target: int,
    current: int,
    tolerances: Tolerances,
    *,
    cpu: bool = True,
    readiness: Readiness = Readiness(),  # noqa: B008 - frozen
    now: int = 0,
) -> Utilization:
    """Utilization in percent of the requests (GetResourceReplicas). Raises MetricFailed."""
    groups, counted = _counted(pods, metrics, cpu, readiness, now)
    requests = {}
    for pod in pods:
        if pod.request is None:
            raise MetricFailed("no-request")
        requests[pod.name] = pod.request
    percent, usage = _percent(counted, requests)
    ratio = percent / target
    # On the way down a pod without a metric is taken to use all it requested, or the target if that is more.
    full = {name: quotient(requests[name] * max(100, target), 100) for name in groups.missing}
    filled = _filled(ratio, groups, counted, full)
    if filled is None:
        replicas = current if tolerances.hold(ratio) else int32(ceil(ratio * groups.ready))
        return Utilization(replicas, percent, usage)
    corrected = _percent(filled, requests)[0] / target
    replicas = _same_direction(ratio, corrected, len(filled), current, tolerances)
    return Utilization(replicas, percent, usage)


def _counted(
    pods: Sequence[Pod], metrics: Mapping[str, PodMetric], cpu: bool, readiness: Readiness, now: int
) -> tuple[Groups, dict[str, int]]:
    if not pods:
        raise MetricFailed("no-pods")
    groups = group_pods(pods, metrics, cpu=cpu, readiness=readiness, now=now)
    left_out = groups.ignored | groups.unready
    counted = {name: metric.value for name, metric in metrics.items() if name not in left_out}
    if not counted:
        raise MetricFailed("no-metrics")
    return groups, counted


def _filled(
    ratio: float, groups: Groups, counted: Mapping[str, int], full: Mapping[str, int]
) -> dict[str, int] | None:
    """The values with a guess for the pods that are missing or not ready, each against the change;
    None if nothing has to be guessed.
    """
    unready_up = bool(groups.unready) and ratio > 1.0
    if not unready_up and not groups.missing:
        return None
    filled = dict(counted)
    if ratio < 1.0:
        filled |= full
    elif ratio > 1.0:
        filled |= dict.fromkeys(groups.missing, 0)
    if unready_up:
        filled |= dict.fromkeys(groups.unready, 0)
    return filled


def _same_direction(
    ratio: float, corrected: float, entries: int, current: int, tolerances: Tolerances
) -> int:
    """The guesses may shrink a change, but never turn it round."""
    turned = (ratio < 1.0 < corrected) or (corrected < 1.0 < ratio)
    if turned or tolerances.hold(corrected):
        return current
    replicas = int32(ceil(corrected * entries))
    wrong_way = (corrected < 1.0 and replicas > current) or (corrected > 1.0 and replicas < current)
    return current if wrong_way else replicas


def _mean(values: Collection[int]) -> int:
    return quotient(sum(values), len(values))


def _percent(values: Mapping[str, int], requests: Mapping[str, int]) -> tuple[int, int]:
    """Utilization in whole percent, cut, and the mean usage (metrics/utilization.go). Raises MetricFailed."""
    known = [name for name in values if name in requests]
    used, requested = sum(values[name] for name in known), sum(requests[name] for name in known)
    if requested == 0:
        raise MetricFailed("no-known-pods")
    return quotient(used * 100, requested), quotient(used, len(known))

"""One ScaledObject over time: KEDA's polls, the HPA's syncs, the pods that come and go.

KEDA polls at 0 and then every polling interval, the HPA syncs at `Options.hpa_offset` and then every sync
period. Where both fall on one moment, KEDA comes first. A write takes no time.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from keda.scaling.behavior import Behavior, ScalingRules
from keda.scaling.controller import ControllerSettings, Decision, HorizontalPodAutoscaler, Proposals
from keda.scaling.jobs import ScaledJob
from keda.scaling.loop import Action, Loop
from keda.scaling.metrics import Metrics
from keda.scaling.quiet import Quiet, applies
from keda.scaling.reasons import Reason
from keda.scaling.replicas import (
    MetricFailed,
    Phase,
    Pod,
    PodMetric,
    external_average,
    pod_average,
    utilization,
    whole_value,
)
from keda.scaling.scaled_object import MetricType, ScaledObject
from keda.scaling.signals import Signal


class SecondOwner(NamedTuple):
    """Someone else writes spec.replicas: kubectl scale, GitOps, another HPA."""

    at: int
    replicas: int


class Edit(NamedTuple):
    """The ScaledObject is another one from `at` on: its annotations or its spec were changed."""

    at: int
    scaled_object: ScaledObject


@dataclass(frozen=True, slots=True)
class Options:
    """The world around a ScaledObject; times in milliseconds.

    A pod is Pending for `pending`, then Running, and Ready after `start_up` in all. `cpu_request` and
    `memory_request` are one pod's, milli (of cores, of bytes), for triggers that the HPA reads itself.
    """

    replicas: int = 0
    start_up: int = 0
    pending: int = 0
    cpu_request: int = 1000
    memory_request: int = 0
    metrics_delay: int = 15_000
    """How long after its start a pod has no cpu or memory sample yet."""
    status_delay: int = 0
    """How long the target's status.replicas lags behind its spec.replicas."""
    created: int = 0
    """When the ScaledObject was created; its first poll is at 0."""
    controller: ControllerSettings = ControllerSettings()
    hpa_offset: int = 0
    owners: tuple[SecondOwner, ...] = ()
    edits: tuple[Edit, ...] = ()
    controller_outages: tuple[tuple[int, int], ...] = ()
    """From when to when kube-controller-manager is away; its first sync comes one period after its start."""
    operator_outages: tuple[tuple[int, int], ...] = ()
    """From when to when KEDA's operator is away: no polls, and no external metrics for the HPA."""


class Sample(NamedTuple):
    """One moment: what each trigger reads, what the metrics ask for, the replicas set and ready, and why.

    `by` is keda, hpa or other, and job for Jobs that start or end; `wanted` is None where nobody asked the
    metrics. Of a ScaledJob, the replicas are its unfinished Jobs, and the ready ones those whose pod runs.
    """

    at: int
    by: str
    values: tuple[float | None, ...]
    wanted: int | None
    before: int
    replicas: int
    ready: int
    decision: Action | Decision | SecondOwner

    @property
    def changed(self) -> bool:
        """Whether the replicas changed at this moment."""
        return self.before != self.replicas


@dataclass(slots=True)
class Simulation:
    """Steps through time with `run`. The triggers' signals come in the triggers' order."""

    scaled_object: ScaledObject
    signals: Sequence[Signal]
    options: Options = Options()
    replicas: int = field(init=False)
    loop: Loop = field(init=False)
    hpa: HorizontalPodAutoscaler = field(init=False)
    metrics: Metrics = field(init=False)
    _pods: list[int] = field(default_factory=list)
    """When each pod was created, oldest first."""
    _scaled: tuple[int, int] = (-(10**9), 0)
    """When the replicas changed last, and from which count."""
    _order: tuple[int | None, ...] = field(init=False)
    _frozen: bool = field(init=False)
    """Paused, with neither a loop nor an HPA."""

    def __post_init__(self) -> None:
        scaled_object, options = self.scaled_object, self.options
        if len(self.signals) != len(scaled_object.triggers):
            raise ValueError(f"{len(scaled_object.triggers)} triggers need as many signals")
        self.replicas = options.replicas
        self._pods = [-(10**9)] * options.replicas
        self.loop, self.metrics = Loop(scaled_object, options.created), Metrics(scaled_object)
        self._order = hpa_metrics(scaled_object)
        self._frozen = self.loop.paused and self.loop.paused_poll(self.replicas).replicas is None
        self.restart_controller()

    def restart_controller(self) -> None:
        """The controller-manager begins again: recommendations and events are gone."""
        options = self.options
        self.hpa = HorizontalPodAutoscaler(
            *hpa_bounds(self.scaled_object),
            behavior_of(self.scaled_object, options.controller),
            options.controller,
        )

    def run(self, until: int) -> Iterator[Sample]:
        """Every poll, sync and foreign write before `until`, in order."""
        return self._run(until, None)

    def changes(self, until: int) -> Iterator[Sample]:
        """The samples of `run` that change the replicas, found faster where `quiet` applies."""
        quiet, options = None, self.options
        undisturbed = not (options.controller_outages or options.operator_outages or options.edits)
        if undisturbed and applies(self.scaled_object, self.signals):
            period = options.controller.sync_period
            quiet = Quiet(
                self.scaled_object, self.signals[0], self.polling, period, options.hpa_offset, until
            )
        return (sample for sample in self._run(until, quiet) if sample.changed)

    @property
    def polling(self) -> int:
        """The polling interval; KEDA takes 0 as no pause at all, here it is a second."""
        return max(self.scaled_object.polling_interval, 1000)

    def _run(self, until: int, quiet: Quiet | None) -> Iterator[Sample]:
        options, period = self.options, self.options.controller.sync_period
        others: deque[SecondOwner | Edit] = deque((*options.owners, *options.edits))
        others = deque(sorted(others, key=lambda other: other.at))
        outages = deque(sorted(options.controller_outages))
        poll, sync = 0, options.hpa_offset
        while True:
            foreign = others[0].at if others else until
            now = min(poll, sync, foreign)
            if now >= until:
                return
            before = self.replicas
            if now == foreign:
                other = others.popleft()
                if isinstance(other, Edit):
                    poll, sync = self._edit(other, poll, sync)
                else:
                    yield self._second_owner(other)
                continue
            if now == poll and (back := self._operator_back(now)) is not None:
                self.metrics.cached.clear()  # status.health and lastActiveTime outlive the operator
                poll = back
            elif now == poll:
                yield self._poll(now)
                poll += self.polling
            if now == sync and outages and outages[0][0] <= now:
                self.restart_controller()
                sync = max(outages.popleft()[1] + period, now)
            elif now == sync:
                if not self._frozen:
                    yield self._sync(now)
                sync += period
            if quiet is not None and self.replicas == before:
                poll, sync = quiet.skip(poll, sync, foreign, before, self.hpa, self.loop)

    def _operator_back(self, now: int) -> int | None:
        """When an outage of the operator ends that it is in now."""
        return next((ends for begins, ends in self.options.operator_outages if begins <= now < ends), None)

    def _edit(self, edit: Edit, poll: int, sync: int) -> tuple[int, int]:
        """The next poll and sync. A change of the spec starts KEDA's loop again, one of annotations does not.

        A pause deletes the HPA and ends the loop. Where paused-replicas asks for another count than there is,
        both are made again at once, the HPA before its controller misses it: its minimum and maximum are that
        count, and it stays (reconcileScaledObject, controllers/keda/scaledobject_controller.go; seen).
        """
        old, new, was_paused, frozen = self.scaled_object, edit.scaled_object, self.loop.paused, self._frozen
        self.scaled_object = self.loop.scaled_object = self.metrics.scaled_object = new
        self._order = hpa_metrics(new)
        moves = not self.loop.paused or self.loop.paused_poll(self.replicas).replicas is not None
        self._frozen = not moves and (frozen or not was_paused)
        if frozen and not self._frozen:
            self.restart_controller()
            return edit.at, edit.at + self.options.controller.sync_period
        self.hpa.edit(*hpa_bounds(new), behavior_of(new, self.options.controller))
        again = self.loop.paused > was_paused or new != replace(old, annotations=new.annotations)
        return (edit.at if again else poll), sync

    def ready(self, now: int) -> int:
        """How many pods are Ready."""
        pods, oldest = self._pods, now - self.options.start_up
        return len(pods) if not pods or pods[-1] <= oldest else bisect_right(pods, oldest)

    def _poll(self, now: int) -> Sample:
        before, ready = self.replicas, self.ready(now)
        values = self._values(now, ready)
        if self.loop.paused:
            action = self.loop.paused_poll(before)
        else:
            action = self.loop.poll(now, before, self.metrics.poll(values.__getitem__, before, ready))
        if action.replicas is not None:
            self._scale(now, action.replicas)
        return Sample(now, "keda", values, None, before, self.replicas, self.ready(now), action)

    def _sync(self, now: int) -> Sample:
        before, ready = self.replicas, self.ready(now)
        values = self._values(now, ready)
        decision = self.hpa.sync(now, before, lambda: self._proposals(now, values, ready))
        if decision.desired != before:
            self._scale(now, decision.desired)
        ready = self.ready(now)
        return Sample(now, "hpa", values, decision.wanted, before, self.replicas, ready, decision)

    def _second_owner(self, owner: SecondOwner) -> Sample:
        before = self.replicas
        self._scale(owner.at, owner.replicas)
        ready = self.ready(owner.at)
        return Sample(
            owner.at, "other", self._values(owner.at, ready), None, before, self.replicas, ready, owner
        )

    def _values(self, now: int, ready: int) -> tuple[float | None, ...]:
        return tuple([signal.at(now, ready) for signal in self.signals])

    def _scale(self, now: int, replicas: int) -> None:
        """New pods begin now; the newest go first, as the ReplicaSet controller has it."""
        pods = self._pods
        self._scaled = now, self.replicas
        if replicas < len(pods):
            del pods[replicas:]
        else:
            pods.extend([now] * (replicas - len(pods)))
        self.replicas = replicas

    def _proposals(self, now: int, values: tuple[float | None, ...], ready: int) -> Proposals:
        """What each of the HPA's metrics asks for."""
        scaled_object, metrics, read = self.scaled_object, self.metrics, values.__getitem__
        asked: list[int | None] = []
        away = self._operator_back(now) is not None if self.options.operator_outages else False
        for index in self._order:
            if away and (index is None or not scaled_object.triggers[index].resource):
                asked.append(None)
            elif index is None:
                modifiers = scaled_object.modifiers
                assert modifiers is not None
                total = metrics.composite_for_hpa(read, self.replicas, ready)
                asked.append(self._external(now, total, modifiers.target, modifiers.metric_type, ready))
            elif scaled_object.triggers[index].resource:
                asked.append(self._resource(now, index, values[index], ready))
            else:
                trigger = scaled_object.triggers[index]
                total = metrics.for_hpa(index, read, self.replicas, ready)
                asked.append(self._external(now, total, trigger.target, trigger.metric_type, ready))
        return asked

    def _external(
        self, now: int, total: int | None, target: int, metric_type: MetricType, ready: int
    ) -> int | None:
        if total is None:
            return None
        tolerances, replicas = self.hpa.tolerances, self.replicas
        if metric_type != "Value":
            changed, before = self._scaled
            status = before if now - changed < self.options.status_delay else replicas
            return external_average(total, target, status, tolerances).replicas
        return whole_value(total, target, replicas, ready, tolerances).replicas

    def _resource(self, now: int, index: int, used: float | None, ready: int) -> int | None:
        """cpu and memory: the signal is what all pods use, in cores or bytes, spread over the ready ones."""
        if used is None or used != used:  # metrics.k8s.io has no NaN
            return None
        options, trigger = self.options, self.scaled_object.triggers[index]
        share = int(used * 1000 / ready) if ready else 0
        request = options.cpu_request if trigger.type == "cpu" else options.memory_request
        pods, samples = [], {}
        for number, created in enumerate(self._pods):
            started, since, name = created + options.pending, created + options.start_up, str(number)
            running, is_ready = now >= started, now >= since
            phase: Phase = "Running" if running else "Pending"
            pods.append(Pod(name, phase, is_ready, started, since if is_ready else started, False, request))
            if running and now >= started + options.metrics_delay:
                samples[name] = PodMetric(share if is_ready else 0, now, options.metrics_delay)
        cpu, readiness = trigger.type == "cpu", options.controller.readiness
        compute = utilization if trigger.metric_type == "Utilization" else pod_average
        try:
            return compute(
                pods,
                samples,
                trigger.target,
                self.replicas,
                self.hpa.tolerances,
                cpu=cpu,
                readiness=readiness,
                now=now,
            ).replicas
        except MetricFailed:
            return None


def hpa_bounds(scaled_object: ScaledObject) -> tuple[int, int]:
    """The HPA's minimum and maximum; paused-replicas is both of them (newHPAForScaledObject,
    controllers/keda/hpa.go).
    """
    count = scaled_object.annotations.paused_replicas
    if count is None:
        return scaled_object.hpa_minimum, scaled_object.maximum
    return max(1, count), max(1, count)


def behavior_of(scaled_object: ScaledObject, settings: ControllerSettings) -> Behavior | None:
    """The HPA's behavior as KEDA writes it: the ScaledObject's, with a paused direction disabled
    (controllers/keda/hpa.go).
    """
    up, down, annotations = scaled_object.scale_up, scaled_object.scale_down, scaled_object.annotations
    if annotations.paused_scale_in:
        down = _disabled(down)
    if annotations.paused_scale_out:
        up = _disabled(up)
    if up is None and down is None:
        return None
    return Behavior.filled(up, down, settings.downscale_window)


def _disabled(rules: ScalingRules | None) -> ScalingRules:
    rules = rules or ScalingRules()
    return ScalingRules(rules.window, "Disabled", rules.policies, rules.tolerance)


def reason_of(sample: Sample, scaled_object: ScaledObject | ScaledJob) -> Reason:
    """Why the sample's count is what it is, as a kind and numbers."""
    decision = sample.decision
    if isinstance(decision, SecondOwner):
        return Reason("second-owner", {"replicas": decision.replicas})
    if isinstance(decision, Action):
        return decision.reason
    assert isinstance(scaled_object, ScaledObject)  # a ScaledJob has no HPA
    names = [_metric_name(scaled_object, index) for index in hpa_metrics(scaled_object)]
    numbers: dict[str, int | float | str] = {
        "metric": "" if decision.metric is None else names[decision.metric],
        "wanted": 0 if decision.wanted is None else decision.wanted,
        "minimum": scaled_object.hpa_minimum,
        "maximum": scaled_object.maximum,
        "failed": decision.failed,
        "metrics": len(names),
    }
    return Reason(decision.kind, numbers, decision.limits)


def hpa_metrics(scaled_object: ScaledObject) -> tuple[int | None, ...]:
    """The HPA's metrics as KEDA orders them: indexes of triggers, None for the composite metric
    (getScaledObjectMetricSpecs, controllers/keda/hpa.go).
    """
    triggers = list(enumerate(scaled_object.triggers))
    external = tuple(index for index, trigger in triggers if not trigger.resource)
    resource = tuple(index for index, trigger in triggers if trigger.resource)
    if scaled_object.modifiers is not None:
        return (*resource, None)
    return external + resource


def _metric_name(scaled_object: ScaledObject, index: int | None) -> str:
    return "composite-metric" if index is None else scaled_object.metric_name(index)

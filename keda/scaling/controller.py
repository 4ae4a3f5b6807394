"""One HPA in the HPA controller (Kubernetes 1.34.3, pkg/controller/podautoscaler/horizontal.go)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from keda.scaling.behavior import (
    Behavior,
    Event,
    Recommendations,
    down_limit,
    store_event,
    unruled_up_limit,
    up_limit,
)
from keda.scaling.replicas import Readiness, Tolerances

Proposals = Sequence[int | None]
"""What each metric asks for; None where it failed."""


@dataclass(frozen=True, slots=True)
class ControllerSettings:
    """kube-controller-manager's options with their defaults (config/v1alpha1/defaults.go); milliseconds."""

    sync_period: int = 15_000
    tolerance: float = 0.1
    downscale_window: int = 300_000
    readiness: Readiness = Readiness()
    configurable_tolerance: bool = False
    """Feature gate HPAConfigurableTolerance: alpha and off in 1.34."""


class Decision(NamedTuple):
    """What one sync does. `wanted` is what the metrics ask for, None if none was asked.

    `kind` and `limits` are keys of `reasons`; `metric` is the index of the metric that asks for the most.
    """

    desired: int
    wanted: int | None
    kind: str
    metric: int | None = None
    limits: tuple[str, ...] = ()
    failed: int = 0


class Chosen(NamedTuple):
    """The proposal that counts, the index of its metric, and how many metrics failed."""

    replicas: int | None
    metric: int | None
    failed: int


def combine(proposals: Proposals, current: int) -> Chosen:
    """The largest proposal (computeReplicasForMetrics). None if all failed, or if some did and the rest would
    scale down: a failing metric never lets replicas go.
    """
    replicas, metric, failed = 0, None, 0
    for index, proposal in enumerate(proposals):
        if proposal is None:
            failed += 1
        elif replicas == 0 or proposal > replicas:
            replicas, metric = proposal, index
    if failed >= len(proposals) or (failed and replicas < current):
        return Chosen(None, None, failed)
    return Chosen(replicas, metric, failed)


def within_rules(current: int, desired: int, minimum: int, maximum: int) -> tuple[int, str]:
    """Without a behavior (convertDesiredReplicasWithRules): the count, and its limit or ""."""
    limit = unruled_up_limit(current)
    most, kind = (limit, "ScaleUpLimit") if maximum > limit else (maximum, "TooManyReplicas")
    if desired < minimum:
        return minimum, "TooFewReplicas"
    return (most, kind) if desired > most else (desired, "")


def within_behavior(
    current: int,
    desired: int,
    minimum: int,
    maximum: int,
    behavior: Behavior,
    ups: list[Event],
    downs: list[Event],
    now: int,
) -> tuple[int, str]:
    """With a behavior (convertDesiredReplicasWithBehaviorRate): the count, and its limit or ""."""
    if desired > current:
        limit = max(current, up_limit(current, behavior.up, ups, downs, now))
        most, kind = (limit, "ScaleUpLimit") if maximum > limit else (maximum, "TooManyReplicas")
        return (most, kind) if desired > most else (desired, "")
    if desired < current:
        limit = min(current, down_limit(current, behavior.down, ups, downs, now))
        least, kind = (limit, "ScaleDownLimit") if minimum < limit else (minimum, "TooFewReplicas")
        return (least, kind) if desired < least else (desired, "")
    return desired, ""


@dataclass(slots=True)
class HorizontalPodAutoscaler:
    """One HPA with what the controller remembers of it; a restart of the controller makes a new one."""

    minimum: int
    maximum: int
    behavior: Behavior | None = None
    settings: ControllerSettings = ControllerSettings()
    recommendations: Recommendations = field(init=False)
    ups: list[Event] = field(default_factory=list)
    downs: list[Event] = field(default_factory=list)
    tolerances: Tolerances = field(init=False)
    started: bool = False
    """Whether the controller has synced it before."""

    def __post_init__(self) -> None:
        self.tolerances = tolerances_of(self.behavior, self.settings)
        if self.behavior is None:
            self.recommendations = Recommendations(0, self.settings.downscale_window)
        else:
            up, down = self.behavior.up.window or 0, self.behavior.down.window or 0
            self.recommendations = Recommendations(up, down)

    def edit(self, minimum: int, maximum: int, behavior: Behavior | None) -> None:
        """The HPA's spec is another one; what is remembered stays."""
        self.minimum, self.maximum, self.behavior = minimum, maximum, behavior
        self.tolerances = tolerances_of(behavior, self.settings)
        if behavior is None:
            self.recommendations.resize(0, self.settings.downscale_window)
        else:
            self.recommendations.resize(behavior.up.window or 0, behavior.down.window or 0)

    def sync(self, now: int, current: int, propose: Callable[[], Proposals]) -> Decision:
        """reconcileAutoscaler: `current` is the target's spec.replicas; `propose` reads the metrics, and is
        called only where the controller reads them.
        """
        if not self.started:  # recordInitialRecommendation: a restart does not scale down at once
            self.started = True
            self.recommendations.add(now, current)
        if current == 0 and self.minimum != 0:
            return Decision(0, None, "disabled")
        if current > self.maximum:
            return self._rescaled(now, current, Decision(self.maximum, None, "above-maximum"))
        if current < self.minimum:
            return self._rescaled(now, current, Decision(self.minimum, None, "below-minimum"))
        chosen = combine(propose(), current)
        if chosen.replicas is None:
            return Decision(current, None, "metrics-failed", failed=chosen.failed)
        wanted = max(chosen.replicas, 0)
        desired, limits = self._normalized(now, current, wanted)
        kind = "above-target" if wanted > current else "below-target" if wanted < current else "at-target"
        decision = Decision(desired, wanted, kind, chosen.metric, limits, chosen.failed)
        return decision if desired == current else self._rescaled(now, current, decision)

    def _normalized(self, now: int, current: int, wanted: int) -> tuple[int, tuple[str, ...]]:
        recent = self.recommendations
        if self.behavior is None:
            stable = recent.highest(now, wanted)
            desired, limit = within_rules(current, stable, self.minimum, self.maximum)
        else:
            stable = min(max(current, recent.lowest(now, wanted)), recent.highest(now, wanted))
            desired, limit = within_behavior(
                current, stable, self.minimum, self.maximum, self.behavior, self.ups, self.downs, now
            )
        recent.add(now, wanted)
        if stable == wanted:
            return desired, (limit,) if limit else ()
        held = "ScaleDownStabilized" if wanted < current else "ScaleUpStabilized"
        if self.behavior is None:
            held = "ScaleDownStabilized"
        return desired, (held, limit) if limit else (held,)

    def _rescaled(self, now: int, current: int, decision: Decision) -> Decision:
        if self.behavior is not None:
            change = decision.desired - current
            if change > 0:
                store_event(self.ups, self.behavior.up, change, now)
            else:
                store_event(self.downs, self.behavior.down, -change, now)
        return decision


def tolerances_of(behavior: Behavior | None, settings: ControllerSettings) -> Tolerances:
    """tolerancesForHpa: the behavior's own count only behind the feature gate."""
    default = settings.tolerance
    if behavior is None or not settings.configurable_tolerance:
        return Tolerances(default, default)
    down, up = behavior.down.tolerance, behavior.up.tolerance
    return Tolerances(default if down is None else down, default if up is None else up)

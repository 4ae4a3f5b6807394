"""What KEDA makes of its scalers' values, for its loop and for the HPA (KEDA 2.19.0,
pkg/scaling/scale_handler.go and pkg/fallback/fallback.go).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from keda.scaling.formula import FormulaFailed, evaluate
from keda.scaling.numbers import int64, received, to_milli
from keda.scaling.scaled_object import MetricType, ScaledObject

Read = Callable[[int], float | None]
"""The value of the trigger with that index now; None if its scaler fails."""


class Metric(NamedTuple):
    """One trigger's metric: milli, or None for an error."""

    milli: int | None
    active: bool
    fallback: bool


class State(NamedTuple):
    """getScaledObjectState: what the loop decides on; `trigger` is the first active one, or "" ."""

    active: bool
    error: bool
    fallback: bool
    trigger: str


@dataclass(slots=True)
class Metrics:
    """One ScaledObject's metrics, with the failures in a row of each and the cache of the last poll.

    The count of failures is one for both readers: the poll and the HPA (status.health).
    """

    scaled_object: ScaledObject
    failures: list[int] = field(init=False)
    cached: dict[int, Metric] = field(default_factory=dict)
    external: tuple[int, ...] = field(init=False)

    def __post_init__(self) -> None:
        triggers = self.scaled_object.triggers
        self.failures = [0] * len(triggers)
        self.external = tuple(index for index, trigger in enumerate(triggers) if not trigger.resource)

    def poll(self, read: Read, replicas: int, ready: int) -> State:
        """All triggers once, as the loop asks them (getScaledObjectState)."""
        scaled_object, found, error, active, fallback, name = self.scaled_object, {}, False, False, False, ""
        for index in self.external:
            metric = self._fresh(index, read(index), replicas, ready)
            found[index] = metric
            error = error or metric.milli is None
            fallback = fallback or metric.fallback
            if metric.milli is not None and metric.active:
                active, name = True, name or scaled_object.metric_name(index)
        if error:
            self.cached.clear()
        for index, metric in found.items():
            if scaled_object.triggers[index].use_cached_metrics:
                self.cached[index] = metric
        modifiers = scaled_object.modifiers
        if modifiers is not None:
            composite = None if error else self._composite(found)
            active = composite is not None and composite / 1000 > modifiers.activation
            name = "composite-metric" if active else ""
        if not self.external and not error:
            active, name = True, "cpu or memory"
        return State(active, error, fallback, name)

    def for_hpa(self, index: int, read: Read, replicas: int, ready: int) -> int | None:
        """One metric as the HPA gets it (GetScaledObjectMetrics): milli, or None for an error."""
        metric = self._for_hpa(index, read, replicas, ready)
        if metric.milli is None:
            self.cached.clear()
            return None
        return received(metric.milli)

    def composite_for_hpa(self, read: Read, replicas: int, ready: int) -> int | None:
        """The composite metric as the HPA gets it: milli, or None for an error."""
        found = {index: self._for_hpa(index, read, replicas, ready) for index in self.external}
        if any(metric.milli is None for metric in found.values()):
            self.cached.clear()
            if not any(metric.fallback for metric in found.values()):
                return None
        composite = self._composite(found)
        return None if composite is None else received(composite)

    def _for_hpa(self, index: int, read: Read, replicas: int, ready: int) -> Metric:
        held = self.cached.get(index)
        if held is not None:
            return self._with_fallback(index, held.milli, held.active, replicas, ready)
        return self._fresh(index, read(index), replicas, ready)

    def _fresh(self, index: int, value: float | None, replicas: int, ready: int) -> Metric:
        if value is None:
            return self._with_fallback(index, None, False, replicas, ready)
        active = value > self.scaled_object.triggers[index].activation  # strict: equal is not active
        return self._with_fallback(index, to_milli(value), active, replicas, ready)

    def _with_fallback(
        self, index: int, milli: int | None, active: bool, replicas: int, ready: int
    ) -> Metric:
        """GetMetricsWithFallback; a metric that falls back is active."""
        if milli is not None:
            self.failures[index] = 0
            return Metric(milli, active, False)
        self.failures[index] += 1
        fallback = self.scaled_object.fallback
        if fallback is None or not fallback_works(self.scaled_object):
            return Metric(None, False, False)
        if self.failures[index] <= fallback.threshold:
            return Metric(None, False, False)
        value = self._fallback_value(index, replicas, ready)
        return Metric(value, value is not None, value is not None)

    def _fallback_value(self, index: int, current: int, ready: int) -> int | None:
        """doFallback: the target times the replicas; of type Value divided by the ready pods."""
        scaled_object = self.scaled_object
        fallback, modifiers = scaled_object.fallback, scaled_object.modifiers
        assert fallback is not None
        replicas: float = fallback.replicas
        if fallback.behavior == "currentReplicas":
            replicas = current
        elif fallback.behavior == "currentReplicasIfHigher":
            replicas = max(current, fallback.replicas)
        elif fallback.behavior == "currentReplicasIfLower":
            replicas = min(current, fallback.replicas)
        trigger = scaled_object.triggers[index]
        metric_type: MetricType = modifiers.metric_type if modifiers else trigger.metric_type
        if metric_type == "Value":
            if ready == 0:
                return None
            replicas /= ready
        target = float(modifiers.target_text) if modifiers else trigger.target / 1000
        return int64(target * 1000 * replicas)

    def _composite(self, found: dict[int, Metric]) -> int | None:
        """HandleScalingModifiers: a fallback's value as it is, else the formula's (modifiers/formula.go)."""
        modifiers = self.scaled_object.modifiers
        assert modifiers is not None
        for metric in found.values():
            if metric.fallback:
                return metric.milli
        values = {
            self.scaled_object.triggers[index].name: metric.milli / 1000
            for index, metric in found.items()
            if metric.milli is not None
        }
        try:
            return to_milli(evaluate(modifiers.formula, values))
        except FormulaFailed:
            return None


def fallback_works(scaled_object: ScaledObject) -> bool:
    """HasValidFallback: with scalingModifiers only if their target is a whole number above 0."""
    fallback, modifiers = scaled_object.fallback, scaled_object.modifiers
    if fallback is None or fallback.threshold < 0 or fallback.replicas < 0:
        return False
    if modifiers is None:
        return True
    return re.fullmatch(r"[+-]?\d+", modifiers.target_text, re.ASCII) is not None and modifiers.target > 0

"""A ScaledObject as KEDA's loop reads it; times in milliseconds, targets in milli."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from keda.core.defaults import DEFAULT_COOLDOWN, DEFAULT_MAX, KEDA_VERSION, RESOURCE_SCALERS
from keda.scaling.behavior import ScalingRules

MetricType = Literal["AverageValue", "Value", "Utilization"]
FallbackBehavior = Literal["static", "currentReplicas", "currentReplicasIfHigher", "currentReplicasIfLower"]
MOST = 100_000
"""Replicas that are simulated: each pod is kept."""
RELEASES = (KEDA_VERSION,)
"""The releases of KEDA whose rules are here."""


@dataclass(frozen=True, slots=True)
class Trigger:
    """One trigger. `target` is milli; of Utilization it is percent. `type` is KEDA's, such as prometheus."""

    target: int
    activation: float = 0.0
    metric_type: MetricType = "AverageValue"
    type: str = "prometheus"
    name: str = ""
    use_cached_metrics: bool = False
    ignore_null_values: bool = True
    """prometheus: an empty result counts as 0 instead of an error."""

    @property
    def resource(self) -> bool:
        """cpu and memory: the HPA reads them itself; KEDA's loop does not."""
        return self.type in RESOURCE_SCALERS


@dataclass(frozen=True, slots=True)
class Fallback:
    """spec.fallback: from the (`threshold` + 1)-th failure in a row on."""

    threshold: int
    replicas: int
    behavior: FallbackBehavior = "static"


@dataclass(frozen=True, slots=True)
class Modifiers:
    """advanced.scalingModifiers. `target_text` is as written: a fallback needs a whole number there."""

    formula: str
    target_text: str
    activation: float = 0.0
    metric_type: MetricType = "AverageValue"

    @property
    def target(self) -> int:
        """The target in milli-units, cut as KEDA cuts it."""
        return int(float(self.target_text) * 1000)


@dataclass(frozen=True, slots=True)
class Annotations:
    """The annotations that pause or force; `paused_replicas` is None where that one is not there."""

    paused: bool = False
    paused_replicas: int | None = None
    paused_scale_in: bool = False
    paused_scale_out: bool = False
    force_activation: bool = False


class Triggered:
    """What has triggers."""

    __slots__ = ()
    triggers: tuple[Trigger, ...]

    def metric_name(self, index: int) -> str:
        """The trigger's name, or `s<index>-<type>`, as KEDA's own metric names begin."""
        trigger = self.triggers[index]
        return trigger.name or f"s{index}-{trigger.type}"

    @property
    def metric_names(self) -> list[str]:
        """The names of all triggers, in order."""
        return [self.metric_name(index) for index in range(len(self.triggers))]


@dataclass(frozen=True, slots=True)
class ScaledObject(Triggered):
    """What decides about the replicas. `minimum` is 0 when unset, `idle` None. Raises ValueError."""

    triggers: tuple[Trigger, ...]
    minimum: int = 0
    maximum: int = DEFAULT_MAX
    idle: int | None = None
    polling_interval: int = 30_000
    cooldown: int = DEFAULT_COOLDOWN * 1000
    initial_cooldown: int = 0
    fallback: Fallback | None = None
    modifiers: Modifiers | None = None
    scale_up: ScalingRules | None = None
    scale_down: ScalingRules | None = None
    annotations: Annotations = Annotations()
    name: str = ""
    version: str = KEDA_VERSION

    def __post_init__(self) -> None:
        if self.version not in RELEASES:
            raise ValueError(f"KEDA {self.version} is not simulated. Write one of: {', '.join(RELEASES)}.")

    @property
    def hpa_minimum(self) -> int:
        """GetHPAMinReplicas: the HPA never goes below 1 (apis/keda/v1alpha1/scaledobject_types.go)."""
        return max(1, self.minimum)

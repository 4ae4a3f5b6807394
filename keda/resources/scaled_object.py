"""ScaledObject: a target with a /scale subresource, its triggers and its bounds (keda.sh/v1alpha1,
v2.19.0)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Literal

from pydantic import Field, model_serializer

from keda.core.errors import MISSING, Fault
from keda.core.model import Count, Flag, Model, ObjectName, Positive, Seconds
from keda.resources.behavior import Behavior
from keda.resources.metadata import Metadata, Resource
from keda.triggers import Trigger
from keda.triggers.parameters import Number, written

DEFAULT_MAX_REPLICAS = 100
"""maxReplicaCount when unset (apis/keda/v1alpha1/scaledobject_types.go:96)."""

_RESOURCE_SCALERS = frozenset({"cpu", "memory"})
_RAY = "Run Serve in a plain Deployment and name that, or leave the scaling to Ray's own autoscaler."
_NO_SCALE = {
    ("ray.io", "RayService"): _RAY,
    ("ray.io", "RayCluster"): _RAY,
    ("ray.io", "RayJob"): "Use a ScaledJob, or leave the scaling to Ray's own autoscaler.",
    ("apps", "DaemonSet"): "A DaemonSet runs one pod on each node: use a Deployment.",
    ("batch", "Job"): "Use a ScaledJob.",
    ("batch", "CronJob"): "Use a ScaledJob, or a Deployment with a cron trigger.",
    ("", "Pod"): "Name the Deployment that makes the pods.",
    ("", "Service"): "Name the Deployment behind the Service.",
    ("gateway.networking.k8s.io", "Gateway"): "Name the Deployment of its proxies.",
}
"""Kinds people try to scale that have no /scale subresource, and what to do instead."""


class ScaleTargetRef(Model):
    """What is scaled: anything with a /scale subresource, in the ScaledObject's own namespace."""

    api_version: str | None = None
    """Default: apps/v1."""
    kind: str | None = None
    """Default: Deployment."""
    name: ObjectName = Field(examples=["my-deployment"])
    env_source_container_name: str | None = None
    """Whose environment `…FromEnv` parameters are read from. Default: the first container."""

    @property
    def group(self) -> str:
        """The API group; "" is the core group."""
        version = self.api_version or "apps/v1"
        return version.rpartition("/")[0]

    @property
    def identity(self) -> tuple[str, str, str]:
        """Group, kind and name: what two owners must not share within a namespace."""
        return self.group, self.kind or "Deployment", self.name

    def faults(self) -> Iterator[Fault]:
        kind = self.kind or "Deployment"
        if fix := _NO_SCALE.get((self.group, kind)) or (
            _RAY_KINDS.get(kind) if self.api_version is None else None
        ):
            why = f"has no /scale subresource, through which KEDA scales. {self.consequence}"
            yield Fault("kind", kind, why, fix)


_RAY_KINDS = {kind: fix for (group, kind), fix in _NO_SCALE.items() if group == "ray.io"}
"""For those who leave apiVersion out: KEDA would look for the kind in apps/v1."""


class HorizontalPodAutoscalerConfig(Model):
    """How the HPA that KEDA makes looks."""

    name: ObjectName | None = None
    """Default: keda-hpa-<name of the ScaledObject>."""
    behavior: Behavior | None = None


class ScalingModifiers(Model):
    """One formula over named triggers instead of the largest of them. The HPA then sees one composite
    metric."""

    formula: str = Field(min_length=1, examples=["(requests + jobs) / 2"])
    target: Number = Field(examples=[5])
    activation_target: Number | None = Field(default=None, examples=[0])
    metric_type: Literal["AverageValue", "Value"] | None = None

    def faults(self) -> Iterator[Fault]:
        if self.target <= 0:
            yield Fault(
                "target",
                self.target,
                "is not above 0. KEDA's webhook would reject the object.",
                "Write e.g. 5.",
            )

    @model_serializer(mode="plain")
    def _texts(self) -> dict[str, str]:
        """As the CRD has it: every value is text."""
        values = {
            "formula": self.formula,
            "target": self.target,
            "activationTarget": self.activation_target,
            "metricType": self.metric_type,
        }
        return {key: written(value) for key, value in values.items() if value is not None}


class Advanced(Model):
    """What few need."""

    restore_to_original_replica_count: Flag | None = None
    """On deletion of the ScaledObject, put the target back to the replicas it had. Default: false."""
    horizontal_pod_autoscaler_config: HorizontalPodAutoscalerConfig | None = None
    scaling_modifiers: ScalingModifiers | None = None


class Fallback(Model):
    """Replicas to hold once a trigger has failed more than `failure_threshold` times in a row."""

    failure_threshold: Count = Field(examples=[3])
    replicas: Count = Field(examples=[2])
    behavior: (
        Literal["static", "currentReplicas", "currentReplicasIfHigher", "currentReplicasIfLower"] | None
    ) = None
    """Default: static."""


class ScaledObjectSpec(Model):
    """Unset fields take KEDA's defaults."""

    scale_target_ref: ScaleTargetRef = Field(examples=["{name: my-deployment}"])
    polling_interval: Positive | None = Field(default=None, examples=[30])
    """Seconds between two looks at the triggers while at zero. Default: 30."""
    cooldown_period: Seconds | None = Field(default=None, examples=[300])
    """Seconds without activity before going to zero. Default: 300."""
    initial_cooldown_period: Seconds | None = Field(default=None, examples=[0])
    """Seconds after creation before going to zero. Default: 0."""
    idle_replica_count: Count | None = Field(default=None, examples=[0])
    """Replicas while no trigger is active. Only 0 works (#2314)."""
    min_replica_count: Count | None = Field(default=None, examples=[0])
    """Default: 0."""
    max_replica_count: Positive | None = Field(default=None, examples=[4])
    """Default: 100."""
    fallback: Fallback | None = None
    advanced: Advanced | None = None
    triggers: tuple[Trigger, ...] = Field(examples=["[{type: cron, metadata: {…}}]"])

    def faults(self) -> Iterator[Fault]:
        formula = bool(self.advanced and self.advanced.scaling_modifiers)
        yield from trigger_list_faults(self.triggers, formula=formula)
        yield from self._bound_faults()
        outside = [trigger for trigger in self.triggers if trigger.type not in _RESOURCE_SCALERS]
        modifiers = self.advanced.scaling_modifiers if self.advanced else None
        if self.triggers and not outside and not self.min_replica_count:
            yield Fault(
                "minReplicaCount",
                0,
                "is too low for cpu and memory triggers: they cannot wake anything from zero. "
                "KEDA's webhook would reject the object.",
                "Write minReplicaCount: 1.",
            )
        if self.fallback and not outside and modifiers is None:
            yield Fault(
                "fallback",
                MISSING,
                "cannot fire with cpu and memory triggers only. KEDA's webhook would reject the object.",
                "Remove it.",
            )

    def _bound_faults(self) -> Iterator[Fault]:
        """As the operator sees them (scaledobject_types.go:287); the webhook of 2.19 only logs these."""
        lowest = 0 if self.min_replica_count is None else max(1, self.min_replica_count)
        highest = DEFAULT_MAX_REPLICAS if self.max_replica_count is None else self.max_replica_count
        if lowest > highest:
            default = " (the default)" if self.max_replica_count is None else ""
            yield Fault(
                "minReplicaCount",
                self.min_replica_count,
                f"is above maxReplicaCount {highest}{default}. {self.consequence}",
                f"Write at most {highest}, or raise maxReplicaCount.",
            )
        if self.idle_replica_count:
            yield Fault(
                "idleReplicaCount",
                self.idle_replica_count,
                "is not 0. The HPA would bring the replicas back to minReplicaCount at once.",
                "Write 0, or remove it.",
            )
        elif self.idle_replica_count == 0 and lowest == 0:
            yield Fault(
                "idleReplicaCount",
                0,
                f"is not below minReplicaCount 0. {self.consequence}",
                "Write minReplicaCount: 1, or remove idleReplicaCount.",
            )


class ScaledObject(Resource):
    """KEDA scales `spec.scaleTargetRef` between its bounds, through an HPA above one replica and by itself
    below."""

    api_version: Literal["keda.sh/v1alpha1"] = "keda.sh/v1alpha1"
    kind: Literal["ScaledObject"] = "ScaledObject"
    metadata: Metadata = Field(examples=["{name: my-workload, namespace: my-namespace}"])
    spec: ScaledObjectSpec = Field(examples=["its keys"])

    @property
    def hpa_name(self) -> str:
        """The HPA that KEDA makes (controllers/keda/hpa.go)."""
        advanced = self.spec.advanced
        config = advanced.horizontal_pod_autoscaler_config if advanced else None
        return (config.name if config else None) or f"keda-hpa-{self.metadata.name}"


def trigger_list_faults(triggers: Sequence[Trigger], *, formula: bool = False) -> Iterator[Fault]:
    """What KEDA's webhook asks of any list of triggers (scaletriggers_types.go:58), and of each one its
    target, unless a scalingModifiers formula has one for all."""
    if not formula:
        for index, trigger in enumerate(triggers):
            for fault in trigger.refusals(formula=False):
                yield fault.under(f"triggers[{index}].metadata")
    if not triggers:
        yield Fault(
            "triggers",
            MISSING,
            "empty: nothing would scale. KEDA's webhook would reject the object.",
            "Write one.",
        )
    names = Counter(trigger.name for trigger in triggers if trigger.name)
    for index, trigger in enumerate(triggers):
        if trigger.name and names[trigger.name] > 1:
            yield Fault(
                f"triggers[{index}].name",
                trigger.name,
                "is used by more than one trigger. KEDA's webhook would reject the object.",
                "Give each its own name.",
            )

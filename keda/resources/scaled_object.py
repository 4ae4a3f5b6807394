"""ScaledObject: a target with a /scale subresource, its triggers and its bounds (keda.sh/v1alpha1,
v2.19.0).
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_serializer

from keda.core.model import Count, Flag, Model, ObjectName, Positive, Seconds
from keda.resources.behavior import Behavior
from keda.resources.metadata import Metadata, Resource
from keda.triggers import Trigger
from keda.triggers.parameters import Number, written


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


class HorizontalPodAutoscalerConfig(Model):
    """The HPA that KEDA creates."""

    name: ObjectName | None = None
    """Default: keda-hpa-<name of the ScaledObject>."""
    behavior: Behavior | None = None


class ScalingModifiers(Model):
    """One formula over named triggers instead of the largest of them. The HPA then sees one composite
    metric.
    """

    formula: str = Field(min_length=1, examples=["(requests + jobs) / 2"])
    target: Number = Field(examples=[5])
    activation_target: Number | None = Field(default=None, examples=[0])
    metric_type: Literal["AverageValue", "Value"] | None = None

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
    """Options that are rarely needed."""

    restore_to_original_replica_count: Flag | None = None
    """On deletion of the ScaledObject, put the target back to the replicas it had. Default: false."""
    horizontal_pod_autoscaler_config: HorizontalPodAutoscalerConfig | None = None
    # KEDA's operator writes an object back with an empty one, and takes that as none (IsUsingModifiers).
    scaling_modifiers: Annotated[
        ScalingModifiers | None, BeforeValidator(lambda value: None if value == {} else value)
    ] = None


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
    """Seconds between two polls of the triggers while at zero. Default: 30."""
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


class ScaledObject(Resource):
    """KEDA scales `spec.scaleTargetRef` between its bounds, through an HPA above one replica and by itself
    below.
    """

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

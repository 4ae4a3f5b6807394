"""KEDA's objects as types: what is in them, and what KEDA would not accept or would do wrong."""

from keda.resources.behavior import Behavior, ScalingPolicy, ScalingRules
from keda.resources.metadata import Annotations, ClusterMetadata, Labels, Metadata
from keda.resources.scaled_job import Rollout, ScaledJob, ScaledJobSpec, ScalingStrategy
from keda.resources.scaled_object import (
    Advanced,
    Fallback,
    HorizontalPodAutoscalerConfig,
    ScaledObject,
    ScaledObjectSpec,
    ScaleTargetRef,
    ScalingModifiers,
)
from keda.resources.trigger_authentication import (
    ClusterTriggerAuthentication,
    EnvironmentRef,
    KeyRef,
    PodIdentity,
    TriggerAuthentication,
    TriggerAuthenticationSpec,
)

__all__ = [
    "Advanced",
    "Annotations",
    "Behavior",
    "ClusterMetadata",
    "ClusterTriggerAuthentication",
    "EnvironmentRef",
    "Fallback",
    "HorizontalPodAutoscalerConfig",
    "KeyRef",
    "Labels",
    "Metadata",
    "PodIdentity",
    "Rollout",
    "ScaleTargetRef",
    "ScaledJob",
    "ScaledJobSpec",
    "ScaledObject",
    "ScaledObjectSpec",
    "ScalingModifiers",
    "ScalingPolicy",
    "ScalingRules",
    "ScalingStrategy",
    "TriggerAuthentication",
    "TriggerAuthenticationSpec",
]

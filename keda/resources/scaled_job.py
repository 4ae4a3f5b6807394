"""ScaledJob: one Job for each piece of work (keda.sh/v1alpha1, v2.19.0)."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from keda.core.model import Count, Model, Positive
from keda.resources.metadata import Metadata, Resource
from keda.triggers import Trigger


class Rollout(Model):
    """What happens to running Jobs when the ScaledJob changes."""

    strategy: Literal["gradual", "default"] | None = None
    """gradual lets running Jobs finish. default, which is KEDA's default, deletes them."""
    propagation_policy: Literal["foreground", "background"] | None = None


class ScalingStrategy(Model):
    """How many Jobs a queue length asks for. KEDA takes any misspelt word for `default`, so words are
    checked here.
    """

    strategy: Literal["default", "custom", "accurate", "eager"] | None = None
    """default: what the metric asks for, less the Jobs that run. For metrics that count running work as
    well."""
    custom_scaling_queue_length_deduction: Count | None = None
    custom_scaling_running_job_percentage: str | None = None
    pending_pod_conditions: tuple[str, ...] | None = None
    multiple_scalers_calculation: Literal["max", "min", "avg", "sum"] | None = None


class ScaledJobSpec(Model):
    """Unset fields take KEDA's defaults. No cooldown and no fallback: Jobs end by themselves."""

    consequence = "KEDA would mark the ScaledJob not Ready."

    job_target_ref: dict[str, Any] = Field(examples=["{template: {spec: {…}}}"])
    """A batch/v1 JobSpec."""
    polling_interval: Positive | None = Field(default=None, examples=[30])
    """Seconds between two polls of the triggers. Default: 30."""
    successful_jobs_history_limit: Count | None = Field(default=None, examples=[5])
    """Finished Jobs kept. KEDA's default: 100."""
    failed_jobs_history_limit: Count | None = Field(default=None, examples=[5])
    env_source_container_name: str | None = None
    min_replica_count: Count | None = Field(default=None, examples=[0])
    max_replica_count: Positive | None = Field(default=None, examples=[4])
    """Default: 100."""
    rollout: Rollout | None = None
    scaling_strategy: ScalingStrategy | None = None
    triggers: tuple[Trigger, ...] = Field(examples=["[{type: cron, metadata: {…}}]"])


class ScaledJob(Resource):
    """KEDA makes one Job for each piece of waiting work, at most maxReplicaCount at a time."""

    api_version: Literal["keda.sh/v1alpha1"] = "keda.sh/v1alpha1"
    kind: Literal["ScaledJob"] = "ScaledJob"
    metadata: Metadata = Field(examples=["{name: my-workload, namespace: my-namespace}"])
    spec: ScaledJobSpec = Field(examples=["its keys"])

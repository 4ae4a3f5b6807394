"""Ray Serve: one plain Deployment of Serve, scaled on the requests that wait or are being answered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar, Literal

from pydantic import Field

from components.monitoring.queries import quoted
from components.recipes.prometheus import PrometheusRecipe
from components.workload import Workload
from keda import Fault, ScaleTargetRef
from keda.core.model import Count
from keda.triggers.parameters import Number


class RayServe(PrometheusRecipe):
    """RayService and RayCluster have no /scale subresource (KubeRay v1.7.0), so the target is a
    Deployment.
    """

    spelling: ClassVar[Mapping[str, str]] = {"threshold": "requestsPerReplica"}

    unit: ClassVar[str] = "requests"
    metrics: ClassVar[str] = "ray_serve_(deployment_queued_queries|num_ongoing_requests_at_replicas)"

    recipe: Literal["ray-serve"] = Field(examples=["ray-serve"])
    target: ScaleTargetRef = Field(examples=["{name: my-deployment}"])
    application: str = Field(min_length=1, examples=["inference"])
    requests_per_replica: Number = Field(examples=[5])
    min_replicas: Count = Field(default=1, examples=[1])

    def faults(self) -> Iterator[Fault]:
        """A minimum of 0: the target itself emits the metric."""
        if self.min_replicas == 0:
            yield Fault(
                "minReplicas",
                0,
                "is below 1. The target itself emits the metric: at zero nothing would scale it up.",
                "Write minReplicas: 1.",
            )

    def query(self) -> str:
        """Requests, summed over replicas and handles.

        Both metrics, since the queue alone drops to 0 as soon as replicas absorb the load. Ray exports a
        series only once there was a request: without `or vector(0)` one absent operand would make the whole
        sum absent.
        """
        selector = f"{{application={quoted(self.application)}}}"
        waiting = f"(sum(ray_serve_deployment_queued_queries{selector}) or vector(0))"
        ongoing = f"(sum(ray_serve_num_ongoing_requests_at_replicas{selector}) or vector(0))"
        return f"{waiting} + {ongoing}"

    def build(self, name: str, prometheus: str) -> Workload:
        """A ScaledObject by queued and ongoing requests."""
        trigger = self.trigger(name, prometheus, query=self.query(), threshold=self.requests_per_replica)
        return Workload(self.scaled_object(name, self.target, (trigger,)))

"""What brings a workload's signal into Prometheus: a monitor of the Prometheus Operator."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from pydantic import Field

from components.setting import Setting
from keda import Fault, Labels
from keda.core.model import LabelName, Namespace

API_VERSION = "monitoring.coreos.com/v1"


class Monitor(Setting):
    """Which pods (or, through a Service, endpoints) Prometheus reads. It lies in their namespace."""

    consequence = "Prometheus would read nothing, and KEDA would scale on no data."

    kind: Literal["PodMonitor", "ServiceMonitor"] = Field(default="PodMonitor", examples=["PodMonitor"])
    namespace: Namespace | None = Field(default=None, examples=["my-namespace"])
    selector: Labels = Field(min_length=1, examples=["{app.kubernetes.io/name: my-app}"])
    port: LabelName = Field(default="metrics", examples=["metrics"])
    path: str = Field(default="/metrics", examples=["/metrics"])
    pod_target_labels: tuple[str, ...] = ()
    keep: str | None = Field(default=None, min_length=1, examples=["my_app_.+"])
    """Regular expression of the metrics that are kept. Unset: the recipe's; generic keeps all."""

    def faults(self) -> Iterator[Fault]:
        """A path without its slash."""
        if not self.path.startswith("/"):
            yield Fault(
                "path",
                self.path,
                f"does not begin with a slash. {self.consequence}",
                f"Write path: /{self.path}.",
            )

    @property
    def identity(self) -> tuple[object, ...]:
        """Equal for two monitors that read the same endpoints."""
        return self.namespace, tuple(sorted(self.selector.items())), self.port, self.path

    def manifest(self, name: str, labels: Mapping[str, str]) -> dict[str, Any]:
        """The object. `labels`: those the Prometheus in the cluster selects monitors by."""
        endpoints = "podMetricsEndpoints" if self.kind == "PodMonitor" else "endpoints"
        metadata: dict[str, Any] = {"name": name, "namespace": self.namespace}
        spec: dict[str, Any] = {"selector": {"matchLabels": dict(self.selector)}}
        if self.pod_target_labels:
            spec["podTargetLabels"] = list(self.pod_target_labels)
        return {
            "apiVersion": API_VERSION,
            "kind": self.kind,
            "metadata": {**metadata, "labels": dict(labels)} if labels else metadata,
            "spec": {**spec, endpoints: [self._endpoint()]},
        }

    def _endpoint(self) -> dict[str, Any]:
        endpoint: dict[str, Any] = {"port": self.port, "path": self.path}
        if self.keep is not None:
            rule = {"sourceLabels": ["__name__"], "regex": self.keep, "action": "keep"}
            endpoint["metricRelabelings"] = [rule]
        return endpoint

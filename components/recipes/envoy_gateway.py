"""Envoy Gateway: the proxies of one Gateway, scaled on their active downstream connections."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field

from components.monitoring.monitor import Monitor
from components.monitoring.queries import quoted
from components.recipes.prometheus import PrometheusRecipe
from components.setting import Setting
from components.workload import Workload
from keda import MISSING, Behavior, Fault, Labels, ScaleTargetRef, ScalingPolicy, ScalingRules
from keda.core.model import Count, Namespace, ObjectName, whole_number
from keda.ownership.envoy_gateway import CONTROLLER_NAMESPACE, proxy_deployment
from keda.triggers.parameters import Number

_OWNER = "gateway.envoyproxy.io/owning-gateway-"


class Gateway(Setting):
    """A Gateway of the Gateway API."""

    namespace: Namespace = Field(examples=["default"])
    name: ObjectName = Field(examples=["eg"])


class EnvoyDeployment(Setting):
    """What of an EnvoyProxy's `envoyDeployment` bears on scaling."""

    name: ObjectName | None = None
    replicas: int | None = None


class EnvoyProxyKubernetes(Setting):
    """`spec.provider.kubernetes` of the Gateway's EnvoyProxy, as far as it bears on scaling."""

    envoy_deployment: EnvoyDeployment | None = None
    envoy_hpa: dict[str, Any] | None = None

    def faults(self) -> Iterator[Fault]:
        """An HPA or a fixed count of Envoy Gateway's own, which would be a second owner."""
        if self.envoy_hpa is not None:
            yield Fault(
                "envoyHpa",
                MISSING,
                "makes an HPA of Envoy Gateway's own. Two HPAs would pull the proxies up and down.",
                "Remove envoyHpa from the EnvoyProxy.",
            )
        if self.envoy_deployment and self.envoy_deployment.replicas is not None:
            yield Fault(
                "envoyDeployment.replicas",
                self.envoy_deployment.replicas,
                "is fixed. Envoy Gateway would write it back after every scaling.",
                "Remove replicas from the EnvoyProxy.",
            )


class EnvoyMonitor(Monitor):
    """Unset, its selector is the labels Envoy Gateway gives the proxies of this Gateway.

    Those labels are on every series too: the query selects the Gateway by them, and Envoy Gateway's own
    sample of a PodMonitor copies none.
    """

    selector: Labels = Field(default_factory=dict)
    path: str = Field(default="/stats/prometheus", examples=["/stats/prometheus"])
    pod_target_labels: tuple[str, ...] = (f"{_OWNER}namespace", f"{_OWNER}name")


class EnvoyGateway(PrometheusRecipe):
    """Proxies leave one at a time, each only after the one before it has drained."""

    spelling: ClassVar[Mapping[str, str]] = {"threshold": "connectionsPerReplica"}

    unit: ClassVar[str] = "connections"
    metrics: ClassVar[str] = "envoy_http_downstream_cx_active"

    recipe: Literal["envoy-gateway"] = Field(examples=["envoy-gateway"])
    gateway: Gateway = Field(examples=["{namespace: default, name: eg}"])
    deploy_mode: Literal["ControllerNamespace", "GatewayNamespace"] = "ControllerNamespace"
    envoy_proxy: EnvoyProxyKubernetes = EnvoyProxyKubernetes()
    namespace: Namespace = Field(default=CONTROLLER_NAMESPACE, examples=[CONTROLLER_NAMESPACE])
    monitor: EnvoyMonitor | None = None
    connections_per_replica: Number = Field(examples=[50])
    min_replicas: Count = Field(default=1, examples=[1])
    drain: Annotated[int, BeforeValidator(whole_number), Field(ge=1, le=1770)] = Field(
        default=360, examples=[360]
    )

    def faults(self) -> Iterator[Fault]:
        """A minimum of 0, and a namespace without the proxies."""
        if self.min_replicas == 0:
            yield Fault(
                "minReplicas",
                0,
                "is below 1. Without a proxy no connection could arrive, and nothing would scale it up.",
                "Write minReplicas: 1.",
            )
        if self.deploy_mode == "GatewayNamespace" and self.namespace != self.gateway.namespace:
            yield Fault(
                "namespace",
                self.namespace,
                f"is not the Gateway's namespace, where its proxies run in this mode. {self.consequence}",
                f"Write namespace: {self.gateway.namespace}.",
            )

    def deployment(self) -> str:
        """The proxy Deployment's name, as Envoy Gateway computes it."""
        deployment = self.envoy_proxy.envoy_deployment
        if deployment is not None and deployment.name is not None:
            return deployment.name
        if self.deploy_mode == "GatewayNamespace":
            return self.gateway.name
        return proxy_deployment(f"{self.gateway.namespace}/{self.gateway.name}")

    def query(self) -> str:
        """Active connections of the Gateway's own listeners (`http-…`, `https-…`), over all proxies.

        The statistics and readiness listeners of Envoy Gateway have other prefixes. The Gateway's labels come
        from the PodMonitor's podTargetLabels, which Envoy Gateway's sample lacks.
        """
        return (
            "sum(envoy_http_downstream_cx_active{"
            f"gateway_envoyproxy_io_owning_gateway_namespace={quoted(self.gateway.namespace)},"
            f"gateway_envoyproxy_io_owning_gateway_name={quoted(self.gateway.name)},"
            'envoy_http_conn_manager_prefix=~"https?-.*"})'
        )

    def monitored(self) -> Monitor | None:
        """Selects the proxies of this Gateway by the labels that Envoy Gateway sets."""
        monitor = super().monitored()
        if monitor is None or monitor.selector:
            return monitor
        owner = {f"{_OWNER}namespace": self.gateway.namespace, f"{_OWNER}name": self.gateway.name}
        return monitor.model_copy(update={"selector": owner})

    def default_behavior(self) -> Behavior:
        """One pod in a period longer than the drain: connections move off one proxy before the next one
        leaves.
        """
        down = ScalingRules(
            stabilization_window_seconds=300,
            policies=(ScalingPolicy(type="Pods", value=1, period_seconds=self.drain + 30),),
        )
        return Behavior(scale_down=down)

    def build(self, name: str, prometheus: str) -> Workload:
        """A ScaledObject on the Deployment of the proxies, by their active connections."""
        trigger = self.trigger(
            name,
            prometheus,
            query=self.query(),
            threshold=self.connections_per_replica,
            # At least one proxy always runs and always reports. No data means no scraping: an error keeps the
            # replicas, while 0 would take proxies away under live connections.
            ignore_null_values=False,
        )
        return Workload(self.scaled_object(name, ScaleTargetRef(name=self.deployment()), (trigger,)))

"""Monitoring in the cluster: what Prometheus reads, metrics from kube-state-metrics, and the dashboards.

Which of them are made, and in which form, are settings; nothing is guessed from the cluster.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.core.v1 import ConfigMap
from pulumi_kubernetes.rbac.v1 import ClusterRole, ClusterRoleBinding

from components.custom_resource import custom_resource
from components.monitoring.dashboards import UID, dashboards
from components.settings import Keda, Monitoring, StateMetrics
from components.workload import Workload

CUSTOM_RESOURCE_STATE = Path(__file__).with_name("custom_resource_state.yaml")
GRAFANA = "grafana.integreatly.org/v1beta1"
STATE_METRICS_NAME = "keda-custom-resource-state"
"""Of the ConfigMap that kube-state-metrics mounts, and of the role that lets it read KEDA's objects."""
STATE_METRICS_KEY = "config.yaml"


class Monitors(pulumi.ComponentResource):
    """The PodMonitor or ServiceMonitor of each workload that has one."""

    def __init__(
        self,
        name: str,
        monitoring: Monitoring,
        workloads: Mapping[str, Workload],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        monitors = {key: workload.monitor for key, workload in workloads.items() if workload.monitor}
        props = {
            "labels": monitoring.monitor_labels,
            "monitors": {key: f"{each.kind} {each.namespace}/{key}" for key, each in monitors.items()},
        }
        super().__init__("keda-homelab:monitoring:Monitors", name, props, opts)
        for key, monitor in monitors.items():
            manifest = monitor.manifest(key, monitoring.monitor_labels)
            custom_resource(f"{name}-{key}", manifest, pulumi.ResourceOptions(parent=self))
        self.register_outputs(props)


class CustomResourceState(pulumi.ComponentResource):
    """Tells kube-state-metrics of KEDA's objects: its configuration, and leave to read them.

    kube-state-metrics itself belongs to others. It mounts the ConfigMap and is started with
    `--custom-resource-state-config-file`; docs/dashboards.md has its chart's values.
    """

    def __init__(self, name: str, state: StateMetrics, opts: pulumi.ResourceOptions | None = None) -> None:
        props = {"namespace": state.namespace, "configMap": STATE_METRICS_NAME}
        super().__init__("keda-homelab:monitoring:CustomResourceState", name, props, opts)
        child = pulumi.ResourceOptions(parent=self)
        ConfigMap(
            f"{name}-configmap",
            metadata={"name": STATE_METRICS_NAME, "namespace": state.namespace},
            data={STATE_METRICS_KEY: CUSTOM_RESOURCE_STATE.read_text(encoding="utf-8")},
            opts=child,
        )
        ClusterRole(
            f"{name}-clusterrole",
            metadata={"name": STATE_METRICS_NAME},
            rules=[
                {
                    "api_groups": ["keda.sh"],
                    "resources": ["scaledobjects", "scaledjobs"],
                    "verbs": ["list", "watch"],
                },
                # It waits for the definitions of the kinds in its configuration.
                {
                    "api_groups": ["apiextensions.k8s.io"],
                    "resources": ["customresourcedefinitions"],
                    "verbs": ["list", "watch"],
                },
            ],
            opts=child,
        )
        ClusterRoleBinding(
            f"{name}-clusterrolebinding",
            metadata={"name": STATE_METRICS_NAME},
            role_ref={
                "api_group": "rbac.authorization.k8s.io",
                "kind": "ClusterRole",
                "name": STATE_METRICS_NAME,
            },
            subjects=[
                {"kind": "ServiceAccount", "name": state.service_account, "namespace": state.namespace}
            ],
            opts=child,
        )
        self.register_outputs(props)


class Dashboards(pulumi.ComponentResource):
    """The dashboards, for Grafana's sidecar, for the Grafana Operator, or both."""

    def __init__(
        self,
        name: str,
        keda: Keda,
        monitoring: Monitoring,
        workloads: Mapping[str, Workload],
        after: Sequence[pulumi.Resource] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        boards = dashboards(monitoring, keda.namespace, workloads)
        props = {
            "namespace": monitoring.dashboard_namespace,
            "dashboards": monitoring.dashboards,
            "uids": list(boards),
        }
        super().__init__("keda-homelab:monitoring:Dashboards", name, props, opts)
        child = pulumi.ResourceOptions(parent=self, depends_on=list(after))
        for uid, text in boards.items():
            part = f"{name}{uid.removeprefix(UID)}"
            metadata = {"name": uid, "namespace": monitoring.dashboard_namespace}
            if monitoring.dashboards in ("configMap", "both"):
                ConfigMap(
                    f"{part}-configmap",
                    metadata={
                        **metadata,
                        "labels": monitoring.dashboard_labels,
                        "annotations": {"grafana_folder": monitoring.dashboard_folder},
                    },
                    data={f"{uid}.json": text},
                    opts=child,
                )
            if monitoring.dashboards in ("grafanaDashboard", "both"):
                CustomResource(
                    f"{part}-grafanadashboard",
                    api_version=GRAFANA,
                    kind="GrafanaDashboard",
                    metadata=metadata,
                    spec={
                        "instanceSelector": {"matchLabels": monitoring.grafana_selector},
                        "allowCrossNamespaceImport": True,
                        "folder": monitoring.dashboard_folder,
                        "json": text,
                    },
                    opts=child,
                )
        self.register_outputs(props)

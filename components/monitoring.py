"""The dashboard in the cluster: for Grafana's sidecar, for the Grafana Operator, or both."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.core.v1 import ConfigMap

from components.dashboard import UID, dashboard
from components.recipes import Scaled
from components.settings import Monitoring


class Dashboards(pulumi.ComponentResource):
    """Which forms it takes is a setting; nothing is guessed from the cluster."""

    def __init__(
        self,
        name: str,
        monitoring: Monitoring,
        workloads: Mapping[str, Scaled],
        after: Sequence[pulumi.Resource] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        props = {"namespace": monitoring.dashboard_namespace, "dashboards": monitoring.dashboards}
        super().__init__("keda-homelab:monitoring:Dashboards", name, props, opts)
        child = pulumi.ResourceOptions(parent=self, depends_on=list(after))
        text = json.dumps(dashboard(workloads), indent=2)
        metadata = {"name": UID, "namespace": monitoring.dashboard_namespace}
        if monitoring.dashboards in ("configMap", "both"):
            ConfigMap(
                f"{name}-configmap",
                metadata={**metadata, "labels": monitoring.dashboard_labels},
                data={f"{UID}.json": text},
                opts=child,
            )
        if monitoring.dashboards in ("grafanaDashboard", "both"):
            CustomResource(
                f"{name}-grafanadashboard",
                api_version="grafana.integreatly.org/v1beta1",
                kind="GrafanaDashboard",
                metadata=metadata,
                spec={
                    "instanceSelector": {"matchLabels": monitoring.grafana_selector},
                    "allowCrossNamespaceImport": True,
                    "json": text,
                },
                opts=child,
            )
        self.register_outputs(props)

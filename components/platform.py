"""KEDA itself: its namespace and its chart, and the provider that talks to the cluster."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import urlsplit

import pulumi
from pulumi_kubernetes import Provider
from pulumi_kubernetes.core.v1 import Namespace
from pulumi_kubernetes.helm.v4 import Chart

from components.access import chart_access, namespace_labels
from components.settings import Cluster, Keda, Monitoring
from components.workload import Workload

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})

# KEDA's operator writes its own CA into these; the chart leaves them out. Without this, a refresh would see
# drift, and the next update would take the CA away, and with it the external metrics and the webhook.
INJECTED = {
    "kubernetes:apiregistration.k8s.io/v1:APIService": ["spec.caBundle"],
    "kubernetes:admissionregistration.k8s.io/v1:ValidatingWebhookConfiguration": [
        "webhooks[*].clientConfig.caBundle"
    ],
}
_CRD = "kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition"


def provider(cluster: Cluster) -> Provider:
    """The one provider of the program; unset settings leave the choice of the cluster to the kubeconfig."""
    return Provider(
        "kubernetes",
        kubeconfig=cluster.kubeconfig,
        context=cluster.context,
        # Since pulumi-kubernetes 4.29 creating an object that exists is an error. Here objects do exist: the
        # CRDs that a destroy left behind, and whatever an update created that was killed before it could
        # record it. With this, both are taken over by server-side apply.
        upsert_existing_objects=True,
        # Each run of the provider is another field manager. Without this, what such a take-over or an edit by
        # hand left would be a conflict in every later run, however often it is repeated.
        enable_patch_force=True,
        # A changed dashboard is written in place; by default a ConfigMap is deleted and made again.
        enable_config_map_mutable=True,
    )


class Platform(pulumi.ComponentResource):
    """Namespace, then CRDs, operator, metrics server and webhooks; created when all of them are Ready."""

    namespace: pulumi.Output[str]
    """The namespace's name; resolved once KEDA runs."""

    def __init__(
        self,
        name: str,
        keda: Keda,
        monitoring: Monitoring,
        workloads: Collection[Workload],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """`workloads`: what KEDA must be able to scale, and to read Secrets for."""
        props = {"namespace": keda.namespace, "chart": keda.chart, "version": keda.version}
        super().__init__("keda-homelab:platform:Platform", name, props, opts)
        namespace = Namespace(
            f"{name}-namespace",
            # An explicit name is known in preview; an unknown input would hide the chart's children there.
            metadata={"name": keda.namespace, "labels": namespace_labels(keda)},
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.chart = Chart(
            f"{name}-chart",
            name="keda",
            chart=keda.chart,
            # A chart on disk carries its version in itself.
            version=keda.version if is_remote(keda.chart) else None,
            namespace=keda.namespace,
            plain_http=is_plain_http(keda.chart) or None,
            values=chart_values(keda, monitoring, workloads),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[namespace], transforms=[keep]),
        )
        self.namespace = namespace.metadata.name
        self.register_outputs(props)


def chart_values(keda: Keda, monitoring: Monitoring, workloads: Collection[Workload]) -> dict[str, Any]:
    """Helm values: the program's own, and the stack file's laid over them."""
    monitor: dict[str, Any] = {"enabled": monitoring.service_monitors}
    if monitoring.monitor_labels:
        monitor["additionalLabels"] = monitoring.monitor_labels
    scraped = {"enabled": True, "serviceMonitor": monitor}
    own = {
        # Helm alone would delete the CRDs with the release, and with them every ScaledObject of the cluster.
        "crds": {"install": True, "additionalAnnotations": {"helm.sh/resource-policy": "keep"}},
        "webhooks": {"enabled": True},
        "prometheus": {"operator": scraped, "metricServer": scraped, "webhooks": scraped},
        **chart_access(keda, workloads),
    }
    return overlaid(own, keda.values)


def overlaid(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Mappings merge key by key; anything else in `over` replaces what is in `base`, as `helm -f` does."""
    merged = dict(base)
    for key, value in over.items():
        below = merged.get(key)
        if isinstance(below, Mapping) and isinstance(value, Mapping):
            value = overlaid(below, value)
        merged[key] = value
    return merged


def is_remote(chart: str) -> bool:
    """Whether a chart is fetched by its version (`oci://…`), not read from disk."""
    return "://" in chart


def is_plain_http(chart: str) -> bool:
    """Whether an OCI reference's registry is on this machine, where there is no TLS."""
    return urlsplit(chart).scheme == "oci" and urlsplit(chart).hostname in _LOOPBACK


def keep(args: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult | None:
    """For the chart's children: CRDs outlive a destroy, and what KEDA writes into its own objects stays."""
    extra = pulumi.ResourceOptions()
    if args.type_ == _CRD:
        extra.retain_on_delete = True
    elif args.type_ in INJECTED:
        extra.ignore_changes = INJECTED[args.type_]
    else:
        return None
    return pulumi.ResourceTransformResult(args.props, pulumi.ResourceOptions.merge(args.opts, extra))

"""What the settings need of the cluster, read from the cluster before anything is registered.

Without this the engine finds a missing kind or namespace half-way through an update, when KEDA is already
installed. The settings alone decide what is made: this only refuses. Where no cluster answers (a rendering in
CI), nothing is checked; what the account may not see is named, and not checked.
"""

from __future__ import annotations

from collections.abc import Iterator

import pulumi

from components.cluster_guard.rule import API_VERSION as ADMISSION
from components.monitoring.component import GRAFANA
from components.monitoring.monitor import API_VERSION as MONITORING
from components.preflight.cluster import ClusterReader, api
from components.preflight.foreign import foreign
from components.settings import Settings
from keda import MISSING, Fault, ScaledObject, SpecError
from keda.checks.cross_object import monitors
from keda.manifests.objects import Item

_OPERATOR = "install the Prometheus Operator"
_HALF_WAY = "The update would fail half-way."


def preflight(settings: Settings) -> None:
    """Raises pulumi.RunError with a line for each thing that stands in the way. Warns of what does not work
    yet, and of what may not be seen.
    """
    get = api(settings.cluster)
    if get is None:
        return
    reader = ClusterReader(get)
    try:
        faults = obstacles(settings, reader)
        warnings = [] if faults else [*unselected(settings, reader), *missing_targets(settings, reader)]
    except OSError as error:
        pulumi.log.debug(f"The cluster was not read: {error}")
        return
    if faults:
        raise pulumi.RunError(str(SpecError(faults)))
    for fault in warnings:
        pulumi.warn(str(fault))
    if reader.forbidden:
        unseen = ", ".join(reader.forbidden)
        pulumi.warn(f"Not checked before the update: this account may not read {unseen} (403).")


def obstacles(settings: Settings, reader: ClusterReader) -> list[Fault]:
    """A fault for each thing that stands in the way of an update. Raises OSError."""
    # Of another cluster, nothing else matters.
    return list(another_cluster(settings, reader)) or [
        *missing_kinds(settings, reader),
        *missing_namespaces(settings, reader),
        *foreign(settings, reader),
    ]


def another_cluster(settings: Settings, reader: ClusterReader) -> Iterator[Fault]:
    """A fault if the stack is of another cluster than the one that answers. Raises OSError."""
    uid = (reader.found("/api/v1/namespaces/kube-system").get("metadata") or {}).get("uid")
    if settings.cluster.uid and uid and uid != settings.cluster.uid:
        yield Fault(
            "cluster.uid",
            settings.cluster.uid,
            f"is another cluster than the one that answers, {uid}. Pulumi would install everything there and "
            "lose sight of what it installed here.",
            "Correct context or kubeconfig; or name a new stack for that cluster: docs/cluster.md.",
        )


def missing_kinds(settings: Settings, reader: ClusterReader) -> Iterator[Fault]:
    """A fault for each setting whose kind the cluster does not serve. Raises OSError."""
    for api_version, kind, path, value, off, instead in _required_kinds(settings):
        if kind not in reader.served(api_version) and f"/apis/{api_version}" not in reader.forbidden:
            yield Fault(
                path,
                value,
                f"needs the kind {kind} ({api_version}), which this cluster does not have. {_HALF_WAY}",
                f"Write {off}, or {instead}.",
            )


def missing_namespaces(settings: Settings, reader: ClusterReader) -> Iterator[Fault]:
    """A fault for each namespace that the settings name and the cluster does not have. Raises OSError."""
    seen = {settings.keda.namespace}  # the program makes it
    for path, namespace in _namespaces(settings):
        if namespace in seen:
            continue
        seen.add(namespace)
        at = f"/api/v1/namespaces/{namespace}"
        if reader.absent(at):
            fix = f"Run `kubectl create namespace {namespace}`, or correct the name."
            yield Fault(path, namespace, f"is not a namespace of this cluster. {_HALF_WAY}", fix)
        elif (reader.found(at).get("status") or {}).get("phase") == "Terminating":
            why = f"is being deleted: nothing can be created in that namespace. {_HALF_WAY}"
            yield Fault(path, namespace, why, "Wait until it is gone, and create it again.")


def missing_targets(settings: Settings, reader: ClusterReader) -> Iterator[Fault]:
    """A fault for each target of a ScaledObject that is not there. KEDA waits for it. Raises OSError."""
    for workload in settings.workloads.values():
        if not isinstance(workload.scaled, ScaledObject):
            continue
        target = workload.scaled.spec.scale_target_ref
        api_version, kind = target.api_version or "apps/v1", target.kind or "Deployment"
        plural = reader.served(api_version).get(kind)
        at = f"/apis/{api_version}/namespaces/{workload.namespace}/{plural}/{target.name}"
        if plural is None and f"/apis/{api_version}" in reader.forbidden:
            continue
        if plural is None or reader.absent(at):
            yield Fault(
                workload.place("target"),
                target.name,
                f"is not a {kind} in namespace {workload.namespace}. The ScaledObject is created, and is not "
                "Ready until it comes.",
                "Create it, or correct the name.",
            )


def unselected(settings: Settings, reader: ClusterReader) -> Iterator[Fault]:
    """A fault for each kind of monitor that no Prometheus of the cluster selects by its labels.

    Where there is no Prometheus object something else reads the monitors. Raises OSError.
    """
    listed = reader.items(f"/apis/{MONITORING}/prometheuses")
    collectors = [Item({"kind": "Prometheus", **each}, "") for each in listed]
    labels = settings.monitoring.monitor_labels
    for kind, namespaces in _monitors(settings).items():
        alone = [
            namespace
            for namespace in namespaces
            if not any(monitors.reads(each, kind, namespace, labels, None) for each in collectors)
        ]
        if collectors and alone:
            asked = monitors.wanted(collectors, kind)
            yield Fault(
                "monitoring.monitorLabels",
                MISSING,
                f"no Prometheus selects the {kind}s in {', '.join(alone)} by them: there will be no data.",
                f"Write monitorLabels: {{{asked}}}." if asked else f"Let {collectors[0].ref} select them.",
            )


def _required_kinds(settings: Settings) -> Iterator[tuple[str, str, str, object, str, str]]:
    """(apiVersion, kind, setting, its value, what to write without the kind, how to get it)."""
    monitoring = settings.monitoring
    if settings.keda.cluster_guard != "off":
        path, instead = "keda.clusterGuard", "upgrade to Kubernetes 1.30 or newer"
        mode = settings.keda.cluster_guard
        yield ADMISSION, "ValidatingAdmissionPolicy", path, mode, "clusterGuard: off", instead
    if monitoring.service_monitors:
        path, off = "monitoring.serviceMonitors", "serviceMonitors: false"
        yield MONITORING, "ServiceMonitor", path, True, off, _OPERATOR
    if monitoring.alerts:
        yield MONITORING, "PrometheusRule", "monitoring.alerts", True, "alerts: false", _OPERATOR
    for workload in settings.workloads.values():
        if workload.monitor:
            kind = workload.monitor.kind
            yield MONITORING, kind, workload.place("monitor"), kind, "no monitor", _OPERATOR
    if monitoring.dashboards in ("grafanaDashboard", "both"):
        off, instead = "dashboards: configMap", "install the Grafana Operator"
        yield GRAFANA, "GrafanaDashboard", "monitoring.dashboards", monitoring.dashboards, off, instead


def _namespaces(settings: Settings) -> Iterator[tuple[str, str]]:
    """(setting, the namespace it names)."""
    for workload in settings.workloads.values():
        yield workload.place("namespace"), workload.namespace
        if workload.monitor and workload.monitor.namespace:
            yield workload.place("monitor", "namespace"), workload.monitor.namespace
    for index, namespace in enumerate(settings.keda.watch_namespaces or ()):
        yield f"keda.watchNamespaces[{index}]", namespace
    if settings.monitoring.dashboards != "none":
        yield "monitoring.dashboardNamespace", settings.monitoring.dashboard_namespace
    if settings.monitoring.state_metrics:
        yield "monitoring.stateMetrics.namespace", settings.monitoring.state_metrics.namespace


def _monitors(settings: Settings) -> dict[str, list[str]]:
    """The namespaces of the workloads' monitors, by kind. KEDA's own have more labels, from the chart."""
    found: dict[str, list[str]] = {}
    for workload in settings.workloads.values():
        if workload.monitor and workload.monitor.namespace:
            found.setdefault(workload.monitor.kind, []).append(workload.monitor.namespace)
    return found

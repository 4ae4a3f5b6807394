"""What the settings ask of the cluster, asked of the cluster before anything is registered.

Without this the engine finds a missing kind half-way through an update, when KEDA is already installed. The
settings alone decide what is made: this only refuses. Where no cluster answers (a rendering in CI), it says
nothing.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pulumi

from components.admission_rules import API_VERSION as ADMISSION
from components.monitoring import GRAFANA
from components.recipes.monitor import API_VERSION as MONITORING
from components.settings import Cluster, Settings
from keda import MISSING, Fault, SpecError
from keda.judge import monitors
from keda.judge.objects import Item

_SECONDS = 5
_OPERATOR = "install the Prometheus Operator"

Get = Callable[[str], Any]
"""A path of the API server to the JSON there; None if there is nothing. Raises OSError if nobody answers."""


def preflight(settings: Settings) -> None:
    """Raises pulumi.RunError with a line for each setting the cluster cannot follow; warns of monitors that
    none of its Prometheuses would select."""
    get = api(settings.cluster)
    if get is None:
        return
    try:
        faults = list(missing_kinds(settings, get))
        unread = [] if faults else list(unselected(settings, get))
    except OSError as error:
        pulumi.log.debug(f"The cluster was not asked: {error}")
        return
    if faults:
        raise pulumi.RunError(str(SpecError(faults)))
    for fault in unread:
        pulumi.warn(str(fault))


def missing_kinds(settings: Settings, get: Get) -> Iterator[Fault]:
    """A fault for each setting whose kind the cluster does not serve."""
    served: dict[str, set[str]] = {}
    for api_version, kind, path, value, off, instead in _wishes(settings):
        if api_version not in served:
            found = get(f"/apis/{api_version}") or {}
            served[api_version] = {each["kind"] for each in found.get("resources", [])}
        if kind not in served[api_version]:
            yield Fault(
                path,
                value,
                f"needs the kind {kind} ({api_version}), which this cluster does not have. "
                "The update would fail half-way.",
                f"Write {off}, or {instead}.",
            )


def unselected(settings: Settings, get: Get) -> Iterator[Fault]:
    """A fault for each kind of monitor that no Prometheus of the cluster selects by its labels.

    Where there is no Prometheus object something else reads the monitors.
    """
    listed = get(f"/apis/{MONITORING}/prometheuses") or {}
    collectors = [Item({"kind": "Prometheus", **each}, "") for each in listed.get("items", [])]
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
                f"{collectors[0].ref} selects no {kind} with them in {', '.join(alone)}, nor does any other: "
                "there will be no data.",
                f"Write monitorLabels: {{{asked}}}." if asked else f"Let {collectors[0].ref} select it.",
            )


def _wishes(settings: Settings) -> Iterator[tuple[str, str, str, object, str, str]]:
    """(apiVersion, kind, setting, its value, what to write without the kind, how to get it)."""
    monitoring = settings.monitoring
    if settings.keda.cluster_guard != "off":
        path, instead = "keda.clusterGuard", "take Kubernetes 1.30 or newer"
        mode = settings.keda.cluster_guard
        yield ADMISSION, "ValidatingAdmissionPolicy", path, mode, "clusterGuard: off", instead
    if monitoring.service_monitors:
        path, off = "monitoring.serviceMonitors", "serviceMonitors: false"
        yield MONITORING, "ServiceMonitor", path, True, off, _OPERATOR
    if monitoring.alerts:
        yield MONITORING, "PrometheusRule", "monitoring.alerts", True, "alerts: false", _OPERATOR
    for name, workload in settings.workloads.items():
        if workload.monitor:
            kind = workload.monitor.kind
            yield MONITORING, kind, f"workloads.{name}.monitor", kind, "no monitor", _OPERATOR
    if monitoring.dashboards in ("grafanaDashboard", "both"):
        off, instead = "dashboards: configMap", "install the Grafana Operator"
        yield GRAFANA, "GrafanaDashboard", "monitoring.dashboards", monitoring.dashboards, off, instead


def _monitors(settings: Settings) -> dict[str, list[str]]:
    """The namespaces of the workloads' monitors, by kind. KEDA's own have more labels, from the chart."""
    found: dict[str, list[str]] = {}
    for workload in settings.workloads.values():
        if workload.monitor and workload.monitor.namespace:
            found.setdefault(workload.monitor.kind, []).append(workload.monitor.namespace)
    return found


def api(cluster: Cluster) -> Get | None:
    """GET on the API server the provider would use; None without a kubeconfig for it."""
    # A fifth of a second, and most tests need none. It is typed in part only.
    kubernetes: Any = import_module("kubernetes")
    client, config = kubernetes.client, kubernetes.config

    # As the provider has it: a path or the file's text, else what kubectl takes.
    given = cluster.kubeconfig or os.environ.get("KUBECONFIG") or "~/.kube/config"
    source = io.StringIO(given) if "\n" in given else str(Path(given).expanduser())
    configuration = client.Configuration()
    configuration.retries = False
    try:
        config.load_kube_config(source, cluster.context, configuration, persist_config=False)
    except Exception:  # of many kinds, and their texts may quote the file, which holds credentials
        return None
    connection = client.ApiClient(configuration)

    def get(path: str) -> Any:
        request = connection.param_serialize("GET", path, auth_settings=["BearerToken"])
        try:
            answer = connection.call_api(*request, _request_timeout=_SECONDS)
            text = answer.read()
        except Exception as error:  # urllib3's, ssl's and the credential plugins' own
            raise OSError(f"{type(error).__name__}: {error}") from None
        if answer.status == 404:
            return None
        if answer.status >= 400:
            raise OSError(f"{path}: {answer.status} {answer.reason}")
        try:
            found = json.loads(text)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise OSError(f"{path}: no answer of Kubernetes'")
        return found

    return get

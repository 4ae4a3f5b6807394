"""The PrometheusRule: the alerts on KEDA and on each workload, made from the settings and KEDA models."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pulumi

from components.custom_resource import custom_resource
from components.monitoring.alert import Alert, Installation, Watched
from components.monitoring.alerts import OF_KEDA, OF_WORKLOAD
from components.monitoring.monitor import API_VERSION
from components.platform import chart_values
from components.settings import Keda, Monitoring
from components.workload import OFF, Workload

NAME = "keda-homelab"
"""Of the PrometheusRule."""


def groups(
    keda: Keda, monitoring: Monitoring, workloads: Mapping[str, Workload]
) -> list[tuple[str, list[Alert]]]:
    """The rule groups by name: one for KEDA itself, and one per workload that has alerts."""
    values = chart_values(keda, monitoring, workloads.values())
    conditions = monitoring.state_metrics is not None
    found = [("keda", list(_of_keda(Installation(keda.namespace, values, workloads))))] + [
        (f"keda/{workload.namespace}/{workload.name}", list(_of_workload(workload, conditions)))
        for workload in workloads.values()
    ]
    return [(name, group) for name, group in found if group]


def _of_keda(installation: Installation) -> Iterator[Alert]:
    labels = {"namespace": installation.namespace}
    for each in OF_KEDA:
        for firing in each.firings(installation):
            yield Alert.of(each, firing, each.minutes, labels)


def _of_workload(workload: Workload, conditions: bool) -> Iterator[Alert]:
    """A workload's alerts by its setting `alerts`, with the labels that name it."""
    kind = workload.scaled.kind
    labels = {"namespace": workload.namespace, "kind": kind, kind.lower(): workload.name}
    for each in OF_WORKLOAD:
        chosen = workload.alerts.get(each.name)
        if chosen != OFF:
            for firing in each.firings(Watched(workload, chosen or each.minutes, conditions)):
                yield Alert.of(each, firing, chosen or firing.minutes or each.minutes, labels)


class Alerts(pulumi.ComponentResource):
    """The PrometheusRule, in KEDA's namespace."""

    def __init__(
        self,
        name: str,
        keda: Keda,
        monitoring: Monitoring,
        workloads: Mapping[str, Workload],
        after: Sequence[pulumi.Resource] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Registers it, unless `monitoring.alerts` is off. `after`: what must be there first."""
        props = {"namespace": keda.namespace, "alerts": monitoring.alerts}
        super().__init__("keda-homelab:monitoring:Alerts", name, props, opts)
        if monitoring.alerts:
            custom_resource(
                f"{name}-prometheusrule",
                prometheus_rule(keda, monitoring, workloads),
                pulumi.ResourceOptions(parent=self, depends_on=list(after)),
            )
        self.register_outputs(props)


def prometheus_rule(keda: Keda, monitoring: Monitoring, workloads: Mapping[str, Workload]) -> dict[str, Any]:
    """The manifest."""
    metadata: dict[str, Any] = {"name": NAME, "namespace": keda.namespace}
    if monitoring.monitor_labels:
        metadata["labels"] = monitoring.monitor_labels
    rules = [
        {"name": name, "rules": [alert.rule(monitoring.runbooks) for alert in group]}
        for name, group in groups(keda, monitoring, workloads)
    ]
    return {
        "apiVersion": API_VERSION,
        "kind": "PrometheusRule",
        "metadata": metadata,
        "spec": {"groups": rules},
    }

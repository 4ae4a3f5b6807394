"""Prometheus alerts on KEDA and on each workload, made from the same models as the objects they watch.

What KEDA has no metric for (Ready, Fallback) comes from kube-state-metrics and is left out unless
`monitoring.stateMetrics` is set.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pulumi

from components.custom_resource import custom_resource
from components.monitoring.queries import either, number, of_condition, of_hpa, of_jobs, of_scaler, replicas
from components.platform import chart_values
from components.recipes import Scaled
from components.recipes.alerting import OFF
from components.recipes.base import quoted
from components.recipes.monitor import API_VERSION
from components.recipes.nats_jetstream import EXPORTER_PREFIXES
from components.settings import Keda, Monitoring
from keda import NatsJetStream, ScaledObject
from keda.manifests.reading import dig

NAME = "keda-homelab"
"""Of the PrometheusRule."""
GPU = "nvidia_com_gpu"
"""nvidia.com/gpu as kube-state-metrics spells it."""
_DAY = 24 * 60


@dataclass(frozen=True)
class Alert:
    """One alerting rule. `minutes`: how long the expression must hold; its name is its runbook's too.

    Alertmanager identifies an alert by its name and `labels`: two of one name with equal labels are one alert
    to it. Routes and silences match labels too.
    """

    name: str
    expression: str
    minutes: int
    severity: str
    summary: str
    labels: Mapping[str, str] = field(default_factory=dict)

    def rule(self, runbooks: str | None) -> dict[str, Any]:
        """As Prometheus reads it. `runbooks`: the address of the runbooks' folder; None: no link."""
        annotations = {"summary": self.summary}
        if runbooks is not None:
            annotations["runbook_url"] = f"{runbooks}/{self.name}.md"
        return {
            "alert": self.name,
            "expr": self.expression,
            "for": f"{self.minutes}m",
            "labels": {"severity": self.severity, **self.labels},
            "annotations": annotations,
        }


def groups(
    keda: Keda, monitoring: Monitoring, workloads: Mapping[str, Scaled]
) -> list[tuple[str, list[Alert]]]:
    """The rule groups by name: one for KEDA itself, and one per workload that has alerts."""
    stated = monitoring.state_metrics is not None
    down = _components(keda, chart_values(keda, monitoring, workloads.values()))
    own = [*down, *_certificates(keda), *_gpus(workloads)]
    labels = {"namespace": keda.namespace}
    found = [("keda", [replace(alert, labels=labels) for alert in own])] + [
        (f"keda/{workload.namespace}/{workload.name}", list(_chosen(workload, stated)))
        for workload in workloads.values()
    ]
    return [(name, alerts) for name, alerts in found if alerts]


class Alerts(pulumi.ComponentResource):
    """The PrometheusRule, in KEDA's namespace."""

    def __init__(
        self,
        name: str,
        keda: Keda,
        monitoring: Monitoring,
        workloads: Mapping[str, Scaled],
        after: Sequence[pulumi.Resource] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        props = {"namespace": keda.namespace, "alerts": monitoring.alerts}
        super().__init__("keda-homelab:monitoring:Alerts", name, props, opts)
        if monitoring.alerts:
            custom_resource(
                f"{name}-prometheusrule",
                prometheus_rule(keda, monitoring, workloads),
                pulumi.ResourceOptions(parent=self, depends_on=list(after)),
            )
        self.register_outputs(props)


def prometheus_rule(keda: Keda, monitoring: Monitoring, workloads: Mapping[str, Scaled]) -> dict[str, Any]:
    """The manifest."""
    metadata: dict[str, Any] = {"name": NAME, "namespace": keda.namespace}
    if monitoring.monitor_labels:
        metadata["labels"] = monitoring.monitor_labels
    rules = [
        {"name": name, "rules": [alert.rule(monitoring.runbooks) for alert in alerts]}
        for name, alerts in groups(keda, monitoring, workloads)
    ]
    return {
        "apiVersion": API_VERSION,
        "kind": "PrometheusRule",
        "metadata": metadata,
        "spec": {"groups": rules},
    }


def _components(keda: Keda, values: Mapping[str, Any]) -> Iterator[Alert]:
    """A Deployment whose target is gone, or does not answer. What nothing reads would always be absent."""
    for name, part, job, severity, harm in (
        (
            "KedaOperatorDown",
            "operator",
            "keda-operator",
            "critical",
            "nothing goes from or to zero, and HPAs get no metrics",
        ),
        (
            "KedaMetricsServerDown",
            "metricServer",
            "keda-operator-metrics-apiserver",
            "critical",
            "no HPA of KEDA's can read its metrics, so replicas stand still",
        ),
        (
            "KedaWebhooksDown",
            "webhooks",
            "keda-admission-webhooks",
            "warning",
            "with failurePolicy Ignore every ScaledObject is let in unchecked, a second owner too",
        ),
    ):
        if _is_read(values, part):
            up = f"up{{job={quoted(job)},namespace={quoted(keda.namespace)}}}"
            yield Alert(name, f"absent({up} == 1)", 5, severity, f"{job} is down: {harm}")


def _is_read(values: Mapping[str, Any], part: str) -> bool:
    """Whether the chart installs a part of KEDA and has Prometheus read it."""
    scraped = dig(values, "prometheus", part)
    monitored = dig(scraped, "enabled") and dig(scraped, "serviceMonitor", "enabled")
    return bool(monitored) and dig(values, part, "enabled") is not False


def _certificates(keda: Keda) -> Iterator[Alert]:
    """Only cert-manager has a metric for it. KEDA renews its own certificate itself and shows nothing."""
    if not dig(keda.values, "certificates", "certManager", "enabled"):
        return
    # cert-manager's own ServiceMonitor does not honour labels either: exported_namespace there.
    ends = either("certmanager_certificate_expiration_timestamp_seconds", keda.namespace)
    soon = f"min by (name) {ends} - time() < 7 * 24 * 3600"
    yield Alert(
        "KedaCertificateExpires",
        soon,
        60,
        "critical",
        "certificate {{ $labels.name }} ends in less than 7 days; webhooks and metrics server stop with it",
    )


def _gpus(workloads: Mapping[str, Scaled]) -> Iterator[Alert]:
    """Of a fleet that has GPU workloads."""
    if not any(workload.gpus_per_pod for workload in workloads.values()):
        return
    resource = f"{{resource={quoted(GPU)}}}"
    running = 'on (namespace, pod) group_left () (kube_pod_status_phase{phase="Running"} == 1)'
    used = f"sum(kube_pod_container_resource_requests{resource} * {running})"
    expression = f"{used} / sum(kube_node_status_allocatable{resource}) >= 0.9"
    yield Alert(
        "KedaGpuBudgetNearlyUsed",
        expression,
        30,
        "warning",
        "{{ $value | humanizePercentage }} of the cluster's GPUs are in use: the next GPU pod waits",
    )


def _chosen(workload: Scaled, stated: bool) -> Iterator[Alert]:
    """A workload's alerts as its setting `alerts` wants them, with the labels that name it."""
    kind = workload.scaled.kind
    labels = {"namespace": workload.namespace, "kind": kind, kind.lower(): workload.name}
    for alert in _workload(workload, stated):
        if workload.alerts.get(alert.name) != OFF:
            minutes = _minutes(workload, alert.name, alert.minutes)
            yield replace(alert, minutes=minutes, labels=labels)


def _minutes(workload: Scaled, name: str, default: int) -> int:
    """How long an alert's expression must hold: the workload's own time, else the default."""
    chosen = workload.alerts.get(name, default)
    return default if chosen == OFF else chosen


def _lasting(minutes: int) -> str:
    """`45 minutes`, `24 hours`."""
    return f"{minutes // 60} hours" if minutes >= 120 and minutes % 60 == 0 else f"{minutes} minutes"


def _workload(workload: Scaled, stated: bool) -> Iterator[Alert]:
    yield from _failing(workload)
    if stated:
        yield from _conditions(workload)
    if isinstance(workload.scaled, ScaledObject):
        yield from _autoscaler(workload, workload.scaled)
        yield from _at_zero(workload, workload.scaled)
        paused = f"max{_keda('keda_scaled_object_paused', workload)} == 1"
        minutes = _minutes(workload, "KedaPaused", _DAY)
        summary = f"{_titled(workload)} has been paused for {_lasting(minutes)}"
        yield Alert("KedaPaused", paused, minutes, "info", summary)
    else:
        yield from _jobs(workload)
    yield from _consumers(workload)


def _failing(workload: Scaled) -> Iterator[Alert]:
    """The scaler's errors by the trigger's metric, for ScaledObjects and ScaledJobs alike."""
    errors = _keda("keda_scaler_detail_errors_total", workload, "rate({}[5m])")
    yield Alert(
        "KedaScalerFailing",
        f"sum by (metric) {errors} > 0",
        5,
        "warning",
        f"{_titled(workload)}: KEDA cannot read {{{{ $labels.metric }}}}, so the replicas stand still",
    )


def _conditions(workload: Scaled) -> Iterator[Alert]:
    yield Alert(
        "KedaNotReady",
        f"{of_condition(workload, 'Ready')} == 0",
        5,
        "warning",
        f"{_titled(workload)} is not Ready: KEDA does not scale it",
    )
    if isinstance(workload.scaled, ScaledObject) and workload.scaled.spec.fallback:
        yield Alert(
            "KedaFallbackInUse",
            f"{of_condition(workload, 'Fallback')} == 1",
            5,
            "warning",
            f"{_titled(workload)} runs on its fallback replicas: its metric cannot be read",
        )


def _autoscaler(workload: Scaled, scaled: ScaledObject) -> Iterator[Alert]:
    """The HPA's state, by its true name."""
    lowest, highest = workload.bounds
    current = replicas(workload)
    # At zero replicas an HPA is switched off by design (horizontal.go, ScalingDisabled).
    unable = of_hpa(
        "kube_horizontalpodautoscaler_status_condition",
        workload,
        condition="ScalingActive",
        status="false",
    )
    yield Alert(
        "KedaHpaUnableToScale",
        f"max{unable} == 1 and on () {current} > 0",
        5,
        "warning",
        f"{_titled(workload)}: its HPA {scaled.hpa_name} gets no metrics and cannot scale",
    )
    yield Alert(
        "KedaAtMaximum",
        f"{current} >= {highest}",
        (minutes := _minutes(workload, "KedaAtMaximum", 30)),
        "warning",
        f"{_titled(workload)} has been at its maximum of {highest} replicas for {_lasting(minutes)}",
    )
    turns = max(6, 3 * (highest - lowest))
    desired = of_hpa("kube_horizontalpodautoscaler_status_desired_replicas", workload, "resets({}[1h])")
    yield Alert(
        "KedaReplicasFlapping",
        f"max{desired} > {turns}",
        10,
        "warning",
        f"{_titled(workload)} was scaled down {{{{ $value }}}} times within an hour: it flaps",
    )


def _at_zero(workload: Scaled, scaled: ScaledObject) -> Iterator[Alert]:
    """Asleep though there is work, and awake though there is none; of what may go to zero."""
    if workload.bounds[0] > 0:
        return
    current = replicas(workload)
    wanted = " or ".join(
        f"max{of_scaler('keda_scaler_metrics_value', workload, index)} > {number(trigger.activation)}"
        for index, trigger in enumerate(scaled.spec.triggers)
    )
    yield Alert(
        "KedaStuckAtZero",
        f"({wanted}) and on () {current} == 0",
        5,
        "critical",
        f"{_titled(workload)} is at 0 replicas though its signal is {{{{ $value }}}}: it does not wake",
    )
    cooldown = 300 if scaled.spec.cooldown_period is None else scaled.spec.cooldown_period
    idle = f"max{_keda('keda_scaler_active', workload)} == 0"
    yield Alert(
        "KedaStuckAboveZero",
        f"{idle} and on () {current} > 0",
        cooldown // 60 + 10,
        "warning",
        f"{_titled(workload)} has had no work for its cooldown of {cooldown} s and more, and still runs",
    )


def _jobs(workload: Scaled) -> Iterator[Alert]:
    highest = workload.bounds[1]
    running, failed = of_jobs("kube_job_status_active", workload), of_jobs("kube_job_status_failed", workload)
    yield Alert(
        "KedaJobsAtMaximum",
        f"{running} >= {highest}",
        (minutes := _minutes(workload, "KedaJobsAtMaximum", 30)),
        "warning",
        f"{_titled(workload)} has run its maximum of {highest} Jobs for {_lasting(minutes)}",
    )
    yield Alert(
        "KedaJobsFailing",
        f"{failed} > 0",
        5,
        "warning",
        f"{_titled(workload)}: {{{{ $value }}}} pods of its Jobs have failed",
    )


def _consumers(workload: Scaled) -> Iterator[Alert]:
    """A JetStream consumer that its exporter does not show; only where the workload's monitor reads one."""
    if workload.monitor is None:
        return
    for trigger in workload.scaled.spec.triggers:
        if isinstance(trigger, NatsJetStream):
            labels = f"{{stream_name={quoted(trigger.stream)},consumer_name={quoted(trigger.consumer)}}}"
            absent = (f"absent({prefix}_consumer_num_pending{labels})" for prefix in EXPORTER_PREFIXES)
            yield Alert(
                "KedaQueueConsumerMissing",
                " and ".join(absent),
                5,
                "critical",
                f"{_titled(workload)}: stream {trigger.stream} has no consumer {trigger.consumer}, so KEDA "
                "counts the whole stream and scales to the maximum",
            )


def _keda(series: str, workload: Scaled, wrap: str = "{}") -> str:
    """A metric of KEDA's about all triggers of one object."""
    return either(series, workload.namespace, wrap, scaledObject=workload.name)


def _titled(workload: Scaled) -> str:
    return f"{workload.scaled.kind} {workload.namespace}/{workload.name}"

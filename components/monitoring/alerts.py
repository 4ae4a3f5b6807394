"""Prometheus alerts on KEDA and on each workload. docs/contributing.md has how to add one.

What KEDA has no metric for (Ready, Fallback) comes from kube-state-metrics and is left out unless
`monitoring.stateMetrics` is set.
"""

from __future__ import annotations

from collections.abc import Iterator

from components.monitoring.alert import Firing, Installation, Register, Watched
from components.monitoring.queries import (
    EXPORTER_PREFIXES,
    either,
    number,
    of_condition,
    of_hpa,
    of_jobs,
    of_scaler,
    quoted,
    replicas,
)
from components.workload import Workload
from keda import NatsJetStream
from keda.manifests.reading import dig

OF_KEDA: Register[Installation] = Register()
OF_WORKLOAD: Register[Watched] = Register()

GPU = "nvidia_com_gpu"
"""nvidia.com/gpu as kube-state-metrics spells it."""


@OF_KEDA.alert("KedaOperatorDown", "critical", 5, "the operator does not answer")
def operator_down(keda: Installation) -> Iterator[Firing]:
    """Of three parts of KEDA: the Deployment's scrape target is gone, or does not answer."""
    yield from _down(
        keda, "operator", "keda-operator", "nothing goes from or to zero, and HPAs get no metrics"
    )


@OF_KEDA.alert("KedaMetricsServerDown", "critical", 5, "the metrics server does not answer")
def metrics_server_down(keda: Installation) -> Iterator[Firing]:
    """As `operator_down`, for the metrics server."""
    harm = "no HPA of KEDA's can read its metrics, so replicas do not change"
    yield from _down(keda, "metricServer", "keda-operator-metrics-apiserver", harm)


@OF_KEDA.alert(
    "KedaWebhooksDown",
    "warning",
    5,
    "the webhooks do not answer (failurePolicy Ignore then lets everything in)",
)
def webhooks_down(keda: Installation) -> Iterator[Firing]:
    """As `operator_down`, for the admission webhooks."""
    harm = "with failurePolicy Ignore every ScaledObject is let in unchecked, a second owner too"
    yield from _down(keda, "webhooks", "keda-admission-webhooks", harm)


@OF_KEDA.alert(
    "KedaCertificateExpires",
    "critical",
    60,
    "KEDA's certificate ends within 7 days; only with cert-manager",
)
def certificate_expires(keda: Installation) -> Iterator[Firing]:
    """Only cert-manager has a metric for it. KEDA renews its own certificate itself and shows nothing."""
    if not dig(keda.values, "certificates", "certManager", "enabled"):
        return
    # cert-manager's own ServiceMonitor does not honour labels either: exported_namespace there.
    ends = either("certmanager_certificate_expiration_timestamp_seconds", keda.namespace)
    yield Firing(
        f"min by (name) {ends} - time() < 7 * 24 * 3600",
        "certificate {{ $labels.name }} ends in less than 7 days; webhooks and metrics server stop with it",
    )


@OF_KEDA.alert(
    "KedaGpuBudgetNearlyUsed",
    "warning",
    30,
    "nine tenths of the GPUs are in use; only with GPU workloads",
)
def gpu_budget_nearly_used(keda: Installation) -> Iterator[Firing]:
    """Over all pods that run: GPUs requested, of those allocatable."""
    if not any(workload.gpus_per_pod for workload in keda.workloads.values()):
        return
    resource = f"{{resource={quoted(GPU)}}}"
    running = 'on (namespace, pod) group_left () (kube_pod_status_phase{phase="Running"} == 1)'
    used = f"sum(kube_pod_container_resource_requests{resource} * {running})"
    yield Firing(
        f"{used} / sum(kube_node_status_allocatable{resource}) >= 0.9",
        "{{ $value | humanizePercentage }} of the cluster's GPUs are in use: the next GPU pod waits",
    )


@OF_WORKLOAD.alert("KedaScalerFailing", "warning", 5, "a trigger's metric cannot be read")
def scaler_failing(on: Watched) -> Iterator[Firing]:
    """The scaler's errors by the trigger's metric, for ScaledObjects and ScaledJobs alike."""
    errors = _of_triggers("keda_scaler_detail_errors_total", on.workload, "rate({}[5m])")
    yield Firing(
        f"sum by (metric) {errors} > 0",
        f"{on.title}: KEDA cannot read {{{{ $labels.metric }}}}, so the replicas do not change",
    )


@OF_WORKLOAD.alert("KedaNotReady", "warning", 5, "the condition Ready is not True; needs `stateMetrics`")
def not_ready(on: Watched) -> Iterator[Firing]:
    """From kube-state-metrics: KEDA has no metric for it."""
    if on.conditions:
        yield Firing(
            f"{of_condition(on.workload, 'Ready')} == 0", f"{on.title} is not Ready: KEDA does not scale it"
        )


@OF_WORKLOAD.alert(
    "KedaFallbackInUse",
    "warning",
    5,
    "the fallback holds the replicas; needs `stateMetrics` and a `fallback`",
)
def fallback_in_use(on: Watched) -> Iterator[Firing]:
    """From kube-state-metrics: KEDA has no metric for it."""
    if on.conditions and on.scaled_object and on.scaled_object.spec.fallback:
        yield Firing(
            f"{of_condition(on.workload, 'Fallback')} == 1",
            f"{on.title} runs on its fallback replicas: its metric cannot be read",
        )


@OF_WORKLOAD.alert("KedaHpaUnableToScale", "warning", 5, "`ScalingActive=false` above 0 replicas")
def hpa_unable_to_scale(on: Watched) -> Iterator[Firing]:
    """At zero replicas an HPA is switched off by design (horizontal.go, ScalingDisabled)."""
    if on.scaled_object is None:
        return
    unable = of_hpa(
        "kube_horizontalpodautoscaler_status_condition",
        on.workload,
        condition="ScalingActive",
        status="false",
    )
    yield Firing(
        f"max{unable} == 1 and on () {replicas(on.workload)} > 0",
        f"{on.title}: its HPA {on.scaled_object.hpa_name} gets no metrics and cannot scale",
    )


@OF_WORKLOAD.alert("KedaAtMaximum", "warning", 30, "at `maxReplicas` for long")
def at_maximum(on: Watched) -> Iterator[Firing]:
    """A ScaledObject's target; `jobs_at_maximum` is for ScaledJobs."""
    if on.scaled_object:
        _, highest = on.workload.bounds
        if on.scaled_object.spec.min_replica_count == highest:
            return  # it has no more to give by intention, as a gate
        yield Firing(
            f"{replicas(on.workload)} >= {highest}",
            f"{on.title} has been at its maximum of {highest} replicas for {on.lasting}",
        )


@OF_WORKLOAD.alert("KedaReplicasFlapping", "warning", 10, "more scale-downs in an hour than a load explains")
def replicas_flapping(on: Watched) -> Iterator[Firing]:
    """More scale-downs within an hour than three times the range, and than six."""
    if on.scaled_object:
        lowest, highest = on.workload.bounds
        desired = of_hpa(
            "kube_horizontalpodautoscaler_status_desired_replicas", on.workload, "resets({}[1h])"
        )
        yield Firing(
            f"max{desired} > {max(6, 3 * (highest - lowest))}",
            f"{on.title} was scaled down {{{{ $value }}}} times within an hour: it flaps",
        )


@OF_WORKLOAD.alert("KedaStuckAtZero", "critical", 5, "a signal above activation, and 0 replicas")
def stuck_at_zero(on: Watched) -> Iterator[Firing]:
    """Only what may go to zero."""
    if on.scaled_object is None or on.workload.bounds[0] > 0:
        return
    active = " or ".join(
        f"max{of_scaler('keda_scaler_metrics_value', on.workload, index)} > {number(trigger.activation)}"
        for index, trigger in enumerate(on.scaled_object.spec.triggers)
    )
    yield Firing(
        f"({active}) and on () {replicas(on.workload)} == 0",
        f"{on.title} is at 0 replicas though its signal is {{{{ $value }}}}: KEDA does not scale it up",
    )


@OF_WORKLOAD.alert("KedaStuckAboveZero", "warning", 15, "no trigger active past the cooldown, and replicas")
def stuck_above_zero(on: Watched) -> Iterator[Firing]:
    """Waits for the workload's cooldown and ten minutes more."""
    if on.scaled_object is None or on.workload.bounds[0] > 0:
        return
    spec = on.scaled_object.spec
    cooldown = 300 if spec.cooldown_period is None else spec.cooldown_period
    idle = f"max{_of_triggers('keda_scaler_active', on.workload)} == 0"
    yield Firing(
        f"{idle} and on () {replicas(on.workload)} > 0",
        f"{on.title} has had no work for its cooldown of {cooldown} s and more, and still runs",
        cooldown // 60 + 10,
    )


@OF_WORKLOAD.alert("KedaPaused", "info", 24 * 60, "a pause annotation for a day")
def paused(on: Watched) -> Iterator[Firing]:
    """KEDA has the metric for ScaledObjects only."""
    if on.scaled_object:
        series = _of_triggers("keda_scaled_object_paused", on.workload)
        yield Firing(f"max{series} == 1", f"{on.title} has been paused for {on.lasting}")


@OF_WORKLOAD.alert("KedaJobsAtMaximum", "warning", 30, "a ScaledJob at its maximum for long")
def jobs_at_maximum(on: Watched) -> Iterator[Firing]:
    """A ScaledJob's Jobs; `at_maximum` is for ScaledObjects."""
    if on.scaled_object is None:
        _, highest = on.workload.bounds
        yield Firing(
            f"{of_jobs('kube_job_status_active', on.workload)} >= {highest}",
            f"{on.title} has run its maximum of {highest} Jobs for {on.lasting}",
        )


@OF_WORKLOAD.alert("KedaJobsFailing", "warning", 5, "a ScaledJob's Jobs fail")
def jobs_failing(on: Watched) -> Iterator[Firing]:
    """KEDA keeps the last few finished Jobs only."""
    if on.scaled_object is None:
        yield Firing(
            f"{of_jobs('kube_job_status_failed', on.workload)} > 0",
            f"{on.title}: {{{{ $value }}}} pods of its Jobs have failed",
        )


@OF_WORKLOAD.alert(
    "KedaQueueConsumerMissing",
    "critical",
    5,
    "NATS' exporter shows no such consumer; needs the workload's `monitor`",
)
def queue_consumer_missing(on: Watched) -> Iterator[Firing]:
    """A JetStream consumer that its exporter does not show; only where the workload's monitor reads one."""
    if on.workload.monitor is None:
        return
    for trigger in on.workload.scaled.spec.triggers:
        if isinstance(trigger, NatsJetStream):
            labels = f"{{stream_name={quoted(trigger.stream)},consumer_name={quoted(trigger.consumer)}}}"
            absent = (f"absent({prefix}_consumer_num_pending{labels})" for prefix in EXPORTER_PREFIXES)
            yield Firing(
                " and ".join(absent),
                f"{on.title}: stream {trigger.stream} has no consumer {trigger.consumer}, so KEDA counts the "
                "whole stream and scales to the maximum",
            )


def _down(keda: Installation, part: str, job: str, harm: str) -> Iterator[Firing]:
    """Where Prometheus reads this part of KEDA: `absent` of what nothing reads is always true."""
    scraped = dig(keda.values, "prometheus", part)
    monitored = dig(scraped, "enabled") and dig(scraped, "serviceMonitor", "enabled")
    if monitored and dig(keda.values, part, "enabled") is not False:
        up = f"up{{job={quoted(job)},namespace={quoted(keda.namespace)}}}"
        yield Firing(f"absent({up} == 1)", f"{job} is down: {harm}")


def _of_triggers(series: str, workload: Workload, wrap: str = "{}") -> str:
    """A metric of KEDA's about all triggers of one object."""
    return either(series, workload.namespace, wrap, scaledObject=workload.name)

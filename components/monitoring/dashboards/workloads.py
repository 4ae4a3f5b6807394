"""The dashboard of what KEDA scales: a summary, then a row for each workload."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from grafana_foundation_sdk.builders.dashboard import Dashboard

from components.monitoring.dashboards.panels import (
    CORES,
    GPU_HOURS,
    Layout,
    Line,
    Panel,
    board,
    events,
    lines,
    numbers,
    states,
)
from components.monitoring.queries import (
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
from keda import Cpu, Memory, ScaledObject, Trigger
from keda.syntax.quantity import parse_quantity

_RANGE = "[$__range:30s]"
_SAMPLES_AN_HOUR = 120
_RESOURCES = (Cpu.scaler, Memory.scaler)
"""The HPA reads these itself: KEDA 2.19 has neither their value nor whether they are active."""
_GPU_HOURS = (
    "By scaling to zero, in the shown time: GPUs per pod x maximum replicas x hours at zero. "
    "A Deployment fixed at its maximum would have held them while there was nothing to do."
)
_SHARES = "Share of the shown time"
_TARGET_METRIC = "kube_horizontalpodautoscaler_status_target_metric"


def workloads_dashboard(
    uid: str, title: str, workloads: Sequence[Workload], datasource: str | None, *, conditions: bool
) -> Dashboard:
    """`conditions`: whether kube-state-metrics has metrics of the conditions of KEDA's objects."""
    dashboard = board(uid, title, "Signals, replicas and states of the scaled workloads.", datasource)
    hpas = [each.scaled.hpa_name for each in workloads if isinstance(each.scaled, ScaledObject)]
    if hpas:
        chosen = f"{{horizontalpodautoscaler=~{quoted('|'.join(map(_escaped, hpas)))}}}"
        changes = f"changes(kube_horizontalpodautoscaler_status_desired_replicas{chosen}[30s]) > 0"
        dashboard.annotation(events("Scaling event", changes, "{{horizontalpodautoscaler}} scales"))
    layout = Layout(dashboard)
    if workloads:
        layout.row("All")
        layout.line(_summary(workloads))
    for workload in workloads:
        layout.row(f"{workload.namespace}/{workload.name}")
        layout.line(_signals(workload))
        layout.line(_health(workload, conditions=conditions))
    return dashboard


def _summary(workloads: Sequence[Workload]) -> Iterator[tuple[int, Panel]]:
    gpus = [(_gpu_hours_saved(each), each.name) for each in workloads if each.gpus_per_pod]
    everyone = [(replicas(each), each.name) for each in workloads]
    yield 20 if gpus else 24, lines("Replicas and running Jobs", everyone, steps=True)
    if gpus:
        yield 4, numbers("GPU time saved", gpus, unit=GPU_HOURS, description=_GPU_HOURS)


def _signals(workload: Workload) -> Iterator[tuple[int, Panel]]:
    """What scales it, and what comes of that."""
    panels = [_signal(workload, index, each) for index, each in enumerate(workload.scaled.spec.triggers)]
    if formula := _formula(workload):
        panels.append(formula)
    width = max(6, 24 // (len(panels) + 1))
    for panel in panels:
        yield width, panel
    yield width, _jobs(workload) if workload.scaled.kind == "ScaledJob" else _replicas(workload)


def _signal(workload: Workload, index: int, trigger: Trigger) -> Panel:
    """A trigger's value, with its threshold and activation."""
    limits = [] if trigger.target is None else [(f"vector({number(trigger.target)})", "threshold")]
    title = f"Signal: {_named(workload, index)}" + (f" ({workload.unit})" if workload.unit else "")
    if isinstance(trigger, Cpu | Memory):
        return _resource(workload, trigger, title)
    value = f"max{of_scaler('keda_scaler_metrics_value', workload, index)}"
    limits.append((f"vector({number(trigger.activation)})", "activation"))
    compared = "for the value itself (metricType Value)" if trigger.metric_type == "Value" else "per replica"
    return lines(
        title,
        [(value, "value")],
        limits,
        description="KEDA's last reading. threshold: the HPA's target, "
        f"{compared}. activation: above it the workload leaves zero.",
    )


def _resource(workload: Workload, trigger: Cpu | Memory, title: str) -> Panel:
    """CPU or memory, as a share of the pods' requests or as an amount per pod. The HPA's status has both."""
    if trigger.metric_type == "Utilization":
        kind, unit, target = "utilization", "percent", float(trigger.value)
    else:
        kind, target = "average", float(parse_quantity(trigger.value))
        unit = CORES if trigger.type == "cpu" else "bytes"
    labels = {"metric_name": trigger.type, "metric_target_type": kind}
    return lines(
        title,
        [(f"max{of_hpa(_TARGET_METRIC, workload, **labels)}", "value")],
        [(f"vector({number(target)})", "threshold")],
        unit=unit,
        description="The HPA's last reading. threshold: its target, per pod.",
    )


def _formula(workload: Workload) -> Panel | None:
    """The value of a scalingModifiers formula, which the HPA compares in place of the triggers'."""
    advanced = workload.scaled.spec.advanced if isinstance(workload.scaled, ScaledObject) else None
    modifiers = advanced.scaling_modifiers if advanced else None
    if modifiers is None:
        return None
    value = f"max{of_hpa(_TARGET_METRIC, workload, metric_name='composite-metric')}"
    limits = [(f"vector({number(modifiers.target)})", "threshold")]
    description = f"{modifiers.formula}: the HPA's last reading."
    return lines("Signal: formula", [(value, "value")], limits, description=description)


def _replicas(workload: Workload) -> Panel:
    lowest, _ = workload.bounds
    hpa = "kube_horizontalpodautoscaler"
    return lines(
        "Replicas",
        [
            (f"max{of_hpa(f'{hpa}_status_desired_replicas', workload)}", "wanted"),
            (replicas(workload), "current"),
        ],
        [
            (f"max{of_hpa(f'{hpa}_spec_max_replicas', workload)}", "maximum"),
            (f"vector({lowest})", "minimum"),
        ],
        description="Of the HPA; a paused ScaledObject may have none.",
        steps=True,
    )


def _jobs(workload: Workload) -> Panel:
    _, highest = workload.bounds
    return lines(
        "Jobs",
        [
            (of_jobs("kube_job_status_active", workload), "running"),
            (of_jobs("kube_job_status_failed", workload), "failed"),
        ],
        [(f"vector({highest})", "maximum")],
        description="KEDA keeps the last few finished Jobs only; older failures are not counted.",
        steps=True,
    )


def _health(workload: Workload, *, conditions: bool) -> Iterator[tuple[int, Panel]]:
    """Its states, what went wrong, and how the time was spent."""
    errors = "keda_scaler_detail_errors_total"
    failed = [
        (
            f"sum{of_scaler(errors, workload, index, 'increase({}[$__rate_interval])')}",
            _named(workload, index),
        )
        for index in _external(workload)
    ]
    description = "By trigger. KEDA keeps the replicas, or uses the fallback."
    yield 10, states("State", list(_states(workload, conditions=conditions)))
    if failed:
        yield 8, lines("Failed readings", failed, description=description, reach=1)
    yield 6, numbers(_SHARES, list(_shares(workload)), unit="percentunit")


def _states(workload: Workload, *, conditions: bool) -> Iterator[Line]:
    for index in _external(workload):
        yield f"max{of_scaler('keda_scaler_active', workload, index)}", f"active: {_named(workload, index)}"
    if workload.scaled.kind == "ScaledObject":
        labels = {"scaledObject": workload.name}
        yield f"max{either('keda_scaled_object_paused', workload.namespace, **labels)}", "paused"
    if conditions:
        yield of_condition(workload, "Ready"), "ready"
        if workload.scaled.kind == "ScaledObject":
            yield of_condition(workload, "Fallback"), "in fallback"


def _shares(workload: Workload) -> Iterator[Line]:
    lowest, highest = workload.bounds
    if lowest == 0:
        yield f"avg_over_time(({replicas(workload)} == bool 0){_RANGE})", "at 0 replicas"
    yield f"avg_over_time(({replicas(workload)} >= bool {highest}){_RANGE})", f"at {highest} (maximum)"


def _gpu_hours_saved(workload: Workload) -> str:
    _, highest = workload.bounds
    zero = f"sum_over_time(({replicas(workload)} == bool 0){_RANGE}) / {_SAMPLES_AN_HOUR}"
    return f"{workload.gpus_per_pod} * {highest} * {zero}"


def _external(workload: Workload) -> list[int]:
    """The places of the triggers that KEDA reads."""
    return [index for index, each in enumerate(workload.scaled.spec.triggers) if each.type not in _RESOURCES]


def _named(workload: Workload, index: int) -> str:
    """A trigger's name, or its type, with its place where that is not enough."""
    triggers = workload.scaled.spec.triggers
    if name := triggers[index].name:
        return name
    kind = triggers[index].type
    same = sum(each.type == kind and not each.name for each in triggers)
    return kind if same == 1 else f"{kind} {index}"


def _escaped(name: str) -> str:
    """A name of Kubernetes' in a regular expression: of all it may hold, only the dot means something."""
    return name.replace(".", "\\.")

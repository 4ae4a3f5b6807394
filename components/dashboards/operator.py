"""The dashboard of KEDA itself: is it well, how fast is it, what did it refuse, and what does it cost?"""

from __future__ import annotations

from collections.abc import Iterator

from grafana_foundation_sdk.builders.dashboard import Dashboard

from components.dashboards.panels import Layout, Panel, board, lines, numbers
from components.recipes.base import quoted

UID = "keda-homelab-operator"
_TRIGGER = "{{scaledObject}}, trigger {{triggerIndex}}"


def operator(namespace: str, datasource: str | None) -> Dashboard:
    """`namespace`: KEDA's own. Its three Deployments are told apart by `job`, the name of their Service."""
    own = f"{{namespace={quoted(namespace)}}}"
    dashboard = board(UID, "KEDA: operator", "KEDA itself: health, latency, refusals, cost.", datasource)
    layout = Layout(dashboard)
    layout.row("Health")
    layout.line(_health(own), height=4)
    layout.line(_errors(own))
    layout.row("Latency")
    layout.line(_latency())
    layout.row("Webhook")
    layout.line(_webhook())
    layout.row("Cost")
    layout.line(_cost(own))
    return dashboard


def _health(own: str) -> Iterator[tuple[int, Panel]]:
    yield 8, numbers("Up", [(f"up{own}", "{{job}}")], description="1: Prometheus reads it.")
    yield 4, numbers("Version", [("max by (version) (keda_build_info)", "{{version}}")], names=True)
    objects = [("sum by (type) (keda_resource_registered_total)", "{{type}}")]
    yield 6, numbers("Objects", objects, description="Of KEDA's kinds, as many as the operator knows.")
    yield 6, numbers("Triggers", [("sum by (type) (keda_trigger_registered_total)", "{{type}}")])


def _errors(own: str) -> Iterator[tuple[int, Panel]]:
    failed = _rate("keda_scaler_detail_errors_total", "type, scaledObject, triggerIndex")
    description = "Readings that failed. KEDA holds the replicas, or takes the fallback."
    yield 8, lines("Scaler errors", [(failed, _TRIGGER)], unit="reqps", description=description)
    objects = [
        (_rate("keda_scaled_object_errors_total", "scaledObject"), "{{scaledObject}}"),
        (_rate("keda_scaled_job_errors_total", "scaledJob"), "{{scaledJob}}"),
    ]
    yield 8, lines("Errors of ScaledObjects and ScaledJobs", objects, unit="reqps")
    controllers = [(_rate("controller_runtime_reconcile_errors_total", "controller", own), "{{controller}}")]
    yield 8, lines("Failed reconciliations", controllers, unit="reqps")


def _latency() -> Iterator[tuple[int, Panel]]:
    loops = [("max by (type, resource) (keda_internal_scale_loop_latency_seconds)", "{{resource}}")]
    description = "How late a loop runs, against its pollingInterval."
    yield 8, lines("Scale loops", loops, unit="s", description=description)
    scalers = [("max by (scaledObject, triggerIndex) (keda_scaler_metrics_latency_seconds)", _TRIGGER)]
    description = (
        "How long a source took to answer. KEDA gives up after 3 s, unless the chart says otherwise."
    )
    yield 8, lines("Scalers", scalers, unit="s", description=description)
    calls = [(_rate("keda_internal_metricsservice_grpc_client_handled_total", "grpc_code"), "{{grpc_code}}")]
    description = "One call for each metric an HPA reads. Anything but OK leaves an HPA blind."
    yield 8, lines("The metrics server asks the operator", calls, unit="reqps", description=description)


def _webhook() -> Iterator[tuple[int, Panel]]:
    seen = [("sum by (action) (keda_webhook_scaled_object_validations_total)", "{{action}}")]
    yield 12, lines("Looked at", seen, description="ScaledObjects, since the webhook started.", steps=True)
    denied = [("sum by (reason) (keda_webhook_scaled_object_validation_errors_total)", "{{reason}}")]
    description = "By reason, since the webhook started. No line: it has denied nothing."
    yield 12, lines("Denied", denied, description=description, steps=True)


def _cost(own: str) -> Iterator[tuple[int, Panel]]:
    """From KEDA's own processes: cAdvisor's metrics are not in every Prometheus."""
    cpu = [(_rate("process_cpu_seconds_total", "job", own), "{{job}}")]
    yield 8, lines("CPU", cpu, description="Cores.")
    yield (
        8,
        lines("Memory", [(f"sum by (job) (process_resident_memory_bytes{own})", "{{job}}")], unit="bytes"),
    )
    series = [(f"sum by (job) (scrape_samples_scraped{own})", "{{job}}")]
    yield 8, lines("Series", series, description="What one scrape of KEDA brings into Prometheus.")


def _rate(counter: str, by: str, selector: str = "") -> str:
    """How many a second."""
    return f"sum by ({by}) (rate({counter}{selector}[$__rate_interval]))"

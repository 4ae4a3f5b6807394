"""The dashboard of KEDA itself: is it well, how fast is it, what did it refuse, and what does it cost?"""

from __future__ import annotations

from collections.abc import Iterator

from grafana_foundation_sdk.builders.dashboard import Dashboard

from components.monitoring.dashboards.panels import CORES, PER_SECOND, Layout, Panel, board, lines, numbers
from components.monitoring.queries import quoted

UID = "keda-homelab-operator"
_TRIGGER = "{{scaledObject}}, trigger {{triggerIndex}}"


def operator(namespace: str, datasource: str | None) -> Dashboard:
    """`namespace`: KEDA's own. Its three Deployments differ in `job`, the name of their Service."""
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
    yield 8, numbers("Scraped by Prometheus", [(f"up{own}", "{{job}}")], words={"0": "down", "1": "up"})
    yield 4, numbers("Version", [("max by (version) (keda_build_info)", "{{version}}")], names=True)
    objects = [("sum by (type) (keda_resource_registered_total)", "{{type}}")]
    yield 6, numbers("Registered objects", objects, description="By kind, as the operator counts them.")
    yield 6, numbers("Registered triggers", [("sum by (type) (keda_trigger_registered_total)", "{{type}}")])


def _errors(own: str) -> Iterator[tuple[int, Panel]]:
    failed = _rate("keda_scaler_detail_errors_total", "type, scaledObject, triggerIndex")
    description = "Failed readings. KEDA keeps the replicas, or uses the fallback."
    yield 8, lines("Scaler errors", [(failed, _TRIGGER)], unit=PER_SECOND, reach=0.1, description=description)
    objects = [
        (_rate("keda_scaled_object_errors_total", "scaledObject"), "{{scaledObject}}"),
        (_rate("keda_scaled_job_errors_total", "scaledJob"), "{{scaledJob}}"),
    ]
    yield 8, lines("ScaledObject and ScaledJob errors", objects, unit=PER_SECOND, reach=0.1)
    controllers = [(_rate("controller_runtime_reconcile_errors_total", "controller", own), "{{controller}}")]
    yield 8, lines("Failed reconciliations", controllers, unit=PER_SECOND, reach=0.1)


def _latency() -> Iterator[tuple[int, Panel]]:
    loops = [("max by (type, resource) (keda_internal_scale_loop_latency_seconds)", "{{resource}}")]
    description = "How much later than its pollingInterval a loop runs."
    yield 8, lines("Scale loop delay", loops, unit="s", description=description)
    scalers = [("max by (scaledObject, triggerIndex) (keda_scaler_metrics_latency_seconds)", _TRIGGER)]
    description = (
        "How long a source took to answer. KEDA gives up after the chart's http.timeout, 3 s by default."
    )
    yield 8, lines("Scaler response time", scalers, unit="s", description=description)
    calls = [(_rate("keda_internal_metricsservice_grpc_client_handled_total", "grpc_code"), "{{grpc_code}}")]
    description = "One call per metric that an HPA reads. With any code but OK the HPA has no value."
    yield 8, lines("gRPC calls to the operator", calls, unit=PER_SECOND, description=description)


def _webhook() -> Iterator[tuple[int, Panel]]:
    seen = [("sum by (action) (keda_webhook_scaled_object_validations_total)", "{{action}}")]
    yield 12, lines("Reviewed ScaledObjects", seen, description="Since the webhook started.", steps=True)
    denied = [("sum by (reason) (keda_webhook_scaled_object_validation_errors_total)", "{{reason}}")]
    description = "By reason, since the webhook started. No data: it has denied none."
    yield 12, lines("Denied ScaledObjects", denied, description=description, steps=True)


def _cost(own: str) -> Iterator[tuple[int, Panel]]:
    """From KEDA's own processes: cAdvisor's metrics are not in every Prometheus."""
    cpu = [(_rate("process_cpu_seconds_total", "job", own), "{{job}}")]
    yield 8, lines("CPU", cpu, unit=CORES)
    yield (
        8,
        lines("Memory", [(f"sum by (job) (process_resident_memory_bytes{own})", "{{job}}")], unit="bytes"),
    )
    series = [(f"sum by (job) (scrape_samples_scraped{own})", "{{job}}")]
    yield 8, lines("Samples per scrape", series, steps=True)


def _rate(counter: str, by: str, selector: str = "") -> str:
    """How many a second."""
    return f"sum by ({by}) (rate({counter}{selector}[$__rate_interval]))"

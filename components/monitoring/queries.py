"""PromQL about one workload, whichever way it was scraped.

KEDA's ServiceMonitors do not honour labels: the object's namespace is in `exported_namespace` there, and
`namespace` is KEDA's own. Where labels are honoured, and mostly for kube-state-metrics, it is in `namespace`.
Each expression reads both; one of the two is always empty.
"""

from __future__ import annotations

from components.workload import Workload
from keda import ScaledObject

EXPORTER_PREFIXES = ("jetstream", "nats")
"""Prefixes of prometheus-nats-exporter's JetStream metrics: its default, and that of NATS' Helm chart, which
passes `-prefix=nats` (nats-io/k8s, helm/charts/nats/files/stateful-set/prom-exporter-container.yaml)."""


def either(series: str, namespace: str, wrap: str = "{}", **labels: str) -> str:
    """`series` of an object in `namespace` with these labels. `wrap`: what is made of the selector, such as
    `rate({}[5m])`.
    """
    rest = "".join(f",{key}={quoted(value)}" for key, value in labels.items())
    exported = f"{series}{{exported_namespace={quoted(namespace)}{rest}}}"
    plain = f'{series}{{exported_namespace="",namespace={quoted(namespace)}{rest}}}'
    return f"({wrap.replace('{}', exported)} or {wrap.replace('{}', plain)})"


def of_scaler(series: str, workload: Workload, trigger: int, wrap: str = "{}") -> str:
    """A metric of KEDA's about one trigger; KEDA writes a ScaledJob's name into `scaledObject` too."""
    labels = {
        "scaledObject": workload.name,
        "triggerIndex": str(trigger),
        "type": workload.scaled.kind.lower(),
    }
    return either(series, workload.namespace, wrap, **labels)


def of_hpa(series: str, workload: Workload, wrap: str = "{}", **labels: str) -> str:
    """A metric of kube-state-metrics about a ScaledObject's HPA, by its true name."""
    assert isinstance(workload.scaled, ScaledObject)
    hpa = workload.scaled.hpa_name
    return either(series, workload.namespace, wrap, horizontalpodautoscaler=hpa, **labels)


def of_jobs(series: str, workload: Workload) -> str:
    """A metric of kube-state-metrics about the Jobs KEDA made for a ScaledJob, summed; 0 while there is
    none. KEDA lets the API server finish the name: five letters or digits.
    """
    pattern = quoted(f"{workload.name}-[a-z0-9]{{5}}")
    exported = f"{series}{{exported_namespace={quoted(workload.namespace)},job_name=~{pattern}}}"
    plain = f'{series}{{exported_namespace="",namespace={quoted(workload.namespace)},job_name=~{pattern}}}'
    return f"(sum({exported} or {plain}) or vector(0))"


def replicas(workload: Workload) -> str:
    """Replicas, or Jobs that run, as one number."""
    if isinstance(workload.scaled, ScaledObject):
        return f"max{of_hpa('kube_horizontalpodautoscaler_status_current_replicas', workload)}"
    return of_jobs("kube_job_status_active", workload)


def of_condition(workload: Workload, condition: str) -> str:
    """Whether Ready, Active, Fallback or Paused is True, from custom_resource_state.yaml."""
    kind = workload.scaled.kind.lower()
    labels = {kind: workload.name, "condition": condition}
    return f"max{either(f'kube_{kind}_condition', workload.namespace, **labels)}"


def number(value: float) -> str:
    """A PromQL number with every digit: 1234567 and 0.1, not 1.23457e+06."""
    return repr(float(value)).removesuffix(".0")


def quoted(value: str) -> str:
    """A PromQL string literal."""
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'

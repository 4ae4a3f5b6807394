"""The Grafana dashboard of the scaled workloads, made from the same models as their ScaledObjects.

Namespaces: KEDA's own metrics carry the workload's namespace as `exported_namespace`, since its
ServiceMonitors do not honour labels. kube-state-metrics is scraped either way, so both spellings are asked
for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from components.recipes import Scaled
from components.recipes.base import quoted
from keda import ScaledObject

UID = "keda-homelab"
_DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
_WIDTH, _HEIGHT = 8, 8


def dashboard(workloads: Mapping[str, Scaled]) -> dict[str, Any]:
    """Grafana's JSON model (schema 39): one row a workload: replicas, metric with threshold, activity."""
    panels: list[dict[str, Any]] = []
    for row, workload in enumerate(workloads.values()):
        top = row * (_HEIGHT + 1)
        panels.append(
            {
                "type": "row",
                "title": f"{workload.namespace}/{workload.name}",
                "collapsed": False,
                "panels": [],
                "gridPos": {"x": 0, "y": top, "w": 3 * _WIDTH, "h": 1},
            }
        )
        for column, panel in enumerate((replicas(workload), metric(workload), activity(workload))):
            place = {"x": column * _WIDTH, "y": top + 1, "w": _WIDTH, "h": _HEIGHT}
            panels.append({**panel, "gridPos": place, "datasource": _DATASOURCE})
    return {
        "uid": UID,
        "title": "KEDA: scaled workloads",
        "tags": ["keda"],
        "schemaVersion": 39,
        "editable": False,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "templating": {"list": [{"name": "datasource", "type": "datasource", "query": "prometheus"}]},
        "panels": [{**panel, "id": number} for number, panel in enumerate(panels, start=1)],
    }


def replicas(workload: Scaled) -> dict[str, Any]:
    """Current, lowest and highest replicas, by the HPA's true name; Jobs that run, for a ScaledJob."""
    lowest, highest = workload.bounds
    if isinstance(workload.scaled, ScaledObject):
        chosen = f"horizontalpodautoscaler={quoted(workload.scaled.hpa_name)}"
        now = _either("kube_horizontalpodautoscaler_status_current_replicas", workload, chosen)
    else:
        jobs = f"job_name=~{quoted(workload.name + '-.*')}"
        now = f"sum({_either('kube_job_status_active', workload, jobs)})"
    targets = [_target(now, "now"), _target(f"vector({lowest})", "min"), _target(f"vector({highest})", "max")]
    return _panel("timeseries", "Replicas", targets, decimals=0)


def metric(workload: Scaled) -> dict[str, Any]:
    """The value KEDA read for each trigger, and what one replica is worth."""
    targets = [_target(f"keda_scaler_metrics_value{_keda(workload)}", "{{metric}}")]
    for trigger in workload.scaled.spec.triggers:
        if trigger.target is not None:
            targets.append(_target(f"vector({trigger.target:g})", f"{trigger.type}: one replica's worth"))
    return _panel("timeseries", "Metric", targets)


def activity(workload: Scaled) -> dict[str, Any]:
    """Whether each trigger is active: at 0 on all of them the workload may go to zero."""
    return _panel("state-timeline", "Active", [_target(f"keda_scaler_active{_keda(workload)}", "{{metric}}")])


def _keda(workload: Scaled) -> str:
    return f"{{exported_namespace={quoted(workload.namespace)},scaledObject={quoted(workload.name)}}}"


def _either(name: str, workload: Scaled, chosen: str) -> str:
    namespace = quoted(workload.namespace)
    return f"{name}{{namespace={namespace},{chosen}}} or {name}{{exported_namespace={namespace},{chosen}}}"


def _target(expression: str, legend: str) -> dict[str, Any]:
    return {"expr": expression, "legendFormat": legend, "datasource": _DATASOURCE}


def _panel(
    kind: str, title: str, targets: list[dict[str, Any]], decimals: int | None = None
) -> dict[str, Any]:
    lettered = [{**target, "refId": chr(ord("A") + index)} for index, target in enumerate(targets)]
    defaults = {} if decimals is None else {"decimals": decimals, "min": 0}
    return {
        "type": kind,
        "title": title,
        "targets": lettered,
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": {},
    }

"""Grafana's dashboards, made from the same models as the ScaledObjects: KEDA itself, and what it scales.

Built with Grafana's own builders (grafana-foundation-sdk), so what comes out is of Grafana's schema.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from components.monitoring.dashboards.operator import UID as OPERATOR_UID
from components.monitoring.dashboards.operator import operator
from components.monitoring.dashboards.workloads import workloads_dashboard
from components.settings import Monitoring
from components.workload import Workload

UID = "keda-homelab"
_WORKLOADS_A_BOARD = 25
"""A panel of all of them names its queries A to Z; a ConfigMap would hold 1 MiB, about 60 workloads."""


def dashboards(monitoring: Monitoring, namespace: str, workloads: Mapping[str, Workload]) -> dict[str, str]:
    """Grafana's JSON models by uid. `namespace`: KEDA's own."""
    source, scaled = monitoring.dashboard_datasource, list(workloads.values())
    parts = [scaled[at : at + _WORKLOADS_A_BOARD] for at in range(0, len(scaled), _WORKLOADS_A_BOARD)]
    boards = {OPERATOR_UID: operator(namespace, source)}
    for number, part in enumerate(parts or [[]], start=1):
        uid, title = UID, "KEDA: scaled workloads"
        if number > 1:
            uid, title = f"{uid}-{number}", f"{title} ({number})"
        boards[uid] = workloads_dashboard(
            uid, title, part, source, conditions=monitoring.state_metrics is not None
        )
    # In lines, so that a diff of the rendered tree shows what changed.
    return {
        uid: json.dumps(board.build(), cls=JSONEncoder, sort_keys=True, indent=1)
        for uid, board in boards.items()
    }

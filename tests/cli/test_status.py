"""The table of workloads, from the cluster's own objects."""

from __future__ import annotations

from typing import Any

from cli.kubectl import Kubectl
from cli.status import table


class Canned(Kubectl):
    """kubectl that answers from a dict of resource name to items."""

    def __init__(self, answers: dict[str, list[dict[str, Any]]]) -> None:
        super().__init__("kubectl")
        self._answers = answers

    def items(self, *args: str) -> list[dict[str, Any]]:
        return self._answers.get(args[0], [])


def ready(status: str, message: str = "") -> dict[str, Any]:
    return {"conditions": [{"type": "Ready", "status": status, "message": message}]}


VOICE = {
    "metadata": {"name": "voice", "namespace": "voice"},
    "spec": {
        "scaleTargetRef": {"name": "voice-pipeline"},
        "minReplicaCount": 0,
        "maxReplicaCount": 2,
        "triggers": [{"type": "nats-jetstream"}],
    },
    "status": ready("True"),
}
BATCH = {
    "metadata": {"name": "batch", "namespace": "batch"},
    "spec": {"jobTargetRef": {}, "maxReplicaCount": 4, "triggers": [{"type": "prometheus"}]},
    "status": ready("False", "no such host\nand more"),
}


def job(active: int, owner: str = "batch") -> dict[str, Any]:
    labels = {"scaledjob.keda.sh/name": owner}
    return {"metadata": {"namespace": "batch", "labels": labels}, "status": {"active": active}}


def test_table() -> None:
    target = {"metadata": {"name": "voice-pipeline", "namespace": "voice"}, "spec": {"replicas": 2}}
    kubectl = Canned(
        {
            "deployments": [target],
            "scaledobjects.keda.sh": [VOICE],
            "scaledjobs.keda.sh": [BATCH],
            "jobs.batch": [job(1), job(1), job(0), job(1, owner="other")],
        }
    )
    assert table.rendered(table.rows(kubectl)).splitlines() == [
        "WORKLOAD  NAMESPACE  TARGET                     TRIGGER         REPLICAS  RANGE  READY",
        "batch     batch      Job (one per item)         prometheus      2         0-4    False",
        "  ! batch: no such host",
        "voice     voice      Deployment/voice-pipeline  nats-jetstream  2         0-2    True",
    ]


def test_without_workloads_it_is_one_line_instead_of_a_table_of_heads() -> None:
    line = table.rendered([])
    assert "No ScaledObject" in line and "\n" not in line


def test_what_keda_fills_in_is_shown_as_it_is_in_force() -> None:
    bare = {
        "metadata": {"name": "a", "namespace": "b"},
        "spec": {"scaleTargetRef": {"kind": "StatefulSet", "name": "c"}, "triggers": [{"type": "cron"}]},
    }
    (row,) = table.rows(Canned({"scaledobjects.keda.sh": [bare]}))
    assert (row.target, row.minimum, row.maximum, row.replicas) == ("StatefulSet/c", 0, 100, None)
    assert (row.ready, row.reason) == ("Unknown", "KEDA has not looked at it yet")

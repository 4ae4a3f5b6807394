"""The table of scaled workloads, read from the cluster's own objects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from cli.kubectl import Kubectl


@dataclass(frozen=True)
class Row:
    """One scaled workload as the cluster has it now.

    `replicas` counts the target's replicas, or a ScaledJob's running Jobs; `maximum` is in the same unit.
    """

    name: str
    namespace: str
    target: str
    trigger: str
    replicas: int | None
    minimum: int
    maximum: int
    ready: str
    reason: str = ""


def rows(kubectl: Kubectl) -> list[Row]:
    """Every ScaledObject and ScaledJob of the cluster, by namespace and name."""
    replicas = {
        (kind, item["metadata"]["namespace"], item["metadata"]["name"]): int(item["spec"].get("replicas", 0))
        for kind, resource in (("Deployment", "deployments"), ("StatefulSet", "statefulsets"))
        for item in kubectl.items(resource, "--all-namespaces")
    }
    found = [
        _object_row(item, replicas) for item in kubectl.items("scaledobjects.keda.sh", "--all-namespaces")
    ]
    jobs = kubectl.items("jobs.batch", "--all-namespaces", "-l", "scaledjob.keda.sh/name")
    found += [_job_row(item, jobs) for item in kubectl.items("scaledjobs.keda.sh", "--all-namespaces")]
    return sorted(found, key=lambda row: (row.namespace, row.name))


def _object_row(item: Mapping[str, Any], replicas: Mapping[tuple[str, str, str], int]) -> Row:
    meta, spec = item["metadata"], item["spec"]
    target = spec["scaleTargetRef"]
    kind = target.get("kind", "Deployment")
    ready, reason = _ready(item)
    return Row(
        name=meta["name"],
        namespace=meta["namespace"],
        target=f"{kind}/{target['name']}",
        trigger=_triggers(spec),
        replicas=replicas.get((kind, meta["namespace"], target["name"])),
        minimum=spec.get("minReplicaCount", 0),
        maximum=spec.get("maxReplicaCount", 100),
        ready=ready,
        reason=reason,
    )


def _job_row(item: Mapping[str, Any], jobs: Sequence[Mapping[str, Any]]) -> Row:
    meta, spec = item["metadata"], item["spec"]
    running = sum(
        1
        for job in jobs
        if job["metadata"]["namespace"] == meta["namespace"]
        and job["metadata"]["labels"].get("scaledjob.keda.sh/name") == meta["name"]
        and job.get("status", {}).get("active", 0)
    )
    ready, reason = _ready(item)
    return Row(
        name=meta["name"],
        namespace=meta["namespace"],
        target="Job (one per item)",
        trigger=_triggers(spec),
        replicas=running,
        minimum=spec.get("minReplicaCount", 0),
        maximum=spec.get("maxReplicaCount", 100),
        ready=ready,
        reason=reason,
    )


def _triggers(spec: Mapping[str, Any]) -> str:
    return ", ".join(trigger["type"] for trigger in spec["triggers"])


def _ready(item: Mapping[str, Any]) -> tuple[str, str]:
    for condition in item.get("status", {}).get("conditions", []):
        if condition["type"] == "Ready":
            status = condition.get("status", "Unknown")
            return status, "" if status == "True" else condition.get("message", "")
    return "Unknown", "KEDA has not looked at it yet"


def rendered(found: Sequence[Row], answers: Mapping[tuple[str, str], str] = MappingProxyType({})) -> str:
    """The rows as aligned text; under a row its answer by namespace and name, or KEDA's own reason."""
    if not found:
        return "No ScaledObject and no ScaledJob. docs/your-cluster.md has the steps to the first workload."
    heads = ("WORKLOAD", "NAMESPACE", "TARGET", "TRIGGER", "REPLICAS", "RANGE", "READY")
    cells = [
        (
            row.name,
            row.namespace,
            row.target,
            row.trigger,
            "-" if row.replicas is None else str(row.replicas),
            f"{row.minimum}-{row.maximum}",
            row.ready,
        )
        for row in found
    ]
    widths = [max(len(line[i]) for line in [heads, *cells]) for i in range(len(heads))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(heads, widths, strict=True)).rstrip()]
    for row, line in zip(found, cells, strict=True):
        lines.append("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
        if reason := answers.get((row.namespace, row.name)) or row.reason:
            lines.append(f"  ! {row.name}: {reason.splitlines()[0]}")
    return "\n".join(lines)

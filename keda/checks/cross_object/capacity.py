"""A maximum that the namespace's quota does not grant, or that the nodes given cannot hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from keda.checks.cross_object.references import pod_requests
from keda.checks.findings import Report
from keda.manifests.objects import Item, Objects
from keda.manifests.reading import dig, mapping, whole
from keda.syntax.quantity import parse_quantity

MAKES_NODES = ("NodePool", "NodeClaim", "Provisioner", "MachineDeployment", "MachineSet", "MachinePool")
"""Karpenter's and Cluster API's: with one of them given, the nodes given are not all there can be."""


def advise_capacity(item: Item, objects: Objects, report: Report) -> None:
    """maxReplicaCount times what a pod requests, against ResourceQuotas and Nodes."""
    maximum = whole(item.spec.get("maxReplicaCount"))
    workload = _job(item) if item.kind == "ScaledJob" else objects.target(item)
    if maximum is None or workload is None or not workload.pod:
        return
    requests = pod_requests(workload)
    _quota(item, objects, maximum, requests, report)
    _nodes(objects, workload, maximum, requests, report)


def _job(item: Item) -> Item:
    """A Job's template is where a workload's is."""
    return Item({"spec": item.spec.get("jobTargetRef")}, "", ())


def _amounts(quantities: object) -> Iterator[tuple[str, Decimal]]:
    for resource, amount in mapping(quantities).items():
        try:
            yield str(resource), parse_quantity(str(amount))
        except ValueError:
            continue


def _quota(
    item: Item, objects: Objects, maximum: int, requests: Mapping[str, Decimal], report: Report
) -> None:
    for quota in objects.of("ResourceQuota", item.namespace):
        for key, limit in _amounts(quota.spec.get("hard")):
            resource = key.removeprefix("requests.")
            each = Decimal(1) if resource == "pods" else requests.get(resource, Decimal(0))
            if each > 0 and maximum * each > limit:
                report.add(
                    "max-over-quota",
                    ("spec", "maxReplicaCount"),
                    maximum,
                    f"times {_shown(resource, each)} of each pod is more than {quota.ref} grants "
                    f"({_shown(resource, limit)}). "
                    "The pods above it are never made, and the HPA goes on asking."
                    if each != 1
                    else f"is more {resource} than {quota.ref} grants ({limit:f}). "
                    "The pods above it are never made.",
                    f"Write at most {max(1, _times(limit, each))}.",
                )


def _nodes(
    objects: Objects, workload: Item, maximum: int, requests: Mapping[str, Decimal], report: Report
) -> None:
    nodes = [node for node in objects.of("Node", "") if dig(node.manifest, "status", "allocatable")]
    if not nodes or not requests or any(True for _ in objects.everywhere(*MAKES_NODES)):
        return
    room, scarce = 0, ""
    for node in nodes:
        if node.spec.get("unschedulable") is True or not _may_run(workload.pod, node):
            continue
        fits = _fits(node, requests)
        room += min(fits.values())
        scarce = scarce or min(fits, key=fits.__getitem__)
    if maximum > room:
        nodes_given = f"the {len(nodes)} node{'s' * (len(nodes) > 1)} given"
        each = (
            f"{_shown(scarce, requests[scarce])} each" if scarce in requests else scarce or "its nodeSelector"
        )
        report.add(
            "max-over-nodes",
            ("spec", "maxReplicaCount"),
            maximum,
            f"is more than {nodes_given} can hold: {room} pods, for {each}. The pods above it stay Pending, "
            "and the load is not served.",
            f"Write at most {room}, or add nodes." if room else "Add a node that can hold one.",
        )


def _shown(resource: str, amount: Decimal) -> str:
    if resource in ("memory", "ephemeral-storage") or resource.startswith("hugepages-"):
        return f"{float(amount / 2**30):.3g}Gi {resource}"
    return f"{amount:f} {resource}"


def _may_run(pod: Mapping[Any, Any], node: Item) -> bool:
    labels = mapping(dig(node.manifest, "metadata", "labels"))
    return all(labels.get(key) == value for key, value in mapping(pod.get("nodeSelector")).items())


def _fits(node: Item, requests: Mapping[str, Decimal]) -> dict[str, int]:
    """How many pods each resource of an empty node allows."""
    allocatable = dict(_amounts(dig(node.manifest, "status", "allocatable")))
    fits = {
        resource: _times(allocatable.get(resource, Decimal(0)), each)
        for resource, each in requests.items()
        if each > 0
    }
    return fits | ({"pods": _times(allocatable["pods"], Decimal(1))} if "pods" in allocatable else {})


def _times(room: Decimal, each: Decimal) -> int:
    """How often `each` fits; at most a million, whatever exponents somebody writes."""
    if room <= 0:
        return 0
    share = float(room) / max(float(each), 1e-9)
    return int(share + 1e-9) if share < 1_000_000 else 1_000_000

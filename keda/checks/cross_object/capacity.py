"""A maximum that the namespace's quota does not grant, or that the nodes given cannot hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from keda.checks.registry import SCALING, SETTINGS, Problem, warning
from keda.checks.scaling import SPEC, holds_unknown, number_of
from keda.core.errors import counted
from keda.manifests.objects import Item, Objects
from keda.manifests.reading import dig, mapping
from keda.syntax.quantity import parse_quantity

if TYPE_CHECKING:
    from decimal import Decimal

MAKES_NODES = ("NodePool", "NodeClaim", "Provisioner", "MachineDeployment", "MachineSet", "MachinePool")
"""Karpenter's and Cluster API's: with one of them given, the nodes given are not all there can be."""


@warning(
    "max-over-quota",
    SETTINGS,
    summary="A maximum above the namespace's quota",
    why=(
        "The API server refuses the pods above the quota. The HPA keeps requesting them, and the load is "
        "not served."
    ),
    passes='maxReplicaCount: 4   # requests.nvidia.com/gpu is "4" in the ResourceQuota',
).among(*SCALING)
def max_over_quota(item: Item, objects: Objects) -> Iterator[Problem]:
    """maxReplicaCount times what a pod requests, against the ResourceQuotas of the namespace."""
    maximum, workload = number_of(item, "maxReplicaCount"), _workload(item, objects)
    if maximum is None or workload is None:
        return
    requests = pod_requests(workload)
    for quota in objects.of("ResourceQuota", item.namespace):
        for key, limit in _amounts(quota.spec.get("hard")):
            resource = key.removeprefix("requests.")
            each = 1 if resource == "pods" else requests.get(resource, 0)
            if each > 0 and maximum * each > limit:
                yield Problem(
                    (*SPEC, "maxReplicaCount"),
                    maximum,
                    f"times {_shown(resource, each)} of each pod is more than {quota.ref} grants "
                    f"({_shown(resource, limit)})."
                    if each != 1
                    else f"is more {resource} than {quota.ref} grants ({limit:f}).",
                    f"Write at most {max(1, _times(limit, each))}.",
                    why="The pods above it are never made.",
                )


@warning(
    "max-over-nodes",
    SETTINGS,
    summary="A maximum above what the nodes can run",
    why=(
        "Reported where Nodes are given (kubectl get nodes -o yaml), and no autoscaler of nodes. Pods "
        "above what the nodes can allocate, ignoring all other pods, stay Pending: the HPA counts them as "
        "replicas, and the load is not served."
    ),
    passes="maxReplicaCount: 4   # four nvidia.com/gpu are allocatable, and each pod needs one",
).among(*SCALING)
def max_over_nodes(item: Item, objects: Objects) -> Iterator[Problem]:
    """maxReplicaCount times what a pod requests, against all Nodes, if nothing makes further ones."""
    maximum, workload = number_of(item, "maxReplicaCount"), _workload(item, objects)
    if maximum is None or workload is None or _more_nodes_may_come(objects):
        return
    nodes = [node for node in objects.of("Node", "") if dig(node.manifest, "status", "allocatable")]
    requests = pod_requests(workload)
    rooms = [[node.manifest.get("metadata"), node.manifest.get("status")] for node in nodes]
    if not nodes or not requests or holds_unknown([workload.pod.get("nodeSelector"), *rooms]):
        return
    room, scarce = 0, ""
    for node in nodes:
        if node.spec.get("unschedulable") is True or not _may_run(workload.pod, node):
            continue
        fits = _fits(node, requests)
        room += min(fits.values())
        scarce = scarce or min(fits, key=fits.__getitem__)
    if maximum > room:
        each = (
            f"{_shown(scarce, requests[scarce])} each" if scarce in requests else scarce or "its nodeSelector"
        )
        yield Problem(
            (*SPEC, "maxReplicaCount"),
            maximum,
            f"is more than the {counted(len(nodes), 'node')} given can run: {counted(room, 'pod')}, for "
            f"{each}.",
            f"Write at most {room}, or add nodes." if room else "Add a node that can run one.",
            why="The pods above it stay Pending, and the load is not served.",
        )


def _more_nodes_may_come(objects: Objects) -> bool:
    return any(objects.everywhere(*MAKES_NODES)) or objects.unidentified(*MAKES_NODES, "Node")


def _workload(item: Item, objects: Objects) -> Item | None:
    """What holds the pods' template; a Job's is where a workload's is."""
    if item.kind == "ScaledJob":
        workload: Item | None = Item({"spec": item.spec.get("jobTargetRef")}, "", ())
    else:
        workload = objects.target(item)
    return workload if workload is not None and workload.pod else None


def _amounts(quantities: object) -> Iterator[tuple[str, Decimal]]:
    for resource, amount in mapping(quantities).items():
        try:
            yield str(resource), parse_quantity(str(amount))
        except ValueError:
            continue


def _shown(resource: str, amount: Decimal | int) -> str:
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
        resource: _times(allocatable.get(resource, 0), each)
        for resource, each in requests.items()
        if each > 0
    }
    return fits | ({"pods": _times(allocatable["pods"], 1)} if "pods" in allocatable else {})


def _times(room: Decimal | int, each: Decimal | int) -> int:
    """How often `each` fits; at most a million, whatever exponents somebody writes."""
    if room <= 0:
        return 0
    share = float(room) / max(float(each), 1e-9)
    return int(share + 1e-9) if share < 1_000_000 else 1_000_000


def pod_requests(workload: Item) -> dict[str, Decimal]:
    """What one pod requests, by resource, in base units; a limit counts where there is no request."""
    total: dict[str, Decimal] = {}
    for container in workload.containers:
        asked = dict(mapping(dig(container, "resources", "limits"))) | dict(
            mapping(dig(container, "resources", "requests"))
        )
        for resource, amount in asked.items():
            try:
                total[str(resource)] = total.get(str(resource), 0) + parse_quantity(str(amount))
            except ValueError:
                continue
    return total

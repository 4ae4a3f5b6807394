"""Every object of a cluster, who wrote it, and what differs between two clusters."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from tests.live.cluster import Cluster, Refused

# Served by a metrics server, or a second view of an object that is listed already.
_VIEWS = ("metrics.k8s.io", "custom.metrics.k8s.io", "external.metrics.k8s.io", "events.k8s.io")


class Key(NamedTuple):
    """An object's identity."""

    group: str
    kind: str
    namespace: str
    name: str


Objects = Mapping[Key, Mapping[str, Any]]


def everything(cluster: Cluster) -> Objects:
    """Every object of every kind that the API server lists, with its managed fields."""
    found: dict[Key, Mapping[str, Any]] = {}
    for path in ["/api/v1", *_preferred(cluster)]:
        for resource in _listed(cluster, path, "resources"):
            if "/" in resource["name"] or "list" not in resource["verbs"]:
                continue
            for item in _listed(cluster, f"{path}/{resource['name']}", "items"):
                metadata = item["metadata"]
                group = path.split("/")[2] if path.startswith("/apis/") else ""
                key = Key(group, resource["kind"], metadata.get("namespace", ""), metadata["name"])
                found[key] = item
    return found


def _preferred(cluster: Cluster) -> Iterator[str]:
    for group in cluster.request("GET", "/apis")["groups"]:
        if group["name"] not in _VIEWS:
            yield f"/apis/{group['preferredVersion']['groupVersion']}"


def _listed(cluster: Cluster, path: str, what: str) -> list[dict[str, Any]]:
    try:
        return list(cluster.request("GET", path)[what])
    except Refused as error:
        if error.status in (404, 405):  # a group or a kind that is going away
            return []
        raise


def written(objects: Objects) -> dict[Key, Any]:
    """By what a write of an object is seen, its status aside: its generation, and who wrote when.

    Left out are Flux's own objects, which note that they were asked, Events and Leases.
    """
    found = {}
    for key, item in objects.items():
        if key.group.endswith(".toolkit.fluxcd.io") or key.kind in ("Event", "Lease"):
            continue
        metadata = item["metadata"]
        managers = [
            (entry["manager"], entry["operation"], entry.get("time"))
            for entry in metadata.get("managedFields") or ()
            if entry.get("subresource") != "status"
        ]
        found[key] = (metadata.get("uid"), metadata.get("generation"), sorted(managers, key=str))
    return found


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """(path, value) of everything that is no mapping and no list, in the style of `spec.triggers[0].type`."""
    if isinstance(value, Mapping) and value:
        for key, each in value.items():
            part = f".{key}" if re.fullmatch(r"\w+", key) else f"[{key}]"
            yield from leaves(each, f"{path}{part}")
    elif isinstance(value, list) and value:
        for index, each in enumerate(value):
            yield from leaves(each, f"{path}[{index}]")
    else:
        yield path.removeprefix("."), value

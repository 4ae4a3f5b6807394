"""What may differ between the objects that Flux and Pulumi made of the same settings, and why."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.live.objects import Key, Objects, leaves


@dataclass(frozen=True)
class Difference:
    """Objects, or fields of objects, that are not compared.

    Attributes:
        what: in words, as in the table of docs/gitops.md.
        reason: the same.
        objects: a pattern for `group/Kind/namespace/name`.
        field: a pattern for the path of a field; empty: the whole object.
    """

    what: str
    reason: str
    objects: str = ""
    field: str = ""


DIFFERENCES = (
    Difference(
        "Flux's own objects, Helm's stored release",
        "Flux keeps what it applies in the cluster, Pulumi in its state",
        objects=r"^[^/]+\.toolkit\.fluxcd\.io/|^/Secret/keda/sh\.helm\.release\.",
    ),
    Difference(
        "Pods, ReplicaSets, Endpoints, EndpointSlices, IPAddresses, Leases, Events",
        "Kubernetes and KEDA make them, most under random names",
        objects=r"/(Pod|ReplicaSet|Endpoints|EndpointSlice|IPAddress|Lease|Event)/",
    ),
    Difference(
        "`uid`, `resourceVersion`, `generation`, `creationTimestamp`, `managedFields`",
        "the API server counts writes, and records who wrote",
        field=r"^metadata\.(uid|resourceVersion|generation|creationTimestamp|managedFields)\b"
        r"|^metadata\.ownerReferences\[\d+\]\.uid$",
    ),
    Difference(
        "labels `kustomize.toolkit.fluxcd.io/…` and `helm.toolkit.fluxcd.io/…`",
        "Flux's mark; KEDA copies them from a ScaledObject to its HPA",
        field=r"\.labels\[(kustomize|helm)\.toolkit\.fluxcd\.io/",
    ),
    Difference(
        "annotations `meta.helm.sh/…`",
        "Helm's mark",
        field=r"^metadata\.annotations\[meta\.helm\.sh/",
    ),
    Difference(
        "label `helm.sh/chart`, on KEDA's pods too",
        "helm-controller appends the chart's digest to its version",
        field=r"\.labels\[helm\.sh/chart\]$",
    ),
    Difference(
        "`clusterIP` of Services",
        "the API server chooses a free address",
        objects=r"^/Service/",
        field=r"^spec\.clusterIPs?\b",
    ),
    Difference(
        "`caBundle`, and the data of the Secret `kedaorg-certs`",
        "KEDA's operator makes its own certificates",
        objects=r"^/Secret/keda/kedaorg-certs$|/(APIService|ValidatingWebhookConfiguration)/",
        field=r"^data\.|^data\[|\bcaBundle$",
    ),
    Difference(
        "`status`",
        "times and measured values",
        field=r"^status\b",
    ),
)


def made_since(before: Objects, after: Objects) -> Objects:
    """The objects that are new in `after`."""
    return {key: item for key, item in after.items() if key not in before}


def comparable(
    objects: Objects, differences: Sequence[Difference] = DIFFERENCES
) -> dict[Key, Mapping[str, Any]]:
    """The fields of each object, by their path, without those that may differ."""
    found: dict[Key, Mapping[str, Any]] = {}
    for key, item in objects.items():
        applying = [each for each in differences if re.search(each.objects, "/".join(key))]
        if any(not each.field for each in applying):
            continue
        fields = [re.compile(each.field) for each in applying]
        found[key] = {
            path: value for path, value in leaves(item) if not any(field.search(path) for field in fields)
        }
    return found


def differing(
    left: Mapping[Key, Mapping[str, Any]], right: Mapping[Key, Mapping[str, Any]]
) -> list[tuple[Key, str, Any, Any]]:
    """(object, path, left, right) of each field that is not the same; of an object that one lacks, all."""
    found = []
    for key in sorted(left.keys() | right.keys()):
        one, other = left.get(key, {}), right.get(key, {})
        paths = sorted(one.keys() | other.keys())
        found += [
            (key, path, one.get(path), other.get(path)) for path in paths if one.get(path) != other.get(path)
        ]
    return found

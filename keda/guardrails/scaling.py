"""What scales: ScaledObjects, ScaledJobs and HTTPScaledObjects, in the terms that limits need."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from keda.guardrails.guardrail import NOT_YET, Undecided
from keda.manifests.declared import UNKNOWN
from keda.manifests.objects import Item
from keda.manifests.reading import dig, mapping, text

_MAXIMUM = {
    ("keda.sh", "ScaledObject"): ("spec", "maxReplicaCount"),
    ("keda.sh", "ScaledJob"): ("spec", "maxReplicaCount"),
    # http-add-on v0.12: operator/apis/http/v1alpha1/httpscaledobject_types.go, ReplicaStruct
    ("http.keda.sh", "HTTPScaledObject"): ("spec", "replicas", "max"),
}


@dataclass(frozen=True)
class Scaling:
    """An object that scales, and where its maximum stands."""

    item: Item
    at: tuple[str, ...]

    @property
    def path(self) -> str:
        """Where the maximum stands, as a message writes it."""
        return ".".join(self.at)

    @property
    def maximum(self) -> object:
        """As it is written; None where it is left out."""
        return dig(self.item.manifest, *self.at)


def scalings(items: Iterable[Item]) -> Iterator[Scaling]:
    """The objects among `items` that scale."""
    for item in items:
        if at := _MAXIMUM.get((item.group, item.kind)):
            yield Scaling(item, at)


def undecided_maximum(scaling: Scaling) -> Iterator[Undecided]:
    """The maximum, if it is not known yet."""
    if scaling.maximum is UNKNOWN:
        yield Undecided(scaling.item.ref, scaling.item.where, scaling.path)


def namespace_unknown(item: Item) -> bool:
    """Whether an object's namespace is not known yet."""
    metadata = item.manifest.get("metadata")
    return metadata is UNKNOWN or mapping(metadata).get("namespace") is UNKNOWN


def undecided_namespace(item: Item) -> Iterator[Undecided]:
    """The namespace, if it is not known yet."""
    if namespace_unknown(item):
        name = text(mapping(item.manifest.get("metadata")).get("name")) or "(no name)"
        yield Undecided(f"{item.kind} {name}", item.where, "metadata.namespace", NOT_YET)

"""The owners of replica counts seen in one operation: `keda.ownership`, asked while a program registers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from keda.guardrails import NOT_YET, Undecided
from keda.guardrails.unknowns import has_unknown, unknown_reads
from keda.manifests.declared import UNKNOWN, Declared, ObjectRef
from keda.manifests.objects import Item, items
from keda.manifests.reading import dig, identity, text
from keda.manifests.reading import unlisted as objects
from keda.ownership import BY_KIND, Conflict, Handover, Owners, owners

_OF_WORKLOADS = ("spec", "spec.replicas", "metadata", "metadata.name", "metadata.namespace")
_ASIDE = ("metadata.annotations", "metadata.labels", "metadata.ownerReferences")
# What these own is in other namespaces than they are.
_FAR = ("EnvoyProxy", "Gateway", "GatewayClass")
_SCALED = ("ScaledObject", "HTTPScaledObject")


@dataclass(frozen=True)
class _Unread:
    """An object with unknown fields that the conflict rule read."""

    item: Item
    paths: list[str]


class Ledger:
    """One memory for all rules on second owners."""

    def __init__(self) -> None:
        self._owners = Owners()
        self._conflicts: dict[str, list[Conflict]] = {}
        # Where ScaledObjects and their targets are; UNKNOWN stands in for what is unknown of another
        # object, so that a look-up costs the same however many there are.
        self._namespaces: set[object] = set()
        self._targets: set[tuple[str, object, object]] = set()
        self._unread: list[_Unread] = []
        self._own: set[ObjectRef] = set()
        self._outside: list[Conflict] = []
        self.clusters: set[str] = set()
        """Where the program has an owner of replicas."""

    def add_outside(self, given: Iterable[Declared]) -> None:
        """Take in what is declared outside the program. Its conflicts wait for the end: they matter only if
        the program has a part in them.
        """
        for declared in given:
            self._outside += self._owners.add(declared)

    def outside_conflicts(self) -> Iterator[Conflict]:
        """Those of them that an object of the program is part of."""
        return (each for each in self._outside if {each.scaled_object, each.other} & self._own)

    def conflicts(self, declared: Declared) -> list[Conflict]:
        """The conflicts that an object completes, whichever rule asks first."""
        if declared.where not in self._conflicts:
            self._conflicts[declared.where] = self._owners.add(declared)
            self._remember(declared)
        return self._conflicts[declared.where]

    def undecided(self) -> Iterator[Undecided]:
        """The unknown fields that may hide a second owner of a ScaledObject's target."""
        for unread in self._unread:
            for path in unread.paths:
                if self._matters(unread, path):
                    yield Undecided(_name(unread.item), unread.item.where, path, NOT_YET)

    def handovers(self) -> Iterator[Handover]:
        """What a ScaledObject of the program takes over while the update runs."""
        return self._owners.handovers()

    def _remember(self, declared: Declared) -> None:
        """Keep what is asked for at the end."""
        if declared.cluster not in self.clusters and any(owners(declared)):
            self.clusters.add(declared.cluster)
        self._own.update(filter(None, map(identity, objects(declared.manifest))))
        for item in items(declared.manifest, declared.where):
            if item.kind in _SCALED and item.group in ("keda.sh", "http.keda.sh"):
                self._scaled(item)
            if has_unknown(item.manifest):
                paths = unknown_reads(
                    item.manifest, lambda manifest: list(owners(declared._replace(manifest=manifest)))
                )
                self._unread.append(_Unread(item, paths))

    def _scaled(self, item: Item) -> None:
        self._namespaces |= {item.namespace, UNKNOWN}
        reference = dig(item.spec, "scaleTargetRef")
        kind = text(dig(reference, "kind")) or "Deployment"
        name = text(dig(reference, "name")) or UNKNOWN
        self._targets |= {
            (kind, each, other) for each in (item.namespace, UNKNOWN) for other in (name, UNKNOWN)
        }

    def _matters(self, unread: _Unread, path: str) -> bool:
        item, kind = unread.item, unread.item.kind
        name, namespace = _known(item, "name"), _known(item, "namespace")
        near = namespace in self._namespaces
        if kind in _SCALED:
            return True
        if kind in _FAR:
            return bool(self._namespaces)
        is_target = (kind, namespace, name) in self._targets
        if path.startswith("metadata.ownerReferences") and is_target:
            return True
        if path.startswith(_ASIDE):
            return near and (item.group, kind) in BY_KIND and not path.startswith("metadata.labels")
        if (item.group, kind) in BY_KIND or path not in _OF_WORKLOADS:
            return near
        replicas = UNKNOWN if item.manifest.get("spec") is UNKNOWN else item.spec.get("replicas")
        return replicas is not None and is_target


def _known(item: Item, key: str) -> object:
    """metadata.<key>, or UNKNOWN."""
    metadata = item.manifest.get("metadata")
    given = UNKNOWN if metadata is UNKNOWN else dig(metadata, key)
    return UNKNOWN if given is UNKNOWN else getattr(item, key)


def _name(item: Item) -> str:
    return item.ref if UNKNOWN not in (_known(item, "name"), _known(item, "namespace")) else item.kind

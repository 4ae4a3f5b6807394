"""Who sets a workload's replica count? One rule over plain manifests, wherever they come from.

A workload's `spec.replicas` has one owner at a time. Two owners undo each other's writes: Kubernetes accepts
both, nothing reports an error, and the replica count goes to and fro. KEDA's webhook sees only part of it: it
is asked about ScaledObjects, never about an HPA or a Deployment (KEDA 2.19, scaledobject_webhook.go).

Only what involves a ScaledObject is judged. Every function is total: whatever JSON it is given, it answers,
and an object it cannot read owns nothing. `docs/who-owns-replicas.md` explains it to users.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from keda.core.defaults import TRANSFER_OWNERSHIP
from keda.manifests.declared import Declared, ObjectRef
from keda.manifests.reading import identity, unlisted
from keda.ownership.kinds import BY_KIND, HPA_NAME_FIELD, HPA_OWNERSHIP, claims
from keda.ownership.messages import disagreement, places
from keda.ownership.model import Conflict, ConflictKind, Handover, Hpa, Link, Owner, Scaled

__all__ = [
    "BY_KIND",
    "HPA_NAME_FIELD",
    "HPA_OWNERSHIP",
    "TRANSFER_OWNERSHIP",
    "Conflict",
    "ConflictKind",
    "Handover",
    "Link",
    "Owner",
    "Owners",
    "Scaled",
    "claims",
    "conflicts",
    "owners",
]


@dataclass
class Owners:
    """The owners found so far, by what they own. Adding an object returns the conflicts it completes, once.

    The conflicts found do not depend on the order of the additions, and an addition does not cost more for
    the unrelated objects before it. With one exception: what is live is replaced by a declaration of the same
    object, and a conflict returned before that declaration came stays. Add live objects last.
    """

    _owners: defaultdict[ObjectRef, list[Owner]] = field(default_factory=lambda: defaultdict(list))
    _links: defaultdict[ObjectRef, list[ObjectRef]] = field(default_factory=lambda: defaultdict(list))
    _declared: defaultdict[ObjectRef, set[str]] = field(default_factory=lambda: defaultdict(set))
    _found: set[Conflict] = field(default_factory=set)
    _claimed: defaultdict[ObjectRef, set[ObjectRef]] = field(default_factory=lambda: defaultdict(set))
    """What each declared manifest owns by itself."""
    _passed: dict[tuple[ObjectRef, ObjectRef, ObjectRef], Handover] = field(default_factory=dict)

    def add(self, declared: Declared) -> list[Conflict]:
        """Remember an object (or every item of a List); return its conflicts with those before it."""
        if not declared.live:
            for ref in filter(None, (declared.replaces, *map(identity, unlisted(declared.manifest)))):
                self._declared[ref].add(declared.cluster)
        return [conflict for claim in claims(declared) for conflict in self._take(claim)]

    def handovers(self) -> Iterator[Handover]:
        """What a declared ScaledObject takes over from a live owner that is declared again, elsewhere."""
        for each in self._passed.values():
            claimed = self._claimed[each.before.declared_by]
            known = any(owned.kind != "HorizontalPodAutoscaler" for owned in claimed)
            scaled_by = {owner.declared_by for owner in self._owners[each.target] if owner.live}
            if known and each.target not in claimed and each.scaled.declared_by not in scaled_by:
                yield each

    def _take(self, claim: Owner | Link) -> Iterator[Conflict]:
        if isinstance(claim, Owner):
            if not claim.live:
                self._claimed[claim.declared_by].add(claim.owned)
            yield from self._settle(claim, claim.owned)
        elif claim.child not in self._links[claim.parent]:
            self._links[claim.parent].append(claim.child)
            for owner in list(self._owners[claim.parent]):
                yield from self._settle(owner, claim.child)

    def _settle(self, owner: Owner, owned: ObjectRef) -> Iterator[Conflict]:
        """Have an owner claim an object and, through links, what that stands for."""
        pending, seen = [owned], set()
        while pending:
            if (place := pending.pop()) in seen:
                continue
            seen.add(place)
            pending += self._links.get(place, ())
            claim = owner if place == owner.owned else replace(owner, owned=place)
            for earlier in self._owners[place]:
                conflict = _conflict(earlier, claim)
                if conflict and self._replaced(claim, earlier):
                    self._pass(claim, earlier, place)
                elif conflict and conflict not in self._found:
                    self._found.add(conflict)
                    yield conflict
            self._owners[place].append(claim)

    def _pass(self, one: Owner, other: Owner, target: ObjectRef) -> None:
        """Note that a live owner gives way to a declared one."""
        scaled, before = sorted((one, other), key=lambda owner: owner.live)
        if isinstance(scaled, Scaled) and isinstance(before, Scaled | Hpa) and before.live > scaled.live:
            key = (scaled.source, before.source, target)
            self._passed.setdefault(key, Handover(scaled, before, target))

    def _replaced(self, *owners: Owner) -> bool:
        """Whether one of them is live, and declared again; an HPA of KEDA's follows its ScaledObject."""
        return any(
            owner.live and _may_meet(owner.cluster, cluster)
            for owner in owners
            for ref in (owner.declared_by, *_made_for(owner))
            for cluster in self._declared.get(ref, ())
        )


def conflicts(objects: Iterable[Declared]) -> list[Conflict]:
    """Every conflict among the objects, once each, sorted; the order of the objects does not matter."""
    index = Owners()
    found = [
        c
        for declared in sorted(objects, key=lambda d: (d.live, d.where, d.cluster))
        for c in index.add(declared)
    ]
    return sorted(found, key=lambda c: (c.scaled_object, c.other))


def owners(declared: Declared) -> Iterator[Owner]:
    """What one manifest owns by itself: for a ScaledObject its target and the HPA KEDA makes."""
    return (claim for claim in claims(declared) if isinstance(claim, Owner))


def _conflict(one: Owner, other: Owner) -> Conflict | None:
    """The conflict between two owners of one object. Only what involves a ScaledObject is ours to judge."""
    if one.source == other.source or not _may_meet(one.cluster, other.cluster):
        return None
    if one.goes_with & other.acts_as or other.goes_with & one.acts_as:
        return None
    scaled, second = sorted((one, other), key=_precedence)
    if not isinstance(scaled, Scaled) or (why := disagreement(scaled, second)) is None:
        return None
    cluster = one.cluster or other.cluster
    return Conflict(second.rule, cluster, scaled.source, second.source, *why, places(scaled, second))


def _made_for(owner: Owner) -> Iterator[ObjectRef]:
    """The ScaledObjects that an HPA was made for, by its ownerReferences."""
    if isinstance(owner, Hpa):
        for kind, name in owner.goes_with:
            if kind == "ScaledObject":
                yield ObjectRef("keda.sh", kind, owner.source.namespace, name)


def _precedence(owner: Owner) -> tuple[bool, bool, ObjectRef]:
    """ScaledObjects first, those of KEDA's own kind before what makes one."""
    return (not isinstance(owner, Scaled), owner.source.kind != "ScaledObject", owner.source)


def _may_meet(one: str, other: str) -> bool:
    return not one or not other or one == other

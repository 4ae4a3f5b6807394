"""Who sets a workload's replica count? One rule over plain manifests, wherever they come from.

A workload's `spec.replicas` has one owner at a time. Two owners undo each other's writes: Kubernetes accepts
both, nothing reports an error, and the replica count goes to and fro. KEDA's webhook sees only part of it: it
is asked about ScaledObjects, never about an HPA or a Deployment (KEDA 2.19, scaledobject_webhook.go).

Every function is total: whatever JSON it is given, it answers, and an object it cannot read owns nothing.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum, StrEnum

TRANSFER_OWNERSHIP = "scaledobject.keda.sh/transfer-hpa-ownership"
HPA_OWNERSHIP = "validations.keda.sh/hpa-ownership"

HPA_NAME_FIELD = "spec.advanced.horizontalPodAutoscalerConfig.name"


class Unknown(Enum):
    """A value that only applying will tell. An object whose decisive fields are unknown owns nothing yet."""

    UNKNOWN = "unknown"


UNKNOWN = Unknown.UNKNOWN


class Rule(StrEnum):
    """What kind of second owner a ScaledObject's target has."""

    HPA = "hpa"
    SCALED_OBJECT = "scaledobject"
    REPLICAS = "replicas"


@dataclass(frozen=True, order=True)
class ObjectRef:
    """A Kubernetes object's identity. The API version plays no part: one object is served under several."""

    group: str
    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"


@dataclass(frozen=True)
class Declared:
    """A manifest and where it is declared (a URN, a file and line).

    `cluster` tells clusters apart when several are declared together; "" is whichever cluster is current, and
    that may be any of them.
    """

    manifest: object
    where: str
    cluster: str = ""


@dataclass(frozen=True)
class Owner:
    """A claim on one object: `source` writes `owned`, or writes its replicas.

    `rule` says how it claims: REPLICAS by a fixed `spec.replicas`, HPA and SCALED_OBJECT by autoscaling.
    """

    rule: Rule
    source: ObjectRef
    owned: ObjectRef
    where: str
    cluster: str = ""
    hpa: str = ""
    """The HPA's name: for a ScaledObject the one KEDA writes for it."""
    adopts: bool = False
    """A ScaledObject that takes the HPA of that name over instead of competing with it."""
    controllers: frozenset[str] = frozenset()
    """The ScaledObjects an HPA belongs to by ownerReferences: that HPA is KEDA's own."""
    replicas: int = 0


@dataclass(frozen=True)
class Conflict:
    """Two owners of one object. `message` is one line: both owners, the harm at run time, the fix, where."""

    rule: Rule
    cluster: str
    scaled_object: ObjectRef
    other: ObjectRef
    message: str = field(compare=False)


@dataclass
class Owners:
    """The owners found so far, by what they own. Adding an object tells the conflicts it completes, once.

    The conflicts found do not depend on the order of the additions, and an addition does not cost more for
    the unrelated objects before it.
    """

    _owners: defaultdict[ObjectRef, list[Owner]] = field(default_factory=lambda: defaultdict(list))
    _found: set[Conflict] = field(default_factory=set)

    def add(self, declared: Declared) -> list[Conflict]:
        """Remember an object (or every item of a List); return its conflicts with those before it."""
        conflicts: list[Conflict] = []
        for owner in owners(declared):
            for earlier in self._owners[owner.owned]:
                conflict = _conflict(earlier, owner)
                if conflict and conflict not in self._found:
                    self._found.add(conflict)
                    conflicts.append(conflict)
            self._owners[owner.owned].append(owner)
        return conflicts


def conflicts(objects: Iterable[Declared]) -> list[Conflict]:
    """Every conflict among the objects, once each, sorted; the order of the objects does not matter."""
    index = Owners()
    found = [
        c for declared in sorted(objects, key=lambda d: (d.where, d.cluster)) for c in index.add(declared)
    ]
    return sorted(found, key=lambda c: (c.scaled_object, c.other))


def owners(declared: Declared) -> Iterator[Owner]:
    """What one manifest owns: nothing, one thing, or for a ScaledObject its target and the HPA KEDA makes."""
    for manifest in _items(declared.manifest):
        metadata = _mapping(manifest.get("metadata"))
        source = _ref(
            manifest.get("apiVersion"), manifest.get("kind"), metadata.get("namespace"), metadata.get("name")
        )
        if source is None:
            continue
        spec = _mapping(manifest.get("spec"))
        match source.group, source.kind:
            case "keda.sh", "ScaledObject":
                yield from _scaled_object_owns(source, metadata, spec, declared)
            case "autoscaling", "HorizontalPodAutoscaler":
                yield from _hpa_owns(source, metadata, spec, declared)
            case _:
                if (replicas := _whole(spec.get("replicas"))) is not None:
                    yield Owner(
                        Rule.REPLICAS, source, source, declared.where, declared.cluster, replicas=replicas
                    )


def _scaled_object_owns(
    source: ObjectRef, metadata: Mapping[object, object], spec: Mapping[object, object], declared: Declared
) -> Iterator[Owner]:
    config = _mapping(_mapping(spec.get("advanced")).get("horizontalPodAutoscalerConfig"))
    hpa = _text(config.get("name"), f"keda-hpa-{source.name}")  # controllers/keda/hpa.go, getHPAName
    adoption = _annotation(metadata, TRANSFER_OWNERSHIP)
    if hpa is None or adoption is UNKNOWN:
        return
    adopts = adoption == "true" and hpa == config.get("name")
    for owned in (
        _target(source, spec),
        ObjectRef("autoscaling", "HorizontalPodAutoscaler", source.namespace, hpa),
    ):
        if owned:
            yield Owner(
                Rule.SCALED_OBJECT, source, owned, declared.where, declared.cluster, hpa=hpa, adopts=adopts
            )


def _hpa_owns(
    source: ObjectRef, metadata: Mapping[object, object], spec: Mapping[object, object], declared: Declared
) -> Iterator[Owner]:
    if _annotation(metadata, HPA_OWNERSHIP) in ("false", UNKNOWN):
        return
    references = metadata.get("ownerReferences")
    controllers = frozenset(
        str(reference.get("name"))
        for reference in map(_mapping, references if isinstance(references, list) else ())
        if reference.get("kind") == "ScaledObject"
    )
    for owned in (_target(source, spec), source):
        if owned:
            yield Owner(
                Rule.HPA,
                source,
                owned,
                declared.where,
                declared.cluster,
                hpa=source.name,
                controllers=controllers,
            )


def _target(source: ObjectRef, spec: Mapping[object, object]) -> ObjectRef | None:
    """`spec.scaleTargetRef`, with KEDA's defaults for its own and an HPA's (v1alpha1/gvkr.go, ParseGVKR)."""
    reference = _mapping(spec.get("scaleTargetRef"))
    return _ref(
        _or_default(reference.get("apiVersion"), "apps/v1"),
        _or_default(reference.get("kind"), "Deployment"),
        source.namespace,
        reference.get("name"),
    )


def _conflict(one: Owner, other: Owner) -> Conflict | None:
    """The conflict between two owners of one object. Only what involves a ScaledObject is ours to judge."""
    if one.source == other.source or (one.cluster and other.cluster and one.cluster != other.cluster):
        return None
    pair = sorted((one, other), key=lambda owner: (owner.rule is not Rule.SCALED_OBJECT, owner.source))
    scaled, second = pair
    if scaled.rule is not Rule.SCALED_OBJECT:
        return None
    match second.rule:
        case Rule.SCALED_OBJECT:
            text = _two_scaled_objects(scaled, second)
        case Rule.REPLICAS:
            text = _fixed_replicas(scaled, second)
        case Rule.HPA:
            if scaled.source.name in second.controllers or (scaled.adopts and scaled.hpa == second.hpa):
                return None
            text = _second_hpa(scaled, second)
    places = f"Declared: {scaled.source.kind} at {scaled.where}; {second.source.kind} at {second.where}."
    cluster = one.cluster or other.cluster
    return Conflict(second.rule, cluster, scaled.source, second.source, f"{text} {places}")


def _second_hpa(scaled: Owner, hpa: Owner) -> str:
    if scaled.hpa == hpa.hpa:
        harm = (
            f"{hpa.source} is the very HPA that KEDA writes for {scaled.source}: "
            "KEDA and you overwrite each other's limits and metrics"
        )
    else:
        harm = (
            f"{hpa.source} and {scaled.source} both scale {scaled.owned}: "
            "two controllers set its replicas and it flaps between their answers "
            "(KEDA's webhook refuses it only if the HPA is there first)"
        )
    return (
        f"{harm}. Remove the HorizontalPodAutoscaler; or let KEDA take it over: on the ScaledObject, "
        f'annotate {TRANSFER_OWNERSHIP}: "true" and set {HPA_NAME_FIELD}: {hpa.hpa}.'
    )


def _two_scaled_objects(one: Owner, other: Owner) -> str:
    if one.owned.kind == "HorizontalPodAutoscaler":
        return (
            f"{one.source} and {other.source} both name their HPA {one.hpa}: "
            "KEDA's webhook refuses the second, and while it is down each overwrites the other's HPA. "
            f"Give one of them another {HPA_NAME_FIELD}."
        )
    return (
        f"{one.source} and {other.source} both scale {one.owned}: "
        "KEDA's webhook refuses the second, and while it is down two HPAs set the replicas and they flap. "
        "Keep one ScaledObject and put the triggers of both into its spec.triggers: the highest answer wins."
    )


def _fixed_replicas(scaled: Owner, fixed: Owner) -> str:
    return (
        f"{fixed.source} sets spec.replicas: {fixed.replicas} and {scaled.source} scales it: every apply "
        f"(pulumi up, GitOps) puts it back to {fixed.replicas} whatever the load, or stops at a conflict. "
        f"Remove spec.replicas from the {fixed.source.kind}, or have it left alone (Pulumi: "
        'ignore_changes=["spec.replicas"]); minReplicaCount of the ScaledObject is the lower limit.'
    )


def _items(manifest: object) -> Iterator[Mapping[object, object]]:
    """The manifest itself, or the items of a List, which may leave out their own kind."""
    pending = [manifest]
    while pending:
        current = _mapping(pending.pop())
        kind, items = current.get("kind"), current.get("items")
        if isinstance(kind, str) and kind.endswith("List") and isinstance(items, list):
            own = (
                {}
                if kind == "List"
                else {"apiVersion": current.get("apiVersion"), "kind": kind.removesuffix("List")}
            )
            pending += [
                own | {k: v for k, v in _mapping(item).items() if v is not None} for item in reversed(items)
            ]
        else:
            yield current


def _ref(api_version: object, kind: object, namespace: object, name: object) -> ObjectRef | None:
    namespace = _or_default(namespace, "default")
    if not (isinstance(api_version, str) and isinstance(kind, str) and isinstance(namespace, str)):
        return None
    if not isinstance(name, str) or not name:
        return None
    group, slash, _ = api_version.partition("/")
    return ObjectRef(group if slash else "", kind, namespace, name)


def _annotation(metadata: Mapping[object, object], key: str) -> object:
    annotations = metadata.get("annotations")
    return UNKNOWN if annotations is UNKNOWN else _mapping(annotations).get(key)


def _mapping(value: object) -> Mapping[object, object]:
    return value if isinstance(value, Mapping) else {}


def _text(value: object, default: str) -> str | None:
    value = _or_default(value, default)
    return value if isinstance(value, str) else None


def _or_default(value: object, default: str) -> object:
    return default if value is None or value == "" else value


def _whole(value: object) -> int | None:
    """A replica count: Pulumi hands numbers over as floats."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None

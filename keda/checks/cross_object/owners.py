"""What else sets the replicas of a ScaledObject's target (keda.ownership), over the objects given."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import PurePath
from typing import TYPE_CHECKING

from keda.checks.registry import REFERENCES, Problem, Rule, error, warning
from keda.core.defaults import TRANSFER_OWNERSHIP
from keda.core.errors import MISSING
from keda.manifests.declared import Declared, ObjectRef
from keda.manifests.objects import Item, Objects
from keda.manifests.reading import identity, mapping

if TYPE_CHECKING:
    from keda.ownership import Conflict

SecondOwners = Mapping[tuple[str, str], "list[Conflict]"]

_OWN_NOTHING = {
    *("TriggerAuthentication", "ClusterTriggerAuthentication", "ScaledJob"),
    *("Secret", "ConfigMap", "Namespace", "Service", "ServiceAccount"),
}
"""Kinds that many files have beside one ScaledObject, and that are or set no replica count."""

ONE_OWNER_HPA = error(
    "one-owner-hpa",
    REFERENCES,
    summary="The target has an HPA of its own",
    why=(
        "Kubernetes stops two HPAs on the same pods (condition AmbiguousSelector): nothing scales, and "
        "the ScaledObject is still Ready. Where their limits differ, the replicas flap. KEDA's webhook "
        "refuses the ScaledObject only if the HPA exists first."
    ),
    passes="""
        metadata:
          annotations: {scaledobject.keda.sh/transfer-hpa-ownership: "true"}
        spec:
          advanced: {horizontalPodAutoscalerConfig: {name: web}}
    """,
    see="who-owns-replicas.md",
)


ONE_OWNER_SCALEDOBJECT = error(
    "one-owner-scaledobject",
    REFERENCES,
    summary="Two ScaledObjects on one target, or with one HPA name",
    why=("KEDA's webhook refuses the second one. While the webhook is down, their two HPAs stop each other."),
    passes="""
        apiVersion: keda.sh/v1alpha1
        kind: ScaledObject
        metadata: {name: web, namespace: shop}
        spec:
          scaleTargetRef: {name: web}
          maxReplicaCount: 5
          triggers:   # of both, in one: the highest count wins
            - type: prometheus
              metadata:
                serverAddress: http://prometheus.monitoring:9090
                query: sum(rate(http_requests_total{job="gateway"}[2m]))
                threshold: "50"
                ignoreNullValues: "false"
            - type: cron
              metadata: {start: 0 7 * * *, end: 0 19 * * *, timezone: Europe/Berlin, desiredReplicas: "3"}
    """,
    see="who-owns-replicas.md",
)


ONE_OWNER_REPLICAS = warning(
    "one-owner-replicas",
    REFERENCES,
    summary="The target fixes spec.replicas",
    why="Each apply resets the replicas to that number, whatever the load.",
    passes="""
        kind: Deployment
        spec: {selector: {}, template: {}}   # no replicas
    """,
    see="who-owns-replicas.md",
)


ONE_OWNER_CONTROLLER = error(
    "one-owner-controller",
    REFERENCES,
    summary="Another controller sets the target's replicas",
    why=(
        "Envoy Gateway, Knative, Ray, Argo Rollouts, Flagger, an operator or another autoscaler also "
        "writes them: each undoes what the other did, and nothing reports an error."
    ),
    passes="""
        kind: EnvoyProxy
        spec:
          provider: {type: Kubernetes, kubernetes: {envoyDeployment: {}}}   # no envoyHpa, no replicas
    """,
    ignorable=True,
    see="who-owns-replicas.md",
)


ONE_OWNER_VPA = warning(
    "one-owner-vpa",
    REFERENCES,
    summary="A VerticalPodAutoscaler changes the resource that the ScaledObject scales on",
    why=(
        "A cpu or memory trigger compares usage with the pods' requests. The VPA changes these requests, "
        "so each change causes the next."
    ),
    passes="""
        kind: VerticalPodAutoscaler
        spec:
          resourcePolicy:   # and the trigger is cpu
            containerPolicies: [{containerName: "*", controlledResources: [memory]}]
    """,
    see="who-owns-replicas.md",
)


_SAMPLES = ("example", "examples", "sample", "samples")
"""Folders whose own files are alternatives, as often as parts of one thing."""
_LESSONS = ("tutorial", "tutorials", "testdata", "fixtures")
"""Folders below which all are."""

RULES = {
    rule.name.removeprefix("one-owner-"): rule
    for rule in (
        ONE_OWNER_HPA,
        ONE_OWNER_SCALEDOBJECT,
        ONE_OWNER_REPLICAS,
        ONE_OWNER_CONTROLLER,
        ONE_OWNER_VPA,
    )
}
"""The rule of each keda.ownership.ConflictKind."""


def one_owner(item: Item, disputes: Iterable[Conflict]) -> Iterator[tuple[Rule, Problem]]:
    """The conflicts of a ScaledObject, from `second_owners`."""
    for conflict in disputes:
        other, rule = conflict.other, RULES[conflict.rule]
        keda = {
            ONE_OWNER_HPA: f"is already managed by the hpa '{other.name}'",
            ONE_OWNER_SCALEDOBJECT: f"is already managed by the ScaledObject '{other.name}'",
        }.get(rule, "")
        if rule is ONE_OWNER_HPA and item.annotations.get(TRANSFER_OWNERSHIP) == "true":
            keda = f"the existing hpa '{other.name}' … must be specified by name in advanced settings"
        what, why = f"{conflict.what}.", f"{conflict.harm[0].upper()}{conflict.harm[1:]}."
        at = ("spec", "scaleTargetRef")
        yield rule, Problem(at, MISSING, what, conflict.fix, keda, places=conflict.places, why=why)


def second_owners(given: Objects) -> SecondOwners:
    """The conflicts of keda.ownership, by the ScaledObject (its ref and place) they are reported on."""
    owning = (item for item in given.all() if item.kind not in _OWN_NOTHING)
    if len(list(islice(owning, 2))) < 2:
        return {}
    from keda.ownership import (  # Slow to load, and one object needs none.
        ConflictKind,
        Link,
        Scaled,
        claims,
        conflicts,
    )

    claimed: Counter[ObjectRef] = Counter()
    scaled: set[ObjectRef] = set()
    between: set[ObjectRef] = set()
    for item in given.all():
        for claim in claims(_declared(item, "")):
            if isinstance(claim, Link):
                claimed[claim.child] += 1
                between |= {claim.parent, claim.child}
                continue
            claimed[claim.owned] += 1
            if isinstance(claim, Scaled):
                scaled.add(claim.owned)
    contested = {ref for ref in scaled if claimed[ref] > 1}
    if not contested:
        return {}
    disputed, places = contested | between, dict[str, str]()
    files: dict[ObjectRef, str] = {}
    disputing: list[Declared] = []
    for item in given.all():
        declared = _declared(item, item.where or item.ref)
        if any(isinstance(claim, Link) or claim.owned in disputed for claim in claims(declared)):
            disputing.append(declared)
            files |= dict.fromkeys(filter(None, [identity(item.manifest)]), item.file)
            if item.kind in ("ScaledObject", "HTTPScaledObject"):
                places.setdefault(item.ref, item.where)
    found: dict[tuple[str, str], list[Conflict]] = {}
    for conflict in conflicts(disputing):
        if conflict.rule in (ConflictKind.HPA, ConflictKind.SCALED_OBJECT) and _are_alternatives(
            files.get(conflict.scaled_object, ""), files.get(conflict.other, "")
        ):
            continue
        ref = str(conflict.scaled_object)
        found.setdefault((ref, places.get(ref, "")), []).append(conflict)
    return found


def _are_alternatives(file: str, other: str) -> bool:
    """Whether two files are of samples, where one scales the same target in one way and another."""
    folders = [PurePath(each.lower()).parent for each in (file, other)]
    return file != other and any(
        folder.name in _SAMPLES or not set(_LESSONS).isdisjoint(folder.parts) for folder in folders
    )


def _declared(item: Item, where: str) -> Declared:
    """As the file or program that applies it declares it.

    What a cluster answered (it has a uid) has the replicas that run now, not those that were set.
    """
    manifest = item.manifest
    if "uid" in mapping(manifest.get("metadata")) and "replicas" in item.spec:
        manifest = {**manifest, "spec": {key: item.spec[key] for key in item.spec if key != "replicas"}}
    return Declared(manifest, where)

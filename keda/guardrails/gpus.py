"""What pods ask of GPUs, and the sum of everything scaled, by priority class."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from keda.core.defaults import DEFAULT_MAX, GPUS_PER_POD
from keda.core.reasons import is_reason
from keda.guardrails.guardrail import NOT_YET, Finding, Undecided
from keda.guardrails.scaling import Scaling, scalings, undecided_maximum
from keda.manifests.declared import UNKNOWN
from keda.manifests.objects import Item
from keda.manifests.reading import dig, mapping, sequence, text, whole
from keda.syntax.quantity import parse_quantity

NVIDIA = "nvidia.com/gpu"
OVERLAP = "keda-homelab.dev/gpu-overlap"
"""Annotation of a ScaledObject or ScaledJob: why it never runs at the same time as the others."""

_CONTAINERS = ("containers", "initContainers")

Target = tuple[str, str, str, str, str]
"""cluster, API group, kind, namespace, name"""


@dataclass(frozen=True)
class Pod:
    """What one pod requests; `unread` is the field of it that only the update has, if any."""

    gpus: int
    priority: str
    unread: str = ""


@dataclass(frozen=True)
class _Claim:
    item: Item
    path: str
    cluster: str
    pods: int | None


@dataclass
class GpuSum:
    """The claims found so far. The order of the objects does not matter, and each costs the same."""

    resource: str = NVIDIA
    _pods: dict[Target, Pod] = field(default_factory=dict)
    _waiting: defaultdict[Target, list[_Claim]] = field(default_factory=lambda: defaultdict(list))
    _undecided: list[Undecided] = field(default_factory=list)
    _sums: defaultdict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))
    _parts: defaultdict[tuple[str, str], list[tuple[str, int]]] = field(
        default_factory=lambda: defaultdict(list)
    )

    def add(self, items: Iterable[Item], cluster: str, capacity: int) -> Iterator[Finding]:
        """Take the objects of one manifest in; `capacity` is in GPUs."""
        objects = list(items)
        for item in objects:
            if item.group != "keda.sh" and (item.pod or dig(item.spec, "template") is UNKNOWN):
                yield from self._found(item, cluster, capacity)
        for scaling in scalings(objects):
            yield from self._claim(scaling, cluster, capacity)

    def rest(self, capacity: int, elsewhere: int) -> Iterator[Finding]:
        """At the end: count targets that are not among the objects with `elsewhere` GPUs per pod."""
        waiting, self._waiting = self._waiting, defaultdict(list)
        for claim in (claim for claims in waiting.values() for claim in claims):
            yield from self._count(claim, Pod(elsewhere, ""), capacity)

    def undecided(self) -> Iterator[Undecided]:
        """What could not be counted."""
        yield from self._undecided
        for target, claims in self._waiting.items():
            for claim in claims:
                yield Undecided(
                    claim.item.ref,
                    claim.item.where,
                    "spec.scaleTargetRef",
                    f"names {target[2]} {target[3]}/{target[4]}, which is declared elsewhere: its GPUs are "
                    f'not in the sum. Annotate the {claim.item.kind} with {GPUS_PER_POD}: "<number>" (0 for '
                    "none); or write it for all of them (--policy-pack-config: keda-gpu-budget.elsewhere)",
                )

    def _found(self, item: Item, cluster: str, capacity: int) -> Iterator[Finding]:
        target = (cluster, item.group, item.kind, item.namespace, item.name)
        pod = self._pods[target] = pod_of(item.pod, item, self.resource)
        for claim in self._waiting.pop(target, ()):
            yield from self._count(claim, pod, capacity)

    def _claim(self, scaling: Scaling, cluster: str, capacity: int) -> Iterator[Finding]:
        item, limit = scaling.item, scaling.maximum
        maximum = None if limit is UNKNOWN else DEFAULT_MAX if limit is None else whole(limit)
        self._undecided += undecided_maximum(scaling)
        claim = _Claim(item, scaling.path, cluster, maximum)
        stated = text(item.annotations.get(GPUS_PER_POD))
        if stated.isdecimal() and len(stated) < 7:
            yield from self._count(claim, Pod(int(stated), ""), capacity)
        elif item.kind == "ScaledJob":
            template = dig(item.spec, "jobTargetRef", "template", "spec")
            yield from self._count(claim, pod_of(template, item, self.resource), capacity)
        elif target := _target(item, cluster):
            if pod := self._pods.get(target):
                yield from self._count(claim, pod, capacity)
            else:
                self._waiting[target].append(claim)

    def _count(self, claim: _Claim, pod: Pod, capacity: int) -> Iterator[Finding]:
        item, maximum = claim.item, claim.pods
        if pod.unread:
            self._undecided.append(Undecided(item.ref, item.where, f"{pod.unread} of its pods", NOT_YET))
            return
        if not pod.gpus or not maximum or maximum < 0:
            return
        asked = maximum * pod.gpus
        each = f"{item.ref} {claim.path}: {maximum}, each pod with {pod.gpus} {self.resource}, requests"
        if asked > capacity:
            fits = capacity // pod.gpus
            yield Finding(
                f"{each} {asked}, and the cluster has {capacity}. The pods beyond them stay Pending. "
                f"{f'Write at most {fits}' if fits else 'Give a pod fewer'}; or, if there are more, raise "
                "the capacity (--policy-pack-config: keda-gpu-budget.capacity).",
                (item.ref,),
            )
        if asked > capacity or is_reason(item.annotations.get(OVERLAP)):
            return
        group = (claim.cluster, pod.priority)
        self._sums[group] += asked
        others = self._parts[group]
        if self._sums[group] > capacity:
            listed = [f"{ref} ({gpus})" for ref, gpus in others[:5]]
            listed += [f"{len(others) - 5} more"] if len(others) > 5 else []
            yield Finding(
                f"{each} {asked}, and with {', '.join(listed)} that makes {self._sums[group]}; the cluster "
                f"has {capacity}. Under load some pods of either stay Pending. Lower a "
                "maxReplicaCount; or let one give way: another priorityClassName in its pods; or, if "
                f'they never run at once, annotate one with {OVERLAP}: "<why>".',
                (item.ref, *(ref for ref, _ in others)),
            )
        others.append((item.ref, asked))


def pod_of(pod: object, item: Item, resource: str) -> Pod:
    """What a pod spec asks for; `item` is the object it is in."""
    spec = mapping(pod)
    containers = [spec.get(key) for key in _CONTAINERS]
    if UNKNOWN in (pod, item.manifest.get("spec"), item.spec.get("template"), *containers):
        return Pod(0, "", "spec")
    if spec.get("priorityClassName") is UNKNOWN:
        return Pod(0, "", "priorityClassName")
    for key, listed in zip(_CONTAINERS, containers, strict=True):
        for index, container in enumerate(sequence(listed)):
            if container is UNKNOWN or _unknown_amount(mapping(container), resource):
                return Pod(0, "", f"{key}[{index}].resources.limits[{resource}]")
    return Pod(_asked(spec, resource), text(spec.get("priorityClassName")))


def _asked(spec: Mapping[Any, Any], resource: str) -> int:
    """As Kubernetes counts (pkg/api/v1/resource, PodRequests): the highest of the containers' sum and of each
    init container; one that goes on running (restartPolicy Always) counts beside whatever starts after it.
    """
    running = highest = 0
    for container in map(mapping, sequence(spec.get("initContainers"))):
        amount = _amount(container, resource)
        highest = max(highest, running + amount)
        running += amount if container.get("restartPolicy") == "Always" else 0
    for container in map(mapping, sequence(spec.get("containers"))):
        running += _amount(container, resource)
    return max(highest, running)


def _amount(container: Mapping[Any, Any], resource: str) -> int:
    """A container's GPUs: its request, or the limit where there is no request."""
    asked = [dig(container, "resources", which, resource) for which in ("requests", "limits")]
    try:
        return next((int(parse_quantity(str(each))) for each in asked if each is not None), 0)
    except ValueError:
        return 0


def _unknown_amount(container: Mapping[Any, Any], resource: str) -> bool:
    resources = container.get("resources")
    amounts = [mapping(resources).get(key) for key in ("limits", "requests")]
    return UNKNOWN in (resources, *amounts, *(mapping(amount).get(resource) for amount in amounts))


def _target(item: Item, cluster: str) -> Target | None:
    reference = mapping(item.spec.get("scaleTargetRef"))
    name = text(reference.get("name"))
    version, kind = (
        text(reference.get("apiVersion")) or "apps/v1",
        text(reference.get("kind")) or "Deployment",
    )
    return (cluster, version.rpartition("/")[0], kind, item.namespace, name) if name else None

"""The GPUs that everything scaled may ask for at once, held against what the cluster has.

A pod whose GPU is taken stays Pending, and KEDA goes on asking: nobody reports that two workloads' maxima do
not fit together. The sum is taken by priority class, since the scheduler has a pod of a lower class give
way to one of a higher (preemption): classes may overlap, equals may not.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from keda.checks.cross_object.references import pod_requests
from keda.core.defaults import DEFAULT_MAX
from keda.guardrails import GPUS_PER_POD, Finding, Undecided
from keda.guardrails.scaling import NOT_YET, scalings
from keda.manifests.declared import UNKNOWN, Declared
from keda.manifests.objects import Item, items
from keda.manifests.reading import dig, mapping, sequence, text, whole

NVIDIA = "nvidia.com/gpu"
OVERLAP = "keda-homelab.dev/gpu-overlap"
"""Annotation of a ScaledObject or ScaledJob: why it never runs at the same time as the others."""

Target = tuple[str, str, str, str, str]
"""cluster, API group, kind, namespace, name"""


@dataclass(frozen=True)
class Pod:
    """What one pod asks for; `unread` is the field of it that the update alone can tell, if any."""

    gpus: int
    priority: str
    unread: str = ""


@dataclass(frozen=True)
class _Claim:
    item: Item
    cluster: str
    pods: int | None


@dataclass
class GpuBudget:
    """The claims found so far. The order of the objects does not matter, and each costs the same."""

    resource: str = NVIDIA
    _pods: dict[Target, Pod] = field(default_factory=dict)
    _waiting: defaultdict[Target, list[_Claim]] = field(default_factory=lambda: defaultdict(list))
    _undecided: list[Undecided] = field(default_factory=list)
    _sums: defaultdict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))
    _parts: defaultdict[tuple[str, str], list[tuple[str, int]]] = field(
        default_factory=lambda: defaultdict(list)
    )

    def add(self, declared: Declared, capacity: int) -> Iterator[Finding]:
        """Take an object (or every item of a List) in; `capacity` is in GPUs."""
        for item in items(declared.manifest, declared.where):
            if item.group == "keda.sh":
                continue
            if item.pod or dig(item.spec, "template") is UNKNOWN:
                yield from self._found(item, declared.cluster, capacity)
        for item in scalings(declared):
            yield from self._claim(item, declared.cluster, capacity)

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
                    "none); or say it of all such targets (--policy-pack-config: keda-gpu-budget.elsewhere)",
                )

    def _found(self, item: Item, cluster: str, capacity: int) -> Iterator[Finding]:
        target = (cluster, item.group, item.kind, item.namespace, item.name)
        pod = self._pods[target] = pod_of(item.pod, item, self.resource)
        for claim in self._waiting.pop(target, ()):
            yield from self._count(claim, pod, capacity)

    def _claim(self, item: Item, cluster: str, capacity: int) -> Iterator[Finding]:
        given = item.spec.get("maxReplicaCount")
        maximum = None if given is UNKNOWN else DEFAULT_MAX if given is None else whole(given)
        if given is UNKNOWN:
            self._undecided.append(Undecided(item.ref, item.where, "spec.maxReplicaCount", NOT_YET))
        claim = _Claim(item, cluster, maximum)
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
        each = (
            f"{item.ref} spec.maxReplicaCount: {maximum}, each pod with {pod.gpus} {self.resource}, asks for"
        )
        if asked > capacity:
            fits = capacity // pod.gpus
            yield Finding(
                f"{each} {asked}, and the cluster has {capacity}. The pods beyond them stay Pending for "
                f"ever. {f'Write at most {fits}' if fits else 'Give a pod fewer'}, or say that there are "
                "more (--policy-pack-config: keda-gpu-budget.capacity).",
                (item.ref,),
            )
        if asked > capacity or text(item.annotations.get(OVERLAP)).strip():
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
                "maxReplicaCount; or say who gives way: another priorityClassName in the pods of one; or, if "
                f'they never run at once, annotate one with {OVERLAP}: "<why>".',
                (item.ref, *(ref for ref, _ in others)),
            )
        others.append((item.ref, asked))


def pod_of(pod: object, item: Item, resource: str) -> Pod:
    """What a pod spec asks for; `item` is the object it is in."""
    spec = mapping(pod)
    containers = spec.get("containers")
    if UNKNOWN in (pod, item.manifest.get("spec"), item.spec.get("template"), containers):
        return Pod(0, "", "spec")
    if spec.get("priorityClassName") is UNKNOWN:
        return Pod(0, "", "priorityClassName")
    for index, container in enumerate(sequence(containers)):
        if container is UNKNOWN or _unknown_amount(mapping(container), resource):
            return Pod(0, "", f"containers[{index}].resources.limits[{resource}]")
    workload = Item({"kind": "Pod", "spec": spec}, item.where)
    return Pod(int(pod_requests(workload).get(resource, 0)), text(spec.get("priorityClassName")))


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

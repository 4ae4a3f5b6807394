"""A ScaledObject's target, over the objects given: it is there, and has the containers and the requests that
the triggers ask for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from keda.checks.admission.target import UNKNOWN_CONTAINER, target_problems
from keda.checks.cross_object.references import add_or_name
from keda.checks.registry import REFERENCES, Problem, error
from keda.checks.scaling import SPEC, spec_of, triggers_of
from keda.core.defaults import RESOURCE_SCALERS
from keda.core.errors import did_you_mean
from keda.manifests.declared import UNKNOWN
from keda.manifests.objects import Item, Objects
from keda.manifests.reading import At, dig, mapping, sequence, text, whole
from keda.syntax.quantity import parse_quantity

_AT: At = (*SPEC, "scaleTargetRef")


def _target(item: Item, objects: Objects) -> Item | None:
    """The target, if it is given and of a kind that can be scaled."""
    target = objects.target(item)
    return target if target and _names_scalable(item) else None


def _names_scalable(item: Item) -> bool:
    reference = mapping(spec_of(item, "scaleTargetRef"))
    known = UNKNOWN not in (reference.get("kind"), reference.get("apiVersion"))
    return known and bool(text(reference.get("name"))) and not any(target_problems(reference))


@error(
    "target-missing",
    REFERENCES,
    summary="The target does not exist",
    why=(
        "Reported only where workloads of the same namespace are given. KEDA finds nothing to scale; with "
        "cpu or memory triggers its webhook refuses the object."
    ),
    passes="scaleTargetRef: {name: web}   # and a Deployment web in the same namespace",
    ignorable=True,
).among("ScaledObject")
def target_missing(item: Item, objects: Objects) -> Iterator[Problem]:
    """Only of a builtin kind is it known whether it is missing, where workloads of the namespace are
    given.
    """
    reference = mapping(spec_of(item, "scaleTargetRef"))
    name, kind = text(reference.get("name")), text(reference.get("kind")) or "Deployment"
    group = (text(reference.get("apiVersion")) or "apps/v1").rpartition("/")[0]
    if group != "apps" or not objects.has_workloads(item.namespace) or not _names_scalable(item):
        return
    if objects.target(item) is not None or objects.may_exist(kind, item.namespace, name):
        return
    names = [each.name for each in objects.of(kind, item.namespace)]
    guess = did_you_mean(name, names)
    if not guess and not objects.is_applied_with_workloads(item):
        return
    yield Problem(
        (*_AT, "name"),
        name,
        f"is not a {kind} of namespace {item.namespace} here.",
        f"Write {guess}." if guess else add_or_name(f"the {kind}", names),
        # With cpu or memory it is the webhook that looks the target up, and first.
        f'{kind}.apps "{name}" not found'
        if kind in ("Deployment", "StatefulSet") and _asks_resources(item)
        else f'{kind.lower()}s.apps "{name}" not found',
        why="KEDA would find nothing to scale: never Ready.",
    )


def _asks_resources(item: Item) -> bool:
    return bool(triggers_of(item, *RESOURCE_SCALERS))


@UNKNOWN_CONTAINER.among("ScaledObject")
def containers(item: Item, objects: Objects) -> Iterator[Problem]:
    """Containers that the target's template does not have."""
    target = _target(item, objects)
    if target is None or not target.containers or _containers_unknown(target):
        return
    names = [text(each.get("name")) for each in target.containers]
    named: list[tuple[At, Any]] = [
        ((*_AT, "envSourceContainerName"), spec_of(item, "scaleTargetRef", "envSourceContainerName"))
    ]
    named += [
        ((*trigger.at, "metadata", "containerName"), trigger.get("metadata", "containerName"))
        for trigger in triggers_of(item, *RESOURCE_SCALERS)
    ]
    for at, wanted in named:
        if isinstance(wanted, str) and wanted and wanted not in names:
            yield Problem(
                at,
                wanted,
                f"is not a container of {target.ref}.",
                f"Write one of {', '.join(names)}.",
                f"error resolving secrets for ScaleTarget: couldn't find container with name {wanted} "
                "on Target object"
                if at[-1] == "envSourceContainerName"
                else "",
                why="KEDA would find no value there.",
            )


def _containers_unknown(target: Item) -> bool:
    found = sequence(target.pod.get("containers"))
    return UNKNOWN in [*found, *(dig(each, "name") for each in found)]


@error(
    "missing-requests",
    REFERENCES,
    summary="cpu or memory trigger on a container without requests",
    why=(
        "Utilization is a percentage of the request. KEDA's webhook needs a request or a limit on every "
        "container, or a default of a LimitRange (it reads a new LimitRange up to a minute late: KEDA's "
        "chart grants list, not watch)."
    ),
    passes="resources: {requests: {cpu: 100m, memory: 64Mi}}",
).among("ScaledObject", having=RESOURCE_SCALERS)
def missing_requests(item: Item, objects: Objects) -> Iterator[Problem]:
    """verifyCPUMemoryScalers (scaledobject_webhook.go:420): a request, a limit, or a LimitRange's default."""
    target = _target(item, objects)
    if target is None or target.kind not in ("Deployment", "StatefulSet") or _containers_unknown(target):
        return
    for trigger in triggers_of(item, *RESOURCE_SCALERS):
        resource = trigger.type
        wanted = trigger.get("metadata", "containerName")
        if wanted is UNKNOWN:
            continue
        for container in target.containers:
            name = text(container.get("name"))
            if (
                text(wanted) not in ("", name)
                or _has(container, resource)
                or _defaulted(objects, item, resource)
            ):
                continue
            yield Problem(
                (*trigger.at, "type"),
                resource,
                f"scales on {resource} per request, and container {name} of {target.ref} requests none.",
                f"Set resources.requests.{resource} on container {name}.",
                f"the scaledobject has a {resource} trigger but the container {name} doesn't have the "
                f"{resource} request defined",
                why="KEDA's webhook would reject the object.",
            )


def _has(container: Mapping[Any, Any], resource: str) -> bool:
    return any(_positive(dig(container, "resources", which, resource)) for which in ("requests", "limits"))


def _positive(amount: object) -> bool:
    """Whether an amount is above 0, or may be: it is not known yet."""
    if amount is UNKNOWN:
        return True
    if isinstance(amount, str):
        try:
            return parse_quantity(amount) > 0
        except ValueError:
            return False
    number = whole(amount) if not isinstance(amount, float) else amount
    return number is not None and number > 0


def _defaulted(objects: Objects, item: Item, resource: str) -> bool:
    if objects.unidentified("LimitRange"):
        return True
    return any(
        dig(limit, "type") in ("Container", UNKNOWN) and _positive(dig(limit, key, resource))
        for limits in objects.of("LimitRange", item.namespace)
        for limit in _known_or_one(spec_of(limits, "limits"))
        for key in ("default", "defaultRequest")
    )


def _known_or_one(values: object) -> list[Any]:
    """A list; of one that is not known, one element that is not known."""
    return [UNKNOWN] if values is UNKNOWN else sequence(values)

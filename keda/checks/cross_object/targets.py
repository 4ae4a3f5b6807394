"""A ScaledObject's target, over the objects given: it is there, can be scaled, and has the containers and the
requests that the triggers ask for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from keda.checks.admission.scaled_object import RESOURCE_SCALERS, triggers_of
from keda.checks.cross_object.references import add_or_name
from keda.checks.findings import Report
from keda.core.errors import SpecError, did_you_mean
from keda.manifests.objects import Item, Objects
from keda.manifests.reading import At, dig, mapping, sequence, text, whole
from keda.resources import ScaleTargetRef
from keda.syntax.quantity import parse_quantity

_BUILTIN_SCALABLE = {"Deployment", "StatefulSet", "ReplicaSet", "ReplicationController"}
_BUILTIN_GROUPS = {
    "": {"ReplicationController"},
    "apps": {"Deployment", "StatefulSet", "ReplicaSet", "DaemonSet"},
    "batch": {"Job", "CronJob"},
}
_CORE = {"ConfigMap", "Secret", "Namespace", "Node", "PersistentVolumeClaim", "ServiceAccount", "Endpoints"}


def check_job_container(item: Item, report: Report) -> None:
    """That a ScaledJob's template has the container whose environment its triggers read."""
    wanted = text(item.spec.get("envSourceContainerName"))
    found = dig(item.spec, "jobTargetRef", "template", "spec", "containers")
    names = [text(mapping(each).get("name")) for each in sequence(found)]
    if wanted and names and wanted not in names:
        report.add(
            "unknown-container",
            ("spec", "envSourceContainerName"),
            wanted,
            "is not a container of the Job's template. KEDA could not build the scaler: no Job is ever made.",
            f"Write one of {', '.join(names)}.",
            f"couldn't find container with name {wanted} on Target object",
        )


def check_target(item: Item, report: Report) -> None:
    """That the target is of a kind that can be scaled."""
    reference = mapping(item.spec.get("scaleTargetRef"))
    if text(reference.get("name")):
        _not_scalable(item, reference, ("spec", "scaleTargetRef"), report)


def check_target_among(item: Item, objects: Objects, report: Report) -> None:
    """That the target is there, and has the containers and requests the triggers ask for."""
    reference = mapping(item.spec.get("scaleTargetRef"))
    at: At = ("spec", "scaleTargetRef")
    name, kind = text(reference.get("name")), text(reference.get("kind")) or "Deployment"
    version = text(reference.get("apiVersion")) or "apps/v1"
    if not name or _not_scalable(item, reference, at, Report(item.ref, item.where)):
        return
    target = objects.target(item)
    if target is None:
        if objects.has_workloads(item.namespace) and version.rpartition("/")[0] == "apps":
            names = [each.name for each in objects.of(kind, item.namespace)]
            guess = did_you_mean(name, names)
            report.add(
                "target-missing",
                (*at, "name"),
                name,
                f"is not a {kind} of namespace {item.namespace} here. KEDA would find nothing to scale: "
                "never Ready.",
                f"Write {guess}." if guess else add_or_name(f"the {kind}", names),
                # With cpu or memory it is the webhook that looks the target up, and first.
                f'{kind}.apps "{name}" not found'
                if kind in ("Deployment", "StatefulSet") and _asks_resources(item)
                else f'{kind.lower()}s.apps "{name}" not found',
            )
        return
    _check_containers(item, target, report)
    _check_requests(item, target, objects, report)


def _asks_resources(item: Item) -> bool:
    return any(trigger.get("type") in RESOURCE_SCALERS for _, trigger in triggers_of(item))


def _not_scalable(item: Item, reference: Mapping[Any, Any], at: At, report: Report) -> bool:
    known = {
        key: reference[key] for key in ("apiVersion", "kind", "name") if isinstance(reference.get(key), str)
    }
    kind, version = known.get("kind", "Deployment"), known.get("apiVersion", "apps/v1")
    keda = "the server could not find the requested resource"
    if "." in version.partition("/")[0]:  # so the API server says it of a custom resource
        keda = f'{kind.lower()}s.{version.rpartition("/")[0]} "{known.get("name")}" not found'
    try:
        ScaleTargetRef.parse(known)
    except SpecError as error:
        for fault in error.faults:
            code, wording = ("target-not-scalable", keda) if fault.path == "kind" else ("bad-name", "")
            report.add(code, (*at, fault.path), fault.value, fault.why, fault.fix, wording)
        return True
    group, slash, served = version.rpartition("/")
    if not slash and not re.match(r"v\d", served):
        report.add(
            "target-not-scalable",
            (*at, "apiVersion"),
            version,
            f"names no version: KEDA would look for {kind} in a group that is not there. Never Ready.",
            f"Write {version}/v1.",
            f"unable to retrieve the complete list of server APIs: {version}",
        )
        return True
    if group not in _BUILTIN_GROUPS or (kind in _BUILTIN_GROUPS[group] and served == "v1"):
        return False
    guess = did_you_mean(kind, _BUILTIN_SCALABLE)
    overlooks = "KEDA finds it, and then overlooks a second owner of the target: it compares the words."
    if (
        guess
        and kind.lower() == guess.lower()
        and kind != guess
        and guess in _BUILTIN_GROUPS[group]
        and served == "v1"
    ):
        why = f"is not how the API writes it. {overlooks}"
        report.add("target-not-scalable", (*at, "kind"), kind, why, f"Write {guess}.")
    elif group == "apps" and kind in ("Deployment", "StatefulSet"):  # never looked up: gvkr.go:69
        why = f"is not a version that the API server serves. {overlooks}"
        report.add("target-not-scalable", (*at, "apiVersion"), version, why, "Write apps/v1.")
    elif group == "" and served == "v1" and kind in _CORE:
        why = "has no /scale subresource. KEDA would mark the ScaledObject not Ready."
        report.add("target-not-scalable", (*at, "kind"), kind, why, "Name e.g. a Deployment.", keda)
    else:
        report.add(
            "target-not-scalable",
            (*at, "kind"),
            kind,
            f"is not a kind of {version}. KEDA's webhook would reject the object.",
            f"Write {guess}." if guess and guess != kind else "Write the apiVersion that serves it.",
            f'no matches for kind "{kind}" in version "{version}"',
        )
    return True


def _check_containers(item: Item, target: Item, report: Report) -> None:
    names = [text(each.get("name")) for each in target.containers]
    if not names:
        return
    named: list[tuple[At, Any]] = [
        (
            ("spec", "scaleTargetRef", "envSourceContainerName"),
            dig(item.spec, "scaleTargetRef", "envSourceContainerName"),
        )
    ]
    named += [
        (("spec", "triggers", index, "metadata", "containerName"), dig(trigger, "metadata", "containerName"))
        for index, trigger in triggers_of(item)
        if trigger.get("type") in RESOURCE_SCALERS
    ]
    for at, wanted in named:
        if isinstance(wanted, str) and wanted and wanted not in names:
            report.add(
                "unknown-container",
                at,
                wanted,
                f"is not a container of {target.ref}. KEDA would find no value there.",
                f"Write one of {', '.join(names)}.",
                f"error resolving secrets for ScaleTarget: couldn't find container with name {wanted} "
                "on Target object"
                if at[-1] == "envSourceContainerName"
                else "",
            )


def _check_requests(item: Item, target: Item, objects: Objects, report: Report) -> None:
    """verifyCPUMemoryScalers (scaledobject_webhook.go:420): a request, a limit, or a LimitRange's default."""
    if target.kind not in ("Deployment", "StatefulSet"):
        return
    for index, trigger in triggers_of(item):
        resource = text(trigger.get("type"))
        if resource not in RESOURCE_SCALERS:
            continue
        wanted = text(dig(trigger, "metadata", "containerName"))
        for container in target.containers:
            name = text(container.get("name"))
            if wanted and wanted != name or _has(container, resource) or _defaulted(objects, item, resource):
                continue
            report.add(
                "missing-requests",
                ("spec", "triggers", index, "type"),
                resource,
                f"asks for {resource} per request, and container {name} of {target.ref} requests none. "
                "KEDA's webhook would reject the object.",
                f"Set resources.requests.{resource} on container {name}.",
                f"the scaledobject has a {resource} trigger but the container {name} doesn't have the "
                f"{resource} "
                "request defined",
            )


def _has(container: Mapping[Any, Any], resource: str) -> bool:
    return any(_positive(dig(container, "resources", which, resource)) for which in ("requests", "limits"))


def _positive(amount: object) -> bool:
    if isinstance(amount, str):
        try:
            return parse_quantity(amount) > 0
        except ValueError:
            return False
    number = whole(amount) if not isinstance(amount, float) else amount
    return number is not None and number > 0


def _defaulted(objects: Objects, item: Item, resource: str) -> bool:
    return any(
        _positive(dig(limit, key, resource))
        for limits in objects.of("LimitRange", item.namespace)
        for limit in sequence(limits.spec.get("limits"))
        if dig(limit, "type") == "Container"
        for key in ("default", "defaultRequest")
    )

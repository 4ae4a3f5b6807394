"""What an object refers to, over the objects given: the target, its containers, credentials.

What is not among the objects may still be in the cluster: a reference is called missing only where objects of
its sort and namespace are given.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from keda.errors import SpecError, did_you_mean
from keda.judge.findings import At, Report
from keda.judge.objects import Item, Objects, dig, mapping, sequence, text, whole
from keda.judge.spec import RESOURCE_SCALERS, triggers_of
from keda.quantity import parse_quantity
from keda.resources import ScaleTargetRef
from keda.typed_config import scalers

AUTHENTICATIONS = ("TriggerAuthentication", "ClusterTriggerAuthentication")
_BUILTIN_SCALABLE = {"Deployment", "StatefulSet", "ReplicaSet", "ReplicationController"}
_BUILTIN_GROUPS = {
    "": {"ReplicationController"},
    "apps": {"Deployment", "StatefulSet", "ReplicaSet", "DaemonSet"},
    "batch": {"Job", "CronJob"},
}
_CORE = {"ConfigMap", "Secret", "Namespace", "Node", "PersistentVolumeClaim", "ServiceAccount", "Endpoints"}


@dataclass(frozen=True)
class Authentication:
    """What a trigger gets. A parameter's value is None where only the cluster knows it."""

    parameters: Mapping[str, str | None] = field(default_factory=dict)
    pod_identity: str = ""
    complete: bool = True
    """Whether every parameter there is has been found."""


def authentication(reference: object, item: Item, objects: Objects) -> Authentication:
    """What `authenticationRef` gives, from the objects given."""
    name = text(mapping(reference).get("name"))
    if not name:
        return Authentication()
    found = _authentication_object(mapping(reference), item, objects)
    if found is None:
        return Authentication(complete=False)
    parameters: dict[str, str | None] = {}
    for key, kind in (("configMapTargetRef", "ConfigMap"), ("secretTargetRef", "Secret")):
        for entry in map(mapping, sequence(found.spec.get(key))):
            given = (
                objects.get("", kind, item.namespace, text(entry.get("name"))) if found.namespace else None
            )
            parameters[text(entry.get("parameter"))] = _data(given, text(entry.get("key"))) if given else None
    for key in ("env", "boundServiceAccountToken"):
        for entry in map(mapping, sequence(found.spec.get(key))):
            parameters[text(entry.get("parameter"))] = None
    for key in ("hashiCorpVault", "azureKeyVault", "gcpSecretManager", "awsSecretManager"):
        for entry in map(mapping, sequence(dig(found.spec, key, "secrets"))):
            parameters[text(entry.get("parameter"))] = None
    provider = text(dig(found.spec, "podIdentity", "provider"))
    return Authentication(parameters, provider, not found.spec.get("filePath"))


def _authentication_object(reference: Mapping[Any, Any], item: Item, objects: Objects) -> Item | None:
    kind = text(reference.get("kind")) or AUTHENTICATIONS[0]
    namespace = item.namespace if kind == AUTHENTICATIONS[0] else ""
    return objects.get("keda.sh", kind, namespace, text(reference.get("name")))


def _data(given: Item, key: str) -> str | None:
    """A value of a Secret or ConfigMap; "" if the key is not there, as KEDA has it."""
    plain = mapping(given.manifest.get("data" if given.kind == "ConfigMap" else "stringData"))
    if key in plain:
        return plain[key] if isinstance(plain[key], str) else None
    encoded = mapping(given.manifest.get("data")).get(key)
    if given.kind == "ConfigMap" or encoded is None:
        return ""
    try:
        return base64.b64decode(str(encoded), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return None


def _containers(item: Item, objects: Objects) -> list[Mapping[Any, Any]] | None:
    if item.kind == "ScaledJob":
        found = dig(item.spec, "jobTargetRef", "template", "spec", "containers")
        return [mapping(each) for each in sequence(found)]
    target = objects.target(item)
    return target.containers if target and target.pod else None


def environment(item: Item, objects: Objects) -> tuple[dict[str, str], bool]:
    """(The plain variables of the container KEDA reads, whether those are all)."""
    containers = _containers(item, objects)
    if not containers:
        return {}, False
    wanted = text(dig(item.spec, "scaleTargetRef", "envSourceContainerName")) or text(
        item.spec.get("envSourceContainerName")
    )
    container = next((each for each in containers if not wanted or each.get("name") == wanted), None)
    if container is None:
        return {}, False
    variables = [mapping(each) for each in sequence(container.get("env"))]
    plain = {text(each.get("name")): text(each.get("value")) for each in variables if "valueFrom" not in each}
    return plain, not container.get("envFrom") and len(plain) == len(variables)


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
            "is no container of the Job's template. KEDA could not build the scaler: no Job is ever made.",
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
                f"is no {kind} of namespace {item.namespace} here. KEDA would find nothing to scale: "
                "never Ready.",
                f"Write {guess}."
                if guess
                else f"Add the {kind}, or name one of: {', '.join(names[:5]) or 'none'}.",
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
        why = f"is no version that the API server serves. {overlooks}"
        report.add("target-not-scalable", (*at, "apiVersion"), version, why, "Write apps/v1.")
    elif group == "" and served == "v1" and kind in _CORE:
        why = "has no /scale subresource. KEDA would mark the ScaledObject not Ready."
        report.add("target-not-scalable", (*at, "kind"), kind, why, "Name a Deployment, say.", keda)
    else:
        report.add(
            "target-not-scalable",
            (*at, "kind"),
            kind,
            f"is no kind of {version}. KEDA's webhook would reject the object.",
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
                f"is no container of {target.ref}. KEDA would find no value there.",
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


def check_trigger_references(item: Item, objects: Objects, report: Report) -> None:
    """authenticationRef of each trigger: its kind, that it is there, that the scaler reads what it gives."""
    for index, trigger in triggers_of(item):
        reference = mapping(trigger.get("authenticationRef"))
        at: At = ("spec", "triggers", index, "authenticationRef")
        name, kind = text(reference.get("name")), text(reference.get("kind")) or AUTHENTICATIONS[0]
        if not name:
            continue
        if kind not in AUTHENTICATIONS:
            report.add(
                "unknown-authentication",
                (*at, "kind"),
                kind,
                "is no kind of authentication. KEDA only logs it, and the trigger runs without its secret.",
                f"Write {did_you_mean(kind, AUTHENTICATIONS) or AUTHENTICATIONS[0]}.",
            )
            continue
        found = _authentication_object(reference, item, objects)
        namespace = item.namespace if kind == AUTHENTICATIONS[0] else ""
        if found is None:
            others = [each.name for each in objects.of(kind, namespace)]
            if others or objects.has_workloads(item.namespace):
                other = AUTHENTICATIONS[1 - AUTHENTICATIONS.index(kind)]
                twin = objects.get("keda.sh", other, "" if namespace else item.namespace, name)
                guess = did_you_mean(name, others)
                fix = (
                    f"Write kind: {other}."
                    if twin
                    else f"Write {guess}."
                    if guess
                    else f"Add it, or name one of: {', '.join(others[:5]) or 'none'}."
                )
                place = f" of namespace {namespace}" if namespace else ""
                report.add(
                    "unknown-authentication",
                    (*at, "name"),
                    name,
                    f"is no {kind}{place} here. KEDA only logs it, and the trigger runs without its secret.",
                    fix,
                )
            continue
        _check_read(text(trigger.get("type")), trigger, found, at, report)


def _check_read(kind: str, trigger: Mapping[Any, Any], found: Item, at: At, report: Report) -> None:
    if kind not in scalers() or scalers()[kind].open:
        return
    read = {name for each in scalers()[kind].parameters if "auth" in each.sources for name in each.names}
    if not read:
        return
    given = [
        text(mapping(entry).get("parameter"))
        for key in ("secretTargetRef", "configMapTargetRef", "env")
        for entry in sequence(found.spec.get(key))
    ]
    # One TriggerAuthentication may serve several scalers: what matters is a trigger that reads nothing of it.
    if given and not set(given) & read:
        guess = next((close for name in given if (close := did_you_mean(name, read))), None)
        report.add(
            "unread-authentication",
            (*at, "name"),
            text(mapping(trigger.get("authenticationRef")).get("name")),
            f"gives {', '.join(sorted(set(given))[:5])}, and the {kind} scaler reads none of "
            "these. It runs without.",
            f"In {found.ref} write parameter: {guess}."
            if guess
            else f"It reads: {', '.join(sorted(read)[:12])}.",
        )


def check_secret_references(item: Item, objects: Objects, report: Report) -> None:
    """secretTargetRef and configMapTargetRef of a TriggerAuthentication: the object and its key."""
    if item.kind != AUTHENTICATIONS[0]:
        return  # a cluster-wide one reads from KEDA's own namespace
    for key, kind in (("secretTargetRef", "Secret"), ("configMapTargetRef", "ConfigMap")):
        for index, entry in enumerate(map(mapping, sequence(item.spec.get(key)))):
            at: At = ("spec", key, index)
            name, wanted = text(entry.get("name")), text(entry.get("key"))
            given = objects.get("", kind, item.namespace, name)
            if given is None:
                yielding = list(_made_by(objects, item.namespace, kind, name))
                others = [each.name for each in objects.of(kind, item.namespace)]
                if name and others and not yielding:
                    guess = did_you_mean(name, others)
                    report.add(
                        "unknown-secret",
                        (*at, "name"),
                        name,
                        f"is no {kind} of namespace {item.namespace} here. KEDA would take an empty text for "
                        "it.",
                        f"Write {guess}." if guess else f"Add it, or name one of: {', '.join(others[:5])}.",
                    )
                continue
            keys = [
                str(each)
                for part in ("data", "stringData", "binaryData")
                for each in mapping(given.manifest.get(part))
            ]
            if wanted and wanted not in keys:
                guess = did_you_mean(wanted, keys)
                report.add(
                    "unknown-secret",
                    (*at, "key"),
                    wanted,
                    f"is no key of {given.ref}. KEDA would take an empty text for it.",
                    f"Write {guess}." if guess else f"Its keys: {', '.join(keys[:8]) or 'none'}.",
                )


def _made_by(objects: Objects, namespace: str, kind: str, name: str) -> Iterator[Item]:
    """Objects that make the Secret in the cluster: ExternalSecret, SealedSecret, Certificate."""
    if kind != "Secret":
        return
    for maker in ("ExternalSecret", "SealedSecret", "Certificate", "VaultStaticSecret"):
        for each in objects.of(maker, namespace):
            made = (
                dig(each.spec, "target", "name"),
                each.spec.get("secretName"),
                dig(each.spec, "destination", "name"),
                each.name,
            )
            if name in made:
                yield each


def pod_requests(workload: Item) -> dict[str, Decimal]:
    """What one pod requests, by resource, in base units; a limit counts where there is no request."""
    total: dict[str, Decimal] = {}
    for container in workload.containers:
        asked = dict(mapping(dig(container, "resources", "limits"))) | dict(
            mapping(dig(container, "resources", "requests"))
        )
        for resource, amount in asked.items():
            try:
                total[str(resource)] = total.get(str(resource), Decimal(0)) + parse_quantity(str(amount))
            except ValueError:
                continue
    return total

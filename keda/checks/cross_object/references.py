"""What a trigger refers to, over the objects given: its credentials and its environment.

What is not among the objects may still be in the cluster: a reference is called missing only where objects of
its sort and namespace are given.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from keda.checks.admission.scaled_object import triggers_of
from keda.checks.findings import Report
from keda.core.errors import did_you_mean, is_secret_key
from keda.manifests.objects import Item, Objects
from keda.manifests.reading import At, dig, mapping, sequence, text
from keda.scalers.parser import scalers
from keda.syntax.quantity import parse_quantity

AUTHENTICATIONS = ("TriggerAuthentication", "ClusterTriggerAuthentication")


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


def credentials(parameter: str, name: str = "") -> str:
    """The TriggerAuthentication that gives a parameter, in words."""
    entry = f"{{parameter: {parameter}, name: <Secret>, key: <key in it>}}"
    return f"a TriggerAuthentication{f' {name}' * bool(name)} with secretTargetRef: [{entry}]"


def _wanted(scaler: str, kind: str, name: str) -> str:
    """The authentication that a trigger of this type waits for."""
    read = (
        [each for each in scalers()[scaler].parameters if "auth" in each.sources]
        if scaler in scalers()
        else []
    )
    first = next((each.name for each in read if each.required or is_secret_key(each.name)), "")
    return credentials(first, name).replace("TriggerAuthentication", kind, 1) if first else f"the {kind}"


def add_or_name(what: str, names: list[str]) -> str:
    return f"Add {what}, or name one of: {', '.join(names[:5])}." if names else f"Add {what}."


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
                "is not a kind of authentication. KEDA only logs it, and the trigger runs "
                "without its secret.",
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
                    else add_or_name(_wanted(text(trigger.get("type")), kind, name), others)
                )
                place = f" of namespace {namespace}" if namespace else ""
                report.add(
                    "unknown-authentication",
                    (*at, "name"),
                    name,
                    f"is not a {kind}{place} here. KEDA only logs it, and the trigger runs without its "
                    "secret.",
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
                        f"is not a {kind} of namespace {item.namespace} here. KEDA would use an empty string "
                        "instead.",
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
                    f"is not a key of {given.ref}. KEDA would use an empty string instead.",
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

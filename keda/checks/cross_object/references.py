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

from keda.checks.registry import (
    AUTHENTICATIONS,
    REFERENCES,
    SCALING,
    Problem,
    among_objects,
    error,
    warning,
)
from keda.checks.scaling import SPEC, holds_unknown, triggers_of
from keda.core.errors import did_you_mean, is_secret_key
from keda.manifests.declared import UNKNOWN
from keda.manifests.objects import Item, Objects
from keda.manifests.reading import At, dig, mapping, sequence, text
from keda.scalers.facts import scalers
from keda.syntax.quantity import parse_quantity


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
    if found is None or holds_unknown(found.manifest.get("spec")):
        return Authentication(complete=False)
    parameters: dict[str, str | None] = {}
    for key, kind in (("configMapTargetRef", "ConfigMap"), ("secretTargetRef", "Secret")):
        for entry in map(mapping, sequence(found.spec.get(key))):
            given = (
                objects.get("", kind, item.namespace, text(entry.get("name"))) if found.namespace else None
            )
            value = _data(given, text(entry.get("key"))) if given else None
            # What a controller adds is not known here.
            known = value or (given is not None and objects.has_every_key(given))
            parameters[text(entry.get("parameter"))] = value if known else None
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


def reads_unknown(trigger: object, item: Item, objects: Objects) -> bool:
    """Whether a trigger's credentials are, or may be, in an object that is not known yet."""
    reference = mapping(dig(trigger, "authenticationRef"))
    if not reference.get("name"):
        return False
    found = _authentication_object(reference, item, objects)
    return objects.unidentified(*AUTHENTICATIONS) or (
        found is not None and holds_unknown(found.manifest.get("spec"))
    )


def _data(given: Item, key: str) -> str | None:
    """A value of a Secret or ConfigMap; "" if the key is not there, as KEDA has it."""
    if UNKNOWN in (given.manifest.get("data"), given.manifest.get("stringData")):
        return None
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


def _containers(item: Item, objects: Objects) -> list[Mapping[Any, Any]]:
    """The containers whose environment KEDA may read; none where that is not known."""
    if item.kind == "ScaledJob":
        found = dig(item.spec, "jobTargetRef", "template", "spec", "containers")
    else:
        target = objects.target(item)
        found = target.pod.get("containers") if target else None
    return [] if holds_unknown(found) else [mapping(each) for each in sequence(found)]


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


UNKNOWN_AUTHENTICATION = error(
    "unknown-authentication",
    REFERENCES,
    summary="An authenticationRef to an object that does not exist",
    why=(
        "Reported only where objects of the namespace are given. KEDA logs it and runs the trigger "
        "without its secret."
    ),
    passes="authenticationRef: {name: rabbitmq}   # a TriggerAuthentication of the same namespace",
    ignorable=True,
    see="secrets.md",
)
UNREAD_AUTHENTICATION = warning(
    "unread-authentication",
    REFERENCES,
    summary="A TriggerAuthentication whose parameters the scaler does not read",
    why=(
        "`parameter` is the scaler's own name for the value (host, password, connection …). An unknown "
        "name is ignored."
    ),
    passes="secretTargetRef: [{parameter: host, name: rabbitmq, key: uri}]",
)


@among_objects(*SCALING)
def trigger_references(item: Item, objects: Objects) -> Iterator[Problem]:
    """authenticationRef of each trigger: its kind, that it is there, that the scaler reads what it gives."""
    for index, trigger in triggers_of(item):
        reference = mapping(trigger.get("authenticationRef"))
        at: At = (*SPEC, "triggers", index, "authenticationRef")
        name, kind = text(reference.get("name")), text(reference.get("kind")) or AUTHENTICATIONS[0]
        if not name or reference.get("kind") is UNKNOWN:
            continue
        if kind not in AUTHENTICATIONS:
            yield UNKNOWN_AUTHENTICATION.found(
                (*at, "kind"),
                kind,
                "is not a kind of authentication. KEDA only logs it, and the trigger runs without its "
                "secret.",
                f"Write {did_you_mean(kind, AUTHENTICATIONS) or AUTHENTICATIONS[0]}.",
            )
        elif found := _authentication_object(reference, item, objects):
            yield from _unread(text(trigger.get("type")), reference, found, at)
        else:
            yield from _unknown_authentication(item, objects, trigger, at)


def _unknown_authentication(
    item: Item, objects: Objects, trigger: Mapping[Any, Any], at: At
) -> Iterator[Problem]:
    reference = mapping(trigger.get("authenticationRef"))
    name, kind = text(reference.get("name")), text(reference.get("kind")) or AUTHENTICATIONS[0]
    namespace = item.namespace if kind == AUTHENTICATIONS[0] else ""
    others = [each.name for each in objects.of(kind, namespace)]
    if not (others or objects.has_workloads(item.namespace)) or objects.may_exist(kind, namespace, name):
        return
    other = AUTHENTICATIONS[1 - AUTHENTICATIONS.index(kind)]
    twin = objects.get("keda.sh", other, "" if namespace else item.namespace, name)
    guess = did_you_mean(name, others)
    place = f" of namespace {namespace}" if namespace else ""
    yield UNKNOWN_AUTHENTICATION.found(
        (*at, "name"),
        name,
        f"is not a {kind}{place} here. KEDA only logs it, and the trigger runs without its secret.",
        f"Write kind: {other}."
        if twin
        else f"Write {guess}."
        if guess
        else add_or_name(_wanted(text(trigger.get("type")), kind, name), others),
    )


def _unread(kind: str, reference: Mapping[Any, Any], found: Item, at: At) -> Iterator[Problem]:
    if kind not in scalers() or scalers()[kind].open:
        return
    read = {name for each in scalers()[kind].parameters if "auth" in each.sources for name in each.names}
    sources = [found.spec.get(key) for key in ("secretTargetRef", "configMapTargetRef", "env")]
    given = [dig(entry, "parameter") for source in sources for entry in sequence(source)]
    # One TriggerAuthentication may serve several scalers: what matters is a trigger that reads nothing of it.
    names = list(dict.fromkeys(map(text, given)))
    if not read or not given or UNKNOWN in [*sources, *given] or not read.isdisjoint(names):
        return
    guess = next((close for name in names if (close := did_you_mean(name, read))), None)
    yield UNREAD_AUTHENTICATION.found(
        (*at, "name"),
        text(reference.get("name")),
        f"gives {', '.join(sorted(names)[:5])}, and the {kind} scaler reads none of these. It runs without.",
        f"In {found.ref} write parameter: {guess}."
        if guess
        else f"It reads: {', '.join(sorted(read)[:12])}.",
    )


@error(
    "unknown-secret",
    REFERENCES,
    summary="A Secret, ConfigMap or key that does not exist",
    why=(
        "Reported only where objects of that kind and namespace are given. KEDA uses an empty string "
        "instead (scale_resolvers.go:622)."
    ),
    passes="secretTargetRef: [{parameter: host, name: rabbitmq, key: uri}]   # Secret rabbitmq has that key",
    ignorable=True,
    see="secrets.md",
).among("TriggerAuthentication")
def unknown_secret(item: Item, objects: Objects) -> Iterator[Problem]:
    """secretTargetRef and configMapTargetRef: the object and its key. (A ClusterTriggerAuthentication reads
    from KEDA's own namespace.)"""
    for key, kind in (("secretTargetRef", "Secret"), ("configMapTargetRef", "ConfigMap")):
        for index, entry in enumerate(map(mapping, sequence(item.spec.get(key)))):
            at: At = (*SPEC, key, index)
            name = text(entry.get("name"))
            if given := objects.get("", kind, item.namespace, name):
                if objects.has_every_key(given):
                    yield from _missing_key(item, objects, entry, given, at)
            elif name:
                yield from _missing_object(item, objects, kind, name, at)


def _missing_object(item: Item, objects: Objects, kind: str, name: str, at: At) -> Iterator[Problem]:
    others = [each.name for each in objects.of(kind, item.namespace)]
    if others and not objects.may_exist(kind, item.namespace, name):
        guess = did_you_mean(name, others)
        yield Problem(
            (*at, "name"),
            name,
            f"is not a {kind} of namespace {item.namespace} here. KEDA would use an empty string instead.",
            f"Write {guess}." if guess else f"Add it, or name one of: {', '.join(others[:5])}.",
        )


OPTIONAL_SECRET_KEY = warning(
    "optional-secret-key",
    REFERENCES,
    summary="A key of a Secret that does not exist, for an optional parameter",
    why=(
        "KEDA takes an empty string (scale_resolvers.go:622), and the scaler runs without the parameter: the "
        "object is Ready, and the value that somebody meant to give is not used."
    ),
    passes="secretTargetRef: [{parameter: address, name: redis, key: address}]   # Secret redis has that key",
    see="secrets.md",
)


def _missing_key(
    item: Item, objects: Objects, entry: Mapping[Any, Any], given: Item, at: At
) -> Iterator[Problem]:
    wanted = text(entry.get("key"))
    parts = [given.manifest.get(part) for part in ("data", "stringData", "binaryData")]
    keys = [str(each) for part in parts for each in mapping(part)]
    if wanted and wanted not in keys:
        guess = did_you_mean(wanted, keys)
        optional = _is_optional(text(entry.get("parameter")), item, objects)
        yield Problem(
            (*at, "key"),
            wanted,
            f"is not a key of {given.ref}. KEDA would use an empty string instead.",
            f"Write {guess}." if guess else f"Its keys: {', '.join(keys[:8]) or 'none'}.",
            rule=OPTIONAL_SECRET_KEY if optional else None,
        )


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


def _is_optional(parameter: str, authentication: Item, objects: Objects) -> bool:
    """Whether all triggers given that use the authentication can do without a parameter."""
    types = [
        text(trigger.get("type"))
        for kind in SCALING
        for each in objects.of(kind, authentication.namespace)
        for _, trigger in triggers_of(each)
        if text(dig(trigger, "authenticationRef", "name")) == authentication.name
    ]
    required = {
        name
        for kind in types
        if kind in scalers()
        for each in scalers()[kind].parameters
        if each.required
        for name in each.names
    }
    return bool(types) and parameter not in required

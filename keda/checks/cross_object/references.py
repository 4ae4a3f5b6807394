"""What a trigger or a TriggerAuthentication refers to: a reference is reported as missing only where objects
of its kind and namespace are given, and nothing unseen may make it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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
from keda.checks.scaling import SPEC, Trigger, triggers_of
from keda.checks.sources import authentication_object, credentials
from keda.core.errors import did_you_mean, is_secret_key
from keda.manifests.declared import UNKNOWN
from keda.manifests.objects import Item, Objects
from keda.manifests.reading import At, dig, mapping, sequence, text
from keda.scalers.facts import scalers


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
    """The fix of a missing reference, with up to five names that are there."""
    there = list(dict.fromkeys(names))[:5]
    return f"Add {what}, or name one of: {', '.join(there)}." if there else f"Add {what}."


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
    for trigger in triggers_of(item):
        reference = mapping(trigger.get("authenticationRef"))
        name, kind = text(reference.get("name")), text(reference.get("kind")) or AUTHENTICATIONS[0]
        if not name or reference.get("kind") is UNKNOWN:
            continue
        if kind not in AUTHENTICATIONS:
            yield UNKNOWN_AUTHENTICATION.found(
                (*trigger.at, "authenticationRef", "kind"),
                kind,
                "is not a kind of authentication.",
                f"Write {did_you_mean(kind, AUTHENTICATIONS) or AUTHENTICATIONS[0]}.",
                why="KEDA only logs it, and the trigger runs without its secret.",
            )
        elif found := authentication_object(reference, item, objects):
            yield from _unread(trigger, found)
        else:
            yield from _unknown_authentication(item, objects, trigger)


def _unknown_authentication(item: Item, objects: Objects, trigger: Trigger) -> Iterator[Problem]:
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
        (*trigger.at, "authenticationRef", "name"),
        name,
        f"is not a {kind}{place} here.",
        f"Write kind: {other}."
        if twin
        else f"Write {guess}."
        if guess
        else add_or_name(_wanted(trigger.type, kind, name), others),
        why="KEDA only logs it, and the trigger runs without its secret.",
    )


def _unread(trigger: Trigger, found: Item) -> Iterator[Problem]:
    if trigger.scaler is None or trigger.scaler.open:
        return
    read = {name for name, each in trigger.scaler.named.items() if "auth" in each.sources}
    sources = [found.spec.get(key) for key in ("secretTargetRef", "configMapTargetRef", "env")]
    given = [dig(entry, "parameter") for source in sources for entry in sequence(source)]
    # One TriggerAuthentication may serve several scalers: what matters is a trigger that reads nothing of it.
    names = list(dict.fromkeys(map(text, given)))
    if not read or not given or UNKNOWN in [*sources, *given] or not read.isdisjoint(names):
        return
    guess = next((close for name in names if (close := did_you_mean(name, read))), None)
    yield UNREAD_AUTHENTICATION.found(
        (*trigger.at, "authenticationRef", "name"),
        trigger.get("authenticationRef", "name"),
        f"gives {', '.join(sorted(names)[:5])}, and the {trigger.type} scaler reads none of these.",
        f"In {found.ref} write parameter: {guess}."
        if guess
        else f"It reads: {', '.join(sorted(read)[:12])}.",
        why="It runs without.",
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
    """secretTargetRef and configMapTargetRef: the object and its key. A ClusterTriggerAuthentication reads
    from KEDA's own namespace.
    """
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
            f"is not a {kind} of namespace {item.namespace} here.",
            f"Write {guess}." if guess else add_or_name("it", others),
            why="KEDA would use an empty string instead.",
        )


OPTIONAL_SECRET_KEY = warning(
    "optional-secret-key",
    REFERENCES,
    summary="A key of a Secret that does not exist, for an optional parameter",
    why=(
        "KEDA takes an empty string (scale_resolvers.go:622), and the scaler runs without the parameter: the "
        "object is Ready, and the value that was meant is not used."
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
        listed = f"Write one of its keys: {', '.join(keys[:8])}." if keys else "Add the key there."
        optional = _is_optional(text(entry.get("parameter")), item, objects)
        yield Problem(
            (*at, "key"),
            wanted,
            f"is not a key of {given.ref}.",
            f"Write {guess}." if guess else listed,
            rule=OPTIONAL_SECRET_KEY if optional else None,
            why="KEDA would use an empty string instead.",
        )


def _is_optional(parameter: str, authentication: Item, objects: Objects) -> bool:
    """Whether all triggers given that use the authentication can do without a parameter."""
    triggers = [
        trigger
        for kind in SCALING
        for each in objects.of(kind, authentication.namespace)
        for trigger in triggers_of(each)
        if text(trigger.get("authenticationRef", "name")) == authentication.name
    ]
    parameters = [each for trigger in triggers if trigger.scaler for each in trigger.scaler.parameters]
    return bool(triggers) and not any(each.required and parameter in each.names for each in parameters)

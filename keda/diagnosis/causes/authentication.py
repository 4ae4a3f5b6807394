"""The way to a trigger's credentials: authenticationRef, TriggerAuthentication, Secret or ConfigMap, key.

KEDA 2.19 only logs what is missing on it and goes on with an empty value (resolveAuthRef,
pkg/scaling/resolver/scale_resolvers.go); what a user sees is the scaler's complaint about that. Of a Secret
nothing but the names of its keys and the time of its last change is read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from keda.checks.sources import authentication_object
from keda.diagnosis.installation import Installation
from keda.diagnosis.wording import ago, clock, parse_time
from keda.diagnosis.workload import Workload
from keda.manifests.objects import Item
from keda.manifests.reading import dig, managed_fields, mapping, sequence, text

_HOLDERS = (("secretTargetRef", "Secret"), ("configMapTargetRef", "ConfigMap"))


class MissingLink(NamedTuple):
    """What is missing on the way."""

    sentence: str
    fix: str


class Reference(NamedTuple):
    """One parameter that comes from a key of a Secret or ConfigMap."""

    authentication: str
    parameter: str
    kind: str
    namespace: str
    name: str
    key: str


def broken_authentication(workload: Workload, keda: Installation) -> MissingLink | None:
    """The first link of a trigger's credentials that does not exist; None if all do, or are not seen."""
    objects, snapshot = workload.snapshot.objects, workload.snapshot
    for trigger in workload.triggers:
        reference = mapping(trigger.get("authenticationRef"))
        if not reference.get("name"):
            continue
        kind = text(reference.get("kind")) or "TriggerAuthentication"
        if authentication_object(reference, workload.item, objects) is None:
            if snapshot.known_absent(kind):
                return MissingLink(
                    f"the {kind} {text(reference.get('name'))} of its trigger {text(trigger.get('type'))} "
                    "does not exist, so KEDA reads it without credentials",
                    f"Create the {kind}, or correct authenticationRef.",
                )
            continue
        for each in references(workload, trigger, keda):
            where = f"{each.kind} {each.namespace}/{each.name}"
            if each.kind == "Secret" and keda.restricts_secrets and not _may_read(each, keda):
                return MissingLink(
                    f"KEDA may read Secrets of its own namespace only (KEDA_RESTRICT_SECRET_ACCESS), and "
                    f"{each.authentication} takes {each.parameter} from {where}",
                    "Move the Secret and a ClusterTriggerAuthentication to KEDA's namespace, or allow the "
                    "Secrets of the watched namespaces.",
                )
            holder = objects.get("", each.kind, each.namespace, each.name)
            if holder is None and snapshot.known_absent(each.kind):
                return MissingLink(
                    f"{where}, from which {each.authentication} takes {each.parameter}, does not exist",
                    f"Create it with the key {each.key}.",
                )
            keys = keys_of(holder)
            if keys is not None and each.key not in keys:
                return MissingLink(
                    f"{where} has no key {each.key}, from which {each.authentication} takes {each.parameter}",
                    f"Add the key; it has: {', '.join(sorted(keys)) or 'none'}.",
                )
    return None


def changed_since_built(workload: Workload, keda: Installation) -> Iterator[str]:
    """Secrets that are newer than the scaler, which goes on with the old value.

    It is built again only when the ScaledObject's spec changes, a read fails, or the operator starts
    (performGetScalersCache, pkg/scaling/scale_handler.go).
    """
    built = workload.event("KEDAScalersStarted")
    if built is None:
        return
    for trigger in workload.triggers:
        for each in references(workload, trigger, keda):
            holder = workload.snapshot.objects.get("", each.kind, each.namespace, each.name)
            changed = last_change(holder)
            if changed is not None and changed > built.last:
                at, since = clock(changed, workload.now), clock(built.last, workload.now)
                yield (
                    f"{each.kind} {each.namespace}/{each.name} changed at {at}, "
                    f"{ago(changed, workload.now)}; "
                    f"KEDA built the scaler at {since} and uses the old value until a read fails, the "
                    "ScaledObject's spec changes or the operator restarts"
                )


def references(workload: Workload, trigger: Mapping[Any, Any], keda: Installation) -> Iterator[Reference]:
    """Each parameter of a trigger that a Secret or ConfigMap gives."""
    reference = mapping(trigger.get("authenticationRef"))
    objects = workload.snapshot.objects
    found = authentication_object(reference, workload.item, objects) if reference.get("name") else None
    if found is None:
        return
    # A ClusterTriggerAuthentication has its Secrets in KEDA's namespace (util.GetClusterObjectNamespace).
    home = keda.operator.namespace if keda.operator else ""
    namespace = found.namespace or home
    for key, kind in _HOLDERS if namespace else ():
        for entry in map(mapping, sequence(found.spec.get(key))):
            yield Reference(
                f"{found.kind} {found.name}",
                text(entry.get("parameter")),
                kind,
                namespace,
                text(entry.get("name")),
                text(entry.get("key")),
            )


def keys_of(holder: Item | None) -> set[str] | None:
    """The names of its keys: from its data, or where only metadata was read from managedFields."""
    if holder is None:
        return None
    given = [mapping(holder.manifest.get(part)) for part in ("data", "stringData", "binaryData")]
    if any(given):
        return {text(key) for part in given for key in part}
    entries = managed_fields(holder.manifest)
    owned = {
        text(key)[2:]
        for entry in entries
        for key in mapping(dig(entry, "fieldsV1", "f:data"))
        if text(key).startswith("f:")
    }
    return owned if entries else None


def last_change(holder: Item | None) -> datetime | None:
    """When its data was last written, as far as managedFields have it."""
    times = [
        parse_time(entry.get("time"))
        for entry in (managed_fields(holder.manifest) if holder else ())
        if "f:data" in mapping(entry.get("fieldsV1"))
    ]
    return max(filter(None, times), default=None)


def _may_read(reference: Reference, keda: Installation) -> bool:
    return keda.operator is not None and reference.namespace == keda.operator.namespace

"""Manifests read as they come: every function answers, whatever JSON it is given."""

from collections.abc import Iterator, Mapping
from typing import Any

from keda.manifests.declared import UNKNOWN, Actor, ObjectRef

Manifest = Mapping[Any, Any]
At = tuple[str | int, ...]
"""The path of a value within its manifest, as keys and indexes."""


def unlisted(manifest: object) -> Iterator[Manifest]:
    """The manifest itself, or the items of a List, which may leave out their own kind."""
    pending = [manifest]
    while pending:
        current = mapping(pending.pop())
        kind, inner = current.get("kind"), current.get("items")
        if isinstance(kind, str) and kind.endswith("List") and isinstance(inner, list):
            own = (
                {}
                if kind == "List"
                else {"apiVersion": current.get("apiVersion"), "kind": kind.removesuffix("List")}
            )
            pending += [
                own | {k: v for k, v in mapping(item).items() if v is not None} for item in reversed(inner)
            ]
        else:
            yield current


def ref(api_version: object, kind: object, namespace: object, name: object) -> ObjectRef | None:
    """An object's identity, or None if it is malformed or not known yet. No namespace is `default`."""
    namespace = or_default(namespace, "default")
    if not (isinstance(api_version, str) and isinstance(kind, str) and isinstance(namespace, str)):
        return None
    if not isinstance(name, str) or not name:
        return None
    group, slash, _ = api_version.partition("/")
    return ObjectRef(group if slash else "", kind, namespace, name)


def identity(manifest: Manifest) -> ObjectRef | None:
    """The object's group, kind, namespace and name; None if one is not a string."""
    metadata = mapping(manifest.get("metadata"))
    return ref(
        manifest.get("apiVersion"), manifest.get("kind"), metadata.get("namespace"), metadata.get("name")
    )


def annotation(manifest: Manifest, key: str) -> object:
    """The annotation, None if it is not there, or UNKNOWN."""
    annotations = dig(manifest, "metadata", "annotations")
    return UNKNOWN if annotations is UNKNOWN else mapping(annotations).get(key)


def owner_references(manifest: Manifest) -> list[Manifest]:
    """metadata.ownerReferences, empty if there are none."""
    return [mapping(reference) for reference in sequence(dig(manifest, "metadata", "ownerReferences"))]


def managed_fields(manifest: Manifest) -> list[Manifest]:
    """metadata.managedFields, empty if there are none."""
    return [mapping(entry) for entry in sequence(dig(manifest, "metadata", "managedFields"))]


def belongs_to(manifest: Manifest) -> frozenset[Actor]:
    """The objects this one was made by, by its ownerReferences."""
    return frozenset(
        (text(reference.get("kind")), text(reference.get("name"))) for reference in owner_references(manifest)
    )


def dig(value: object, *keys: str | int) -> Any:
    """What is at a path; None if it leads nowhere, UNKNOWN if it leads through what is not known yet."""
    for key in keys:
        if type(value) is dict:  # nearly always, and much faster
            value = value.get(key)
        elif value is None or value is UNKNOWN:
            return value
        elif isinstance(key, int):
            value = value[key] if isinstance(value, list) and -len(value) <= key < len(value) else None
        else:
            value = mapping(value).get(key)
    return value


def mapping(value: object) -> Manifest:
    """`value`, or an empty mapping if it is not one."""
    if type(value) is dict:  # an abstract class is slow to ask
        return value
    return value if value is not None and isinstance(value, Mapping) else {}


def sequence(value: object) -> list[Any]:
    """`value`, or an empty list if it is not one."""
    return value if isinstance(value, list) else []


def text(value: object) -> str:
    """`value`, or "" if it is not a string."""
    return value if isinstance(value, str) else ""


def text_or(value: object, default: str) -> str | None:
    """`value`, `default` in place of nothing, or None if it is not a string."""
    value = or_default(value, default)
    return value if isinstance(value, str) else None


def or_default(value: object, default: str) -> object:
    """`value`, or `default` in place of None and ""."""
    return default if value is None or value == "" else value


def whole(value: object) -> int | None:
    """A whole number of 64 bits; Pulumi's JSON hands 3 over as 3.0."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63 else None

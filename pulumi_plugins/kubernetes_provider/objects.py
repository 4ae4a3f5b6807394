"""Pure functions on Kubernetes objects as dicts: names, annotations, which of our inputs a live one has."""

from __future__ import annotations

import copy
import random
import secrets
from collections.abc import Mapping
from typing import Any

from pulumi_plugins.kubernetes_provider.codec import Unknown, reveal

Object = dict[str, Any]

SERVER_METADATA = (
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "selfLink",
    "uid",
)
# SDK names of CRD schema keys, which contain dashes.
DASHED = {
    f"x_kubernetes_{name}": f"x-kubernetes-{name.replace('_', '-')}"
    for name in (
        "embedded_resource",
        "int_or_string",
        "list_map_keys",
        "list_type",
        "map_type",
        "preserve_unknown_fields",
        "validations",
    )
}
# State keys beside the live object, the released provider's.
INPUTS = "__inputs"
MANAGER = "__fieldManager"
INITIAL_API_VERSION = "__initialApiVersion"


def manifest(inputs: Mapping[str, Any]) -> Object:
    """The object to send for inputs: secrets revealed, SDK names undone, the server's metadata dropped."""
    made: Object = _rename(reveal(dict(inputs)))
    if isinstance(metadata := made.get("metadata"), dict):
        made["metadata"] = {key: value for key, value in metadata.items() if key not in SERVER_METADATA}
    made.pop("status", None)
    return made


def _rename(value: Any) -> Any:
    if isinstance(value, dict):
        return {DASHED.get(key, key): _rename(item) for key, item in value.items() if item is not None}
    return [_rename(item) for item in value] if isinstance(value, list) else value


def gvk_of_type(token: str) -> tuple[str, str]:
    """apiVersion and kind of a type such as `kubernetes:core/v1:Secret`."""
    _, module, kind = token.split(":", 2)
    return module.removeprefix("core/"), kind


def type_of(api_version: str, kind: str) -> str:
    """The type token of an apiVersion and kind."""
    return f"kubernetes:{api_version if '/' in api_version else 'core/' + api_version}:{kind}"


def identifier(obj: Mapping[str, Any]) -> str:
    """The resource id: `namespace/name`, or `name`."""
    metadata = obj["metadata"]
    return "/".join(part for part in (metadata.get("namespace"), metadata["name"]) if part)


def title(obj: Mapping[str, Any]) -> str:
    """For messages: `Deployment voice/pipeline`."""
    return f"{obj.get('kind')} {identifier(obj)}"


def annotation(obj: Mapping[str, Any], name: str) -> str:
    """The value of `pulumi.com/<name>`, or an empty string."""
    metadata = obj.get("metadata")
    annotations = metadata.get("annotations") if isinstance(metadata, Mapping) else None
    value = annotations.get(f"pulumi.com/{name}") if isinstance(annotations, Mapping) else None
    return str(value) if isinstance(value, (str, bool)) else ""


def is_true(obj: Mapping[str, Any], name: str) -> bool:
    """Whether an annotation of Pulumi's is `true`."""
    return annotation(obj, name).lower() == "true"


def is_patch(token: str, obj: Mapping[str, Any]) -> bool:
    """Whether a resource is a `…Patch` type: fields on an object that is someone else's."""
    return token.endswith("Patch") and not str(obj.get("kind", "")).endswith("Patch")


def is_crd(obj: Mapping[str, Any]) -> bool:
    """Whether the object is a CustomResourceDefinition."""
    return obj.get("kind") == "CustomResourceDefinition" and str(obj.get("apiVersion")).startswith(
        "apiextensions.k8s.io/"
    )


def field_manager() -> str:
    """A manager of a new object: random, as the released provider's, and kept in the state from then on.

    What a killed run has made and not recorded is therefore another manager's when the next run comes to it
    (provider/pkg/provider/provider.go, `fieldManagerName`).
    """
    return f"pulumi-kubernetes-{secrets.token_hex(4)}"


def autoname(obj: Object, logical: str, old: Mapping[str, Any], seed: bytes, proposed: str) -> None:
    """Names an object that the program has not named: as before, or `<logical>-<8 hex digits>`."""
    metadata = obj.setdefault("metadata", {})
    if isinstance(metadata, Unknown) or metadata.get("name") or metadata.get("generateName"):
        return
    old_name = (old.get("metadata") or {}).get("name") if is_true(old, "autonamed") else None
    digits = (
        "".join(random.Random(seed).choices("0123456789abcdef", k=8)) if seed else random.randbytes(4).hex()
    )
    metadata["name"] = old_name or proposed or f"{logical}-{digits}"
    if not isinstance(annotations := metadata.setdefault("annotations", {}), Unknown):
        annotations["pulumi.com/autonamed"] = "true"


def refreshed(inputs: Any, recorded: Any, live: Any) -> Any:
    """The inputs that describe a live object: a field keeps our spelling while its live value has not moved.

    Args:
        inputs: what the program said.
        recorded: what the API server made of it, as in the state.
        live: the object as it is now.
    """
    if recorded == live:
        return copy.deepcopy(inputs)
    if isinstance(inputs, dict) and isinstance(live, dict):
        was = recorded if isinstance(recorded, dict) else {}
        return {
            key: refreshed(value, was.get(key), live.get(key))
            for key, value in inputs.items()
            # Neither then nor now: write-only, as a Secret's stringData.
            if key in live or key not in was
        }
    if isinstance(inputs, list) and isinstance(live, list):
        was_list = recorded if isinstance(recorded, list) else []
        pairs = [
            refreshed(value, was_list[index] if index < len(was_list) else None, live[index])
            for index, value in enumerate(inputs)
            if index < len(live)
        ]
        return pairs + copy.deepcopy(live[len(inputs) :] if len(live) != len(was_list) else [])
    return copy.deepcopy(live)


def imported(live: Mapping[str, Any]) -> Object:
    """The inputs of an object that nobody described yet: all of it but what the server wrote."""
    made = manifest(copy.deepcopy(dict(live)))
    annotations = made["metadata"].get("annotations", {})
    for name in ("kubectl.kubernetes.io/last-applied-configuration", "deployment.kubernetes.io/revision"):
        annotations.pop(name, None)
    if not annotations:
        made["metadata"].pop("annotations", None)
    return made


# Managers whose fields an update takes over, by the beginning of their names and their operation (released:
# provider/pkg/await/await.go, `fixCSAFieldManagers`, by fluxcd/pkg/ssa, which compares prefixes).
TAKEN_OVER = (
    ("kubectl", "Apply"),
    ("kubectl", "Update"),
    ("before-first-apply", "Update"),
    ("pulumi-kubernetes", "Update"),
    ("pulumi-resource-kubernetes", "Update"),
)
# Exact names of what wrote an object by a plain create; a dry-run forces over these.
CREATORS = frozenset({"pulumi-kubernetes", "pulumi-kubernetes.exe", "pulumi-resource-kubernetes"})


def take_over_fields(live: Mapping[str, Any], manager: str) -> list[Object]:
    """The JSON patch that gives fields written by a Create or by kubectl to our server-side-apply manager.

    Without it a field that leaves the program would stay on the object: its creator would still own it.
    """
    ours: Object = {}
    others: list[Object] = []
    taken = False
    for entry in live["metadata"].get("managedFields", []):
        mine = entry["manager"] == manager and entry["operation"] == "Apply"
        theirs = any(
            entry["manager"].startswith(prefix) and entry["operation"] == operation
            for prefix, operation in TAKEN_OVER
        )
        if not entry.get("subresource") and (mine or theirs):
            taken = taken or not mine
            fields = _merged(ours.get("fieldsV1", {}), entry["fieldsV1"])
            ours = {**entry, "manager": manager, "operation": "Apply", "fieldsV1": fields}
        else:
            others.append(entry)
    if not taken:
        return []
    return [{"op": "replace", "path": "/metadata/managedFields", "value": [*others, ours]}]


def forced_by_origin(live: Mapping[str, Any], *, preview: bool) -> bool:
    """Whether an apply forces because of who wrote the object: nobody known, or in a dry-run its creator.

    A dry-run cannot take a creator's fields over first, so it would conflict with them.
    """
    entries = live["metadata"].get("managedFields") or []
    created = any(
        entry["manager"] in CREATORS and entry["operation"] == "Update" and not entry.get("subresource")
        for entry in entries
    )
    return not entries or (preview and created)


def _merged(left: Object, right: Object) -> Object:
    return {
        key: _merged(left.get(key, {}), right.get(key, {}))
        if key in left and key in right
        else (left | right)[key]
        for key in left | right
    }


def lookup(obj: Any, path: list[str | int]) -> tuple[bool, Any]:
    """Whether a path is there, and its value."""
    for step in path:
        if (
            isinstance(obj, dict)
            and step in obj
            or isinstance(obj, list)
            and isinstance(step, int)
            and step < len(obj)
        ):
            obj = obj[step]  # type: ignore[index]
        else:
            return False, None
    return True, obj


def ignore_fields(obj: Object, live: Object, paths: list[list[str | int]], manager: str) -> None:
    """Prepares an apply for `ignoreChanges`: another manager's field is left out, ours sent as it is live."""
    owners = {"ours": Object(), "theirs": Object()}
    for entry in live["metadata"].get("managedFields", []):
        key = "ours" if entry["manager"] == manager else "theirs"
        owners[key] = _merged(owners[key], entry.get("fieldsV1", {}))
    for path in paths:
        fields: list[str | int] = [f"f:{step}" for step in path]
        there, value = lookup(live, path)
        parent_there, parent = lookup(obj, path[:-1])
        if not parent_there or not isinstance(parent, dict):
            continue
        if lookup(owners["theirs"], fields)[0] and not lookup(owners["ours"], fields)[0]:
            parent.pop(path[-1], None)
        elif there:
            parent[path[-1]] = copy.deepcopy(value)

"""Who owns which fields of live objects, and giving them up (Kubernetes, "Server-Side Apply")."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from cli.kubectl import Kubectl

Object = dict[str, Any]


def live(kubectl: Kubectl, objects: Iterable[Object], namespace: str) -> list[Object]:
    """These objects as the cluster has them, with their managed fields; those that are gone are left out.

    Args:
        kubectl: of the cluster.
        objects: of which apiVersion, kind and metadata are read.
        namespace: of objects that name none; it does no harm to those that have none.

    Raises:
        CommandError: the cluster does not answer.
    """
    objects, there = list(objects), []
    # kubectl takes no object that names another namespace than -n; those that name none need it.
    for namespaced, place in ((True, []), (False, ["-n", namespace])):
        items = [item for item in objects if ("namespace" in item["metadata"]) is namespaced]
        if items:
            read = ["get", "-f", "-", *place, "--ignore-not-found", "--show-managed-fields", "-o", "json"]
            found = json.loads(kubectl.call(*read, stdin=bare_list(items)) or '{"items": []}')
            there += found.get("items", [found])
    return there


def made(deployment: Mapping[str, Any]) -> list[Object]:
    """Every object in a stack's state (`Engine.deployment`), with Pulumi's own keys (`__fieldManager`)."""
    outputs = [resource.get("outputs") or {} for resource in deployment.get("resources", [])]
    return [each for each in outputs if {"apiVersion", "kind", "metadata"} <= each.keys()]


def give_up(kubectl: Kubectl, item: Object, managers: Collection[str]) -> bool:
    """Removes the fields that these field managers alone set; whether there were any.

    Helm 3 creates and patches, so its entry in managedFields is an Update, which nothing can take back. Made
    an Apply, it is taken back by applying nothing in its name: what another manager set too stays.

    Args:
        kubectl: of the cluster.
        item: as the cluster has it, with its managed fields.
        managers: names of field managers.

    Raises:
        CommandError: somebody changed the object meanwhile, or the API server refuses.
    """
    fields = item["metadata"].get("managedFields") or []
    theirs = [each for each in fields if each["manager"] in managers and not each.get("subresource")]
    if not theirs:
        return False
    bare = json.dumps(bare_of(item))
    applied = [{**each, "operation": "Apply"} if each in theirs else each for each in fields]
    if applied != fields:
        patch = [
            {"op": "test", "path": "/metadata/resourceVersion", "value": item["metadata"]["resourceVersion"]},
            {"op": "replace", "path": "/metadata/managedFields", "value": applied},
        ]
        kubectl.call("patch", "-f", "-", "--type=json", "-p", json.dumps(patch), stdin=bare)
    for manager in {each["manager"] for each in theirs}:
        kubectl.call("apply", "--server-side", f"--field-manager={manager}", "-f", "-", stdin=bare)
    return True


def identity(item: Mapping[str, Any]) -> tuple[str, str, str, str]:
    """API group, kind, namespace, name."""
    metadata = item["metadata"]
    group = item["apiVersion"].rpartition("/")[0]
    return group, item["kind"], metadata.get("namespace", ""), metadata["name"]


def title(item: Mapping[str, Any]) -> str:
    """`Kind namespace/name`."""
    metadata = item["metadata"]
    return f"{item['kind']} {'/'.join(filter(None, [metadata.get('namespace'), metadata['name']]))}"


def bare_of(item: Mapping[str, Any]) -> Object:
    """What names an object."""
    metadata = {key: item["metadata"][key] for key in ("name", "namespace") if key in item["metadata"]}
    return {"apiVersion": item["apiVersion"], "kind": item["kind"], "metadata": metadata}


def bare_list(items: Iterable[Mapping[str, Any]]) -> str:
    """What names these objects, as one document for kubectl."""
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": [bare_of(item) for item in items]})


def argument(item: Mapping[str, Any]) -> str:
    """An object as an argument of kubectl's."""
    group, kind, namespace, name = identity(item)
    resource = f"{kind}.{group}" if group else kind
    return f"{resource.lower()} {name}" + (f" -n {namespace}" if namespace else "")

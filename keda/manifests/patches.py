"""Kustomize's patches: strategic merge and JSON 6902.

Lists of containers, variables, volumes and ports are merged by name, as in Kubernetes' own types; those of a
custom resource (a ScaledObject's triggers) are replaced, since kustomize has no schema of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from keda.manifests.reading import mapping, sequence, text

_MERGED_BY: Mapping[str, str] = {
    "containers": "name",
    "initContainers": "name",
    "ephemeralContainers": "name",
    "env": "name",
    "volumes": "name",
    "imagePullSecrets": "name",
    "volumeMounts": "mountPath",
    "ports": "containerPort",
}
_BUILTIN = ("", "apps", "batch", "policy", "autoscaling", "networking.k8s.io")


def merged(manifest: Mapping[Any, Any], patch: Mapping[Any, Any]) -> dict[Any, Any] | None:
    """The manifest with a strategic merge patch; None if the patch deletes it."""
    if patch.get("$patch") == "delete":
        return None
    group, slash, _ = text(manifest.get("apiVersion")).partition("/")
    found: dict[Any, Any] = _merged(manifest, patch, builtin=(group if slash else "") in _BUILTIN)
    return found


def _merged(value: Any, patch: Any, *, builtin: bool, key: str = "") -> Any:
    if isinstance(patch, dict) and isinstance(value, Mapping):
        if patch.get("$patch") == "replace":
            return {name: inner for name, inner in patch.items() if name != "$patch"}
        done = dict(value)
        for name, inner in patch.items():
            if inner is None or mapping(inner).get("$patch") == "delete":
                done.pop(name, None)
            elif name != "$patch":
                done[name] = _merged(done.get(name), inner, builtin=builtin, key=str(name))
        return done
    by = _MERGED_BY.get(key, "") if builtin else ""
    if by and isinstance(patch, list) and isinstance(value, list):
        return _merged_list(value, patch, by)
    return _without_nulls(patch)


def _merged_list(value: list[Any], patch: list[Any], by: str) -> list[Any]:
    if any(mapping(each).get("$patch") == "replace" for each in patch):
        return [each for each in patch if "$patch" not in mapping(each)]
    done = list(value)
    for each in patch:
        at = next((i for i, old in enumerate(done) if mapping(old).get(by) == mapping(each).get(by)), None)
        if mapping(each).get("$patch") == "delete":
            if at is not None:
                del done[at]
        elif at is None:
            done.append(each)
        else:
            done[at] = _merged(done[at], each, builtin=True)
    return done


def _without_nulls(patch: Any) -> Any:
    if not isinstance(patch, dict):
        return patch
    return {name: _without_nulls(inner) for name, inner in patch.items() if inner is not None}


def operated(manifest: Mapping[Any, Any], operations: object) -> dict[Any, Any]:
    """The manifest with a JSON 6902 patch. An operation that does not fit changes nothing."""
    done: Any = dict(manifest)
    for operation in map(mapping, sequence(operations)):
        path, what = _pointer(operation.get("path")), operation.get("op")
        if what in ("move", "copy"):
            origin = _pointer(operation.get("from"))
            value = _at(done, origin)
            done = _changed(done, origin, None, "remove") if what == "move" else done
            done = _changed(done, path, value, "add")
        elif what in ("add", "replace", "remove"):
            done = _changed(done, path, operation.get("value"), what)
    return done if isinstance(done, dict) else dict(manifest)


def _pointer(path: object) -> list[str]:
    parts = text(path).split("/")[1:]
    return [part.replace("~1", "/").replace("~0", "~") for part in parts]


def _at(value: Any, path: list[str]) -> Any:
    for part in path:
        if isinstance(value, list):
            value = value[int(part)] if part.isdigit() and int(part) < len(value) else None
        else:
            value = mapping(value).get(part)
    return value


def _changed(value: Any, path: list[str], new: Any, what: str) -> Any:
    """A copy with one change; the value itself where the path leads nowhere."""
    if not path:
        return value if what == "remove" else new
    part, rest = path[0], path[1:]
    if isinstance(value, dict):
        if rest:
            return {**value, part: _changed(value[part], rest, new, what)} if part in value else value
        kept = {key: inner for key, inner in value.items() if key != part}
        return kept if what == "remove" else {**value, part: new}
    if isinstance(value, list):
        at = len(value) if part == "-" else int(part) if part.isdigit() else -1
        if rest and 0 <= at < len(value):
            return [*value[:at], _changed(value[at], rest, new, what), *value[at + 1 :]]
        if not rest and 0 <= at <= len(value):
            keep = value[at:] if what == "add" else value[at + 1 :]
            return [*value[:at], *([] if what == "remove" else [new]), *keep]
    return value

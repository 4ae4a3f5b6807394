"""What a kustomization.yaml changes of objects: namespace, names, labels, replicas, patches, replacements."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from keda.manifests.declared import UNKNOWN
from keda.manifests.given import Given
from keda.manifests.objects import NO_NAMESPACE
from keda.manifests.patches import merged, operated
from keda.manifests.reading import Manifest, dig, mapping, sequence, text

_CLUSTER_WIDE = NO_NAMESPACE | {
    *("ClusterRole", "ClusterRoleBinding", "StorageClass", "PersistentVolume", "PriorityClass"),
    *("IngressClass", "APIService", "ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"),
}
_NOT_RENAMED = ("CustomResourceDefinition", "Namespace", "APIService")
_REPLICATED = ("Deployment", "ReplicaSet", "ReplicationController", "StatefulSet")


def is_cluster_wide(kind: str) -> bool:
    """Whether a kind of Kubernetes or KEDA has no namespace."""
    return kind in _CLUSTER_WIDE


def in_namespace(given: Given, namespace: object) -> Given:
    """The object in the kustomization's namespace; cluster-scoped kinds stay as they are."""
    return given if is_cluster_wide(given.kind) else given.with_metadata(namespace=namespace)


class Patch(NamedTuple):
    """A patch and the objects that it is for: by `target`, or by the patch's own kind and name."""

    content: object
    target: Manifest

    def apply(self, given: Given) -> Given | None:
        """The patched object, the same one if the patch is not for it, or None if the patch deletes it."""
        if not self.is_for(given):
            return given
        if isinstance(self.content, list):
            return given._replace(manifest=operated(given.manifest, self.content))
        patch = dict(mapping(self.content))
        if self.target:  # its own name and kind only fill the form
            patch = {key: value for key, value in patch.items() if key not in ("apiVersion", "kind")}
            metadata = mapping(patch.get("metadata"))
            patch["metadata"] = {key: metadata[key] for key in metadata if key not in ("name", "namespace")}
        manifest = merged(given.manifest, patch)
        return None if manifest is None else given._replace(manifest=manifest)

    def is_for(self, given: Given) -> bool:
        """Whether the target, or the patch's own identity, matches the object under any of its names."""
        names = {given.name, *given.names}
        if not self.target:
            patch = mapping(self.content)
            metadata = mapping(patch.get("metadata"))
            group, slash, _ = text(patch.get("apiVersion")).partition("/")
            return (
                patch.get("kind") == given.kind
                and (group if slash else "") == given.group
                and metadata.get("name") in names
            )
        version = text(given.manifest.get("apiVersion")).rpartition("/")[2]
        own = {"group": {given.group}, "version": {version}, "kind": {given.kind}, "name": names}
        own["namespace"] = {text(dig(given.manifest, "metadata", "namespace"))}
        return all(_matches(self.target.get(key), values) for key, values in own.items()) and all(
            _selected(text(self.target.get(key)), dig(given.manifest, "metadata", where))
            for key, where in (("labelSelector", "labels"), ("annotationSelector", "annotations"))
        )


def _matches(pattern: object, values: set[str]) -> bool:
    if not isinstance(pattern, str) or not pattern:
        return True
    try:
        return any(re.fullmatch(pattern, value) for value in values)
    except re.error:
        return False


def _selected(selector: str, labels: object) -> bool:
    """Whether labels fit `a=b,c!=d,e,!f`."""
    given = mapping(labels)
    for part in filter(None, (each.strip() for each in selector.split(","))):
        key, operator, value = re.match(r"(!?[^=!\s]+)\s*(!?=?=?)\s*(.*)", part).groups()  # type: ignore[union-attr]
        if operator == "!=" and given.get(key) == value:
            return False
        if operator in ("=", "==") and given.get(key) != value:
            return False
        if not operator and (key.lstrip("!") in given) == key.startswith("!"):
            return False
    return True


def renamed(
    objects: list[Given], before: str, after: str, fields: list[tuple[str, str, list[str]]]
) -> list[Given]:
    """Names get a prefix and a suffix; so do references in its `configurations`."""
    kinds = {(each.kind, each.name) for each in objects if each.kind not in _NOT_RENAMED}
    done = []
    for each in objects:
        if each.kind not in _NOT_RENAMED and each.name:
            names = each.names | {each.name}
            each = each.with_metadata(name=f"{before}{each.name}{after}")._replace(names=names)
        for target, holder, path in fields:
            if not holder or holder == each.kind:
                changed = _renamed_at(
                    each.manifest, path, {n for k, n in kinds if k == target}, before, after
                )
                each = each._replace(manifest=changed)
        done.append(each)
    return done


def _renamed_at(value: Any, path: list[str], names: set[str], before: str, after: str) -> Any:
    if isinstance(value, list):
        return [_renamed_at(each, path, names, before, after) for each in value]
    if not path:
        return f"{before}{value}{after}" if value in names else value
    if not isinstance(value, dict) or path[0] not in value:
        return value
    return {**value, path[0]: _renamed_at(value[path[0]], path[1:], names, before, after)}


REFERENCES = [
    (kind, "HorizontalPodAutoscaler", ["spec", "scaleTargetRef", "name"])
    for kind in (*_REPLICATED, "ScaledObject")
]
"""Kustomize has the HPA's target, and nothing of KEDA's kinds."""


def labelled(given: Given, kustomization: Manifest) -> Given:
    """The object with labels and annotations of the kustomization; commonLabels reach its pods too."""
    common = mapping(kustomization.get("commonLabels"))
    own, pods = dict(common), dict(common)
    for each in map(mapping, sequence(kustomization.get("labels"))):
        own |= mapping(each.get("pairs"))
        if each.get("includeSelectors") or each.get("includeTemplates"):
            pods |= mapping(each.get("pairs"))
    metadata = mapping(given.manifest.get("metadata"))
    if own:
        given = given.with_metadata(labels={**mapping(metadata.get("labels")), **own})
    if annotations := mapping(kustomization.get("commonAnnotations")):
        given = given.with_metadata(annotations={**mapping(metadata.get("annotations")), **annotations})
    spec = given.manifest.get("spec")
    if pods and isinstance(spec, dict):
        return given._replace(manifest={**given.manifest, "spec": _labelled_pods(given.kind, spec, pods)})
    return given


def _labelled_pods(kind: str, spec: dict[Any, Any], labels: Mapping[Any, Any]) -> dict[Any, Any]:
    done = dict(spec)
    template = mapping(spec.get("template"))
    if template:
        metadata = mapping(template.get("metadata"))
        metadata = {**metadata, "labels": {**mapping(metadata.get("labels")), **labels}}
        done["template"] = {**template, "metadata": metadata}
    selector = spec.get("selector")
    if kind == "Service" and isinstance(selector, dict):
        done["selector"] = {**selector, **labels}
    elif template and isinstance(selector, dict):
        done["selector"] = {**selector, "matchLabels": {**mapping(selector.get("matchLabels")), **labels}}
    return done


def with_replicas(given: Given, counts: Mapping[str, int | None]) -> Given:
    """The object with its count of the kustomization's `replicas`, if it is a workload of that name."""
    count = next((counts[name] for name in (given.name, *given.names) if name in counts), None)
    if count is None or given.kind not in _REPLICATED:
        return given
    spec = {**mapping(given.manifest.get("spec")), "replicas": count}
    return given._replace(manifest={**given.manifest, "spec": spec})


def unknown_at(manifest: dict[Any, Any], paths: list[list[str]]) -> dict[Any, Any]:
    """The manifest with UNKNOWN at these paths; a list on the way stands for each of its entries."""
    done: Any = manifest
    for path in paths:
        done = _one_unknown(done, path)
    return done if isinstance(done, dict) else manifest


def _one_unknown(value: Any, path: list[str]) -> Any:
    if not path:
        return UNKNOWN
    if isinstance(value, dict):
        return {**value, path[0]: _one_unknown(value.get(path[0], {}), path[1:])}
    if isinstance(value, list):
        return [_one_unknown(each, path[1:]) for each in value]
    return UNKNOWN

"""A Pulumi resource, as the engine hands it over, read as the manifest it declares."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from keda.manifests.declared import Declared, ObjectRef
from keda.manifests.objects import NO_NAMESPACE
from keda.manifests.reading import mapping, text
from keda.ownership import TRANSFER_OWNERSHIP

WITHOUT_NAMESPACE = NO_NAMESPACE | {"GatewayClass"}
PROVIDER = "pulumi:providers:kubernetes"
WORKLOAD = "keda-homelab:workload:ScaledWorkload"
"""This project's component. It is registered before its ScaledObject, which waits for KEDA."""
RENDERERS = re.compile(
    r"kubernetes:(helm\.sh/v[34]:Chart|yaml(/v2)?:Config(Group|File)|kustomize(/v2)?:Directory)"
)
"""Components that register what they render. One of unknown inputs registers nothing in a preview."""
CUSTOM_PATCH = "kubernetes:apiextensions.k8s.io:CustomResourcePatch"
"""Its apiVersion and kind are those of the object that it patches."""
RELEASE = "kubernetes:helm.sh/v3:Release"
"""Helm makes its objects in the cluster: no policy is shown them."""

_PATH = re.compile(r'\["((?:[^"\\]|\\.)*)"\]|\[(\*|\d+)\]|([^.\[\]]+)')


@dataclass(frozen=True)
class Provider:
    """A resource's provider and its settings, with UNKNOWN for what a preview does not have."""

    urn: str
    name: str
    settings: Mapping[str, Any] = field(repr=False)  # a kubeconfig holds credentials


@dataclass(frozen=True)
class Resource:
    """A resource in plain data, UNKNOWN in place of what a preview does not have."""

    type: str
    urn: str
    name: str
    props: Any
    ignore_changes: tuple[str, ...] = ()
    parent: str = ""
    provider: Provider | None = None
    secrets: tuple[str, ...] = field(default=(), repr=False)
    """The texts among the properties that the program marked as secret."""


def declared(resource: Resource, cluster: str, *, state: bool = False) -> Declared | None:
    """The manifest a Kubernetes resource declares, at its URN; None for any other resource.

    `state`: the properties are the provider's answer (a stack policy's outputs) instead of the program's
    inputs. There `spec.replicas` is the live count, which nobody declared.
    """
    if not resource.type.startswith("kubernetes:"):
        return None
    manifest = _typed(resource.props, resource.type)
    manifest = _placed(manifest, resource.provider)
    manifest = _named(manifest, resource.name)
    if state or covered(resource.ignore_changes, "spec", "replicas"):
        manifest = _without_replicas(manifest)
    return Declared(manifest, resource.urn, cluster, held=not state and _held(resource))


def announced(resource: Resource, cluster: str) -> Declared | None:
    """The ScaledObject that a workload's component is going to register, as far as it decides who owns the
    target's replicas; None for anything else.
    """
    if resource.type != WORKLOAD:
        return None
    props = mapping(resource.props)
    if props.get("kind") != "ScaledObject":
        return None
    namespace, renamed = props.get("namespace"), text(props.get("renamed"))
    adopts = {TRANSFER_OWNERSHIP: "true"} if props.get("adopts") is True else {}
    manifest = {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"namespace": namespace, "name": props.get("name"), "annotations": adopts},
        "spec": {
            "scaleTargetRef": props.get("scaleTargetRef"),
            "advanced": {"horizontalPodAutoscalerConfig": {"name": props.get("hpa")}},
        },
    }
    old = ObjectRef("keda.sh", "ScaledObject", text(namespace), renamed) if renamed else None
    return Declared(manifest, resource.urn, cluster, replaces=old)


def is_patch(resource: Resource) -> bool:
    """Whether a resource writes some fields of an object that is declared elsewhere (`DeploymentPatch`)."""
    kind = resource.type.rpartition(":")[2]
    return (
        resource.type == CUSTOM_PATCH
        or kind.endswith("Patch")
        and mapping(resource.props).get("kind") in (None, kind[: -len("Patch")])
    )


def has_generated_name(resource: Resource) -> bool:
    """Whether the API server makes the object's name (metadata.generateName)."""
    metadata = mapping(mapping(resource.props).get("metadata"))
    return bool(metadata.get("generateName")) and metadata.get("name") in (None, "")


def covered(patterns: Iterable[str], *path: str) -> bool:
    """Whether one of Pulumi's property paths covers a field: `spec`, `spec["replicas"]`, `spec.*`, `*`."""
    for pattern in patterns:
        parts = [quoted or index or name for quoted, index, name in _PATH.findall(pattern)]
        short = 0 < len(parts) <= len(path)
        if short and all(part in ("*", key) for part, key in zip(parts, path, strict=False)):
            return True
    return False


def _held(resource: Resource) -> bool:
    """Whether Pulumi goes on to write an object. A policy is not given whether it would also delete it
    (retainOnDelete), but giving one up needs both options, and the message names both.
    """
    return not all(covered(resource.ignore_changes, key) for key in ("metadata", "spec"))


def _typed(manifest: Any, token: str) -> Any:
    """The manifest with the API version and kind of its type token, where a program left them out.

    `kubernetes:core/v1:Pod` is v1, `kubernetes:apps/v1:DeploymentPatch` writes fields of a Deployment.
    """
    if not isinstance(manifest, dict) or token.count(":") != 2:
        return manifest
    _, version, kind = token.split(":")
    implied = {"apiVersion": version.removeprefix("core/"), "kind": kind.removesuffix("Patch")}
    return implied | {key: value for key, value in manifest.items() if value is not None}


def _placed(manifest: Any, provider: Provider | None) -> Any:
    """The manifest in the namespace its provider gives to what names none (its setting `namespace`)."""
    namespace = provider.settings.get("namespace") if provider else None
    if not isinstance(manifest, dict) or not namespace or text(manifest.get("kind")) in WITHOUT_NAMESPACE:
        return manifest
    metadata = {} if (given := manifest.get("metadata")) is None else given
    if not isinstance(metadata, dict) or metadata.get("namespace") not in (None, ""):
        return manifest
    return manifest | {"metadata": metadata | {"namespace": namespace}}


def _named(manifest: Any, name: str) -> Any:
    """The manifest with a name in place of the one that the API server makes: nobody else can have it."""
    metadata = manifest.get("metadata") if isinstance(manifest, dict) else None
    if not isinstance(metadata, dict) or metadata.get("name") not in (None, ""):
        return manifest
    prefix = text(metadata.get("generateName"))
    return manifest | {"metadata": metadata | {"name": f"{prefix}<{name}>"}} if prefix else manifest


def as_whole(value: Any) -> Any:
    """A float without a fraction as the whole number it was written as."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _without_replicas(manifest: object) -> object:
    if not isinstance(manifest, dict) or not isinstance(spec := manifest.get("spec"), dict):
        return manifest
    return manifest | {"spec": {key: value for key, value in spec.items() if key != "replicas"}}


def kubeconfig_text(value: object) -> str:
    """A kubeconfig setting as a text: a path, or the contents, which may be given as an object."""
    return value if isinstance(value, str) else json.dumps(value) if isinstance(value, dict) else ""

"""A Pulumi resource, as the policy SDK hands it over, read as the manifest it declares."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pulumi_policy import PolicyProviderResource, PolicyResource, ResourceValidationArgs
from pulumi_policy.proxy import UnknownValueError

from keda.manifests.declared import UNKNOWN, Declared, ObjectRef
from keda.manifests.objects import NO_NAMESPACE
from keda.manifests.reading import mapping, text
from keda.ownership import TRANSFER_OWNERSHIP

WITHOUT_NAMESPACE = NO_NAMESPACE | {"GatewayClass"}
PROVIDER = "pulumi:providers:kubernetes"
WORKLOAD = "keda-homelab:workload:ScaledWorkload"
"""This project's component. It is registered before its ScaledObject, which waits for KEDA."""

Resource = ResourceValidationArgs | PolicyResource


@dataclass(frozen=True)
class Connection:
    """How a provider reaches its cluster: a kubeconfig (a path or its text) and a context, "" for the usual.

    `undecided` is one line where that is not known here, "" where it is.
    """

    kubeconfig: str = field(default="", repr=False)  # holds credentials
    context: str = ""
    undecided: str = ""


def declared(resource: Resource, *, state: bool = False) -> Declared | None:
    """The manifest a Kubernetes resource declares, at its URN; None for any other resource.

    `state` says that the properties are the provider's answer (a stack policy's outputs) instead of the
    program's inputs. There `spec.replicas` is the live count, which nobody declared.
    """
    if not resource.resource_type.startswith("kubernetes:"):
        return None
    manifest = _typed(plain(resource.props), resource.resource_type)
    manifest = _placed(manifest, resource.provider)
    if state or {"spec", "spec.replicas"} & set(resource.opts.ignore_changes):
        manifest = _without_replicas(manifest)
    return Declared(manifest, resource.urn, cluster_of(resource), held=not state and _held(resource))


def announced(resource: Resource, cluster: str) -> Declared | None:
    """The ScaledObject that a workload's component is going to register, as far as it decides who owns the
    target's replicas; None for anything else."""
    if resource.resource_type != WORKLOAD:
        return None
    props = mapping(plain(resource.props))
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


def _held(resource: Resource) -> bool:
    """Whether Pulumi goes on to write an object. A policy is not told whether it would also delete it
    (retainOnDelete), but whoever lets go of one needs both options, and the message asks for both."""
    return not {"metadata", "spec"} <= set(resource.opts.ignore_changes)


def _typed(manifest: Any, token: str) -> Any:
    """The manifest with the API version and kind of its type token, where a program left them out.

    `kubernetes:core/v1:Pod` is v1, `kubernetes:apps/v1:DeploymentPatch` writes fields of a Deployment.
    """
    if not isinstance(manifest, dict) or token.count(":") != 2:
        return manifest
    _, version, kind = token.split(":")
    implied = {"apiVersion": version.removeprefix("core/"), "kind": kind.removesuffix("Patch")}
    return implied | {key: value for key, value in manifest.items() if value is not None}


def _placed(manifest: Any, provider: PolicyProviderResource | None) -> Any:
    """The manifest in the namespace its provider gives to what names none (its setting `namespace`)."""
    namespace = plain(provider.props).get("namespace") if provider else None
    if not isinstance(manifest, dict) or not namespace or manifest.get("kind") in WITHOUT_NAMESPACE:
        return manifest
    metadata = {} if (given := manifest.get("metadata")) is None else given
    if not isinstance(metadata, dict) or metadata.get("namespace") not in (None, ""):
        return manifest
    return manifest | {"metadata": metadata | {"namespace": namespace}}


def plain(value: Any) -> Any:
    """Plain dicts and lists out of the SDK's proxies, with UNKNOWN for what a preview does not know.

    A proxy raises UnknownValueError at every touch of such a value, and the SDK turns that error into an
    advisory: the rule would end there, whatever its enforcement level.
    """
    if isinstance(value, Mapping):
        return {key: _item(value, key) for key in value}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_item(value, index) for index in range(len(value))]
    return value


def _item(container: Any, key: Any) -> Any:
    try:
        return plain(container[key])
    except UnknownValueError:
        return UNKNOWN


def _without_replicas(manifest: object) -> object:
    if not isinstance(manifest, dict) or not isinstance(spec := manifest.get("spec"), dict):
        return manifest
    return manifest | {"spec": {key: value for key, value in spec.items() if key != "replicas"}}


def cluster_of(resource: Resource) -> str:
    """Which cluster a resource's provider, or a provider itself, speaks to; "" is the current one.

    It is a digest: a kubeconfig is secret, and only equality matters.
    """
    provider = resource if resource.resource_type == PROVIDER else resource.provider
    if provider is None:
        return ""
    props = plain(provider.props)
    settings = [props.get(key) for key in ("kubeconfig", "context", "cluster")]
    if UNKNOWN in settings:
        return provider.urn
    return hashlib.sha256(repr(settings).encode()).hexdigest() if any(settings) else ""


def connection(resource: Resource) -> Connection | None:
    """How a resource's provider reaches its cluster; None where there is none, since it renders files."""
    props = plain(resource.provider.props) if resource.provider else {}
    if resource.provider is None or props.get("renderYamlToDirectory"):
        return None
    kubeconfig, context = (props.get(key) or "" for key in ("kubeconfig", "context"))
    name = f"The cluster of the provider {resource.provider.name} is not read:"
    if UNKNOWN in (kubeconfig, context):
        return Connection(undecided=f"{name} its kubeconfig is known only in the update.")
    if props.get("cluster"):
        return Connection(undecided=f"{name} it sets `cluster`. Set `context` instead.")
    return Connection(kubeconfig if isinstance(kubeconfig, str) else json.dumps(kubeconfig), context)

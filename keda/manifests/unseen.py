"""Objects that are in a cluster and not in the files: what a chart, a generator or an operator makes."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from typing import Any, NamedTuple

from keda.manifests.declared import UNKNOWN
from keda.manifests.reading import dig, mapping, text

UNKNOWN_NAMESPACE = "(unknown)"
"""Stands for a namespace that is filled in later."""

RENDERERS: Mapping[tuple[str, str], tuple[str, ...] | None] = {
    ("helm.toolkit.fluxcd.io", "HelmRelease"): ("targetNamespace",),
    ("helm.cattle.io", "HelmChart"): ("targetNamespace",),
    ("kustomize.toolkit.fluxcd.io", "Kustomization"): ("targetNamespace",),
    ("addons.cluster.x-k8s.io", "HelmChartProxy"): None,
    ("argoproj.io", "Application"): None,
    ("argoproj.io", "ApplicationSet"): None,
    ("fluxcd.controlplane.io", "ResourceSet"): None,
    ("fleet.cattle.io", "GitRepo"): None,
    ("fleet.cattle.io", "Bundle"): None,
    ("helm.crossplane.io", "Release"): None,
    ("kappctrl.k14s.io", "App"): None,
    ("kubernetes.crossplane.io", "Object"): None,
    ("kyverno.io", "ClusterPolicy"): None,
    ("operators.coreos.com", "Subscription"): None,
    ("packaging.carvel.dev", "PackageInstall"): None,
    ("skaffold", "Config"): None,
}
"""Kinds whose objects make any others, and the fields of their spec that name the namespace; None: any."""

_SECRETS_ONLY = ("Certificate", "Issuer", "ClusterIssuer")
_MAKE_NOTHING = frozenset(
    {
        *("ServiceMonitor", "PodMonitor", "PrometheusRule", "Probe", "ScrapeConfig", "GrafanaDashboard"),
        *("HTTPRoute", "GRPCRoute", "TCPRoute", "TLSRoute", "UDPRoute", "IngressRoute", "Middleware"),
        *("VirtualService", "DestinationRule", "ServiceEntry", "PeerAuthentication", "AuthorizationPolicy"),
        *("CiliumNetworkPolicy", "VerticalPodAutoscaler", "Consumer", "Stream", "KafkaTopic"),
        *("HelmRepository", "GitRepository", "OCIRepository", "Bucket", "AppProject", "Alert", "Provider"),
    }
)
_KINDS_OF_DATA = ("Secret", "ConfigMap")
_COPIERS = ("reflect", "replicat", "kubed", "generat", "inject", "config.kubernetes.io/managed")
"""Parts of the annotations by which a controller copies a Secret or fills it."""


class Unseen(NamedTuple):
    """What is known to be missing from the objects given.

    `incomplete`: a part was not given or not rendered. `unjudged`: true as soon as something could not be
    read. `elsewhere`: (kind, name) of what other parts of the same repository declare. `complete`: (kind,
    name) of the objects of Flux and Argo CD of which all is given that they make. `loose`: files of a folder,
    which nothing in it brings together.
    """

    incomplete: bool = False
    unjudged: object = None
    elsewhere: Container[tuple[str, str]] = frozenset()
    complete: Container[tuple[str, str]] = frozenset()
    loose: bool = False


def renders_into(group: str, kind: str, namespace: str, manifest: Mapping[Any, Any]) -> str | None:
    """The namespace for which an object makes others: "" for any, None if it makes none."""
    if (group, kind) not in RENDERERS:
        return None
    fields = RENDERERS[group, kind]
    if fields is None:
        return ""
    found = [dig(manifest, "spec", field) for field in fields]
    if UNKNOWN in found or namespace == UNKNOWN_NAMESPACE:
        return ""
    if group == "kustomize.toolkit.fluxcd.io":
        return next(filter(None, map(text, found)), "")
    return next(filter(None, map(text, found)), namespace)


def is_custom(group: str, kind: str) -> bool:
    """Whether an operator may make objects of it."""
    builtin = not group or "." not in group or group.endswith((".k8s.io", "keda.sh", ".toolkit.fluxcd.io"))
    return not builtin and kind not in _MAKE_NOTHING


def may_make(maker: str, maker_name: str, manifest: Mapping[Any, Any], kind: str, name: str) -> bool:
    """Whether a custom resource may make an object: it names it, or the name is derived from its own."""
    if maker in _SECRETS_ONLY and kind != "Secret":
        return False
    if maker_name and f"-{maker_name}-" in f"-{name.replace('.', '-')}-":
        return True
    return kind in _KINDS_OF_DATA and any(name == each for each in _texts(manifest.get("spec")))


def is_copied(manifest: Mapping[Any, Any]) -> bool:
    """Whether a controller copies the object to other namespaces, or fills it."""
    annotations = mapping(dig(manifest, "metadata", "annotations"))
    return any(part in str(key) for key in annotations for part in _COPIERS)


def _texts(value: object) -> Iterator[str]:
    pending = [value]
    while pending:
        current = pending.pop()
        if isinstance(current, dict):
            pending += current.values()
        elif isinstance(current, list):
            pending += current
        elif isinstance(current, str):
            yield current

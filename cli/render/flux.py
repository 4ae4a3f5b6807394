"""Flux's objects around the layers.

Sources: kustomize-controller docs/spec/v1/kustomizations.md (dependsOn, wait, healthCheckExprs,
deletionPolicy), fluxcd/pkg runtime/cel/status_evaluator.go (order of the expressions), helm-controller
docs/spec/v2/helmreleases.md (chartRef, driftDetection, RetryOnFailure).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cli.errors import CommandError
from cli.render.chart import NAME, reference
from cli.render.files import plain
from cli.render.layers import APPS, CONFIGS, CONTROLLERS, KEDA_GROUP, Layers, flat
from cli.render.program import Object
from components.gitops import GitOps

_INTERVAL, _RETRY = "1h", "2m"
_TIMEOUT = {CONTROLLERS: "10m"}
_API = f"{KEDA_GROUP}/v1alpha1"
_LABEL = 63
"""Characters of a label's value: Flux writes the name of a Kustomization as one."""
_MEDIA_TYPE = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"


def release(chart: Mapping[str, Any]) -> list[Object]:
    """The OCIRepository and the HelmRelease of KEDA's chart, in KEDA's namespace.

    Raises:
        CommandError: the chart is not in a registry.
    """
    metadata = {"name": NAME, "namespace": chart["namespace"]}
    source: dict[str, Any] = {
        "interval": _INTERVAL,
        "url": reference(chart),
        "ref": {"tag": chart["version"]},
        "layerSelector": {"mediaType": _MEDIA_TYPE, "operation": "copy"},
    }
    if chart.get("plainHttp"):
        source["insecure"] = True
    # By default helm-controller uninstalls a release whose first installation failed, and rolls back an
    # upgrade: KEDA would be gone for a while, and its finalizers would hang.
    retried = {"strategy": {"name": "RetryOnFailure", "retryInterval": _RETRY}}
    spec = {
        "interval": _INTERVAL,
        "releaseName": NAME,
        "chartRef": {"kind": "OCIRepository", "name": NAME},
        "install": retried,
        "upgrade": retried,
        "driftDetection": {"mode": "enabled"},
        "values": chart["values"],
    }
    return [
        {"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "OCIRepository", "metadata": metadata}
        | {"spec": source},
        {"apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease", "metadata": metadata}
        | {"spec": spec},
    ]


def kustomizations(layers: Layers, settings: GitOps, root: str) -> dict[str, Object]:
    """Flux's Kustomization of each layer, by the layer.

    Args:
        layers: the layers of the tree.
        settings: the section gitops.
        root: the tree's folder, from the root of what Flux syncs; "." is the root itself.

    Raises:
        CommandError: a name is too long.
    """
    return {layer: _kustomization(layer, settings, root) for layer in layers}


def component(targets: Sequence[tuple[str, str, str, str]]) -> dict[str, Any]:
    """A Kustomize component for the folders that apply the targets: Flux leaves their replicas to KEDA.

    Args:
        targets: (apiVersion, kind, namespace, name) of what the ScaledObjects scale.
    """
    ignored = [
        {"paths": ["/spec/replicas"], "target": {"kind": kind, "name": name, "namespace": namespace}}
        for _, kind, namespace, name in targets
    ]
    release = {
        "apiVersion": "helm.toolkit.fluxcd.io/v2",
        "kind": "HelmRelease",
        "metadata": {"name": "any"},
        "spec": {"driftDetection": {"ignore": ignored}},
    }
    patches = [({"group": "helm.toolkit.fluxcd.io", "kind": "HelmRelease"}, release)]
    for api_version, kind, namespace, name in targets:
        target = {"kind": kind, "name": name, "namespace": namespace}
        # A null removes the field where it is there, and is no error where it is not.
        without = {"apiVersion": api_version, "kind": kind, "metadata": {"name": name}}
        patches.append((target, without | {"spec": {"replicas": None}}))
    return {
        "apiVersion": "kustomize.config.k8s.io/v1alpha1",
        "kind": "Component",
        "patches": [{"target": target, "patch": plain(patch)} for target, patch in patches],
    }


def _kustomization(layer: str, settings: GitOps, root: str) -> Object:
    name = f"keda-{flat(layer)}"
    if len(name) > _LABEL:
        raise CommandError(
            f"{layer}: {name} is the name of its Kustomization, and Flux writes it as a label, which has "
            f"{_LABEL} characters at most. Nothing of it would be applied. Use a shorter namespace."
        )
    spec: dict[str, Any] = {
        "interval": _INTERVAL,
        "retryInterval": _RETRY,
        "timeout": _TIMEOUT.get(layer, "5m"),
        "path": f"./{layer}" if root == "." else f"./{root}/{layer}",
        "sourceRef": {"kind": settings.source.kind, "name": settings.source.name},
        "prune": True,
        "wait": True,
        "deletionPolicy": "Orphan" if settings.orphan else _DELETION.get(layer, "WaitForTermination"),
    }
    if layer != CONTROLLERS:
        # As in the program: after KEDA, whose webhook judges them. A dashboard holds no workload back.
        spec["dependsOn"] = [{"name": f"keda-{flat(CONTROLLERS)}"}]
    if layer.startswith(APPS):
        spec["healthCheckExprs"] = health_checks(settings.fallback == "failed")
    return {
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
        "kind": "Kustomization",
        "metadata": {"name": name, "namespace": settings.namespace or "flux-system"},
        "spec": spec,
    }


# What happens to the objects when the Kustomization itself is deleted. Without KEDA its finalizer would hang
# on every ScaledObject: so KEDA stays, as its CRDs outlive a `pulumi destroy`, and the workloads are waited
# for.
_DELETION = {CONTROLLERS: "Orphan", CONFIGS: "MirrorPrune"}


def health_checks(fallback_fails: bool) -> list[dict[str, str]]:
    """When KEDA's kinds are healthy, in CEL.

    Without these kstatus waits for Ready alone, and has no word for a fallback. A paused object is as it
    should be, whatever its target is. Ready False is in progress, since a target may come later; Flux reports
    it once its timeout is over. (KEDA 2.19: controllers/keda/scaledobject_controller.go.)
    """
    healthy = f"{_is('Ready')} || {_is('Paused')}"
    scaled_object = {"apiVersion": _API, "kind": "ScaledObject", "current": healthy}
    if fallback_fails:
        scaled_object["failed"] = _is("Fallback")
    return [scaled_object, {"apiVersion": _API, "kind": "ScaledJob", "current": healthy}]


def _is(condition: str) -> str:
    return f"status.conditions.exists(c, c.type == '{condition}' && c.status == 'True')"

"""Argo CD's objects around the layers: an Application for each, and a patch of its own configuration.

Sources: Argo CD docs/user-guide/diffing.md, sync-options.md, helm.md, docs/operator-manual/health.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cli.errors import CommandError
from cli.render.chart import NAME, reference
from cli.render.layers import CONTROLLERS, KEDA_GROUP, Layers, flat
from cli.render.program import Object
from components.gitops import GitOps
from components.platform import INJECTED

_SERVER = "https://kubernetes.default.svc"
# KEDA's CRDs are larger than the annotation that client-side apply writes. Their kinds are unknown before
# KEDA is there, and a sync that came too early is tried again.
_OPTIONS = ["ServerSideApply=true", "SkipDryRunOnMissingResource=true", "RespectIgnoreDifferences=true"]
_RETRY = {"limit": 10, "backoff": {"duration": "15s", "factor": 2, "maxDuration": "5m"}}


def applications(
    layers: Layers, settings: GitOps, root: str, chart: Mapping[str, Any] | None
) -> dict[str, Object]:
    """The Application of each layer, by the layer.

    Args:
        layers: the layers of the tree.
        settings: the section gitops.
        root: the tree's folder, from the root of the repository; "." is the root itself.
        chart: the inputs of KEDA's chart; None if its objects are files of the tree.

    Raises:
        CommandError: the repository is not set, or the chart is not in a registry.
    """
    if settings.repository is None:
        raise CommandError(
            "gitops.repository: missing, and required for Argo CD: each Application names the repository. "
            "Write repository: https://git.example.org/me/cluster.git."
        )
    return {layer: _application(layer, settings, root, chart) for layer in layers}


def configuration(targets: Sequence[tuple[str, str, str, str]], fallback_fails: bool) -> dict[str, Any]:
    """A patch of the ConfigMap argocd-cm: health of KEDA's kinds, and whose replicas are KEDA's.

    Args:
        targets: (apiVersion, kind, namespace, name) of what the ScaledObjects scale.
        fallback_fails: whether an active fallback is Degraded.
    """
    data = {
        f"resource.customizations.health.{KEDA_GROUP}_{kind}": _health(fallback_fails)
        for kind in ("ScaledJob", "ScaledObject")
    }
    paths: dict[str, list[str]] = {}
    for api_version, kind, namespace, name in targets:
        group = api_version.rpartition("/")[0]
        own = f'.metadata.namespace == "{namespace}" and .metadata.name == "{name}"'
        paths.setdefault(f"{group}_{kind}", []).append(f"select({own}) | .spec.replicas")
    for key, expressions in sorted(paths.items()):
        lines = "".join(f"- '{each}'\n" for each in expressions)
        data[f"resource.customizations.ignoreDifferences.{key}"] = f"jqPathExpressions:\n{lines}"
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "argocd-cm"}, "data": data}


def _application(layer: str, settings: GitOps, root: str, chart: Mapping[str, Any] | None) -> Object:
    path = layer if root == "." else f"{root}/{layer}"
    sources = [{"repoURL": settings.repository, "targetRevision": settings.revision, "path": path}]
    spec: dict[str, Any] = {"project": "default", "destination": {"server": _SERVER}}
    if layer == CONTROLLERS:
        if chart:
            sources.append(_chart(chart))
        # KEDA's operator writes its own CA there.
        spec["ignoreDifferences"] = [
            {"group": token.split(":")[1].split("/")[0], "kind": token.rpartition(":")[2]}
            | {"jqPathExpressions": [f".{path.replace('[*]', '[]?')}" for path in paths]}
            for token, paths in INJECTED.items()
        ]
    spec |= {"source": sources[0]} if len(sources) == 1 else {"sources": sources}
    spec["syncPolicy"] = {
        "automated": {"prune": True, "selfHeal": True},
        "retry": _RETRY,
        "syncOptions": _OPTIONS,
    }
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {
            "name": f"keda-{flat(layer)}",
            "namespace": settings.namespace or "argocd",
        },
        "spec": spec,
    }


def _chart(chart: Mapping[str, Any]) -> dict[str, Any]:
    """The chart as a source: an OCI registry is named without its scheme, the chart by its last part."""
    registry, _, name = reference(chart).removeprefix("oci://").rpartition("/")
    helm = {"releaseName": NAME, "valuesObject": chart["values"]}
    return {"repoURL": registry, "chart": name, "targetRevision": chart["version"], "helm": helm}


def _health(fallback_fails: bool) -> str:
    """Lua. Argo CD's own check suspends what is paused, and calls an active fallback Degraded."""
    fallback = """\
  if is["Fallback"] == "True" then
    return {status = "Degraded", message = message["Fallback"]}
  end
"""
    return f"""\
local is, message = {{}}, {{}}
if obj.status ~= nil and obj.status.conditions ~= nil then
  for _, condition in ipairs(obj.status.conditions) do
    is[condition.type], message[condition.type] = condition.status, condition.message
  end
{fallback if fallback_fails else ""}\
  if is["Ready"] == "True" or is["Paused"] == "True" then
    return {{status = "Healthy", message = message["Ready"]}}
  end
  if is["Ready"] == "False" then
    return {{status = "Degraded", message = message["Ready"]}}
  end
end
return {{status = "Progressing", message = "KEDA has not reconciled it yet"}}
"""

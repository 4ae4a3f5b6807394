"""Who installed the KEDA of a cluster, read from what each tool leaves on the objects.

Two owners of one KEDA undo each other, and a Helm release that is uninstalled takes KEDA's CRDs with it: they
are templates of the chart (templates/crds of chart 2.19.0) without `helm.sh/resource-policy: keep`.

Sources: Helm 3 pkg/action/validate.go (the two annotations) and pkg/storage/driver (labels of a stored
release); Flux helm-controller and kustomize-controller (labels `<group>/name` and `<group>/namespace` on
every object they apply); OLM (`olm.managed`, `olm.owner`, `operators.coreos.com/<package>.<namespace>`); Argo
CD (`tracking-id`).
The label `app.kubernetes.io/managed-by: Helm` proves nothing: the chart writes it wherever it is rendered.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Tool = Literal["helm", "flux", "olm", "argo-cd"]
Object = Mapping[str, Any]

RELEASE_NAME = "meta.helm.sh/release-name"
RELEASE_NAMESPACE = "meta.helm.sh/release-namespace"
PART_OF = "app.kubernetes.io/part-of=keda-operator"
"""Label selector of the Deployments that KEDA's chart makes."""
STORED = "owner=helm"
"""Label selector of the Secrets or ConfigMaps that hold Helm's releases."""
TAKEOVER = "KEDA_HOMELAB_TAKEOVER"
"""Environment variable: set to `namespace/release` in the `pulumi up` of `make takeover`, so that a preflight
lets it pass where it would stop any other."""

FLUX = {"helm.toolkit.fluxcd.io": "HelmRelease", "kustomize.toolkit.fluxcd.io": "Kustomization"}
"""API group of Flux's -> its kind. The controller of each labels what it applies with `<group>/name` and
`<group>/namespace`."""
_VERSION = "app.kubernetes.io/version"
_STEPS = "docs/takeover.md has the steps."


@dataclass(frozen=True)
class Installer:
    """The tool that installed KEDA, and the object by which that tool manages it."""

    tool: Tool
    kind: str
    """Release, HelmRelease, Kustomization, ClusterServiceVersion or Application."""
    name: str
    namespace: str
    version: str = ""
    """KEDA's, from the objects' labels; empty if they have none."""
    stored: bool | None = True
    """Whether a stored Helm release was found; None if nobody looked."""

    @property
    def title(self) -> str:
        """`HelmRelease keda/keda` or, without a namespace, `Application keda`."""
        return f"{self.kind} {'/'.join(part for part in (self.namespace, self.name) if part)}"

    def problem(self) -> str:
        """One line: what is there, what it would do, what to run."""
        version = f" {self.version}" if self.version else ""
        found = f"KEDA{version} is installed by {_TOOLS[self.tool]} ({self.title})."
        match self.tool:
            case "helm" if self.stored is False:
                return (
                    f"{found} The release is in no Secret and no ConfigMap: Helm keeps it elsewhere "
                    "(HELM_DRIVER=sql), or somebody deleted it. While it exists, `helm uninstall` deletes "
                    f"every ScaledObject. {_STEPS}"
                )
            case "helm":
                return (
                    f"{found} Two tools would write the same objects, and `helm uninstall` would delete the "
                    "CRDs and with them every ScaledObject. Run `make takeover CLUSTER=<context>`."
                )
            case "flux":
                return (
                    f"{found} Flux would write its own KEDA back, and its pruning deletes the CRDs and with "
                    f"them every ScaledObject. {_STEPS}"
                )
            case "olm":
                return f"{found} OLM would write its own KEDA back. {_STEPS}"
            case _:
                return (
                    f"{found} Argo CD would write its own KEDA back, and with the Application it would "
                    f"delete the CRDs and with them every ScaledObject. {_STEPS}"
                )


_TOOLS: Mapping[Tool, str] = {"helm": "Helm", "flux": "Flux", "olm": "OLM", "argo-cd": "Argo CD"}


def installed_by(objects: Iterable[Object], releases: Iterable[Object] | None = None) -> Installer | None:
    """The tool that installed KEDA; None if no tool left a mark (nothing is there, or it is this program's).

    Args:
        objects: KEDA's CRDs (group keda.sh) and the Deployments of `PART_OF`, as the API server has them.
        releases: Secrets and ConfigMaps of `STORED`, of all namespaces; None if they could not be listed.
    """
    marked = [found for each in objects if (found := _marked_by(each))]
    if not marked:
        return None
    # Flux runs Helm: its objects carry the marks of both.
    found = min(marked, key=lambda each: ("olm", "argo-cd", "flux", "helm").index(each.tool))
    version = found.version or next((each.version for each in marked if each.version), "")
    stored = None if releases is None else found.tool != "helm" or _is_stored(found, releases)
    return Installer(found.tool, found.kind, found.name, found.namespace, version, stored)


def release_of(objects: Iterable[Object]) -> tuple[str, str] | None:
    """(name, namespace) of the Helm release that made the objects, by Flux's hand too; None without one."""
    for each in objects:
        annotations = each["metadata"].get("annotations") or {}
        if RELEASE_NAME in annotations:
            return annotations[RELEASE_NAME], annotations.get(RELEASE_NAMESPACE, "")
    return None


def flux_owners(item: Object) -> Iterator[tuple[str, str, str]]:
    """(kind, namespace, name) of what of Flux's applied an object, by its labels; it may be gone."""
    labels = item["metadata"].get("labels") or {}
    for group, kind in FLUX.items():
        if name := labels.get(f"{group}/name"):
            yield kind, labels.get(f"{group}/namespace", ""), name


def _marked_by(item: Object) -> Installer | None:
    return next(_marks(item), None)


def _marks(item: Object) -> Iterator[Installer]:
    metadata = item["metadata"]
    labels, annotations = metadata.get("labels") or {}, metadata.get("annotations") or {}
    version = labels.get(_VERSION, "")
    for label in labels:
        if label == "olm.managed" or label.startswith(("olm.owner", "operators.coreos.com/")):
            namespace = labels.get("olm.owner.namespace", metadata.get("namespace", ""))
            name = labels.get("olm.owner", label.partition("/")[2].partition(".")[0] or "keda")
            yield Installer("olm", "ClusterServiceVersion", name, namespace, version)
    if tracked := annotations.get("argocd.argoproj.io/tracking-id"):
        yield Installer("argo-cd", "Application", tracked.partition(":")[0], "", version)
    for kind, namespace, name in flux_owners(item):
        yield Installer("flux", kind, name, namespace, version)
    if name := annotations.get(RELEASE_NAME):
        yield Installer("helm", "release", name, annotations.get(RELEASE_NAMESPACE, ""), version)


def _is_stored(installer: Installer, releases: Iterable[Object]) -> bool:
    return any((each["metadata"].get("labels") or {}).get("name") == installer.name for each in releases)

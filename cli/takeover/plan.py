"""What a takeover of Helm's KEDA finds, and its plan as text. Nothing here changes a cluster."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cli.errors import CommandError
from cli.fields import title
from cli.helm_release import Object, StoredRelease, stored
from cli.kubectl import Kubectl
from cli.takeover.refusals import KUSTOMIZATIONS, SCALED_JOBS, SCALED_OBJECTS, kustomization_of
from keda.core.errors import counted
from keda.manifests.installer import PART_OF, RELEASE_NAME, Installer, installed_by, release_of

KINDS: Mapping[str, str] = {
    SCALED_OBJECTS: "ScaledObject",
    SCALED_JOBS: "ScaledJob",
    "triggerauthentications.keda.sh": "TriggerAuthentication",
    "clustertriggerauthentications.keda.sh": "ClusterTriggerAuthentication",
    "cloudeventsources.eventing.keda.sh": "CloudEventSource",
    "clustercloudeventsources.eventing.keda.sh": "ClusterCloudEventSource",
}
"""KEDA's CRDs and their kinds."""

# k3s-io/helm-controller, pkg/controllers/chart: neither installs nor uninstalls a HelmChart that has it.
_K3S_LET_GO = "helmcharts.helm.cattle.io/unmanaged"


@dataclass(frozen=True)
class Found:
    """KEDA as the cluster has it.

    Attributes:
        owner: who installed it; None if no tool left a mark.
        marked: the CRDs and Deployments that carry marks of a Helm release.
        releases: the stored revisions of that release, the newest last; empty if none is stored.
        crds: KEDA's CRDs.
        objects: CRD name to the objects of that kind.
        kustomizations: (namespace, name) of each Kustomization of Flux's.
    """

    owner: Installer | None
    marked: Sequence[Object]
    releases: Sequence[StoredRelease]
    crds: Sequence[Object]
    objects: Mapping[str, Sequence[Object]]
    kustomizations: Collection[tuple[str, str]] = ()

    @property
    def release(self) -> StoredRelease:
        """The newest revision."""
        return self.releases[-1]

    def left_by_flux(self, item: Object) -> bool:
        """Whether a Kustomization applied an object, and is gone."""
        kustomization = kustomization_of(item)
        return kustomization is not None and kustomization not in self.kustomizations

    def uids(self) -> dict[str, str]:
        """`Kind namespace/name` to uid, of every object of KEDA's kinds."""
        return {title(item): item["metadata"]["uid"] for items in self.objects.values() for item in items}


def inspect(kubectl: Kubectl) -> Found:
    """Reads the cluster.

    Raises:
        CommandError: it does not answer, or a stored release cannot be read.
    """
    crds = kubectl.items("customresourcedefinitions", *KINDS, "--ignore-not-found")
    deployments = kubectl.items("deployments", "--all-namespaces", "-l", PART_OF)
    every = [*crds, *deployments]
    marked = [item for item in every if RELEASE_NAME in annotations_of(item)]
    key = release_of(marked)
    releases = stored(kubectl, *key) if key else []
    kustomizations = kubectl.items(KUSTOMIZATIONS, "--all-namespaces")
    return Found(
        _owner(every, [each.item for each in releases], kubectl),
        marked,
        releases,
        crds,
        {crd["metadata"]["name"]: kubectl.items(crd["metadata"]["name"], "--all-namespaces") for crd in crds},
        {(each["metadata"]["namespace"], each["metadata"]["name"]) for each in kustomizations},
    )


def check_owner(found: Found) -> None:
    """Whether KEDA is Helm's alone.

    Raises:
        CommandError: another tool would act on it again, or the release is not stored in the cluster.
    """
    assert found.owner
    if found.owner.tool != "helm" or not found.releases:
        raise CommandError(found.owner.problem())


def plan(found: Found, wanted: str, values: Sequence[str], folder: str) -> str:
    """What is there, what each step does, and what is not done.

    Args:
        found: the cluster, with at least one stored revision.
        wanted: the chart version of the stack.
        values: paths of the release's values that the stack does not set alike.
        folder: where backups go.
    """
    release = found.release
    version = release.chart["version"]
    same = version.partition("+")[0] == wanted  # Flux's helm-controller appends the artifact's digest
    revisions = counted(len(found.releases), "stored revision")
    counts = [counted(len(items), KINDS[crd]) for crd, items in found.objects.items() if items]
    flux = any(found.left_by_flux(item) for items in found.objects.values() for item in items)
    lines = [
        f"Found: Helm release {release.namespace}/{release.name}, chart keda-{version}, {release.status}",
        f"       {', '.join([revisions, counted(len(found.crds), 'CRD'), *counts])}",
        *(f"       {title(item)}{_scales(item)}" for crd in (SCALED_OBJECTS, SCALED_JOBS)
          for item in found.objects.get(crd, ())),
        "",
        f"1. Back up the stored release and every object of KEDA's kinds in {folder}.",
        f"2. Keep the CRDs: helm.sh/resource-policy: keep on them and in the {revisions}. From then on",
        "   `helm uninstall` deletes no ScaledObject.",
        "3. pulumi up: server-side apply over the same objects, "
        + (f"the same version {wanted}." if same else f"upgraded from {version} to {wanted}."),
        "4. Give up Helm's fields: what Helm alone set on these objects is removed, its annotations too.",
        *(["   The same with Flux's, on each object that a Kustomization left."] if flux else []),
        f"5. Forget the release: delete its {revisions}. Nothing is uninstalled.",
        "",
        "Left as they are: every ScaledObject, ScaledJob and authentication that the stack does not declare;",
        "objects of the release that the program does not make, which are named at the end.",
    ]  # fmt: skip
    if values:
        lines += [
            "",
            "KEDA runs without these values of the release, which the stack sets otherwise or not at all:",
            *(f"  {path}" for path in values),
            f"`helm get values {release.name} -n {release.namespace}` shows them. What is still needed goes "
            "into keda.values.",
        ]
    return "\n".join(lines)


def differing(values: Mapping[str, Any], effective: Mapping[str, Any], at: str = "") -> list[str]:
    """Paths of `given` whose value in `effective` is another. Paths alone: a value may be a secret."""
    paths = []
    for key, value in values.items():
        path, there = f"{at}.{key}".removeprefix("."), effective.get(key)
        if isinstance(value, Mapping) and value:
            paths += differing(value, there if isinstance(there, Mapping) else {}, path)
        elif value != there and value not in ({}, [], None, ""):
            paths.append(path)
    return paths


def annotations_of(item: Object) -> Mapping[str, str]:
    """The object's annotations."""
    return item["metadata"].get("annotations") or {}


def _owner(items: Sequence[Object], releases: Sequence[Object], kubectl: Kubectl) -> Installer | None:
    """Who installed KEDA. Flux's labels outlive its HelmRelease: then the release is Helm's alone."""
    found = installed_by(items, releases)
    if found and found.kind == "HelmRelease" and releases:
        place = ["-n", found.namespace, f"--field-selector=metadata.name={found.name}"]
        if not kubectl.items("helmreleases.helm.toolkit.fluxcd.io", *place):
            found = installed_by([_without_labels(item) for item in items], releases)
    if found and found.tool == "helm":
        for chart in kubectl.items("helmcharts.helm.cattle.io", "--all-namespaces"):
            into = chart["spec"].get("targetNamespace") or chart["metadata"]["namespace"]
            managed = _K3S_LET_GO not in annotations_of(chart)
            if managed and (into, chart["metadata"]["name"]) == (found.namespace, found.name):
                raise CommandError(
                    f"KEDA is installed by k3s (HelmChart {chart['metadata']['namespace']}/{found.name}). "
                    "k3s would install its own KEDA back. docs/takeover.md has the steps."
                )
    return found


def _without_labels(item: Object) -> Object:
    return {**item, "metadata": {**item["metadata"], "labels": {}}}


def _scales(item: Object) -> str:
    target = item["spec"].get("scaleTargetRef")
    return f" scales {target.get('kind', 'Deployment')} {target['name']}" if target else ""

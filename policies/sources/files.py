"""Owners that files declare: manifests, Kustomize folders, what Flux and Argo CD apply. As `keda check` reads
them: keda.manifests.repository.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from keda.guardrails.unknowns import stand_ins, unknown_reads
from keda.manifests.declared import Declared
from keda.manifests.files import Unjudged
from keda.manifests.given import Given
from keda.manifests.objects import items
from keda.manifests.reading import identity, unlisted
from keda.manifests.repository import groups_of
from keda.ownership import Owner, owners
from policies.sources.cluster import read_cluster

# What is rendered in the cluster: its objects are in no file.
_RENDERED_ELSEWHERE = {
    ("helm.toolkit.fluxcd.io", "HelmRelease"): "Flux renders its chart in the cluster",
    ("helm.cattle.io", "HelmChart"): "k3s renders its chart in the cluster",
    ("argoproj.io", "Application"): "Argo CD renders its source in the cluster",
}
_NOT_REMEMBERED = ("Secret", "ConfigMap")


def declared_elsewhere(
    manifests: Sequence[str], cluster: Mapping[str, str] | None, unread: list[str] | None = None
) -> list[Declared]:
    """The objects declared in files and directories, and those a live cluster holds.

    `manifests` are paths. Below a kustomization.yaml only what it lists counts. `cluster` is `context` and
    `kubeconfig`, each optional; None reads no cluster. Never raises for what it reads: `unread` gets a line
    for each thing that could not be read (path, why, what to do), which never holds a secret.
    """
    missed = unread if unread is not None else []
    found = [declared for path in manifests for declared in read_path(path, missed)]
    return found + (read_cluster(cluster, missed) if cluster is not None else [])


def read_path(path: str, unread: list[str]) -> Iterator[Declared]:
    """The objects of a file or directory, each `where` its document begins."""
    unjudged = Unjudged()
    for group in groups_of([path], unjudged):
        for given in group.objects:
            if given.kind not in _NOT_REMEMBERED:
                declared = Declared(given.manifest, f"{given.file}:{given.document.line}")
                if (given.kind, given.name) not in group.unseen.complete:
                    unread += _not_rendered(declared)
                unread += _not_known(given, declared)
                yield declared
    unread += [*unjudged.broken, *unjudged.templates.values()]
    for chart in unjudged.charts:
        unread.append(f"{chart}: a chart, not rendered. Give the output of `helm template {chart}`.")
    for each in dict.fromkeys(unjudged.remote):
        unread.append(f"{each} is not read, and nothing is fetched. Give the output of `kustomize build`.")
    unread += [f"{each}. Let the cluster be read." for each in unjudged.made]


def _not_rendered(declared: Declared) -> Iterator[str]:
    for manifest in unlisted(declared.manifest):
        source = identity(manifest)
        if source and (why := _RENDERED_ELSEWHERE.get((source.group, source.kind))):
            yield (
                f"{declared.where}: {source}: {why}, so its objects are not checked. Give the output of "
                "`helm template` with the same values, or let the cluster be read."
            )


def _not_known(given: Given, declared: Declared) -> Iterator[str]:
    """An owner whose name or target is filled in after the files are written."""
    for item in items(declared.manifest) if given.document.templates else ():
        paths = unknown_reads(item.manifest, lambda manifest: _owned(declared, manifest))
        named = [path for path in paths if path.startswith(("metadata.name", "spec.scaleTargetRef"))]
        if named and _owned(declared, next(stand_ins(item.manifest))):
            yield (
                f"{declared.where}: {item.ref}: {named[0]} is filled in in the cluster (${{…}}), so it is "
                "not checked. Give the output of `flux build kustomization`, or let the cluster be read."
            )


def _owned(declared: Declared, manifest: object) -> list[Owner]:
    return list(owners(declared._replace(manifest=manifest)))

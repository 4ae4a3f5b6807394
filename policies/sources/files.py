"""What declares owners besides the program: files, Flux and Kustomize trees, rendered charts, a cluster."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from keda.manifests.declared import Declared
from keda.manifests.documents import Unreadable, documents
from keda.manifests.reading import dig, identity, mapping, text, unlisted
from keda.ownership import owners
from policies.sources import kustomize
from policies.sources.cluster import read_cluster

SUFFIXES = (".yaml", ".yml", ".json")
# What is rendered in the cluster: its objects are in no file.
_RENDERED_ELSEWHERE = {
    ("helm.toolkit.fluxcd.io", "HelmRelease"): "Flux renders its chart in the cluster",
    ("helm.cattle.io", "HelmChart"): "k3s renders its chart in the cluster",
    ("argoproj.io", "Application"): "Argo CD renders its source in the cluster",
}


def declared_elsewhere(
    manifests: Sequence[str], cluster: Mapping[str, str] | None, unread: list[str] | None = None
) -> list[Declared]:
    """The objects declared in files and directories, and those a live cluster holds.

    `manifests` are paths. Below a kustomization.yaml only what it lists counts, as rendered by kustomize or
    kubectl if there is one. `cluster` is `context` and `kubeconfig`, each optional; None reads no cluster.
    Never raises for what it reads: `unread` gets a line for each thing that could not be read (path, why,
    what to do), which never holds a secret.
    """
    missed = unread if unread is not None else []
    found = [declared for path in manifests for declared in read_path(Path(path), missed)]
    return found + (read_cluster(cluster, missed) if cluster is not None else [])


def read_path(path: Path, unread: list[str]) -> list[Declared]:
    """The objects of a file or directory."""
    trees, files = _below(path)
    if not trees and not files:
        unread.append(f"{path}: there is no YAML or JSON file here. Give a manifest, or a folder of some.")
    found: list[tuple[Path, Declared]] = []
    for folder in trees:
        found += [(folder, each) for each in kustomize.render(folder, read_file, unread)]
    for file in files:
        found += [(file, each) for each in read_file(file, unread)]
    for _, each in found:
        unread += _not_rendered(each)
    return _in_flux_namespaces(found)


def read_file(file: Path, unread: list[str]) -> Iterator[Declared]:
    """The objects of one file, each `where` its document begins."""
    try:
        text = file.read_text("utf-8-sig")
    except OSError as error:
        unread.append(f"{file}: cannot be read: {error.strerror}.")
    except UnicodeDecodeError:
        unread.append(f"{file}: is not UTF-8 text. Give YAML or JSON.")
    else:
        yield from parse(text, str(file), unread)


def parse(text: str, where: str, unread: list[str]) -> Iterator[Declared]:
    """The objects of a text, each with `where` and its line; what is not YAML becomes a line of `unread`."""
    try:
        for document in documents(text):
            if mapping(document.value).get("kind") not in kustomize.OWN_NOTHING:
                yield Declared(document.value, f"{where}:{document.line}")
    except Unreadable as error:
        template = (
            " Is it a Helm template? Check the output of `helm template` instead." if "{{" in text else ""
        )
        unread.append(f"{where}:{error.line}: is not valid YAML for Kubernetes: {error.why}.{template}")


def _below(path: Path) -> tuple[list[Path], list[Path]]:
    """(Kustomize folders that no other one here refers to, files that stand for themselves)."""
    if not path.is_dir():
        return ([path.parent], []) if path.name in kustomize.NAMES else ([], [path] if path.exists() else [])
    hidden = len(path.parts)
    seen = sorted(
        each
        for each in path.rglob("*")
        if each.is_file() and not any(part.startswith(".") for part in each.parts[hidden:])
    )
    folders = {each.parent for each in seen if each.name in kustomize.NAMES}
    used = {used for folder in folders for used in kustomize.folders_of(folder)}
    files = [
        each
        for each in seen
        if each.suffix in SUFFIXES and folders.isdisjoint(each.parents) and each.name not in kustomize.NAMES
    ]
    return sorted(folder for folder in folders if folder.resolve() not in used), files


def _not_rendered(declared: Declared) -> Iterator[str]:
    for manifest in unlisted(declared.manifest):
        source = identity(manifest)
        if source and (why := _RENDERED_ELSEWHERE.get((source.group, source.kind))):
            yield (
                f"{declared.where}: {source}: {why}, so its objects are not checked. Give the output of "
                "`helm template` with the same values, or let the cluster be read."
            )
    for owner in owners(declared):
        if "${" in f"{owner.source}{owner.owned}":
            yield (
                f"{declared.where}: {owner.source}: Flux puts values into its names in the cluster (${{…}}), "
                "so it is not checked. Give the output of `flux build kustomization`, or let the cluster be "
                "read."
            )
            return


def _in_flux_namespaces(found: list[tuple[Path, Declared]]) -> list[Declared]:
    """Flux's Kustomizations may put all objects below a path into one namespace (spec.targetNamespace)."""
    into: list[tuple[Path, str]] = []
    for origin, declared in found:
        for manifest in unlisted(declared.manifest):
            source = identity(manifest)
            if source and (source.group, source.kind) == ("kustomize.toolkit.fluxcd.io", "Kustomization"):
                namespace = text(dig(manifest, "spec", "targetNamespace"))
                path = text(dig(manifest, "spec", "path"))
                if namespace and path and (folder := _in_repository(origin, path)):
                    into.append((folder, namespace))
    return [_placed(declared, _namespace_of(origin, into)) for origin, declared in found]


def _in_repository(origin: Path, path: str) -> Path | None:
    """`path` counts from the repository's root, which is some folder above."""
    above = origin.resolve().parents
    if path.strip("./") == "":
        return next((root for root in above if (root / ".git").exists()), None)
    candidates = (root / path.lstrip("/") for root in above)
    return next((each.resolve() for each in candidates if each.is_dir()), None)


def _namespace_of(origin: Path, into: Iterable[tuple[Path, str]]) -> str:
    at = origin.resolve()
    around = [(folder, namespace) for folder, namespace in into if folder in (at, *at.parents)]
    return max(around, key=lambda each: len(each[0].parts))[1] if around else ""


def _placed(declared: Declared, namespace: str) -> Declared:
    if not namespace:
        return declared
    return replace(declared, manifest=kustomize.in_namespace(declared.manifest, namespace))

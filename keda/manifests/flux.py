"""Flux's Kustomizations: which folder each applies, into which namespace, with which variables and patches.

Source: kustomize-controller's API (kustomize.toolkit.fluxcd.io/v1 KustomizationSpec); FluxInstance of the
Flux Operator (spec.sync.path).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from keda.manifests.given import Built, Given, Read
from keda.manifests.kustomize import apply_component, build, file_of, transform
from keda.manifests.reading import Manifest, dig, mapping, sequence, text
from keda.manifests.substitution import filled

KUSTOMIZATION = ("kustomize.toolkit.fluxcd.io", "Kustomization")
INSTANCE = ("fluxcd.controlplane.io", "FluxInstance")


def path_of(given: Given) -> str | None:
    """The folder that an object makes Flux apply, from the repository's root; None if it is another kind."""
    if (given.group, given.kind) == KUSTOMIZATION:
        return text(dig(given.manifest, "spec", "path")) or "./"
    if (given.group, given.kind) == INSTANCE:
        return text(dig(given.manifest, "spec", "sync", "path")) or None
    return None


def folder_of(path: str, file: str, inside: Callable[[Path], bool]) -> Path | None:
    """The folder of a path, which counts from the root of the repository: some folder above the file."""
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if not parts:
        roots = [root for root in Path(file).resolve().parents if (root / ".git").exists()]
        return roots[0] if roots and inside(roots[0]) else None
    for root in Path(file).resolve().parents:
        folder = root.joinpath(*parts)
        if folder.is_dir():
            return folder.resolve() if inside(folder.resolve()) else None
    return None


def applied(given: Given, folder: Path, files: Callable[[Path], Built], read: Read) -> Built:
    """The objects of a folder as Flux applies it. `files` builds a folder without kustomization.yaml."""
    built = build(folder, read) if file_of(folder) else files(folder)
    spec = mapping(given.manifest.get("spec"))
    if (given.group, given.kind) == KUSTOMIZATION:
        patch: dict[str, Any] = {
            "components": spec.get("components"),
            "patches": spec.get("patches"),
            "namespace": spec.get("targetNamespace"),
            "namePrefix": spec.get("namePrefix"),
            "nameSuffix": spec.get("nameSuffix"),
            "commonAnnotations": dig(spec, "commonMetadata", "annotations"),
            "labels": [{"pairs": dig(spec, "commonMetadata", "labels")}],
        }
    else:
        patch = {"patches": dig(spec, "kustomize", "patches")}
    done = Built(list(built.objects), list(built.incomplete))
    _with_components(done, folder, sequence(patch.pop("components", None)), read)
    transform(done, patch, folder, read)
    return done


def _with_components(built: Built, folder: Path, components: list[Any], read: Read) -> None:
    for entry in map(text, components):
        path = folder / entry
        if entry and path.is_dir():
            apply_component(path, read, (), built)
        else:
            built.incomplete.append(f"component {entry} of {folder}")


def substituted(built: Built, given: Given, around: Iterable[Given]) -> Built:
    """The objects with the variables of `postBuild`. Objects that opt out keep their texts."""
    post = mapping(dig(given.manifest, "spec", "postBuild"))
    variables = _variables(post, around, text(dig(given.manifest, "metadata", "namespace")))
    return Built([_filled(each, variables) for each in built.objects], built.incomplete)


def _filled(each: Given, variables: Mapping[str, str]) -> Given:
    metadata = mapping(each.manifest.get("metadata"))
    for key in ("labels", "annotations"):
        if mapping(metadata.get(key)).get("kustomize.toolkit.fluxcd.io/substitute") == "disabled":
            return each
    return replace(each, manifest=filled(each.manifest, variables))


def _variables(post: Manifest, around: Iterable[Given], namespace: str) -> dict[str, str]:
    """The values of ConfigMaps that are given, then those that are written out; a Secret's are not read."""
    found: dict[str, str] = {}
    hidden: set[str] = set()
    sources = [mapping(each) for each in sequence(post.get("substituteFrom"))]
    names = {text(each.get("name")) for each in sources if each.get("kind") == "ConfigMap"}
    for each in around:
        if each.kind == "ConfigMap" and each.name in names:
            data = mapping(each.manifest.get("data"))
            found |= {str(key): value for key, value in data.items() if isinstance(value, str)}
    for each_secret in (each for each in around if each.kind == "Secret"):
        if each_secret.name in {text(each.get("name")) for each in sources if each.get("kind") == "Secret"}:
            hidden |= {
                str(key) for part in ("data", "stringData") for key in mapping(each_secret.manifest.get(part))
            }
    found = {key: value for key, value in found.items() if key not in hidden}
    for key, value in mapping(post.get("substitute")).items():
        found[str(key)] = str(value)
    return {key: value for key, value in found.items() if "$" not in value}

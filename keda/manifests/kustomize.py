"""A Kustomize folder's objects as `kustomize build` makes them, in so far as a rule reads what it changes.

A reader of our own, since a rendering by the program has no lines of the source, and since a user's CI may
have neither kustomize nor kubectl. Nothing is fetched or run. Not applied: images (no rule reads one), and
the hash that a generator appends to a name.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from keda.manifests.documents import Unreadable, documents
from keda.manifests.generators import generated, with_generated
from keda.manifests.given import Built, Given, Read, split
from keda.manifests.reading import Manifest, dig, mapping, sequence, text, whole
from keda.manifests.transformations import (
    REFERENCES,
    Patch,
    in_namespace,
    labelled,
    renamed,
    unknown_at,
    with_replicas,
)

NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
_LISTED = ("resources", "bases", "components")
_UNSEEN = ("helmCharts", "helmChartInflationGenerator", "generators", "transformers", "vars")
"""Fields whose objects or changes are not seen here."""


def file_of(folder: Path) -> Path | None:
    """The kustomization.yaml of a folder. A file of that name with Flux's Kustomization is a manifest."""
    found = next((folder / name for name in NAMES if (folder / name).is_file()), None)
    try:
        return None if found and _FLUX.search(found.read_bytes()) else found
    except OSError:
        return None


_FLUX = re.compile(rb"^apiVersion:\s*[\"']?kustomize\.toolkit\.fluxcd\.io/", re.MULTILINE)


def folders_of(folder: Path, read: Read) -> Iterator[Path]:
    """The folders that a Kustomize folder takes in, resolved."""
    for entry in _entries(_kustomization(folder, read), _LISTED):
        if (path := _here(folder, entry)) and path.is_dir():
            yield path.resolve()


def files_of(folder: Path, read: Read) -> Iterator[Path]:
    """The files that a Kustomize folder names: resources, patches, components, values of charts."""
    kustomization = _kustomization(folder, read)
    named = [
        *_entries(kustomization, (*_LISTED, "patchesStrategicMerge", *_UNSEEN, "configurations", "crds"))
    ]
    for key in ("patches", "patchesJson6902", "replacements"):
        named += [text(mapping(each).get("path")) for each in sequence(kustomization.get(key))]
    for key in ("configMapGenerator", "secretGenerator"):
        for each in map(mapping, sequence(kustomization.get(key))):
            listed = [*sequence(each.get("files")), *sequence(each.get("envs")), each.get("env")]
            named += [text(entry).rpartition("=")[2] for entry in listed]
    for chart in map(mapping, sequence(kustomization.get("helmCharts"))):
        named += [text(chart.get("valuesFile")), *map(text, sequence(chart.get("additionalValuesFiles")))]
    for entry in named:
        if entry and (path := _here(folder, entry)) and path.is_file():
            yield path.parent.resolve() / path.name


def is_patch(file: Path, read: Read) -> bool:
    """Whether the kustomization.yaml beside a file takes it for a patch, and not for objects."""
    kustomization = _kustomization(file.parent, read)
    entries = _entries(kustomization, ("patchesStrategicMerge",))
    for key in ("patches", "patchesJson6902"):
        entries += [text(mapping(each).get("path")) for each in sequence(kustomization.get(key))]
    return file.name in {entry.removeprefix("./") for entry in entries}


def is_component(folder: Path, read: Read) -> bool:
    """Whether the folder's kustomization is a Component, which only another one applies."""
    return _kustomization(folder, read).get("kind") == "Component"


def build(folder: Path, read: Read, seen: tuple[Path, ...] = ()) -> Built:
    """The objects of a folder with a kustomization.yaml."""
    if folder.resolve() in seen:
        return Built([])
    seen = (*seen, folder.resolve())
    kustomization = _kustomization(folder, read)
    built = Built([], [f"{file_of(folder)}: {key}" for key in _UNSEEN if kustomization.get(key)])
    for entry in _entries(kustomization, ("resources", "bases")):
        _take_in(folder, entry, read, seen, built)
    _generate(folder, kustomization, read, built)
    for entry in _entries(kustomization, ("components",)):
        if (path := _here(folder, entry)) and path.is_dir():
            apply_component(path, read, seen, built)
        else:
            built.incomplete.append(f"{file_of(folder)}: {entry}")
    transform(built, kustomization, folder, read)
    return built


def _take_in(folder: Path, entry: str, read: Read, seen: tuple[Path, ...], built: Built) -> None:
    path = _here(folder, entry)
    if path is None:
        built.incomplete.append(f"{file_of(folder)}: {entry}")
    elif path.is_file():
        built.objects += [given for document in read(path) for given in split(document, str(path))]
    elif file_of(path):
        inner = build(path, read, seen)
        built.objects += inner.objects
        built.incomplete += inner.incomplete


def _generate(folder: Path, kustomization: Manifest, read: Read, built: Built) -> None:
    file = file_of(folder)
    document = next(iter(read(file)), None) if file else None
    if file and document:
        for each in generated(folder, kustomization, file, document):
            built.objects = with_generated(built.objects, each)


def apply_component(folder: Path, read: Read, seen: tuple[Path, ...], built: Built) -> None:
    """A component changes all that was taken in before it."""
    if folder.resolve() in seen:
        return
    kustomization = _kustomization(folder, read)
    built.incomplete += [f"{file_of(folder)}: {key}" for key in _UNSEEN if kustomization.get(key)]
    for entry in _entries(kustomization, ("resources", "bases")):
        _take_in(folder, entry, read, (*seen, folder.resolve()), built)
    _generate(folder, kustomization, read, built)
    for entry in _entries(kustomization, ("components",)):
        if (path := _here(folder, entry)) and path.is_dir():
            apply_component(path, read, (*seen, folder.resolve()), built)
    transform(built, kustomization, folder, read)


def transform(built: Built, kustomization: Manifest, folder: Path, read: Read) -> None:
    """The changes that a kustomization makes to its objects, in kustomize's order."""
    objects = built.objects
    for patch in _patches(folder, kustomization, read):
        objects = [done for each in objects if (done := patch.apply(each)) is not None]
    if namespace := kustomization.get("namespace"):
        objects = [in_namespace(each, namespace) for each in objects]
    before, after = text(kustomization.get("namePrefix")), text(kustomization.get("nameSuffix"))
    if before or after:
        objects = renamed(objects, before, after, _reference_fields(folder, kustomization, read))
    objects = [labelled(each, kustomization) for each in objects]
    counts = {
        text(each.get("name")): whole(each.get("count"))
        for each in map(mapping, sequence(kustomization.get("replicas")))
    }
    objects = [with_replicas(each, counts) for each in objects] if counts else objects
    built.objects = _replaced(objects, folder, kustomization, read)


def _patches(folder: Path, kustomization: Manifest, read: Read) -> Iterator[Patch]:
    for entry in sequence(kustomization.get("patchesStrategicMerge")):
        for content in _contents(folder, entry if "\n" not in text(entry) else "", entry, read):
            yield Patch(content, {})
    for key in ("patches", "patchesJson6902"):
        for each in map(mapping, sequence(kustomization.get(key))):
            for content in _contents(folder, text(each.get("path")), each.get("patch"), read):
                yield Patch(content, mapping(each.get("target")))


def _contents(folder: Path, path: str, inline: object, read: Read) -> Iterator[object]:
    if path:
        file = _here(folder, path)
        yield from (document.value for document in (read(file) if file and file.is_file() else ()))
    elif isinstance(inline, str):
        try:
            yield from [document.value for document in documents(inline, variables=True)]
        except Unreadable:
            return


def _kustomization(folder: Path, read: Read) -> Manifest:
    file = file_of(folder)
    return next((mapping(each.value) for each in read(file)), {}) if file else {}


def _entries(kustomization: Manifest, keys: tuple[str, ...]) -> list[str]:
    return [text(each) for key in keys for each in sequence(kustomization.get(key)) if text(each)]


def _here(folder: Path, entry: str) -> Path | None:
    """What a Kustomize folder names, if it is on this disk."""
    if "://" in entry or "\n" in entry:
        return None
    path = Path(os.path.normpath(folder / entry))
    try:
        return path if path.exists() else None
    except OSError:  # no name that a disk takes
        return None


def _reference_fields(folder: Path, kustomization: Manifest, read: Read) -> list[tuple[str, str, list[str]]]:
    """(Kind of the object named, kind that names it, path) of kustomize's own and of `configurations`."""
    found = list(REFERENCES)
    for entry in sequence(kustomization.get("configurations")):
        path = _here(folder, text(entry))
        for document in read(path) if path and path.is_file() else ():
            for reference in map(mapping, sequence(dig(document.value, "nameReference"))):
                for spec in map(mapping, sequence(reference.get("fieldSpecs"))):
                    at = [part.removesuffix("[]") for part in text(spec.get("path")).split("/")]
                    found.append((text(reference.get("kind")), text(spec.get("kind")), at))
    return found


def _replaced(objects: list[Given], folder: Path, kustomization: Manifest, read: Read) -> list[Given]:
    """`replacements` copy a value into others: which is unknown here."""
    for entry in map(mapping, sequence(kustomization.get("replacements"))):
        file = _here(folder, text(entry.get("path"))) if entry.get("path") else None
        given = [document.value for document in read(file)] if file and file.is_file() else [entry]
        rules = [rule for each in given for rule in (each if isinstance(each, list) else [each])]
        for target in (target for rule in rules for target in sequence(mapping(rule).get("targets"))):
            patch = Patch([], mapping(mapping(target).get("select")))
            paths = [text(each).split(".") for each in sequence(mapping(target).get("fieldPaths"))]
            objects = [
                each._replace(manifest=unknown_at(each.manifest, paths)) if patch.is_for(each) else each
                for each in objects
            ]
    return objects

"""A repository as it is applied: which of its files belong together, and what becomes of them.

Each Kustomize folder that no other one takes in is a root of its own, and each Flux entry with all folders
that its Kustomizations lead to is one cluster: staging and production never meet. Plain files are applied
together, unless two folders declare the same object.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import takewhile
from pathlib import Path

from keda.manifests import flux, kustomize
from keda.manifests.declared import UNKNOWN
from keda.manifests.files import Files, identities
from keda.manifests.given import Built, Given, split
from keda.manifests.kustomize import build, file_of, folders_of
from keda.manifests.reading import mapping
from keda.manifests.substitution import filled
from keda.manifests.unseen import Unseen

_FLUX = (b"kustomize.toolkit.fluxcd.io", b"fluxcd.controlplane.io")
_SOPS = "sops"
_ENVIRONMENTS = (
    *("dev", "develop", "development", "local", "minikube", "kind", "test", "testing", "qa", "uat"),
    *("stage", "staging", "preprod", "prod", "production"),
)


@dataclass(frozen=True)
class Group:
    """Objects that are applied to one cluster. `name`: their root."""

    name: str
    objects: Iterable[Given]
    unseen: Unseen


def groups(files: Files) -> Iterator[Group]:
    """The groups of all files that were walked through."""
    return _Repository(files).groups()


def plain(files: Files, paths: Iterable[Path]) -> Iterator[Given]:
    """The objects of files as they are written."""
    for file in paths:
        for document in files.documents(file):
            yield from (known(each) for each in split(document, str(file)))


def known(given: Given) -> Given:
    """An object with UNKNOWN in place of what is filled in later or encrypted, as a Secret's empty values."""
    manifest = filled(given.manifest, {}) if given.document.templates else given.manifest
    if given.kind == "Secret":
        for key in ("data", "stringData"):
            values = mapping(manifest.get(key))
            later = [each for each in values if _SOPS in manifest or values[each] in ("", None)]
            if later:
                manifest = {**manifest, key: {**values, **dict.fromkeys(later, UNKNOWN)}}
    return given if manifest is given.manifest else replace(given, manifest=manifest)


@dataclass
class _Cluster:
    """What one entry leads to."""

    entry: Path
    objects: list[Given] = field(default_factory=list)
    incomplete: list[str] = field(default_factory=list)
    reached: set[Path] = field(default_factory=set)
    """Folders that Flux applies; the entry's own is among them only if Flux leads back to it."""
    followed: bool = True


class _Repository:
    def __init__(self, files: Files) -> None:
        self._files = files
        self._folders = [folder for folder in files.folders if file_of(folder)]
        self._resolved = {folder: folder.resolve() for folder in files.folders}
        self._by_resolved = {resolved: folder for folder, resolved in self._resolved.items()}
        self._inside = self._by_resolved.__contains__
        self._elsewhere = _Elsewhere(self)

    def groups(self) -> Iterator[Group]:
        used = {inner for folder in self._folders for inner in folders_of(folder, self._files.read)}
        roots = [folder for folder in self._folders if self._resolved[folder] not in used]
        loose, unlisted = self._loose()
        entries = self._flux_entries(loose)
        clusters = self._clusters(roots, entries)
        reached = {folder for cluster in clusters for folder in cluster.reached}
        taken = {folder for folder, _ in entries}
        left = [
            file for file in loose if file.parent not in taken and not self._is_reached(file.parent, reached)
        ]
        self._files.unjudged.unlisted += [
            str(file)
            for file in unlisted
            if not self._is_reached(file.parent, reached) and any(identities(file))
        ]
        sets = list(_apart(left))
        alone = len(sets) + len(clusters) <= 1
        for cluster in clusters:
            self._elsewhere.add(cluster.objects)
        for cluster in clusters:
            component = kustomize.is_component(cluster.entry, self._files.read)
            self._files.unjudged.remote += cluster.incomplete
            yield Group(
                str(cluster.entry),
                cluster.objects,
                self._unseen(bool(cluster.incomplete) or component, alone, followed=cluster.followed),
            )
        for name, each in sets:
            yield Group(name, plain(self._files, each), self._unseen(False, alone, followed=False))

    def _unseen(self, incomplete: bool, alone: bool, *, followed: bool) -> Unseen:
        elsewhere = frozenset[tuple[str, str]]() if alone else self._elsewhere
        return Unseen(incomplete, self._files.unjudged, elsewhere, followed)

    def _loose(self) -> tuple[list[Path], list[Path]]:
        """(Files that stand for themselves, files beside a kustomization.yaml that no one names)."""
        named = {file for folder in self._folders for file in kustomize.files_of(folder, self._files.read)}
        loose: list[Path] = []
        unlisted: list[Path] = []
        for folder, files in self._files.folders.items():
            own = file_of(folder)
            for file in files:
                if file != own and self._resolved[folder] / file.name not in named:
                    (unlisted if own else loose).append(file)
        return loose, unlisted

    def _flux_entries(self, loose: list[Path]) -> list[tuple[Path, list[Given]]]:
        """The folders of loose files that hold Flux's own objects, with their objects."""
        found: dict[Path, list[Path]] = defaultdict(list)
        for file in loose:
            found[file.parent].append(file)
        entries = []
        for folder, files in found.items():
            if any(_mentions_flux(file) for file in files):
                objects = [
                    given
                    for file in files
                    for each in self._files.read(file)
                    for given in split(each, str(file))
                ]
                if any(flux.path_of(given) for given in objects):
                    entries.append((folder, objects))
        return entries

    def _clusters(self, roots: list[Path], entries: list[tuple[Path, list[Given]]]) -> list[_Cluster]:
        """The entries that no other one leads to. What one leads to is followed there, and not once more."""
        order = {folder: number for number, folder in enumerate([*roots, *(each for each, _ in entries)])}
        flux_first = [
            *entries,
            *((folder, None) for folder in sorted(roots, key=lambda each: len(each.parts))),
        ]
        found: list[_Cluster] = []
        reached: set[Path] = set()
        for folder, objects in flux_first:
            if not self._is_reached(folder, reached):
                built = build(folder, self._files.read) if objects is None else Built(objects)
                found.append(self._cluster(folder, built))
                reached |= found[-1].reached
        accepted: list[_Cluster] = []
        reached = set()
        for cluster in sorted(found, key=lambda each: -len(each.reached)):
            if not self._is_reached(cluster.entry, reached):
                accepted.append(cluster)
                reached |= cluster.reached
        return sorted(accepted, key=lambda each: order[each.entry])

    def _cluster(self, entry: Path, built: Built) -> _Cluster:
        cluster = _Cluster(entry)
        raw, applied = list(built.objects), {(str(entry), "")}
        cluster.incomplete += built.incomplete
        cluster.objects += [known(each) for each in built.objects]
        pending = list(built.objects)
        while pending:
            given = pending.pop(0)
            path = flux.path_of(given)
            if path is None:
                continue
            folder = flux.folder_of(path, given.file, self._inside)
            if folder is None:
                cluster.followed = False
            elif (str(folder), given.name) not in applied:
                applied.add((str(folder), given.name))
                at = self._by_resolved[folder]
                inner = flux.applied(given, at, self._of_files, self._files.read)
                cluster.reached |= (
                    {self._resolved[each] for each, _ in self._files.below(at)}
                    if not file_of(at)
                    else {folder}
                )
                raw += inner.objects
                pending += inner.objects
                cluster.incomplete += inner.incomplete
                cluster.objects += [known(each) for each in flux.substituted(inner, given, raw).objects]
        return cluster

    def _is_reached(self, folder: Path, reached: set[Path]) -> bool:
        return self._resolved[folder] in reached

    def _of_files(self, top: Path) -> Built:
        """As Flux does without a kustomization.yaml: all files below, and Kustomize folders as they are."""
        built = Built([])
        inside: set[Path] = set()
        for folder, files in self._files.below(top):
            if any(parent in inside for parent in folder.parents):
                continue
            if file_of(folder):
                inside.add(folder)
                inner = build(folder, self._files.read)
                built.objects += inner.objects
                built.incomplete += inner.incomplete
                continue
            for file in files:
                for document in self._files.read(file):
                    built.objects += split(document, str(file))
        return built


class _Elsewhere:
    """(kind, name) of every object of the repository; the plain files are read when it is asked for."""

    def __init__(self, repository: _Repository) -> None:
        self._files = repository._files
        self._found: set[tuple[str, str]] = set()
        self._complete = False

    def add(self, objects: Iterable[Given]) -> None:
        self._found |= {(each.kind, each.name) for each in objects}

    def __contains__(self, identity: object) -> bool:
        if not self._complete:
            self._complete = True
            for files in self._files.folders.values():
                for file in files:
                    self._found.update(identities(file))
        return identity in self._found or bool(self._files.unjudged)


def _mentions_flux(file: Path) -> bool:
    try:
        content = file.read_bytes()
    except OSError:
        return False
    return any(group in content for group in _FLUX)


def _apart(files: list[Path]) -> Iterator[tuple[str, list[Path]]]:
    """Files that are applied together: all, or apart at the folder level where an object is there twice, and
    at folders that are named after an environment.
    """
    depth = _depth_of_twins(files)
    sets: dict[Path, list[Path]] = defaultdict(list)
    for file in files:
        top = Path(*file.parent.parts[:depth]) if depth is not None else Path()
        sets[max(top, _environment(file.parent), key=lambda each: len(each.parts))].append(file)
    for top, each in sets.items():
        yield str(top) if len(sets) > 1 else "", each


def _environment(folder: Path) -> Path:
    """The folder at or above one that is named after an environment; Path() if none is."""
    return next((each for each in (folder, *folder.parents) if each.name.lower() in _ENVIRONMENTS), Path())


def _depth_of_twins(files: list[Path]) -> int | None:
    """The number of a path's parts after which folders are apart; None if no object is there twice."""
    first: dict[tuple[str, str], Path] = {}
    depth: int | None = None
    for file in files:
        for identity in identities(file):
            other = first.setdefault(identity, file.parent)
            if other != file.parent:
                pairs = zip(other.parts, file.parent.parts, strict=False)
                level = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs)) + 1
                depth = level if depth is None else min(depth, level)
    return depth

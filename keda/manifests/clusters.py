"""What Flux and Argo CD apply: the folders that their objects lead to, followed from an entry."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from fnmatch import fnmatchcase
from itertools import chain
from pathlib import Path

from keda.manifests import argo, flux, resource_sets
from keda.manifests.declared import UNKNOWN
from keda.manifests.files import Files
from keda.manifests.given import Built, Given, Lead, split
from keda.manifests.kustomize import apply_component, build, file_of, transform
from keda.manifests.reading import dig, mapping, sequence, text
from keda.manifests.substitution import filled
from keda.manifests.transformations import in_namespace

_MARKS = (
    (b"kustomize.toolkit.fluxcd.io", b"Kustomization"),
    (b"fluxcd.controlplane.io", b"kind"),
    (b"argoproj.io", b"Application"),
)
"""Words of which one pair is in each file with objects that lead to folders."""
_CHART = "Chart.yaml"
_SOPS = "sops"


def known(given: Given) -> Given:
    """An object with UNKNOWN in place of what is filled in later or encrypted, as a Secret's empty values."""
    manifest = filled(given.manifest, {}) if given.document.templates else given.manifest
    if given.kind == "Secret":
        for key in ("data", "stringData"):
            values = mapping(manifest.get(key))
            later = [each for each in values if _SOPS in manifest or values[each] in ("", None)]
            if later:
                manifest = {**manifest, key: {**values, **dict.fromkeys(later, UNKNOWN)}}
    return given if manifest is given.manifest else given._replace(manifest=manifest)


def may_lead(content: bytes) -> bool:
    """Whether a file may have an object that has a folder applied, or makes one that does."""
    return any(group in content and kind in content for group, kind in _MARKS)


def leads(given: Given) -> list[Lead]:
    """The folders that an object has applied; none if it is no object of Flux or Argo CD."""
    return [*flux.leads(given), *argo.leads(given)]


def whole(
    givens: Iterable[Given], notes: list[str], complete: set[tuple[str, str]], folders: argo.Folders
) -> Iterator[Given]:
    """The objects, what is not known of them UNKNOWN, each followed by those that it makes itself.

    `complete` gets the (kind, name) of each whose objects are all known, `notes` a line for another one.
    """
    for given in map(known, givens):
        yield given
        made: list[Given] | str | None = None
        if (given.group, given.kind) == resource_sets.RESOURCE_SET:
            made = resource_sets.made(given)
        elif (given.group, given.kind) == argo.APPLICATION_SET:
            made = argo.made(given, folders)
        if isinstance(made, list):
            complete.add((given.kind, given.name))
            yield from whole(made, notes, complete, folders)
        elif made is not None:
            line = f"{given.file}:{given.document.line}: {given.kind} {given.name}: not judged: {made}"
            notes += [line] if line not in notes else []


def nowhere(_: str) -> list[str]:
    """No folders, for objects whose repository is not given."""
    return []


class Cluster:
    """What one entry leads to. `objects`: by cluster; "" is the one in which Flux or Argo CD runs."""

    def __init__(self, entry: Path) -> None:
        self.entry = entry
        self.objects: defaultdict[str, list[Given]] = defaultdict(list)
        self.incomplete: list[str] = []
        self.reached: set[Path] = set()
        """Folders that are applied; the entry's own is among them only if something leads back to it."""
        self.complete: set[tuple[str, str]] = set()
        """(kind, name) of the objects of which all is read that they have applied."""


class Tree:
    """The folders that were walked through."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self.resolved = {folder: folder.resolve() for folder in files.folders}
        self._by_resolved = {resolved: folder for folder, resolved in self.resolved.items()}
        self._parts = [resolved.parts for resolved in self._by_resolved]

    def leads_on(self, entry: Path, objects: Iterable[Given]) -> bool:
        """Whether one of the objects of an entry has a folder applied that is here."""
        file = str(entry / "_")
        every = list(whole(objects, self._files.unjudged.made, set(), self.matching(file)))
        return any(self._folder(lead, each.file) for each in every for lead in leads(each))

    def follow(self, entry: Path, built: Built) -> Cluster:
        """The objects of an entry, and of all folders that they lead to."""
        cluster = Cluster(entry)
        applied = {(str(entry), "")}
        pending: list[tuple[str, Given]] = []

        def take(built: Built, place: str, file: str) -> None:
            cluster.incomplete += built.incomplete
            notes, folders = self._files.unjudged.made, self.matching(file)
            for each in whole(built.objects, notes, cluster.complete, folders):
                cluster.objects[place].append(each)
                pending.append((place, each))

        take(built, "", str(entry / "_"))
        while pending:
            place, given = pending.pop(0)
            found = leads(given)
            folders = [self._folder(lead, given.file) for lead in found]
            if found and None not in folders:
                cluster.complete.add((given.kind, given.name))
            for lead, folder in zip(found, folders, strict=True):
                if folder is not None and (str(folder), given.name) not in applied:
                    applied.add((str(folder), given.name))
                    inner = self._applied(lead, folder, cluster.reached)
                    around = chain(*cluster.objects.values(), inner.objects)
                    inner = flux.substituted(inner, given, around)
                    take(inner, _cluster_of(given) or place, given.file)
        return cluster

    def _folder(self, lead: Lead, file: str) -> Path | None:
        """The folder of a lead, if its objects are read here."""
        folder = folder_of(lead.path, file, self._by_resolved.__contains__) if lead.path is not None else None
        return None if folder is None or (folder / _CHART).is_file() else folder

    def _applied(self, lead: Lead, folder: Path, reached: set[Path]) -> Built:
        at = self._by_resolved[folder]
        if file_of(at):
            reached.add(folder)
            built = build(at, self._files.read)
        else:
            below = list(self._files.below(at)) if lead.nested else [(at, self._files.folders[at])]
            reached |= {self.resolved[each] for each, _ in below}
            built = self._of_files(at, below, lead)
        done = Built(list(built.objects), list(built.incomplete))
        for entry in map(text, sequence(lead.changes.get("components"))):
            if entry and (path := at / entry).is_dir():
                reached.add(path.resolve())
                apply_component(path, self._files.read, (), done)
            else:
                done.incomplete.append(f"{at}: component {entry}")
        transform(done, lead.changes, at, self._files.read)
        if lead.namespace:
            done.objects = [
                each if dig(each.manifest, "metadata", "namespace") else in_namespace(each, lead.namespace)
                for each in done.objects
            ]
        return done

    def _of_files(self, top: Path, below: list[tuple[Path, list[Path]]], lead: Lead) -> Built:
        """A folder without kustomization.yaml: the files of `below`, and Kustomize folders as they are."""
        built = Built([])
        inside: set[Path] = set()
        for folder, files in below:
            if any(parent in inside for parent in folder.parents):
                continue
            if file_of(folder):
                inside.add(folder)
                inner = build(folder, self._files.read)
                built.objects += inner.objects
                built.incomplete += inner.incomplete
                continue
            for file in files:
                if lead.names(file.relative_to(top).as_posix()):
                    for document in self._files.read(file):
                        built.objects += split(document, str(file))
        return built

    def matching(self, file: str) -> argo.Folders:
        """The folders that match a glob, which counts from the root: the nearest folder above with some."""

        def folders(pattern: str) -> list[str]:
            wanted = tuple(part for part in pattern.split("/") if part not in ("", "."))
            for root in (parent.parts for parent in Path(file).resolve().parents):
                below = (each[len(root) :] for each in self._parts if each[: len(root)] == root)
                if found := sorted("/".join(each) for each in below if _matches(each, wanted)):
                    return found
            return []

        return folders


def _cluster_of(given: Given) -> str:
    remote = dig(given.manifest, "spec", "kubeConfig", "secretRef", "name")  # Flux
    return argo.destination(given) or ("" if remote is None else str(remote))


def _matches(path: tuple[str, ...], pattern: tuple[str, ...]) -> bool:
    if not pattern:
        return not path
    if pattern[0] == "**":
        return any(_matches(path[at:], pattern[1:]) for at in range(len(path) + 1))
    return bool(path) and fnmatchcase(path[0], pattern[0]) and _matches(path[1:], pattern[1:])


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

"""A repository as it is applied: which of its files belong together, and what becomes of them.

Each Kustomize folder that no other one takes in is a root of its own. Each entry of Flux or Argo CD, with all
folders that its objects lead to, is one cluster: staging and production never meet. Plain files are applied
together, unless two folders declare the same object.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from io import BufferedReader
from itertools import chain, takewhile
from pathlib import Path
from typing import NamedTuple, cast

from keda.manifests import kustomize
from keda.manifests.clusters import Cluster, Tree, may_lead, nowhere, whole
from keda.manifests.documents import MAX_BYTES, Document, Source
from keda.manifests.files import STDIN, Files, Unjudged, identities
from keda.manifests.given import Built, Given, split
from keda.manifests.kustomize import build, file_of, folders_of
from keda.manifests.unseen import Unseen

_OF_ARGO = ("Application", "ApplicationSet")
_ENVIRONMENTS = (
    *("dev", "develop", "development", "local", "minikube", "kind", "test", "testing", "qa", "uat"),
    *("stage", "staging", "preprod", "prod", "production"),
)


class Group(NamedTuple):
    """Objects that are applied to one cluster. `name`: their root."""

    name: str
    objects: Iterable[Given]
    unseen: Unseen


def groups_of(
    paths: Iterable[str], unjudged: Unjudged, *, exclude: Sequence[str] = (), partial: bool = False
) -> Iterator[Group]:
    """The objects of what is named, together with what the folders hold; each root there by itself.

    `paths`: files, folders, "-" for standard input. `partial`: there are more objects than are named, and a
    file that is no manifest is no failure.
    """
    files = Files(unjudged, exclude)
    named: list[str] = []
    for path in paths:
        if path != "-" and not Path(path).is_dir() and files.excluded(Path(path), above=True):
            unjudged.excluded.append(path)
        elif Path(path).is_dir() or Path(path).name in kustomize.NAMES:
            _walk(Path(path), files)
        elif path != "-" and kustomize.is_patch(Path(path), files.read):
            unjudged.patches.append(path)
        else:
            named.append(path)
    found = list(_Repository(files).groups()) if files.folders else []
    if named or not found:
        complete: set[tuple[str, str]] = set()
        objects: Iterable[Given] = _named(named, Files(unjudged, asked=not partial), complete)
        unseen = Unseen(unjudged=unjudged, complete=complete)
        if len(found) == 1 and not found[0].name:
            objects, found = chain(objects, found[0].objects), []
        elif found:
            unseen = unseen._replace(elsewhere=found[0].unseen.elsewhere)
        found = [Group("", objects, unseen), *found]
    for group in found:
        incomplete = group.unseen.incomplete or partial
        yield group._replace(unseen=group.unseen._replace(incomplete=incomplete))


def _walk(path: Path, files: Files) -> None:
    if not path.is_dir():
        if kustomize.file_of(path.parent) is None:
            files.folders[path.parent] = [path]
        else:
            files.folders[path.parent] = []
        return
    before = sum(map(len, files.folders.values()))
    files.walk(path)
    empty = sum(map(len, files.folders.values())) == before
    if empty and not (files.unjudged.charts or files.exclude):
        files.unjudged.broken.append(f"{path}: no YAML or JSON file is here.")


def _named(paths: Iterable[str], files: Files, complete: set[tuple[str, str]]) -> Iterator[Given]:
    """The objects of files and of standard input, each as soon as it is read."""
    for path in paths:
        name, documents = (
            (STDIN, _standard_input(files)) if path == "-" else (path, files.documents(Path(path)))
        )
        yield from given_of(documents, name, files.unjudged, complete)


def _standard_input(files: Files) -> Iterator[Document]:
    empty, before = True, len(files.unjudged.broken)
    # What was found so far is seen before a pipe is waited for.
    source = Source(cast(BufferedReader, sys.stdin.buffer), sys.stdout.flush)
    for document in files.readable(source, STDIN):
        empty = False
        yield document
    if empty and len(files.unjudged.broken) == before:
        files.unjudged.broken.append(f"{STDIN}: is empty. Check whether the command before the pipe failed.")


def given_of(
    documents: Iterable[Document], name: str, unjudged: Unjudged, complete: set[tuple[str, str]]
) -> Iterator[Given]:
    """The objects of documents as they are written, and those that they make themselves."""
    for document in documents:
        yield from whole(split(document, name), unjudged.made, complete, nowhere)


class _Repository:
    def __init__(self, files: Files) -> None:
        self._files = files
        self._folders = [folder for folder in files.folders if file_of(folder)]
        self._tree = Tree(files)
        self._resolved = self._tree.resolved
        self._elsewhere = _Elsewhere(self)

    def groups(self) -> Iterator[Group]:
        used = {inner for folder in self._folders for inner in folders_of(folder, self._files.read)}
        roots = [folder for folder in self._folders if self._resolved[folder] not in used]
        loose, unlisted = self._loose()
        entries = self._entries(loose)
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
            objects = [each for objects in cluster.objects.values() for each in objects]
            self._elsewhere.add(objects, cluster.complete)
        for cluster in clusters:
            component = kustomize.is_component(cluster.entry, self._files.read)
            self._files.unjudged.remote += cluster.incomplete
            unseen = self._unseen(bool(cluster.incomplete) or component, alone, cluster.complete)
            for place, each_object in cluster.objects.items():
                yield Group(f"{cluster.entry} {place}".strip(), each_object, unseen)
        for name, each in sets:
            complete: set[tuple[str, str]] = set()
            unseen = self._unseen(False, alone, complete)._replace(loose=True)
            yield Group(name, self._plain(each, complete), unseen)

    def _plain(self, paths: list[Path], complete: set[tuple[str, str]]) -> Iterator[Given]:
        for file in paths:
            yield from given_of(self._files.documents(file), str(file), self._files.unjudged, complete)

    def _unseen(self, incomplete: bool, alone: bool, complete: set[tuple[str, str]]) -> Unseen:
        elsewhere = frozenset[tuple[str, str]]() if alone else self._elsewhere
        return Unseen(incomplete, self._files.unjudged, elsewhere, complete)

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

    def _entries(self, loose: list[Path]) -> list[tuple[Path, list[Given]]]:
        """The folders of loose files that hold objects of Flux or Argo CD, with their objects."""
        found: dict[Path, list[Path]] = defaultdict(list)
        for file in loose:
            found[file.parent].append(file)
        entries = []
        for folder, files in found.items():
            marked = [file for file in files if may_lead(_content(file))]
            if marked and self._tree.leads_on(folder, self._given(marked)):
                entries.append((folder, self._given(files)))
        return entries

    def _given(self, files: list[Path]) -> list[Given]:
        return [
            given for file in files for each in self._files.read(file) for given in split(each, str(file))
        ]

    def _clusters(self, roots: list[Path], entries: list[tuple[Path, list[Given]]]) -> list[Cluster]:
        """The entries that no other one leads to. What one leads to is followed there, and not once more."""
        order = {folder: number for number, folder in enumerate([*roots, *(each for each, _ in entries)])}
        flux_first = [
            *entries,
            *((folder, None) for folder in sorted(roots, key=lambda each: len(each.parts))),
        ]
        found: list[Cluster] = []
        reached: set[Path] = set()
        for folder, objects in flux_first:
            if not self._is_reached(folder, reached):
                built = build(folder, self._files.read) if objects is None else Built(objects)
                found.append(self._tree.follow(folder, built))
                reached |= found[-1].reached
        accepted: list[Cluster] = []
        reached = set()
        for cluster in sorted(found, key=lambda each: -len(each.reached)):
            if not self._is_reached(cluster.entry, reached):
                accepted.append(cluster)
                reached |= cluster.reached
        return sorted(accepted, key=lambda each: order[each.entry])

    def _is_reached(self, folder: Path, reached: set[Path]) -> bool:
        return self._resolved[folder] in reached


class _Elsewhere:
    """(kind, name) of every object of the repository, and any at all if Argo CD renders something of it; the
    plain files are read when it is asked for.
    """

    def __init__(self, repository: _Repository) -> None:
        self._files = repository._files
        self._found: set[tuple[str, str]] = set()
        self._complete: set[tuple[str, str]] = set()
        self._asked = self._rendered = False

    def add(self, objects: Iterable[Given], complete: set[tuple[str, str]]) -> None:
        self._found |= {(each.kind, each.name) for each in objects}
        self._complete |= complete

    def __contains__(self, identity: object) -> bool:
        if not self._asked:
            self._asked = True
            for files in self._files.folders.values():
                for file in files:
                    self._found.update(identities(file))
            self._rendered = any(kind in _OF_ARGO for kind, _ in self._found - self._complete)
        return identity in self._found or self._rendered or bool(self._files.unjudged)


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes() if file.stat().st_size <= MAX_BYTES else b""
    except OSError:
        return b""


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

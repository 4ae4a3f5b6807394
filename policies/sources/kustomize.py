"""A Kustomize folder's objects: rendered by kustomize or kubectl, or read from what it lists."""

import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from keda.manifests.declared import Declared
from keda.manifests.documents import Unreadable, documents
from keda.manifests.reading import Manifest, mapping, sequence, text, unlisted, whole

NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
SECONDS = 20
"""For one rendering."""

OWN_NOTHING = ("Secret", "ConfigMap")
"""Kinds that are not even remembered."""

ReadFile = Callable[[Path, list[str]], Iterator[Declared]]
_LISTED = ("resources", "bases", "components")
_READ = {"apiVersion", "kind", "metadata", "resources", "bases", "namespace", "replicas"}
# These change no name, namespace, kind, target or replica count, and bring no object that owns any.
_HARMLESS = {
    *("commonLabels", "labels", "commonAnnotations", "images", "buildMetadata", "generatorOptions"),
    *("configMapGenerator", "secretGenerator", "sortOptions", "openapi"),
}


def render(folder: Path, read_file: ReadFile, unread: list[str]) -> list[Declared]:
    """The objects of a Kustomize folder. Nothing is fetched: what is remote is told in `unread`."""
    command = _command()
    remote = sorted(set(_remote(folder, set())))
    if command and not remote:
        done = _run([*command, str(folder)])
        if isinstance(done, str):
            unread.append(f"{_file(folder)}: cannot be rendered: {done}. Its files are read as they are.")
        else:
            return list(_parse(done.stdout, str(_file(folder)), unread))
    for each in remote:
        unread.append(
            f"{_file(folder)}: refers to {each}, which is not here and is not fetched, so its objects are "
            "not checked. Give the output of `kustomize build`, or let the cluster be read."
        )
    return list(_listed(folder, read_file, unread, set()))


def folders_of(folder: Path) -> Iterator[Path]:
    """The folders that a Kustomize folder takes in, resolved."""
    for each in _entries(folder):
        if (path := _here(folder, each)) and path.is_dir():
            yield path.resolve()


def in_namespace(manifest: object, namespace: str) -> object:
    """As kustomize's `namespace` does; a List becomes a List of such objects."""
    moved = [
        {**each, "metadata": {**mapping(each.get("metadata")), "namespace": namespace}}
        for each in unlisted(manifest)
    ]
    return moved[0] if len(moved) == 1 else {"apiVersion": "v1", "kind": "List", "items": moved}


def _command() -> list[str]:
    """Flux lifts the restriction to files below the folder, so it is lifted here."""
    restriction = "--load-restrictor=LoadRestrictionsNone"
    if found := shutil.which("kustomize"):
        return [found, "build", restriction]
    if found := shutil.which("kubectl"):
        return [found, "kustomize", restriction]
    return []


def _run(command: list[str]) -> subprocess.CompletedProcess[str] | str:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=SECONDS, stdin=subprocess.DEVNULL, check=False
        )
    except subprocess.TimeoutExpired:
        return f"no answer within {SECONDS} s"
    except (OSError, UnicodeDecodeError) as error:
        return type(error).__name__
    if done.returncode:
        return " ".join(done.stderr.split())[:300] or f"exit code {done.returncode}"
    return done


def _parse(text: str, where: str, unread: list[str]) -> Iterator[Declared]:
    try:
        for document in documents(text):
            if mapping(document.value).get("kind") not in OWN_NOTHING:
                yield Declared(document.value, f"{where} (rendered)")
    except Unreadable as error:
        unread.append(f"{where}: renders what is not valid YAML for Kubernetes: {error.why}.")


def _file(folder: Path) -> Path:
    return next((folder / name for name in NAMES if (folder / name).is_file()), folder)


def _kustomization(folder: Path, unread: list[str] | None = None) -> Manifest:
    """The first document of a folder's kustomization.yaml; {} if there is none to be read."""
    file = _file(folder)
    try:
        return next((mapping(each.value) for each in documents(file.read_text("utf-8-sig"))), {})
    except (OSError, ValueError) as error:
        if unread is not None:
            why = error.why if isinstance(error, Unreadable) else type(error).__name__
            unread.append(f"{file}: cannot be read: {why}. Nothing that it lists is checked.")
        return {}


def _entries(folder: Path) -> list[str]:
    kustomization = _kustomization(folder)
    return [text(each) for key in _LISTED for each in sequence(kustomization.get(key)) if text(each)]


def _here(folder: Path, entry: str) -> Path | None:
    """What a Kustomize folder lists, if it is on this disk."""
    path = folder / entry
    try:
        return path if "://" not in entry and path.exists() else None
    except OSError:  # no name that a disk takes
        return None


def _remote(folder: Path, seen: set[Path]) -> Iterator[str]:
    """What a folder, or one that it takes in, lists and is not here."""
    if folder.resolve() in seen:
        return
    seen.add(folder.resolve())
    for each in _entries(folder):
        path = _here(folder, each)
        if path is None:
            yield each
        elif path.is_dir():
            yield from _remote(path, seen)


def _listed(folder: Path, read_file: ReadFile, unread: list[str], seen: set[Path]) -> Iterator[Declared]:
    """What a folder lists, without kustomize: its namespace and replica counts are applied, no more."""
    if folder.resolve() in seen:
        return
    seen.add(folder.resolve())
    kustomization = _kustomization(folder, unread)
    missed = sorted(text(key) for key in kustomization.keys() - _READ - _HARMLESS)
    if missed:
        unread.append(
            f"{_file(folder)}: {', '.join(missed)}: not applied without kustomize, so names and replicas may "
            "differ. Install kustomize or kubectl, or give the output of `kustomize build`."
        )
    namespace = text(kustomization.get("namespace"))
    replicas = {
        text(each.get("name")): whole(each.get("count"))
        for each in map(mapping, sequence(kustomization.get("replicas")))
    }
    for entry in _entries(folder):
        if (path := _here(folder, entry)) is None:
            continue
        inner = _listed(path, read_file, unread, seen) if path.is_dir() else read_file(path, unread)
        for declared in inner:
            manifest = _with_replicas(declared.manifest, replicas)
            yield replace(declared, manifest=in_namespace(manifest, namespace) if namespace else manifest)


def _with_replicas(manifest: object, replicas: Mapping[str, int | None]) -> object:
    if not isinstance(manifest, dict) or not isinstance(spec := manifest.get("spec"), dict):
        return manifest
    count = replicas.get(text(mapping(manifest.get("metadata")).get("name")))
    return manifest if count is None else {**manifest, "spec": {**spec, "replicas": count}}

"""The Secrets and ConfigMaps of Kustomize's generators: their names and keys."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from keda.manifests.declared import UNKNOWN
from keda.manifests.documents import Document
from keda.manifests.given import Given
from keda.manifests.reading import Manifest, mapping, sequence, text


def generated(
    folder: Path, kustomization: Manifest, file: Path, document: Document
) -> Iterator[tuple[Given, str]]:
    """(A Secret or ConfigMap of a generator, its behaviour)."""
    for key, kind, values in (
        ("secretGenerator", "Secret", "stringData"),
        ("configMapGenerator", "ConfigMap", "data"),
    ):
        for index, each in enumerate(map(mapping, sequence(kustomization.get(key)))):
            metadata = {"name": each.get("name")}
            metadata |= {"namespace": each["namespace"]} if each.get("namespace") else {}
            manifest = {"apiVersion": "v1", "kind": kind, "metadata": metadata, values: _data(folder, each)}
            given = Given(manifest, document, str(file), (key, index))
            yield given, text(each.get("behavior")) or "create"


def _data(folder: Path, generator: Manifest) -> object:
    """The keys and values of a generator; UNKNOWN if a file that gives its keys is not here."""
    found: dict[str, object] = {}
    for literal in map(text, sequence(generator.get("literals"))):
        key, _, value = literal.partition("=")
        found[key] = value.strip("\"'")
    for entry in map(text, sequence(generator.get("files"))):
        key, equals, path = entry.partition("=")
        found[key if equals else Path(key).name] = UNKNOWN
    for entry in map(text, [*sequence(generator.get("envs")), *filter(None, [generator.get("env")])]):
        try:
            lines = (folder / entry).read_text("utf-8").splitlines()
        except (OSError, ValueError):
            return UNKNOWN
        for line in lines:
            key, _, value = line.partition("=")
            if key.strip() and not key.lstrip().startswith("#"):
                found[key.strip()] = value
    return found


def with_generated(objects: list[Given], generated: tuple[Given, str]) -> list[Given]:
    """The objects with a generated one; its behavior is create, replace or merge."""
    given, behaviour = generated
    same = [each for each in objects if each.kind == given.kind and given.name in (each.name, *each.names)]
    if behaviour == "create" or not same:
        return [*objects, given]
    done = []
    for each in objects:
        if each in same:
            manifest = dict(each.manifest)
            for key in ("data", "stringData"):
                new = given.manifest.get(key)
                if new is UNKNOWN:
                    manifest[key] = UNKNOWN
                elif new:
                    manifest[key] = {**(mapping(manifest.get(key)) if behaviour == "merge" else {}), **new}
            each = each._replace(manifest=manifest)
        done.append(each)
    return done

"""An object of a repository: as it is applied, and where it is written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from keda.manifests.documents import Document
from keda.manifests.reading import At, dig, mapping, text


class Given(NamedTuple):
    """An object as it is applied, and where it is written. `prefix` is its place in a List."""

    manifest: dict[Any, Any]
    document: Document
    file: str
    prefix: At = ()
    names: frozenset[str] = frozenset()
    """The names it had before a prefix or suffix."""

    @property
    def kind(self) -> str:
        """The kind, or ""."""
        return text(self.manifest.get("kind"))

    @property
    def group(self) -> str:
        """The API group; "" for the core group."""
        group, slash, _ = text(self.manifest.get("apiVersion")).partition("/")
        return group if slash else ""

    @property
    def name(self) -> str:
        """The name after all transformations, or ""."""
        return text(dig(self.manifest, "metadata", "name"))

    def with_metadata(self, **fields: object) -> Given:
        """A copy with these fields of the metadata replaced."""
        metadata = {**mapping(self.manifest.get("metadata")), **fields}
        return self._replace(manifest={**self.manifest, "metadata": metadata})


class Built:
    """The objects of a folder. `incomplete`: why there may be others, or other values; empty if not."""

    def __init__(self, objects: list[Given], incomplete: Iterable[str] = ()) -> None:
        self.objects, self.incomplete = objects, list(incomplete)


Read = Callable[[Path], list[Document]]
"""The documents of a file, those that can be read."""


class Lead(NamedTuple):
    """A folder that an object of Flux or Argo CD has applied, and what it changes there."""

    path: str | None
    """From the root of the repository; None if it is not in it, or not known."""
    changes: Mapping[str, Any] = {}
    """As in a kustomization.yaml."""
    namespace: object = None
    """Of the objects that name none."""
    nested: bool = True
    """Whether a folder without kustomization.yaml is applied with the folders below it."""
    names: Callable[[str], bool] = bool
    """Which files of such a folder are applied, by their paths in it."""


def split(document: Document, file: str) -> Iterator[Given]:
    """The object of a document, or every one inside its List."""
    value = mapping(document.value)
    items = value.get("items")
    if text(value.get("kind")).endswith("List") and isinstance(items, list):
        for index, item in enumerate(items):
            if isinstance(item, dict):
                yield Given(item, document, file, ("items", index))
    elif isinstance(value, dict) and value:
        yield Given(value, document, file)

"""YAML documents as a list of objects, and what of them must be there before each can be created."""

from __future__ import annotations

import glob
import json
import re
import urllib.request
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import yaml

from pulumi_plugins.kubernetes_provider.objects import Object, is_crd

DEPENDS_ON = "config.kubernetes.io/depends-on"  # cli-utils' annotation: [group/]kind references


_BOOLEANS = {"y": True, "Y": True, "n": False, "N": False}


class ManifestError(Exception):
    """A document is no Kubernetes object. The text is one line."""


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """YAML as Kubernetes' Go library reads it: a date stays text, `=` is a string, `y` is a boolean."""


_Loader.yaml_implicit_resolvers = {
    first: [
        (tag, pattern)
        for tag, pattern in resolvers
        if tag not in {"tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:value"}
    ]
    for first, resolvers in _Loader.yaml_implicit_resolvers.items()
}
for _letter in _BOOLEANS:
    _Loader.yaml_implicit_resolvers.setdefault(_letter, []).append(
        ("tag:yaml.org,2002:bool", re.compile(r"[yYnN]$"))
    )


def _boolean(loader: Any, node: Any) -> Any:
    if node.value in _BOOLEANS:
        return _BOOLEANS[node.value]
    return yaml.SafeLoader.construct_yaml_bool(loader, node)


_Loader.add_constructor("tag:yaml.org,2002:bool", _boolean)


def parse(text: str) -> list[Object]:
    """All objects of a YAML text, the items of Lists one by one. Raises ManifestError."""
    try:
        documents = [document for document in yaml.load_all(text, Loader=_Loader) if document]
    except yaml.YAMLError as error:
        raise ManifestError(f"not YAML: {' '.join(str(error).split())}") from None
    return list(_expanded(documents))


def read(files: Iterable[str]) -> list[Object]:
    """All objects of files, globs and URLs. Raises ManifestError."""
    objects = []
    for name in files:
        try:
            if "://" in name:
                with urllib.request.urlopen(name, timeout=60) as response:
                    texts = [response.read().decode()]
            else:
                paths = sorted(glob.glob(name)) if glob.has_magic(name) else [name]  # noqa: PTH207 - may be absolute
                texts = [Path(path).read_text(encoding="utf-8") for path in paths]
        except OSError as error:
            raise ManifestError(f"{name} cannot be read: {error}") from None
        objects += [obj for text in texts for obj in parse(text)]
    return objects


def _expanded(documents: Iterable[Any]) -> Iterable[Object]:
    for document in documents:
        if not isinstance(document, dict) or not document.get("kind") or not document.get("apiVersion"):
            raise ManifestError(f"Kubernetes resources require a kind and apiVersion: {str(document)[:80]}")
        if str(document["kind"]).endswith("List") and isinstance(document.get("items"), list):
            yield from _expanded(document["items"])
        elif not isinstance(name := (document.get("metadata") or {}).get("name"), str) or not name:
            why = "none" if name is None else f"{json.dumps(name)}, which is not a text: put it in quotes"
            raise ManifestError(
                "Kubernetes resources require a .metadata.name, and "
                f"{'an' if document['kind'][:1] in 'AEIOU' else 'a'} {document['kind']} has {why}"
            )
        else:
            yield document


def defined_kinds(objects: Iterable[Object]) -> dict[tuple[str, str], bool]:
    """(group, kind) of the CustomResourceDefinitions among the objects, and whether they are namespaced."""
    return {
        (obj["spec"].get("group", ""), obj["spec"].get("names", {}).get("kind", "")): obj["spec"].get("scope")
        == "Namespaced"
        for obj in objects
        if is_crd(obj) and isinstance(obj.get("spec"), dict)
    }


def set_namespace(objects: list[Object], namespace: str, namespaced: Callable[[str, str], bool]) -> None:
    """Gives namespaced objects without one the default namespace."""
    for obj in objects:
        if not obj["metadata"].get("namespace") and namespaced(obj["apiVersion"], obj["kind"]):
            obj["metadata"]["namespace"] = namespace


def dependencies(objects: list[Object]) -> list[list[int]]:
    """For each object the indexes of those that come first: its Namespace, its definition, what it names."""
    namespaces, definitions, references = {}, {}, {}
    for index, obj in enumerate(objects):
        group = obj["apiVersion"].rpartition("/")[0]
        name, namespace = obj["metadata"]["name"], obj["metadata"].get("namespace")
        scope = f"namespaces/{namespace}/" if namespace else ""
        references[f"{group}/{scope}{obj['kind']}/{name}"] = index
        if (group, obj["kind"]) == ("", "Namespace"):
            namespaces[name] = index
    for index, obj in enumerate(objects):
        for key in defined_kinds([obj]):
            definitions[key] = index
    needed = []
    for index, obj in enumerate(objects):
        group = obj["apiVersion"].rpartition("/")[0]
        named = str((obj["metadata"].get("annotations") or {}).get(DEPENDS_ON, "")).split(",")
        found = {
            namespaces.get(obj["metadata"].get("namespace")),
            definitions.get((group, obj["kind"])),
            *(references.get(reference.strip()) for reference in named),
        }
        needed.append(sorted(each for each in found - {None, index} if each is not None))
    return needed

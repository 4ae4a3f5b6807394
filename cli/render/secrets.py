"""No secret is written into the tree; which Secrets its objects read is listed instead."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from cli.errors import CommandError
from cli.render.program import Object
from keda.core.errors import is_secret_value, join


def refuse(files: Mapping[str, Mapping[str, Any]]) -> None:
    """Lets no file pass that is a Secret or holds what looks like a credential.

    Raises:
        CommandError: one line for each; never a value.
    """
    faults = [fault for path, content in files.items() for fault in _faults(path, content)]
    if faults:
        raise CommandError("\n".join(faults))


def required(objects: Iterable[Object]) -> dict[str, list[str]]:
    """`namespace/name` of each Secret that the objects read from their own namespace, with the keys."""
    found: dict[str, set[str]] = {}
    for item in objects:
        for name, key in _references(item.get("spec")):
            found.setdefault(f"{item['metadata'].get('namespace')}/{name}", set()).add(key)
    return {name: sorted(found[name]) for name in sorted(found)}


def _faults(file: str, content: Mapping[str, Any]) -> Iterator[str]:
    if (content["apiVersion"], content["kind"]) == ("v1", "Secret"):
        yield (
            f"{file}: a Secret is never written into the tree: its value would stay in the history of the "
            "repository. Write an ExternalSecret or a SOPS file beside the tree."
        )
        return
    for path in _credentials(content, ()):
        yield (
            f"{file} {join(*path)}: a secret in plain text. It would stay in the history of the repository. "
            "Put it into a Secret, and name that."
        )


def _credentials(value: Any, path: tuple[str | int, ...]) -> Iterator[tuple[str | int, ...]]:
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield from _credentials(each, (*path, str(key)))
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _credentials(each, (*path, index))
    elif isinstance(value, str) and is_secret_value(value):
        yield path


def _references(value: Any) -> Iterator[tuple[str, str]]:
    """(name, key) of every Secret's key that is named below a value."""
    if isinstance(value, list):
        for each in value:
            yield from _references(each)
    elif isinstance(value, Mapping):
        for key, each in value.items():
            if key == "secretKeyRef":
                yield each["name"], each["key"]
            elif key == "secretTargetRef":
                yield from ((entry["name"], entry["key"]) for entry in each)
            else:
                yield from _references(each)

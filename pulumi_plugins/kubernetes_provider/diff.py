"""What changed between two sets of inputs, and which changes need a new object."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from pulumi_plugins.kubernetes_provider import immutable
from pulumi_plugins.kubernetes_provider.codec import Unknown

Path = list[str | int]


def changes(old: Any, new: Any, path: Path | None = None) -> Iterator[tuple[Path, str]]:
    """Every changed leaf, as its path and `add`, `delete` or `update`."""
    path = path or []
    if isinstance(old, dict) and isinstance(new, dict):
        for key in [*old, *(key for key in new if key not in old)]:
            if key not in new:
                yield [*path, key], "delete"
            elif key not in old:
                yield [*path, key], "add"
            else:
                yield from changes(old[key], new[key], [*path, key])
    elif isinstance(old, list) and isinstance(new, list):
        for index in range(max(len(old), len(new))):
            if index >= len(new):
                yield [*path, index], "delete"
            elif index >= len(old):
                yield [*path, index], "add"
            else:
                yield from changes(old[index], new[index], [*path, index])
    elif isinstance(new, Unknown) or old != new or isinstance(old, bool) != isinstance(new, bool):
        yield path, "update"


def text(path: Path) -> str:
    """A path as the engine writes it: `metadata.annotations["example.com/a"]`, `spec.ports[0]`."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif re.search(r'[."\[\]]', step):
            escaped = step.replace('"', '\\"')
            text += f'["{escaped}"]'
        else:
            text += f".{step}" if text else step
    return text


def parse(path: str) -> Path:
    """A property path of `ignoreChanges`, such as `spec.caBundle` or `webhooks[*].x`; `*` stays a step."""
    steps: Path = []
    for name, quoted, index in re.findall(r'([^.\["\]]+)|\["((?:[^"\\]|\\.)*)"\]|\[(\d+|\*)\]', path):
        if index:
            steps.append(int(index) if index != "*" else "*")
        else:
            steps.append(quoted.replace('\\"', '"') if quoted else name)
    return steps


def ignored(path: Path, ignore: list[Path]) -> bool:
    """Whether a path is at or below one that is ignored."""
    return any(
        len(prefix) <= len(path) and all(step in {"*", path[index]} for index, step in enumerate(prefix))
        for prefix in ignore
    )


def needs_replacement(
    obj: dict[str, Any],
    path: Path,
    value: Any = None,
    *,
    mutable: frozenset[str] = frozenset(),
    identity_only: bool = False,
) -> bool:
    """Whether the released provider makes a new object for a change of this path.

    Args:
        obj: the new inputs.
        path: the changed path.
        value: what is added or removed there; a fixed field inside it counts.
        mutable: kinds among ConfigMap and Secret whose data the provider may change in place.
        identity_only: only another name or namespace counts, as for a `…Patch` resource.
    """
    fixed = immutable.IDENTITY if identity_only else immutable.fixed_paths(obj, mutable)
    return any(immutable.touches(each, path, value) for each in fixed)

"""The ScaledObject of a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from keda.core.defaults import GPUS_PER_POD
from keda.manifests.path import objects_of
from keda.manifests.reading import annotation, dig
from keda.scaling.jobs import ScaledJob
from keda.scaling.manifest import Unsimulated, read_scaled_job, read_scaled_object
from keda.scaling.scaled_object import ScaledObject

KINDS = ("ScaledObject", "ScaledJob")


class Unread(ValueError):
    """A file without a ScaledObject that can be simulated: one sentence that begins with the file."""


Manifests = Mapping[str, Mapping[str, Any]]
"""ScaledObjects and ScaledJobs by name."""
Read = Callable[[str], Manifests]
"""Reads a file. Raises Unread."""


def scaled(path: str) -> Manifests:
    """The ScaledObjects and ScaledJobs of a file, by name; `-` is stdin. Raises Unread."""
    found = {
        str(dig(manifest, "metadata", "name")): manifest
        for manifest in objects_of(path, Unread)
        if manifest.get("kind") in KINDS
    }
    if not found and Path(path).name.startswith("Pulumi."):
        raise Unread(f"{path}: is a stack file, not a manifest. In a clone, run python -m cli.keda instead.")
    if not found:
        raise Unread(f"{path}: holds no ScaledObject and no ScaledJob. Give a file with one.")
    return found


def find(
    path: str, workload: str | None = None, read: Read = scaled, kinds: Sequence[str] = ("ScaledObject",)
) -> Mapping[str, Any]:
    """The manifest of the only object of these kinds in a file, or of the one named `workload`.

    Raises Unread.
    """
    found = {name: each for name, each in read(path).items() if each["kind"] in kinds}
    if not found:
        raise Unread(f"{path}: holds no {' or '.join(kinds)}. Give a file with one.")
    there = dict.fromkeys(each["kind"] for each in found.values())
    if workload is None and len(found) > 1:
        what = " and ".join(f"{kind}s" for kind in there)
        raise Unread(f"{path}: holds {len(found)} {what}. Write --workload, one of: {', '.join(found)}.")
    name, what = next(iter(found)) if workload is None else workload, " or ".join(there)
    if name not in found:
        raise Unread(f"{path}: holds no {what} {name[:60]}. Write one of: {', '.join(found)}.")
    return found[name]


def read(manifest: Mapping[str, Any], path: str = "") -> ScaledObject:
    """The manifest in the simulation's units. Raises Unread, which begins with `path` if that is given."""
    if manifest.get("kind") != "ScaledObject":
        raise Unread(f"{_named(manifest, path)} is not a ScaledObject. Give a file with one.")
    try:
        return read_scaled_object(manifest)
    except Unsimulated as error:
        raise Unread(f"{_named(manifest, path)}: {error}") from None


def read_job(manifest: Mapping[str, Any], path: str = "") -> ScaledJob:
    """The same of a ScaledJob. Raises Unread."""
    try:
        return read_scaled_job(manifest)
    except Unsimulated as error:
        raise Unread(f"{_named(manifest, path)}: {error}") from None


def _named(manifest: Mapping[str, Any], path: str) -> str:
    name = f"{manifest.get('kind')} {dig(manifest, 'metadata', 'name')}"
    return f"{path}: {name}" if path else name


def gpus_per_pod(manifest: Mapping[str, Any]) -> int:
    """GPUs that each pod requests, by the annotation that keda-gpu-budget reads; 0 without it."""
    stated = str(annotation(manifest, GPUS_PER_POD))
    return int(stated) if stated.isascii() and stated.isdigit() else 0

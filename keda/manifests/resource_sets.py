"""The objects that a ResourceSet of the Flux Operator makes, where its inputs are written in it.

Source: controlplaneio-fluxcd/flux-operator, internal/builder/resourceset.go and docs/api/v1/resourceset.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from keda.manifests.declared import UNKNOWN
from keda.manifests.documents import Unreadable, documents
from keda.manifests.given import Given
from keda.manifests.go_templates import Templates
from keda.manifests.reading import At, Manifest, annotation, dig, mapping, sequence, text

RESOURCE_SET = ("fluxcd.controlplane.io", "ResourceSet")
_RECONCILE = "fluxcd.controlplane.io/reconcile"


def made(given: Given) -> list[Given] | str:
    """The objects of a ResourceSet, or why they are not known."""
    spec = mapping(given.manifest.get("spec"))
    if spec.get("inputsFrom"):
        return "its inputsFrom is read in the cluster"
    inputs = [mapping(each) for each in sequence(spec.get("inputs"))]
    provider = {"kind": "ResourceSet", "name": given.name} | {
        "namespace": dig(given.manifest, "metadata", "namespace"),
        "apiVersion": given.manifest.get("apiVersion"),
    }
    templates = [
        Templates("<<", ">>", {"inputs": {**each, "provider": provider}}, typed=True)
        for each in inputs or [{}]
    ]
    steps: list[tuple[At, Manifest]] = [(("spec",), spec)]
    steps += [(("spec", "steps", at), mapping(each)) for at, each in enumerate(sequence(spec.get("steps")))]
    found: dict[tuple[object, ...], Given] = {}
    try:
        for at, step in steps:
            for each in _of_step(given, at, step, templates):
                found.setdefault(_identity(each), each)
    except Unreadable:
        return "its resourcesTemplate holds more than names of inputs"
    return list(found.values())


def _of_step(given: Given, at: At, step: Manifest, templates: list[Templates]) -> Iterator[Given]:
    for index, resource in enumerate(sequence(step.get("resources"))):
        for each in templates:
            yield from _given(given, (*at, "resources", index), each.filled(resource))
    if template := step.get("resourcesTemplate"):
        for each in templates:
            whole = each._replace(typed=False).text(text(template))
            if UNKNOWN in (template, whole):
                raise Unreadable(0, "")
            for document in documents(whole, variables=True):
                yield from _given(given, (*at, "resourcesTemplate"), document.value)


def _given(given: Given, at: At, manifest: Any) -> Iterator[Given]:
    if isinstance(manifest, dict) and annotation(manifest, _RECONCILE) != "disabled":
        yield Given(manifest, given.document, given.file, (*given.prefix, *at))


def _identity(given: Given) -> tuple[object, ...]:
    namespace = dig(given.manifest, "metadata", "namespace")
    return given.group, given.kind, given.name or id(given), namespace

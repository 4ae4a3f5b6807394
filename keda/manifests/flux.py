"""Flux's Kustomizations: which folder each applies, into which namespace, with which variables and patches.

Source: kustomize-controller's API (kustomize.toolkit.fluxcd.io/v1 KustomizationSpec); FluxInstance of the
Flux Operator (spec.sync.path).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from keda.manifests.declared import UNKNOWN
from keda.manifests.given import Built, Given, Lead
from keda.manifests.reading import Manifest, dig, mapping, sequence, text
from keda.manifests.substitution import filled

KUSTOMIZATION = ("kustomize.toolkit.fluxcd.io", "Kustomization")
INSTANCE = ("fluxcd.controlplane.io", "FluxInstance")


def leads(given: Given) -> Iterator[Lead]:
    """The folder that an object makes Flux apply; none if it is of another kind."""
    spec = mapping(given.manifest.get("spec"))
    if (given.group, given.kind) == KUSTOMIZATION:
        path = spec.get("path")
        changes = {key: spec.get(key) for key in ("components", "patches", "namePrefix", "nameSuffix")} | {
            "namespace": spec.get("targetNamespace"),
            "commonAnnotations": dig(spec, "commonMetadata", "annotations"),
            "labels": [{"pairs": dig(spec, "commonMetadata", "labels")}],
        }
        yield Lead(None if path is UNKNOWN else text(path) or "./", changes)
    elif (given.group, given.kind) == INSTANCE and (path := text(dig(spec, "sync", "path"))):
        yield Lead(path, {"patches": dig(spec, "kustomize", "patches")})


def substituted(built: Built, given: Given, around: Iterable[Given]) -> Built:
    """The objects with the variables of `postBuild`. Objects that opt out keep their texts."""
    post = mapping(dig(given.manifest, "spec", "postBuild"))
    variables = _variables(post, around)
    return Built([_filled(each, variables) for each in built.objects], built.incomplete)


def _filled(each: Given, variables: Mapping[str, str]) -> Given:
    metadata = mapping(each.manifest.get("metadata"))
    for key in ("labels", "annotations"):
        if mapping(metadata.get(key)).get("kustomize.toolkit.fluxcd.io/substitute") == "disabled":
            return each
    return each._replace(manifest=filled(each.manifest, variables))


def _variables(post: Manifest, around: Iterable[Given]) -> dict[str, str]:
    """The values of ConfigMaps that are given, then those that are written out; a Secret's are not read."""
    found: dict[str, str] = {}
    hidden: set[str] = set()
    sources = [mapping(each) for each in sequence(post.get("substituteFrom"))]
    names = {(text(each.get("kind")), text(each.get("name"))) for each in sources}
    for each in around if names else ():
        if each.kind == "ConfigMap" and ("ConfigMap", each.name) in names:
            data = mapping(each.manifest.get("data"))
            found |= {str(key): value for key, value in data.items() if isinstance(value, str)}
        elif each.kind == "Secret" and ("Secret", each.name) in names:
            hidden |= {
                str(key) for part in ("data", "stringData") for key in mapping(each.manifest.get(part))
            }
    found = {key: value for key, value in found.items() if key not in hidden}
    for key, value in mapping(post.get("substitute")).items():
        if value is UNKNOWN:
            found.pop(str(key), None)
        else:
            found[str(key)] = str(value)
    return {key: value for key, value in found.items() if "$" not in value}

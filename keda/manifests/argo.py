"""Argo CD: the folders that an Application applies, and the Applications that an ApplicationSet makes.

Sources: argo-cd, pkg/apis/application/v1alpha1/{types,applicationset_types}.go and
docs/operator-manual/applicationset.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from itertools import product
from pathlib import PurePosixPath
from typing import Any

from keda.manifests.declared import UNKNOWN
from keda.manifests.given import Given, Lead
from keda.manifests.go_templates import Templates, normalized
from keda.manifests.reading import Manifest, dig, mapping, sequence, text

APPLICATION = ("argoproj.io", "Application")
APPLICATION_SET = ("argoproj.io", "ApplicationSet")

Folders = Callable[[str], Sequence[str]]
"""The folders of the repository that match a glob, from its root."""
_KUSTOMIZE = (
    *("namePrefix", "nameSuffix", "namespace", "commonLabels", "commonAnnotations"),
    *("patches", "replicas", "components"),
)
_RENDERED = ("chart", "helm", "plugin")
"""Fields of a source that is not read here."""


class _Unknown(Exception):
    """What is known in the cluster only."""


def leads(given: Given) -> Iterator[Lead]:
    """The folder of each source of an Application; none if it is of another kind."""
    if (given.group, given.kind) != APPLICATION:
        return
    spec = mapping(given.manifest.get("spec"))
    namespace = dig(spec, "destination", "namespace")
    for source in map(mapping, sequence(spec.get("sources")) or [spec.get("source")]):
        path = source.get("path")
        if any(source.get(key) for key in _RENDERED) or path is UNKNOWN:
            yield Lead(None)
        elif isinstance(path, str):
            options = mapping(source.get("kustomize"))
            folder = mapping(source.get("directory"))
            yield Lead(
                path,
                {key: options[key] for key in _KUSTOMIZE if options.get(key)},
                namespace,
                nested=folder.get("recurse") is True,
                names=_names(text(folder.get("include")) or "*", text(folder.get("exclude"))),
            )


def _names(include: str, exclude: str) -> Callable[[str], bool]:
    return lambda path: _fits(path, include) and not (exclude and _fits(path, exclude))


def _fits(path: str, pattern: str) -> bool:
    """Whether a path fits `*.yaml` or `{a/*,b.yaml}`."""
    head, _, rest = pattern.partition("{")
    inner, _, tail = rest.partition("}")
    return any(fnmatchcase(path, f"{head}{each}{tail}") for each in inner.split(","))


def destination(given: Given) -> str:
    """The cluster of an Application's objects; "" is Argo CD's own."""
    place = mapping(dig(given.manifest, "spec", "destination"))
    named = place.get("server") or place.get("name")
    if named is UNKNOWN:
        return f"?{given.name}"
    return "" if named in ("https://kubernetes.default.svc", "in-cluster", None) else text(named)


def made(given: Given, folders: Folders) -> list[Given] | str:
    """The Applications of an ApplicationSet, or why they are not known."""
    spec = mapping(given.manifest.get("spec"))
    if spec.get("templatePatch"):
        return "its templatePatch is filled in in the cluster"
    go = spec.get("goTemplate") is True
    try:
        found = [each for one in sequence(spec.get("generators")) for each in _generated(one, folders, go)]
    except _Unknown as unknown:
        return str(unknown)
    if not found:
        return "its generators give no values here"
    template = mapping(spec.get("template"))
    manifest = {"apiVersion": given.manifest.get("apiVersion"), "kind": "Application"} | {
        key: dict(mapping(template.get(key))) for key in ("metadata", "spec")
    }
    prefix = (*given.prefix, "spec", "template")
    return [
        given._replace(manifest=Templates("{{", "}}", values).filled(manifest), prefix=prefix)
        for values in found
    ]


def _generated(generator: Any, folders: Folders, go: bool) -> Iterator[Mapping[str, Any]]:
    """The sets of values of one generator. Raises _Unknown."""
    kinds = [key for key in mapping(generator) if key != "values"]
    if kinds == ["list"] and not dig(generator, "list", "elementsYaml"):
        yield from map(mapping, sequence(dig(generator, "list", "elements")))
    elif kinds == ["git"] and dig(generator, "git", "directories"):
        for path in _directories(mapping(generator["git"]), folders):
            yield _of_path(path, go) | {"values": mapping(generator["git"].get("values"))}
    elif kinds == ["matrix"]:
        both = [
            list(_generated(each, folders, go)) for each in sequence(generator["matrix"].get("generators"))
        ]
        for values in product(*both):
            yield {key: value for each in values for key, value in each.items()}
    else:
        raise _Unknown(f"its generator {', '.join(map(str, kinds)) or '(none)'} is not read here")


def _directories(git: Manifest, folders: Folders) -> Iterator[str]:
    entries = list(map(mapping, sequence(git.get("directories"))))
    left_out = {path for each in entries if each.get("exclude") for path in folders(text(each.get("path")))}
    taken = [path for each in entries if not each.get("exclude") for path in folders(text(each.get("path")))]
    if not taken:
        raise _Unknown("its directories are not in this repository")
    yield from (path for path in dict.fromkeys(taken) if path not in left_out)


def _of_path(path: str, go: bool) -> dict[str, Any]:
    """The values of a folder (applicationset/generators/git.go, generateParamsFromApps)."""
    parts, name = path.split("/"), PurePosixPath(path).name
    basename = {"basename": name, "basenameNormalized": normalized(name)}
    if go:
        return {"path": {"path": path, **basename, "segments": parts}}
    flat = {f"path[{at}]": part for at, part in enumerate(parts)}
    return {"path": path, **{f"path.{key}": value for key, value in basename.items()}, **flat}

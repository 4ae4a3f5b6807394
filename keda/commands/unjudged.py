"""What `keda check` did not judge, and why, in lines for a person."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from keda.manifests.files import Unjudged

FIRST = 3
"""So many are named."""


def told(unjudged: Unjudged, *, quiet: bool = False) -> Iterator[str]:
    """What could not be read; unless `quiet`, also what is not read by design."""
    yield from unjudged.broken
    if quiet:
        return
    if charts := unjudged.charts:
        yield (
            f"{_first(charts)}: not judged: {_are(charts, 'chart')}, not rendered. Give "
            f"`helm template {charts[0] if len(charts) == 1 else 'CHART'} | keda check -`, or --render."
        )
    if unjudged.templates:
        places = [line.split(": is not valid", 1)[0] for line in unjudged.templates]
        yield f"{_first(places)}: not judged: {_are(places, 'template')}. Check what they render."
    if unjudged.unlisted:
        files = unjudged.unlisted
        yield f"{_first(files)}: not judged: the kustomization.yaml there does not name {_it(files)}."
    if unjudged.placeholders:
        files, placeholder = list(unjudged.placeholders), next(iter(unjudged.placeholders.values()))
        yield (
            f"{_first(files)}: placeholders, such as {placeholder}, are not judged, and nothing is called "
            "missing. Check what is applied."
        )
    if patches := unjudged.patches:
        what = _are(patches, "patch")
        yield f"{_first(patches)}: not judged: {what} of a kustomization.yaml. Give its folder."
    if excluded := unjudged.excluded:
        yield f"{_first(excluded)}: not judged: the settings or --exclude leave {_it(excluded)} out."
    if remote := list(dict.fromkeys(unjudged.remote)):
        yield (
            f"{_first(remote)}: not read, so nothing is called missing there. "
            "Give the output of `kustomize build`."
        )
    yield from (f"{each}, and nothing is called missing." for each in unjudged.made[:FIRST])
    if (more := len(unjudged.made) - FIRST) > 0:
        yield f"{more} more of Flux's and Argo CD's objects: not judged either."


def _first(names: Sequence[str]) -> str:
    more = len(names) - FIRST
    return ", ".join(names[:FIRST]) + (f" and {more} more" if more > 0 else "")


def _are(names: Sequence[str], what: str) -> str:
    plural = f"{what}es" if what == "patch" else f"{what}s"
    return f"a {what}" if len(names) == 1 else plural


def _it(names: Sequence[str]) -> str:
    return "it" if len(names) == 1 else "them"

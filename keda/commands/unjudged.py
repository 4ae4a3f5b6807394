"""What `keda check` did not judge, and why, in lines for a person."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from keda.core.errors import counted
from keda.manifests.files import Unjudged

FIRST = 3
"""So many are named."""


def notes(unjudged: Unjudged, *, quiet: bool = False) -> Iterator[str]:
    """What could not be read; unless `quiet`, also what is not read by design."""
    yield from unjudged.broken
    if quiet:
        return
    charts = unjudged.charts
    chart = charts[0] if len(charts) == 1 else "CHART"
    placeholder = next(iter(unjudged.placeholders.values()), "")
    for names, word, which, advice in (
        (charts, "chart", "", f"Give `helm template {chart} | keda check -`, or --render."),
        (list(unjudged.templates), "template", "", "Check what is rendered."),
        (unjudged.unlisted, "file", " that the kustomization.yaml there does not name", ""),
        (unjudged.patches, "patch file", "", "Give the folder of the kustomization.yaml."),
        (unjudged.excluded, "file", " that the settings or --exclude leave out", ""),
        (
            list(unjudged.placeholders),
            "file",
            f" with placeholders, such as {placeholder}",
            "All but these is judged, and no reference is reported as missing.",
        ),
        (
            list(dict.fromkeys(unjudged.remote)),
            "remote resource",
            "",
            "No reference there is reported as missing. Give the output of `kustomize build`.",
        ),
    ):
        if names:
            yield f"Not judged: {counted(len(names), word)}{which}: {_first(names)}. {advice}".rstrip()
    yield from (f"{each}, and nothing is called missing." for each in unjudged.made[:FIRST])
    if (more := len(unjudged.made) - FIRST) > 0:
        yield f"{more} more of Flux's and Argo CD's objects: not judged either."


def _first(names: Sequence[str]) -> str:
    more = len(names) - FIRST
    return ", ".join(names[:FIRST]) + (f" and {more} more" if more > 0 else "")

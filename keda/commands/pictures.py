"""Pictures that commands write: SVG, HTML or PNG, by the ending of the file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from keda.commands.errors import NotThere
from keda.timelines.timeline import Outcome, Timeline

if TYPE_CHECKING:
    from keda.timelines.drawing import Draw

PICTURES = (".svg", ".html", ".png")


def plots(paths: Sequence[str], command: str) -> None:
    """Raises NotThere for a picture of another sort."""
    for path in paths:
        if Path(path).suffix not in PICTURES:
            raise NotThere(f"{command}: --plot {path}: write a file that ends with .svg, .html or .png.")


def draw(
    path: str,
    timelines: Sequence[Timeline],
    outcomes: Sequence[Outcome],
    command: str = "keda simulate",
    names: Sequence[str] = ("old", "new"),
) -> None:
    """Writes the picture of one timeline, or of the second over the first. Raises NotThere."""
    from keda.timelines import drawing, page  # slow, and only here

    *before, timeline = timelines
    old = (names[0], before[0]) if before else None
    if path.endswith(".html"):
        written(path, command, lambda: page.html(timelines, outcomes, names).encode())
    else:
        picture(path, command, lambda: drawing.figure(timeline, old))


def picture(path: str, command: str, make: Draw) -> None:
    """Writes a figure as SVG or PNG, by the file's ending. Raises NotThere."""
    from keda.timelines import drawing

    written(path, command, lambda: drawing.png(make) if path.endswith(".png") else drawing.svg(make).encode())


def written(path: str, command: str, content: Callable[[], bytes]) -> None:
    """Writes what is drawn. Raises NotThere: no matplotlib, no file."""
    from keda.timelines import drawing

    try:
        Path(path).write_bytes(content())
    except drawing.Undrawn as error:
        raise NotThere(f"{command}: --plot {path}: {error}") from None
    except OSError as error:
        raise NotThere(f"{command}: --plot {path}: cannot be written: {error.strerror}.") from None

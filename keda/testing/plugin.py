"""The pytest plugin: timelines that are kept beside the tests, as JSON and as pictures.

Installed with the package, as the entry point `keda`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from keda.scaling.simulation import reason_of
from keda.timelines import drawing
from keda.timelines.notation import clock
from keda.timelines.timeline import Timeline

Golden = Callable[[Timeline], None]


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--write-timelines`."""
    parser.getgroup("keda").addoption(
        "--write-timelines", action="store_true", help="write the golden timelines again"
    )


@pytest.fixture
def golden_timeline(request: pytest.FixtureRequest) -> Golden:
    """Compares a timeline with `timelines/<module>.<test>.json` beside the test, one change a line.

    `pytest --write-timelines` writes it, and the picture `.svg` where matplotlib is installed.
    """
    name = re.sub(r"[^\w.-]+", "-", f"{request.path.stem.removeprefix('test_')}.{request.node.name}").strip(
        "-"
    )
    file = request.path.parent / "timelines" / f"{name}.json"
    write = bool(request.config.getoption("--write-timelines"))

    def compare(timeline: Timeline) -> None:
        __tracebackhide__ = True
        text = as_text(timeline)
        if write:
            _write(file, text, timeline)
            return
        if not file.exists():
            pytest.fail(f"{file} is not there. Run pytest --write-timelines, and look at it.", pytrace=False)
        if text != (kept := file.read_text(encoding="utf-8")):
            pytest.fail(f"{file} differs.\n{_difference(kept, text)}", pytrace=False)

    return compare


def as_text(timeline: Timeline) -> str:
    """The changes as JSON, one a line: seconds, replicas before and after, the reason's kind and limits."""
    lines = []
    for change in timeline.changes:
        reason = reason_of(change, timeline.scaled_object)
        row = [change.at / 1000, change.before, change.replicas, ", ".join((reason.kind, *reason.limits))]
        lines.append(f"  {json.dumps(row)}")
    head = {"workload": timeline.scaled_object.name, "keda": timeline.scaled_object.version}
    changes = ",\n".join(lines)
    return f'{json.dumps(head)[:-1]}, "changes": [\n{changes}\n]}}\n'


def _write(file: Path, text: str, timeline: Timeline) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_text(text, encoding="utf-8")
    try:
        file.with_suffix(".svg").write_text(drawing.svg(lambda: drawing.figure(timeline)), encoding="utf-8")
    except drawing.Undrawn:
        return  # the JSON is what is compared


def _difference(kept: str, now: str) -> str:
    """The first change that differs, as both have it."""
    pairs = [(json.loads(text)["changes"], name) for text, name in ((kept, "kept"), (now, "now"))]
    length = max(len(changes) for changes, _ in pairs)
    for index in range(length):
        found = [changes[index] if index < len(changes) else None for changes, _ in pairs]
        if found[0] != found[1]:
            lines = [f"{name}: {_words(row)}" for (_, name), row in zip(pairs, found, strict=True)]
            return f"Change {index + 1}\n" + "\n".join(lines)
    return "The workload's name or KEDA's version."


def _words(row: list[float | int | str] | None) -> str:
    if row is None:
        return "there is none"
    seconds, before, after, reason = row
    return f"{clock(round(float(seconds) * 1000))} {before} -> {after} {reason}"

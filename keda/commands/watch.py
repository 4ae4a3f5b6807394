"""`keda check --watch`: judges again when a file changes."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from keda.commands.errors import NotThere
from keda.commands.options import config_files
from keda.core.errors import counted
from keda.manifests.files import NEVER

PAUSE = 0.5
"""Seconds between two rounds, at least: reading takes a tenth of the time at most."""

Seen = Mapping[Path, tuple[int, int]]
"""Time of the last change (nanoseconds) and size, by file."""


def watch(paths: Sequence[str], judge: Callable[[], object]) -> None:
    """Runs `judge` now, and whenever a file at or below the paths changes. Ends by KeyboardInterrupt only.

    Raises NotThere if standard input is among the paths.
    """
    if "-" in paths:
        raise NotThere("keda check: --watch reads files again; standard input can be read once. Give files.")
    while True:
        before = _seen(paths)
        try:
            judge()
        except NotThere as error:  # a setting, which may be put right
            print(error, file=sys.stderr)
        print(f"{counted(len(before), 'file')} watched. Ctrl-C ends.", file=sys.stderr, flush=True)
        changed = _change(paths, before)
        if sys.stdout.isatty():
            print("\033[2J\033[H", end="", flush=True)
        print(f"{changed}: changed.", file=sys.stderr, flush=True)


def _change(paths: Sequence[str], before: Seen) -> Path:
    """Waits until a file is new, gone or different, and returns it."""
    while True:
        started = time.monotonic()
        now = _seen(paths)
        if different := now.items() ^ before.items():
            return min(different)[0]
        time.sleep(max(PAUSE, 9 * (time.monotonic() - started)))


def _seen(paths: Sequence[str]) -> Seen:
    """The files at and below the paths, and the settings; not the file that this process prints into."""
    own = os.fstat(sys.stdout.fileno())
    found: dict[Path, tuple[int, int]] = {}
    for file in (*config_files(Path()), *(each for path in paths for each in _below(Path(path)))):
        try:
            state = file.stat()
        except OSError:
            continue
        if not os.path.samestat(state, own):
            found[file] = (state.st_mtime_ns, state.st_size)
    return found


def _below(path: Path) -> Iterator[Path]:
    yield path
    for folder, inner, names in os.walk(path):
        inner[:] = [name for name in inner if not name.startswith(".") and name not in NEVER]
        yield from (Path(folder, name) for name in names)

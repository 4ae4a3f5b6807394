"""Progress on standard error: one rewritten line on a terminal, a few whole lines elsewhere (CI logs)."""

from __future__ import annotations

import shutil
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

HEARTBEAT = 15.0  # seconds between two lines of one step where there is no terminal

# Several threads may report at once (downloads while something builds): each prints whole lines.
_printing = threading.Lock()

_SHOWN = "shown as the end of a step"


def show(text: str) -> None:
    """Print one line, in place of a progress line that is on the terminal at the moment."""
    with _printing:
        sys.stderr.write(("\r\x1b[K" if sys.stderr.isatty() else "") + text + "\n")
        sys.stderr.flush()


def duration(seconds: float) -> str:
    """`12 s`, `3 min 5 s`: what a person compares with a clock."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


class Step:
    """One thing under way. `update` may be called as often as one likes, from any thread."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.started = time.monotonic()
        self._shown_at = self.started
        self._text = ""
        self._terminal = sys.stderr.isatty()
        if not self._terminal:
            show(f"… {name}")

    def elapsed(self) -> float:
        """Seconds since the step began."""
        return time.monotonic() - self.started

    def update(self, text: str) -> None:
        """Show how far it is: at once on a terminal, at most every `HEARTBEAT` seconds elsewhere."""
        self._text = text
        self.beat()

    def beat(self) -> None:
        """Show the last update again with the time that has passed, when it is due."""
        text = f": {self._text}" if self._text else ""
        line = f"… {self.name}{text} ({duration(self.elapsed())})"
        if self._terminal:
            with _printing:
                sys.stderr.write("\r\x1b[K" + line[: shutil.get_terminal_size().columns - 1])
                sys.stderr.flush()
        elif time.monotonic() - self._shown_at >= HEARTBEAT:
            self._shown_at = time.monotonic()
            show(line)


def _beat(current: Step, done: threading.Event) -> None:
    """A linker or a download may be silent for a minute: show that the step is alive."""
    while not done.wait(1.0):
        current.beat()


def was_shown(error: BaseException) -> bool:
    """Whether the step that `error` ended has shown it: a command need not show it again."""
    return _SHOWN in getattr(error, "__notes__", ())


@contextmanager
def step(name: str) -> Iterator[Step]:
    """Show a step from start to end: `✓ name (12 s)`, or `✗ name: reason` when the block raises."""
    current = Step(name)
    done = threading.Event()
    heart = threading.Thread(target=_beat, args=(current, done), daemon=True)
    heart.start()
    try:
        try:
            yield current
        finally:  # before the last line, which must stay the last
            done.set()
            heart.join()
    except BaseException as error:
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        show(f"✗ {name}: {reason}")
        error.add_note(_SHOWN)
        raise
    show(f"✓ {name} ({duration(current.elapsed())})")

"""Looks at a cluster once a second while something changes hands."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

SECONDS = 1.0
"""Between two looks."""
LATE = 10.0
"""Seconds after which an answer is none: the client repeats a request that hangs, which hid the gap."""


class Probe:
    """Each look has a thread of its own, so that a slow answer hides no other.

    Attributes:
        began: when it started, in seconds of time.monotonic().
        gaps: what did not answer -> when, in seconds since the probe began: of a slow look, each second.
        looks: what -> how many looks it was given.
    """

    def __init__(self, checks: Mapping[str, Callable[[], bool]]) -> None:
        self.began = 0.0
        self.gaps: dict[str, list[float]] = {}
        self.looks: dict[str, int] = {}
        self._checks = checks
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Begins to look."""
        self.began = time.monotonic()

        def repeat(name: str, check: Callable[[], bool]) -> None:
            due = self.began
            while not self._stop.wait(max(0.0, due - time.monotonic())):
                at = time.monotonic() - self.began
                try:
                    answered = check()
                except Exception:  # of many kinds: refused, reset, timed out
                    answered = False
                self.looks[name] = self.looks.get(name, 0) + 1
                took = time.monotonic() - self.began - at
                due = max(due + SECONDS, time.monotonic())
                if not answered or took > LATE:
                    seconds = range(int(took) + 1)
                    self.gaps.setdefault(name, []).extend(round(at + each, 1) for each in seconds)

        for name, check in self._checks.items():
            thread = threading.Thread(target=repeat, args=(name, check), daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self) -> None:
        """Ends all looks."""
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout=60)

    def longest(self, name: str) -> float:
        """Seconds of the longest row of looks that had no answer."""
        return max((end - begin for begin, end in self.rows(name)), default=0.0)

    def rows(self, name: str) -> list[tuple[float, float]]:
        """(From, until) of each row of looks that had no answer, in seconds since the probe began."""
        found: list[tuple[float, float]] = []
        last = 0.0
        for at in self.gaps.get(name, []):
            begin = found.pop()[0] if found and at - last <= 2 * SECONDS else at
            found.append((begin, at + SECONDS))
            last = at
        return found

"""Progress where there is no terminal, as in CI: few, whole lines; and the last line tells how it ended."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator

import pytest

from lab import progress


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    chosen = Clock()
    monkeypatch.setattr("lab.progress.time.monotonic", chosen)
    yield chosen


def test_a_step_says_its_start_and_its_end(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    with progress.step("etcd"):
        clock.now += 12
    assert capsys.readouterr().err.splitlines() == ["… etcd", "✓ etcd (12 s)"]


def test_updates_are_heartbeats_that_carry_the_latest(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    with progress.step("etcd") as step:
        for number in range(40):
            clock.now += 1
            step.update(f"compiling {number}/40")
    lines = capsys.readouterr().err.splitlines()
    assert lines[1:-1] == ["… etcd: compiling 14/40 (15 s)", "… etcd: compiling 29/40 (30 s)"]


def test_a_silent_step_is_still_alive(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    with progress.step("etcd") as step:
        clock.now += 15
        step.beat()
        step.beat()
    assert capsys.readouterr().err.splitlines() == ["… etcd", "… etcd (15 s)", "✓ etcd (15 s)"]


def test_a_failure_is_one_line_with_its_reason(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError), progress.step("etcd"):
        raise ValueError("no disk\nsecond line")
    assert capsys.readouterr().err.splitlines()[-1] == "✗ etcd: no disk"


def test_an_interrupt_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(KeyboardInterrupt), progress.step("etcd"):
        raise KeyboardInterrupt
    assert capsys.readouterr().err.splitlines()[-1] == "✗ etcd: KeyboardInterrupt"


def test_a_terminal_sees_one_line_rewritten(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with progress.step("etcd") as step:
        step.update("compiling 1/2 " + "x" * 500)
        step.update("compiling 2/2")
    assert terminal.getvalue().count("\n") == 1
    assert max(map(len, terminal.getvalue().split("\r\x1b[K"))) < 200


def test_durations_are_what_a_clock_shows() -> None:
    assert [progress.duration(seconds) for seconds in (0.4, 59.4, 60, 185)] == [
        "0 s",
        "59 s",
        "1 min 0 s",
        "3 min 5 s",
    ]


def test_an_error_that_ended_a_step_has_been_said() -> None:
    with pytest.raises(ValueError) as caught, progress.step("etcd"):
        raise ValueError("no disk")
    assert progress.was_shown(caught.value)
    assert not progress.was_shown(ValueError("no disk"))

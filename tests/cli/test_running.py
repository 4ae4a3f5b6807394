"""One make command at a time on a lab, and `make down` stops the one at work."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cli import running
from cli.errors import CommandError
from lab.paths import Lab

ROOT = Path(__file__).resolve().parents[2]
LAB = Lab("held")
# A command at work, with a child as `make up` has Pulumi; the child's end is its own.
AT_WORK = """
import signal, subprocess, sys
from cli import running
from lab.paths import Lab
signal.signal(signal.SIGINT, lambda *_: None)  # it leaves the end to its child, and waits
with running.at_work(Lab("held")):
    with subprocess.Popen([sys.executable, "-c", sys.argv[1]], stdout=subprocess.PIPE) as child:
        print(child.pid, child.stdout.readline().decode().strip(), flush=True)
        child.wait()
"""
POLITE = "import signal; print('up', flush=True); signal.pause()"
DEAF = """
import signal
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, signal.SIG_IGN)
print('up', flush=True)
while True:
    signal.pause()
"""


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEDA_HOMELAB_STATE", str(tmp_path))


@contextmanager
def command(child: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """The process that holds the lab, and its child's id; both are gone afterwards."""
    held = subprocess.Popen(
        [sys.executable, "-c", AT_WORK, child], cwd=ROOT, stdout=subprocess.PIPE, text=True, stderr=2
    )
    assert held.stdout
    pid = int(held.stdout.readline().split()[0])
    try:
        yield held, pid
    finally:
        for each in (pid, held.pid):
            try:
                os.kill(each, signal.SIGKILL)
            except ProcessLookupError:
                continue
        held.wait(10)
        held.stdout.close()


def test_a_second_command_is_refused_in_one_line() -> None:
    with command(POLITE) as (held, _):
        assert running.holder(LAB) == held.pid
        refused = pytest.raises(CommandError, match=rf"^lab held: another make .* \(process {held.pid}\)")
        with refused, running.at_work(LAB):
            pass
        with running.at_work(Lab("other")):
            assert running.holder(Lab("other")) == os.getpid()
    assert running.holder(LAB) is None


def test_down_stops_the_command_and_what_it_runs_and_waits_for_both() -> None:
    said: list[str] = []
    with command(POLITE) as (held, child):
        running.stop(LAB, said.append)
        assert running.holder(LAB) is None
        assert held.wait(10) == 0
        assert not Path(f"/proc/{child}").exists()
        assert said == [f"lab held: stopping the make command at work on it (process {held.pid})."]
    running.stop(LAB, said.append)
    assert len(said) == 1


def test_a_command_killed_holds_nothing() -> None:
    with command(POLITE) as (held, _):
        held.kill()
        held.wait(10)
        assert running.holder(LAB) is None


def test_one_that_does_not_end_is_said_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "STEPS", ((signal.SIGINT, 0.3), (signal.SIGINT, 0.3)))
    started = time.monotonic()
    with command(DEAF) as (held, _):
        with pytest.raises(CommandError, match=rf"^lab held: process {held.pid} .* does not end"):
            running.stop(LAB, lambda _: None)
        assert held.poll() is None
    assert time.monotonic() - started < 10

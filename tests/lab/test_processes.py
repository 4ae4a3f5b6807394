"""Identities that survive pid reuse, and programs that are started once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lab.node import processes
from lab.node.processes import Identity, Program
from lab.paths import Lab


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    """A lab without a cgroup: its tracking folder is an ordinary one."""
    monkeypatch.setenv("KEDA_HOMELAB_STATE", str(tmp_path / "state"))
    monkeypatch.setattr(processes, "tracking_path", lambda lab: tmp_path)
    lab = Lab("unit")
    lab.root.mkdir(parents=True)
    yield lab
    processes.end([found for name in ("one", "ends") if (found := processes.running(lab, name))])


def sleeper(*more: str) -> Program:
    return Program("one", [sys.executable, "-c", "import time; time.sleep(60)", *more], in_namespace=False)


def test_identity_of_a_running_process_is_alive() -> None:
    assert processes.identify(os.getpid()) == Identity(
        os.getpid(), processes.start_time(os.getpid()) or 0, processes.boot_id()
    )
    assert (processes.identify(os.getpid()) or pytest.fail()).alive()


@pytest.mark.parametrize("change", [{"start": 1}, {"boot": "another"}])
def test_another_process_with_the_same_pid_is_not_it_and_is_never_killed(change: dict[str, Any]) -> None:
    with subprocess.Popen(["sleep", "60"]) as child:
        identity = processes.identify(child.pid)
        assert identity
        other = replace(identity, **change)
        assert not other.alive()
        other.kill()
        assert child.poll() is None
        child.kill()
        assert child.wait() == -signal.SIGKILL


def test_a_zombie_is_not_alive() -> None:
    with subprocess.Popen(["sleep", "60"]) as child:
        identity = processes.identify(child.pid)
        assert identity
        identity.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert not identity.alive()


def test_a_program_is_started_once_and_recorded_with_its_own_pid(lab: Lab) -> None:
    assert processes.start(lab, sleeper())
    first = processes.running(lab, "one")
    assert first
    assert b"time.sleep" in Path(f"/proc/{first.pid}/cmdline").read_bytes()
    assert not processes.start(lab, sleeper())
    assert processes.running(lab, "one") == first


def test_another_command_line_or_file_restarts_it(lab: Lab, tmp_path: Path) -> None:
    processes.start(lab, sleeper())
    first = processes.running(lab, "one")
    assert processes.start(lab, sleeper("more"))
    second = processes.running(lab, "one")
    assert first and second and first != second and not first.alive()
    file = tmp_path / "file"
    file.write_text("a")
    processes.start(lab, replace(sleeper(), configuration=[file]))
    assert not processes.start(lab, replace(sleeper(), configuration=[file]))
    file.write_text("b")
    assert processes.start(lab, replace(sleeper(), configuration=[file]))


def test_a_killed_program_is_started_again(lab: Lab) -> None:
    processes.start(lab, sleeper())
    first = processes.running(lab, "one")
    assert first
    processes.end([first])
    assert processes.running(lab, "one") is None
    assert processes.start(lab, sleeper())
    assert processes.running(lab, "one")


def test_a_damaged_record_counts_as_none(lab: Lab) -> None:
    processes.record_path(lab, "one").parent.mkdir()
    processes.record_path(lab, "one").write_text('{"pid": 1')
    assert processes.recorded(lab, "one") is None


def test_the_log_keeps_a_programs_last_words(lab: Lab) -> None:
    processes.start(lab, Program("ends", ["sh", "-c", "echo first; echo; echo last >&2"], in_namespace=False))
    while processes.running(lab, "ends"):
        time.sleep(0.01)
    assert processes.last_lines(lab, "ends", 2) == ["first", "last"]

"""The command line: one line for each mistake, and one `up` of a lab at a time."""

from __future__ import annotations

import multiprocessing
import os
import shutil
from pathlib import Path

import pytest

from lab import __main__ as command
from lab.errors import LabError
from lab.paths import Lab
from lab.progress import step


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KEDA_HOMELAB_STATE", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["status"], "lab homelab: not there. Run `python -m lab up`."),
        (["kubeconfig", "--name", "b"], "lab b: not up, so it has no kubeconfig. Run `python -m lab up`."),
        (["logs", "x"], "logs x: no such component. There are: none: the lab is not up."),
        (
            ["down", "--name", "A"],
            "--name: 'A' cannot name a lab: it also names a node and a network namespace. "
            "Use at most 24 lower-case letters, digits and inner dashes.",
        ),
    ],
)
def test_a_mistake_is_one_line(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(arguments) == 1
    assert capsys.readouterr().err == message + "\n"


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (["--gpus", "-1"], "'-1' is not a number of GPUs"),
        (["--hpa-sync-period", "5"], "'5' is not a duration"),
        (["--unknown"], "unknown: --unknown"),
    ],
)
def test_a_wrong_option_is_named(option: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        command.main(["up", *option])
    assert caught.value.code == 2
    assert message in capsys.readouterr().err


def test_down_without_a_lab_is_quiet(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["down", "--name", "nobody-made-this"]) == 0
    assert capsys.readouterr() == ("", "")
    assert list(state.iterdir()) == []


def test_up_without_root_names_it_and_writes_nothing(
    state: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert command.main(["up"]) == 1
    assert capsys.readouterr().err.startswith("root: ")
    assert list(state.iterdir()) == []


def test_an_error_is_said_once(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def fail(lab: Lab, options: object) -> int:
        with step("etcd"):
            raise LabError("no disk")

    monkeypatch.setattr(command, "status", fail)
    assert command.main(["status"]) == 1
    assert capsys.readouterr().err.count("no disk") == 1


def _hold(
    name: str, holding: multiprocessing.synchronize.Event, end: multiprocessing.synchronize.Event
) -> None:
    with command._lock(Lab(name)):
        holding.set()
        end.wait(30)


def test_a_second_up_waits_for_the_first_and_survives_its_down(
    state: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    context = multiprocessing.get_context("fork")
    first, second, end = context.Event(), context.Event(), context.Event()
    workers = [context.Process(target=_hold, args=("lab", event, end)) for event in (first, second)]
    workers[0].start()
    assert first.wait(30)
    workers[1].start()
    text = ""
    while "Waiting for another" not in text:
        text += capfd.readouterr().err
    assert not second.is_set()
    # The first was a `down`: it deletes the folder while the second waits for the lock in it.
    shutil.rmtree(Lab("lab").root)
    end.set()
    assert second.wait(30)
    for worker in workers:
        worker.join(30)
        assert worker.exitcode == 0

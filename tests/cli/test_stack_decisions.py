"""A stack file in `python -m cli.keda`, and what differs from a commit's: `python -m cli.decisions`."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from cli.decisions import main
from cli.keda import main as keda
from keda.commands.main import main as package
from tests.support import STACK


@pytest.fixture
def file(tmp_path: Path) -> Path:
    found = tmp_path / "Pulumi.home.yaml"
    found.write_text(STACK.read_text())
    for command in (
        ["init", "-q"],
        ["add", found.name],
        ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "a"],
    ):
        subprocess.run(["git", "-C", str(tmp_path), *command], check=True, timeout=60)
    return found


def test_each_workload_has_a_line(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(file)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(" ")[0] for line in lines] == ["ray-serve", "envoy-gateway", "voice", "batch"]
    assert lines[1].endswith("3 at most, from 101 on, within 15 s; back to 1 11 min 30 s after the last")


def test_what_a_branch_alters(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(file), "--since", "HEAD"]) == 0
    assert capsys.readouterr().out == "No decision changes.\n"
    file.write_text(file.read_text().replace("messagesPerReplica: 10 ", "messagesPerReplica: 20 "))
    assert main([str(file), "--since", "HEAD", "--format", "markdown"]) == 0
    printed = capsys.readouterr().out
    assert "**voice**" in printed and "**batch**" not in printed
    assert "| 12 | 2 within 45 s | 1 within 30 s |" in printed


def test_a_stack_file_that_is_new(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    new = file.with_name("Pulumi.new.yaml")
    new.write_text(STACK.read_text())
    assert main([str(new), "--since", "HEAD"]) == 0
    assert capsys.readouterr().out.count("before: is not there") == 4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none.yaml"], "none.yaml: no such file. It has the stack's settings. Restore it from git."),
        (["{file}", "--since", "nothing"], "--since nothing: git has no such commit or branch. Fetch it, or"),
    ],
)
def test_one_line(file: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([each.replace("{file}", str(file)) for each in arguments]) == 1
    error = capsys.readouterr().err
    assert error.startswith(message) and error.count("\n") == 1


STACK_FILE = str(STACK)


def test_a_stack_file_is_simulated(capsys: pytest.CaptureFixture[str]) -> None:
    command = ["simulate", STACK_FILE, "--workload", "voice", "--signal", "pulse:0:42@2m-12m"]
    assert keda(command) == 0
    assert "0 -> 1  KEDA: s0-nats-jetstream is active" in capsys.readouterr().out
    assert keda(["decisions", STACK_FILE]) == 0
    assert capsys.readouterr().out.count("\n") == 4
    assert keda(["simulate", STACK_FILE, "--signal", "constant:1"]) == 2
    assert capsys.readouterr().err.endswith("one of: ray-serve, envoy-gateway, voice, batch.\n")


def test_the_package_alone_reads_manifests(capsys: pytest.CaptureFixture[str]) -> None:
    assert package(["simulate", STACK_FILE, "--signal", "constant:1"]) == 2
    assert capsys.readouterr().err == (
        f"{STACK_FILE}: is a stack file, not a manifest. In a clone, run python -m cli.keda instead.\n"
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "Pulumi.x.yaml: no such file."),
        (b"config: [", "Pulumi.x.yaml:1: not YAML"),
        (b"config: {keda-homelab:workloads: {a: {recipe: no}}}", "Pulumi.x.yaml: "),
        (b"\xff", "Pulumi.x.yaml: cannot be read: it is not UTF-8."),
    ],
)
def test_a_stack_file_with_a_mistake(
    tmp_path: Path, content: bytes | None, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "Pulumi.x.yaml"
    if content is not None:
        file.write_bytes(content)
    assert keda(["simulate", str(file), "--signal", "constant:1"]) == 2
    printed = capsys.readouterr()
    assert printed.err.startswith(message) and printed.err.count("\n") == 1 and printed.out == ""

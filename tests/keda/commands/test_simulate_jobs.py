"""`keda simulate` with a ScaledJob: Jobs that begin and end, in the same forms as replicas."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from keda.commands.main import main

JOB = """
kind: ScaledJob
metadata: {name: nightly, annotations: {keda-homelab.dev/gpus-per-pod: "1"}}
spec:
  jobTargetRef: {template: {}}
  maxReplicaCount: 3
  triggers:
    - {type: redis, metadata: {listLength: "2"}}
---
kind: ScaledObject
metadata: {name: fleet}
spec:
  maxReplicaCount: 3
  triggers:
    - {type: redis, metadata: {listLength: "2"}}
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    Path("a.yaml").write_text(JOB)
    return "a.yaml"


def run(*arguments: str) -> int:
    return main(["simulate", "a.yaml", "--workload", "nightly", *arguments])


def test_each_change_has_its_reason(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    """8 items ask for 4 Jobs of 2, at most 3. They run 70 s, and 20 s after their creation."""
    signal = ["--signal", "step:0:8@45s", "--job-time", "70s", "--start-up", "20s", "--minutes", "4"]
    assert run(*signal) == 0
    assert capsys.readouterr().out == (
        "   time  s0-redis  wanted    Jobs  reason\n"
        "0:00:00         0       0       0  KEDA: inactive\n"
        "0:01:00         8       3  0 -> 3  KEDA: asks for 3, 0 unfinished: starts 3, the maximum\n"
        "0:02:30         8          3 -> 0  end: 3\n"
        "0:02:30         8       3  0 -> 3  KEDA: asks for 3, 0 unfinished: starts 3, the maximum\n"
        "\n"
        "pod hours       0.15 of 0.2 always on\n"
        "GPU hours       0.15 of 0.2 always on\n"
        "at the maximum  0:03:00\n"
        "waiting work    p50 2, p95 8, worst 8\n"
        "Jobs            6, at most 3 at once\n"
    )


def test_a_queue_is_worked_off_one_item_a_job(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--signal", "poisson:0.03:40s", "--minutes", "120", "--format", "json") == 0
    found = json.loads(capsys.readouterr().out)
    outcome = found["outcome"]
    created = sum(
        change["replicas"] - change["before"] for change in found["changes"] if change["by"] == "keda"
    )
    assert outcome["jobs"] == created > 100
    assert outcome["podSeconds"] == pytest.approx(40 * created, rel=0.02), "each Job runs for its item"
    assert 0 < outcome["ageSeconds"]["p50"] < 120
    assert "flaps" not in outcome and "coldStarts" not in outcome
    assert {change["by"] for change in found["changes"]} == {"keda", "job"}


def test_pictures_and_a_scaled_object_beside_it(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib")
    queue = ["--signal", "poisson:0.03:40s"]
    assert run(*queue, "--plot", "a.svg", "--plot", "a.html", "--plot", "a.png") == 0
    assert "unfinished Jobs" in Path("a.svg").read_text()
    assert "threshold 2 for each Job" in Path("a.svg").read_text()
    assert "<th>Jobs</th>" in (page := Path("a.html").read_text()) or ">Jobs<" in page
    both = JOB.split("---")
    Path("job.yaml").write_text(both[0])
    Path("object.yaml").write_text(both[1])
    capsys.readouterr()
    assert main(["simulate", "--compare", "object.yaml", "job.yaml", *queue]) == 0
    printed = capsys.readouterr().out
    assert "cold starts " in printed and "Jobs " in printed
    assert main(["simulate", "--compare", "job.yaml", "job.yaml", *queue]) == 0
    assert capsys.readouterr().out.startswith("The number of Jobs is always the same.\n")


def test_paused_jobs_do_not_start(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path(file).write_text(JOB.replace("annotations: {", 'annotations: {autoscaling.keda.sh/paused: "true", '))
    assert run("--signal", "constant:8", "--job-time", "1m") == 0
    assert "Jobs            0, at most 0 at once" in capsys.readouterr().out


def test_the_operator_is_away(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    away = ["--fault", "operator-down@1m-28m", "--fault", "source-down@28m-29m"]
    assert run("--signal", "step:0:8@45s", "--job-time", "30s", *away, "--every") == 0
    printed = capsys.readouterr().out
    assert "0:28:00     error       0       0  KEDA: no trigger has a value, no Job starts" in printed
    assert "Jobs            6, at most 3 at once" in printed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--signal", "constant:1"],
            "the time that a Job runs is missing or 0. Write --job-time TIME, such as 90s.",
        ),
        (["--signal", "constant:1", "--job-time", "90"], "90 is not a time."),
        (
            ["--signal", "constant:1", "--job-time", "0s"],
            "the time that a Job runs is missing or 0. Write --job-time TIME",
        ),
        (
            ["--signal", "poisson:1:9s", "--job-time", "8s"],
            "--job-time is shorter than the service time of the queue.",
        ),
        (
            ["--signal", "poisson:1:9s", "--fault", "second-owner:1@1m"],
            "a ScaledJob has neither replicas nor an HPA. Leave out the faults of those.",
        ),
        (["--signal", "poisson:1:9s", "--replicas", "1"], "--replicas: a ScaledJob begins without Jobs."),
    ],
)
def test_one_line(file: str, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == "" and printed.err.count("\n") == 1
    assert printed.err.startswith(f"keda simulate: {message}")


def test_settings_are_recommended_for_scaled_objects(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--signal", "poisson:1:9s", "--recommend", "min pod-hours") == 2
    assert capsys.readouterr().err == "a.yaml: holds no ScaledObject nightly. Write one of: fleet.\n"

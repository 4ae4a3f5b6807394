"""Input that `keda simulate` cannot use: one line, exit 2, nothing on stdout."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from keda.commands.main import main

MANIFEST = """
kind: ScaledObject
metadata: {name: web}
spec:
  maxReplicaCount: 10
  triggers:
    - {type: kafka, metadata: {}}
---
kind: ScaledObject
metadata: {name: api}
spec:
  maxReplicaCount: 10
  triggers:
    - {type: cpu, metricType: Utilization, metadata: {value: "80"}}
    - {type: memory, metricType: Utilization, metadata: {value: "80"}}
"""
DATES = "2026-01-01T00:00:00Z,1\n2026-01-01T00:00:15Z,2\n"


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    Path("a.yaml").write_text(MANIFEST)
    return "a.yaml"


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["simulate", *arguments]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    return printed.err.strip()


@pytest.mark.parametrize(
    ("series", "message"),
    [
        ("", "s.csv has no values. Record at least one."),
        ("time,queue\n", "s.csv has no values. Record at least one."),
        (
            "0,1\n15,1\n30,1\n45,1\n600,1\n",
            "s.csv, value 5: nothing for 555 s, where a value comes every 15 s. Cut the series there, or "
            "fill the gap.",
        ),
        (
            "0,1\n30,1\n15,1\n",
            "s.csv, value 3: its time 15 is before the one above it. Sort the series by time.",
        ),
        (
            "0,1\n15,1\n15,2\n",
            "s.csv, value 3: its time 15 is there twice. Sort the series by time.",
        ),
        ("0,1\n15,-3\n", "s.csv, value 2: -3 is negative. KEDA scales on counts from 0 on."),
        ("0,NaN\n15,1\n", "s.csv, value 1: nan is not a number. KEDA scales on counts from 0 on."),
        (
            "1767225600,1\n1767225600,2\n",
            "s.csv, value 2: its time 1767225600 is there twice. Sort the series by time.",
        ),
        (
            '"0,1\n15,2\n',
            "s.csv, value 1: 0,1 15,2  is not a time and a number. Write for example "
            "2026-01-01T00:00:00Z,12.",
        ),
        ("0,1\n15,NaN\n", "s.csv, value 2: nan is not a number. KEDA scales on counts from 0 on."),
        (
            "0,1\n15,\n",
            "s.csv, value 2: 15, is not a time and a number. Write for example 2026-01-01T00:00:00Z,12.",
        ),
        (
            "0,120\n15,1.5k\n",
            "s.csv, value 2: 1.5k has a unit. Write all values as plain numbers in the trigger's own unit.",
        ),
        (
            "time,latency\n0,120ms\n15,130ms\n",
            "s.csv, value 1: 120ms has a unit. Write all values as plain numbers in the trigger's own unit.",
        ),
        (
            f"{DATES}30,3\n",
            "s.csv, value 3: 30 and 2026-01-01T00:00:00Z are times of two sorts. Write all as seconds, "
            "or all as dates.",
        ),
        (
            "1767225600000,1\n1767225615000,2\n",
            "s.csv, value 1: the time 1767225600000 is in milliseconds. Write seconds.",
        ),
    ],
)
def test_a_recording(file: str, series: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("s.csv").write_text(series)
    found = refused(capsys, file, "--workload", "web", "--signal", "s.csv")
    assert found == f"keda simulate: {message}"
    assert refused(capsys, file, "--workload", "web", "--signal", "arrivals:s.csv:2s") == found


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        ([], "s.json has no values. Record at least one."),
        ([[0, "1"], [15, "-1"]], "s.json, value 2: -1 is negative. KEDA scales on counts from 0 on."),
        ([[15, "1"], [0, "1"]], "s.json, value 2: its time 0 is before the one above it. Sort the series by"),
    ],
)
def test_an_answer_of_prometheus(
    file: str, samples: object, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = {"data": {"result": [{"metric": {}, "values": samples}]}}
    Path("s.json").write_text(json.dumps(answer))
    found = refused(capsys, file, "--workload", "web", "--signal", "s.json")
    assert found.startswith(f"keda simulate: {message}")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none.yaml"], "none.yaml: cannot be read: No such file or directory."),
        (["a.yaml"], "a.yaml: holds 2 ScaledObjects. Write --workload, one of: web, api."),
        (["a.yaml", "--workload", "db"], "a.yaml: holds no ScaledObject db. Write one of: web, api."),
        ([], "keda simulate: write one FILE, or --compare OLD NEW."),
        (
            ["--compare", "a.yaml", "none.yaml", "--workload", "web"],
            "none.yaml: cannot be read: No such file",
        ),
    ],
)
def test_a_workload_that_is_not_there(
    file: str, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert refused(capsys, *arguments, "--signal", "constant:1").startswith(message)


@pytest.mark.parametrize(
    ("cpu", "memory", "options", "message"),
    [
        ("1", "1", [], "s1-memory: 80 % of an unknown request. Write --memory-request."),
        (
            "9000",
            "1e9",
            ["--memory-request", "256Mi"],
            "s0-cpu: at most 9000 cores for pods whose target is 0.8 cores each: the units are mixed up. "
            "Write the signal in cores.",
        ),
        (
            "1",
            "300",
            ["--memory-request", "256Mi"],
            "s1-memory: at most 300 bytes for pods whose target is 215M bytes each: the units are mixed up. "
            "Write the signal in bytes.",
        ),
        ("1", "1", ["--memory-request", "256 MB"], "--memory-request 256 MB is not an amount above 0. Write"),
        ("1", "1", ["--cpu-request", "0"], "--cpu-request 0 is not an amount above 0. Write e.g. 500m."),
        ("1", "1", ["--start-up", "40"], "40 is not a time. Write it with a unit, such as 90s, 5m or 1h30m."),
    ],
)
def test_units(
    file: str, cpu: str, memory: str, options: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    signals = ["--signal", f"constant:{cpu}", "--signal", f"constant:{memory}"]
    found = refused(capsys, file, "--workload", "api", *signals, *options)
    assert found.startswith(f"keda simulate: {message}")


def test_units_that_fit(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    signals = ["--signal", "constant:3", "--signal", "constant:1e9"]
    command = [
        "simulate",
        file,
        "--workload",
        "api",
        *signals,
        "--memory-request",
        "256Mi",
        "--replicas",
        "1",
    ]
    assert main([*command, "--cpu-request", "500m", "--minutes", "60"]) == 0
    assert "asks for" in capsys.readouterr().out

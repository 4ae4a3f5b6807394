"""Decision tables, by counts worked out by hand, and what a change does to them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from keda.commands.main import main
from keda.timelines.decisions import Row, decisions
from keda.timelines.tables import duration


def trigger(threshold: str = "10", name: str = "queue", **more: Any) -> dict[str, Any]:
    metadata = {"serverAddress": "http://p", "query": "q", "threshold": threshold, **more.pop("metadata", {})}
    return {"type": "prometheus", "name": name, "metadata": metadata, **more}


def manifest(*triggers: dict[str, Any], kind: str = "ScaledObject", **spec: Any) -> dict[str, Any]:
    annotations = spec.pop("annotations", None)
    return {
        "kind": kind,
        "metadata": {"name": "voice", "annotations": annotations},
        "spec": {"maxReplicaCount": 4, "triggers": list(triggers) or [trigger()], **spec},
    }


def lines(*arguments: Any, **spec: Any) -> list[str]:
    return [str(table) for table in decisions(manifest(*arguments, **spec))]


def test_a_queue_from_zero() -> None:
    """11 is within the tolerance of one replica, 21 asks for three at once."""
    (table,) = decisions(manifest())
    assert table.rows == (Row(0, 0, 0), Row(1, 1, 30), Row(12, 2, 45), Row(31, 4, 45))
    assert str(table) == (
        "0 -> 0; 1 -> 1 within 30 s; 12 -> 2 within 45 s; … 4 at most, from 31 on, within 45 s; "
        "back to 0 300 s after the last"
    )
    assert table.warnings == ()


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (
            {"maxReplicaCount": 2},
            "0 -> 0; 1 -> 1 within 30 s; 2 at most, from 12 on, within 45 s; back to 0 300 s after the last",
        ),
        (
            {"maxReplicaCount": 3, "minReplicaCount": 1},
            "0 -> 1; 12 -> 2 within 15 s; 3 at most, from 21 on, within 15 s; back to 1 300 s after the last",
        ),
        (
            {"pollingInterval": 5, "cooldownPeriod": 60, "maxReplicaCount": 1},
            "0 -> 0; 1 at most, from 1 on, within 5 s; back to 0 60 s after the last",
        ),
    ],
)
def test_other_bounds(spec: dict[str, Any], expected: str) -> None:
    assert lines(**spec) == [expected]


def test_days_are_waited_for() -> None:
    """A cooldown of a day, and one pod in half an hour."""
    slow = {"scaleUp": {"policies": [{"type": "Pods", "value": 1, "periodSeconds": 1800}]}}
    behavior = {"horizontalPodAutoscalerConfig": {"behavior": slow}}
    (table,) = decisions(manifest(maxReplicaCount=100, cooldownPeriod=86_400, advanced=behavior))
    assert table.rows[-1].replicas == 100
    assert table.rows[-1].seconds > 98 * 1800
    assert (table.back, table.warnings) == (86_400, ())


def test_an_activation_threshold() -> None:
    (table,) = decisions(manifest(trigger(metadata={"activationThreshold": "25"})))
    assert table.rows[:2] == (Row(0, 0, 0), Row(26, 3, 45))


def test_small_and_large_targets() -> None:
    (small,), (large,) = decisions(manifest(trigger("0.5"))), decisions(manifest(trigger("2000000000")))
    assert [row.value for row in small.rows] == [0, 0.001, 0.551, 1.501]
    assert [row.value for row in large.rows] == [0, 1e7, 2.21e9, 6.01e9]


def test_each_trigger_has_its_table() -> None:
    cpu = {"type": "cpu", "metricType": "Utilization", "metadata": {"value": "80"}}
    cron = {"type": "cron", "metadata": {"start": "0 8 * * *", "end": "0 9 * * *", "timezone": "UTC"}}
    cron["metadata"]["desiredReplicas"] = "3"  # type: ignore[index]
    found = lines(trigger(), cpu, cron, minReplicaCount=1)
    assert found[0].startswith("0 -> 1; 12 -> 2 within 15 s; 21 -> 3 within 15 s; 4 at most, from 31 on,")
    assert found[1] == "the HPA keeps cpu at 80 % of the requests with 1 to 4 replicas"
    assert found[2] == "0 -> 1; 3 at most, from 3 on, within 15 s; back to 1 300 s after the last"


def test_a_formula_decides() -> None:
    modifiers = {"formula": "queue * 2", "target": "10"}
    assert lines(advanced={"scalingModifiers": modifiers}) == ["the formula decides: queue * 2"]


def test_a_value_grows_until_it_falls() -> None:
    (table,) = decisions(manifest(trigger("70", metricType="Value"), minReplicaCount=1))
    assert [(row.value, row.replicas) for row in table.rows] == [(0, 1), (78, 4)]
    assert table.warnings == ()


def test_jobs() -> None:
    assert lines(trigger("1"), kind="ScaledJob", maxReplicaCount=2) == [
        "0 -> 0; 1 -> 1 within 30 s; 2 at most, from 2 on, within 30 s"
    ]


@pytest.mark.parametrize(
    ("found", "warning"),
    [
        (
            manifest(
                minReplicaCount=2,
                advanced={
                    "horizontalPodAutoscalerConfig": {"behavior": {"scaleUp": {"selectPolicy": "Disabled"}}}
                },
            ),
            "voice (queue) is flat: always 2, whatever it reads.",
        ),
        (
            manifest(annotations={"autoscaling.keda.sh/paused-replicas": "0"}),
            "voice (queue) never leaves 0, whatever it reads.",
        ),
        (
            manifest(trigger(metadata={"activationThreshold": "100"})),
            "voice (queue) is at its maximum at once: 101 already gives 4.",
        ),
        (
            manifest(
                minReplicaCount=1,
                advanced={
                    "horizontalPodAutoscalerConfig": {"behavior": {"scaleDown": {"selectPolicy": "Disabled"}}}
                },
            ),
            "voice (queue) cannot come down: 4 replicas remain without work.",
        ),
    ],
)
def test_what_nobody_wants(found: dict[str, Any], warning: str) -> None:
    (table,) = decisions(found)
    assert table.warnings == (warning,)


def test_a_pinned_count_is_no_surprise() -> None:
    (table,) = decisions(manifest(maxReplicaCount=2, minReplicaCount=2))
    assert (str(table), table.warnings) == ("0 -> 2", ())


def test_durations() -> None:
    assert [duration(seconds) for seconds in (45, 599, 600, 750)] == [
        "45 s",
        "599 s",
        "10 min",
        "12 min 30 s",
    ]


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    old, new = tmp_path / "old.yaml", tmp_path / "new.yaml"
    old.write_text(yaml.safe_dump(manifest()))
    new.write_text(yaml.safe_dump(manifest(trigger("20"), cooldownPeriod=60)))
    return str(old), str(new)


def test_the_command(files: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["decisions", *files[:1]]) == 0
    assert capsys.readouterr().out.startswith("voice (queue): 0 -> 0; 1 -> 1 within 30 s;")
    assert main(["decisions", files[0], "--format", "json"]) == 0
    (table,) = json.loads(capsys.readouterr().out)
    assert table["rows"][2] == {"value": 12.0, "replicas": 2, "seconds": 45}
    assert table["back"] == 300
    assert main(["decisions", "none.yaml"]) == 2
    assert capsys.readouterr().err == "none.yaml: cannot be read: No such file or directory.\n"


def test_what_a_change_alters(files: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    old, new = files
    assert main(["decisions", new, "--against", old]) == 0
    assert capsys.readouterr().out == (
        "voice (queue):\n"
        "  before: 0 -> 0; 1 -> 1 within 30 s; 12 -> 2 within 45 s; … 4 at most, from 31 on, within 45 s; "
        "back to 0 300 s after the last\n"
        "  after:  0 -> 0; 1 -> 1 within 30 s; 23 -> 2 within 45 s; … 4 at most, from 61 on, within 45 s; "
        "back to 0 60 s after the last\n"
    )
    assert main(["decisions", new, "--against", old, "--format", "markdown"]) == 0
    assert capsys.readouterr().out == (
        "### Replicas by signal\n\n"
        "**voice**, `queue`\n\n"
        "| signal | before | after |\n"
        "|---|---|---|\n"
        "| 0 | 0 | 0 |\n"
        "| 1 | 1 within 30 s | 1 within 30 s |\n"
        "| 12 | 2 within 45 s | 1 within 30 s |\n"
        "| 23 | 3 within 45 s | 2 within 45 s |\n"
        "| 31 | 4 within 45 s | 2 within 45 s |\n"
        "| 61 | 4 within 45 s | 4 within 45 s |\n"
        "| back down after | 300 s | 60 s |\n"
    )
    assert main(["decisions", old, "--against", old]) == 0
    assert capsys.readouterr().out == "No decision changes.\n"


def test_workloads_that_come_and_go(
    files: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flat = tmp_path / "flat.yaml"
    other = manifest(annotations={"autoscaling.keda.sh/paused-replicas": "0"})
    other["metadata"]["name"] = "flat"
    flat.write_text(yaml.safe_dump(other))
    assert main(["decisions", str(flat), "--against", files[0], "--format", "markdown"]) == 0
    printed = capsys.readouterr().out
    assert "**voice**, `queue` is gone. Before: 0 -> 0; 1 -> 1 within 30 s;" in printed
    assert "**flat**, `queue` is new: 0 -> 0." in printed
    assert "⚠️ flat (queue) never leaves 0, whatever it reads." in printed

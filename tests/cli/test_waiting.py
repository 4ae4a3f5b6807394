"""`make up` waits for its workloads, bounded, and is not silent about one that stays broken."""

from __future__ import annotations

from typing import Any

import pytest

from cli import waiting
from cli.kubectl import Kubectl

BROKEN = "Triggers defined in ScaledObject are not working correctly"


class Answers(Kubectl):
    """A cluster with two ScaledObjects, of which `batch` is Ready from the given look on."""

    def __init__(self, ready_at: int) -> None:
        self.ready_at = ready_at
        self.looks = 0

    def items(self, *args: str) -> list[dict[str, Any]]:
        if args[0] != "scaledobjects.keda.sh":
            return []
        self.looks += 1
        late = self.looks >= self.ready_at
        return [scaled("voice", True, "ready"), scaled("batch", late, "ready" if late else BROKEN)]


def scaled(name: str, ready: bool, message: str) -> dict[str, Any]:
    condition = {"type": "Ready", "status": str(ready), "message": message}
    spec = {"scaleTargetRef": {"name": name}, "triggers": [{"type": "cron", "metadata": {}}]}
    metadata = {"name": name, "namespace": name}
    return {"metadata": metadata, "spec": spec, "status": {"conditions": [condition]}}


def test_it_ends_when_all_are_ready(capsys: pytest.CaptureFixture[str]) -> None:
    cluster = Answers(ready_at=3)
    rows = waiting.until_ready(cluster, seconds=60, interval=0)
    assert [(row.name, row.ready) for row in rows] == [("batch", "True"), ("voice", "True")]
    assert cluster.looks == 3
    assert "✓ workloads Ready" in capsys.readouterr().err


def test_it_shows_which_one_it_waits_for(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lab.progress.HEARTBEAT", 0.0)
    waiting.until_ready(Answers(ready_at=2), seconds=60, interval=0)
    assert f"… workloads Ready: 1 of 2, batch: {BROKEN} (" in capsys.readouterr().err


def test_one_that_stays_broken_is_named_with_all_rows(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(waiting.NotReady, match=r"^not after 0 s: batch\n") as caught:
        waiting.until_ready(Answers(ready_at=99), seconds=0, interval=0)
    assert [(row.name, row.reason) for row in caught.value.rows] == [("batch", BROKEN), ("voice", "")]
    assert "✗ workloads Ready: not after 0 s: batch" in capsys.readouterr().err

"""`keda replay` on what the lab's Prometheus recorded: the changes that KEDA and the HPA make are explained,
those of others are named.

The HPA syncs every 15 s here, as in any cluster. What others set lasts until its next sync, and Prometheus
looks every 5 s: so they act right after a sync.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from cli.engine import Engine
from cli.targets import lab_record
from lab.node import processes
from lab.paths import Lab
from tests.fidelity.runner import controller
from tests.live.cluster import APPLY, MERGE, Cluster, wait
from tests.live.support import wait_ready, with_overrides

pytestmark = [pytest.mark.live, pytest.mark.long]

TARGET = "/apis/apps/v1/namespaces/batch/deployments/batch-inference"
HPAS = "/apis/autoscaling/v2/namespaces/batch/horizontalpodautoscalers"
SYNC = 15
LEAD = 75
"""Seconds of rest before: what led to a change must be in the recording."""
SEEN = 12
"""Seconds from a change to the last moment at which the recording may have it."""


@dataclass
class Replayed:
    """A workload of the stack, and what is done to it."""

    stack: Engine
    lab: Lab
    cluster: Cluster
    name: str
    target: str
    """Its Deployment; its namespace has the workload's name."""
    moments: dict[str, float] = field(default_factory=dict)
    """When others set replicas."""

    def replicas(self) -> int:
        return self.cluster.replicas(self.name, self.target)[0]

    def reaches(self, count: int, seconds: float = 120) -> None:
        wait(f"{self.target} at {count}", seconds, lambda: self.replicas() == count or None)

    def load(self, *options: str) -> None:
        command = [sys.executable, "-m", "lab", "load", self.name, "--name", self.lab.name, *options]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=120)

    def after_a_sync(self) -> None:
        """Waits until the HPA has just synced: its last scaling was at a sync."""

        def just() -> bool | None:
            last = self.cluster.get(f"{HPAS}/keda-hpa-{self.name}")["status"]["lastScaleTime"]
            since = time.time() - datetime.fromisoformat(last).timestamp()
            return (since > SYNC and 2 <= since % SYNC <= 4) or None

        wait("the moment after a sync", 60, just)

    def act(self, what: str, do: Callable[[], object], count: int) -> None:
        """Someone sets `count` right after a sync; the next one undoes it."""
        self.reaches(3)
        self.after_a_sync()
        do()
        self.moments[what] = time.time()
        self.reaches(count, 2)

    def replay(self, since: float) -> tuple[int, Any]:
        """The exit code and the answer, of the time from `since` on."""
        time.sleep(SEEN)
        prometheus = f"http://127.0.0.1:{lab_record(self.lab)['ports']['prometheus']}"
        command = [sys.executable, "-m", "cli.keda", "replay", str(self.stack.stack_file())]
        command += ["--workload", self.name, "--prometheus", prometheus, "--step", "5s", "--format", "json"]
        command += ["--since", f"{round(time.time() - since)}s"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        assert done.returncode in (0, 1), done.stderr
        return done.returncode, json.loads(done.stdout)


@pytest.fixture(scope="module")
def batch(stack: Engine, lab: Lab, cluster: Cluster) -> Iterator[Replayed]:
    """At rest, with an HPA controller that syncs every 15 s."""
    processes.start(lab, controller(lab, f"--horizontal-pod-autoscaler-sync-period={SYNC}s"))
    found = Replayed(stack, lab, cluster, "batch", "batch-inference")
    wait_ready(cluster, "batch", "batch")
    found.reaches(0, 180)
    time.sleep(SEEN)  # the recording has it too
    yield found
    cluster.delete(f"{HPAS}/by-hand")
    processes.start(lab, controller(lab))
    found.reaches(0, 300)


def test_each_change_of_a_run_is_explained(batch: Replayed) -> None:
    began = time.time()
    time.sleep(LEAD)
    batch.load("--jobs=4", "--seconds=30")
    batch.reaches(4)
    batch.reaches(0, 240)
    code, found = batch.replay(began)
    assert {each["verdict"] for each in found["changes"]} == {"explained"}, found["changes"]
    assert found["changes"][0]["before"] == 0 and found["changes"][-1]["after"] == 0
    assert found["recorded"]["highest"] == 4
    assert found["missing"] == []
    assert code == 0


def test_what_others_did_is_named_and_nothing_else(batch: Replayed) -> None:
    cluster = batch.cluster
    began = time.time()
    time.sleep(LEAD)
    batch.load("--jobs=3", "--seconds=170")
    batch.reaches(3)
    scale = {"spec": {"replicas": 1}}
    batch.act("kubectl scale", lambda: cluster.request("PATCH", f"{TARGET}/scale", scale, MERGE), 1)
    path = f"{TARGET}?fieldManager=kustomize-controller&force=true"
    applied = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": batch.target}}
    reset = applied | {"spec": {"replicas": 2}}
    batch.act("GitOps", lambda: cluster.request("PATCH", path, reset, APPLY), 2)
    batch.act("GitOps again", lambda: cluster.request("PATCH", path, reset, APPLY), 2)
    batch.reaches(3)
    cluster.create(HPAS, hpa_by_hand())
    wait("the HPA by hand sets its minimum", 40, lambda: batch.replicas() == 4 or None)
    batch.moments["HPA by hand"] = time.time()
    time.sleep(30)
    cluster.delete(f"{HPAS}/by-hand")
    removed = time.time()
    batch.reaches(0, 400)
    _, found = batch.replay(began)
    named = {seconds(each["time"]): each for each in found["changes"] if each["verdict"] != "explained"}
    assert [each["verdict"] for each in named.values()] == ["unexplained"] * 4, found["changes"]
    for at, moment in zip(named, batch.moments.values(), strict=True):
        assert moment - 2 <= at <= moment + SEEN, (batch.moments, found["changes"])
    whys = [each["reason"].partition("perhaps ")[2] for each in named.values()]
    gitops = "GitOps, Helm or an apply that writes replicas: the same count 2 times"
    alone = "kubectl scale, or another writer of spec.replicas"
    assert whys == [alone, gitops, gitops, alone]
    for each in found["missing"]:  # with two HPAs on one target, Kubernetes stops both
        assert batch.moments["HPA by hand"] - SEEN < seconds(each["from"]) <= seconds(each["to"])
        assert seconds(each["to"]) < removed + SYNC + SEEN, found["missing"]


def test_in_shadow_mode_the_present_owner_is_compared_with_keda(
    stack: Engine, lab: Lab, cluster: Cluster
) -> None:
    """KEDA reads the queue and leaves the replicas to whoever sets them: 1, where it would have had 2."""
    shadow = with_overrides(stack, {"keda-homelab:workloads.voice.pausedScale": "both"})
    try:
        assert shadow.operate("up", capture=True).returncode == 0
        voice = Replayed(shadow, lab, cluster, "voice", "voice-pipeline")
        voice.reaches(0, 180)
        began = time.time()
        time.sleep(LEAD)
        voice.load("--messages=40")
        time.sleep(30)
        assert voice.replicas() == 0, "40 messages wait, and KEDA is paused"
        scale = "/apis/apps/v1/namespaces/voice/deployments/voice-pipeline/scale"
        cluster.request("PATCH", scale, {"spec": {"replicas": 1}}, MERGE)
        time.sleep(60)
        assert voice.replicas() == 1
        cluster.request("PATCH", scale, {"spec": {"replicas": 0}}, MERGE)
        time.sleep(LEAD)
        code, found = voice.replay(began)
    finally:
        assert stack.operate("up", capture=True).returncode == 0
    assert [(each["before"], each["after"], each["verdict"]) for each in found["changes"]] == [
        (0, 1, "not judged"),
        (1, 0, "not judged"),
    ]
    assert (found["recorded"]["highest"], found["simulated"]["highest"]) == (1, 2)
    assert [each["by"] for each in found["simulatedChanges"]][:2] == ["keda", "hpa"]
    assert found["missing"] == []
    assert code == 0


def hpa_by_hand() -> dict[str, Any]:
    """At least 4 replicas. Its annotation hides it from the cluster guard and from KEDA's webhook."""
    resource = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "by-hand", "annotations": {"validations.keda.sh/hpa-ownership": "false"}},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "batch-inference"},
            "minReplicas": 4,
            "maxReplicas": 4,
            "metrics": [{"type": "Resource", "resource": resource}],
        },
    }


def seconds(moment: str) -> float:
    """Of the clock, from `2026-01-01 00:00:00` in UTC."""
    return datetime.fromisoformat(moment).replace(tzinfo=UTC).timestamp()

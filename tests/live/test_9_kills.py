"""kill -9 of the engine or of the provider at random moments of `pulumi up`: the next run converges.

So does a change after it. The provider's field managers are random, so whatever a killed run has made and not
recorded is another manager's; enable_patch_force takes it over (components/platform.py).
KEDA_HOMELAB_KILLS sets the number of kills, KEDA_HOMELAB_SEED repeats a run's moments.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.engine import POLICY_PACK, Engine
from cli.stackfile import PROJECT, STACK
from tests.live.cluster import KEDA, Cluster
from tests.live.support import WORKLOADS, wait_ready, with_overrides

pytestmark = [pytest.mark.live, pytest.mark.long]

KILLS = int(os.environ.get("KEDA_HOMELAB_KILLS", "4"))
SEED = int(os.environ.get("KEDA_HOMELAB_SEED", str(random.randrange(10**6))))
PROVIDER = "pulumi-resource-kubernetes"
LONGEST = 180.0  # seconds of an update


def changed(engine: Engine, number: int) -> Engine:
    """A change of nearly every object: the chart's labels, the CRDs' too, and two ScaledObjects."""
    return with_overrides(
        engine,
        {
            "keda-homelab:keda.values.additionalLabels": {"round": str(number)},
            "keda-homelab:workloads.voice.messagesPerReplica": 10 + number,
            "keda-homelab:workloads.ray-serve.requestsPerReplica": 5 + number,
        },
    )


def update(engine: Engine) -> subprocess.Popen[bytes]:
    """`pulumi up` as `Engine.operate` runs it, in a session of its own."""
    command = [str(engine.pulumi), "up", "--stack", STACK, "--config-file", str(engine.config_file), "--yes"]
    return subprocess.Popen(
        [*command, "--skip-preview", "--policy-pack", str(POLICY_PACK)],
        env=engine.environment(),
        cwd=PROJECT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def provider(engine: int, seconds: float = 30) -> int | None:
    """The provider that an engine has started; None if the engine has ended before."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for process in Path("/proc").glob("[0-9]*"):
            try:
                parent = int((process / "stat").read_text().rpartition(")")[2].split()[1])
                if parent == engine and PROVIDER in (process / "cmdline").read_text():
                    return int(process.name)
            except (OSError, IndexError, ValueError):
                continue
        if not Path(f"/proc/{engine}").exists():
            return None
        time.sleep(0.05)
    return None


@pytest.fixture(scope="module")
def duration(stack: Engine) -> float:
    """Seconds that an undisturbed update of this kind takes."""
    started = time.monotonic()
    done = changed(stack, 0).operate("up", "--skip-preview", capture=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return time.monotonic() - started


@pytest.fixture(scope="module", autouse=True)
def as_before(stack: Engine) -> Iterator[None]:
    yield
    assert stack.operate("up", "--skip-preview", capture=True).returncode == 0


def voice(cluster: Cluster) -> Any:
    found = cluster.get(f"{KEDA}/namespaces/voice/scaledobjects/voice")
    return found["spec"]["triggers"][0]["metadata"]["lagThreshold"]


@pytest.mark.parametrize("number", range(1, KILLS + 1))
def test_the_next_run_after_a_kill_converges(
    stack: Engine, cluster: Cluster, duration: float, number: int
) -> None:
    """Every third kill is of an `up` from nothing, over the kept CRDs; the others are of a change."""
    moment = random.Random(SEED * 100 + number).uniform(0.05, 0.95) * duration
    victim = "engine" if number % 2 else "provider"
    if number % 3 == 0:
        assert stack.operate("destroy", capture=True).returncode == 0
    target = changed(stack, 10 * number)
    target.deployment()  # writes the stack file
    process = update(target)
    try:
        time.sleep(moment)
        pid = process.pid if victim == "engine" else provider(process.pid)
        if pid is not None and process.poll() is None:
            os.kill(pid, signal.SIGKILL)
        process.wait(LONGEST)
    finally:
        process.kill()
        process.wait(30)
    kill = f"seed {SEED}, kill {number}: {victim} after {moment:.1f} s of {duration:.1f} s"
    print(f"{kill}: {process.returncode}")
    done = target.operate("up", capture=True)
    assert done.returncode == 0, f"{kill}\n{done.stdout}{done.stderr}"
    assert voice(cluster) == str(10 + 10 * number)
    after = changed(stack, 10 * number + 1)
    done = after.operate("up", capture=True)
    assert done.returncode == 0, f"the change after {kill}\n{done.stdout}{done.stderr}"
    assert voice(cluster) == str(11 + 10 * number)
    done = after.operate("preview", "--expect-no-changes", capture=True)
    assert done.returncode == 0, f"the preview after {kill}\n{done.stdout}{done.stderr}"
    for name, namespace in WORKLOADS.items():
        wait_ready(cluster, name, namespace)

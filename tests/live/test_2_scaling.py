"""Each workload really scales: up to its maximum under real load, and back to its minimum after it.

All four loads run at once, since each waits minutes for its own windows.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from functools import partial

import pytest

from cli.engine import Engine
from lab.paths import Lab
from tests.live.cluster import KEDA, Cluster, wait
from tests.live.support import WORKLOADS, wait_ready, with_overrides

pytestmark = pytest.mark.live

# workload -> (namespace, Deployment, minimum, maximum) of Pulumi.homelab.yaml
TARGETS = {
    "voice": ("voice", "voice-pipeline", 0, 2),
    "ray-serve": ("ray", "ray-serve", 1, 4),
    "envoy-gateway": ("envoy-gateway-system", "envoy-default-eg-e41e7b31", 1, 3),
    "batch": ("batch", "batch-inference", 0, 4),
}


def load(lab: Lab, workload: str) -> subprocess.Popen[bytes]:
    """Starts `python -m lab load WORKLOAD`, which ends by itself."""
    return subprocess.Popen(
        [sys.executable, "-m", "lab", "load", workload, "--name", lab.name],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def at(cluster: Cluster, namespace: str, deployment: str, count: int) -> bool:
    """Whether a Deployment wants exactly `count` replicas."""
    return cluster.replicas(namespace, deployment)[0] == count


@pytest.fixture(scope="module")
def loads(stack: Engine, lab: Lab, cluster: Cluster) -> Iterator[None]:
    """All four loads, started from rest."""
    for workload, (namespace, deployment, least, _) in TARGETS.items():
        wait_ready(cluster, workload, WORKLOADS[workload])
        wait(
            f"{workload} at rest with {least}",
            180,
            partial(at, cluster, namespace, deployment, least),
        )
    running = [load(lab, workload) for workload in TARGETS]
    yield
    for process in running:
        process.wait(timeout=300)


@pytest.fixture(scope="module")
def peaks(loads: None, cluster: Cluster) -> dict[str, int]:
    """The largest number of ready replicas each workload reached before all had reached their maximum."""
    reached = dict.fromkeys(TARGETS, 0)

    def probe() -> bool | None:
        for workload, (namespace, deployment, _, _) in TARGETS.items():
            reached[workload] = max(reached[workload], cluster.replicas(namespace, deployment)[1])
        return all(reached[workload] >= most for workload, (*_, most) in TARGETS.items()) or None

    with contextlib.suppress(AssertionError):  # each test below names its own workload
        wait("all at their maximum", 240, probe)
    return reached


def test_the_role_they_scale_under_is_narrow(stack: Engine, cluster: Cluster) -> None:
    rules = cluster.get("/apis/rbac.authorization.k8s.io/v1/clusterroles/keda-operator")["rules"]
    granted = {resource for rule in rules for resource in rule["resources"]}
    assert "deployments/scale" in granted
    assert not granted & {"*", "*/scale", "secrets"}


@pytest.mark.parametrize("workload", TARGETS)
def test_scales_to_its_maximum(peaks: dict[str, int], workload: str) -> None:
    assert peaks[workload] == TARGETS[workload][3]


@pytest.mark.parametrize("workload", TARGETS)
def test_comes_back_to_its_minimum(peaks: dict[str, int], cluster: Cluster, workload: str) -> None:
    namespace, deployment, least, _ = TARGETS[workload]
    wait(
        f"{workload} back at {least}",
        300,
        partial(at, cluster, namespace, deployment, least),
    )


def test_batch_as_scaled_job(peaks: dict[str, int], stack: Engine, lab: Lab, cluster: Cluster) -> None:
    """One setting turns the batch workload into Jobs: 0 -> N -> 0, and back to a ScaledObject."""
    done = with_overrides(stack, {"keda-homelab:workloads.batch.kind": "ScaledJob"}).operate(
        "up", capture=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    try:
        path = f"{KEDA}/namespaces/batch/scaledjobs/batch"
        wait("ScaledJob Ready", 120, lambda: cluster.condition(path, "Ready")[0] == "True" or None)
        assert cluster.get(f"{KEDA}/namespaces/batch/scaledobjects/batch") is None
        process = load(lab, "batch")

        def jobs(field: str) -> int:
            label = "labelSelector=scaledjob.keda.sh/name%3Dbatch"
            items = cluster.get(f"/apis/batch/v1/namespaces/batch/jobs?{label}")["items"]
            return sum(item["status"].get(field, 0) for item in items)

        most = 0

        def busy() -> bool | None:
            nonlocal most
            most = max(most, jobs("active"))
            return most >= 4 or None

        wait("four Jobs at once", 180, busy)
        assert most == 4, "more Jobs than schedulable GPUs"
        wait(
            "no Job left, all succeeded",
            240,
            lambda: (jobs("active") == 0 and jobs("succeeded") >= 4) or None,
        )
        process.wait(timeout=300)
    finally:
        back = stack.operate("up", capture=True)
    assert back.returncode == 0, back.stdout + back.stderr
    wait_ready(cluster, "batch", "batch")

"""Signals and destroy: whatever stops a run, the next one converges; destroy keeps what is not ours."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli import targets
from cli.engine import Engine
from lab import __main__ as lab_command
from lab import chart_source
from lab.node import processes
from lab.node.leftovers import leftovers
from lab.paths import Lab
from lab.toolchain import tools
from tests.live.cluster import KEDA, Cluster, wait
from tests.live.support import WORKLOADS, scaled_object, wait_ready, with_overrides

pytestmark = [pytest.mark.live, pytest.mark.long]
PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def destroyed(stack: Engine, cluster: Cluster) -> Iterator[dict[str, object]]:
    """The stack after `pulumi destroy`, with somebody else's ScaledObject left in the cluster."""
    theirs = scaled_object("theirs", "default", "backend", minReplicaCount=1)
    created = cluster.create(f"{KEDA}/namespaces/default/scaledobjects", theirs)
    wait(
        "KEDA's finalizer on it",
        60,
        lambda: cluster.get(f"{KEDA}/namespaces/default/scaledobjects/theirs")["metadata"].get("finalizers"),
    )
    done = stack.operate("destroy", capture=True)
    yield {"created": created, "done": done}


def test_destroy_ends_by_itself(
    destroyed: dict[str, subprocess.CompletedProcess[str]], cluster: Cluster
) -> None:
    done = destroyed["done"]
    assert done.returncode == 0, done.stdout + done.stderr
    assert cluster.get("/apis/apps/v1/namespaces/keda/deployments/keda-operator") is None
    for name, namespace in WORKLOADS.items():
        assert cluster.get(f"{KEDA}/namespaces/{namespace}/scaledobjects/{name}") is None


def test_destroy_keeps_the_crds_and_what_is_others(destroyed: dict[str, object], cluster: Cluster) -> None:
    assert cluster.get("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/scaledobjects.keda.sh")
    kept = cluster.get(f"{KEDA}/namespaces/default/scaledobjects/theirs")
    assert kept["metadata"]["uid"] == destroyed["created"]["metadata"]["uid"]  # type: ignore[index]


def test_destroy_takes_the_cluster_guard_away(destroyed: dict[str, object], cluster: Cluster) -> None:
    for kind in ("validatingadmissionpolicies", "validatingadmissionpolicybindings"):
        items = cluster.get(f"/apis/admissionregistration.k8s.io/v1/{kind}")["items"]
        names = [item["metadata"]["name"] for item in items]
        assert [name for name in names if name.startswith("keda-one-owner-")] == []


@pytest.mark.parametrize("stop", [signal.SIGKILL, signal.SIGINT], ids=["SIGKILL", "SIGINT"])
def test_up_after_a_stopped_up_converges(
    destroyed: object, stack: Engine, cluster: Cluster, stop: int
) -> None:
    """The first stop finds an empty cluster, the second a half-made one."""
    environment = {**stack.environment()}
    command = [
        str(stack.pulumi),
        "up",
        "--stack",
        "homelab",
        "--config-file",
        str(stack.config_file),
        "--yes",
    ]
    command += ["--skip-preview", "--policy-pack", str(PROJECT / "policies")]
    with subprocess.Popen(
        command,
        env=environment,
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    ) as process:
        wait(
            "the run to be half-way",
            120,
            lambda: (
                process.poll() is not None
                or cluster.get("/api/v1/namespaces/keda/serviceaccounts/keda-operator")
            ),
        )
        os.killpg(process.pid, stop)
        process.communicate(timeout=120)
    done = stack.operate("up", capture=True)
    assert done.returncode == 0, done.stdout + done.stderr
    for name, namespace in WORKLOADS.items():
        wait_ready(cluster, name, namespace)
    cluster.delete(f"{KEDA}/namespaces/default/scaledobjects/theirs")


def test_up_with_the_chart_of_our_own(stack: Engine, lab: Lab, cluster: Cluster) -> None:
    """Where neither a registry nor the archive is at hand, the lab's own chart brings up the same KEDA."""
    record = targets.lab_record(lab)
    programs = {name: Path(path) for name, path in record["tools"].items()}
    crds = tools.module_dir("keda-operator") / "config" / "crd"
    own = chart_source.choose_and_publish(lab, programs, record["ports"]["registry"], crds=crds, chart="own")
    assert own["origin"] == "own"
    done = with_overrides(stack, {"keda-homelab:keda.chart": own["source"]}).operate("up", capture=True)
    assert done.returncode == 0, done.stdout + done.stderr
    for name, namespace in WORKLOADS.items():
        wait_ready(cluster, name, namespace)
    assert record["chart"]["origin"] in {"registry", "archive", "own"}


def test_lab_up_repairs_what_was_killed(stack: Engine, lab: Lab, cluster: Cluster) -> None:
    """kill -9 of the API server's store, of kubelet, and of `lab up` itself in the middle."""
    for name in ("etcd", "kubelet"):
        identity = processes.running(lab, name)
        assert identity
        identity.kill()
    command = [sys.executable, "-m", "lab", "up", "--name", lab.name, "--hpa-sync-period", "5s"]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as half:
        assert half.stdout
        half.stdout.readline()
        time.sleep(1)
        half.kill()
    assert lab_command.main(["up", "--name", lab.name, "--hpa-sync-period", "5s"]) == 0
    for name, namespace in WORKLOADS.items():
        wait_ready(cluster, name, namespace, 180)


def test_down_stops_a_running_up_and_leaves_nothing(stack: Engine, lab: Lab) -> None:
    """The update does not go on, and its state does not come back into the removed folder."""
    assert leftovers(lab), "the check itself finds nothing on a running lab"
    with subprocess.Popen(
        [sys.executable, "-m", "cli", "up", "--lab", lab.name],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as up:
        wait("pulumi up", 120, lambda: up.poll() is not None or _runs(stack.pulumi, "up", lab) or None)
        assert up.poll() is None, up.communicate()[0]
        started = time.monotonic()
        down = subprocess.run(
            [sys.executable, "-m", "cli", "down", "--lab", lab.name],
            cwd=PROJECT,
            capture_output=True,
            text=True,
        )
        took = time.monotonic() - started
        text, _ = up.communicate(timeout=30)
    assert down.returncode == 0, down.stdout + down.stderr
    assert "stopping the make command at work on it" in down.stderr
    assert up.returncode != 0
    assert "Traceback" not in text + down.stderr
    assert took < 120
    time.sleep(3)  # what went on would write again
    assert leftovers(lab) == []
    assert not lab.root.exists()
    assert not _runs(stack.pulumi, "up", lab)


def _runs(pulumi: Path, verb: str, lab: Lab) -> bool:
    """Whether Pulumi does this on the lab's stack."""
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            command = (process / "cmdline").read_text().split("\0")
            if command[:2] == [str(pulumi), verb] and any(str(lab.root) in each for each in command):
                return True
    return False

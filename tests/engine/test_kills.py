"""kill -9 of the engine or the provider at random moments of `up`: the next run and a change converge."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

import pytest

from tests.engine.conftest import Stack

pytestmark = pytest.mark.engine

KILLS = int(os.environ.get("KEDA_HOMELAB_KILLS", "4"))
SEED = int(os.environ.get("KEDA_HOMELAB_SEED", str(random.randrange(10**6))))
PROGRAM = """
import signal
from pulumi import ResourceOptions
from pulumi_kubernetes import Provider
from pulumi_kubernetes.core.v1 import ConfigMap
signal.signal(signal.SIGINT, signal.SIG_DFL)
provider = Provider("p", upsert_existing_objects=True, enable_config_map_mutable=True,
    enable_patch_force=True)
after = []
for number in range(30):
    name = f"cm-{number}"
    made = ConfigMap(name, metadata={"name": name, "namespace": %r}, data={"value": "%d"},
        opts=ResourceOptions(provider=provider, depends_on=after))
    after = [made] if number %% 3 == 0 else after
"""


def test_the_next_run_after_a_kill_converges(stack: Stack, namespace: str) -> None:
    """The program's provider settings, and 30 objects one after another, so that a kill finds some made."""
    stack.program(PROGRAM % (namespace, 0))
    started = time.monotonic()
    assert (up := stack.up()).code == 0, up.text
    duration, value, killed = time.monotonic() - started, 0, []
    for number in range(1, KILLS + 1):
        value += 1
        stack.program(PROGRAM % (namespace, value))
        moment = random.Random(SEED * 100 + number).uniform(0.4, 0.95) * duration
        process = stack.start("up", "--yes", "--skip-preview")
        time.sleep(moment)
        victim = process.pid if number % 2 else _provider(process.pid)
        if victim and process.poll() is None:
            os.kill(victim, signal.SIGKILL)
        process.communicate(timeout=120)
        killed.append(_made(stack, namespace, value))
        print(
            f"seed {SEED}, kill {number}: after {moment:.1f} of {duration:.1f} s, {killed[-1]} of 30 changed"
        )
        stack.pulumi("cancel", "--yes")
        stack.pulumi("refresh", "--yes", "--skip-preview", "--clear-pending-creates")  # as cli/engine.py
        assert (up := stack.up()).code == 0, f"seed {SEED}\n{up.text}"
        assert _made(stack, namespace, value) == 30
        value += 1
        stack.program(PROGRAM % (namespace, value))
        started = time.monotonic()
        assert (up := stack.up()).code == 0, f"seed {SEED}\n{up.text}"
        duration = time.monotonic() - started
        assert _made(stack, namespace, value) == 30


def _made(stack: Stack, namespace: str, value: int) -> int:
    shown = stack.cluster.kubectl(
        "get", "configmaps", "-n", namespace, "-o", "jsonpath={.items[*].data.value}"
    )
    return shown.split().count(str(value))


def _provider(engine: int) -> int | None:
    for process in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((process / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == engine and "pulumi-resource-kubernetes" in (process / "cmdline").read_text():
                return int(process.name)
        except (OSError, IndexError, ValueError):
            continue
    return None


def test_a_state_has_no_second_files(stack: Stack) -> None:
    """One that a kill leaves empty ends every later run: `?metadata=skip` keeps them away."""
    stack.program("")
    stack.environment["PULUMI_BACKEND_URL"] = stack.environment["PULUMI_BACKEND_URL"].partition("?")[0]
    assert (up := stack.up()).code == 0, up.text
    seconds = list((stack.folder / "state").rglob("test.json.attrs"))
    assert len(seconds) == 1
    seconds[0].write_text("")
    assert "failed to load checkpoint: EOF" in stack.up().text


def test_the_states_of_labs_have_none(stack: Stack) -> None:
    stack.program("")
    assert (up := stack.up()).code == 0, up.text
    assert list((stack.folder / "state").rglob("test.json"))
    assert not list((stack.folder / "state").rglob("*.attrs"))

"""A lab of the tests' own, and the homelab stack on it with shortened cooldowns and windows."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest

from cli import targets
from cli.engine import Engine
from lab import __main__ as lab_command
from lab.paths import Lab
from tests.live.cluster import Cluster

NAME = os.environ.get("KEDA_HOMELAB_TEST_LAB", "test")

# The homelab waits minutes before it scales down, and KEDA's probes 20 s before they first look; a test run
# cannot. Nothing else differs from its stack.
SOON = {"readinessProbe": {"initialDelaySeconds": 2}}
SHORT: dict[str, Any] = {
    f"keda-homelab:workloads.{workload}.{key}": value
    for workload in ("ray-serve", "envoy-gateway", "voice", "batch")
    for key, value in {"pollingInterval": 5, "cooldownPeriod": 10, "scaleDownWindow": 5}.items()
} | {
    "keda-homelab:workloads.envoy-gateway.drain": 1,
    "keda-homelab:keda.values": {"operator": SOON, "webhooks": SOON},
}


@pytest.fixture(scope="session")
def shown(request: pytest.FixtureRequest) -> Callable[[], AbstractContextManager[None]]:
    """Lets a long step write to the screen though pytest captures output."""
    manager: Any = request.config.pluginmanager.getplugin("capturemanager")
    disabled: Callable[[], AbstractContextManager[None]] = manager.global_and_fixture_disabled
    return disabled


@contextmanager
def running(
    name: str, shown: Callable[[], AbstractContextManager[None]], hpa_sync_period: str = "5s"
) -> Iterator[Lab]:
    """A running lab that is gone afterwards, whatever an earlier session left."""
    lab = Lab(name)
    with shown():
        assert lab_command.main(["down", "--name", lab.name]) == 0
        assert lab_command.main(["up", "--name", lab.name, "--hpa-sync-period", hpa_sync_period]) == 0
    yield lab
    with shown():
        lab_command.main(["down", "--name", lab.name])


@pytest.fixture(scope="session")
def lab(shown: Callable[[], AbstractContextManager[None]]) -> Iterator[Lab]:
    """The lab of the session."""
    with running(NAME, shown) as lab:
        yield lab


@pytest.fixture(scope="session")
def cluster(lab: Lab) -> Cluster:
    """The lab's API server."""
    return Cluster(str(lab.kubeconfig))


@pytest.fixture(scope="session")
def engine(lab: Lab) -> Engine:
    """The Pulumi engine on the homelab stack with short windows; nothing is installed yet."""
    return targets.lab_engine(lab, SHORT)


@pytest.fixture(scope="session")
def stack(engine: Engine, shown: Callable[[], AbstractContextManager[None]]) -> Engine:
    """The same, after `pulumi up --policy-pack policies`."""
    with shown():
        assert engine.operate("up").returncode == 0
    return engine

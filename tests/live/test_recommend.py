"""What `--recommend` finds for the batch workload, beside the defaults: the same arrivals, a real KEDA and
HPA, real pods. The queue is the simulation's own; the ready pods work it off.

All times are a third of the example's, as the HPA's period is: 5 s instead of 15 s.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from cli.engine import Engine
from keda.commands.arguments import Arguments
from keda.commands.recommend import recommendation
from keda.scaling.controller import ControllerSettings
from keda.scaling.manifest import read_scaled_object
from keda.scaling.signals import Constant, Queue
from keda.scaling.simulation import Options
from keda.timelines.recommendation import values
from keda.timelines.timeline import Outcome, Spread, simulate
from lab.paths import Lab
from tests.fidelity import runner
from tests.fidelity.scenario import Scenario, Trigger
from tests.fidelity.source import Signals, start
from tests.live.cluster import Cluster
from tests.support import ROOT

pytestmark = [pytest.mark.live, pytest.mark.long]

EXAMPLE = str(ROOT / "examples" / "simulate" / "batch.yaml")
ARRIVALS = f"arrivals:{ROOT / 'examples' / 'simulate' / 'arrivals.csv'}:90s"
SHORTER = 3
SECONDS = 480
RATE = 0.015 * SHORTER
"""Arrivals a second: the example's around noon."""
SEED = 2
"""Arrivals for which the simulation has the two waits 3 s apart, whenever the HPA syncs."""
START_UP = 13
"""Seconds until a pod is Ready: its probe's delay."""


@dataclass
class Worked:
    """A queue as a source of tests.fidelity, and what its pods came to."""

    queue: Queue = field(default_factory=lambda: Queue(Constant(RATE), 90_000 // SHORTER, SEED))
    ready: int = 0
    pod_seconds: float = 0.0

    def value(self, seconds: float) -> float:
        """The items that wait or are in work."""
        return self.queue.at(round(seconds * 1000), self.ready) or 0.0

    @property
    def wait(self) -> float:
        """What 95 of 100 items waited at most, in seconds."""
        waits = self.queue.waits.copy()
        waits.update((SECONDS * 1000 - arrival) // 100 for arrival in self.queue.waiting)
        return Spread.of(waits, 0.1).p95


@pytest.fixture(scope="module")
def scenarios() -> Mapping[str, Scenario]:
    """The defaults, and what is recommended for the example's day."""
    asked = Arguments(EXAMPLE, (ARRIVALS,), start_up="40s")
    scaled_object, found = recommendation(asked, "p95 wait <= now, min gpu-hours")
    assert found.best is not None and found.best.settings
    now = values(scaled_object)
    return {
        "defaults": scenario("defaults", now),
        "recommended": scenario("recommended", now | dict(found.best.settings)),
    }


def scenario(name: str, settings: Mapping[str, int]) -> Scenario:
    """The settings with shorter times."""
    window = settings["scaleDown.stabilizationWindowSeconds"] // SHORTER
    behavior = {"scaleDown": {"stabilizationWindowSeconds": window}}
    spec = {
        "minReplicaCount": settings["minReplicaCount"],
        "maxReplicaCount": settings["maxReplicaCount"],
        "pollingInterval": settings["pollingInterval"] // SHORTER,
        "cooldownPeriod": settings["cooldownPeriod"] // SHORTER,
        "advanced": {"horizontalPodAutoscalerConfig": {"behavior": behavior}},
    }
    trigger = Trigger((), settings["threshold"] / 1000)
    return Scenario(name, (), (trigger,), spec, pods="real", delay=START_UP)


@pytest.fixture(scope="module")
def worked(
    stack: Engine, lab: Lab, cluster: Cluster, scenarios: Mapping[str, Scenario]
) -> Mapping[str, Worked]:
    """Both side by side in the lab."""
    found = {name: Worked() for name in scenarios}
    signals = Signals()
    for name, queue in found.items():
        signals.add(name, [queue])  # type: ignore[list-item]
    stop = start(lab, signals, lambda selector: [])
    try:
        with runner.namespace(cluster):
            for each in scenarios.values():
                cluster.create(f"{runner.APPS}/deployments", each.deployment())
                cluster.create(runner.OBJECTS, each.scaled_object())
            threads = [
                threading.Thread(target=watch, args=(cluster, signals, name, queue))
                for name, queue in found.items()
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
    finally:
        stop()
    return found


def watch(cluster: Cluster, signals: Signals, name: str, queue: Worked) -> None:
    """Looks twice a second: the pods that are Ready work, and all count."""
    before = began = time.time()
    while before < began + SECONDS:
        replicas, queue.ready = cluster.replicas(runner.NAMESPACE, name)
        signals.read(name, 0)
        time.sleep(0.5)
        now = time.time()
        queue.pod_seconds += replicas * (now - before)
        before = now


def test_both_are_better(worked: Mapping[str, Worked]) -> None:
    defaults, recommended = worked["defaults"], worked["recommended"]
    assert recommended.pod_seconds < 0.8 * defaults.pod_seconds, worked
    assert recommended.wait < defaults.wait, worked


@pytest.mark.parametrize("name", ["defaults", "recommended"])
def test_the_pods_are_those_of_the_simulation(
    worked: Mapping[str, Worked], scenarios: Mapping[str, Scenario], name: str
) -> None:
    scaled_object = read_scaled_object(scenarios[name].scaled_object())
    options = Options(start_up=START_UP * 1000, controller=ControllerSettings(sync_period=5000))
    timeline = simulate(scaled_object, [Worked().queue], options, SECONDS * 1000)
    assert worked[name].pod_seconds == pytest.approx(Outcome.of(timeline).pod_seconds, rel=0.15)

"""How the homelab's four workloads scale, as their owners would hold it: docs/testing.md explains it.

After a change that is meant, `pytest tests/components/test_scaling.py --write-timelines` writes timelines/
anew: look at the pictures.
"""

from __future__ import annotations

import pytest

from keda.testing import assert_monotone, assert_no_flap, assert_scales, assert_within_budget
from keda.testing.plugin import Golden
from tests.support import STACK, settings_of

WORKLOADS = settings_of(STACK.read_text(encoding="utf-8")).workloads


def test_voice_wakes_and_sleeps(golden_timeline: Golden) -> None:
    """Messages come for ten minutes: awake within a poll, both replicas a sync later, asleep 5 min after."""
    voice = WORKLOADS["voice"].scaled
    golden_timeline(
        assert_scales(
            voice, "pulse:0:42@2m-12m", reaches=2, within="45s", back_to=0, back_within="5m", start_up="20s"
        )
    )
    assert_scales(voice, "pulse:0:1@2m-3m", reaches=1, within="30s", back_to=0, back_within="5m")
    assert_scales(voice, "constant:0", reaches=0)


def test_ray_serve_keeps_a_replica(golden_timeline: Golden) -> None:
    """Its own replicas emit the metric, so one stays."""
    ray = WORKLOADS["ray-serve"].scaled
    found = assert_scales(ray, "pulse:2:18@5m-20m", reaches=4, within="15s", back_to=1, back_within="6m")
    assert min(sample.replicas for sample in found.samples) == 1
    golden_timeline(found)


def test_envoy_proxies_leave_one_by_one(golden_timeline: Golden) -> None:
    """A proxy drains for 360 s; the next goes 390 s after it."""
    envoy = WORKLOADS["envoy-gateway"].scaled
    found = assert_scales(envoy, "pulse:20:140@5m-30m", reaches=3, within="15s", back_to=1, back_within="13m")
    downs = [change.at for change in found.changes if change.replicas < change.before]
    assert [change.before - change.replicas for change in found.changes if change.at in downs] == [1, 1]
    assert downs[1] - downs[0] >= 390_000
    golden_timeline(found)


def test_batch_uses_the_gpus_and_frees_them(golden_timeline: Golden) -> None:
    batch = WORKLOADS["batch"].scaled
    found = assert_scales(batch, "pulse:0:9@2m-20m", reaches=4, within="45s", back_to=0, back_within="5m")
    golden_timeline(found)
    # A queue that cannot be read keeps the pods: work would be lost.
    faults = ["source-down@5m-40m"]
    lost = assert_scales(batch, "pulse:0:9@2m-20m", reaches=4, faults=faults, back_to=0, back_within="30m")
    assert all(sample.replicas == 4 for sample in lost.samples if 300_000 < sample.at < 2_400_000)


@pytest.mark.parametrize("name", WORKLOADS)
def test_more_work_never_means_fewer_replicas(name: str) -> None:
    assert_monotone(WORKLOADS[name].scaled, up_to=200)


@pytest.mark.parametrize("name", WORKLOADS)
def test_a_day_without_flapping(name: str) -> None:
    assert_no_flap(WORKLOADS[name].scaled, "day:0:120")


def test_never_more_gpus_than_there_are() -> None:
    assert_within_budget([each.scaled for each in WORKLOADS.values()], gpus=4, replicas=2 + 4 + 3 + 4)

"""Each assertion holds where it should, and fails with the timeline where it should not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from keda import Metadata, Redis, ScaledObject, ScaledObjectSpec, ScaleTargetRef
from keda.testing import (
    assert_monotone,
    assert_no_flap,
    assert_scales,
    assert_within_budget,
    timeline,
)

PULSE = "pulse:0:42@2m-12m"


def manifest(threshold: str = "10", annotations: object = None, **spec: object) -> dict[str, Any]:
    trigger = {
        "type": "prometheus",
        "metadata": {"serverAddress": "http://p", "query": "q", "threshold": threshold},
    }
    return {
        "kind": "ScaledObject",
        "metadata": {"name": "web", "annotations": annotations},
        "spec": {"maxReplicaCount": 4, "triggers": [trigger], **spec},
    }


def test_a_workload_that_scales() -> None:
    found = assert_scales(manifest(), PULSE, reaches=4, within="45s", back_to=0, back_within="5m")
    assert found.samples[-1].replicas == 0


def test_the_slowest_phase_counts() -> None:
    """The signal changes right after a poll, the HPA syncs right before one: 30 s, and 15 s more."""
    with pytest.raises(AssertionError, match=r"^web reaches 4 after 0:00:45, not within 44s\n +time "):
        assert_scales(manifest(), PULSE, reaches=4, within="44s")
    assert_scales(manifest(pollingInterval=10), PULSE, reaches=4, within="25s")
    # 2:07 is between two polls: the change is moved to right after the next one.
    assert_scales(manifest(), "step:0:1@127s", reaches=1, within="30s")
    with pytest.raises(AssertionError, match="after 0:00:30, not within 29s"):
        assert_scales(manifest(), "step:0:1@127s", reaches=1, within="29s")


@pytest.mark.parametrize(
    ("expected", "message"),
    [
        ({"reaches": 3}, "web reaches 4, not 3"),
        ({"reaches": 5}, "web reaches 4, not 5"),
        ({"reaches": 4, "back_to": 1}, "web ends at 0, not at 1"),
        ({"reaches": 4, "back_to": 0, "back_within": "4m"}, "web is back to 0 after 0:05:00, not within 4m"),
    ],
)
def test_a_workload_that_scales_otherwise(expected: dict[str, Any], message: str) -> None:
    with pytest.raises(AssertionError) as failed:
        assert_scales(manifest(), PULSE, **expected)
    first, *rest = str(failed.value).splitlines()
    assert first == message
    assert rest[0].split() == ["time", "s0-prometheus", "wanted", "replicas", "reason"]


def test_a_file_and_a_typed_object(tmp_path: Path) -> None:
    assert_scales("examples/simulate/voice.yaml", PULSE, reaches=4, back_to=0)
    assert_scales(Path("examples/simulate/voice.yaml"), PULSE, reaches=4, back_to=0)
    redis = Redis(address="redis.web.svc:6379", list_name="jobs", list_length=10)
    spec = ScaledObjectSpec(
        scale_target_ref=ScaleTargetRef(name="web"), max_replica_count=3, triggers=(redis,)
    )
    typed = ScaledObject(metadata=Metadata(name="web", namespace="web"), spec=spec)
    assert_scales(typed, PULSE, reaches=3, back_to=0)


@pytest.mark.parametrize(
    ("workload", "signal", "message"),
    [
        ("none.yaml", PULSE, "none.yaml: cannot be read: No such file or directory."),
        (manifest(), "pulse:1", "--signal pulse:1 is not a signal."),
        (
            {"kind": "ScaledObject", "spec": {}},
            PULSE,
            "the workload: ScaledObject None: spec.triggers: there is",
        ),
    ],
)
def test_what_cannot_be_simulated_is_one_sentence(workload: Any, signal: str, message: str) -> None:
    with pytest.raises(ValueError) as failed:
        timeline(workload, signal)
    assert str(failed.value).startswith(message)


def test_a_timeline_ends_when_nothing_changes_any_more() -> None:
    """Or after a day, where something always does."""
    still = timeline(manifest(), PULSE)
    assert 20 * 60_000 < still.until < 40 * 60_000
    slow = {"scaleDown": {"policies": [{"type": "Pods", "value": 1, "periodSeconds": 1800}]}}
    behavior = {"horizontalPodAutoscalerConfig": {"behavior": slow}}
    one_by_one = manifest(minReplicaCount=1, advanced=behavior)
    assert_scales(one_by_one, "pulse:0:40@2m-12m", reaches=4, back_to=1, back_within="70m")
    flapping = manifest(minReplicaCount=3, idleReplicaCount=1)
    assert 86_400_000 <= timeline(flapping, "constant:0").until < 86_500_000
    assert timeline(manifest(), "poisson:0.1:5s", lasts="1h").until == 3_600_000


def test_flapping() -> None:
    assert_no_flap(manifest(), PULSE)
    hasty = {"scaleDown": {"stabilizationWindowSeconds": 0}}
    behavior = {"horizontalPodAutoscalerConfig": {"behavior": hasty}}
    found = manifest("1", minReplicaCount=1, advanced=behavior)
    with pytest.raises(AssertionError, match=r"^web flaps \d+ times: replicas came less than 0:05:00 after"):
        assert_no_flap(found, "poisson:0.2:10s", lasts="2h")


def test_monotone() -> None:
    assert_monotone(manifest(), up_to=100)
    falling = {"formula": "web > 30 ? 1 : web", "target": "10"}
    trigger = {**manifest()["spec"]["triggers"][0], "name": "web"}
    with pytest.raises(AssertionError, match=r"^web ends at 1 with web 32, below the 3 with 30\n"):
        assert_monotone(manifest(triggers=[trigger], advanced={"scalingModifiers": falling}), up_to=100)


def test_budgets() -> None:
    gpus = manifest(annotations={"keda-homelab.dev/gpus-per-pod": "2"})
    assert_within_budget(gpus, replicas=4, gpus=8)
    with pytest.raises(AssertionError, match=r"^web 8 GPUs \(web 8\), more than 7\n"):
        assert_within_budget(gpus, gpus=7)
    with pytest.raises(AssertionError, match=r"^web 8 replicas \(web 4, web 4\), more than 7\n"):
        assert_within_budget([gpus, manifest()], replicas=7)
    paused = manifest(annotations={"autoscaling.keda.sh/paused-replicas": "9"})
    with pytest.raises(AssertionError, match=r"^web 9 replicas \(web 9\), more than 4\n"):
        assert_within_budget(paused, replicas=4)

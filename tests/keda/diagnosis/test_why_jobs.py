"""Question 15: a ScaledJob has no Jobs, or too many."""

from __future__ import annotations

from typing import Any

import pytest

from keda.diagnosis.answer import Hop, Level
from tests.keda.diagnosis.cluster import (
    ACTIVE,
    INACTIVE,
    METRIC,
    TRIGGER,
    conditions,
    event,
    metadata,
    why,
)

Manifest = dict[str, Any]
READY = ("True", "ScaledJobReady", "ScaledJob is defined correctly and is ready for scaling")
ONE_EACH = TRIGGER | {"metadata": {**TRIGGER["metadata"], "threshold": "1"}}


def scaled_job(
    active: tuple[str, ...] = ACTIVE,
    ready: tuple[str, ...] = READY,
    **spec: Any,
) -> Manifest:
    status: Manifest = {
        "conditions": conditions(Ready=ready, Active=active, Fallback=("Unknown",), Paused=("False",)),
    }
    container = {"name": "batch", "image": "batch:1"}
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledJob",
        "metadata": metadata("batch", 3600),
        "spec": {
            "jobTargetRef": {"template": {"spec": {"containers": [container], "restartPolicy": "Never"}}},
            "maxReplicaCount": 4,
            "triggers": [ONE_EACH],
            **spec,
        },
        "status": status,
    }


def job(number: int, state: str = "", phase: str = "Running") -> list[Manifest]:
    """A Job and its pod; `state` is Complete, Failed or "" while it is unfinished."""
    labels = {"scaledjob.keda.sh/name": "batch"}
    name = f"batch-{number}"
    done = {
        "Complete": ("True", "CompletionsReached", ""),
        "Failed": ("True", "BackoffLimitExceeded", "Job has reached the specified backoff limit"),
    }
    status = {"conditions": conditions(**{state: done[state]})} if state else {"active": 1}
    owner = [{"kind": "Job", "name": name}]
    return [
        {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": metadata(name, 600 - number, labels=labels),
            "status": status,
        },
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": metadata(f"{name}-x", 600 - number, ownerReferences=owner),
            "status": {"phase": "Succeeded" if state else phase},
        },
    ]


def jobs(count: int, state: str = "", phase: str = "Running") -> list[Manifest]:
    return [each for number in range(count) for each in job(number, state, phase)]


@pytest.mark.parametrize(
    ("strategy", "unfinished", "value", "kind", "line"),
    [
        (
            {},
            0,
            3,
            "jobs-created",
            "has no unfinished Job and gets 3 more at the next poll, within 30 s: s0-prometheus is 3, / 1 "
            "per Job, and strategy default allows 3 - 0 unfinished = 3.",
        ),
        (
            {},
            3,
            3,
            "jobs-enough",
            "has 3 unfinished Jobs and gets no more: s0-prometheus is 3, / 1 per Job, and strategy default "
            "allows 3 - 3 unfinished = 0.",
        ),
        (
            {},
            4,
            9,
            "jobs-at-maximum",
            "has 4 unfinished Jobs, as many as maxReplicaCount allows, so none is made until one finishes: "
            "s0-prometheus is 9, / 1 per Job.",
        ),
        (
            {"strategy": "accurate"},
            2,
            1,
            "jobs-created",
            "has 2 unfinished Jobs and gets 1 more at the next poll, within 30 s: s0-prometheus is 1, / 1 "
            "per Job, and strategy accurate allows 1 - 0 pending = 1.",
        ),
    ],
)
def test_15_the_strategys_formula(
    strategy: Manifest, unfinished: int, value: int, kind: str, line: str
) -> None:
    found = why(scaled_job(scalingStrategy=strategy), *jobs(unfinished), values={METRIC: value * 1000})
    assert found.answer.kind == kind
    assert found.title == f"shop/batch {line}"
    assert found.answer.level is (
        Level.LIMITED if kind == "jobs-at-maximum" or "accurate" in line else Level.WORKING
    )


def test_15_no_trigger_is_active() -> None:
    found = why(scaled_job(INACTIVE), values={METRIC: 0})
    assert found.title == (
        "shop/batch has no unfinished Job and gets none: s0-prometheus is 0, not above its activation "
        "threshold 0."
    )


def test_15_too_many_since_they_fail() -> None:
    found = why(scaled_job(), *jobs(5, "Failed"), values={METRIC: 1000})
    assert (found.answer.kind, found.answer.level, found.answer.hop) == (
        "failing-jobs",
        Level.BROKEN,
        Hop.JOBS,
    )
    assert found.title == (
        "shop/batch makes new Jobs for the same work: its last 5 Jobs failed (BackoffLimitExceeded: Job "
        "has reached the "
        "specified backoff limit)."
    )


def test_15_a_job_that_completed_ends_the_row() -> None:
    found = why(scaled_job(), *jobs(5, "Failed"), *job(9, "Complete"), values={METRIC: 1000})
    assert found.answer.level is Level.WORKING


def test_15_its_trigger_fails() -> None:
    error = ("False", "TriggerError", "Triggers defined in ScaledJob are not working correctly")
    failed = event(
        "KEDAScalerFailed", "lookup prometheus.monitoring: no such host", 5, 7, kind="ScaledJob", name="batch"
    )
    found = why(scaled_job(INACTIVE, error), failed)
    assert found.title == (
        "shop/batch makes no Job: its trigger prometheus fails: lookup prometheus.monitoring: no such host."
    )


def test_15_pods_that_cannot_start() -> None:
    job_of, pod = job(1, phase="Pending")
    pod["status"]["conditions"] = conditions(
        PodScheduled=("False", "Unschedulable", "0/1 nodes are available: 1 Insufficient nvidia.com/gpu.")
    )
    found = why(scaled_job(), job_of, pod, values={METRIC: 1000})
    assert found.title == (
        "shop/batch has 1 unfinished Job, and 1 pod of them cannot start, first batch-1-x: 0/1 nodes are "
        "available: "
        "1 Insufficient nvidia.com/gpu."
    )


def test_15_the_value_is_not_seen() -> None:
    found = why(scaled_job(), *jobs(2))
    assert found.title == "shop/batch has 2 unfinished Jobs of at most 4, and a trigger is active."

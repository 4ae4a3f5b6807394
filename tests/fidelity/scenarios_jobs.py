"""ScaledJobs: the strategies, with Jobs that run and with Jobs whose pods are never scheduled."""

from __future__ import annotations

from tests.fidelity.scenario import Scenario, Trigger, jobs
from tests.fidelity.signals import DOWN, steps

QUEUE = Trigger(steps(0, (12.5, 3), (32.5, 7), (72.5, 0)), target=1)
CUSTOM = {
    "strategy": "custom",
    "customScalingQueueLengthDeduction": 1,
    "customScalingRunningJobPercentage": "0.5",
}
RUNNING = {"pods": "real", "pollingInterval": 10}
"""Pods that begin before the next poll: with 5 s, a slow start decided whether it counted them as pending."""
PAIR = (
    Trigger(steps(1, (42.5, 6)), target=1, fields={"name": "a"}),
    Trigger(steps(4, (22.5, 0), (42.5, 2)), target=1, fields={"name": "b"}),
)
"""Each calculation gives another number of Jobs."""

JOBS: tuple[Scenario, ...] = (
    jobs("jobs-default", "jobs-default", QUEUE, strategy={"strategy": "default"}),
    jobs("jobs-default-running", "jobs-default", QUEUE, strategy={}, **RUNNING),
    jobs("jobs-accurate", "jobs-accurate", QUEUE, strategy={"strategy": "accurate"}, **RUNNING),
    jobs("jobs-accurate-pending", "jobs-accurate", QUEUE, strategy={"strategy": "accurate"}),
    jobs("jobs-eager", "jobs-eager", QUEUE, strategy={"strategy": "eager"}, **RUNNING),
    jobs("jobs-eager-pending", "jobs-eager", QUEUE, strategy={"strategy": "eager"}),
    jobs("jobs-custom", "jobs-custom", QUEUE, strategy=CUSTOM),
    jobs("jobs-minimum", "jobs-default minimum", QUEUE, strategy={}, minReplicaCount=2),
    jobs(
        "jobs-target",
        "jobs-default rounding activation",
        Trigger(steps(2, (22.5, 9), (62.5, 13)), target=4, parameters={"activationTargetValue": "3"}),
        strategy={},
    ),
    *(
        jobs(f"jobs-{name}", "jobs-several", *PAIR, strategy={"multipleScalersCalculation": name})
        for name in ("max", "min", "avg", "sum")
    ),
    jobs(
        "jobs-one-fails",
        "jobs-several one-fails",
        Trigger(steps(2, (52.5, 6)), target=1, fields={"name": "good"}),
        Trigger(steps(4, (12.5, DOWN), (72.5, 9)), target=1, fields={"name": "bad"}),
        strategy={"multipleScalersCalculation": "sum"},
    ),
)

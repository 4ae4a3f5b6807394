"""The operator away, the controller-manager away, settings that change: all at the same times in one batch.

The operator is away from 45 s to about 70 s, the controller-manager from 130 s to 140 s.
"""

from __future__ import annotations

from tests.fidelity.scenario import Act, Scenario, Trigger, rules, scaled
from tests.fidelity.signals import DOWN, steps

OPERATOR_AWAY = (45.0, 65.0)
CONTROLLER_AWAY = (130.0, 140.0)
SECONDS = 210

DISTURBED: tuple[Scenario, ...] = tuple(
    scaled(name, rule, *triggers, seconds=SECONDS, **more)
    for name, rule, triggers, more in (
        (
            "restart-in-cooldown",
            "operator-restart cooldown",
            [Trigger(steps(4, (37.5, 0), (112.5, 4)))],
            {"cooldownPeriod": 90},
        ),
        (
            "restart-past-cooldown",
            "operator-restart cooldown",
            [Trigger(steps(14, (37.5, 0)))],
            # It ends at 55 s to 60 s: between the operator's end and its return.
            {"cooldownPeriod": 20, "down": rules(300)},
        ),
        ("rise-while-away", "operator-restart activation", [Trigger(steps(0, (52.5, 28)))], {}),
        (
            "growth-while-away",
            "operator-restart outage",
            [Trigger(steps(14, (52.5, 38), (102.5, 18)))],
            {"replicas": 3},
        ),
        (
            "drop-while-away",
            "operator-restart stabilization",
            [Trigger(steps(38, (52.5, 9)))],
            {"replicas": 8},
        ),
        (
            "failures-while-away",
            "operator-restart fallback",
            [Trigger(steps(14, (32.5, DOWN), (157.5, 14)))],
            {"replicas": 3, "fallback": {"failureThreshold": 5, "replicas": 6}},
        ),
        (
            "cache-after-restart",
            "operator-restart cached",
            [Trigger(steps(8, (52.5, 33)), fields={"useCachedMetrics": True})],
            {"replicas": 2, "pollingInterval": 20},
        ),
        (
            "window-forgotten",
            "controller-restart stabilization",
            [Trigger(steps(38, (97.5, 9)))],
            {"replicas": 8, "down": rules(48)},
        ),
        (
            "policy-forgotten",
            "controller-restart policies",
            [Trigger(steps(8, (102.5, 43)))],
            {"replicas": 2, "up": rules(0, None, "2 Pods / 58")},
        ),
        (
            "rise-without-controller",
            "controller-restart step",
            [Trigger(steps(8, (132.5, 43), (172.5, 8)))],
            {"replicas": 2},
        ),
        (
            "activated-without-controller",
            "controller-restart activation",
            [Trigger(steps(0, (132.5, 22)))],
            {},
        ),
        (
            "maximum-changes",
            "edit maximum",
            [Trigger(steps(43))],
            {
                "replicas": 2,
                "acts": (Act(27, patch={"spec": {"maxReplicaCount": 4}}),),
            },
        ),
        (
            "minimum-changes",
            "edit minimum",
            [Trigger(steps(8))],
            {
                "replicas": 2,
                "acts": (
                    Act(27, patch={"spec": {"minReplicaCount": 5}}),
                    Act(97, patch={"spec": {"minReplicaCount": 0}}),
                ),
            },
        ),
        (
            "polling-changes",
            "edit polling",
            [Trigger(steps(0, (107.5, 24)))],
            {"acts": (Act(97, patch={"spec": {"pollingInterval": 20}}),)},
        ),
        (
            "owner-while-away",
            "operator-restart second-owner",
            [Trigger(steps(28))],
            {"replicas": 6, "acts": (Act(52, 2), Act(134, 3))},
        ),
    )
)

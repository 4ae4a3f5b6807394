"""KEDA's loop: activation, cooldown, idle, bounds, a second owner, polling."""

from __future__ import annotations

from tests.fidelity.scenario import Act, Scenario, Trigger, rules, scaled
from tests.fidelity.signals import ramp, saw, steps

ACTIVE_ABOVE_5 = {"activationTargetValue": "5"}
HELD_DOWN = rules(300)

LOOP: tuple[Scenario, ...] = (
    scaled(
        "zero-one-zero",
        "activation cooldown step",
        Trigger(steps(0, (22.5, 3), (62.5, 0))),
        live=True,
    ),
    scaled(
        "activation-strict",
        "activation",
        Trigger(steps(0, (12.5, 5), (42.5, 5.001), (72.5, 5)), parameters=ACTIVE_ABOVE_5),
    ),
    scaled(
        "eight-to-zero",
        "one-step cooldown",
        Trigger(steps(0, (12.5, 38), (52.5, 0))),
        down=HELD_DOWN,
        live=True,
    ),
    scaled(
        "cooldown-anew",
        "cooldown",
        Trigger(steps(0, (12.5, 5), (32.5, 0), (47.5, 5), (62.5, 0))),
        cooldownPeriod=25,
    ),
    scaled("no-cooldown", "cooldown", Trigger(steps(0, *saw(0, 12, 15, 12.5, 102.5))), cooldownPeriod=0),
    scaled("initial-cooldown", "initial-cooldown", Trigger(steps(0)), replicas=3, initialCooldownPeriod=42),
    scaled("never-active", "initial-cooldown", Trigger(steps(0)), replicas=3, seconds=60),
    scaled(
        "idle-zero",
        "idle minimum",
        Trigger(steps(0, (22.5, 12), (42.5, 29), (62.5, 0))),
        idleReplicaCount=0,
        minReplicaCount=3,
    ),
    scaled(
        "idle-one",
        "idle minimum",
        Trigger(steps(0, (52.5, 22))),
        replicas=3,
        idleReplicaCount=1,
        minReplicaCount=3,
    ),
    scaled("minimum-by-loop", "minimum", Trigger(steps(0)), minReplicaCount=2, seconds=60),
    scaled(
        "minimum-holds",
        "minimum step",
        Trigger(steps(0, (22.5, 31), (57.5, 0))),
        replicas=2,
        minReplicaCount=2,
    ),
    scaled("maximum", "maximum", Trigger(steps(0, (12.5, 1000), (62.5, 0))), maxReplicaCount=4),
    scaled("above-maximum", "maximum", Trigger(steps(30)), replicas=9, maxReplicaCount=4, seconds=60),
    scaled(
        "owner-above-maximum",
        "second-owner maximum",
        Trigger(steps(22)),
        maxReplicaCount=6,
        acts=(Act(42, 12),),
    ),
    scaled(
        "owner-below-minimum",
        "second-owner minimum",
        Trigger(steps(22)),
        replicas=3,
        minReplicaCount=3,
        acts=(Act(42, 1),),
    ),
    scaled(
        "owner-within",
        "second-owner",
        Trigger(steps(28)),
        replicas=6,
        acts=tuple(Act(at, 2) for at in (32, 52, 72)),
    ),
    scaled("owner-to-zero", "second-owner activation", Trigger(steps(28)), replicas=6, acts=(Act(42, 0),)),
    scaled(
        "owner-from-zero",
        "second-owner initial-cooldown",
        Trigger(steps(0)),
        acts=(Act(32, 4), Act(67, 2)),
        initialCooldownPeriod=2,
    ),
    scaled(
        "owner-after-activity",
        "second-owner cooldown",
        Trigger(steps(9, (22.5, 0))),
        cooldownPeriod=40,
        acts=(Act(37, 5),),
    ),
    scaled(
        "polling-15",
        "polling step",
        Trigger(steps(0, (22.5, 31), (77.5, 0))),
        pollingInterval=15,
    ),
    scaled(
        "polling-1",
        "polling step",
        Trigger(steps(0, (22.2, 31), (57.2, 0))),
        pollingInterval=1,
        cooldownPeriod=7,
    ),
    scaled(
        "ramp-from-zero",
        "ramp activation",
        Trigger((*steps(0), *ramp(0, 48, 12.5, 62.5), *ramp(48, 0, 72.5, 122.5))),
        seconds=160,
    ),
)

"""The HPA controller: tolerance, rounding, policies, windows, several metrics."""

from __future__ import annotations

from tests.fidelity.scenario import Act, Scenario, Trigger, rules, scaled
from tests.fidelity.signals import ramp, saw, steps

UP_AND_DOWN = steps(5, (22.5, 49), (82.5, 5))
FASTER = {"scaleUp": rules(0, None, "4 Pods / 8")}

HPA: tuple[Scenario, ...] = (
    scaled(
        "tolerance",
        "tolerance",
        Trigger(steps(100, (22.5, 110), (42.5, 111), (72.5, 99), (92.5, 98))),
        Trigger(steps(1)),
        replicas=20,
        maxReplicaCount=30,
    ),
    scaled(
        "rounding",
        "rounding",
        Trigger(steps(1, (22.5, 2.4), (52.5, 2.401), (82.5, 1.199)), target=0.3),
    ),
    scaled(
        "no-behavior",
        "default-behavior stabilization",
        Trigger(steps(0, (12.5, 200), (42.5, 5))),
        up=None,
        down=None,
        maxReplicaCount=20,
        minReplicaCount=1,
    ),
    scaled(
        "default-way-up",
        "default-behavior",
        Trigger(steps(5, (22.5, 200))),
        up=None,
        maxReplicaCount=30,
        minReplicaCount=1,
    ),
    scaled(
        "up-two-pods",
        "policies",
        Trigger(UP_AND_DOWN),
        up=rules(0, None, "2 Pods / 8"),
        live=True,
    ),
    scaled("up-half", "policies", Trigger(steps(10, (22.5, 49))), up=rules(0, None, "50 Percent / 8")),
    scaled(
        "up-smallest",
        "policies select",
        Trigger(steps(5, (22.5, 98))),
        up=rules(0, "Min", "3 Pods / 8", "50 Percent / 8"),
        maxReplicaCount=20,
    ),
    scaled(
        "up-largest",
        "policies select",
        Trigger(steps(5, (22.5, 98))),
        up=rules(0, "Max", "3 Pods / 18", "50 Percent / 8"),
        maxReplicaCount=20,
    ),
    scaled("up-disabled", "select", Trigger(steps(0, (22.5, 49))), up=rules(0, "Disabled")),
    scaled(
        "up-window",
        "stabilization",
        Trigger(steps(5, (22.5, 40), (32.5, 15), (47.5, 40), (57.5, 28), (97.5, 5))),
        up=rules(18, None, "100 Pods / 1"),
    ),
    scaled(
        "down-one-pod",
        "policies",
        Trigger(steps(40, (22.5, 12))),
        down=rules(3, None, "1 Pods / 8"),
        replicas=8,
    ),
    scaled(
        "down-half",
        "policies rounding",
        Trigger(steps(45, (22.5, 4))),
        down=rules(3, None, "50 Percent / 13"),
        replicas=9,
    ),
    scaled(
        "down-smallest",
        "policies select",
        Trigger(steps(45, (22.5, 4))),
        down=rules(3, "Min", "1 Pods / 8", "40 Percent / 8"),
        replicas=9,
        seconds=150,
    ),
    scaled(
        "down-largest",
        "policies select",
        Trigger(steps(45, (22.5, 4))),
        down=rules(3, "Max", "1 Pods / 8", "40 Percent / 18"),
        replicas=9,
    ),
    scaled("down-disabled", "select", Trigger(steps(45, (22.5, 4))), down=rules(0, "Disabled"), replicas=9),
    scaled(
        "down-window",
        "stabilization",
        Trigger(steps(40, (22.5, 12), (42.5, 33), (52.5, 12), (62.5, 22), (72.5, 12))),
        down=rules(28),
        replicas=8,
        live=True,
    ),
    scaled(
        "no-window",
        "stabilization",
        Trigger(steps(8, *saw(8, 38, 10, 22.5, 102.5))),
        down=rules(0),
        replicas=2,
    ),
    scaled(
        "policies-both-ways",
        "policies stabilization",
        Trigger(steps(10, *saw(10, 45, 20, 22.5, 142.5))),
        up=rules(0, None, "3 Pods / 13"),
        down=rules(8, None, "2 Pods / 13"),
        replicas=2,
        seconds=160,
    ),
    scaled(
        "ramp",
        "ramp rounding",
        Trigger((*steps(4), *ramp(4, 49, 12.5, 57.5), *ramp(49, 4, 72.5, 117.5))),
        replicas=1,
        minReplicaCount=1,
        seconds=150,
    ),
    scaled(
        "steep-ramp",
        "ramp policies",
        Trigger((*steps(1), *ramp(1, 100, 12.5, 47.5))),
        up=None,
        maxReplicaCount=30,
        minReplicaCount=1,
    ),
    scaled(
        "behavior-changes",
        "edit policies",
        Trigger(steps(8, (22.5, 38))),
        replicas=2,
        up=rules(0, None, "1 Pods / 8"),
        acts=(
            Act(37, patch={"spec": {"advanced": {"horizontalPodAutoscalerConfig": {"behavior": FASTER}}}}),
        ),
    ),
    scaled(
        "largest-of-three",
        "several",
        Trigger(steps(5, (22.5, 30), (62.5, 5)), fields={"name": "a"}),
        Trigger(steps(5, (42.5, 40), (82.5, 5)), target=10, fields={"name": "b"}),
        Trigger(steps(3, (102.5, 9)), target=1, fields={"name": "c"}),
        seconds=140,
    ),
)

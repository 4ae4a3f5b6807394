"""What depends on pods: Value, cpu and memory; cached metrics, scaling modifiers."""

from __future__ import annotations

from typing import Any

from tests.fidelity.scenario import Scenario, Trigger, rules, scaled
from tests.fidelity.signals import DOWN, Step, steps

VALUE = {"metricType": "Value"}
CACHED = {"useCachedMetrics": True}
UTILIZATION = {"metricType": "Utilization"}
AVERAGE = {"metricType": "AverageValue"}


def named(name: str, first: tuple[Step, ...], **fields: Any) -> Trigger:
    return Trigger(first, fields={"name": name, **fields})


def formula(text: str, target: str = "5", **more: str) -> dict[str, Any]:
    return {"scalingModifiers": {"formula": text, "target": target, **more}}


PODS: tuple[Scenario, ...] = (
    scaled(
        "value",
        "value readiness",
        Trigger(steps(5, (42.5, 9), (72.5, 4)), fields=VALUE),
        pods="real",
        replicas=2,
        live=True,
    ),
    scaled(
        "value-slow-start",
        "value readiness",
        Trigger(steps(5, (42.5, 8)), fields=VALUE),
        pods="real",
        delay=11,
        replicas=1,
    ),
    scaled("value-nothing-ready", "value", Trigger(steps(9), fields=VALUE), replicas=4, minReplicaCount=2),
    scaled(
        "value-fallback",
        "value fallback",
        Trigger(steps(5, (42.5, DOWN)), fields=VALUE),
        pods="real",
        replicas=2,
        fallback={"failureThreshold": 2, "replicas": 4},
    ),
    scaled(
        "cpu",
        "utilization",
        Trigger(steps(0.02, (42.5, 0.06), (92.5, 0.02)), target=50, type="cpu", fields=UTILIZATION),
        pods="real",
        replicas=2,
        minReplicaCount=1,
        seconds=150,
    ),
    scaled(
        "cpu-slow-start",
        "utilization readiness",
        Trigger(steps(0.02, (42.5, 0.05)), target=50, type="cpu", fields=UTILIZATION),
        pods="real",
        delay=11,
        replicas=2,
        minReplicaCount=1,
        seconds=150,
    ),
    scaled(
        "cpu-no-samples-yet",
        "utilization missing",
        Trigger(steps(0.02, (52.5, 0.05), (62.5, 0.02)), target=50, type="cpu", fields=UTILIZATION),
        pods="real",
        sampled_after=17,
        replicas=2,
        minReplicaCount=1,
        seconds=150,
    ),
    scaled(
        "memory",
        "resource-average",
        Trigger(steps(8192, (42.5, 20000)), target=4096, type="memory", fields=AVERAGE),
        pods="real",
        replicas=2,
        minReplicaCount=1,
    ),
    scaled(
        "cpu-and-queue",
        "several utilization",
        Trigger(steps(0.02, (72.5, 0.04)), target=50, type="cpu", fields=UTILIZATION),
        Trigger(steps(4, (42.5, 23), (102.5, 0))),
        pods="real",
        replicas=2,
        seconds=150,
    ),
    scaled(
        "cpu-and-failing-queue",
        "several one-fails utilization",
        Trigger(steps(0.02, (72.5, 0.042), (102.5, 0.01)), target=50, type="cpu", fields=UTILIZATION),
        Trigger(steps(8, (42.5, DOWN))),
        pods="real",
        replicas=2,
        seconds=150,
    ),
    scaled(
        "cached",
        "cached",
        Trigger(steps(8, (32.5, 33), (77.5, 8)), fields=CACHED),
        pollingInterval=20,
        replicas=2,
        seconds=150,
    ),
    scaled(
        "cached-error",
        "cached trigger-error",
        Trigger(steps(8, (32.5, DOWN), (77.5, 28)), fields=CACHED),
        pollingInterval=20,
        replicas=2,
    ),
    scaled(
        "cached-beside-fresh",
        "cached several one-fails",
        named("cached", steps(8, (32.5, 33)), useCachedMetrics=True),
        named("fresh", steps(4, (52.5, DOWN), (72.5, 4))),
        pollingInterval=20,
        replicas=2,
        seconds=150,
    ),
    scaled(
        "sum",
        "modifiers",
        named("a", steps(3, (32.5, 20))),
        named("b", steps(4, (62.5, 15), (92.5, 0))),
        advanced=formula("a + b"),
        live=True,
    ),
    scaled(
        "condition",
        "modifiers activation",
        named("queue", steps(2, (22.5, 30), (82.5, 30))),
        named("gate", steps(0, (42.5, 2), (82.5, 0))),
        advanced=formula("gate > 1 ? queue : 0", activationTarget="1"),
    ),
    scaled(
        "modifiers-error",
        "modifiers one-fails",
        named("a", steps(20, (62.5, 8))),
        named("b", steps(4, (32.5, DOWN), (92.5, 4))),
        advanced=formula("a + b"),
    ),
    scaled(
        "modifiers-fallback",
        "modifiers fallback",
        named("a", steps(10)),
        named("b", steps(4, (32.5, DOWN), (97.5, 4))),
        advanced=formula("a + b"),
        fallback={"failureThreshold": 2, "replicas": 7},
        seconds=150,
    ),
    scaled(
        "modifiers-no-fallback",
        "modifiers fallback",
        named("a", steps(10)),
        named("b", steps(4, (32.5, DOWN), (97.5, 4))),
        advanced=formula("a + b", "4.5"),
        fallback={"failureThreshold": 2, "replicas": 7},
        seconds=150,
    ),
    scaled(
        "modifiers-value",
        "modifiers value",
        named("a", steps(3, (42.5, 5))),
        named("b", steps(2)),
        advanced=formula("max([a, b]) * 2", "6", metricType="Value"),
        pods="real",
        replicas=2,
        down=rules(8, None, "1 Pods / 8"),
    ),
)

"""Pauses, forced activation, sources that fail, fallbacks."""

from __future__ import annotations

from tests.fidelity.scenario import Scenario, Trigger, annotate, scaled
from tests.fidelity.signals import DOWN, EMPTY, NAN, Step, steps

TWO_UP = steps(8, (42.5, 27), (82.5, 3))
OUTAGE = steps(12, (42.5, DOWN), (102.5, 12))
FALLBACK = {"failureThreshold": 3, "replicas": 6}


def fallback(name: str, behavior: str, served: tuple[Step, ...] = OUTAGE, **more: object) -> Scenario:
    """An outage from 42.5 s to 102.5 s at three replicas or what the steps ask for."""
    return scaled(
        name,
        "fallback outage",
        Trigger(served),
        replicas=3,
        fallback={**FALLBACK, "behavior": behavior, **more},
        seconds=150,
        live=name == "fallback-static",
    )


FAULTS: tuple[Scenario, ...] = (
    scaled(
        "paused",
        "pause-all",
        Trigger(steps(12, (37.5, 33), (77.5, 8))),
        acts=(annotate(27, paused="true"), annotate(62, paused=None)),
        live=True,
    ),
    scaled(
        "paused-replicas",
        "pause-at-count",
        Trigger(steps(12, (37.5, 33))),
        acts=(annotate(27, paused_replicas="5"), annotate(77, paused_replicas=None)),
    ),
    scaled(
        "paused-at-zero",
        "pause-at-count",
        Trigger(steps(12)),
        acts=(annotate(27, paused_replicas="0"), annotate(77, paused_replicas=None)),
    ),
    scaled(
        "scale-in-paused",
        "pause-scale-in",
        Trigger(steps(33, (22.5, 12), (57.5, 0))),
        acts=(annotate(12, paused_scale_in="true"), annotate(87, paused_scale_in=None)),
    ),
    scaled(
        "scale-in-paused-up",
        "pause-scale-in",
        Trigger(steps(12, (42.5, 33), (62.5, 12))),
        annotations={"autoscaling.keda.sh/paused-scale-in": "true"},
    ),
    scaled(
        "scale-out-paused",
        "pause-scale-out",
        Trigger(steps(12, (32.5, 33), (92.5, 4))),
        acts=(annotate(22, paused_scale_out="true"), annotate(67, paused_scale_out=None)),
    ),
    scaled(
        "scale-out-paused-at-zero",
        "pause-scale-out activation",
        Trigger(steps(0, (22.5, 12))),
        annotations={"autoscaling.keda.sh/paused-scale-out": "true"},
        acts=(annotate(62, paused_scale_out=None),),
    ),
    scaled(
        "forced",
        "force-activation cooldown",
        Trigger(steps(0)),
        acts=(annotate(22, force_activation="true"), annotate(62, force_activation=None)),
    ),
    scaled(
        "forced-from-idle",
        "force-activation idle",
        Trigger(steps(0)),
        minReplicaCount=2,
        idleReplicaCount=0,
        acts=(annotate(22, force_activation="true"), annotate(62, force_activation=None)),
    ),
    scaled("source-down", "trigger-error outage", Trigger(steps(22, (42.5, DOWN), (82.5, 8)))),
    scaled("source-down-at-zero", "trigger-error outage", Trigger(steps(0, (22.5, DOWN), (82.5, 8)))),
    fallback("fallback-static", "static", steps(14, (42.5, DOWN), (112.5, 14))),
    fallback("fallback-current", "currentReplicas", steps(14, (42.5, DOWN), (112.5, 33))),
    fallback("fallback-higher", "currentReplicasIfHigher", steps(42, (42.5, DOWN), (112.5, 8))),
    fallback("fallback-lower", "currentReplicasIfLower", steps(42, (42.5, DOWN), (112.5, 33))),
    fallback("fallback-from-zero", "static", steps(0, (42.5, DOWN), (112.5, 0))),
    fallback("fallback-at-once", "static", failureThreshold=0),
    fallback("fallback-of-zero", "static", replicas=0),
    scaled(
        "one-of-two-fails",
        "one-fails several",
        Trigger(TWO_UP, fields={"name": "good"}),
        Trigger(steps(4, (22.5, DOWN), (97.5, 4)), fields={"name": "bad"}),
        seconds=140,
    ),
    scaled(
        "one-fails-one-inactive",
        "one-fails cooldown",
        Trigger(steps(8, (32.5, 0)), fields={"name": "good"}),
        Trigger(steps(0, (22.5, DOWN), (82.5, 0)), fields={"name": "bad"}),
    ),
    scaled(
        "no-series-is-zero",
        "null-values",
        Trigger(steps(23, (42.5, EMPTY)), type="prometheus"),
    ),
    scaled(
        "no-series-is-an-error",
        "null-values trigger-error",
        Trigger(
            steps(23, (42.5, EMPTY), (92.5, 8)),
            type="prometheus",
            parameters={"ignoreNullValues": "false"},
        ),
    ),
    scaled("not-a-number", "null-values", Trigger(steps(23, (42.5, NAN), (82.5, 13)), type="prometheus")),
)

"""Nothing is wrong: no fault is reported, whatever the workload does at the moment."""

from __future__ import annotations

from typing import Any

import pytest

from keda.diagnosis.answer import Level
from keda.diagnosis.diagnose import diagnose
from keda.diagnosis.snapshot import to_milli
from tests.keda.diagnosis.cluster import (
    DISABLED,
    INACTIVE,
    METRIC,
    READY,
    TRIGGER,
    UNSET,
    current,
    deployment,
    event,
    external,
    hpa,
    keda,
    managed,
    rescaled,
    scaled_object,
    snapshot,
    why,
)

SCALED_UP = rescaled(3, "external metric s0-prometheus(nil) above target", 600)
SCALED_DOWN = rescaled(2, "All metrics below target", 60)
OLD_FAILURE = event("KEDAScalerFailed", "connection refused", 90, 3)
ACTIVATED = event(
    "KEDAScaleTargetActivated",
    "Scaled apps/v1.Deployment shop/web from 0 to 1, triggered by s0-prometheus",
    700,
    warning=False,
)
STARTING = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "web-1", "namespace": "shop", "labels": {"app": "web"}},
    "status": {
        "phase": "Pending",
        "containerStatuses": [{"name": "web", "state": {"waiting": {"reason": "ContainerCreating"}}}],
    },
}


@pytest.mark.parametrize(
    ("objects", "value"),
    [
        pytest.param([scaled_object(), hpa(3, 3, current("10")), deployment(3)], 30_000, id="at rest"),
        pytest.param(
            [scaled_object(), hpa(2, 2, current("8")), deployment(2), SCALED_UP, SCALED_DOWN],
            16_000,
            id="up and down once",
        ),
        pytest.param(
            [scaled_object(), hpa(2, 2, current("8")), deployment(2), OLD_FAILURE],
            16_000,
            id="a failure that is over",
        ),
        pytest.param(
            [scaled_object(), hpa(3, 3, current("10")), deployment(3, 2), STARTING],
            30_000,
            id="a pod that starts",
        ),
        pytest.param(
            [
                scaled_object(),
                hpa(1, 1, current("8")),
                deployment(1, 1, managed("kubectl-client-side-apply", 5)),
            ],
            8000,
            id="applied again, never scaled",
        ),
        pytest.param(
            [
                scaled_object(),
                hpa(3, 3, current("10"), last_scaled=600),
                deployment(
                    3,
                    3,
                    managed("kube-controller-manager", 600) | {"subresource": "scale", "time": None},
                ),
                ACTIVATED,
                SCALED_UP,
            ],
            30_000,
            id="scaled by KEDA and its HPA",
        ),
        pytest.param(
            [scaled_object(active=INACTIVE, last_active=900), hpa(0, 0, active=DISABLED), deployment(0)],
            0,
            id="at zero",
        ),
        pytest.param(
            [
                scaled_object(
                    ready=UNSET,
                    active=UNSET,
                    fallback=UNSET,
                    last_active=None,
                    created=3,
                    status={"hpaName": ""},
                ),
                deployment(1),
            ],
            None,
            id="just created",
        ),
        pytest.param(
            [scaled_object(minReplicaCount=2), hpa(2, 2, current("1"), minimum=2), deployment(2)],
            2000,
            id="at its minimum and active",
        ),
        pytest.param(
            [scaled_object(), hpa(2, 2), deployment(2)],
            None,
            id="the HPA has not read the metric yet",
        ),
    ],
)
def test_no_false_alarm(objects: list[dict[str, Any]], value: int | None) -> None:
    found = why(*objects, values={} if value is None else {METRIC: value})
    assert found.answer.level is Level.WORKING, found.title
    assert found.also == ()
    assert not [link for link in found.chain if link.state in ("broken", "limited")]


def test_a_quantity_below_a_thousandth_is_rounded_up() -> None:
    assert [to_milli(each) for each in ("100u", "1500u", "-1500u", "2.5", "2.5x")] == [1, 2, -1, 2500, None]


def test_a_target_of_another_kind() -> None:
    """Its status need not have readyReplicas, and its spec no replicas."""
    seen = scaled_object(TRIGGER | {"metricType": "Value"})
    seen["spec"]["scaleTargetRef"] = {"apiVersion": "acme.org/v1", "kind": "Worker", "name": "web"}
    worker = {"apiVersion": "acme.org/v1", "kind": "Worker", "metadata": {"name": "web", "namespace": "shop"}}
    found = why(
        seen,
        hpa(2, 2, current("30", "Value"), metrics=[external(kind="Value")]),
        worker,
        values={METRIC: 30_000},
    )
    assert found.answer.level is Level.WORKING
    assert found.replicas == 2, "as the HPA has it"


def test_an_operator_of_another_name() -> None:
    operator, *others = keda()
    operator["metadata"]["name"] = "scaler"
    operator["spec"]["template"]["spec"]["containers"][0]["image"] = "ghcr.io/kedacore/keda:2.19.0@sha256:0"
    given = [scaled_object(), hpa(3, 3, current("10")), deployment(3), operator, *others]
    (found,) = diagnose(snapshot(*given, installed=False))
    assert found.answer.level is Level.WORKING
    assert found.chain[0].evidence[0] == "keda/scaler 1 of 1 ready"


def test_two_triggers_one_of_them_decides() -> None:
    other = {"type": "prometheus", "metadata": {**TRIGGER["metadata"], "activationThreshold": "5"}}
    metrics = [external(), external(2, name="s1-prometheus")]
    found = why(
        scaled_object(TRIGGER, other, ready=READY),
        hpa(4, 4, current("1"), current("2", name="s1-prometheus"), metrics=metrics),
        deployment(4),
        values={METRIC: 4000, "s1-prometheus": 8000},
    )
    assert found.title == "shop/web has 4 replicas: s1-prometheus asks for 4 (8 / 2 per replica = 4)."
    assert len(found.arithmetic) == 2


@pytest.mark.parametrize(
    ("end", "next_line"),
    [
        ("0 23 * * *", "2026-03-01 22:00 the window of s0-cron-x closes"),  # 23:00 in Berlin
        ("0 21 * * *", "2026-03-02 07:00 the window of s0-cron-x opens, for 3 replicas"),
    ],
)
def test_the_window_of_a_cron_trigger(end: str, next_line: str) -> None:
    metadata = {"timezone": "Europe/Berlin", "start": "0 8 * * *", "end": end, "desiredReplicas": "3"}
    cron = {"type": "cron", "metadata": metadata}
    name = "s0-cron-x"
    found = why(
        scaled_object(cron, status={"externalMetricNames": [name], "triggersActivity": {}}),
        hpa(3, 3, current("1", name=name), metrics=[external(1, name=name)]),
        deployment(3),
        values={name: 3000},
    )
    assert next_line in [f"{each.at:%Y-%m-%d %H:%M} {each.text}" for each in found.next if each.at]


def test_what_comes_next() -> None:
    found = why(scaled_object(), hpa(3, 3, current("10")), deployment(3), values={METRIC: 30_000})
    assert [each.text for each in found.next] == [
        "to 0 once s0-prometheus has been inactive for 5 minutes (cooldownPeriod)",
        "up when s0-prometheus is above 33",
        "down when s0-prometheus is at most 20 for 5 minutes (scaleDown window)",
    ]
    asleep = why(
        scaled_object(active=INACTIVE, last_active=900),
        hpa(0, 0, active=DISABLED),
        deployment(0),
        values={METRIC: 0},
    )
    assert [each.text for each in asleep.next] == [
        "to 1 at the first poll (every 30 s) that finds s0-prometheus above 0"
    ]

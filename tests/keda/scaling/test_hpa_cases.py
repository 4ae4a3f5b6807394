"""Kubernetes' own HPA unit tests (1.34.3), as numbers: hpa_cases.json, made by extract_cases.py."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from keda.scaling import behavior as rules_module
from keda.scaling.behavior import (
    Behavior,
    Event,
    Policy,
    Recommendations,
    ScalingRules,
    changed_within,
    down_limit,
    store_event,
    up_limit,
)
from keda.scaling.controller import (
    ControllerSettings,
    Decision,
    HorizontalPodAutoscaler,
    within_behavior,
    within_rules,
)
from keda.scaling.replicas import (
    MetricFailed,
    Pod,
    PodMetric,
    Readiness,
    Tolerances,
    external_average,
    group_pods,
    object_average,
    pod_average,
    utilization,
    whole_value,
)

CASES = json.loads((Path(__file__).parent / "hpa_cases.json").read_text())
READINESS = Readiness(cpu_initialization=120_000, initial_delay=10_000)
SETTINGS = ControllerSettings(readiness=READINESS)
LONG_AGO = -(10**13)

_AMBIGUOUS = "horizontal_test.go TestConditionAmbiguousSelector"
LEFT_OUT = {
    "horizontal_test.go TestMissingReports": "a metrics server without an answer",
    "horizontal_test.go TestConditionInvalidSelectorMissing": "a target without a selector",
    "horizontal_test.go TestConditionInvalidSelectorUnparsable": "a target with an unreadable selector",
    f"{_AMBIGUOUS}WhenFullSelectorOverlapBetweenHPAs": "selectors of two HPAs",
    f"{_AMBIGUOUS}WhenPartialSelectorOverlapBetweenHPAs": "selectors of two HPAs",
    "horizontal_test.go TestConditionFailedGetScale": "an API server that refuses to give the scale",
    "horizontal_test.go TestConditionFailedUpdateScale": "an API server that refuses the new scale",
    # No case follows from these: they test the controller's calls, not its arithmetic.
    "replica_calculator_test.go TestCalculateRequests": "sums of containers; a request is given",
    "horizontal_test.go TestConditionFailedGetMetrics": "messages of the conditions",
    "horizontal_test.go TestAvoidUnnecessaryUpdates": "writes of the status",
    "horizontal_test.go TestMultipleHPAs": "the controller's queue",
    "horizontal_test.go TestBuildQuantity": "spelling of quantities in the status",
}
ERRORS = {
    "no metrics returned matched known pods": "no-known-pods",
    "did not receive metrics for targeted pods (pods might be unready)": "no-metrics",
    "unable to get metrics for resource cpu: no metrics returned": "no-metrics",
    "missing request for": "no-request",
}


def of(kind: str) -> Any:
    chosen = [case for case in CASES if case["kind"] == kind and case["source"] not in LEFT_OUT]
    assert chosen
    return pytest.mark.parametrize("case", chosen, ids=lambda case: case["source"])


def pods_of(case: dict[str, Any], count: int, requests: list[int | None], *, since_start: bool) -> list[Pod]:
    """`since_start`: readiness changed when the pod started, as the controller's tests have it."""

    def at(key: str, index: int, default: Any) -> Any:
        given = case.get(key) or []
        return given[index] if index < len(given) else default

    return [
        Pod(
            f"test-pod-{index}",
            at("phase", index, "Running"),
            at("ready", index, True),
            at("started", index, LONG_AGO),
            at("started", index, LONG_AGO) if since_start else LONG_AGO,
            at("deleting", index, False),
            requests[index] if index < len(requests) else None,
        )
        for index in range(count)
    ]


@of("calculator")
def test_replica_calculator(case: dict[str, Any]) -> None:
    count = max(case["current"], len(case.get("phase", [])))
    down, up = case.get("tolerances", [0.1, 0.1])
    tolerances, current = Tolerances(down, up), case["current"]
    if "metric" not in case:
        _resource_case(case, count, tolerances)
        return
    metric = case["metric"]
    pods = pods_of(case, count, [], since_start=False)
    ready = sum(pod.phase == "Running" and pod.ready is True for pod in pods)
    levels, target = metric["levels"], metric["target"]
    per_pod = {f"test-pod-{index}": PodMetric(level, LONG_AGO) for index, level in enumerate(levels)}
    compute: dict[str, Callable[[], Any]] = {
        "objectMetric": lambda: whole_value(levels[0], target, current, ready, tolerances),
        "objectPerPodMetric": lambda: object_average(levels[0], target, current, tolerances),
        "externalMetric": lambda: whole_value(sum(levels), target, current, ready, tolerances),
        "externalPerPodMetric": lambda: external_average(sum(levels), target, current, tolerances),
        "podMetric": lambda: pod_average(pods, per_pod, target, current, tolerances),
    }
    proposal = compute[metric["type"]]()
    assert (proposal.replicas, proposal.usage) == (case["expected"], metric["usage"])


def _resource_case(case: dict[str, Any], count: int, tolerances: Tolerances) -> None:
    resource, container = case["resource"], case.get("container")
    share = 1 if container else 2
    pods = pods_of(case, count, [share * request for request in resource["requests"]], since_start=False)
    metrics = {}
    for index, levels in enumerate(resource["levels"]):
        names = resource["names"] or []
        name = names[index] if index < len(names) else f"test-pod-{index}"
        place = int(container[-1]) - 1 if container else None
        if place is None:
            metrics[name] = PodMetric(sum(levels), LONG_AGO)
        elif place < len(levels):
            metrics[name] = PodMetric(levels[place], LONG_AGO)

    def compute() -> Any:
        return utilization(
            pods,
            metrics,
            resource["target"],
            case["current"],
            tolerances,
            cpu=resource["cpu"],
            readiness=READINESS,
        )

    if "error" in case:
        with pytest.raises(MetricFailed) as failed:
            compute()
        expected = next(kind for words, kind in ERRORS.items() if case["error"].startswith(words))
        assert failed.value.kind == expected
        return
    assert tuple(compute()) == (case["expected"], resource["utilization"], resource["value"])


@of("groups")
def test_pods_that_count(case: dict[str, Any]) -> None:
    groups = group_pods(
        [Pod(**pod) for pod in case["pods"]],
        {name: PodMetric(*numbers) for name, numbers in dict(case["metrics"]).items()},
        cpu=case["cpu"],
        readiness=READINESS,
        now=0,
    )
    assert groups.ready == case["ready"]
    assert (groups.unready, groups.missing, groups.ignored) == tuple(
        frozenset(case[key]) for key in ("unready", "missing", "ignored")
    )


@of("sync")
def test_one_sync_of_the_controller(case: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules_module, "UNRULED_FACTOR", 8)  # as horizontal_test.go sets it
    settings = ControllerSettings(readiness=READINESS, configurable_tolerance=case.get("gate", False))
    up, down = (_rules(case.get(key)) for key in ("up", "down"))
    behavior = Behavior.filled(up, down, settings.downscale_window) if up or down else None
    hpa = HorizontalPodAutoscaler(case["minimum"], case["maximum"], behavior, settings)
    if "recommendations" in case:
        hpa.started = True
        for replicas, at in sorted(case["recommendations"], key=lambda each: each[1]):
            hpa.recommendations.add(at, replicas)
    seen: list[int] = []
    decision = hpa.sync(0, case["current"], lambda: _proposals(case, hpa.tolerances, seen))
    assert decision.desired == case["expected"]
    if "cpu_current" in case:
        assert seen[0] == case["cpu_current"]
    _assert_conditions(case, decision)


def _rules(raw: dict[str, Any] | None) -> ScalingRules | None:
    if raw is None:
        return None
    if "policies" not in raw:
        return ScalingRules(tolerance=raw["tolerance"])
    policies = tuple(Policy(kind, value, period * 1000) for kind, value, period in raw["policies"])
    return ScalingRules(raw["window"] * 1000, raw["select"], policies)


def _proposals(case: dict[str, Any], tolerances: Tolerances, seen: list[int]) -> list[int | None]:
    specs = list(case.get("metrics", []))
    if "cpu_target" in case:
        specs.insert(
            0,
            {
                "source": "Resource",
                "type": "AverageUtilization",
                "target": case["cpu_target"],
                "container": None,
            },
        )
    return [_proposal(case, spec, tolerances, seen) for spec in specs] or [None]


def _proposal(
    case: dict[str, Any], spec: dict[str, Any], tolerances: Tolerances, seen: list[int]
) -> int | None:
    source, target, levels, current = spec["source"], spec["target"], case.get("levels", []), case["current"]
    requests = case.get("requests", [1000] * case["status"])
    share = 1 if spec["container"] else 2
    pods = pods_of(case, len(requests), [request // 2 * share for request in requests], since_start=True)
    ready = sum(pod.phase == "Running" and pod.ready is True for pod in pods)
    # Two of Kubernetes' tests put a client in place that fails for this metric.
    broken = "OneMetricEmpty" in case["source"] or "BothMetricsEmpty" in case["source"]
    try:
        if source in ("Resource", "ContainerResource"):
            metrics = {f"test-pod-{i}": PodMetric(level // 2 * share) for i, level in enumerate(levels)}
            result = utilization(pods, metrics, target, current, tolerances, readiness=READINESS)
            seen.append(result.percent)
            return result.replicas
        if source == "Pods":
            metrics = {f"test-pod-{i}": PodMetric(level) for i, level in enumerate(levels)}
            return pod_average(pods, metrics, target, current, tolerances).replicas
        if source not in ("Object", "External") or (broken and source == "External"):
            return None
        total = levels[0] if source == "Object" else sum(levels)
        if spec["type"] == "Value":
            return whole_value(total, target, current, ready if pods else None, tolerances).replicas
        average = object_average if source == "Object" else external_average
        return average(total, target, case["status"], tolerances).replicas
    except MetricFailed:
        return None


def _assert_conditions(case: dict[str, Any], decision: Decision) -> None:
    last = {kind: (status, reason) for kind, status, reason in case.get("conditions", [])}
    limited, active, able = (last.get(kind) for kind in ("ScalingLimited", "ScalingActive", "AbleToScale"))
    if limited and limited[0] == "True":
        assert limited[1] in decision.limits
    if limited and limited[0] == "False":
        assert not set(decision.limits) & {
            "ScaleUpLimit",
            "ScaleDownLimit",
            "TooManyReplicas",
            "TooFewReplicas",
        }
    if active and active[0] == "False":
        disabled = active[1] == "ScalingDisabled"
        assert decision.kind == ("disabled" if disabled else "metrics-failed")
    if able and able[1].endswith("Stabilized"):
        assert able[1] in decision.limits
    if able and able[1] == "ReadyForNewScale":
        assert decision.desired == case["current"]


@of("rules")
def test_limits_without_a_behavior(case: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules_module, "UNRULED_FACTOR", 8)
    replicas, limit = within_rules(
        case["currentReplicas"],
        case["expectedDesiredReplicas"],
        case["hpaMinReplicas"],
        case["hpaMaxReplicas"],
    )
    assert replicas == case["expectedConvertedDesiredReplicas"]
    assert (limit or "DesiredWithinRange") == case["expectedCondition"]


@of("stabilize")
def test_stabilization_without_a_behavior(case: dict[str, Any]) -> None:
    recorded, wanted, expected, _ = case["row"]
    recent = Recommendations(0, 300_000)
    for replicas, at in sorted(recorded or [], key=lambda each: each[1]):
        recent.add(at, replicas)
    assert recent.highest(0, wanted) == expected


@of("behavior")
def test_policies(case: dict[str, Any]) -> None:
    up, down = (_rules(case.get(key)) for key in ("scaleUpRules", "scaleDownRules"))
    ups, downs = (
        [Event(change, at) for change, at in case.get(key) or []]
        for key in ("scaleUpEvents", "scaleDownEvents")
    )
    replicas, limit = within_behavior(
        case["currentReplicas"],
        case["prenormalizedDesiredReplicas"],
        case["specMinReplicas"],
        case["specMaxReplicas"],
        Behavior.filled(up, down, 300_000),
        ups,
        downs,
        0,
    )
    assert replicas == case["expectedReplicas"]
    assert (limit or "DesiredWithinRange") == case["expectedCondition"]


@pytest.mark.parametrize("direction", ["up", "down"])
@of("events")
def test_events_that_policies_count(case: dict[str, Any], direction: str) -> None:
    """Kubernetes' test has one history for both directions, and so one rule here; without a behavior nothing
    is stored."""
    events = [Event(change, at, outdated) for change, at, outdated in case["prevScaleEvents"] or []]
    assert changed_within(60_000, events, 0) == case["expectedReplicasChange"]
    if "scalingRules" not in case:
        return
    rules = _rules(case["scalingRules"])
    assert rules is not None
    hpa = HorizontalPodAutoscaler(1, 100, Behavior(rules, rules))
    history = hpa.ups if direction == "up" else hpa.downs
    history += events
    store_event(history, rules, case["replicaChange"], 0)
    expected = [(change, outdated) for change, _, outdated in case["newScaleEvents"]]
    assert [(event.change, event.outdated) for event in history] == expected


@of("stabilize-behavior")
def test_stabilization_with_a_behavior(case: dict[str, Any]) -> None:
    up = case.get("scaleUpStabilizationWindowSeconds", 0) * 1000
    down = case.get("scaleDownStabilizationWindowSeconds", 0) * 1000
    recent = Recommendations(up, down)
    for replicas, at in sorted(case["recommendations"] or [], key=lambda each: each[1]):
        recent.add(at, replicas)
    wanted, current = case["prenormalizedDesiredReplicas"], case["currentReplicas"]
    stable = min(max(current, recent.lowest(0, wanted)), recent.highest(0, wanted))
    assert stable == case["expectedStabilizedReplicas"]


def test_limits_of_several_policies() -> None:
    """TestCalculateScaleUpLimitWithScalingRules and TestCalculateScaleDownLimitWithBehaviors."""
    rules = ScalingRules(300_000, "Min", (Policy("Pods", 2, 60_000), Policy("Percent", 50, 60_000)))
    assert up_limit(1, rules, [], [], 0) == 2
    assert down_limit(5, rules, [], [], 0) == 3


def test_what_is_left_out_is_named() -> None:
    named = {case["source"] for case in CASES}
    without_a_case = {source for source in LEFT_OUT if source not in named}
    assert len(named - set(LEFT_OUT)) >= 230
    assert len(without_a_case) == 5

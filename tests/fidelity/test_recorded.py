"""The simulation against what a real KEDA and a real HPA did: tests/fidelity/recorded.json, written by
`make fidelity`."""

from __future__ import annotations

import copy
import dataclasses
import functools
import operator
from typing import Any

import pytest

from tests.fidelity.compare import compare
from tests.fidelity.record import RECORDED, load
from tests.fidelity.scenarios import BATCHES, RULES, SCENARIOS

RECORDS = {record.name: record for record in load(RECORDED)}


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_simulation_gives_the_counts_of_the_real_ones(name: str) -> None:
    record = RECORDS[name]
    assert record.manifest == SCENARIOS[name].scaled_object(), "recorded with other settings: make fidelity"
    assert compare(record).differences == []


def test_every_rule_has_a_scenario() -> None:
    used = {rule for scenario in SCENARIOS.values() for rule in scenario.rules}
    assert used == set(RULES)
    assert len(SCENARIOS) == sum(len(batch.scenarios) for batch in BATCHES) >= 60


WINDOW = ("advanced", "horizontalPodAutoscalerConfig", "behavior", "scaleDown", "stabilizationWindowSeconds")
POLICY = ("advanced", "horizontalPodAutoscalerConfig", "behavior", "scaleUp", "policies", 0, "value")
SEVERAL = ("scalingStrategy", "multipleScalersCalculation")
REMOVED = object()
OTHERWISE: dict[str, tuple[tuple[str | int, ...], object]] = {
    "zero-one-zero": (("cooldownPeriod",), 27),
    "activation-strict": (("triggers", 0, "metadata", "activationTargetValue"), "4.9"),
    "initial-cooldown": (("initialCooldownPeriod",), 20),
    "idle-zero": (("idleReplicaCount",), REMOVED),
    "minimum-holds": (("minReplicaCount",), 1),
    "maximum": (("maxReplicaCount",), 5),
    "polling-15": (("pollingInterval",), 60),
    "fallback-static": (("fallback", "failureThreshold"), 12),
    "fallback-current": (("fallback", "behavior"), "static"),
    "no-series-is-an-error": (("triggers", 0, "metadata", "ignoreNullValues"), "true"),
    "rounding": (("triggers", 0, "metadata", "targetValue"), "0.29"),
    "up-two-pods": (POLICY, 3),
    "down-window": (WINDOW, 8),
    "value-slow-start": (("triggers", 0, "metricType"), "AverageValue"),
    "cpu": (("triggers", 0, "metadata", "value"), "60"),
    "cached": (("triggers", 0, "useCachedMetrics"), False),
    "sum": (("advanced", "scalingModifiers", "formula"), "a"),
    "jobs-accurate": (("scalingStrategy", "strategy"), "default"),
    "jobs-custom": (("scalingStrategy", "customScalingQueueLengthDeduction"), 0),
    "jobs-max": (SEVERAL, "avg"),
    "jobs-min": (SEVERAL, "avg"),
    "jobs-avg": (SEVERAL, "max"),
    "jobs-sum": (SEVERAL, "max"),
}


@pytest.mark.parametrize("name", OTHERWISE)
def test_another_setting_gives_other_counts(name: str) -> None:
    """The comparison would notice a rule that is wrong."""
    path, value = OTHERWISE[name]
    record = copy.deepcopy(RECORDS[name])
    specs: list[Any] = [record.manifest["spec"]]
    specs += [act["patch"]["spec"] for act in record.acts if "spec" in (act["patch"] or {})]
    for spec in specs:
        if path[0] in spec:
            place = functools.reduce(operator.getitem, path[:-1], spec)
            if value is REMOVED:
                del place[path[-1]]
            else:
                place[path[-1]] = value
    assert compare(record).differences


def test_what_others_did_is_part_of_it() -> None:
    for name in ("owner-within", "paused", "maximum-changes", "forced"):
        assert compare(dataclasses.replace(RECORDS[name], acts=[])).differences, name

"""Gates: which queries are a probe's 0 or 1, and what is said of a ScaledObject with one."""

from __future__ import annotations

from typing import Any

import pytest

import keda
from keda.manifests.declared import UNKNOWN

PROMETHEUS = {"serverAddress": "http://p.monitoring:9090", "ignoreNullValues": "false", "threshold": "1"}


def gate(query: Any, **metadata: Any) -> Any:
    return {"type": "prometheus", "metadata": PROMETHEUS | {"query": query} | metadata}


def found(*triggers: Any, **spec: Any) -> set[str]:
    base = {"scaleTargetRef": {"name": "web"}, "maxReplicaCount": 1, "triggers": list(triggers)}
    metadata = {"name": "web", "namespace": "media"}
    manifest = {"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "metadata": metadata}
    findings = keda.check([manifest | {"spec": base | spec}])
    return {each.code for each in findings if each.code.startswith("gate-")}


@pytest.mark.parametrize(
    "query",
    [
        "max(probe_success)",
        "min(up) == bool 1",
        "sum(up) > bool 2",
        "max(up) >= bool 0.5",
        "sum(up) != bool 0",
        "max(probe_success) > 0 or vector(0)",
        "sum(probe_success) > bool 0",
    ],
)
def test_a_probe_is_a_gate(query: str) -> None:
    assert found(gate(query)) == {"gate-cooldown"}


@pytest.mark.parametrize(
    "query",
    [
        "max(up) == bool 0",
        "max(up) != bool 1",
        "max(up) < bool 1",
        "sum(up) <= bool 1",
        "count(up == 0) > bool 0",
        "0 == bool max(up)",
        "absent(up) * max(probe_success)",
        "(1 - max(up)) > bool 0",
        "max(probe_success) == 0",
    ],
)
def test_what_runs_while_something_is_away_is_no_gate(query: str) -> None:
    assert not found(gate(query))
    assert not found(gate(query), cooldownPeriod=0)


@pytest.mark.parametrize(
    "query",
    [
        "max(max_over_time(up[5m]))",
        "max(avg_over_time(up[5m])) > bool 0.5",
        "sum(sum_over_time(up[5m])) > bool 0",
        "sum(up) >= bool 2",
        "count(up == 1) > bool 1",
    ],
)
def test_one_failure_does_not_close_these(query: str) -> None:
    assert not found(gate(query), cooldownPeriod=10)


@pytest.mark.parametrize("query", ["max(up)", "max(min_over_time(up[5m]))", "max(last_over_time(up[5m]))"])
def test_one_failure_closes_these(query: str) -> None:
    assert found(gate(query), cooldownPeriod=10) == {"gate-cooldown"}


def test_a_query_that_is_not_known_may_be_a_second_probe() -> None:
    assert not found(gate("max(up)"), gate(UNKNOWN), cooldownPeriod=60)
    assert found(gate("max(up)"), gate("sum(queue)"), cooldownPeriod=60) == {"gate-beside-triggers"}


@pytest.mark.parametrize("threshold", ["5e-324", "1e-310", "1e400", "0", "-1", "NaN", None, [], {}, True, 1])
def test_any_threshold_is_read(threshold: Any) -> None:
    found(gate("max(up)", threshold=threshold), maxReplicaCount=5, cooldownPeriod=60)

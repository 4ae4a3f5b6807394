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


def test_a_query_that_is_not_known_may_be_a_second_probe() -> None:
    assert not found(gate("max(up)"), gate(UNKNOWN), cooldownPeriod=60)
    assert found(gate("max(up)"), gate("sum(queue)"), cooldownPeriod=60) == {"gate-beside-triggers"}


@pytest.mark.parametrize("threshold", ["5e-324", "1e-310", "1e400", "0", "-1", "NaN", None, [], {}, True, 1])
def test_any_threshold_is_read(threshold: Any) -> None:
    found(gate("max(up)", threshold=threshold), maxReplicaCount=5, cooldownPeriod=60)

"""LogQL, LogsQL and MetricsQL are not PromQL with mistakes."""

from __future__ import annotations

import json

import pytest

import keda

LOGQL = [
    '{app="web"} |= `error`',
    'sum by (level) (count_over_time({app="web"} | json | level="error" [5m]))',
    'sum(rate({namespace="shop"} != "health" [1m])) > 3',
    "_time:5m error | stats count() rows",
]
METRICSQL = [
    "rollup_rate(http_requests_total[5m])",
    'sum(rate(x{a="b"}[5m])) keep_metric_names',
    "label_set(up, 'a', 'b')",
    "sum(increase_pure(x[5m])) default 0",
]
BROKEN = "sum(rate(http_requests_total[5m])"


def board(*targets: object, **more: object) -> dict[str, object]:
    panels = [{"type": "timeseries", "targets": list(targets)} | more.pop("panel", {})]  # type: ignore[operator]
    text = json.dumps({"title": "t", "panels": panels, **more})
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "d", "namespace": "shop"},
        "data": {"d.json": text},
    }


def codes(manifest: object) -> list[str]:
    return [finding.code for finding in keda.check([manifest])]


@pytest.mark.parametrize("query", [*LOGQL, BROKEN])
@pytest.mark.parametrize(
    "source",
    [
        {"type": "loki", "uid": "x"},
        {"type": "victoriametrics-logs-datasource", "uid": "x"},
        {"type": "victoriametrics-metrics-datasource", "uid": "x"},
        {"uid": "${DS_LOKI}"},
        {"uid": "${logs}"},
        "Loki",
    ],
    ids=str,
)
def test_the_data_source_tells(source: object, query: str) -> None:
    variables = {"list": [{"type": "datasource", "name": "logs", "query": "loki"}]}
    assert codes(board({"expr": query, "datasource": source}, templating=variables)) == []
    assert codes(board({"expr": query}, panel={"datasource": source}, templating=variables)) == []


@pytest.mark.parametrize(
    "source",
    [None, {"type": "prometheus", "uid": "x"}, {"uid": "${DS_PROMETHEUS}"}, "$datasource", "-- Mixed --"],
)
def test_a_prometheus_is_still_judged(source: object) -> None:
    assert codes(board({"expr": BROKEN, "datasource": source})) == ["query-syntax"]


@pytest.mark.parametrize("query", [*LOGQL, *METRICSQL])
def test_the_query_itself_tells(query: str) -> None:
    assert codes(board({"expr": query})) == []
    assert codes({"groups": [{"name": "g", "rules": [{"alert": "A", "expr": query}]}]}) == []


def test_a_rule_group_of_another_type() -> None:
    group = {"name": "g", "rules": [{"alert": "A", "expr": BROKEN}]}
    assert codes({"groups": [group]}) == ["query-syntax"]
    assert codes({"groups": [group | {"type": "vlogs"}]}) == []


@pytest.mark.parametrize(
    ("address", "judged"),
    [
        ("http://prometheus.monitoring:9090", True),
        ("http://thanos-query.monitoring:9090", True),
        ("http://vmsingle-main.monitoring:8428", False),
        ("http://vmselect.monitoring:8481/select/0/prometheus", False),
        ("http://victoria-metrics.monitoring.svc:80", False),
    ],
)
def test_the_server_tells(address: str, judged: bool) -> None:
    metadata = {"serverAddress": address, "query": "sum(rate(x[5m]) offset)", "threshold": "1"}
    manifest = {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": "web"},
        "spec": {
            "scaleTargetRef": {"name": "web"},
            "maxReplicaCount": 3,
            "triggers": [{"type": "prometheus", "metadata": metadata | {"ignoreNullValues": "false"}}],
        },
    }
    assert codes(manifest) == (["query-syntax"] if judged else [])

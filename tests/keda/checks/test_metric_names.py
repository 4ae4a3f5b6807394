"""Names in PromQL, against the catalogue."""

from __future__ import annotations

import json
import re

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

import keda
from generate.metric_names import CATALOGUE
from keda.checks.advice import metric_names as metrics
from keda.checks.advice.expressions import expressions, parse
from keda.syntax import promql
from tests.support import ROOT


def faults(expression: str) -> list[str]:
    return [
        f"{fault.what} {fault.why} {fault.fix}" for fault in metrics.name_faults(promql.parse(expression))
    ]


@pytest.mark.parametrize(
    ("expression", "said"),
    {
        "rate(keda_scaler_errors_total[5m])": "Write keda_scaler_detail_errors_total.",
        "kube_hpa_status_current_replicas": "Write kube_horizontalpodautoscaler_status_current_replicas.",
        "keda_scaler_metric_value": "KEDA 2.19.0 emits no keda_scaler_metric_value",
        "kube_deployment_replicas": "kube-state-metrics 2.15.0 emits no kube_deployment_replicas",
        'keda_scaled_job_errors_total{scaledObject="a"}': "Write scaledJob.",
        'keda_scaler_active{triggerindex="0"}': "Write triggerIndex.",
        "sum by (hpa, horizontalpodautoscalers) (kube_horizontalpodautoscaler_info)": "Write horizontalpod",
        "sum(ray_serve_replica_pending_queries)": "Write ray_serve_deployment_queued_queries.",
    }.items(),
)
def test_a_name_that_nothing_emits_is_said_with_its_successor(expression: str, said: str) -> None:
    (fault,) = faults(expression)
    assert said in fault


@pytest.mark.parametrize(
    "expression",
    [
        'keda_scaler_active{exported_namespace="a",scaledObject="b",cluster="c",team="d"}',
        'kube_customresource_anything{a="b"}',
        'my_app_requests_total{scaledobject="x"}',
        "sum by (le) (rate(keda_internal_metricsservice_grpc_client_handling_seconds_bucket[5m]))",
        'kube_pod_labels{label_app="web"} * on (pod) group_left kube_pod_info',
        'count(kube_pod_info{pod_phase="Running"})',
        'sum by (hpa) (label_replace(kube_horizontalpodautoscaler_info, "hpa", "$1", "x", "(.*)"))',
        "up",
        "keda_lab_pending_jobs",
        "keda_demo_queue_length > 0",
        "rate(kube_events_total[5m])",
        "kube_cost_per_hour",
    ],
)
def test_names_of_others_and_added_labels_pass(expression: str) -> None:
    assert faults(expression) == []


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("rate(keda_scaler_errors[$__rate_interval])", 1),
        ('topk($limit, kube_hpa_labels{namespace=~"$namespace"})', 1),
        ("sum by ($label) (kube_hpa_labels)", 1),
        ('$metric{a="b"}', 0),
    ],
)
def test_grafana_variables_do_not_hide_a_name(expression: str, said: int) -> None:
    tree = parse(expression)
    assert len(list(metrics.name_faults(tree))) == said


def test_expressions_are_found_in_every_kind_of_object() -> None:
    board = {
        "panels": [{"targets": [{"expr": "a"}]}, {"panels": [{"targets": [{"expr": "b"}]}]}],
        "annotations": {"list": [{"expr": "d"}, {"name": "built in"}]},
    }
    rules = [{"rules": [{"alert": "A", "expr": "c"}]}]
    objects = (
        {"kind": "ConfigMap", "data": {"b.json": json.dumps(board)}},
        {"kind": "GrafanaDashboard", "spec": {"json": json.dumps(board)}},
        {"kind": "PrometheusRule", "spec": {"groups": rules}},
        {"groups": rules},
        board,
    )
    found = [[expression for _, expression in expressions(each)] for each in objects]
    assert found == [["a", "b", "d"], ["a", "b", "d"], ["c"], ["c"], ["a", "b", "d"]]


@given(
    st.recursive(
        st.none() | st.text(max_size=5) | st.integers(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["kind", "spec", "groups", "rules", "expr", "data", "panels"]), inner
            )
        ),
        max_leaves=20,
    ),
    st.sampled_from(["PrometheusRule", "ConfigMap", "GrafanaDashboard", None, 3]),
)
def test_any_object_is_read_without_an_exception(inner: object, kind: object) -> None:
    base = inner if isinstance(inner, dict) else {"spec": inner}
    keda.check(
        [{**base, "kind": kind}, {**base, "kind": kind, "data": {"a.json": json.dumps({"panels": inner})}}]
    )


def test_what_the_program_adds_to_kube_state_metrics_is_in_the_catalogue() -> None:
    state = yaml.safe_load((ROOT / "components" / "monitoring" / "custom_resource_state.yaml").read_text())
    made = {
        f"{resource['metricNamePrefix']}_{metric['name']}"
        for resource in state["spec"]["resources"]
        for metric in resource["metrics"]
    }
    (added,) = (exporter for exporter in metrics.exporters() if exporter.prefix == "kube_scaled")
    assert set(added.metrics) == made


def test_every_successor_is_in_the_catalogue() -> None:
    known = {metric for exporter in metrics.exporters() for metric in exporter.metrics}
    renamed = json.loads(CATALOGUE.read_text())["renamed"]
    assert set(renamed.values()) <= known
    assert not set(renamed) & known


def test_every_expression_of_the_project_names_what_is_there() -> None:
    """Stack file, docs and manifests: whatever reads like PromQL on one of the catalogue's exporters."""
    named = re.compile(r"\b(?:keda|kube)_[a-z_]+\b(?!\()")
    renamed = json.loads(CATALOGUE.read_text())["renamed"]
    files = [ROOT / "Pulumi.homelab.yaml", *ROOT.glob("docs/*.md"), *ROOT.glob("components/**/*.py")]
    assert files
    for file in files:
        for word in named.findall(file.read_text(encoding="utf-8")):
            assert word not in renamed, f"{file.name}: {word}"
    config = yaml.safe_load((ROOT / "Pulumi.homelab.yaml").read_text())["config"]
    assert config

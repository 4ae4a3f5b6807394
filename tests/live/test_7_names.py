"""The catalogue of metric names, against what the lab's exporters really emit."""

from __future__ import annotations

import json
import urllib.parse
import urllib.request
from typing import Any

import pytest

from cli.engine import Engine
from keda.checks.advice import metric_names as metrics
from lab.paths import Lab
from tests.live.cluster import query, wait

pytestmark = pytest.mark.live
CLOSED = ("keda_", "kube_")
GATEWAY = {"gateway_envoyproxy_io_owning_gateway_name", "gateway_envoyproxy_io_owning_gateway_namespace"}
"""Added by the monitor of the Gateway's proxies."""
SCRAPE = GATEWAY | {
    "__name__",
    "container",
    "endpoint",
    "instance",
    "job",
    "namespace",
    "node",
    "pod",
    "service",
}


def ask(port: int, path: str) -> Any:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/{path}", timeout=30) as answer:
        return json.load(answer)["data"]


def test_what_the_exporters_emit_is_in_the_catalogue(stack: Engine, lab: Lab) -> None:
    port = json.loads(lab.record.read_text())["ports"]["prometheus"]
    wait("KEDA's scaler metrics", 120, lambda: query(port, "keda_scaler_active") or None)
    known = {name: labels for each in metrics.exporters() for name, labels in each.metrics.items()}
    # What the program itself adds to kube-state-metrics is not that exporter's own.
    added = tuple(exception for each in metrics.exporters() for exception in each.exceptions)
    # Of Ray, Envoy and NATS the catalogue holds what the recipes ask; of those two, every name.
    emitted = [
        name
        for name in ask(port, "label/__name__/values")
        if name in known or name.startswith(CLOSED) and not name.startswith(added)
    ]
    assert len(emitted) > 80
    assert {"ray_serve_deployment_queued_queries", "nats_consumer_num_pending"} <= set(emitted)
    wrong = []
    for name in emitted:
        selector = urllib.parse.urlencode({"match[]": name})
        labels = {label.removeprefix("exported_") for label in ask(port, f"labels?{selector}")}
        if name not in known or labels - known[name] - SCRAPE:
            wrong.append((name, sorted(labels - known.get(name, frozenset()) - SCRAPE)))
    assert wrong == []

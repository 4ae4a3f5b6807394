"""What Prometheus reads, and every expression of every panel, against the lab's Prometheus.

The dashboards are those that `pulumi up` put into the cluster. The range asked for is that in which
the session's loads ran (test_2_scaling); run alone, this file makes its own load.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from cli.engine import Engine
from components.monitoring.dashboards import UID, dashboards
from components.settings import Settings, decode
from lab.paths import Lab
from tests.live.cluster import KEDA, Cluster, Refused, query, wait
from tests.live.support import WORKLOADS, scaled_object, with_overrides

pytestmark = pytest.mark.live

STACK = Path(__file__).resolve().parents[2] / "Pulumi.homelab.yaml"
HOURS = 3
STEP = 15
POOLS = {
    *("serviceMonitor/keda/keda-operator/0", "serviceMonitor/keda/keda-operator-metrics-apiserver/0"),
    *("serviceMonitor/keda/keda-admission-webhooks/0", "serviceMonitor/monitoring/kube-state-metrics/0"),
    *("podMonitor/ray/ray-serve/0", "podMonitor/envoy-gateway-system/envoy-gateway/0"),
    *("podMonitor/nats/voice/0", "serviceMonitor/batch/batch/0"),
}
WITHOUT_DATA = {
    "keda_scaled_job_errors_total": "KEDA makes the series at a ScaledJob's first error, and none fails here",
}
"""A metric in an expression -> why that expression may have no data."""


@pytest.fixture(scope="module")
def port(lab: Lab) -> int:
    return int(json.loads(lab.record.read_text())["ports"]["prometheus"])


def ask(port: int, path: str, **parameters: object) -> Any:
    """An answer of Prometheus' API. Raises HTTPError for an expression it refuses."""
    url = f"http://127.0.0.1:{port}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
    with urllib.request.urlopen(url, timeout=30) as answer:
        return json.load(answer)["data"]


def over_the_session(port: int, expression: str) -> list[float]:
    """All values of all series of an expression, as Grafana would ask for them."""
    now = time.time()
    variables = {"$__rate_interval": "1m", "$__range": f"{HOURS}h"}
    for variable, value in variables.items():
        expression = expression.replace(variable, value)
    answer = ask(port, "query_range", query=expression, start=now - HOURS * 3600, end=now, step=STEP)
    return [float(value) for series in answer["result"] for _, value in series["values"] if value != "NaN"]


@pytest.fixture(scope="module")
def boards(stack: Engine, cluster: Cluster) -> dict[str, dict[str, Any]]:
    """The dashboards in the cluster, by uid."""
    path = "/api/v1/namespaces/monitoring/configmaps?labelSelector=grafana_dashboard%3D1"
    found = [json.loads(text) for item in cluster.get(path)["items"] for text in item["data"].values()]
    return {board["uid"]: board for board in found}


@pytest.fixture(scope="module")
def loaded(stack: Engine, lab: Lab, cluster: Cluster, port: int) -> None:
    """Every workload has had load, and the webhook has denied something."""
    with pytest.raises(Refused):
        second = scaled_object("second", "voice", "voice-pipeline")
        cluster.create(f"{KEDA}/namespaces/voice/scaledobjects?dryRun=All", second)
    signals = {
        workload: f'max_over_time(keda_scaler_metrics_value{{scaledObject="{workload}"}}[{HOURS}h]) > 0'
        for workload in WORKLOADS
    }
    idle = [workload for workload, signal in signals.items() if not query(port, signal)]
    loads = [
        subprocess.Popen(
            [sys.executable, "-m", "lab", "load", workload, "--name", lab.name], stdout=subprocess.DEVNULL
        )
        for workload in idle
    ]
    for workload in idle:
        wait(f"a signal of {workload}", 180, lambda: query(port, signals[workload]) or None)  # noqa: B023
    for load in loads:
        load.wait(timeout=300)


def expressions(board: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """(Panel and legend, expression) of every query."""
    row = ""
    for panel in board["panels"]:
        row = panel["title"] if panel["type"] == "row" else row
        for target in panel.get("targets", []):
            yield f"{board['title']}, {row}, {panel['title']}: {target['legendFormat']}", target["expr"]
    for event in board["annotations"].get("list", []):
        if "expr" in event:
            yield f"{board['title']}, events: {event['name']}", event["expr"]


def empty(port: int, board: Mapping[str, Any]) -> list[str]:
    """The queries of a dashboard that have no data, and no reason."""
    return [
        where
        for where, expression in expressions(board)
        if not over_the_session(port, expression) and not any(name in expression for name in WITHOUT_DATA)
    ]


def test_every_target_is_up(stack: Engine, port: int) -> None:
    def targets() -> dict[str, str]:
        active = ask(port, "targets", state="active")["activeTargets"]
        return {target["scrapePool"]: target["health"] for target in active}

    wait("all monitors' targets", 120, lambda: targets().keys() >= POOLS or None)
    wait("every target up", 60, lambda: set(targets().values()) == {"up"} or None)


def test_nothing_is_scraped_twice(stack: Engine, port: int) -> None:
    active = ask(port, "targets", state="active")["activeTargets"]
    urls = [target["scrapeUrl"] for target in active]
    assert sorted(urls) == sorted(set(urls))


def test_kube_state_metrics_tells_the_conditions(stack: Engine, port: int) -> None:
    """It has read the ConfigMap that the program brought."""
    told = 'kube_scaledobject_condition{condition="Ready"} == 1'

    def ready() -> bool | None:
        found = {series["metric"]["scaledobject"] for series in query(port, told)}
        return found == set(WORKLOADS) or None

    wait("Ready of every workload", 180, ready)
    conditions = {series["metric"]["condition"] for series in query(port, "kube_scaledobject_condition")}
    assert conditions == {"Ready", "Active", "Fallback", "Paused"}
    hpas = {series["metric"]["horizontalpodautoscaler"] for series in query(port, "kube_scaledobject_info")}
    assert hpas == {f"keda-hpa-{workload}" for workload in WORKLOADS}


@pytest.mark.parametrize("uid", [UID, f"{UID}-operator"])
def test_every_panel_has_data(loaded: None, boards: dict[str, dict[str, Any]], port: int, uid: str) -> None:
    wait(f"data for every query of {uid}", 60, lambda: empty(port, boards[uid]) == [] or None)


@pytest.mark.parametrize("workload", WORKLOADS)
def test_signal_and_replicas_moved(
    loaded: None, boards: dict[str, dict[str, Any]], port: int, workload: str
) -> None:
    row = f"{WORKLOADS[workload]}/{workload}"
    asked = {
        where.partition(f"{row}, ")[2]: expression
        for where, expression in expressions(boards[UID])
        if f", {row}, " in where
    }
    [signal] = [each for where, each in asked.items() if re.match(r"Signal: .*: value$", where)]
    assert max(over_the_session(port, signal)) > 0
    assert len(set(over_the_session(port, asked["Replicas: current"]))) > 1
    assert set(over_the_session(port, asked["State: ready"])) >= {1.0}


def test_a_scaled_jobs_panels(loaded: None, stack: Engine, cluster: Cluster, port: int) -> None:
    """The dashboard of the batch workload as a ScaledJob; test_2_scaling ran it so."""
    path = f"{KEDA}/namespaces/batch/scaledjobs/batch"
    series = 'keda_scaler_metrics_value{scaledObject="batch",type="scaledjob"}'
    jobs = f"max_over_time({series}[{HOURS}h])"
    if not query(port, jobs):
        as_job = with_overrides(stack, {"keda-homelab:workloads.batch.kind": "ScaledJob"})
        assert as_job.operate("up", capture=True).returncode == 0
        wait("its signal", 120, lambda: query(port, jobs) or None)
        assert stack.operate("up", capture=True).returncode == 0
        assert cluster.get(path) is None
    config = yaml.safe_load(STACK.read_text())["config"]
    batch = {**config["keda-homelab:workloads"]["batch"], "kind": "ScaledJob"}
    config["keda-homelab:workloads"] = {"batch": batch}
    texts = {key: json.dumps(value) for key, value in config.items()}
    settings = Settings.parse(decode(texts, "keda-homelab"))
    made = dashboards(settings.monitoring, settings.keda.namespace, settings.workloads)
    board = json.loads(made[UID])
    assert "Jobs" in [panel["title"] for panel in board["panels"]]
    assert empty(port, board) == []


def test_what_is_added_is_bounded(stack: Engine, port: int) -> None:
    """Series, as docs/dashboards.md counts them."""

    def most(expression: str) -> float:
        return max(float(series["value"][1]) for series in query(port, expression))

    assert most('count by (scaledobject) ({__name__=~"kube_scaledobject_.+"})') <= 9
    assert most('scrape_samples_post_metric_relabeling{job=~".*/(envoy-gateway|ray-serve)|batch-queue"}') <= 4
    assert most('scrape_samples_post_metric_relabeling{job="nats/voice"}') <= 5


def test_a_kind_the_cluster_does_not_have(stack: Engine) -> None:
    """The lab has no Grafana Operator: one line, and nothing is touched."""
    wrong = with_overrides(stack, {"keda-homelab:monitoring.dashboards": "both"})
    done = wrong.operate("up", capture=True)
    text = done.stdout + done.stderr
    assert done.returncode != 0, text
    summary = text.partition("Diagnostics:")[2]
    [line] = [line for line in summary.splitlines() if "monitoring.dashboards" in line]
    assert line.strip().endswith("Write dashboards: configMap, or install the Grafana Operator.")
    assert "Traceback" not in text
    assert stack.operate("preview", "--expect-no-changes", capture=True).returncode == 0

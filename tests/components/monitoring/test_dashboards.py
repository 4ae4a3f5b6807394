"""The dashboards follow the models, are of Grafana's schema, and parse as PromQL."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import promql_parser
import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from components.monitoring.dashboards import UID, dashboards
from components.monitoring.dashboards.operator import UID as OPERATOR_UID
from components.monitoring.queries import either
from components.settings import Settings
from keda.checks.advice import expressions as read
from keda.checks.advice import metric_names as metrics
from tests.support import CORPUS, STACK, settings_of

VALID = {path.stem: path for path in (CORPUS / "valid" / "settings").glob("*.yaml")} | {"homelab": STACK}


def texts(settings: Settings) -> dict[str, str]:
    return dashboards(settings.monitoring, settings.keda.namespace, settings.workloads)


def boards(text: str) -> dict[str, dict[str, Any]]:
    return {uid: json.loads(board) for uid, board in texts(settings_of(text)).items()}


def fleet(name: str) -> dict[str, Any]:
    return boards(VALID[name].read_text())[UID]


def expressions(board: Mapping[str, Any]) -> Iterator[str]:
    for panel in board["panels"]:
        for target in panel.get("targets", []):
            yield target["expr"]
    for event in board["annotations"].get("list", []):
        if "expr" in event:
            yield event["expr"]


def panel(board: Mapping[str, Any], row: str, title: str) -> dict[str, Any]:
    """The panel of that title below the row of that title."""
    titles = [each["title"] for each in board["panels"]]
    found: dict[str, Any] = board["panels"][titles.index(title, titles.index(row))]
    return found


def legends(found: Mapping[str, Any]) -> dict[str, str]:
    return {target["legendFormat"]: target["expr"] for target in found["targets"]}


@pytest.mark.parametrize("name", VALID)
def test_every_metric_and_label_they_name_exists(name: str) -> None:
    for board in boards(VALID[name].read_text()).values():
        found = list(read.expressions(board))
        assert {expression for _, expression in found} == set(expressions(board))
        for _, expression in found:
            assert not list(metrics.name_faults(read.parse(expression))), expression


@pytest.mark.parametrize("name", VALID)
def test_they_are_of_grafanas_schema(name: str) -> None:
    """Grafana's own models take every key, and give it back where it was."""
    for uid, text in texts(settings_of(VALID[name].read_text())).items():
        read = Dashboard.from_json(json.loads(text))
        assert json.dumps(read, cls=JSONEncoder, sort_keys=True, indent=1) == text
        assert read.uid == uid


@pytest.mark.parametrize("name", VALID)
def test_every_expression_is_promql(name: str) -> None:
    for board in boards(VALID[name].read_text()).values():
        found = list(expressions(board))
        assert found or not board["panels"]
        for expression in found:
            promql_parser.parse(re.sub(r"\$__(rate_interval|range)", "5m", expression))


@pytest.mark.parametrize("name", VALID)
def test_panels_do_not_overlap_and_have_their_own_ids(name: str) -> None:
    for board in boards(VALID[name].read_text()).values():
        panels = board["panels"]
        assert len({panel["id"] for panel in panels}) == len(panels)
        cells = [
            (x, y)
            for place in (panel["gridPos"] for panel in panels)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        ]
        assert len(set(cells)) == len(cells)
        assert max(x for x, _ in cells) < 24


def test_a_threshold_changes_its_line_and_nothing_else() -> None:
    text = STACK.read_text()
    before, after = boards(text), boards(text.replace("requestsPerReplica: 5 ", "requestsPerReplica: 7 "))
    changed = [
        (old, new)
        for uid in before
        for old, new in zip(expressions(before[uid]), expressions(after[uid]), strict=True)
        if old != new
    ]
    assert changed == [("vector(5)", "vector(7)")]


def test_an_hpa_name_changes_every_panel_about_it() -> None:
    text = STACK.read_text().replace(
        "recipe: nats-jetstream", "recipe: nats-jetstream\n      hpaName: own-hpa"
    )
    found = json.dumps(boards(text)[UID])
    assert "keda-hpa-voice" not in found
    assert found.count("own-hpa") >= json.dumps(fleet("homelab")).count("keda-hpa-voice") > 3


def test_a_name_changes_rows_legends_and_selectors() -> None:
    text = STACK.read_text().replace("    voice:\n", "    speech:\n")
    found = json.dumps(boards(text)[UID])
    assert "voice/speech" in found
    assert 'scaledObject=\\"speech\\"' in found
    assert 'scaledObject=\\"voice\\"' not in found


def test_both_spellings_of_the_namespace() -> None:
    assert either("m", "batch", "rate({}[5m])", scaledObject="a") == (
        '(rate(m{exported_namespace="batch",scaledObject="a"}[5m]) or '
        'rate(m{exported_namespace="",namespace="batch",scaledObject="a"}[5m]))'
    )


def test_threshold_and_activation_are_drawn() -> None:
    config = yaml.safe_load(VALID["generic"].read_text())["config"]["keda-homelab:workloads"]
    board = fleet("generic")
    name, workload = next(iter(config.items()))
    signals = [each for each in board["panels"] if each["title"].startswith("Signal: ") and "targets" in each]
    assert signals
    assert all({"value"} <= legends(each).keys() for each in signals)
    assert f"{workload['namespace']}/{name}" in [each["title"] for each in board["panels"]]
    found = panel(fleet("homelab"), "voice/voice", "Signal: nats-jetstream (messages)")
    assert (legends(found)["threshold"], legends(found)["activation"]) == ("vector(10)", "vector(0)")


@pytest.mark.parametrize(
    ("trigger", "kind", "unit", "threshold"),
    [
        ("{type: memory, metricType: Utilization, metadata: {value: 80}}", "utilization", "percent", "80"),
        (
            "{type: memory, metricType: AverageValue, metadata: {value: 1Gi}}",
            "average",
            "bytes",
            "1073741824",
        ),
        ("{type: cpu, metricType: AverageValue, metadata: {value: 500m}}", "average", "suffix: cores", "0.5"),
    ],
)
def test_cpu_and_memory_are_shown_in_the_unit_of_their_target(
    trigger: str, kind: str, unit: str, threshold: str
) -> None:
    """The HPA's status has a share and an amount of either; they must not be mixed."""
    workload = {
        **{"recipe": "generic", "namespace": "web", "target": {"name": "web"}},
        **{"minReplicas": 1, "maxReplicas": 3, "triggers": [yaml.safe_load(trigger)]},
    }
    config = yaml.safe_load(STACK.read_text())["config"] | {"keda-homelab:workloads": {"web": workload}}
    found = panel(
        boards(yaml.safe_dump({"config": config}))[UID], "web/web", f"Signal: {trigger[7:].split(',')[0]}"
    )
    assert f'metric_target_type="{kind}"' in legends(found)["value"]
    assert legends(found)["threshold"] == f"vector({threshold})"
    assert found["fieldConfig"]["defaults"]["unit"] == unit


def test_every_panel_of_values_has_a_unit() -> None:
    for board in boards(STACK.read_text()).values():
        for each in board["panels"]:
            if each["type"] in ("timeseries", "stat"):
                assert each["fieldConfig"]["defaults"]["unit"], each["title"]


def test_a_scaled_job_shows_queue_running_and_failed() -> None:
    board = fleet("scaled-job")
    jobs = legends(panel(board, "batch/batch", "Jobs"))
    assert (
        'kube_job_status_active{exported_namespace="batch",job_name=~"batch-[a-z0-9]{5}"}' in jobs["running"]
    )
    assert "kube_job_status_failed" in jobs["failed"]
    assert "horizontalpodautoscaler" not in json.dumps(board["panels"])
    assert 'type="scaledjob"' in legends(panel(board, "batch/batch", "Signal: prometheus (jobs)"))["value"]


def test_gpu_hours_say_their_formula() -> None:
    found = panel(fleet("homelab"), "All", "GPU time saved")
    assert "GPUs per pod x maximum replicas x hours at zero" in found["description"]
    assert legends(found)["batch"].startswith("1 * 4 * sum_over_time(")
    assert list(legends(found)) == ["batch"]


def test_conditions_are_asked_for_where_they_are_told() -> None:
    text = STACK.read_text()
    assert "kube_scaledobject_condition" in json.dumps(boards(text)[UID])
    without = re.sub(r"\n    stateMetrics:.*?(?=\n    \w)", "", text, flags=re.DOTALL)
    assert "kube_scaledobject_condition" not in json.dumps(boards(without)[UID])


def test_the_datasource_and_the_namespace_are_the_settings() -> None:
    found = boards(VALID["every-key"].read_text())
    for board in found.values():
        [variable] = board["templating"]["list"]
        assert (variable["type"], variable["current"]["value"]) == ("datasource", "thanos")
    assert 'up{namespace="autoscaling"}' in list(expressions(found[OPERATOR_UID]))


def test_many_workloads_become_several_dashboards() -> None:
    config = yaml.safe_load(STACK.read_text())["config"]
    voice = config["keda-homelab:workloads"]["voice"] | {"monitor": None}
    many = {f"voice-{number}": voice | {"target": {"name": f"voice-{number}"}} for number in range(60)}
    found = boards(yaml.safe_dump({"config": {**config, "keda-homelab:workloads": many}}))
    assert list(found) == [OPERATOR_UID, UID, f"{UID}-2", f"{UID}-3"]
    assert max(len(json.dumps(board)) for board in found.values()) < 2**19
    assert 'scaledObject="voice-59"' in " ".join(expressions(found[f"{UID}-3"]))

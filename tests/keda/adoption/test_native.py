"""ScaledObjects of every shape, and the HPAs that take over from them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from keda import SpecError, check
from keda.adoption.native import Native, native
from keda.adoption.prometheus_adapter import read_rules
from keda.adoption.translate import adopt
from tests.keda.adoption.test_adoption import (
    FOLDER,
    HPAS,
    PROMETHEUS,
    adopted,
    damaged_everywhere,
    load,
    piped,
)

BASE = """
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata:
  name: web
  namespace: shop
  labels: {team: a, scaledobject.keda.sh/name: web}
  annotations:
    scaledobject.keda.sh/transfer-hpa-ownership: "true"
    autoscaling.keda.sh/paused-scale-in: "true"
  resourceVersion: "1"
  managedFields: []
spec:
  scaleTargetRef: {name: web}
  cooldownPeriod: 60
  idleReplicaCount: 0
  minReplicaCount: 2
  maxReplicaCount: 9
  fallback: {failureThreshold: 3, replicas: 4}
  advanced:
    horizontalPodAutoscalerConfig:
      name: web-hpa
      behavior: {scaleDown: {stabilizationWindowSeconds: 60}}
  triggers:
    - {type: cpu, metricType: Utilization, metadata: {value: "60"}}
    - {type: memory, metricType: AverageValue, metadata: {value: 1Gi, containerName: app}}
    - type: prometheus
      metadata: {serverAddress: "http://p:9090", query: 'sum(rate(a{b="<<c"}[1m]))', threshold: "2.5"}
    - {type: cron, metadata: {timezone: UTC, start: 0 8 * * *, end: 0 9 * * *, desiredReplicas: "2"}}
status: {hpaName: web-hpa}
"""
QUEUE = {
    "type": "prometheus",
    "metricType": "Value",
    "metadata": {
        "serverAddress": "http://p:9090",
        "query": "sum(jobs)",
        "threshold": "5",
        "activationThreshold": "3",
        "ignoreNullValues": "false",
        "unsafeSsl": "true",
    },
}
CRON = yaml.safe_load(BASE)["spec"]["triggers"][3]


def made(spec: dict[str, Any] | None = None, *, scale_to_zero: bool = False) -> Native:
    manifest = yaml.safe_load(BASE)
    if spec is not None:
        manifest["spec"] = {"scaleTargetRef": {"name": "web"}, **spec}
    return native(manifest, scale_to_zero=scale_to_zero)


def test_bounds_name_and_pace_are_the_scaled_objects() -> None:
    hpa = made().hpa
    assert hpa["metadata"] == {"name": "web-hpa", "namespace": "shop", "labels": {"team": "a"}}
    assert {key: value for key, value in hpa["spec"].items() if key != "metrics"} == {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
        "minReplicas": 2,
        "maxReplicas": 9,
        "behavior": {"scaleDown": {"stabilizationWindowSeconds": 60}},
    }


def test_metrics_are_the_triggers() -> None:
    memory = {"type": "AverageValue", "averageValue": "1Gi"}
    assert made().hpa["spec"]["metrics"] == [
        {
            "type": "Resource",
            "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 60}},
        },
        {
            "type": "ContainerResource",
            "containerResource": {"name": "memory", "container": "app", "target": memory},
        },
        {
            "type": "External",
            "external": {
                "metric": {"name": "shop.web.2"},
                "target": {"type": "AverageValue", "averageValue": "2500m"},
            },
        },
    ]


def test_the_adapters_rule_holds_the_query() -> None:
    [rule] = made().rules
    assert rule["metricsQuery"] == '(sum(rate(a{b="<<"<<">>c"}[1m]))) or vector(0)'
    [read] = read_rules({"externalRules": [rule]}).external
    assert (read.series("shop.web.2"), read.namespaced) == (["up"], False)


def test_no_data_stays_an_error_where_it_was_one() -> None:
    back = made({"triggers": [QUEUE], "minReplicaCount": 1})
    assert back.rules[0]["metricsQuery"] == "sum(jobs)"
    [metric] = back.hpa["spec"]["metrics"]
    assert metric["external"]["target"] == {"type": "Value", "value": "5"}


def test_what_is_lost_is_named() -> None:
    assert made().notes == (
        "triggers[2]: the adapter must read http://p:9090 (--prometheus-url).",
        "LOST triggers[3]: cron has no metric without KEDA. Export its value to Prometheus to keep it.",
        "LOST idleReplicaCount: 0: idle, the HPA keeps minReplicas.",
        "LOST fallback: with a failed source the HPA keeps its replicas, not 4.",
        "LOST autoscaling.keda.sh/paused-scale-in: the HPA scales as soon as it has the metric.",
    )
    assert any("LOST triggers[0]: unsafeSsl." in note for note in made({"triggers": [QUEUE]}).notes)


def test_the_metric_name_of_older_releases_is_passed_over() -> None:
    old = {**QUEUE, "metadata": {**QUEUE["metadata"], "metricName": "jobs"}}
    back, plain = (made({"triggers": [each], "minReplicaCount": 1}) for each in (old, QUEUE))
    assert (back.hpa, back.rules) == (plain.hpa, plain.rules)
    assert back.notes == (
        "triggers[0]: metricName is passed over: KEDA 2.19 does not read it.",
        *plain.notes,
    )


def test_without_hpa_scale_to_zero_a_pod_stays() -> None:
    back = made({"triggers": [QUEUE], "cooldownPeriod": 60})
    assert (back.hpa["spec"]["minReplicas"], back.hpa["spec"]["maxReplicas"]) == (1, 100)
    [line] = [note for note in back.notes if "0 replicas" in note]
    assert line.startswith("LOST 0 replicas: minReplicas is 1,") and "cooldownPeriod (60 s)" in line


def test_with_hpa_scale_to_zero_the_zero_is_kept() -> None:
    back = made({"triggers": [QUEUE]}, scale_to_zero=True)
    assert back.hpa["spec"]["minReplicas"] == 0
    assert not any("0 replicas" in note for note in back.notes)
    assert any(note.startswith("LOST cooldownPeriod (300 s)") for note in back.notes)
    assert any(note.startswith("LOST activation thresholds") for note in back.notes)
    assert (
        made({"triggers": [QUEUE], "minReplicaCount": 1}, scale_to_zero=True).hpa["spec"]["minReplicas"] == 1
    )


@pytest.mark.parametrize(
    ("spec", "line"),
    [
        ({"triggers": [CRON]}, "spec.triggers: leave no metric: nothing of them can be read without KEDA."),
        (
            {
                "triggers": [{**QUEUE, "name": "jobs"}],
                "advanced": {"scalingModifiers": {"formula": "jobs / 2", "target": "5"}},
            },
            "spec.advanced.scalingModifiers: has no counterpart: an HPA takes the largest of its metrics",
        ),
        ({"triggers": [{"type": "prometheus"}]}, "spec.triggers[0].metadata"),
    ],
)
def test_what_no_hpa_can_do_is_one_line(spec: dict[str, Any], line: str) -> None:
    with pytest.raises(SpecError) as error:
        made(spec)
    assert str(error.value).splitlines()[0].startswith(line)


@pytest.mark.parametrize("file", HPAS, ids=lambda file: file.stem)
def test_there_and_back_again(file: Path) -> None:
    """An HPA that KEDA took over comes back with its name, bounds, pace and targets, and the same queries."""
    scaled = adopted(file.stem).scaled_object.to_manifest()
    back = native(scaled)
    before, after = load(file.name)["spec"], back.hpa["spec"]
    assert back.hpa["metadata"]["name"] == load(file.name)["metadata"]["name"]
    assert (after["minReplicas"], after["maxReplicas"]) == (
        before.get("minReplicas", 1),
        before["maxReplicas"],
    )
    assert [finding for finding in check([back.hpa]) if finding.severity == "error"] == []
    rules = read_rules({"externalRules": list(back.rules)}) if back.rules else None
    again = adopt(back.hpa, PROMETHEUS, rules).scaled_object.to_manifest()
    assert again["spec"]["triggers"] == scaled["spec"]["triggers"]
    assert again["spec"]["advanced"] == scaled["spec"]["advanced"]


def test_every_place_damaged() -> None:
    """Whatever a ScaledObject holds, the answer is an HPA or lines."""
    for [manifest] in damaged_everywhere("native", yaml.safe_load(BASE)):
        try:
            native(manifest)
        except SpecError as error:
            assert len(str(error).splitlines()) == len(error.faults)


def test_the_command_writes_hpas_and_the_adapters_config(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert piped(BASE, monkeypatch, "--to", "hpa") == 0
    out, err = capsys.readouterr()
    hpa, config = yaml.safe_load_all(out)
    assert (hpa["kind"], config["kind"]) == ("HorizontalPodAutoscaler", "ConfigMap")
    assert out.count("# LOST") == 4 and len(err.splitlines()) == 5
    assert read_rules(config).external[0].series("shop.web.2") == ["up"]


def test_a_scaled_object_given_twice_has_its_rules_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert piped(f"{BASE}---{BASE}", monkeypatch, "--to", "hpa") == 1
    said = capsys.readouterr()
    assert "gives HorizontalPodAutoscaler shop/web-hpa, as ScaledObject web does." in said.err
    [_, config] = yaml.safe_load_all(said.out)
    assert len(read_rules(config).external) == 1


@pytest.mark.parametrize(
    ("text", "options", "code", "line"),
    [
        ("kind: Deployment", (), 2, "-: contains no ScaledObject."),
        (BASE, ("--workload",), 2, "--to hpa: takes neither --workload nor --adapter-config."),
        (
            BASE,
            ("--adapter-config", str(FOLDER / "queue-rules.yaml")),
            2,
            "--to hpa: takes neither --workload nor --adapter-config.",
        ),
        ("kind: ScaledObject\nmetadata: {name: a}", (), 1, "-: ScaledObject a: "),
    ],
)
def test_the_commands_errors_are_short(
    text: str,
    options: tuple[str, ...],
    code: int,
    line: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert piped(text, monkeypatch, "--to", "hpa", *options) == code
    out, err = capsys.readouterr()
    assert out == "" and err.startswith(line)

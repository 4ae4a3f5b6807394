"""`keda simulate`: its table and JSON, and one line for what cannot be simulated."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from keda.commands.main import main
from keda.scaling.behavior import Policy, ScalingRules
from keda.scaling.manifest import Unsimulated, read_scaled_object
from keda.scaling.scaled_object import Annotations, Fallback, Modifiers, ScaledObject, Trigger

PROMETHEUS = {
    "type": "prometheus",
    "metadata": {"serverAddress": "http://p:9090", "query": "sum(q)", "threshold": "5"},
}
PAGE = Path(__file__).parents[3] / "docs" / "simulate.md"


def manifest(
    *triggers: object, name: str = "voice", annotations: object = None, **spec: object
) -> dict[str, object]:
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": name, "annotations": annotations},
        "spec": {"scaleTargetRef": {"name": name}, "triggers": list(triggers) or [PROMETHEUS], **spec},
    }


@pytest.fixture
def voice(tmp_path: Path) -> str:
    file = tmp_path / "voice.yaml"
    file.write_text(yaml.safe_dump(manifest(maxReplicaCount=4)))
    return str(file)


def test_the_page_shows_what_comes_out(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(PAGE.parents[1])
    commands = [line for line in PAGE.read_text().splitlines() if line.startswith("$ keda simulate")]
    assert len(commands) == 2
    for command in commands:
        assert main(command.split()[2:]) == 0
        printed = capsys.readouterr().out
        assert f"{command}\n{printed}```" in PAGE.read_text()
        assert printed.count("\n") > 12


def test_json_holds_the_reasons_as_data(voice: str, capsys: pytest.CaptureFixture[str]) -> None:
    faults = ["--fault", "nan@1m-2m", "--fault", "second-owner:4@3m", "--fault", "operator-down@20m-22m"]
    faults += ["--fault", "controller-restart@25m", "--fault", "no-data@24m-25m"]
    assert main(["simulate", voice, "--signal", "constant:1", "--format", "json", *faults, "--every"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["workload"], result["keda"]) == ("voice", "2.19.0")
    seen = {change["reason"]["kind"] for change in result["changes"]}
    assert {"activated", "second-owner", "at-target", "metrics-failed"} <= seen
    assert [change["seconds"] for change in result["changes"] if change["by"] == "other"] == [180.0]
    assert {change["signals"]["s0-prometheus"] for change in result["changes"]} == {0.0, 1.0, "NaN"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--signal", "constant:1", "--signal", "constant:1"],
            "--signal constant:1: each trigger has one already.",
        ),
        ([], "no signal for s0-prometheus. Write --signal NAME=SIGNAL for each trigger"),
        (
            ["--signal", "other=constant:1"],
            "--signal other: no trigger has this name. Write one of: s0-prometheus.",
        ),
        (["--signal", "sine:1"], "--signal sine:1 is not a signal."),
        (["--signal", "step:0:1"], "--signal step:0:1 is not a signal."),
        (["--signal", "step:0:1@5"], "5 is not a time. Write it with a unit, such as 90s, 5m or 1h30m."),
        (["--signal", "constant:-1"], "the constant is -1. Write a number from 0 on."),
        (["--signal", "none.csv"], "none.csv: cannot be read: No such file or directory."),
        (["--signal", "constant:1", "--fault", "fire@1m"], "--fault fire@1m is not a fault."),
        (["--signal", "constant:1", "--minutes", "0"], "--minutes 0: write a number from 1 to 129600."),
        (["--signal", "constant:1", "--minutes", "999999999"], "--minutes 999999999: write a number from 1"),
        (["--signal", "constant:1", "--replicas", "-1"], "--replicas -1: write a number from 0 to 100000."),
        (["--signal", ""], "--signal  is not a signal."),
        (["--signal", "s0-prometheus="], "--signal  is not a signal."),
        (["--signal", "poisson:1e9:1s"], "1G arrivals a second are not simulated. Write at most 1000."),
        (["--signal", "constant:1", "--start-up", ""], "nothing is not a time."),
        (["--signal", "constant:1", "--fault", "nan@9m-5m"], "--fault nan@9m-5m ends before it begins."),
        (
            ["--signal", "constant:1", "--fault", "second-owner:9999999@5m"],
            "--fault second-owner:9999999@5m: more than is simulated. Write at most 100000.",
        ),
        (["--signal", "pulse:0:1@5m-1m"], "the pulse ends before it begins, or begins at 0."),
        (["--signal", "arrivals:none.csv:1s"], "none.csv: cannot be read: No such file or directory."),
        (["--signal", "constant:1", "--plot", "x.jpg"], "--plot x.jpg: write a file that ends with .svg,"),
        (["--signal", "constant:1", "--plot", "none/x.svg"], "--plot none/x.svg: cannot be written: No such"),
        (["--signal", "constant:1", "--compare", "a", "b"], "write one FILE, or --compare OLD NEW."),
    ],
)
def test_a_mistake_gives_one_line(
    voice: str, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["simulate", voice, *arguments]) == 2
    error = capsys.readouterr().err
    assert error.startswith("keda simulate: " + message)
    assert error.count("\n") == 1


def test_two_settings_under_one_signal(
    voice: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other.yaml"
    other.write_text(yaml.safe_dump(manifest(maxReplicaCount=2)))
    command = ["simulate", "--compare", voice, str(other), "--signal", "step:0:12@1m", "--minutes", "10"]
    assert main(command) == 0
    assert capsys.readouterr().out.startswith(
        "   time  old  new  reason\n"
        "0:01:00    3    2  old: KEDA: s0-prometheus is active; old: HPA: s0-prometheus asks for 3; "
        "new: KEDA: s0-prometheus is active; new: HPA: s0-prometheus asks for 3, the maximum\n\n"
        "                old                       new\n"
        "pod hours       0.45 of 0.6667 always on  0.3 of 0.3333 always on\n"
    )
    assert main([*command, "--format", "json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert [result[side]["outcome"]["highest"] for side in ("old", "new")] == [3, 2]
    assert main(["simulate", "--compare", voice, voice, "--signal", "constant:1"]) == 0
    assert capsys.readouterr().out.startswith("The counts are always the same.\n")


@pytest.mark.parametrize(
    ("text", "arguments", "message"),
    [
        ("kind: ConfigMap\n", [], "holds no ScaledObject and no ScaledJob. Give a file with one."),
        ("a: [\n", [], "is not valid YAML for Kubernetes"),
        (
            yaml.safe_dump_all([manifest(name="a"), manifest(name="b")]),
            [],
            "holds 2 ScaledObjects. Write --workload, one of: a, b.",
        ),
        (
            yaml.safe_dump(manifest(name="a")),
            ["--workload", "b"],
            "holds no ScaledObject b. Write one of: a.",
        ),
        (
            yaml.safe_dump(manifest({"type": "external", "metadata": {}})),
            [],
            "ScaledObject voice: spec.triggers[0]: the target of external does not follow from one",
        ),
    ],
)
def test_a_file_that_cannot_be_simulated(
    tmp_path: Path, text: str, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "x.yaml"
    file.write_text(text)
    assert main(["simulate", str(file), "--signal", "constant:1", *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_a_manifest_in_the_simulations_units() -> None:
    behavior = {
        "scaleDown": {
            "stabilizationWindowSeconds": 60,
            "selectPolicy": "Min",
            "policies": [{"type": "Pods", "value": 2, "periodSeconds": 30}],
            "tolerance": "0.05",
        }
    }
    whole = manifest(
        {**PROMETHEUS, "name": "a", "useCachedMetrics": True, "metricType": "Value"},
        {"type": "cpu", "metricType": "Utilization", "metadata": {"value": "80"}},
        {"type": "memory", "metricType": "AverageValue", "metadata": {"value": "1Ki"}},
        minReplicaCount=2,
        maxReplicaCount=9,
        idleReplicaCount=0,
        pollingInterval=10,
        cooldownPeriod=20,
        initialCooldownPeriod=30,
        fallback={"failureThreshold": 3, "replicas": 6, "behavior": "currentReplicas"},
        advanced={
            "horizontalPodAutoscalerConfig": {"behavior": behavior},
            "scalingModifiers": {"formula": "a * 2", "target": "4", "activationTarget": "1"},
        },
        annotations={
            "autoscaling.keda.sh/paused": "false",
            "autoscaling.keda.sh/paused-scale-in": "yes",
            "autoscaling.keda.sh/paused-replicas": "3",
        },
    )
    assert read_scaled_object(whole) == ScaledObject(
        (
            Trigger(5000, 0.0, "Value", "prometheus", "a", True),
            Trigger(80, metric_type="Utilization", type="cpu"),
            Trigger(1_024_000, type="memory"),
        ),
        2,
        9,
        0,
        10_000,
        20_000,
        30_000,
        Fallback(3, 6, "currentReplicas"),
        Modifiers("a * 2", "4", 1.0),
        None,
        ScalingRules(60_000, "Min", (Policy("Pods", 2, 30_000),), 0.05),
        Annotations(False, 3, True),
        "voice",
    )


def test_null_is_not_set() -> None:
    """As in the API: idleReplicaCount would be 0 otherwise, and the workload never at its minimum."""
    unset = manifest(PROMETHEUS, minReplicaCount=2)
    assert read_scaled_object(manifest(PROMETHEUS, minReplicaCount=2, idleReplicaCount=None)) == (
        read_scaled_object(unset)
    )


@pytest.mark.parametrize(
    ("trigger", "target", "activation"),
    [
        ({"type": "kafka", "metadata": {"lagThreshold": "7", "activationLagThreshold": "3"}}, 7000, 3.0),
        ({"type": "kafka", "metadata": {}}, 10_000, 0.0),
        ({"type": "prometheus", "metadata": {"threshold": "0.0015"}}, 1, 0.0),
        ({"type": "cron", "metadata": {"desiredReplicas": "4"}}, 1000, 0.0),
        ({"type": "splunk", "metadata": {"targetValue": "2.9", "activationValue": "1"}}, 2000, 1.0),
        ({"type": "selenium-grid", "metadata": {"nodeMaxSessions": "4"}}, 1000, 0.0),
        ({"type": "redis", "metadata": {"listLength": "5"}}, 5000, 0.0),
        ({"type": "github-runner", "metadata": {"targetWorkflowQueueLength": "2"}}, 2000, pytest.approx(2.0)),
    ],
)
def test_targets_and_activations(trigger: object, target: int, activation: float) -> None:
    found = read_scaled_object(manifest(trigger)).triggers[0]
    assert (found.target, found.activation) == (target, activation)


@pytest.mark.parametrize(
    ("broken", "place"),
    [
        (manifest({"type": "promotheus"}), "spec.triggers[0].type: promotheus is not a scaler of KEDA."),
        (manifest({**PROMETHEUS, "metricType": "Utilization"}), "spec.triggers[0].metricType: Utilization"),
        (manifest({"type": "cpu", "metadata": {"value": "80"}}), "spec.triggers[0].metricType: nothing"),
        (
            manifest({"type": "cpu", "metricType": "Utilization", "metadata": {"value": "80%"}}),
            "spec.triggers[0].metadata.value is not a target of type Utilization.",
        ),
        (
            manifest({"type": "prometheus", "metadata": {"threshold": "${T}"}}),
            "spec.triggers[0].metadata.threshold is not a number that stands in the manifest.",
        ),
        (manifest(maxReplicaCount=0), "spec.maxReplicaCount: 0 is below the minimum 1."),
        (
            manifest(maxReplicaCount=2**31 - 1),
            "spec.maxReplicaCount: 2147483647 is more than is simulated. Write at most 100000.",
        ),
        (manifest(pollingInterval="often"), "spec.pollingInterval is not a whole number from 0 on."),
        (
            manifest(fallback={"failureThreshold": 1, "replicas": 2, "behavior": "fixed"}),
            "spec.fallback.behavior is not one of static,",
        ),
        (
            manifest(advanced={"scalingModifiers": {"formula": "a", "target": "5"}}),
            "spec.triggers: a formula needs the name of each trigger.",
        ),
        (
            manifest(advanced={"scalingModifiers": {"formula": "count([a], {#})", "target": "5"}}),
            "spec.advanced.scalingModifiers.formula: { is not simulated.",
        ),
        (
            manifest(annotations={"autoscaling.keda.sh/paused-replicas": "some"}),
            'metadata.annotations["autoscaling.keda.sh/paused-replicas"] is not a whole number.',
        ),
    ],
)
def test_a_manifest_that_cannot_be_simulated(broken: dict[str, object], place: str) -> None:
    with pytest.raises(Unsimulated) as error:
        read_scaled_object(broken)
    assert str(error.value).startswith(place)

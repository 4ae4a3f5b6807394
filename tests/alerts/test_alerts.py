"""The alerts: promtool's own test of each, their runbooks, and what they are derived from."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.monitoring.alert import Alert
from components.monitoring.prometheus_rule import groups, prometheus_rule
from components.monitoring.queries import number
from components.recipes.alerting import Alerting
from components.settings import Settings
from generate import alerts_page
from keda import SpecError
from keda.checks.advice import metric_names as metrics
from keda.syntax import promql
from lab.toolchain import tools

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
RUNBOOKS = ROOT / "docs" / "runbooks"
STACKS = {"cases": HERE / "stack.yaml", "homelab": ROOT / "Pulumi.homelab.yaml"}


def settings(path: Path, **changes: Any) -> Settings:
    """The stack file's settings; `changes` replace keys of the workload they name."""
    config = yaml.safe_load(path.read_text(encoding="utf-8"))["config"]
    plain = {key.partition(":")[2]: value for key, value in config.items()}
    for workload, values in changes.items():
        plain["workloads"][workload] |= values
    return Settings.parse(plain)


def alerts(stack: Settings) -> Iterator[Alert]:
    for _, found in groups(stack.keda, stack.monitoring, stack.workloads):
        yield from found


def cases() -> list[dict[str, Any]]:
    return [
        case
        for test in yaml.safe_load((HERE / "cases.yaml").read_text())["tests"]
        for case in test["alert_rule_test"]
    ]


@pytest.mark.tools  # promtool
def test_promtool_agrees_with_every_case(tmp_path: Path) -> None:
    promtool = tools.ensure(["promtool"])["promtool"]
    stack = settings(STACKS["cases"])
    spec = prometheus_rule(stack.keda, stack.monitoring, stack.workloads)["spec"]
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(spec))
    shutil.copy(HERE / "cases.yaml", tmp_path)
    # The lint finds rules of equal name and labels, on its own.
    lint = ["check", "rules", "--lint=duplicate-rules", "--lint-fatal", "rules.yaml"]
    for command in (lint, ["test", "rules", "cases.yaml"]):
        done = subprocess.run([promtool, *command], cwd=tmp_path, capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_has_a_firing_and_a_quiet_case() -> None:
    known = {alert.name for alert in alerts(settings(STACKS["cases"]))}
    known |= {alert.name for alert in alerts(settings(STACKS["homelab"]))}
    assert {case["alertname"] for case in cases() if case.get("exp_alerts")} == known
    assert {case["alertname"] for case in cases() if not case.get("exp_alerts")} == known


def test_the_page_lists_every_alert_with_its_severity_and_waiting_time() -> None:
    page = alerts_page.PAGE.read_text(encoding="utf-8")
    assert page == alerts_page.page(), "run: make generate"
    for stack in STACKS.values():
        for alert in alerts(settings(stack)):
            row = f"| [{alert.name}](runbooks/{alert.name}.md) | {alert.severity} | {alert.minutes} min |"
            assert row in page


def test_every_alert_has_a_runbook_and_no_runbook_is_left_over() -> None:
    known = {alert.name for stack in STACKS.values() for alert in alerts(settings(stack))}
    assert {page.stem for page in RUNBOOKS.glob("Keda*.md")} == known
    for page in RUNBOOKS.glob("Keda*.md"):
        text = page.read_text(encoding="utf-8")
        assert text.startswith(f"# {page.stem}\n")
        headings = [line for line in text.splitlines() if line.startswith("## ")]
        assert headings == ["## What it means", "## How to look", "## What to do"], page.name


@pytest.mark.parametrize("stack", STACKS.values(), ids=STACKS)
def test_every_expression_names_metrics_and_labels_that_exist(stack: Path) -> None:
    found = list(alerts(settings(stack)))
    assert len(found) > 15
    for alert in found:
        faults = list(metrics.name_faults(promql.parse(alert.expression)))
        assert faults == [], alert.name


def test_every_summary_names_its_workload() -> None:
    stack = settings(STACKS["homelab"])
    for name, found in groups(stack.keda, stack.monitoring, stack.workloads)[1:]:
        for alert in found:
            assert name.removeprefix("keda/") in alert.summary


def identities(stack: Settings) -> list[tuple[tuple[str, str], ...]]:
    """The labels that Alertmanager tells the rules' alerts apart by. An expression that keeps a label of its
    series (`metric`, `name`) only adds to them."""
    rules = prometheus_rule(stack.keda, stack.monitoring, stack.workloads)["spec"]["groups"]
    found = [rule for group in rules for rule in group["rules"]]
    return [(("alertname", rule["alert"]), *sorted(rule["labels"].items())) for rule in found]


@pytest.mark.parametrize("stack", STACKS.values(), ids=STACKS)
def test_no_two_rules_have_the_same_name_and_labels(stack: Path) -> None:
    found = identities(settings(stack))
    assert len(found) == len(set(found)) > 15


def test_workloads_of_one_name_in_two_namespaces_have_alerts_of_their_own() -> None:
    """Also a ScaledObject and a ScaledJob, which may share a name in one namespace."""
    stack = settings(STACKS["cases"])
    voice = stack.workloads["voice"]
    moved = voice.scaled.model_copy(
        update={"metadata": voice.scaled.metadata.model_copy(update={"namespace": "other"})}
    )
    batch = stack.workloads["batch"]
    same = batch.scaled.model_copy(update={"metadata": voice.scaled.metadata})
    workloads = {"a": voice, "b": replace(voice, scaled=moved), "c": replace(batch, scaled=same)}
    found = identities(Settings(stack.cluster, stack.keda, stack.monitoring, workloads))
    assert len(found) == len(set(found)) > 20


@pytest.mark.parametrize("stack", STACKS.values(), ids=STACKS)
def test_every_alert_names_its_object_in_labels(stack: Path) -> None:
    parsed = settings(stack)
    [own, *workloads] = groups(parsed.keda, parsed.monitoring, parsed.workloads)
    assert {frozenset(alert.labels.items()) for alert in own[1]} == {frozenset({("namespace", "keda")})}
    for (_, found), workload in zip(workloads, parsed.workloads.values(), strict=True):
        kind = workload.scaled.kind
        wanted = {"namespace": workload.namespace, "kind": kind, kind.lower(): workload.name}
        assert [alert.labels for alert in found] == [wanted] * len(found)


def test_a_workload_switches_an_alert_off_or_gives_it_another_time() -> None:
    def voice(**chosen: Any) -> dict[str, Alert]:
        stack = settings(STACKS["homelab"], voice={"alerts": chosen})
        return {alert.name: alert for alert in dict(groups(*_parts(stack)))["keda/voice/voice"]}

    before = voice()
    # YAML 1.1 reads a bare `off` as false.
    after = voice(KedaAtMaximum=False, KedaPaused="off", KedaStuckAtZero=20)
    assert before.keys() - after.keys() == {"KedaAtMaximum", "KedaPaused"}
    assert (before["KedaStuckAtZero"].minutes, after["KedaStuckAtZero"].minutes) == (5, 20)
    assert before["KedaAtMaximum"].summary.endswith("for 30 minutes")
    assert voice(KedaAtMaximum=180)["KedaAtMaximum"].summary.endswith("for 3 hours")
    others = dict(groups(*_parts(settings(STACKS["homelab"], voice={"alerts": {"KedaPaused": "off"}}))))
    assert "KedaPaused" in [alert.name for alert in others["keda/batch/batch"]]


def test_every_alert_of_a_workload_can_be_switched_off() -> None:
    """And no other name is taken."""
    known = {field.alias for field in Alerting.model_fields.values()}
    made = set()
    for stack in map(settings, STACKS.values()):
        made |= {alert.name for _, found in groups(*_parts(stack))[1:] for alert in found}
    assert made == known
    off = settings(STACKS["homelab"], voice={"alerts": dict.fromkeys(known, "off")})
    assert "keda/voice/voice" not in dict(groups(*_parts(off)))


@pytest.mark.parametrize(
    ("alerts", "told"),
    [
        (
            {"KedaAtMax": "off"},
            "KedaAtMax: unknown key. It would be silently ignored. Write KedaAtMaximum.",
        ),
        ({"KedaAtMaximum": 0}, "KedaAtMaximum: 0 is not off or a whole number of minutes, 1 to 525600. "),
        (
            {"KedaAtMaximum": "5m"},
            'KedaAtMaximum: "5m" is not off or a whole number of minutes, 1 to 525600. ',
        ),
        (
            {"KedaAtMaximum": True},
            "KedaAtMaximum: true is not off or a whole number of minutes, 1 to 525600. ",
        ),
    ],
)
def test_a_wrong_choice_is_one_line(alerts: dict[str, Any], told: str) -> None:
    with pytest.raises(SpecError) as refused:
        settings(STACKS["homelab"], voice={"alerts": alerts})
    [fault] = refused.value.faults
    assert str(fault).startswith(f"workloads.voice.alerts.{told}")


def test_no_link_without_an_address_of_runbooks() -> None:
    stack = settings(STACKS["cases"])
    for address, wanted in ((None, set()), ("https://example.org/x", {"runbook_url"})):
        monitoring = stack.monitoring.model_copy(update={"runbooks": address})
        rules = prometheus_rule(stack.keda, monitoring, stack.workloads)["spec"]["groups"]
        assert {key for group in rules for rule in group["rules"] for key in rule["annotations"]} == {
            "summary"
        } | wanted


def test_a_change_of_the_stack_file_changes_the_alerts() -> None:
    def expressions(**changes: Any) -> dict[str, str]:
        found = groups(*_parts(settings(STACKS["homelab"], **changes)))
        return {alert.name: alert.expression for alert in dict(found)["keda/voice/voice"]}

    assert ">= 2" in expressions()["KedaAtMaximum"]
    assert ">= 7" in expressions(voice={"maxReplicas": 7})["KedaAtMaximum"]
    assert '"keda-hpa-voice"' in expressions()["KedaHpaUnableToScale"]
    assert '"my-hpa"' in expressions(voice={"hpaName": "my-hpa"})["KedaHpaUnableToScale"]
    missing = expressions(voice={"consumer": "other"})["KedaQueueConsumerMissing"]
    assert missing.count('consumer_name="other"') == 2
    assert "KedaStuckAtZero" not in expressions(voice={"minReplicas": 1})


def test_without_state_metrics_only_what_keda_and_the_hpas_tell() -> None:
    config = yaml.safe_load(STACKS["cases"].read_text(encoding="utf-8"))["config"]
    plain = {key.partition(":")[2]: value for key, value in config.items()}
    del plain["monitoring"]["stateMetrics"]
    names = {alert.name for alert in alerts(Settings.parse(plain))}
    assert not names & {"KedaNotReady", "KedaFallbackInUse"}
    assert "KedaScalerFailing" in names


def _parts(stack: Settings) -> tuple[Any, Any, Any]:
    return stack.keda, stack.monitoring, stack.workloads


@pytest.mark.parametrize(
    ("monitors", "values", "told"),
    [
        (True, {}, {"Operator", "MetricsServer", "Webhooks"}),
        (False, {}, set()),
        (True, {"webhooks": {"enabled": False}}, {"Operator", "MetricsServer"}),
        (True, {"prometheus": {"operator": {"enabled": False}}}, {"MetricsServer", "Webhooks"}),
    ],
)
def test_what_prometheus_does_not_read_is_never_down(
    monitors: bool, values: dict[str, Any], told: set[str]
) -> None:
    stack = settings(STACKS["homelab"])
    keda = stack.keda.model_copy(update={"values": values})
    monitoring = stack.monitoring.model_copy(update={"service_monitors": monitors})
    names = {alert.name for _, found in groups(keda, monitoring, stack.workloads) for alert in found}
    assert {name for name in names if name.endswith("Down")} == {f"Keda{part}Down" for part in told}


def test_numbers_keep_every_digit() -> None:
    assert [number(each) for each in (5, 0.1, 1234567, 0.0)] == ["5", "0.1", "1234567", "0"]


@pytest.mark.parametrize("given", ["x", {"certManager": True}, {"certManager": {"enabled": False}}, None])
def test_chart_values_of_any_shape_give_no_certificate_alert(given: object) -> None:
    stack = settings(STACKS["homelab"])
    keda = stack.keda.model_copy(update={"values": {"certificates": given}})
    names = [alert.name for _, found in groups(keda, stack.monitoring, stack.workloads) for alert in found]
    assert "KedaCertificateExpires" not in names

"""The alerts: promtool's own test of each, their runbooks, and what they are derived from."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.alerts import Alert, groups, prometheus_rule
from components.queries import number
from components.settings import Settings
from keda.judge import metrics, promql
from lab import tools

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


def test_promtool_agrees_with_every_case(tmp_path: Path) -> None:
    promtool = tools.ensure(["promtool"])["promtool"]
    stack = settings(STACKS["cases"])
    spec = prometheus_rule(stack.keda, stack.monitoring, stack.workloads)["spec"]
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(spec))
    shutil.copy(HERE / "cases.yaml", tmp_path)
    for command in (["check", "rules", "rules.yaml"], ["test", "rules", "cases.yaml"]):
        done = subprocess.run([promtool, *command], cwd=tmp_path, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_has_a_firing_and_a_quiet_case() -> None:
    known = {alert.name for alert in alerts(settings(STACKS["cases"]))}
    known |= {alert.name for alert in alerts(settings(STACKS["homelab"]))}
    assert {case["alertname"] for case in cases() if case.get("exp_alerts")} == known
    assert {case["alertname"] for case in cases() if not case.get("exp_alerts")} == known


def test_the_page_lists_every_alert_with_its_severity_and_waiting_time() -> None:
    page = (ROOT / "docs" / "alerts.md").read_text(encoding="utf-8")
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


def test_a_change_of_the_stack_file_changes_the_alerts() -> None:
    def expressions(**changes: Any) -> dict[str, str]:
        found = groups(*_parts(settings(STACKS["homelab"], **changes)))
        return {alert.name: alert.expression for alert in dict(found)["keda/voice/voice"]}

    assert ">= 2" in expressions()["KedaAtMaximum"]
    assert ">= 7" in expressions(voice={"maxReplicas": 7})["KedaAtMaximum"]
    assert '"keda-hpa-voice"' in expressions()["KedaHpaUnableToScale"]
    assert '"my-hpa"' in expressions(voice={"hpaName": "my-hpa"})["KedaHpaUnableToScale"]
    assert 'consumer_name="other"' in expressions(voice={"consumer": "other"})["KedaQueueConsumerMissing"]
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

"""What a real Alertmanager makes of the alerts: one notification per workload, routes and silences by label.

The configuration is that of docs/alerts.md, with a webhook receiver in the lab's network namespace.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from cli.engine import Engine
from lab import __main__ as lab_command
from lab.node.netns import NODE_ADDRESS, inside
from lab.paths import Lab
from tests.live.alarms import SLOW, Alarms, scaled, without_waiting
from tests.live.cluster import MERGE, Cluster, wait
from tests.live.support import WORKLOADS

pytestmark = [pytest.mark.live, pytest.mark.long]

ROOT = Path(__file__).resolve().parents[2]
PORT = 9099
"""Of the receiver, in the lab's own network namespace."""
AT_MAXIMUM = {"ray-serve": 4, "envoy-gateway": 3}
"""Workloads that a higher minimum brings to their maximum."""
Labels = dict[str, str]


class Alertmanager:
    """Its API, on a loopback port."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}/api/v2"

    def ask(self, path: str, body: Any = None) -> Any:
        """An answer; None while nothing answers."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self._url}/{path}", data, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise AssertionError(error.read().decode()) from None
        except OSError:
            return None

    def silence(self, **labels: str) -> str:
        """A silence of half an hour on alerts with these labels; its id."""
        now = datetime.now(UTC)
        matchers = [{"name": key, "value": value, "isRegex": False} for key, value in labels.items()]
        times = {"startsAt": now.isoformat(), "endsAt": (now + timedelta(minutes=30)).isoformat()}
        whose = {"createdBy": "test", "comment": "test"}
        return str(self.ask("silences", {"matchers": matchers, **times, **whose})["silenceID"])


class Receiver:
    """What Alertmanager has sent, from the receiver's file."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def notifications(self, after: int = 0) -> list[tuple[str, list[Labels]]]:
        """(Path, the labels of each alert in it) of every notification of an alert that fires."""
        lines = self._file.read_text(encoding="utf-8").splitlines() if self._file.exists() else []
        found = [json.loads(line) for line in lines[after:]]
        return [
            (each["path"], [alert["labels"] for alert in each["body"]["alerts"]])
            for each in found
            if each["body"]["status"] == "firing"
        ]

    def of(self, alert: str, after: int = 0) -> set[tuple[str, str]]:
        """(Path, workload) of the notifications of one alert; each is of one workload only."""
        found = set()
        for path, alerts in self.notifications(after):
            names = [labels["scaledobject"] for labels in alerts if labels["alertname"] == alert]
            assert len(names) <= 1, "Alertmanager took two workloads for one"
            found |= {(path, name) for name in names}
        return found

    def count(self) -> int:
        return len(self._file.read_text(encoding="utf-8").splitlines())


def documented() -> dict[str, Any]:
    """The configuration of docs/alerts.md with receivers, and with times that a test can wait for."""
    page = (ROOT / "docs" / "alerts.md").read_text(encoding="utf-8")
    [text] = re.findall(r"```yaml\n(route:\n.*?)```", page, re.DOTALL)
    config: dict[str, Any] = yaml.safe_load(text)
    config["route"] |= {"group_wait": "1s", "group_interval": "5s", "repeat_interval": "10s"}
    names = [config["route"]["receiver"], *(route["receiver"] for route in config["route"]["routes"])]
    url = f"http://{NODE_ADDRESS}:{PORT}"
    receivers = [{"name": name, "webhook_configs": [{"url": f"{url}/{name}"}]} for name in names]
    return config | {"receivers": receivers}


@pytest.fixture(scope="module")
def alertmanager(stack: Engine, cluster: Cluster, lab: Lab) -> Alertmanager:
    """Running, with the documented configuration."""
    assert lab_command.main(["add", "alertmanager", "--name", lab.name]) == 0
    found = Alertmanager(json.loads(lab.record.read_text())["ports"]["alertmanager"])
    secret = "/api/v1/namespaces/monitoring/secrets/alertmanager-alertmanager"
    text = json.dumps(documented())
    cluster.request("PATCH", secret, {"stringData": {"alertmanager.yaml": text}}, MERGE)

    def loaded() -> bool | None:
        # Addresses of receivers are masked there; the receivers' names are not.
        shown = (found.ask("status") or {"config": {"original": ""}})["config"]["original"]
        return all(each["name"] in shown for each in documented()["receivers"]) or None

    wait("Alertmanager has its configuration", SLOW, loaded)
    return found


@pytest.fixture(scope="module")
def receiver(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receiver]:
    """Listens in the lab's network namespace for the while."""
    file = tmp_path_factory.mktemp("notifications") / "received"
    command = [sys.executable, "-m", "tests.live.receiver", NODE_ADDRESS, str(PORT), str(file)]
    process = subprocess.Popen([*inside(lab), *command], cwd=ROOT)
    try:
        yield Receiver(file)
    finally:
        process.terminate()
        process.wait(timeout=10)


@pytest.fixture(scope="module")
def at_maximum(alertmanager: Alertmanager, cluster: Cluster, lab: Lab) -> Iterator[Alarms]:
    """Two workloads at their maximum."""
    with without_waiting(cluster, lab) as alarms:
        for name, highest in AT_MAXIMUM.items():
            cluster.request("PATCH", scaled(name), {"spec": {"minReplicaCount": highest}}, MERGE)
        try:
            alarms.wait_for(*(f"KedaAtMaximum: ScaledObject {WORKLOADS[name]}/{name}" for name in AT_MAXIMUM))
            yield alarms
        finally:
            for name in AT_MAXIMUM:
                cluster.request("PATCH", scaled(name), {"spec": {"minReplicaCount": 1}}, MERGE)


def test_two_workloads_at_maximum_give_two_notifications(at_maximum: Alarms, receiver: Receiver) -> None:
    """Each to the receiver that its namespace is routed to."""
    wanted = {("/ray-team", "ray-serve"), ("/default", "envoy-gateway")}
    wait("two notifications", SLOW, lambda: receiver.of("KedaAtMaximum") == wanted or None)


def test_every_notification_names_its_object_in_labels(at_maximum: Alarms, receiver: Receiver) -> None:
    for _, alerts in receiver.notifications():
        for labels in alerts:
            if labels["alertname"] == "KedaAtMaximum":
                name = labels["scaledobject"]
                assert labels["namespace"] == WORKLOADS[name]
                assert labels["kind"] == "ScaledObject"


def test_no_two_rules_in_prometheus_have_the_same_name_and_labels(at_maximum: Alarms) -> None:
    found = [(rule["name"], *sorted(rule["labels"].items())) for rule in at_maximum.rules(now=False)]
    assert len(found) == len(set(found)) > 30


def test_a_silence_by_label_hides_one_of_the_two(
    at_maximum: Alarms, alertmanager: Alertmanager, receiver: Receiver
) -> None:
    silence = alertmanager.silence(alertname="KedaAtMaximum", scaledobject="ray-serve")

    def suppressed() -> bool | None:
        found = alertmanager.ask("alerts?filter=alertname%3DKedaAtMaximum") or []
        states = {each["labels"]["scaledobject"]: each["status"] for each in found}
        hidden = {name for name, status in states.items() if silence in status["silencedBy"]}
        return (states.keys() == AT_MAXIMUM.keys() and hidden == {"ray-serve"}) or None

    wait("only ray-serve's alert is suppressed", SLOW, suppressed)
    # A notification that was under way when the silence came is let through: count from the next one on.
    before = receiver.count()
    wait("a notification after it", SLOW, lambda: receiver.of("KedaAtMaximum", before) or None)
    before = receiver.count()

    def repeated() -> bool | None:
        return len(receiver.notifications(before)) >= 3 or None

    wait("three notifications more", SLOW, repeated)
    assert receiver.of("KedaAtMaximum", before) == {("/default", "envoy-gateway")}

"""The stack's alerts in the lab's Prometheus without their waiting times, and the faults that fire them."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from lab.paths import Lab
from tests.live.cluster import KEDA, MERGE, Cluster, wait
from tests.live.support import WORKLOADS, wait_ready

RULES = "/apis/monitoring.coreos.com/v1/namespaces/keda/prometheusrules"
SLOW = 180
"""Seconds at most for a fault to be seen: the ConfigMap of rules, the scrape, the HPA."""


class Alarms:
    """Prometheus' own list of rules and alerts."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}/api/v1/rules?type=alert"

    def rules(self, now: bool) -> list[dict[str, Any]]:
        """The rules of the copy without waiting times (`now`), or of the stack's own."""
        with urllib.request.urlopen(self._url, timeout=20) as answer:
            found = json.load(answer)["data"]["groups"]
        return [
            rule
            for group in found
            if group["name"].startswith("keda") and group["name"].endswith(" now") == now
            for rule in group["rules"]
        ]

    def firing(self) -> set[str]:
        """What fires of the copy, as `alert: summary`."""
        return {
            f"{rule['name']}: {alert['annotations']['summary']}"
            for rule in self.rules(now=True)
            for alert in rule["alerts"]
            if alert["state"] == "firing"
        }

    def wait_for(self, *alerts: str) -> None:
        """Waits until each alert fires; `alert` is its name and how its summary begins."""

        def probe() -> bool | None:
            try:
                firing = self.firing()
            except OSError:
                return None  # the operator restarts Prometheus when it gets an Alertmanager
            return all(any(each.startswith(alert) for each in firing) for alert in alerts) or None

        try:
            wait(f"firing: {', '.join(alerts)}", SLOW, probe)
        except AssertionError as late:
            raise AssertionError(f"{late}; firing: {sorted(self.firing())}") from None


@contextmanager
def without_waiting(cluster: Cluster, lab: Lab) -> Iterator[Alarms]:
    """The rules without waiting times, loaded for the while; all workloads Ready and at rest."""
    own = cluster.get(f"{RULES}/keda-homelab")
    groups = [
        {
            "name": f"{group['name']} now",
            "rules": [{key: rule[key] for key in rule if key != "for"} for rule in group["rules"]],
        }
        for group in own["spec"]["groups"]
    ]
    copy = {
        "apiVersion": own["apiVersion"],
        "kind": own["kind"],
        "metadata": {"name": "now", "namespace": "keda"},
        "spec": {"groups": groups},
    }
    cluster.create(RULES, copy)
    alarms = Alarms(json.loads(lab.record.read_text())["ports"]["prometheus"])
    try:
        for name, namespace in WORKLOADS.items():
            wait_ready(cluster, name, namespace)
        wait("the rules are loaded", SLOW, lambda: alarms.rules(now=True) or None)
        yield alarms
    finally:
        cluster.delete(f"{RULES}/now")


def scaled(name: str) -> str:
    return f"{KEDA}/namespaces/{WORKLOADS[name]}/scaledobjects/{name}"


@contextmanager
def patched(cluster: Cluster, path: str, patch: dict[str, Any], undo: dict[str, Any]) -> Iterator[None]:
    """The object at `path` changed for the while."""
    cluster.request("PATCH", path, patch, MERGE)
    try:
        yield
    finally:
        cluster.request("PATCH", path, undo, MERGE)

"""What KEDA and its monitoring cost a cluster with 4, 50 and 200 active ScaledObjects, measured in a lab.

    python -m benchmarks.overhead [--objects 4 50 200] [--seconds 120] [--write]

Boots a lab of its own, installs the stack (4 ScaledObjects), adds Deployments of one pause container with a
ScaledObject each, waits until all are Ready and active, and reads kubelet's counters at both ends of the
time and what Prometheus saw of it. CPU is what the kernel charged to each container, so work beside the lab
does not count, though it slows both down. `--write` puts the table into docs/overhead.md.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from cli import __main__ as stack_command
from cli import targets
from cli.dashboard.prometheus import Prometheus, Window
from lab import __main__ as lab_command
from lab.paths import Lab

NAMESPACE = "overhead"
STACK = 4
"""ScaledObjects of the stack itself."""
PAGE = Path(__file__).resolve().parent.parent / "docs" / "overhead.md"
MARKS = ("<!-- measured -->", "<!-- end -->")
CONTAINERS = {
    "keda-operator": "KEDA operator",
    "keda-operator-metrics-apiserver": "KEDA metrics server",
    "keda-admission-webhooks": "KEDA webhooks",
    "kube-state-metrics": "kube-state-metrics",
    "prometheus": "Prometheus",
}
COUNTS = {
    "series of KEDA": 'count({job=~"keda-.*"})',
    "series of kube-state-metrics": 'count({job="kube-state-metrics"})',
    "of these, added for KEDA": 'count({__name__=~"kube_scaled.*"})',
    "targets scraped": "count(up)",
}
RATES = {
    "API requests a second: KEDA operator": 'sum(rate(rest_client_requests_total{job="keda-operator"}[%ds]))',
    "API requests a second: KEDA metrics server": (
        'sum(rate(rest_client_requests_total{job="keda-operator-metrics-apiserver"}[%ds]))'
    ),
    "external metrics read by HPAs, a second": (
        'sum(rate(apiserver_request_total{job="keda-operator-metrics-apiserver",'
        'group="external.metrics.k8s.io"}[%ds]))'
    ),
}
"""Over the time of the measurement."""


@dataclass(frozen=True)
class Reading:
    """Counters at one moment: CPU in nanoseconds and memory in bytes by container."""

    at: float
    cpu: Mapping[str, float]
    memory: Mapping[str, float]


class Cluster:
    """The lab under measurement."""

    def __init__(self, lab: Lab) -> None:
        record = targets.lab_record(lab)
        self._kubectl = [record["tools"]["kubectl"], f"--kubeconfig={lab.kubeconfig}"]
        self._node = lab.name
        self.prometheus = Prometheus(f"http://127.0.0.1:{record['ports']['prometheus']}")

    def kubectl(self, *arguments: str) -> str:
        return subprocess.run(
            [*self._kubectl, *arguments], check=True, stdout=subprocess.PIPE, text=True, timeout=300
        ).stdout

    def read(self) -> Reading:
        summary = json.loads(self.kubectl("get", "--raw", f"/api/v1/nodes/{self._node}/proxy/stats/summary"))
        cpu, memory = {}, {}
        for pod in summary["pods"]:
            for container in pod["containers"]:
                if container["name"] in CONTAINERS:
                    cpu[container["name"]] = float(container["cpu"]["usageCoreNanoSeconds"])
                    memory[container["name"]] = float(container["memory"]["workingSetBytes"])
        return Reading(time.time(), cpu, memory)

    def number(self, expression: str) -> float:
        """An instant query's one number; 0 where there is none."""
        now = time.time()
        series = self.prometheus.range(expression, Window(now - 1, now, 1))
        return series[0].points[-1][1] if series else 0.0


def objects(first: int, last: int) -> Iterator[dict[str, Any]]:
    """The Deployments and ScaledObjects numbered from `first` to `last`."""
    for index in range(first, last):
        name, labels = f"idle-{index:03}", {"app": f"idle-{index:03}"}
        container = {
            "name": "pause",
            "image": "registry.k8s.io/pause:3.10",
            "resources": {"requests": {"cpu": "1m", "memory": "4Mi"}},
        }
        yield {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": name, "namespace": NAMESPACE},
            "spec": {
                "selector": {"matchLabels": labels},
                "template": {
                    "metadata": {"labels": labels},
                    "spec": {"containers": [container], "automountServiceAccountToken": False},
                },
            },
        }
        yield {
            "apiVersion": "keda.sh/v1alpha1",
            "kind": "ScaledObject",
            "metadata": {"name": name, "namespace": NAMESPACE},
            "spec": {
                "scaleTargetRef": {"name": name},
                "minReplicaCount": 0,
                "maxReplicaCount": 2,
                "triggers": [
                    {
                        "type": "prometheus",
                        "metadata": {
                            "serverAddress": "http://prometheus-operated.monitoring.svc:9090",
                            "query": "vector(1)",
                            "threshold": "1",
                        },
                    }
                ],
            },
        }


def grow(cluster: Cluster, before: int, wanted: int) -> None:
    """Add ScaledObjects up to `wanted`, the stack's included, and wait until each is Ready and active."""
    if wanted <= before:
        return
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        yaml.safe_dump_all(objects(before, wanted), file)
        file.flush()
        cluster.kubectl("apply", "--server-side", f"--filename={file.name}")
    kinds = ("--all", f"--namespace={NAMESPACE}", "--timeout=280s")
    cluster.kubectl("wait", "scaledobjects", "--for=condition=Active", *kinds)
    cluster.kubectl("wait", "deployments", "--for=condition=Available", *kinds)


def measure(cluster: Cluster, seconds: int) -> dict[str, str]:
    """One column of the table."""
    before = cluster.read()
    time.sleep(seconds)
    after = cluster.read()
    taken = after.at - before.at
    column = {}
    for name, title in CONTAINERS.items():
        milli = (after.cpu[name] - before.cpu[name]) / taken / 1e6
        column[f"{title}: CPU, millicores"] = f"{milli:.1f}"
        column[f"{title}: memory, MiB"] = f"{after.memory[name] / 2**20:.0f}"
    for row, expression in COUNTS.items():
        column[row] = f"{cluster.number(expression):.0f}"
    for row, expression in RATES.items():
        column[row] = f"{cluster.number(expression.replace('%d', str(seconds))):.1f}"
    return column


def table(columns: Mapping[int, Mapping[str, str]]) -> str:
    """A Markdown table, one column a number of ScaledObjects."""
    rows = next(iter(columns.values()))
    lines = ["| | " + " | ".join(f"{count} ScaledObjects" for count in columns) + " |"]
    lines.append("|---|" + "---:|" * len(columns))
    lines += [f"| {row} | " + " | ".join(column[row] for column in columns.values()) + " |" for row in rows]
    return "\n".join(lines)


def write(text: str) -> None:
    """Replace what stands between the marks of docs/overhead.md."""
    page = PAGE.read_text(encoding="utf-8")
    head, tail = page.split(MARKS[0])[0], page.split(MARKS[1])[1]
    PAGE.write_text(f"{head}{MARKS[0]}\n{text}\n{MARKS[1]}{tail}", encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.overhead")
    parser.add_argument("--lab", default="overhead", help="the lab's name (default: overhead)")
    parser.add_argument("--objects", type=int, nargs="+", default=[4, 50, 200], metavar="N")
    parser.add_argument("--seconds", type=int, default=120, help="of each measurement (default: 120)")
    parser.add_argument("--write", action="store_true", help="put the table into docs/overhead.md")
    options = parser.parse_args(arguments)
    lab = Lab(options.lab)
    try:
        if stack_command.main(["up", "--lab", lab.name]):
            return 1
        cluster, columns, before = Cluster(lab), {}, STACK
        cluster.kubectl("create", "namespace", NAMESPACE)
        for wanted in sorted(options.objects):
            print(f"· {wanted} ScaledObjects: waiting until all are active", file=sys.stderr)
            grow(cluster, before, wanted)
            time.sleep(60)  # what the creation itself cost is over, and every scrape has seen the new objects
            print(f"· {wanted} ScaledObjects: measuring for {options.seconds} s", file=sys.stderr)
            columns[wanted], before = measure(cluster, options.seconds), max(before, wanted)
        text = table(columns)
        print(text)
        if options.write:
            write(text)
        return 0
    finally:
        lab_command.main(["down", "--name", lab.name])


if __name__ == "__main__":
    sys.exit(main())

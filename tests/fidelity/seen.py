"""What happens in the cluster while scenarios run: watches, looks, and the HPA controller's log."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from lab.paths import Lab
from tests.fidelity.record import Point
from tests.fidelity.scenario import NAMESPACE
from tests.live.cluster import KEDA, Cluster

OBJECTS = f"{KEDA}/namespaces/{NAMESPACE}/scaledobjects"
SCALED_JOBS = f"{KEDA}/namespaces/{NAMESPACE}/scaledjobs"
Sync = tuple[float, str, int | None]
"""When, outcome, desired replicas."""


@dataclass
class Seen:
    """What a watch and the looks found: times of the clock, by scenario."""

    replicas: dict[str, list[Point]] = field(default_factory=lambda: defaultdict(list))
    status: dict[str, list[Point]] = field(default_factory=lambda: defaultdict(list))
    ready: dict[str, list[Point]] = field(default_factory=lambda: defaultdict(list))
    conditions: dict[str, list[tuple[float, str]]] = field(default_factory=lambda: defaultdict(list))
    created: dict[str, float] = field(default_factory=dict)
    jobs: dict[str, dict[str, dict[str, float | None]]] = field(default_factory=lambda: defaultdict(dict))
    """By ScaledJob, then by Job: created, running, ended."""
    acts: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))


@contextlib.contextmanager
def watching(lab: Lab, seen: Seen) -> Iterator[None]:
    """Each change of a target and of a Job, by kubectl's watches."""

    def target(now: float, name: str, *counts: str) -> None:
        for series, text in zip((seen.replicas, seen.status, seen.ready), counts, strict=True):
            count = 0 if text == "<none>" else int(text)
            if not series[name] or series[name][-1][1] != count:
                series[name].append((now, count))

    def job(now: float, owner: str, name: str, ready: str, conditions: str = "") -> None:
        entry = seen.jobs[owner].setdefault(name, {"created": now, "running": None, "ended": None})
        if ready not in ("<none>", "0") and entry["running"] is None:
            entry["running"] = now
        if {"Complete", "Failed"} & set(conditions.split(",")) and entry["ended"] is None:
            entry["ended"] = now

    with (
        _watch(
            lab, "deployments", ".metadata.name,.spec.replicas,.status.replicas,.status.readyReplicas", target
        ),
        _watch(
            lab,
            "jobs",
            ".metadata.labels.scaledjob\\.keda\\.sh/name,.metadata.name,.status.ready,.status.conditions[*].type",
            job,
        ),
    ):
        time.sleep(1)
        yield


@contextlib.contextmanager
def _watch(lab: Lab, kind: str, columns: str, each: Callable[..., None]) -> Iterator[None]:
    """Calls `each` with the clock's time and the columns of every object that comes or changes."""
    kubectl = json.loads(lab.record.read_text())["tools"]["kubectl"]
    headed = ",".join(f"{number}:{column}" for number, column in enumerate(columns.split(",")))
    command = [kubectl, f"--kubeconfig={lab.kubeconfig}", f"--namespace={NAMESPACE}", "get", kind]
    command += ["--watch", "--no-headers", f"--output=custom-columns={headed}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, bufsize=1) as process:

        def read() -> None:
            assert process.stdout is not None
            for line in process.stdout:
                each(time.time(), *line.split())

        thread = threading.Thread(target=read)
        thread.start()
        try:
            yield
        finally:
            process.terminate()
            thread.join()


def look_at(cluster: Cluster, seen: Seen) -> None:
    """The conditions of all ScaledObjects and HPAs, where they changed."""
    hpas = f"/apis/autoscaling/v2/namespaces/{NAMESPACE}/horizontalpodautoscalers"
    now = time.time()
    for kind, path in (("SO", OBJECTS), ("SJ", SCALED_JOBS), ("HPA", hpas)):
        for item in cluster.get(path)["items"]:
            status, name = item.get("status") or {}, item["metadata"]["name"].removeprefix("keda-hpa-")
            if kind != "HPA":
                seen.created[name] = datetime.fromisoformat(item["metadata"]["creationTimestamp"]).timestamp()
            reasons = sorted(
                f"{each['type']}={each.get('reason') or each['status']}"
                for each in status.get("conditions") or []
                if each["status"] == "True" or each["type"] in ("Ready", "ScalingActive")
            )
            text = " ".join([kind, *reasons])
            former = [before for _, before in seen.conditions[name] if before.split()[0] == kind]
            if former[-1:] != [text]:
                seen.conditions[name].append((now, text))


_LINE = re.compile(
    r"^[IE](?P<time>\d{4} \d\d:\d\d:\d\d\.\d{6}) .*horizontal\.go:\d+\] "
    r'(?:"(?P<kind>Decided not to scale|Successfully rescaled)" (?P<rest>.*)'
    rf'|"Unhandled Error" err="failed to compute .* for Deployment/{NAMESPACE}/(?P<failed>[a-z0-9-]+):)'
)
_NAME = re.compile(rf'(?:scaleTarget="Deployment/{NAMESPACE}/|HPA="{NAMESPACE}/keda-hpa-)([a-z0-9-]+)"')
_DESIRED = re.compile(r"desiredReplicas=(-?\d+)")


def syncs_in(log: Path, offset: int) -> dict[str, list[Sync]]:
    """The HPA controller's own words of each sync: time of the clock, outcome, desired replicas."""
    found: dict[str, list[Sync]] = defaultdict(list)
    with log.open("rb") as file:
        file.seek(offset)
        for raw in file:
            match = _LINE.match(raw.decode(errors="replace"))
            if match is None:
                continue
            stamp = datetime.strptime(f"{datetime.now().year}{match['time']}", "%Y%m%d %H:%M:%S.%f")
            at = stamp.timestamp()
            if match["failed"]:
                found[match["failed"]].append((at, "failed", None))
                continue
            name, desired = _NAME.search(match["rest"]), _DESIRED.search(match["rest"])
            if name and desired:
                kind = "rescaled" if match["kind"].startswith("Succ") else "kept"
                found[name[1]].append((at, kind, int(desired[1])))
    return found

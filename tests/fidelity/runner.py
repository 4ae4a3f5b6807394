"""Runs a batch of scenarios side by side in a lab that has KEDA, and writes down what happens."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import re
import subprocess
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from lab.node import processes, programs
from lab.node.netns import NODE_ADDRESS
from lab.paths import Lab
from tests.fidelity.compare import DOWNSCALE
from tests.fidelity.record import Point, Record
from tests.fidelity.scenario import NAMESPACE, REQUEST, Scenario
from tests.fidelity.source import METRICS_PORT, Signals, start
from tests.live.cluster import KEDA, Cluster, wait

CONTROLLER = "kube-controller-manager"
APPS = f"/apis/apps/v1/namespaces/{NAMESPACE}"
OBJECTS = f"{KEDA}/namespaces/{NAMESPACE}/scaledobjects"
OPERATOR = "/apis/apps/v1/namespaces/keda/deployments/keda-operator"
WATCHED = (
    "--vmodule=horizontal=4",
    f"--horizontal-pod-autoscaler-downscale-stabilization={DOWNSCALE:.0f}s",
)
"""The HPA controller's own log of each sync, and a shorter window than the default of 300 s."""
PATCH = "application/merge-patch+json"


@dataclass(frozen=True)
class Batch:
    """Scenarios that run at the same time. `operator_away`, `controller_away`: from when to when these are
    stopped, in seconds since the last scenario began."""

    name: str
    scenarios: Sequence[Scenario]
    operator_away: tuple[float, float] | None = None
    controller_away: tuple[float, float] | None = None


@dataclass
class Seen:
    """What a watch and the looks found: times of the clock, by scenario."""

    replicas: dict[str, list[Point]] = field(default_factory=lambda: defaultdict(list))
    status: dict[str, list[Point]] = field(default_factory=lambda: defaultdict(list))
    ready: dict[str, list[Point]] = field(default_factory=lambda: defaultdict(list))
    conditions: dict[str, list[tuple[float, str]]] = field(default_factory=lambda: defaultdict(list))
    created: dict[str, float] = field(default_factory=dict)
    acts: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))


def run(lab: Lab, cluster: Cluster, batch: Batch) -> list[Record]:
    """The records of all scenarios of the batch."""
    signals, seen = Signals(), Seen()
    for scenario in batch.scenarios:
        signals.add(scenario.name, [trigger.timeline() for trigger in scenario.triggers])
    stop = start(lab, signals, lambda selector: pod_metrics(cluster, batch, signals, selector))
    try:
        with watched_controller(lab) as log, namespace(cluster), pod_metrics_api(cluster, batch):
            began = log.stat().st_size
            prepare(cluster, batch)
            with watching(lab, seen):
                away = play(lab, cluster, batch, signals, seen)
            syncs = syncs_in(log, began)
    finally:
        stop()
    return [recorded(scenario, signals, seen, syncs[scenario.name], away) for scenario in batch.scenarios]


@contextlib.contextmanager
def watched_controller(lab: Lab) -> Iterator[Path]:
    """The controller-manager with the HPA controller's own log of each sync; the log's path."""
    processes.start(lab, controller(lab, *WATCHED))
    try:
        yield processes.log_path(lab, CONTROLLER)
    finally:
        processes.start(lab, controller(lab))


def controller(lab: Lab, *arguments: str) -> processes.Program:
    tools = {name: Path(path) for name, path in json.loads(lab.record.read_text())["tools"].items()}
    program = programs.programs(lab, tools, programs.Timing("5s"))[CONTROLLER]
    return dataclasses.replace(program, argv=[*program.argv, *arguments])


@contextlib.contextmanager
def namespace(cluster: Cluster) -> Iterator[None]:
    """The scenarios' namespace; afterwards nothing is in it that KEDA's finalizer would hold."""
    if cluster.get(f"/api/v1/namespaces/{NAMESPACE}") is None:
        cluster.create("/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
    try:
        yield
    finally:
        for path in (OBJECTS, f"{APPS}/deployments"):
            cluster.delete(path)
            wait(f"{path} empty", 120, lambda path=path: cluster.get(path)["items"] == [] or None)


@contextlib.contextmanager
def pod_metrics_api(cluster: Cluster, batch: Batch) -> Iterator[None]:
    """The metrics API of pods, answered by the scenarios' source, while the batch needs one."""
    if not any(trigger.type in ("cpu", "memory") for each in batch.scenarios for trigger in each.triggers):
        yield
        return
    name, group = "pod-metrics", "/apis/apiregistration.k8s.io/v1/apiservices"
    ports = [{"name": "https", "port": 443, "targetPort": METRICS_PORT}]
    slices = f"/apis/discovery.k8s.io/v1/namespaces/{NAMESPACE}/endpointslices"
    cluster.create(
        f"/api/v1/namespaces/{NAMESPACE}/services", {"metadata": {"name": name}, "spec": {"ports": ports}}
    )
    cluster.create(
        slices,
        {
            "metadata": {"name": name, "labels": {"kubernetes.io/service-name": name}},
            "addressType": "IPv4",
            "endpoints": [{"addresses": [NODE_ADDRESS]}],
            "ports": [{"name": "https", "port": METRICS_PORT}],
        },
    )
    cluster.create(
        group,
        {
            "metadata": {"name": "v1beta1.metrics.k8s.io"},
            "spec": {
                "group": "metrics.k8s.io",
                "version": "v1beta1",
                "groupPriorityMinimum": 100,
                "versionPriority": 100,
                "insecureSkipTLSVerify": True,
                "service": {"name": name, "namespace": NAMESPACE},
            },
        },
    )
    path = f"{group}/v1beta1.metrics.k8s.io"
    try:
        wait("pod metrics served", 60, lambda: cluster.condition(path, "Available")[0] == "True" or None)
        yield
    finally:
        cluster.delete(path)
        cluster.delete(f"{slices}/{name}")
        cluster.delete(f"/api/v1/namespaces/{NAMESPACE}/services/{name}")


def pod_metrics(cluster: Cluster, batch: Batch, signals: Signals, selector: str) -> list[dict[str, Any]]:
    """What the pods of a scenario use: the signal, in equal shares of whole milli for the Ready ones."""
    scenario = next(each for each in batch.scenarios if selector == f"app={each.name}")
    pods = cluster.get(f"/api/v1/namespaces/{NAMESPACE}/pods?labelSelector=app%3D{scenario.name}")["items"]
    pods = [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]
    ready = {pod["metadata"]["name"] for pod in pods if ready_since(pod)}
    items, now = [], time.time()
    usage = {
        trigger.type: signals.read(scenario.name, index)
        for index, trigger in enumerate(scenario.triggers)
        if trigger.type in ("cpu", "memory")
    }
    for pod in pods:
        name, started = pod["metadata"]["name"], running_since(pod)
        if started is None or now < started + scenario.sampled_after:
            continue
        shares = {
            kind: f"{int(float(total) * 1000 / len(ready)) if name in ready else 0}m"
            for kind, total in usage.items()
        }
        items.append(
            {
                "metadata": {"name": name, "namespace": NAMESPACE, "labels": pod["metadata"]["labels"]},
                "timestamp": datetime.utcfromtimestamp(now).strftime("%Y-%m-%dT%H:%M:%SZ"),
                "window": f"{scenario.sampled_after}s",
                "containers": [{"name": "pause", "usage": shares}],
            }
        )
    return items


def ready_since(pod: Mapping[str, Any]) -> bool:
    conditions = pod["status"].get("conditions", [])
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def running_since(pod: Mapping[str, Any]) -> float | None:
    for container in pod["status"].get("containerStatuses", []):
        if running := container["state"].get("running"):
            return datetime.fromisoformat(running["startedAt"]).timestamp()
    return None


def prepare(cluster: Cluster, batch: Batch) -> None:
    """The targets, with the pods that they begin with."""
    for scenario in batch.scenarios:
        cluster.create(f"{APPS}/deployments", scenario.deployment())

    def there() -> bool | None:
        wanted = {each.name: each for each in batch.scenarios}
        for item in cluster.get(f"{APPS}/deployments")["items"]:
            scenario, status = wanted[item["metadata"]["name"]], item["status"]
            counted = "readyReplicas" if scenario.pods == "real" else "replicas"
            if status.get(counted, 0) < scenario.replicas:
                return None
        return True

    wait("the targets' pods", 180, there)


@contextlib.contextmanager
def watching(lab: Lab, seen: Seen) -> Iterator[None]:
    """Each change of a target, by kubectl's watch."""
    columns = "NAME:.metadata.name,SPEC:.spec.replicas,STATUS:.status.replicas,READY:.status.readyReplicas"
    kubectl = json.loads(lab.record.read_text())["tools"]["kubectl"]
    command = [kubectl, f"--kubeconfig={lab.kubeconfig}", f"--namespace={NAMESPACE}", "get", "deployments"]
    command += ["--watch", "--no-headers", f"--output=custom-columns={columns}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, bufsize=1) as process:

        def read() -> None:
            assert process.stdout is not None
            for line in process.stdout:
                now = time.time()
                name, *counts = line.split()
                for series, text in zip((seen.replicas, seen.status, seen.ready), counts, strict=True):
                    count = 0 if text == "<none>" else int(text)
                    if not series[name] or series[name][-1][1] != count:
                        series[name].append((now, count))

        thread = threading.Thread(target=read)
        thread.start()
        time.sleep(1)
        try:
            yield
        finally:
            process.terminate()
            thread.join()


@dataclass
class Away:
    """When the operator and the controller-manager were really away, by the clock."""

    operator: list[tuple[float, float]] = field(default_factory=list)
    controller: list[tuple[float, float]] = field(default_factory=list)


def play(lab: Lab, cluster: Cluster, batch: Batch, signals: Signals, seen: Seen) -> Away:
    """Creates the ScaledObjects, one after another over a sync period, and waits until all have ended."""
    away = Away()
    for scenario in batch.scenarios:
        cluster.create(OBJECTS, scenario.scaled_object())
        time.sleep(5 / len(batch.scenarios))
    begun = time.time()
    due = disturbances(lab, cluster, batch, away)
    acts = {scenario.name: list(scenario.acts) for scenario in batch.scenarios}
    look = 0.0
    while True:
        now = time.time()
        while due and begun + due[0][0] <= now:
            due.pop(0)[1]()
        for name, rest in acts.items():
            while rest and name in signals.begun and signals.begun[name] + rest[0].at <= now:
                act = rest.pop(0)
                if act.patch is None:
                    body: Any = {"spec": {"replicas": act.replicas}}
                    cluster.request("PATCH", f"{APPS}/deployments/{name}/scale", body, PATCH)
                else:
                    cluster.request("PATCH", f"{OBJECTS}/{name}", act.patch, PATCH)
                done = {"at": time.time(), "replicas": act.replicas, "patch": act.patch}
                seen.acts[name].append(done)
        if now >= look:
            look = now + 1
            look_at(cluster, seen)
        ends = [signals.begun.get(each.name, now) + each.seconds for each in batch.scenarios]
        if now > max(ends):
            return away
        time.sleep(0.1)


def disturbances(
    lab: Lab, cluster: Cluster, batch: Batch, away: Away
) -> list[tuple[float, Callable[[], None]]]:
    """What is stopped and started, in order: seconds since the beginning, and how."""
    stopped: dict[str, float] = {}

    def stop_operator() -> None:
        scale_operator(cluster, 0)
        wait("no operator", 30, lambda: not operator_pods(cluster) or None)
        stopped["operator"] = time.time()

    def start_operator() -> None:
        scale_operator(cluster, 1)
        away.operator.append((stopped["operator"], time.time()))

    def stop_controller() -> None:
        identity = processes.running(lab, CONTROLLER)
        assert identity is not None
        processes.end([identity])
        stopped["controller"] = time.time()

    def start_controller() -> None:
        processes.start(lab, controller(lab, *WATCHED))
        away.controller.append((stopped["controller"], time.time()))

    found = []
    if batch.operator_away:
        found += list(zip(batch.operator_away, (stop_operator, start_operator), strict=True))
    if batch.controller_away:
        found += list(zip(batch.controller_away, (stop_controller, start_controller), strict=True))
    return sorted(found, key=lambda entry: entry[0])


def scale_operator(cluster: Cluster, replicas: int) -> None:
    cluster.request("PATCH", f"{OPERATOR}/scale", {"spec": {"replicas": replicas}}, PATCH)
    if replicas == 0:
        # At once, as a node that fails: its grace period is no part of the outage.
        for name in operator_pods(cluster):
            cluster.delete(f"/api/v1/namespaces/keda/pods/{name}?gracePeriodSeconds=0")


def operator_pods(cluster: Cluster) -> list[str]:
    pods = cluster.get("/api/v1/namespaces/keda/pods?labelSelector=app%3Dkeda-operator")["items"]
    return [pod["metadata"]["name"] for pod in pods]


def look_at(cluster: Cluster, seen: Seen) -> None:
    """The conditions of all ScaledObjects and HPAs, where they changed."""
    hpas = f"/apis/autoscaling/v2/namespaces/{NAMESPACE}/horizontalpodautoscalers"
    now = time.time()
    for kind, path in (("SO", OBJECTS), ("HPA", hpas)):
        for item in cluster.get(path)["items"]:
            status, name = item.get("status") or {}, item["metadata"]["name"].removeprefix("keda-hpa-")
            if kind == "SO":
                seen.created[name] = datetime.fromisoformat(item["metadata"]["creationTimestamp"]).timestamp()
            reasons = sorted(
                f"{each['type']}={each.get('reason') or each['status']}"
                for each in status.get("conditions") or []
                if each["status"] == "True" or each["type"] in ("Ready", "ScalingActive")
            )
            text = " ".join([kind, *reasons])
            former = [before for _, before in seen.conditions[name] if before.startswith(f"{kind} ")]
            if former[-1:] != [text]:
                seen.conditions[name].append((now, text))


_LINE = re.compile(
    r"^[IE](?P<time>\d{4} \d\d:\d\d:\d\d\.\d{6}) .*horizontal\.go:\d+\] "
    r'(?:"(?P<kind>Decided not to scale|Successfully rescaled)" (?P<rest>.*)'
    rf'|"Unhandled Error" err="failed to compute .* for Deployment/{NAMESPACE}/(?P<failed>[a-z0-9-]+):)'
)
_NAME = re.compile(rf'(?:scaleTarget="Deployment/{NAMESPACE}/|HPA="{NAMESPACE}/keda-hpa-)([a-z0-9-]+)"')
_DESIRED = re.compile(r"desiredReplicas=(-?\d+)")


def syncs_in(log: Path, offset: int) -> dict[str, list[tuple[float, str, int | None]]]:
    """The HPA controller's own words of each sync: time of the clock, outcome, desired replicas."""
    found: dict[str, list[tuple[float, str, int | None]]] = defaultdict(list)
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


def recorded(
    scenario: Scenario,
    signals: Signals,
    seen: Seen,
    syncs: Sequence[tuple[float, str, int | None]],
    away: Away,
) -> Record:
    """Everything on the scenario's own clock."""
    if scenario.name not in signals.begun:
        raise RuntimeError(f"{scenario.name}: KEDA never read its signal")
    begun = signals.begun[scenario.name]

    def at(time: float) -> float:
        return round(time - begun, 2)

    def points(series: Sequence[tuple[float, Any]]) -> list[tuple[float, Any]]:
        return [(at(time), value) for time, value in series if at(time) <= scenario.seconds]

    served = [(at(time), index) for time, index, _ in signals.served[scenario.name]]
    return Record(
        name=scenario.name,
        rules=scenario.rules,
        manifest=scenario.scaled_object(),
        signals=[list(trigger.steps) for trigger in scenario.triggers],
        created=at(seen.created[scenario.name]),
        ran=scenario.seconds,
        replicas=points(seen.replicas[scenario.name]),
        status=points(seen.status[scenario.name]),
        ready=points(seen.ready[scenario.name]),
        syncs=[
            (at(time), kind, desired) for time, kind, desired in syncs if 0 <= at(time) <= scenario.seconds
        ],
        served=[
            [time for time, index in served if index == number and time <= scenario.seconds]
            for number in range(len(scenario.triggers))
        ],
        conditions=points(seen.conditions[scenario.name]),
        acts=[{**act, "at": at(act["at"])} for act in seen.acts[scenario.name]],
        operator_away=[
            (
                at(begins),
                min((time for time, _ in served if time > at(ends)), default=float(scenario.seconds)),
            )
            for begins, ends in away.operator
        ],
        controller_away=[(at(begins), at(ends)) for begins, ends in away.controller],
        pods=scenario.pods,
        delay=scenario.delay,
        sampled_after=scenario.sampled_after,
        request=REQUEST,
    )

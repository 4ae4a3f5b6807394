"""Runs a batch of scenarios side by side in a lab that has KEDA, and writes down what happens."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lab.node import processes, programs
from lab.paths import Lab
from tests.fidelity.compare import DOWNSCALE
from tests.fidelity.pods import pod_metrics, pod_metrics_api
from tests.fidelity.record import Point, Record
from tests.fidelity.scenario import NAMESPACE, REQUEST, Act, Batch, Scenario
from tests.fidelity.seen import OBJECTS, SCALED_JOBS, Seen, Sync, look_at, syncs_in, watching
from tests.fidelity.source import Signals, start
from tests.live.cluster import MERGE, Cluster, wait

CONTROLLER = "kube-controller-manager"
APPS = f"/apis/apps/v1/namespaces/{NAMESPACE}"
JOBS = f"/apis/batch/v1/namespaces/{NAMESPACE}/jobs"
OPERATOR = "/apis/apps/v1/namespaces/keda/deployments/keda-operator"
WATCHED = (
    "--vmodule=horizontal=4",
    f"--horizontal-pod-autoscaler-downscale-stabilization={DOWNSCALE:.0f}s",
    "--kube-api-qps=200",
    "--kube-api-burst=400",
)
"""The HPA controller's own log of each sync, and a shorter window than the default of 300 s. All scenarios of
a batch share one client of the API server: with its default of 20 requests a second, Jobs end 13 s late."""
PAUSED = "autoscaling.keda.sh/paused"


def run(lab: Lab, cluster: Cluster, batch: Batch) -> list[Record]:
    """The records of all scenarios of the batch."""
    signals, seen = Signals(), Seen()
    for scenario in batch.scenarios:
        signals.add(scenario.name, [trigger.timeline() for trigger in scenario.triggers])
    stop = start(lab, signals, lambda selector: pod_metrics(cluster, batch.scenarios, signals, selector))
    try:
        with watched_controller(lab) as log, namespace(cluster), pod_metrics_api(cluster, batch.scenarios):
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
        collections = (OBJECTS, SCALED_JOBS, f"{APPS}/deployments", JOBS)
        for path in collections:
            cluster.delete(f"{path}?propagationPolicy=Background")
        wait("nothing left", 120, lambda: not any(cluster.get(each)["items"] for each in collections) or None)


def prepare(cluster: Cluster, batch: Batch) -> None:
    """The targets, with the pods that they begin with."""
    wanted = {each.name: each for each in batch.scenarios if each.kind == "ScaledObject"}
    for scenario in wanted.values():
        cluster.create(f"{APPS}/deployments", scenario.deployment())

    def there() -> bool | None:
        for item in cluster.get(f"{APPS}/deployments")["items"]:
            scenario, status = wanted[item["metadata"]["name"]], item["status"]
            counted = "readyReplicas" if scenario.pods == "real" else "replicas"
            if status.get(counted, 0) < scenario.replicas:
                return None
        return True

    wait("the targets' pods", 180, there)


@dataclass
class Away:
    """When the operator and the controller-manager were really away, by the clock."""

    operator: list[tuple[float, float]] = field(default_factory=list)
    controller: list[tuple[float, float]] = field(default_factory=list)


def play(lab: Lab, cluster: Cluster, batch: Batch, signals: Signals, seen: Seen) -> Away:
    """Creates the ScaledObjects and waits until all scenarios have ended."""
    away = Away()
    acts = {scenario.name: list(scenario.acts) for scenario in batch.scenarios}

    def act() -> None:
        for name, rest in acts.items():
            while rest and name in signals.begun and signals.begun[name] + rest[0].at <= time.time():
                perform(cluster, name, rest.pop(0), seen)

    create(cluster, batch.scenarios, act)
    begun = time.time()
    due = disturbances(lab, cluster, batch, away)
    look = 0.0
    while True:
        now = time.time()
        while due and begun + due[0][0] <= now:
            due.pop(0)[1]()
        act()
        if now >= look:
            look = now + 1
            look_at(cluster, seen)
        ends = [signals.begun.get(each.name, now) + each.seconds for each in batch.scenarios]
        if now > max(ends):
            return away
        time.sleep(0.1)


def perform(cluster: Cluster, name: str, act: Act, seen: Seen) -> None:
    if act.patch is None:
        body = {"spec": {"replicas": act.replicas}}
        cluster.request("PATCH", f"{APPS}/deployments/{name}/scale", body, MERGE)
    else:
        cluster.request("PATCH", f"{OBJECTS}/{name}", act.patch, MERGE)
    seen.acts[name].append({"at": time.time(), "replicas": act.replicas, "patch": act.patch})


def create(cluster: Cluster, scenarios: Sequence[Scenario], act: Callable[[], None]) -> None:
    """The ScaledObjects and ScaledJobs, one after another over a sync period; `act` does what is due by then.

    A ScaledJob is paused until KEDA has added its finalizer, and `rollout: {}` with it. Its generation is 2
    then, KEDA begins the loop a second time, and that poll may not see yet which Jobs the first one created
    (ensureFinalizer, controllers/keda/scaledjob_controller.go; seen: 6 Jobs for 5).
    """

    def pause() -> None:
        ends = time.time() + 5 / len(scenarios)
        while time.time() < ends:
            act()
            time.sleep(0.05)

    for scenario in scenarios:
        if scenario.kind == "ScaledObject":
            cluster.create(OBJECTS, scenario.scaled_object())
            pause()
        else:
            manifest = scenario.scaled_object()
            manifest["metadata"]["annotations"][PAUSED] = "true"
            cluster.create(SCALED_JOBS, manifest)
    for scenario in scenarios:
        if scenario.kind == "ScaledJob":
            path = f"{SCALED_JOBS}/{scenario.name}"
            wait(f"{scenario.name} paused", 60, functools.partial(is_paused, cluster, path))
            cluster.request("PATCH", path, {"metadata": {"annotations": {PAUSED: None}}}, MERGE)
            pause()


def is_paused(cluster: Cluster, path: str) -> bool | None:
    return cluster.condition(path, "Paused")[0] == "True" or None


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
    cluster.request("PATCH", f"{OPERATOR}/scale", {"spec": {"replicas": replicas}}, MERGE)
    if replicas == 0:
        # At once, as a node that fails: its grace period is no part of the outage.
        for name in operator_pods(cluster):
            cluster.delete(f"/api/v1/namespaces/keda/pods/{name}?gracePeriodSeconds=0")


def operator_pods(cluster: Cluster) -> list[str]:
    pods = cluster.get("/api/v1/namespaces/keda/pods?labelSelector=app%3Dkeda-operator")["items"]
    return [pod["metadata"]["name"] for pod in pods]


def recorded(
    scenario: Scenario,
    signals: Signals,
    seen: Seen,
    syncs: Sequence[Sync],
    away: Away,
) -> Record:
    """Everything on the scenario's own clock."""
    if scenario.name not in signals.begun:
        raise RuntimeError(f"{scenario.name}: KEDA never read its signal")
    begun = signals.begun[scenario.name]

    def at(time: float) -> float:
        return round(time - begun, 2)

    jobs = [
        {key: None if time is None else at(time) for key, time in times.items()}
        for times in seen.jobs[scenario.name].values()
    ]

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
        replicas=points(seen.replicas[scenario.name]) or unfinished(jobs, scenario.seconds),
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
        jobs=jobs,
    )


def unfinished(jobs: Sequence[Mapping[str, float | None]], ran: int) -> list[Point]:
    """How many Jobs had not ended, each change."""
    moments = [(at, change) for job in jobs for at, change in ((job["created"], 1), (job["ended"], -1))]
    points, count = [(0.0, 0)], 0
    for at, change in sorted((at, change) for at, change in moments if at is not None and at <= ran):
        count += change
        points.append((at, count))
    return points

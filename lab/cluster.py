"""The stages that take a machine from nothing, or from any half of it, to a running cluster.

Each looks first and does only what is missing: `up` after a kill or a restart is the same as any other.
"""

from __future__ import annotations

import datetime
import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lab.errors import LabError
from lab.files import write_atomically
from lab.node import cgroups, forward, health, images, leftovers, netns, pki, processes, programs
from lab.paths import Lab
from lab.progress import step

GPU = "nvidia.com/gpu"
FORWARDER = "forwarder"

_ADDONS = Path(__file__).parent / "addons"
# The clients of the API server, each with a kubeconfig of its own.
_CLIENTS = ("kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy")


def boot(lab: Lab, tools: Mapping[str, Path], timing: programs.Timing, gpus: int) -> dict[str, int]:
    """Have the cluster running, with DNS; the host's loopback ports by name. Other addons are on their way.

    Raises LabError with the last words of a program that does not come up.
    """
    with step("network and certificates"):
        if not netns.exists(lab):
            # What ran in a namespace that is gone can reach nothing any more.
            leftovers.end_processes(lab)
        netns.create(lab)
        cgroups.create(lab)
        ports = _ports(lab)
        node_programs = programs.programs(lab, tools, timing)
        _write_configuration(lab, ports)
    with step("etcd and API server") as progress:
        for name in ("etcd", "registry", "containerd", "kube-apiserver"):
            processes.start(lab, node_programs[name])
        processes.start(lab, _forwarder(lab, ports))
        health.wait(
            lab, ("etcd", "registry", "containerd", "kube-apiserver", FORWARDER), 120, progress.update
        )
    with step("images") as progress:
        images.build_all(lab, tools, progress.update)
    with step("node") as progress:
        for program in node_programs.values():
            processes.start(lab, program)
        health.wait(lab, node_programs, 120, progress.update)
        _await_node(lab, tools, progress.update)
        _advertise_gpus(lab, tools, gpus)
    with step("cluster DNS"):
        files = [f"--filename={path}" for path in _ADDONS.glob("*.yaml")]
        kubectl(lab, tools, "apply", "--server-side", "--force-conflicts", *files)
        await_deployment(lab, tools, "coredns")
    return ports


def await_deployment(lab: Lab, tools: Mapping[str, Path], name: str) -> None:
    """Wait until an addon is ready. Raises LabError with the pods that are not."""
    await_rollout(lab, tools, "kube-system", f"deployment/{name}")


def await_rollout(
    lab: Lab, tools: Mapping[str, Path], namespace: str, target: str, seconds: int = 120
) -> None:
    """Wait until `target`, such as deployment/coredns, runs as specified. Raises LabError with what does not.

    After ten minutes without progress (progressDeadlineSeconds) Kubernetes gives a Deployment up, and the
    verdict stays when its reason is gone. Such a Deployment is restarted.
    """
    status = ("rollout", "status", target, f"--namespace={namespace}", f"--timeout={seconds}s")
    try:
        kubectl(lab, tools, *status)
    except LabError as error:
        if "exceeded its progress deadline" not in str(error):
            raise
        kubectl(lab, tools, "rollout", "restart", target, f"--namespace={namespace}")
        kubectl(lab, tools, *status)


def kubectl(lab: Lab, tools: Mapping[str, Path], *arguments: str) -> str:
    """kubectl's output. Raises LabError with its last line, and with the pods that do not run."""
    command = [str(tools["kubectl"]), f"--kubeconfig={lab.kubeconfig}", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        waiting = "; ".join(pods_not_running(lab, tools)) if arguments[0] == "rollout" else ""
        raise LabError(f"kubectl {' '.join(arguments[:3])}: {reason}" + (f" ({waiting})" if waiting else ""))
    return done.stdout


def pods_not_running(lab: Lab, tools: Mapping[str, Path]) -> list[str]:
    """`namespace/name: reason` of each pod that is neither ready nor completed."""
    found = []
    for pod in json.loads(kubectl(lab, tools, "get", "pods", "--all-namespaces", "--output=json"))["items"]:
        status = pod["status"]
        ready = any(
            entry["type"] == "Ready" and entry["status"] == "True" for entry in status.get("conditions", [])
        )
        if not ready and status["phase"] != "Succeeded":
            found.append(f"{pod['metadata']['namespace']}/{pod['metadata']['name']}: {_why(status)}")
    return found


def _why(status: Mapping[str, Any]) -> str:
    for container in [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]:
        if waiting := container["state"].get("waiting"):
            return " ".join(filter(None, (waiting.get("reason"), waiting.get("message"))))
    for condition in status.get("conditions", []):
        if condition["status"] != "True" and condition.get("message"):
            return str(condition["message"])
    return str(status["phase"])


def _ports(lab: Lab) -> dict[str, int]:
    """The host's ports: those of the last `up` where they are still to be had."""
    path = lab.root / "ports.json"
    before = json.loads(path.read_text()) if path.exists() else {}
    ports = forward.choose_ports(forward.TARGETS, before, processes.running(lab, FORWARDER) is not None)
    write_atomically(path, json.dumps(ports))
    return ports


def _write_configuration(lab: Lab, ports: Mapping[str, int]) -> None:
    folder = pki.ensure(lab, pki.certificates(lab.name, netns.NODE_ADDRESS, programs.API_SERVICE_ADDRESS))
    for path, text in programs.files(lab).items():
        write_atomically(path, text)
    for user in _CLIENTS:
        path = lab.root / "config" / f"{user}.kubeconfig"
        pki.write_kubeconfig(path, folder, user, programs.API_SERVER, lab.netns)
    pki.write_kubeconfig(
        lab.kubeconfig, folder, "admin", f"https://127.0.0.1:{ports['apiserver']}", lab.netns
    )
    forwards = [[ports[name], target] for name, target in forward.TARGETS.items()]
    settings = {"namespace": str(lab.netns_path), "forwards": forwards}
    write_atomically(_forwards(lab), json.dumps(settings))


def _forwards(lab: Lab) -> Path:
    return lab.root / "config" / "forward.json"


def _forwarder(lab: Lab, ports: Mapping[str, int]) -> processes.Program:
    # It starts on the host's side and enters by itself.
    project = Path(__file__).parent.parent
    return processes.Program(
        FORWARDER,
        [sys.executable, "-m", "lab.node.forward", str(_forwards(lab))],
        env={"PYTHONPATH": str(project)},
        configuration=[_forwards(lab)],
        in_namespace=False,
    )


def _await_node(
    lab: Lab, tools: Mapping[str, Path], update: Callable[[str], None], seconds: float = 90
) -> None:
    """Wait until kubelet, as it runs now, reports the node ready and which containers still run."""
    # Whole seconds, as Kubernetes writes its times.
    started = int(processes.record_path(lab, "kubelet").stat().st_mtime)
    deadline = time.monotonic() + seconds
    while reason := _node_unready(lab, tools, started) or _stale_pod(lab, tools):
        if time.monotonic() > deadline:
            raise LabError(f"node {lab.name} is not ready: {reason}. Look at `python -m lab logs kubelet`.")
        update(reason)
        time.sleep(0.2)


def _node_unready(lab: Lab, tools: Mapping[str, Path], started: int) -> str:
    """Why the node is not ready; empty when it is."""
    listing = json.loads(kubectl(lab, tools, "get", "nodes", "--output=json"))["items"]
    for node in listing:
        for condition in node["status"].get("conditions", []):
            if condition["type"] == "Ready":
                beat = datetime.datetime.fromisoformat(condition["lastHeartbeatTime"]).timestamp()
                if condition["status"] == "True" and beat >= started:
                    return ""
                return (
                    str(condition["message"]) if beat >= started else "no word from kubelet since its start"
                )
    return "kubelet has not registered it"


def _stale_pod(lab: Lab, tools: Mapping[str, Path]) -> str:
    """A pod whose containers ended with an earlier life of the node while the API server still shows them."""
    ctr = ["ctr", f"--address={programs.containerd_socket(lab)}", "--namespace=k8s.io", "tasks", "list"]
    tasks = subprocess.run(ctr, capture_output=True, text=True, check=True).stdout.splitlines()
    running = {f"containerd://{task.split()[0]}" for task in tasks if task.endswith("RUNNING")}
    for pod in json.loads(kubectl(lab, tools, "get", "pods", "--all-namespaces", "--output=json"))["items"]:
        for container in pod["status"].get("containerStatuses", []):
            if "running" in container["state"] and container["containerID"] not in running:
                return f"kubelet has not looked at pod {pod['metadata']['name']}"
    return ""


def _advertise_gpus(lab: Lab, tools: Mapping[str, Path], gpus: int) -> None:
    """Let the node offer GPUs it does not have: kubelet forgets them when it registers the node again."""
    amounts = {GPU: str(gpus)}
    patch = json.dumps({"status": {"capacity": amounts, "allocatable": amounts}})
    kubectl(lab, tools, "patch", "node", lab.name, "--subresource=status", f"--patch={patch}")

"""Whether each of the lab's programs does its work, from its own health endpoint."""

from __future__ import annotations

import json
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable

from lab.errors import LabError
from lab.node import netns, processes
from lab.node.programs import ETCD, REGISTRY, containerd_socket
from lab.paths import Lab

# A slow answer of a busy machine is an answer; a dead port refuses at once.
_TIMEOUT = 5.0

# Inside the namespace. The HTTPS ones let everybody ask for their health.
ENDPOINTS = {
    "etcd": f"{ETCD}/health",
    "registry": f"http://{REGISTRY}/v2/",
    "kube-apiserver": "https://127.0.0.1:6443/readyz",
    "kube-controller-manager": "https://127.0.0.1:10257/healthz",
    "kube-scheduler": "https://127.0.0.1:10259/healthz",
    "kubelet": "http://127.0.0.1:10248/healthz",
    "kube-proxy": "http://127.0.0.1:10256/healthz",
}


def healthy(lab: Lab, name: str) -> bool:
    """True when the program runs and reports that it is well."""
    if processes.running(lab, name) is None:
        return False
    if name == "containerd":
        ctr = ["ctr", f"--address={containerd_socket(lab)}", "--timeout=5s", "version"]
        return subprocess.run(ctr, capture_output=True, check=False).returncode == 0
    if name == "forwarder":
        ports = json.loads((lab.root / "ports.json").read_text())
        return _answers(f"https://127.0.0.1:{ports['apiserver']}/readyz")
    try:
        with netns.entered(lab):
            return _answers(ENDPOINTS[name])
    except OSError:
        return False


def wait(lab: Lab, names: Iterable[str], seconds: float, update: Callable[[str], None]) -> None:
    """Wait until all are healthy. Raises LabError with the last words of one that did not get well."""
    deadline = time.monotonic() + seconds
    for name in names:
        update(name)
        while not healthy(lab, name):
            identity = processes.running(lab, name)
            if identity is None or time.monotonic() > deadline:
                if identity:
                    # Waiting does not help: the next `up` starts it again.
                    processes.end([identity])
                words = " | ".join(processes.last_lines(lab, name)) or "it wrote nothing"
                what = "ended" if identity is None else f"is not healthy after {seconds:.0f} s"
                raise LabError(
                    f"{name} {what}: {words}. `python -m lab logs {name}` has more. "
                    "Run it again, or `make down` first to make a new one."
                )
            time.sleep(0.1)


def _answers(url: str) -> bool:
    # Our own processes on a loopback that nobody else binds to: their certificates prove nothing more.
    secure = urllib.request.HTTPSHandler(context=ssl._create_unverified_context())
    # A proxy of the user's is not for the lab.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), secure)
    try:
        with opener.open(url, timeout=_TIMEOUT) as answer:
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False

"""The fleet's manifests, put into the cluster by server-side apply and waited for."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

from lab.paths import Lab

MANIFESTS = Path(__file__).parent / "manifests"

# What must be ready before anything is scaled, in the order it starts. The operator makes Prometheus' own
# StatefulSet.
WAITED_FOR = (
    ("monitoring", "deployment/prometheus-operator"),
    ("monitoring", "statefulset/prometheus-prometheus"),
    ("nats", "statefulset/nats"),
    ("default", "deployment/backend"),
    ("envoy-gateway-system", "deployment/envoy-default-eg-e41e7b31"),
    ("ray", "deployment/ray-serve"),
    ("batch", "deployment/batch-queue"),
    ("batch", "deployment/batch-inference"),
    ("voice", "deployment/voice-pipeline"),
)


class Kubectl:
    """kubectl with a lab's kubeconfig. Failures are RuntimeErrors with kubectl's last line."""

    def __init__(self, lab: Lab, program: str | Path) -> None:
        self._command = [str(program), f"--kubeconfig={lab.kubeconfig}"]

    def output(self, *arguments: str, text: str | None = None) -> str:
        done = subprocess.run([*self._command, *arguments], input=text, capture_output=True, text=True)
        if done.returncode:
            lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
            raise RuntimeError(f"kubectl {' '.join(arguments[:3])}: {lines[-1]}")
        return done.stdout

    def apply(self, documents: Iterable[dict[str, Any]]) -> None:
        """Apply server-side: a field we do not write (spec.replicas, which is KEDA's) is left alone."""
        self.output(
            "apply",
            "--server-side",
            "--field-manager=keda-homelab-lab",
            "--force-conflicts",
            "--filename=-",
            text=yaml.safe_dump_all(documents),
        )


def manifest(name: str) -> Iterator[dict[str, Any]]:
    """The objects of one file in manifests/, lists unfolded."""
    return _objects((MANIFESTS / name).read_text())


def prometheus_operator(bundle: Path) -> Iterator[dict[str, Any]]:
    """The Prometheus Operator's own bundle (CRDs, RBAC, Deployment), moved from `default` to `monitoring`."""
    for document in _objects(bundle.read_text()):
        if document["metadata"].get("namespace") == "default":
            document["metadata"]["namespace"] = "monitoring"
        for subject in document.get("subjects", []):
            subject["namespace"] = "monitoring"
        yield document


def install(lab: Lab, kubectl: Path, bundle: Path, update: Callable[[str], None]) -> None:
    """Apply everything and wait until it runs, telling `update` how far it is; again, it changes nothing.

    `bundle` is bundle.yaml of the Prometheus Operator's module. Raises RuntimeError with what is not ready.
    """
    cluster = Kubectl(lab, kubectl)
    update("Prometheus Operator")
    cluster.apply(manifest("namespaces.yaml"))
    operator = list(prometheus_operator(bundle))
    cluster.apply(operator)
    kinds = [item["metadata"]["name"] for item in operator if item["kind"] == "CustomResourceDefinition"]
    cluster.output("wait", "--for=condition=Established", "--timeout=60s", *(f"crd/{name}" for name in kinds))
    update("workloads")
    files = sorted(path.name for path in MANIFESTS.glob("*.yaml"))
    cluster.apply(item for name in files for item in manifest(name))
    for number, (namespace, workload) in enumerate(WAITED_FOR, 1):
        update(f"{number}/{len(WAITED_FOR)} {workload}")
        cluster.output("wait", workload, f"--namespace={namespace}", "--for=create", "--timeout=60s")
        cluster.output("rollout", "status", workload, f"--namespace={namespace}", "--timeout=180s")


def _objects(text: str) -> Iterator[dict[str, Any]]:
    for document in yaml.safe_load_all(text):
        yield from document["items"] if document["kind"] == "List" else [document]

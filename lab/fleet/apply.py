"""The fleet's manifests, put into the cluster by server-side apply and waited for."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

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

MONITORING_KINDS = ("prometheuses", "servicemonitors", "podmonitors")


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

    def apply(self, documents: str) -> None:
        """Apply server-side: a field we do not write (spec.replicas, which is KEDA's) is left alone."""
        self.output(
            "apply",
            "--server-side",
            "--field-manager=keda-homelab-lab",
            "--force-conflicts",
            "--filename=-",
            text=documents,
        )


def manifests() -> str:
    """Every object of manifests/, as one YAML stream."""
    return "\n---\n".join(path.read_text() for path in sorted(MANIFESTS.glob("*.yaml")))


def prometheus_operator(bundle: str) -> str:
    """The Prometheus Operator's own bundle (CRDs, RBAC, Deployment), moved from `default` to `monitoring`.

    As text: it is megabytes of schemas, and PyYAML refuses the plain `=` among them (a YAML 1.1 type).
    """
    return re.sub(r"^( +)namespace: default$", r"\1namespace: monitoring", bundle, flags=re.MULTILINE)


def install(lab: Lab, kubectl: Path, bundle: Path, update: Callable[[str], None]) -> None:
    """Apply everything and wait until it runs, telling `update` how far it is; again, it changes nothing.

    `bundle` is bundle.yaml of the Prometheus Operator's module. Raises RuntimeError with what is not ready.
    """
    cluster = Kubectl(lab, kubectl)
    update("Prometheus Operator")
    cluster.apply((MANIFESTS / "namespaces.yaml").read_text())
    cluster.apply(prometheus_operator(bundle.read_text()))
    kinds = [f"crd/{kind}.monitoring.coreos.com" for kind in MONITORING_KINDS]
    cluster.output("wait", *kinds, "--for=condition=Established", "--timeout=60s")
    update("workloads")
    cluster.apply(manifests())
    for number, (namespace, workload) in enumerate(WAITED_FOR, 1):
        update(f"{number}/{len(WAITED_FOR)} {workload}")
        cluster.output("wait", workload, f"--namespace={namespace}", "--for=create", "--timeout=60s")
        cluster.output("rollout", "status", workload, f"--namespace={namespace}", "--timeout=180s")

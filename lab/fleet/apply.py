"""The fleet's manifests, put into the cluster by server-side apply and waited for."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from lab import cluster
from lab.errors import LabError
from lab.node import images
from lab.paths import Lab

MANIFESTS = Path(__file__).parent / "manifests"
MANIFESTS_ON_DEMAND = Path(__file__).parent / "on_demand"

# Programs that the four workloads do not need, by tool: the namespace and the workload that must be ready.
ON_DEMAND = {
    "alertmanager": ("monitoring", "statefulset/alertmanager-alertmanager"),
    "metrics-server": ("kube-system", "deployment/metrics-server"),
    "prometheus-adapter": ("monitoring", "deployment/prometheus-adapter"),
}

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


def prometheus_operator(bundle: str) -> str:
    """The Prometheus Operator's own bundle (CRDs, RBAC, Deployment), moved from `default` to `monitoring`.

    As text: it is megabytes of schemas, and PyYAML refuses the plain `=` among them (a YAML 1.1 type).
    """
    return re.sub(r"^( +)namespace: default$", r"\1namespace: monitoring", bundle, flags=re.MULTILINE)


def install(lab: Lab, kubectl: Path, bundle: Path, update: Callable[[str], None]) -> None:
    """Apply everything and wait until it runs, telling `update` how far it is; again, it changes nothing.

    `bundle` is bundle.yaml of the Prometheus Operator's module. Raises LabError with what is not ready.
    """

    def run(*arguments: str) -> str:
        return cluster.kubectl(lab, {"kubectl": kubectl}, *arguments)

    def apply(path: Path) -> None:
        # Server-side: a field we do not write (spec.replicas, which is KEDA's) is left alone.
        run(
            "apply",
            "--server-side",
            "--field-manager=keda-homelab-lab",
            "--force-conflicts",
            f"--filename={path}",
        )

    update("Prometheus Operator")
    operator = lab.root / "config" / "prometheus-operator.yaml"
    operator.write_text(prometheus_operator(bundle.read_text()))
    apply(MANIFESTS / "namespaces.yaml")
    apply(operator)
    _await_kinds(run)
    update("workloads")
    apply(MANIFESTS)
    for number, (namespace, workload) in enumerate(WAITED_FOR, 1):
        update(f"{number}/{len(WAITED_FOR)} {workload}")
        run("wait", workload, f"--namespace={namespace}", "--for=create", "--timeout=60s")
        cluster.await_rollout(lab, {"kubectl": kubectl}, namespace, workload, 180)


def add(lab: Lab, found: Mapping[str, Path], tool: str, update: Callable[[str], None]) -> None:
    """Have a program of `ON_DEMAND` running. Alertmanager's configuration notifies nobody.

    `found`: the paths of the tool, crane and kubectl. Raises LabError with what is not ready.
    """
    update("image")
    for reference, image in images.ON_DEMAND.items():
        if tool in image.files.values():
            images.add(lab, found, reference)
    update("rollout")
    manifest = MANIFESTS_ON_DEMAND / f"{tool}.yaml"
    cluster.kubectl(
        lab,
        found,
        "apply",
        "--server-side",
        "--field-manager=keda-homelab-lab",
        "--force-conflicts",
        f"--filename={manifest}",
    )
    namespace, workload = ON_DEMAND[tool]
    cluster.kubectl(lab, found, "wait", workload, f"--namespace={namespace}", "--for=create", "--timeout=60s")
    cluster.await_rollout(lab, found, namespace, workload, 180)


def _await_kinds(run: Callable[..., str], seconds: float = 60) -> None:
    """Wait until the API server serves the monitors' kinds."""
    kinds = [f"crd/{kind}.monitoring.coreos.com" for kind in MONITORING_KINDS]
    deadline = time.monotonic() + seconds
    while True:
        try:
            run("wait", *kinds, "--for=condition=Established", f"--timeout={seconds:.0f}s")
            return
        except LabError as error:
            # A definition has no conditions at all for a moment, which kubectl does not wait through.
            if "accessor error" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.5)

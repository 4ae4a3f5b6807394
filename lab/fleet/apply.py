"""The fleet's manifests, put into the cluster by server-side apply and waited for."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab import cluster
from lab.errors import LabError
from lab.node import images
from lab.paths import Lab
from lab.toolchain import tools

MANIFESTS = Path(__file__).parent / "manifests"
MANIFESTS_ON_DEMAND = Path(__file__).parent / "on_demand"


@dataclass(frozen=True)
class OnDemand:
    """What the four workloads do not need.

    Its manifests are `<name>.yaml` of `MANIFESTS_ON_DEMAND`, or the folder of that name: a Kustomization,
    which names the manifests of each tool's own module by the tool's name.

    Attributes:
        tools: its programs.
        waited_for: namespace and workload of each that must be ready.
    """

    tools: Sequence[str]
    waited_for: Sequence[tuple[str, str]]


_FLUX = ("source-controller", "kustomize-controller", "helm-controller")
ON_DEMAND = {
    "alertmanager": OnDemand(("alertmanager",), (("monitoring", "statefulset/alertmanager-alertmanager"),)),
    "flux": OnDemand(_FLUX, [("flux-system", f"deployment/{name}") for name in _FLUX]),
    "metrics-server": OnDemand(("metrics-server",), (("kube-system", "deployment/metrics-server"),)),
    "prometheus-adapter": OnDemand(
        ("prometheus-adapter",), (("monitoring", "deployment/prometheus-adapter"),)
    ),
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

# A field we do not write (spec.replicas, which is KEDA's) is left alone.
_SERVER_SIDE = ("--server-side", "--field-manager=keda-homelab-lab", "--force-conflicts")

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
        run("apply", *_SERVER_SIDE, f"--filename={path}")

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
        _await(lab, {"kubectl": kubectl}, namespace, workload)


def add(lab: Lab, found: Mapping[str, Path], name: str, update: Callable[[str], None]) -> None:
    """Have one of `ON_DEMAND` running. Alertmanager's configuration notifies nobody.

    `found`: the paths of its tools, crane and kubectl. Raises LabError with what is not ready.
    """
    wanted = ON_DEMAND[name]
    update("images")
    for reference, image in images.ON_DEMAND.items():
        if not set(wanted.tools).isdisjoint(image.files.values()):
            images.add(lab, found, reference)
    update("rollout")
    folder = MANIFESTS_ON_DEMAND / name
    manifest = (
        f"--kustomize={with_modules(lab, folder, wanted.tools)}"
        if folder.is_dir()
        else f"--filename={folder}.yaml"
    )
    cluster.kubectl(lab, found, "apply", *_SERVER_SIDE, manifest)
    for namespace, workload in wanted.waited_for:
        _await(lab, found, namespace, workload)


def with_modules(lab: Lab, folder: Path, names: Sequence[str]) -> Path:
    """A copy of `folder` in the lab, with the manifests of the tools' modules in it.

    A Kustomization reads nothing outside its own folder.
    """
    copy = lab.root / "config" / folder.name
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(folder, copy)
    for name in names:
        shutil.copytree(tools.module_dir(name) / "config", copy / name)
    return copy


def _await(lab: Lab, found: Mapping[str, Path], namespace: str, workload: str) -> None:
    """Wait until a workload runs that may not be there yet."""
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

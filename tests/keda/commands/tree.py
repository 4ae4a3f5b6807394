"""A repository of a test, and what `keda check` finds in it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from keda.commands.check import Judged, check_stream, in_order
from keda.commands.options import Options

SCALED_OBJECT = """\
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {{name: {name}{namespace}}}
spec:
  scaleTargetRef: {{name: {target}}}
  minReplicaCount: 0
  maxReplicaCount: 4
  triggers:
  - type: cron
    metadata: {{timezone: UTC, start: 0 6 * * *, end: 0 7 * * *, desiredReplicas: "3"}}
"""
WORKLOAD = """\
apiVersion: apps/v1
kind: {kind}
metadata: {{name: {name}{namespace}}}
spec:
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec: {{containers: [{{name: c, image: i}}]}}
"""


def scaled_object(name: str = "web", namespace: str = "", target: str = "") -> str:
    return SCALED_OBJECT.format(name=name, namespace=_in(namespace), target=target or name)


def workload(name: str = "web", namespace: str = "", kind: str = "Deployment") -> str:
    return WORKLOAD.format(name=name, namespace=_in(namespace), kind=kind)


def authentication(secret: str, key: str = "host", namespace: str = "shop") -> str:
    return f"""\
apiVersion: keda.sh/v1alpha1
kind: TriggerAuthentication
metadata: {{name: mq, namespace: {namespace}}}
spec: {{secretTargetRef: [{{parameter: host, name: {secret}, key: {key}}}]}}
"""


def secret(name: str, namespace: str = "shop", more: str = "stringData: {a: b}") -> str:
    return f"apiVersion: v1\nkind: Secret\nmetadata: {{name: {name}, namespace: {namespace}}}\n{more}\n"


def kustomization(rest: str, kind: str = "Kustomization") -> str:
    version = "v1alpha1" if kind == "Component" else "v1beta1"
    return f"apiVersion: kustomize.config.k8s.io/{version}\nkind: {kind}\n{rest}\n"


def written(folder: Path, files: Mapping[str, str]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content, "utf-8")
    return folder


def found(folder: Path, files: Mapping[str, str] | None = None, *paths: str) -> list[str]:
    """`path in the folder: rule: object` of each finding."""
    return judged(folder, files, *paths)[0]


def judged(folder: Path, files: Mapping[str, str] | None = None, *paths: str) -> tuple[list[str], Judged]:
    written(folder, files or {})
    noted = Judged()
    options = Options(tuple(str(folder / path) for path in paths or (".",)))
    lines = in_order(check_stream(options, noted))
    return [
        f"{Path(line.file).relative_to(folder)}: {line.finding.code}: {line.finding.object}" for line in lines
    ], noted


def _in(namespace: str) -> str:
    return f", namespace: {namespace}" if namespace else ""

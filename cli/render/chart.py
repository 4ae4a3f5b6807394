"""KEDA's chart: rendered by helm, as Pulumi's provider renders it."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping
from typing import Any

import yaml

from cli import stackfile
from cli.errors import CommandError
from cli.render.program import Object
from keda.manifests.transformations import is_cluster_wide
from lab.toolchain import tools

NAME = "keda"
"""Of the release."""
_SECONDS = 120
_PRUNE = {"kustomize.toolkit.fluxcd.io/prune": "disabled"}
_MONITORING = "monitoring.coreos.com/v1"
"""The chart makes no ServiceMonitor unless the cluster serves them."""


def rendered(chart: Mapping[str, Any], served: bool) -> list[Object]:
    """The objects of the chart.

    Args:
        chart: the inputs of the program's chart.
        served: whether the cluster has the Prometheus Operator's kinds.

    Raises:
        CommandError: helm cannot be had, or cannot render it.
    """
    source = chart["chart"]
    command = [
        *(_helm(), "template", NAME, source, "--namespace", chart["namespace"], "--include-crds"),
        *("--values", "-"),
        *(["--version", chart["version"]] if chart.get("version") else []),
        *(["--plain-http"] if chart.get("plainHttp") else []),
        *(["--api-versions", _MONITORING] if served else []),
    ]
    try:
        done = subprocess.run(
            command,
            input=json.dumps(chart["values"]),
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            cwd=stackfile.PROJECT,
        )
    except subprocess.TimeoutExpired:
        raise CommandError(f"{source}: helm gave no answer within {_SECONDS} s.") from None
    if done.returncode:
        why = " ".join(done.stderr.partition("Use --debug")[0].split())[:300].rstrip(".")
        raise CommandError(f"{source}: helm cannot render it: {why}. Correct keda.chart or keda.values.")
    return [_kept(each, chart["namespace"]) for each in yaml.safe_load_all(done.stdout) if each]


def reference(chart: Mapping[str, Any]) -> str:
    """The chart's OCI reference, which another tool can fetch.

    Raises:
        CommandError: it is no OCI reference.
    """
    source = str(chart["chart"])
    if not source.startswith("oci://"):
        raise CommandError(
            f"keda.chart: {source} is not an OCI reference, so a controller in the cluster cannot fetch it. "
            "Write oci://…, or gitops.chart: rendered."
        )
    return source


def _helm() -> str:
    return shutil.which("helm") or str(tools.ensure(["helm"])["helm"])


def _kept(item: Object, namespace: str) -> Object:
    """The object with its namespace, as the provider writes it; a CRD that no pruning takes away."""
    metadata = dict(item["metadata"])
    if not is_cluster_wide(item["kind"]):
        metadata.setdefault("namespace", namespace)
    if item["kind"] == "CustomResourceDefinition":
        metadata["annotations"] = {**(metadata.get("annotations") or {}), **_PRUNE}
    return {**item, "metadata": metadata}

"""`helm template` as `helm.sh/v4:Chart` wants it: the cluster's capabilities, no hooks, CRDs first."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pulumi_plugins.kubernetes_provider.api import Cluster, kubeconfig_file

TIMEOUT = 300  # seconds: a chart may have to be downloaded


class ChartError(Exception):
    """The chart cannot be had or rendered. The text is one line."""


def template(inputs: Mapping[str, Any], release: str, namespace: str, cluster: Cluster | None) -> str:
    """The chart's manifests as YAML.

    Args:
        inputs: the Chart's properties, secrets revealed.
        release: `.Release.Name`.
        namespace: `.Release.Namespace`.
        cluster: whose version and kinds `.Capabilities` show; None when YAML is rendered without a cluster.

    Raises:
        ChartError: helm said no; its own words.
    """
    if (chart := str(inputs["chart"])).startswith(("/", ".")) and not Path(chart).exists():
        # At once, as the released provider, which has helm built in.
        raise ChartError(f'{_where(inputs)} cannot be rendered: path "{chart}" not found')
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        arguments = [
            _helm(),
            "template",
            release,
            str(inputs["chart"]),
            "--namespace",
            namespace,
            "--no-hooks",
        ]
        if cluster is not None:
            arguments += ["--dry-run=server", "--kube-version", cluster.version(), *_cluster(cluster, folder)]
        arguments += _chart_options(inputs)
        for index, asset in enumerate(inputs.get("valueYamlFiles") or []):
            arguments += ["--values", str(_asset(asset, folder / f"values-{index}.yaml"))]
        if values := inputs.get("values"):
            # In a file: the command line of a process is public.
            file = folder / "values.json"
            file.touch(mode=0o600)
            file.write_text(json.dumps(values), encoding="utf-8")
            arguments += ["--values", str(file)]
        try:
            done = subprocess.run(
                arguments, capture_output=True, text=True, timeout=TIMEOUT, stdin=subprocess.DEVNULL
            )
        except subprocess.TimeoutExpired:
            raise ChartError(f"{_where(inputs)}: helm gave no answer in {TIMEOUT} s") from None
    if done.returncode:
        raise ChartError(f"{_where(inputs)} cannot be rendered: {_reason(done.stderr)}")
    return done.stdout


def _where(inputs: Mapping[str, Any]) -> str:
    return f"chart {inputs['chart']} {inputs.get('version') or ''}".strip()


def _helm() -> str:
    found = shutil.which("helm")
    if found is None:
        raise ChartError("helm is not on PATH; the stand-in provider renders charts with it")
    return found


def _cluster(cluster: Cluster, folder: Path) -> list[str]:
    # helm reads the cluster only for `lookup`: with --dry-run=server it keeps the capabilities it is given.
    kinds = cluster.kinds()
    versions = {kind.api_version for kind in kinds} | {f"{kind.api_version}/{kind.kind}" for kind in kinds}
    options = ["--api-versions", ",".join(sorted(versions))]
    if cluster.kubeconfig:
        path = kubeconfig_file(cluster.kubeconfig)
        if path is None:
            path = folder / "kubeconfig"
            path.touch(mode=0o600)
            path.write_text(cluster.kubeconfig, encoding="utf-8")
        options += ["--kubeconfig", str(path)]
    return options + (["--kube-context", cluster.context] if cluster.context else [])


def _chart_options(inputs: Mapping[str, Any]) -> list[str]:
    options = [] if inputs.get("skipCrds") else ["--include-crds"]
    for name, flag in (
        ("plainHttp", "--plain-http"),
        ("devel", "--devel"),
        ("dependencyUpdate", "--dependency-update"),
        ("verify", "--verify"),
    ):
        options += [flag] if inputs.get(name) else []
    if version := inputs.get("version"):
        options += ["--version", str(version)]
    repository = inputs.get("repositoryOpts") or {}
    for name, flag in (("repo", "--repo"), ("username", "--username"), ("password", "--password")):
        options += [flag, str(repository[name])] if repository.get(name) else []
    if renderer := inputs.get("postRenderer"):
        options += ["--post-renderer", str(renderer["command"])]
        for argument in renderer.get("args") or []:
            options += ["--post-renderer-args", str(argument)]
    return options


def _asset(asset: Mapping[str, Any], file: Path) -> Path:
    if asset.get("text") is not None:
        file.touch(mode=0o600)
        file.write_text(asset["text"], encoding="utf-8")
        return file
    return Path(asset.get("path") or asset.get("uri") or "")


def _reason(stderr: str) -> str:
    lines = [
        line
        for line in stderr.splitlines()
        if line.strip() and not re.match(r"(?i)(warning|pulled|digest)\b", line)
    ]
    return " ".join(
        " ".join(lines)
        .removeprefix("Error: ")
        .replace("Use --debug flag to render out invalid YAML", "")
        .split()
    )

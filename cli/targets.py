"""Where a command runs: a lab of this machine, or a cluster named explicitly, never a mere KUBECONFIG."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cli.engine import Engine
from cli.errors import CommandError
from cli.report import Kubectl
from lab import pki, plugins, tools
from lab.paths import DEFAULT_NAME, Lab

# The stack file may name the user's own cluster; a lab is never that one.
LAB_OVERRIDES: Mapping[str, Any] = {"keda-homelab:cluster": None}


def named(lab: Lab) -> str:
    """What a make command needs to mean this lab: ` LAB=name`, or nothing for the default one."""
    return "" if lab.name == DEFAULT_NAME else f" LAB={lab.name}"


def lab_record(lab: Lab) -> dict[str, Any]:
    """What `lab up` wrote of itself.

    Raises:
        CommandError: the lab is not up.
    """
    try:
        record: dict[str, Any] = json.loads(lab.record.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CommandError(
            f"lab {lab.name}: not up, so there is no cluster to talk to. Run `make up{named(lab)}`."
        ) from None
    return record


def lab_engine(lab: Lab, overrides: Mapping[str, Any] | None = None) -> Engine:
    """The engine on a lab: state, passphrase and stack file are in its folder, the chart is its registry's.

    Args:
        lab: a lab that is up.
        overrides: more overrides of the stack file, for tests.

    Raises:
        CommandError: the lab is not up.
    """
    record = lab_record(lab)
    folder = lab.root / "pulumi"
    state = folder / "state"
    state.mkdir(parents=True, exist_ok=True)
    passphrase = folder / "passphrase"
    if not passphrase.exists():
        pki.write_atomically(passphrase, secrets.token_urlsafe(24), mode=0o600)
    pulumi = Path(record["tools"]["pulumi"])
    plugin_variables, notice = plugins.plugin_environment(pulumi, folder / "home")
    return Engine(
        folder=folder,
        pulumi=pulumi,
        env={
            **plugin_variables,
            "KUBECONFIG": str(lab.kubeconfig),
            "PULUMI_BACKEND_URL": state.as_uri(),
            "PULUMI_CONFIG_PASSPHRASE_FILE": str(passphrase),
        },
        overrides={
            "keda-homelab:keda.chart": record["chart"]["source"],
            **LAB_OVERRIDES,
            **(overrides or {}),
        },
        path=[Path(record["tools"]["helm"]).parent],
        notice=notice,
        exclusive=True,
    )


def lab_kubectl(lab: Lab) -> Kubectl:
    """kubectl on a lab's own kubeconfig."""
    return Kubectl(lab_record(lab)["tools"]["kubectl"], kubeconfig=str(lab.kubeconfig))


def cluster_engine(context: str) -> Engine:
    """The engine on a cluster of one's own: the user's Pulumi login, secrets provider and settings.

    Only `cluster.context` is set, in a copy kept under `$XDG_STATE_HOME/keda-homelab/<context>`.
    """
    pulumi = tools.ensure(["pulumi"])["pulumi"]
    state = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state")
    folder = state / "keda-homelab" / context.replace("/", "_")
    plugin_variables, notice = plugins.plugin_environment(pulumi, folder / "home")
    return Engine(
        folder=folder,
        pulumi=pulumi,
        env=plugin_variables,
        overrides={"keda-homelab:cluster.context": context},
        # The released provider brings helm in itself.
        path=[tools.ensure(["helm"])["helm"].parent] if plugin_variables else [],
        notice=notice,
    )


def cluster_kubectl(context: str) -> Kubectl:
    """kubectl on a context of the user's kubeconfig."""
    return Kubectl(_kubectl(), context=context)


def _kubectl() -> str:
    """The user's own kubectl talks to the user's own cluster; the lab's version matters to the lab only."""
    return shutil.which("kubectl") or str(tools.ensure(["kubectl"])["kubectl"])


def server(context: str) -> str:
    """The address of a context's API server.

    Raises:
        CommandError: no such context.
    """
    shown = subprocess.run(
        [_kubectl(), "config", "view", "--minify", f"--context={context}", "-o", "json"],
        capture_output=True,
        text=True,
    )
    clusters = json.loads(shown.stdout).get("clusters") if shown.returncode == 0 else None
    if not clusters:
        raise CommandError(
            f"CLUSTER={context}: no such context in the kubeconfig, so there is no cluster to run on. "
            "See `kubectl config get-contexts`."
        )
    return str(clusters[0]["cluster"]["server"])


def confirm_cluster(context: str, what: str, assume_yes: bool) -> None:
    """Shows context and server, and asks before anything is done there.

    Raises:
        CommandError: no such context, or the answer was not yes.
    """
    print(f"context  {context}\nserver   {server(context)}")
    if assume_yes:
        return
    if not sys.stdin.isatty():
        raise CommandError(
            f"CLUSTER={context}: nobody is there to answer. Pass YES=1 to {what} without being asked."
        )
    if input(f"{what} there? [y/N] ").strip().lower() not in {"y", "yes"}:
        raise CommandError(f"CLUSTER={context}: stopped, nothing was changed.")


FINALIZER = "finalizer.keda.sh"
KEDA_KINDS = ("scaledobjects", "scaledjobs", "triggerauthentications", "clustertriggerauthentications")


def foreign_keda_objects(engine: Engine, kubectl: Kubectl) -> list[str]:
    """Objects that carry KEDA's finalizer and are not this stack's, as `Kind namespace/name`.

    Once KEDA is gone nothing removes the finalizer, and deleting them or their namespace hangs for ever.
    """
    ours = {
        (meta.get("namespace", ""), meta.get("name"))
        for resource in engine.deployment().get("resources", [])
        if resource["type"].startswith("kubernetes:keda.sh/")
        for meta in [resource.get("outputs", {}).get("metadata", {})]
    }
    return [
        f"{item['kind']} {'/'.join(filter(None, [meta.get('namespace'), meta['name']]))}"
        for kind in KEDA_KINDS
        for item in kubectl.items(f"{kind}.keda.sh", "--all-namespaces")
        for meta in [item["metadata"]]
        if FINALIZER in meta.get("finalizers", []) and (meta.get("namespace", ""), meta["name"]) not in ours
    ]

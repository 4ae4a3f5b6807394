"""The lab as a place where a command runs, and the objects that a `down` must not strand."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pulumi_plugins
from cli.engine import Engine
from cli.errors import CommandError
from cli.fields import title
from cli.kubectl import Kubectl
from lab.files import write_atomically
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


def in_folder(state: Path) -> str:
    """The URL of a state in a folder.

    Without `metadata=skip` each file has a second one for its attributes (gocloud.dev, fileblob/attrs.go),
    which is not replaced in one step: a kill while it is written leaves it empty, and every later run ends
    with "failed to load checkpoint: EOF".
    """
    return f"{state.as_uri()}?metadata=skip"


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
        write_atomically(passphrase, secrets.token_urlsafe(24), mode=0o600)
    pulumi = Path(record["tools"]["pulumi"])
    plugin_variables, notice = pulumi_plugins.plugin_environment(pulumi, folder / "home")
    return Engine(
        folder=folder,
        pulumi=pulumi,
        env={
            **plugin_variables,
            "KUBECONFIG": str(lab.kubeconfig),
            "PULUMI_BACKEND_URL": in_folder(state),
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


FINALIZER = "finalizer.keda.sh"
KEDA_KINDS = ("scaledobjects", "scaledjobs", "triggerauthentications", "clustertriggerauthentications")


def foreign_keda_objects(engine: Engine, kubectl: Kubectl) -> list[str]:
    """Objects that carry KEDA's finalizer and are not this stack's, as `Kind namespace/name`.

    Once KEDA is gone nothing removes the finalizer, and deleting them or their namespace hangs forever.
    """
    ours = {
        (meta.get("namespace", ""), meta.get("name"))
        for resource in engine.deployment().get("resources", [])
        if resource["type"].startswith("kubernetes:keda.sh/")
        for meta in [resource.get("outputs", {}).get("metadata", {})]
    }
    return [
        title(item)
        for kind in KEDA_KINDS
        for item in kubectl.items(f"{kind}.keda.sh", "--all-namespaces")
        for meta in [item["metadata"]]
        if FINALIZER in meta.get("finalizers", []) and (meta.get("namespace", ""), meta["name"]) not in ours
    ]

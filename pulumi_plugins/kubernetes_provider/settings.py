"""The provider's own configuration: what Configure reads, CheckConfig refuses and DiffConfig compares."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pulumi_plugins.kubernetes_provider.api import Unreachable, load_kubeconfig

PREFIX = "kubernetes:config:"
WITH_CLUSTER = ("cluster", "context", "kubeconfig")
# The stand-in's own: "true" makes a preview fail where admission refuses; the released provider stays silent.
STRICT_PREVIEW = "KEDA_HOMELAB_STRICT_PREVIEW"


@dataclass(frozen=True)
class Settings:
    """The settings that matter here; the released provider's names and environment variables."""

    kubeconfig: str | None
    context: str | None
    namespace: str | None
    render_to: Path | None
    upsert: bool
    force: bool
    mutable: frozenset[str]
    delete_unreachable: bool
    server_side_apply: bool
    strict_preview: bool

    @classmethod
    def of(cls, variables: Mapping[str, str]) -> Settings:
        """Reads the variables of a Configure call."""

        def text(name: str) -> str | None:
            return variables.get(PREFIX + name) or None

        def flag(name: str, variable: str, default: str = "false") -> bool:
            return (text(name) or os.environ.get(f"PULUMI_K8S_{variable}") or default) == "true"

        mutable = {
            "ConfigMap": flag("enableConfigMapMutable", "ENABLE_CONFIGMAP_MUTABLE"),
            "Secret": flag("enableSecretMutable", "ENABLE_SECRET_MUTABLE"),
        }
        directory = text("renderYamlToDirectory")
        return cls(
            kubeconfig=text("kubeconfig"),
            context=text("context"),
            namespace=text("namespace"),
            render_to=Path(directory) if directory else None,
            upsert=flag("upsertExistingObjects", "UPSERT_EXISTING_OBJECTS"),
            force=flag("enablePatchForce", "ENABLE_PATCH_FORCE"),
            mutable=frozenset(kind for kind, allowed in mutable.items() if allowed),
            delete_unreachable=flag("deleteUnreachable", "DELETE_UNREACHABLE"),
            server_side_apply=flag("enableServerSideApply", "ENABLE_SERVER_SIDE_APPLY", "true"),
            strict_preview=os.environ.get(STRICT_PREVIEW) == "true",
        )


def context_namespace(settings: Settings) -> str:
    """The default namespace: the provider's, else its kubeconfig context's, else `default`."""
    if settings.namespace:
        return settings.namespace
    try:
        loaded = load_kubeconfig(settings.kubeconfig or os.environ.get("KUBECONFIG") or "~/.kube/config")
    except Unreachable:
        return "default"
    return str(_context(loaded, settings.context).get("namespace") or "default")


def failures(config: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Settings that exclude each other, as property and reason."""
    if not config.get("renderYamlToDirectory"):
        return []
    ambient = os.environ.get("KUBECONFIG")
    return [
        (name, f'"{name}" arg is not compatible with "renderYamlToDirectory" arg')
        for name in WITH_CLUSTER
        if config.get(name) and not (name == "kubeconfig" and config[name] == ambient)
    ]


def replaced_by(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """What a change of the configuration touches.

    Returns:
        The changed keys, and those that mean another cluster or folder, for which all must be made anew.
    """
    changed = [key for key in sorted({*old, *new}) if old.get(key) != new.get(key)]
    replaces = [key for key in changed if key == "renderYamlToDirectory"]
    if identifier := new.get("clusterIdentifier"):
        same = old.get("clusterIdentifier") in {None, identifier}
        return changed, [] if same else ["clusterIdentifier"]
    was, now = _active_cluster(old), _active_cluster(new)
    if was and now and was != now:
        replaces += [key for key in changed if key in WITH_CLUSTER]
    return changed, replaces


def _active_cluster(config: Mapping[str, Any]) -> Any:
    kubeconfig = config.get("kubeconfig")
    if not kubeconfig:
        return None
    try:
        loaded = load_kubeconfig(kubeconfig if isinstance(kubeconfig, str) else json.dumps(kubeconfig))
    except (Unreachable, TypeError):
        return None
    name = config.get("cluster") or _context(loaded, config.get("context")).get("cluster")
    found = [entry["cluster"] for entry in loaded.get("clusters") or [] if entry.get("name") == name]
    return found[0] if found else None


def _context(loaded: Mapping[str, Any], name: str | None) -> Mapping[str, Any]:
    context = name or loaded.get("current-context")
    found = [
        entry.get("context") or {} for entry in loaded.get("contexts") or [] if entry.get("name") == context
    ]
    return found[0] if found else {}

"""Where things are: the cache of tools, and one folder and a few names for each lab."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

DEFAULT_NAME = "homelab"


def cache() -> Path:
    """The folder of tools and build caches: it survives `down`, and any lab may use it."""
    if chosen := os.environ.get("KEDA_HOMELAB_CACHE"):
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "keda-homelab"


@dataclass(frozen=True)
class Lab:
    """One lab: a single-node cluster with its own folder, network namespace and cgroup.

    Everything a lab writes is in `root`. Raises ValueError when `name` cannot name a namespace and a node.
    """

    name: str = DEFAULT_NAME

    def __post_init__(self) -> None:
        # A node name is a DNS label; unix socket paths (at most 107 bytes) are the reason it must be short.
        if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,22}[a-z0-9])?", self.name):
            raise ValueError(
                f"--name: {self.name!r} cannot name a lab: it also names a node and a network namespace. "
                "Use at most 24 lower-case letters, digits and inner dashes."
            )

    @property
    def root(self) -> Path:
        """The lab's folder: below KEDA_HOMELAB_STATE, else /var/lib/keda-homelab."""
        parent = os.environ.get("KEDA_HOMELAB_STATE") or "/var/lib/keda-homelab"
        return Path(parent) / self.name

    @property
    def kubeconfig(self) -> Path:
        """For clients on the host: the API server on a loopback port, with an administrator's certificate."""
        return self.root / "kubeconfig"

    @property
    def record(self) -> Path:
        """Written last by `up`: name, kubeconfig, ports, chart, gpus, tools."""
        return self.root / "lab.json"

    @property
    def logs(self) -> Path:
        """The folder of the programs' logs."""
        return self.root / "logs"

    @property
    def netns(self) -> str:
        """The name of the network namespace."""
        return f"keda-homelab-{self.name}"

    @property
    def netns_path(self) -> Path:
        """The file by which the network namespace is entered."""
        return Path("/run/netns") / self.netns

    @property
    def cgroup(self) -> str:
        """The lab's cgroup, relative to each hierarchy's mount point."""
        return f"keda-homelab-{self.name}"

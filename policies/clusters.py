"""The clusters that a program's providers speak to: what they hold is read without being asked for."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from keda.manifests.declared import Declared
from policies.resources import Connection, Resource, cluster_of, connection


class Clusters:
    """How to reach each cluster of the program, by what `cluster_of` calls it."""

    def __init__(self) -> None:
        self._found: dict[str, Connection | None] = {}
        self._providers: set[str] = set()

    def add(self, resource: Resource) -> None:
        """Note the cluster of a resource's provider."""
        if resource.provider and resource.provider.urn not in self._providers:
            self._providers.add(resource.provider.urn)
            self._found.setdefault(cluster_of(resource), connection(resource))

    def read(self, wanted: Iterable[str], unread: list[str]) -> list[Declared]:
        """What these clusters hold. `unread` gets a line for each thing that could not be read."""
        found: list[Declared] = []
        for cluster in sorted(wanted):
            reached = self._found.get(cluster)
            if reached is None or _none_at_all(reached):
                continue
            if reached.undecided:
                unread.append(reached.undecided)
                continue
            # Imported here: a program without a cluster needs no client.
            from policies.sources.cluster import read_cluster

            given = {"kubeconfig": reached.kubeconfig, "context": reached.context}
            found += [replace(each, cluster=cluster) for each in read_cluster(given, unread)]
        return found


def _none_at_all(reached: Connection) -> bool:
    """Whether there is no kubeconfig whatsoever: then the provider has no cluster either, save in a pod."""
    if reached.kubeconfig or reached.undecided or "KUBERNETES_SERVICE_HOST" in os.environ:
        return False
    usual = os.environ.get("KUBECONFIG") or "~/.kube/config"
    paths = [Path(each).expanduser() for each in usual.split(os.pathsep) if each]
    return not any(each.is_file() and each.stat().st_size for each in paths)

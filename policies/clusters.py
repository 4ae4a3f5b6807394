"""The clusters that a program's providers reach: which of them are one, and what they hold."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from keda.guardrails import Undecided
from keda.manifests.declared import UNKNOWN, Declared
from keda.manifests.reading import dig, mapping, sequence, text
from policies.resources import PROVIDER, Provider, Resource, kubeconfig_text

_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Connection:
    """How a provider reaches its cluster: a kubeconfig (a path or its text) and a context, "" for the usual.

    `undecided` is one line where that is not known here, "" where it is.
    """

    kubeconfig: str = field(default="", repr=False)  # holds credentials
    context: str = ""
    undecided: str = ""


@dataclass
class _Known:
    """A cluster by its API server. The certificate authority is "" where a kubeconfig leaves it out."""

    server: str
    authority: str
    name: str


class Clusters:
    """The program's clusters, by a name that two providers of one cluster share."""

    def __init__(self) -> None:
        self._connections: dict[str, Connection | None] = {}
        self._names: dict[str, str] = {}
        self._known: list[_Known] = []
        self._providers: dict[str, Provider] = {}
        self._used: set[str] = set()

    def of(self, resource: Resource) -> str:
        """The cluster of a resource's provider, or of a provider itself; "" is the current one, or any.

        Two spellings of one API server and certificate authority are one cluster. A provider that renders
        files is a cluster by its directory. A name is a digest: a kubeconfig is secret.
        """
        own = resource.type == PROVIDER
        provider = (
            Provider(resource.urn, resource.name, mapping(resource.props)) if own else resource.provider
        )
        if provider is None:
            return ""
        if provider.urn not in self._names:
            self._providers[provider.urn] = provider
            self._names[provider.urn] = self._name(provider)
            self._connections.setdefault(self._names[provider.urn], connection(provider))
        if not own:
            self._used.add(provider.urn)
        return self._names[provider.urn]

    def read(self, wanted: Iterable[str], unread: list[str]) -> list[Declared]:
        """What these clusters hold. `unread` gets a line for each thing that could not be read."""
        found: list[Declared] = []
        for cluster in sorted(wanted):
            reached = self._connections.get(cluster)
            if reached is None or _none_at_all(reached):
                continue
            if reached.undecided:
                unread.append(reached.undecided)
                continue
            # Imported here: a program without a cluster needs no client.
            from policies.sources.cluster import read_cluster

            given = {"kubeconfig": reached.kubeconfig, "context": reached.context}
            found += [each._replace(cluster=cluster) for each in read_cluster(given, unread)]
        return found

    def undecided(self, owning: Iterable[str]) -> Iterator[Undecided]:
        """Providers whose cluster the update alone has, where another one has owners too; and those that
        nothing is registered with: what is only read with them, no policy is shown.
        """
        owned = set(owning)
        for urn, provider in self._providers.items():
            cluster = self._names[urn]
            if cluster == urn and cluster in owned and owned - {cluster}:
                yield Undecided(
                    f"provider {provider.name}",
                    urn,
                    "kubeconfig",
                    "is known only in the update: whether its cluster is that of another provider of this "
                    "program, and so whether their objects meet, is checked there",
                )
            elif urn not in self._used and owned and self._connections[cluster]:
                yield Undecided(
                    f"provider {provider.name}",
                    urn,
                    "",
                    "registers no object in this run. An object that is only read with it (`.get`) is shown "
                    "to no policy, so it is not compared. Name its cluster in "
                    "keda-one-owner-sources.cluster to have it read",
                )

    def _name(self, provider: Provider) -> str:
        settings = provider.settings
        given = [settings.get(key) for key in ("kubeconfig", "context", "cluster", "renderYamlToDirectory")]
        if UNKNOWN in given:
            return provider.urn
        if given[3]:
            return _digest("directory", os.path.normpath(str(given[3])))
        if not any(given):
            return ""
        reached = _server(kubeconfig_text(given[0]), text(given[1]), text(given[2]))
        return self._same(*reached) if reached else _digest(repr(given))

    def _same(self, server: str, authority: str) -> str:
        for each in self._known:
            if each.server == server and (not authority or not each.authority or each.authority == authority):
                each.authority = each.authority or authority
                return each.name
        self._known.append(_Known(server, authority, _digest(server, authority)))
        return self._known[-1].name


def connection(provider: Provider) -> Connection | None:
    """How a provider reaches its cluster; None where there is none, since it renders files."""
    settings = provider.settings
    if settings.get("renderYamlToDirectory"):
        return None
    kubeconfig, context = (settings.get(key) or "" for key in ("kubeconfig", "context"))
    name = f"The cluster of the provider {provider.name} is not read:"
    if UNKNOWN in (kubeconfig, context):
        return Connection(undecided=f"{name} its kubeconfig is known only in the update.")
    if settings.get("cluster"):
        return Connection(undecided=f"{name} it sets `cluster`. Set `context` instead.")
    return Connection(kubeconfig_text(kubeconfig), text(context))


def _server(kubeconfig: str, context: str, cluster: str) -> tuple[str, str] | None:
    """(API server, digest of its certificate authority) that these settings reach; None if unreadable."""
    folder = Path()
    if not kubeconfig.lstrip().startswith("{") and "\n" not in kubeconfig:
        usual = os.environ.get("KUBECONFIG", "").split(os.pathsep)[0] or "~/.kube/config"
        path = Path(kubeconfig or usual).expanduser()
        try:
            kubeconfig, folder = path.read_text("utf-8"), path.parent
        except (OSError, ValueError):
            return None
    content = _parsed(kubeconfig)
    chosen = context or text(content.get("current-context"))
    cluster = cluster or text(dig(_entry(content, "contexts", chosen), "context", "cluster"))
    found = mapping(_entry(content, "clusters", cluster).get("cluster"))
    server = text(found.get("server"))
    return (_address(server), _authority(found, folder)) if server else None


def _parsed(kubeconfig: str) -> Mapping[Any, Any]:
    try:
        return mapping(json.loads(kubeconfig))
    except ValueError:
        from keda.manifests.documents import Unreadable, documents

        try:
            return next((mapping(each.value) for each in documents(kubeconfig)), {})
        except Unreadable:
            return {}


def _entry(content: Mapping[Any, Any], key: str, name: str) -> Mapping[Any, Any]:
    entries = map(mapping, sequence(content.get(key)))
    return next((each for each in entries if each.get("name") == name), {})


def _address(server: str) -> str:
    """An API server's URL as one text, however it is written."""
    try:
        url = urlsplit(server.strip())
        port = url.port or _PORTS.get(url.scheme, 0)
    except ValueError:
        return server
    return f"{url.scheme}://{url.hostname}:{port}{url.path.rstrip('/')}"


def _authority(cluster: Mapping[Any, Any], folder: Path) -> str:
    data, path = text(cluster.get("certificate-authority-data")), text(cluster.get("certificate-authority"))
    try:
        content = base64.b64decode(data) if data else (folder / path).read_bytes() if path else b""
    except (OSError, ValueError):
        return ""
    return _digest(content.decode("latin-1").strip()) if content else ""


def _digest(*parts: str) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def _none_at_all(reached: Connection) -> bool:
    """Whether there is no kubeconfig whatsoever: then the provider has no cluster either, save in a pod."""
    if reached.kubeconfig or reached.undecided or "KUBERNETES_SERVICE_HOST" in os.environ:
        return False
    usual = os.environ.get("KUBECONFIG") or "~/.kube/config"
    paths = [Path(each).expanduser() for each in usual.split(os.pathsep) if each]
    return not any(each.is_file() and each.stat().st_size for each in paths)

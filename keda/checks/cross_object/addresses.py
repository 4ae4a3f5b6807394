"""Addresses as KEDA's pod resolves them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from keda.checks.cross_object.cluster_secrets import keda_namespaces
from keda.checks.registry import REFERENCES, SCALING, Problem, warning
from keda.checks.scaling import triggers_of
from keda.checks.sources import ADDRESSES, environment
from keda.core.errors import MISSING
from keda.manifests.objects import Item, Objects
from keda.manifests.reading import At
from keda.manifests.unseen import UNKNOWN_NAMESPACE

_IN_URL = {"connectionString", "connection"}
"""Parameters that may be a URL, or a connection string."""
_HOST = re.compile(r"(?:[a-z][a-z0-9+.-]*://)?(?:[^/@]*@)?(\[[0-9a-f:]+\]|[A-Za-z0-9.-]+)(?=[:/?]|$)")
_IN_CONNECTION = re.compile(
    r"@tcp\(([A-Za-z0-9.-]+)"
    r"|(?i:(?:^|[;\s])(?:host|server|data source|address|addr)\s*=\s*(?:tcp:)?)([A-Za-z0-9.-]+)(?=[,:;\s]|$)"
)
"""The host in a connection string that is no URL: of MySQL's driver, or as pairs of name and value."""
_OWN = re.compile(r"localhost|127(\.\d+){3}|\[::1\]|0\.0\.0\.0")
_LABEL = re.compile(r"[a-z]([a-z0-9-]*[a-z0-9])?")


@warning(
    "address-elsewhere",
    REFERENCES,
    summary="An address that is another one as seen from KEDA",
    why=(
        "KEDA's operator opens the connection, from its own pod. A name without dots is resolved in KEDA's "
        "namespace, not in that of the ScaledObject, and localhost is the operator's pod. A short name is "
        "reported where a Service of that name is given in the ScaledObject's namespace."
    ),
    passes="url: http://orders.shop.svc:8000/load",
).among(*SCALING)
def address_elsewhere(item: Item, objects: Objects) -> Iterator[Problem]:
    variables: dict[str, str] | None = None
    for trigger in triggers_of(item):
        at: At = (*trigger.at, "metadata")
        for key, value in trigger.parameters.items():
            name = key.removesuffix("FromEnv")
            if name not in ADDRESSES or not isinstance(value, str):
                continue
            if key != name:
                variables = environment(item, objects)[0] if variables is None else variables
                value = variables.get(value, "")
            for host in _hosts(value, in_url=name in _IN_URL):
                if problem := _problem(host, item, objects, (*at, key)):
                    yield problem
                    break


def _hosts(value: str, in_url: bool) -> Iterator[str]:
    if in_url and "://" not in value:
        yield from (first or second for first, second in _IN_CONNECTION.findall(value))
        return
    for each in value.split(","):
        if found := _HOST.match(each.strip()):
            yield found[1]


def _problem(host: str, item: Item, objects: Objects, at: At) -> Problem | None:
    if _OWN.fullmatch(host):
        what, why = (
            f"has the host {host}, which is the pod of KEDA's operator:",
            "nothing of yours answers there.",
        )
        return Problem(
            at,
            MISSING,
            what,
            f"Write the Service's name with its namespace, such as name.{item.namespace}.svc.",
            why=why,
        )
    if not _LABEL.fullmatch(host):
        return None
    namespaces = keda_namespaces(objects)
    if item.namespace in {*namespaces, UNKNOWN_NAMESPACE}:
        return None
    here = objects.get("", "Service", item.namespace, host)
    if here is None or any(objects.get("", "Service", each, host) for each in namespaces):
        return None
    what, why = (
        f"has the host {host}, a Service of {item.namespace}.",
        "KEDA resolves a name without dots in its own namespace, and does not find it.",
    )
    return Problem(at, MISSING, what, f"Write {host}.{item.namespace}.svc as the host.", why=why)

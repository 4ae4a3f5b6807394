"""Owners that a cluster holds already, such as an HPA made by hand last year. It is only read."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from keda.api_server import Unreachable, connect
from keda.manifests.declared import Declared, ObjectRef
from keda.manifests.reading import (
    Manifest,
    annotation,
    belongs_to,
    dig,
    identity,
    managed_fields,
    mapping,
    sequence,
    text,
)
from keda.ownership import claims

Get = Callable[[str], Mapping[str, Any] | None]
"""The JSON at a path of the API server; None where it serves nothing. Raises `Unreadable`."""

SECONDS = 30
"""For everything; a credential helper or a slow server does not hold a preview for longer."""
_PAGE = 500
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"

# Field managers of tools that declare a whole object and write it again. Any other client may have created
# the object once, with a first count.
_DECLARING = ("ansible", "argocd", "flux", "helm", "kustomize", "pulumi", "terraform", "hashicorp")

KINDS = (
    ("keda.sh", "scaledobjects"),  # before the HPAs that KEDA makes of them
    ("autoscaling", "horizontalpodautoscalers"),
    ("http.keda.sh", "httpscaledobjects"),
    ("autoscaling.k8s.io", "verticalpodautoscalers"),
    ("gateway.envoyproxy.io", "envoyproxies"),
    ("gateway.networking.k8s.io", "gateways"),
    ("gateway.networking.k8s.io", "gatewayclasses"),
    ("ray.io", "rayclusters"),
    ("ray.io", "rayservices"),
    ("serving.knative.dev", "services"),
    ("argoproj.io", "rollouts"),
    ("flagger.app", "canaries"),
    ("apps", "deployments"),
    ("apps", "statefulsets"),
)


class Unreadable(Exception):
    """What could not be read. The text is one line: why, and what to do."""


def read_cluster(cluster: Mapping[str, str], unread: list[str]) -> list[Declared]:
    """The owners in a cluster: `context` and `kubeconfig` (a path, or its text) as kubectl takes them, each
    optional.

    Adds a line to `unread` for what could not be read, and returns the rest.
    """
    name = cluster.get("context", "")
    found: list[Declared] = []

    def read() -> None:
        try:
            get, context = _connect(cluster)
            for declared in live_owners(get, context, unread):
                found.append(declared)
        except Unreadable as error:
            unread.append(f"cluster {name or '(current context)'}: {error}")

    # A thread, since nothing else bounds a kubeconfig's credential helper.
    reading = threading.Thread(target=read, daemon=True)
    reading.start()
    reading.join(SECONDS)
    if reading.is_alive():
        unread.append(
            f"cluster {name or '(current context)'}: gave no full answer within {SECONDS} s, so what it "
            "holds is checked in part. Try `kubectl get hpa -A` with this context."
        )
    return list(found)


def live_owners(get: Get, context: str, unread: list[str]) -> Iterator[Declared]:
    """The live objects that own or link something, of the kinds the cluster serves.

    An HPA that KEDA made is left to its ScaledObject, so that one conflict is reported once.
    """
    groups = _served(get)
    scaled: set[ObjectRef] = set()
    missed: dict[str, list[str]] = {}
    for group, plural in KINDS:
        if group not in groups:
            continue
        try:
            for manifest in _list(get, f"/apis/{groups[group]}/{plural}"):
                source = identity(manifest)
                if source is None or not scaled.isdisjoint(_made_for(source, manifest)):
                    continue
                declared = _declared(source, manifest, context)
                if any(claims(declared)):
                    yield declared
                if source.kind == "ScaledObject":
                    scaled.add(source)
        except Unreadable as error:
            missed.setdefault(str(error), []).append(f"{plural}.{group}")
    unread += [f"cluster {context}: {', '.join(names)}: {why}" for why, names in missed.items()]


def _made_for(source: ObjectRef, manifest: Manifest) -> Iterator[ObjectRef]:
    """The ScaledObjects that an object belongs to."""
    for kind, name in belongs_to(manifest):
        if kind == "ScaledObject":
            yield ObjectRef("keda.sh", kind, source.namespace, name)


def _served(get: Get) -> dict[str, str]:
    """The preferred version of each API group, as `group/version`."""
    found = mapping(get("/apis"))
    return {
        text(mapping(group).get("name")): text(dig(mapping(group), "preferredVersion", "groupVersion"))
        for group in sequence(found.get("groups"))
    }


def _list(get: Get, path: str) -> Iterator[Manifest]:
    token = ""
    while True:
        page = mapping(get(f"{path}?limit={_PAGE}" + (f"&continue={token}" if token else "")))
        own: dict[object, object] = {
            "apiVersion": page.get("apiVersion"),
            "kind": text(page.get("kind")).removesuffix("List"),
        }
        for item in sequence(page.get("items")):
            yield {**own, **mapping(item)}
        token = text(dig(page, "metadata", "continue"))
        if not token:
            return


def _declared(source: ObjectRef, manifest: Manifest, context: str) -> Declared:
    writer = _replicas_writer(manifest)
    spec = mapping(manifest.get("spec"))
    if not writer:
        spec = {key: value for key, value in spec.items() if key != "replicas"}
    manager = writer or _last_writer(manifest)
    where = f"live cluster {context}: {source}" + (f", field manager {manager}" if manager else "")
    return Declared({**manifest, "spec": spec}, where, live=True)


def _replicas_writer(manifest: Manifest) -> str:
    """Who will write the live `spec.replicas` again: "" if nobody but autoscalers or a person once did.

    Applying sides own the field for as long as they declare it. An updating client owns it from the first
    write on, also where the API server only filled in its default of 1: such a count means nothing. What went
    through /scale (KEDA, the HPA, `kubectl scale`) is not declared anywhere.
    """
    for entry in managed_fields(manifest):
        if entry.get("subresource") or "f:replicas" not in mapping(dig(entry, "fieldsV1", "f:spec")):
            continue
        manager = text(entry.get("manager"))
        if entry.get("operation") == "Apply" or _updates_again(manager, manifest):
            return manager or "(unnamed)"
    return ""


def _updates_again(manager: str, manifest: Manifest) -> bool:
    if manager == "kubectl-client-side-apply":
        applied = annotation(manifest, _LAST_APPLIED)
        return '"replicas":' in text(applied)
    return manager.lower().startswith(_DECLARING) and dig(manifest, "spec", "replicas") != 1


def _last_writer(manifest: Manifest) -> str:
    """The field manager of the spec."""
    managers = [
        text(entry.get("manager"))
        for entry in managed_fields(manifest)
        if not entry.get("subresource") and "f:spec" in mapping(entry.get("fieldsV1"))
    ]
    return ", ".join(dict.fromkeys(filter(None, managers)))


def _connect(cluster: Mapping[str, str]) -> tuple[Get, str]:
    """A reader of the API server, and its context's name."""
    settings = ("`kubeconfig`, or set KUBECONFIG", "`context`")
    try:
        server, context = connect(cluster.get("kubeconfig") or "", cluster.get("context") or "", settings)
    except Unreachable as error:
        raise Unreadable(str(error)) from None

    def get(path: str) -> Mapping[str, Any] | None:
        try:
            response = server(path)
        except Unreachable as error:
            raise Unreadable(str(error)) from None
        if response.status == 404:
            return None
        if response.status in (401, 403):
            raise Unreadable(f"may not be read ({response.status}). Grant its user `list`, cluster-wide.")
        if response.status >= 400:
            raise Unreadable(f"the API server answered {response.status}. Try again.")
        return _json(response.body)

    return get, context


def _json(body: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        raise Unreadable("the answer is not JSON. Does the kubeconfig point at Kubernetes?") from None
    return found if isinstance(found, dict) else {}

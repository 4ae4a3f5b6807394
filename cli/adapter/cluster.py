"""Prometheus Adapter, KEDA and the HPAs between them as a cluster has them, and the two ways to change sides.

A cluster has one APIService for external metrics. KEDA's operator with --enable-cert-rotation writes its CA
into it, even if it is another's (pkg/certificates/certificate_manager.go), and serves no metric before:
an adapter with a CA of its own is cut off at once, and insecureSkipTLSVerify keeps KEDA from serving.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cli.errors import CommandError
from cli.helm_release import stored
from cli.kubectl import Kubectl
from keda.core.defaults import TRANSFER_OWNERSHIP
from keda.manifests.installer import release_of

Object = dict[str, Any]
Key = tuple[str, str]
"""Namespace and name."""

APISERVICE = "v1beta1.external.metrics.k8s.io"
_RESOURCES = "v1beta1.metrics.k8s.io"
_METRICS_SERVER = "app.kubernetes.io/name=keda-operator-metrics-apiserver"
_OPERATOR = "app.kubernetes.io/name=keda-operator"
_ADAPTER = "app.kubernetes.io/name=prometheus-adapter"
_ROTATION = "--enable-cert-rotation=true"
_SECRET = "--cert-secret-name="
_HPAS = "horizontalpodautoscalers.v2.autoscaling"
_NAMED = ("pods", "object", "external")
"""The fields of a metric that has a name."""


@dataclass(frozen=True)
class Route:
    """What an APIService's spec has of its server: which one, and how the API server verifies it."""

    namespace: str
    name: str
    ca: str | None = None
    """Base64; None: the API server's own roots verify it."""
    insecure: bool = False
    """It is not verified."""
    port: int = 443

    def patch(self) -> str:
        """The merge patch that makes the APIService this one. Helm is kept from deleting it."""
        spec = {
            "service": {"namespace": self.namespace, "name": self.name, "port": self.port},
            "insecureSkipTLSVerify": self.insecure,
            "caBundle": self.ca,
        }
        return json.dumps({"metadata": {"annotations": {"helm.sh/resource-policy": "keep"}}, "spec": spec})


@dataclass(frozen=True)
class Sides:
    """The APIService as it is, and KEDA's server of external metrics."""

    now: Route
    keda: Route
    rotates: bool
    """KEDA's operator writes its CA into the APIService."""
    release: tuple[str, str] | None = None
    """(name, namespace) of the Helm release that the APIService is from."""

    @property
    def is_kedas(self) -> bool:
        """The APIService names KEDA's server."""
        return (self.now.namespace, self.now.name) == (self.keda.namespace, self.keda.name)


def sides(kubectl: Kubectl) -> Sides:
    """Reads both.

    Raises:
        CommandError: one is not there, or KEDA is not ready to serve.
    """
    found = kubectl.items("apiservices", APISERVICE, "--ignore-not-found")
    if not found or not (spec := found[0]["spec"]).get("service"):
        raise CommandError(
            f"APIService {APISERVICE}: not there, so no adapter serves external metrics. Install KEDA with "
            "its APIService (its chart as usual), and run this again."
        )
    _ready(kubectl, _METRICS_SERVER, "KEDA's metrics server")
    operator = _ready(kubectl, _OPERATOR, "KEDA's operator")
    service = _one(kubectl, "services", _METRICS_SERVER, "the Service of KEDA's metrics server")["metadata"]
    words = [str(each) for each in operator["spec"]["template"]["spec"]["containers"][0].get("args") or []]
    secret = next((each.removeprefix(_SECRET) for each in words if each.startswith(_SECRET)), "kedaorg-certs")
    path = "-o=jsonpath={.data.ca\\.crt}"
    authority = kubectl.call("get", "secret", secret, f"--namespace={service['namespace']}", path)
    if not authority:
        raise CommandError(
            f"Secret {service['namespace']}/{secret}: has no ca.crt, which verifies KEDA's server."
        )
    now = Route(
        spec["service"]["namespace"],
        spec["service"]["name"],
        spec.get("caBundle"),
        spec.get("insecureSkipTLSVerify", False),
        spec["service"].get("port", 443),
    )
    kedas = Route(service["namespace"], service["name"], authority)
    return Sides(now, kedas, _ROTATION in words, release_of(found))


def adapter(kubectl: Kubectl) -> Route:
    """Prometheus Adapter's Service, by its label. Raises CommandError if it is not there, or not ready."""
    _ready(kubectl, _ADAPTER, "Prometheus Adapter")
    service = _one(kubectl, "services", _ADAPTER, "the Service of Prometheus Adapter")["metadata"]
    return Route(service["namespace"], service["name"], insecure=True)


def keep_apiservice(kubectl: Kubectl, release: tuple[str, str]) -> None:
    """Has `helm uninstall` of a release, (name, namespace), leave the APIService.

    Helm reads that in its stored manifest, not on the live object (cli/helm_release.py).

    Raises:
        CommandError: the cluster does not answer, or a stored release cannot be read.
    """
    for each in stored(kubectl, *release):
        if kept := each.keeping("APIService", APISERVICE):
            kubectl.call("replace", "-f", "-", stdin=json.dumps(kept))


def still_read(kubectl: Kubectl, server: Route) -> Iterator[str]:
    """What else the adapter serves: HPAs on custom metrics, and cpu and memory; a line for each."""
    for each, hpa in hpas(kubectl).items():
        if kinds := metric_types(hpa) & {"Pods", "Object"}:
            yield f"HPA {'/'.join(each)} ({', '.join(sorted(kinds))}). Translate it first."
    for item in kubectl.items("apiservices", _RESOURCES, "--ignore-not-found"):
        service = item["spec"].get("service") or {}
        if (service.get("namespace"), service.get("name")) == (server.namespace, server.name):
            yield f"APIService {_RESOURCES}, so every HPA on cpu or memory. Install metrics-server first."


def hpas(kubectl: Kubectl) -> dict[Key, Object]:
    """Every HPA of the cluster."""
    return {key(item): item for item in kubectl.items(_HPAS, "--all-namespaces")}


def key(item: Mapping[str, Any]) -> Key:
    """Namespace and name; no namespace is `default`."""
    metadata = item["metadata"]
    return metadata.get("namespace") or "default", metadata["name"]


def external(hpa: Mapping[str, Any]) -> bool:
    """Whether an HPA reads an External metric."""
    return "External" in metric_types(hpa)


def metric_types(hpa: Mapping[str, Any]) -> set[str]:
    """The types of an HPA's metrics."""
    return {metric["type"] for metric in hpa["spec"].get("metrics") or []}


def asleep(hpa: Mapping[str, Any]) -> bool:
    """Whether its target is at 0 replicas, where the HPA controller leaves it (ScalingDisabled)."""
    conditions = (hpa.get("status") or {}).get("conditions") or []
    return any(each.get("reason") == "ScalingDisabled" for each in conditions)


def owner(hpa: Mapping[str, Any]) -> str:
    """The ScaledObject that owns an HPA; "" without one."""
    references = hpa["metadata"].get("ownerReferences") or []
    return next((each["name"] for each in references if each["kind"] == "ScaledObject"), "")


def to_keda(kubectl: Kubectl, scaled: Sequence[Object], route: Route | None) -> None:
    """KEDA takes over the HPAs of these ScaledObjects and, with `route`, the external metrics.

    KEDA writes an HPA within a second of its ScaledObject, and the API server uses the other server at once.
    """
    apply(kubectl, scaled)
    if route:
        _route(kubectl, route)


def to_adapter(kubectl: Kubectl, natives: Sequence[Object], route: Route | None) -> None:
    """The HPAs are nobody's again, with these metrics; with `route`, external metrics are the adapter's.

    With its dependents orphaned, a ScaledObject leaves its HPA.
    """
    there = hpas(kubectl)
    for native in natives:
        namespace, name = key(native)
        if scaled := owner(there.get((namespace, name), {"metadata": {}})):
            kubectl.call("delete", "scaledobject", scaled, f"--namespace={namespace}", "--cascade=orphan")
    apply(kubectl, natives)
    if route:
        _route(kubectl, route)


def apply(kubectl: Kubectl, items: Sequence[Object], *options: str) -> None:
    """Applies them server-side, each in the namespace of its `key`."""
    if items:
        placed = [{**each, "metadata": {**each["metadata"], "namespace": key(each)[0]}} for each in items]
        listed = json.dumps({"apiVersion": "v1", "kind": "List", "items": placed})
        kubectl.call("apply", "--server-side", "--force-conflicts", *options, "-f", "-", stdin=listed)


def unserved(kubectl: Kubectl, keys: Iterable[Key], *, kedas: bool, seconds: float = 60) -> list[str]:
    """The HPAs, as `namespace/name`, that have not computed replicas from their new metrics in time."""
    deadline = time.monotonic() + seconds
    while True:
        there = hpas(kubectl)
        left = [each for each in keys if not (each in there and _computes(there[each], kedas=kedas))]
        if not left or time.monotonic() > deadline:
            return ["/".join(each) for each in left]
        time.sleep(0.5)


def portable(item: Mapping[str, Any]) -> Object:
    """An object as it can be applied again: without what the API server and owners write."""
    kept = {k: v for k, v in item["metadata"].items() if k in ("name", "namespace", "labels", "annotations")}
    kept.get("annotations", {}).pop("kubectl.kubernetes.io/last-applied-configuration", None)
    return {"apiVersion": item["apiVersion"], "kind": item["kind"], "metadata": kept, "spec": item["spec"]}


def transferring(scaled: Mapping[str, Any]) -> Object:
    """A ScaledObject as KEDA's webhook lets it in though its HPA is there."""
    metadata = scaled["metadata"]
    annotations = {**(metadata.get("annotations") or {}), TRANSFER_OWNERSHIP: "true"}
    return {**scaled, "metadata": {**metadata, "annotations": annotations}}


def metric_names(metrics: Sequence[Mapping[str, Any]] | None) -> set[str]:
    """The names of an HPA's metrics; cpu and memory have none."""
    return {each[field]["metric"]["name"] for each in metrics or [] for field in _NAMED if each.get(field)}


def _computes(hpa: Mapping[str, Any], *, kedas: bool) -> bool:
    """Whether it is of this side, and its last sync read the metrics that it has now."""
    status = hpa.get("status") or {}
    active = any(
        each["type"] == "ScalingActive" and each["status"] == "True"
        for each in status.get("conditions") or []
    )
    read = metric_names(hpa["spec"].get("metrics")) == metric_names(status.get("currentMetrics"))
    return active and read and bool(owner(hpa)) is kedas


def _route(kubectl: Kubectl, route: Route) -> None:
    kubectl.call("patch", "apiservice", APISERVICE, "--type=merge", "-p", route.patch())


def _ready(kubectl: Kubectl, label: str, what: str) -> Object:
    deployment = _one(kubectl, "deployments", label, what)
    if not deployment["status"].get("readyReplicas"):
        name = "/".join(key(deployment))
        raise CommandError(f"Deployment {name}: not ready. No HPA would get a metric. Wait for its pod.")
    return deployment


def _one(kubectl: Kubectl, kind: str, label: str, what: str) -> Object:
    found = kubectl.items(kind, "--all-namespaces", "-l", label)
    if len(found) != 1:
        raise CommandError(f"{what}: {len(found)} found with the label {label}. Exactly one is needed.")
    return found[0]

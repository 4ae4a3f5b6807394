"""What a cluster has that matters to a stack: read with GETs alone, each guess with its reason.

Sources: prometheus-operator Documentation/api-reference (selectors; the Service `prometheus-operated`);
kiwigrid/k8s-sidecar README (LABEL, LABEL_VALUE, NAMESPACE, FOLDER_ANNOTATION); Envoy Gateway's owning-gateway
labels; kind, k3s, RKE2, k0s, Talos, minikube and MicroK8s by what each leaves on nodes and versions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from components.access import resource_of
from components.preflight.cluster import ClusterReader
from components.preflight.foreign import OPERATORS, is_pulumis
from keda.checks.cross_object.monitors import wanted
from keda.manifests.installer import installed_by
from keda.manifests.objects import Item

MONITORING = "/apis/monitoring.coreos.com/v1"
ENVOY_CONTROLLER = "gateway.envoyproxy.io/gatewayclass-controller"
_OWNING = "gateway.envoyproxy.io/owning-gateway"
_GATEWAY = "/apis/gateway.networking.k8s.io/v1"
_NAME = "app.kubernetes.io/name"
_NATS_MONITOR = 8222
_PROMETHEUS_NAMES = ("prometheus", "vmsingle", "victoria-metrics-single")
_GPUS = ("nvidia.com/gpu", "amd.com/gpu", "gpu.intel.com/i915", "gpu.intel.com/xe")
_VERSIONS = (("+k3s", "k3s"), ("+rke2", "RKE2"), ("+k0s", "k0s"), ("-eks-", "EKS"), ("-gke.", "GKE"))
_NODE_LABELS = (
    ("minikube.k8s.io/name", "minikube"),
    ("microk8s.io/cluster", "MicroK8s"),
    ("kubernetes.azure.com/cluster", "AKS"),
)

_KEDA = "/apis/keda.sh/v1alpha1"

Object = Mapping[str, Any]


@dataclass(frozen=True)
class Guess:
    """A value, and why it is thought to be right."""

    value: Any
    why: str


@dataclass(frozen=True)
class Survey:
    """A cluster as it answers. Lists are sorted by namespace and name as the API server gives them."""

    uid: str
    version: str
    distribution: Guess
    nodes: int
    namespaces: tuple[str, ...]
    served: Mapping[str, bool]
    """Whether each of ServiceMonitor, PodMonitor, PrometheusRule, ValidatingAdmissionPolicy is served."""
    keda: tuple[tuple[str, Guess], ...]
    """Keys of `keda` that follow from a KEDA and from ScaledObjects that are there."""
    prometheus: Guess | None
    monitor_labels: Guess
    dashboards: Guess
    """The keys of `monitoring` that provision them."""
    state_metrics: Guess | None
    gpus: Mapping[str, int]
    """Allocatable GPUs of all nodes, by resource."""
    gateways: tuple[tuple[Object, str], ...]
    """Envoy Gateway's, each with the namespace its proxies run in; "" if there are none yet."""
    nats: tuple[Object, ...]
    ray: tuple[Object, ...]
    hpas: tuple[Object, ...]
    """Those that no ScaledObject owns."""
    unseen: tuple[str, ...] = field(default=())
    """What the account may not read."""


def survey(reader: ClusterReader) -> Survey:
    """Reads the cluster. Raises OSError if it does not answer."""
    nodes = reader.items("/api/v1/nodes")
    services = reader.items("/api/v1/services")
    workloads = [*reader.items("/apis/apps/v1/deployments"), *reader.items("/apis/apps/v1/statefulsets")]
    collectors = [
        Item({"kind": "Prometheus", **each}, "") for each in reader.items(f"{MONITORING}/prometheuses")
    ]
    version = str(reader.found("/version").get("gitVersion", "?"))
    return Survey(
        uid=str(_metadata(reader.found("/api/v1/namespaces/kube-system")).get("uid", "")),
        version=version,
        distribution=_distribution(version, nodes, reader),
        nodes=len(nodes),
        namespaces=tuple(_name(each) for each in reader.items("/api/v1/namespaces")),
        served=_served(reader),
        keda=tuple(_keda(reader)),
        prometheus=_prometheus(collectors, services),
        monitor_labels=_monitor_labels(collectors),
        dashboards=_dashboards(reader, workloads),
        state_metrics=_state_metrics(workloads),
        gpus=_gpus(nodes),
        gateways=tuple(_gateways(reader, workloads)),
        nats=tuple(_nats(services)),
        ray=tuple(_ray(reader)),
        hpas=tuple(_hpas(reader)),
        unseen=tuple(reader.forbidden),
    )


def ref(item: Object) -> str:
    """`namespace/name`."""
    return f"{_metadata(item).get('namespace', '')}/{_name(item)}"


def _metadata(item: Object) -> Mapping[str, Any]:
    return item.get("metadata") or {}


def _name(item: Object) -> str:
    return str(_metadata(item).get("name", ""))


def _labels(item: Object) -> Mapping[str, str]:
    return _metadata(item).get("labels") or {}


def _distribution(version: str, nodes: Sequence[Object], reader: ClusterReader) -> Guess:
    for mark, name in _VERSIONS:
        if mark in version:
            return Guess(name, f"its version has {mark.strip('+-.')}")
    for node in nodes:
        image = str(((node.get("status") or {}).get("nodeInfo") or {}).get("osImage", ""))
        if image.startswith("Talos"):
            return Guess("Talos", f"node {_name(node)} runs {image}")
        if str((node.get("spec") or {}).get("providerID", "")).startswith("kind://"):
            return Guess("kind", f"node {_name(node)} has a providerID of kind's")
        for label, name in _NODE_LABELS:
            if label in _labels(node):
                return Guess(name, f"node {_name(node)} has the label {label}")
    if reader.found("/api/v1/namespaces/kube-system/configmaps/kubeadm-config"):
        return Guess("kubeadm", "kube-system has the ConfigMap kubeadm-config")
    return Guess("another distribution", "no mark of k3s, RKE2, k0s, Talos, kind, kubeadm or a cloud's")


def _served(reader: ClusterReader) -> dict[str, bool]:
    """A kind whose API may not be listed is taken for one that is there: the preflight does so too."""
    found: dict[str, bool] = {}
    for api_version, kinds in (
        ("monitoring.coreos.com/v1", ("ServiceMonitor", "PodMonitor", "PrometheusRule")),
        ("admissionregistration.k8s.io/v1", ("ValidatingAdmissionPolicy",)),
    ):
        served = reader.served(api_version)
        hidden = f"/apis/{api_version}" in reader.forbidden
        found |= {kind: hidden or kind in served for kind in kinds}
    return found


def _keda(reader: ClusterReader) -> Iterator[tuple[str, Guess]]:
    namespace = "keda"
    for operator in reader.items(OPERATORS)[:1]:
        metadata = operator["metadata"]
        namespace = metadata["namespace"]
        version = _labels(operator).get("app.kubernetes.io/version", "")
        by = installed_by([operator])
        whose = by.title if by else "a Pulumi program" if is_pulumis(metadata) else "another tool"
        yield (
            "namespace",
            Guess(namespace, f"KEDA {version} is here: {ref(operator)}, of {whose}. See docs/takeover.md"),
        )
    kinds = set()
    for each in reader.items(f"{_KEDA}/scaledobjects"):
        target = each["spec"]["scaleTargetRef"]
        group, _, _ = str(target.get("apiVersion") or "apps/v1").rpartition("/")
        kind = str(target.get("kind") or "Deployment")
        if (group, kind) not in (("apps", "Deployment"), ("apps", "StatefulSet")):
            kinds.add((group, resource_of(kind)))
    if kinds:
        value = [{"apiGroup": group, "resource": resource} for group, resource in sorted(kinds)]
        yield "scaledKinds", Guess(value, "ScaledObjects that are there scale these kinds")
    for each in reader.items(f"{_KEDA}/triggerauthentications"):
        if each["spec"].get("secretTargetRef") and each["metadata"]["namespace"] != namespace:
            why = f"TriggerAuthentication {ref(each)} reads a Secret there. See docs/least-privilege.md"
            yield "secrets", Guess("watched", why)
            return


def _prometheus(collectors: Sequence[Item], services: Sequence[Object]) -> Guess | None:
    if collectors:
        first = collectors[0]
        service = first.spec.get("serviceName") or "prometheus-operated"
        scheme = "https" if (first.spec.get("web") or {}).get("tlsConfig") else "http"
        path = str(first.spec.get("routePrefix") or "/").rstrip("/")
        others = f"; also there: {', '.join(each.ref for each in collectors[1:])}" if collectors[1:] else ""
        address = f"{scheme}://{service}.{first.namespace}.svc:9090{path}"
        return Guess(address, f"{first.ref}, of the Prometheus Operator{others}")
    for each in services:
        labels, component = _labels(each), _labels(each).get("app.kubernetes.io/component", "server")
        if labels.get(_NAME) not in _PROMETHEUS_NAMES or component not in ("server", "prometheus"):
            continue
        ports = [port for port in each["spec"].get("ports") or [] if port.get("protocol", "TCP") == "TCP"]
        if ports:
            port = next((p for p in ports if "http" in str(p.get("name")) or p["port"] == 9090), ports[0])
            address = f"http://{_name(each)}.{_metadata(each)['namespace']}.svc:{port['port']}"
            return Guess(address, f"Service {ref(each)} has the label {_NAME}={labels[_NAME]}")
    return None


def _monitor_labels(collectors: Sequence[Item]) -> Guess:
    """One set of labels that monitors and rules of the first Prometheus are selected by."""
    if not collectors:
        return Guess({}, "no Prometheus object: nothing selects monitors by labels")
    first, labels, doubts = collectors[0], dict[str, str](), list[str]()
    for word in ("serviceMonitor", "podMonitor", "rule"):
        selector = first.spec.get(f"{word}Selector")
        if selector is None:
            doubts.append(f"its {word}Selector is not set, so it reads none")
            continue
        for key, value in (selector.get("matchLabels") or {}).items():
            if labels.setdefault(key, value) != value:
                doubts.append(f"its {word}Selector requires {key}: {value} instead")
        if selector.get("matchExpressions"):
            doubts.append(f"its {word}Selector has matchExpressions: check them")
        if first.spec.get(f"{word}NamespaceSelector") is None:
            doubts.append(f"its {word}NamespaceSelector is not set, so it reads its own namespace alone")
    asked = wanted(collectors, "ServiceMonitor")
    why = f"{first.ref} selects by {{{asked}}}" if asked else f"{first.ref} selects by no label"
    return Guess(labels, "; but ".join([why, *doubts]))


def _dashboards(reader: ClusterReader, workloads: Sequence[Object]) -> Guess:
    for grafana in reader.items("/apis/grafana.integreatly.org/v1beta1/grafanas"):
        labels = dict(_labels(grafana))
        if labels:
            chosen = {"dashboards": labels["dashboards"]} if "dashboards" in labels else labels
            keys = {
                "dashboards": "grafanaDashboard",
                "dashboardNamespace": _metadata(grafana)["namespace"],
                "grafanaSelector": chosen,
            }
            return Guess(keys, f"Grafana {ref(grafana)} of the Grafana Operator has these labels")
    for workload in workloads:
        for container in workload["spec"]["template"]["spec"].get("containers") or []:
            if "k8s-sidecar" not in str(container.get("image")):
                continue
            env = {each["name"]: str(each.get("value", "")) for each in container.get("env") or []}
            label = env.get("LABEL", "")
            if "dashboard" not in label + str(container.get("name")) or not label:
                continue
            spaces = env.get("NAMESPACE", "")
            own = str(_metadata(workload)["namespace"])
            keys = {
                "dashboards": "configMap",
                "dashboardNamespace": own if spaces in ("", "ALL") else spaces.partition(",")[0],
                "dashboardLabels": {label: env.get("LABEL_VALUE") or "1"},
            }
            why = f"the sidecar of {ref(workload)} loads ConfigMaps with this label"
            if env.get("FOLDER_ANNOTATION") != "grafana_folder":
                why += "; its FOLDER_ANNOTATION is not grafana_folder, so dashboardFolder is not followed"
            return Guess(keys, why)
    return Guess({"dashboards": "none"}, "no Grafana with a sidecar or of the Grafana Operator was found")


def _state_metrics(workloads: Sequence[Object]) -> Guess | None:
    for each in workloads:
        if _labels(each).get(_NAME) == "kube-state-metrics" or _name(each) == "kube-state-metrics":
            account = each["spec"]["template"]["spec"].get("serviceAccountName", "default")
            place = {"namespace": _metadata(each)["namespace"], "serviceAccount": account}
            return Guess(place, f"kube-state-metrics runs as {ref(each)}")
    return None


def _gpus(nodes: Sequence[Object]) -> dict[str, int]:
    found: dict[str, int] = {}
    for node in nodes:
        allocatable = (node.get("status") or {}).get("allocatable") or {}
        for resource in _GPUS:
            count = str(allocatable.get(resource, "0"))
            if count.isdecimal() and int(count):
                found[resource] = found.get(resource, 0) + int(count)
    return found


def _gateways(reader: ClusterReader, workloads: Sequence[Object]) -> Iterator[tuple[Object, str]]:
    classes = {
        _name(each)
        for each in reader.items(f"{_GATEWAY}/gatewayclasses")
        if each["spec"].get("controllerName") == ENVOY_CONTROLLER
    }
    for gateway in reader.items(f"{_GATEWAY}/gateways"):
        if gateway["spec"].get("gatewayClassName") in classes:
            owner = (_metadata(gateway)["namespace"], _name(gateway))
            proxies = [
                str(_metadata(each)["namespace"])
                for each in workloads
                if (_labels(each).get(f"{_OWNING}-namespace"), _labels(each).get(f"{_OWNING}-name")) == owner
            ]
            yield gateway, proxies[0] if proxies else ""


def _nats(services: Sequence[Object]) -> Iterator[Object]:
    """The headless Services of NATS' monitoring port, or the others where there is none."""
    found = [
        each
        for each in services
        if any(port.get("port") == _NATS_MONITOR for port in each["spec"].get("ports") or [])
    ]
    headless = [each for each in found if each["spec"].get("clusterIP") == "None"]
    yield from headless or found


def _ray(reader: ClusterReader) -> Iterator[Object]:
    for plural, kind in (("rayservices", "RayService"), ("rayclusters", "RayCluster")):
        for each in reader.items(f"/apis/ray.io/v1/{plural}"):
            yield {"kind": kind, **each}


def _hpas(reader: ClusterReader) -> Iterator[Object]:
    for each in reader.items("/apis/autoscaling/v2/horizontalpodautoscalers"):
        owners = [owner.get("kind") for owner in _metadata(each).get("ownerReferences") or []]
        if "ScaledObject" not in owners:
            yield {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", **each}

"""A Knative Service as a Deployment, a Service and a ScaledObject, and what of Knative is lost.

Annotations and defaults: knative/serving, pkg/apis/autoscaling/register.go,
config/core/configmaps/autoscaler.yaml and pkg/reconciler/autoscaling/hpa/resources/hpa.go.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import Field

from keda.adoption.hpa import DEFAULT_CPU
from keda.core.defaults import DEFAULT_MAX
from keda.core.errors import MISSING, Fault, Faults, SpecError, join, printable, show
from keda.core.model import LabelName, Model, Namespace
from keda.manifests.reading import mapping, sequence
from keda.resources import ScaledObject
from keda.syntax import go

API_GROUP = "serving.knative.dev"
_PREFIX = "autoscaling.knative.dev/"
_AT = ("spec", "template", "metadata", "annotations")
_READ = (
    *("class", "metric", "target", "target-utilization-percentage", "min-scale", "max-scale"),
    *("initial-scale", "scale-down-delay", "window", "scale-to-zero-pod-retention-period"),
)
_LOST = {
    "activation-scale": "KEDA starts at 1 replica",
    "panic-window-percentage": "an HPA has no panic mode: it scales up at its next sync",
    "panic-threshold-percentage": "an HPA has no panic mode: it scales up at its next sync",
    "target-burst-capacity": "nothing buffers a burst",
    "metric-aggregation-algorithm": "the query averages over the window",
}
_TARGETS = {"concurrency": 100.0, "rps": 200.0}
_HPA = "hpa.autoscaling.knative.dev"
"""The class of what an HPA scales; its default metric is cpu (pa_lifecycle.go)."""
_OF_KPA = ("target-utilization-percentage", "scale-down-delay", "scale-to-zero-pod-retention-period")
_TIMEOUTS = ("timeoutSeconds", "responseStartTimeoutSeconds", "idleTimeoutSeconds")
_NOT_OF_A_POD = ("containerConcurrency", *_TIMEOUTS)
_PROBES = ("readinessProbe", "livenessProbe", "startupProbe")
_WITH_PORT = ("tcpSocket", "httpGet", "grpc")
_BY_KNATIVE = ("client.knative.dev/", f"{API_GROUP}/creator", f"{API_GROUP}/lastModifier")
"""What Knative and its client note for themselves."""
_ASKED = {
    "networking.knative.dev/visibility": "attach the HTTPRoute to a Gateway that only the cluster reaches",
    f"{API_GROUP}/progress-deadline": "write progressDeadlineSeconds into the Deployment",
    f"{API_GROUP}/rollout-duration": "the HTTPRoute's weights shift traffic",
}
_SELECTING = ("app", "app.kubernetes.io/name", "app.kubernetes.io/instance", "keda-homelab.dev/service")
"""The label of the pods that the Service selects: the first that the template has no other value for."""
_GRACE = 30
"""Seconds: scale-to-zero-grace-period of config-autoscaler."""
_WINDOW = 60
"""Seconds: stable-window of config-autoscaler."""


class _Named(Model):
    name: LabelName = Field(examples=["shop"])
    namespace: Namespace = "default"


@dataclass(frozen=True)
class Proposal:
    """Deployment, Service and ScaledObject, in this order; what to check and what is lost, one line each."""

    manifests: tuple[dict[str, Any], ...]
    notes: tuple[str, ...]


class _Annotations:
    """The autoscaling annotations of a template; `minScale` is the older spelling of `min-scale`."""

    def __init__(self, annotations: Mapping[Any, Any]) -> None:
        self.values = {
            _dashed(str(key).removeprefix(_PREFIX)): (str(key), str(value))
            for key, value in annotations.items()
            if str(key).startswith(_PREFIX)
        }

    def text(self, name: str, default: str) -> str:
        return self.values.get(name, ("", default))[1]

    def number(self, name: str, default: float, *, least: float = 0) -> float:
        """Raises SpecError."""
        key, value = self.values.get(name, ("", str(default)))
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not (math.isfinite(number) and number >= least):
            raise self._refused(key, value, f"is not a number of at least {least:g}.", "Write a number.")
        return number

    def seconds(self, name: str, default: int) -> int:
        """Raises SpecError."""
        key, value = self.values.get(name, ("", f"{default}s"))
        try:
            return math.ceil(go.duration(value) / 1e9)
        except ValueError:
            raise self._refused(key, value, "is not a duration.", "Write e.g. 60s.") from None

    def _refused(self, key: str, value: str, why: str, fix: str) -> SpecError:
        return SpecError([Fault(join(*_AT, key), value, f"{why} Knative's webhook would refuse it.", fix)])


def propose(manifest: Mapping[str, Any], prometheus: str) -> Proposal:
    """What a Knative Service becomes without Knative.

    Args:
        manifest: the Service of serving.knative.dev/v1, as parsed YAML or JSON.
        prometheus: address of the server that has the metrics of the gateway in front of it.

    Raises SpecError, paths as in the Service.
    """
    metadata = mapping(manifest.get("metadata"))
    named = _Named.parse(
        {key: metadata[key] for key in ("name", "namespace") if key in metadata}, at="metadata"
    )
    own = _own(metadata.get("labels"))
    placed = {"name": named.name, "namespace": named.namespace, **({"labels": own} if own else {})}
    template = mapping(mapping(manifest.get("spec")).get("template"))
    spec = mapping(template.get("spec"))
    containers = [mapping(each) for each in sequence(spec.get("containers"))]
    faults = Faults()
    if not containers or not all(containers):
        why = "missing, and required. Knative's webhook would refuse it."
        faults.append(Fault("spec.template.spec.containers", MISSING, why, "Write the container."))
    faults.raise_if_any()
    template_metadata = mapping(template.get("metadata"))
    annotations = _Annotations(mapping(template_metadata.get("annotations")))
    limit = int(spec["containerConcurrency"]) if str(spec.get("containerConcurrency", "")).isdigit() else 0
    serving, several = _serving(containers), len(containers) > 1
    listens = _port(serving)
    # Knative's name for HTTP/2 without TLS.
    protocol = {"appProtocol": "kubernetes.io/h2c"} if listens.get("name") == "h2c" else {}
    ports = [{"name": "http", "port": 80, "targetPort": listens["containerPort"], **protocol}]
    scaled, checks = _scaled_object(placed, named, annotations, limit, prometheus)
    labels, kept = _own(template_metadata.get("labels")), _own(template_metadata.get("annotations"))
    free = (key for key in _SELECTING if labels.get(key, named.name) == named.name)
    selected = {next(free, _SELECTING[-1]): named.name}
    pod = {
        **{key: value for key, value in spec.items() if key not in _NOT_OF_A_POD},
        "containers": [
            {
                "name": f"user-container-{index}" if several else "user-container",
                **(_routed(each) if each is serving else each),
            }
            for index, each in enumerate(containers)
        ],
    }
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": placed,
        "spec": {
            "selector": {"matchLabels": selected},
            "template": {
                "metadata": {"labels": {**labels, **selected}, **({"annotations": kept} if kept else {})},
                "spec": pod,
            },
        },
    }
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": placed,
        "spec": {"selector": selected, "ports": ports},
    }
    lost = _losses(named, annotations, manifest, limit, zero=not scaled.spec.min_replica_count)
    notes = map(printable, (*checks, *lost))  # A note is a comment too, and a key may hold a line end.
    return Proposal((deployment, service, scaled.to_manifest()), tuple(notes))


def _scaled_object(
    placed: Mapping[str, Any], named: _Named, annotations: _Annotations, limit: int, prometheus: str
) -> tuple[ScaledObject, list[str]]:
    least, most = int(annotations.number("min-scale", 0)), int(annotations.number("max-scale", 0))
    window = annotations.seconds("window", _WINDOW)
    delay = annotations.seconds("scale-down-delay", 0)
    retention = annotations.seconds("scale-to-zero-pod-retention-period", 0)
    trigger, notes = _trigger(named, annotations, limit, window, prometheus, zero=not least)
    if not most:
        most, whose = max((DEFAULT_MAX, "KEDA's default"), (least, "the minimum"))
        notes.append(f"CHECK Knative sets no maximum here: {most} is {whose}. Write your own.")
    behavior = {"scaleDown": {"stabilizationWindowSeconds": min(delay, 3600)}}
    if trigger["type"] != "prometheus":
        # As hpa.go writes it: minReplicas only above 0, and behavior only with a window.
        least = max(1, least)
        both = {"stabilizationWindowSeconds": window}
        behavior = {"scaleDown": both, "scaleUp": both} if "window" in annotations.values else {}
    scaled = ScaledObject.parse(
        {
            "metadata": placed,
            "spec": {
                "scaleTargetRef": {"name": named.name},
                "minReplicaCount": least,
                "maxReplicaCount": most,
                **({} if least else {"cooldownPeriod": max(delay, retention, _GRACE)}),
                **(
                    {"advanced": {"horizontalPodAutoscalerConfig": {"behavior": behavior}}}
                    if behavior
                    else {}
                ),
                "triggers": [trigger],
            },
        }
    )
    return scaled, notes


def _trigger(
    named: _Named, annotations: _Annotations, limit: int, window: int, prometheus: str, *, zero: bool
) -> tuple[dict[str, Any], list[str]]:
    of_hpa = annotations.text("class", "") == _HPA
    metric = annotations.text("metric", "cpu" if of_hpa else "concurrency")
    if metric in ("cpu", "memory"):
        return _resource(metric, annotations)
    if of_hpa or metric not in _TARGETS:
        known = "cpu or memory" if of_hpa else "concurrency, rps, cpu or memory"
        why = f"is not {known}. Knative reads it from the custom metrics API."
        fix = "Write the trigger by hand: docs/scalers.md lists KEDA's scalers."
        raise SpecError([Fault(join(*_AT, annotations.values["metric"][0]), metric, why, fix)])
    default = float(limit) if limit and metric == "concurrency" else _TARGETS[metric]
    target = annotations.number("target", default, least=0.01)
    if limit and metric == "concurrency":
        target = min(target, limit)
    share = annotations.number("target-utilization-percentage", 70, least=1) / 100
    cluster = f'envoy_cluster_name="httproute/{named.namespace}/{named.name}/rule/0"'
    requests = f"sum(rate(envoy_cluster_upstream_rq_completed{{{cluster}}}[{window}s]))"
    query = requests
    if metric == "concurrency":
        query = f"sum(avg_over_time(envoy_cluster_upstream_rq_active{{{cluster}}}[{window}s]))"
        if zero:  # without a pod no request is active: each is answered with 503 at once
            query += f" + 0.001 * ({requests} > bool 0)"
    metadata = {
        "serverAddress": prometheus,
        "query": query,
        "threshold": f"{target * share:g}",
        "ignoreNullValues": "false",
    }
    note = (
        "CHECK the query: Knative counts in its own sidecar, which is gone. The query is Envoy Gateway's, of "
        f"an HTTPRoute {named.namespace}/{named.name}; docs/http-scaling.md has its traps."
    )
    return {"type": "prometheus", "metadata": metadata}, [note]


def _resource(metric: str, annotations: _Annotations) -> tuple[dict[str, Any], list[str]]:
    """(The trigger of what an HPA scales in Knative too, notes)."""
    notes = []
    if unread := [key for name, (key, _) in annotations.values.items() if name in _OF_KPA]:
        words = ", ".join(key.removeprefix(_PREFIX) for key in unread)
        notes.append(f"{words}: passed over, as Knative's class hpa does.")
    kind, value = "Utilization", str(DEFAULT_CPU)
    if "target" not in annotations.values:
        check = "" if metric == "cpu" else "CHECK "
        notes.append(
            f"{check}{metric} has no target, so Knative's HPA has no metric, and the API server's default "
            f"holds: cpu at {DEFAULT_CPU} %."
        )
        metric = "cpu"
    elif metric == "cpu":
        value = str(math.ceil(annotations.number("target", 0, least=0.01)))
    else:
        kind, value = "AverageValue", f"{int(annotations.number('target', 0, least=1))}Mi"
    return {"type": metric, "metricType": kind, "metadata": {"value": value}}, notes


def _losses(
    named: _Named, annotations: _Annotations, manifest: Mapping[str, Any], limit: int, *, zero: bool
) -> Iterator[str]:
    if zero:
        yield (
            "LOST requests at 0: Knative's activator holds them until a pod is ready; here they get 503. "
            "Set minReplicaCount: 1, or put the KEDA HTTP add-on in front, which holds requests."
        )
    if limit:
        yield f"LOST containerConcurrency: {limit}: no sidecar queues what is above it."
    initial = annotations.number("initial-scale", 1)
    if initial > 1:
        yield f"LOST initial-scale: {initial:g}: a Deployment starts with 1 pod, and scales from there."
    for name, (key, _) in annotations.values.items():
        if name not in _READ:
            yield f"LOST {key.removeprefix(_PREFIX)}: {_LOST.get(name, 'it has no counterpart')}."
    yield from _unread(manifest)
    traffic = sequence(mapping(manifest.get("spec")).get("traffic"))
    split = " The traffic split becomes the HTTPRoute's weights." if len(traffic) > 1 else ""
    yield f"LOST revisions and the address: write an HTTPRoute or Ingress to Service {named.name}.{split}"
    yield (
        f"Knative owns a Service {named.name} as long as its own Service exists: delete that one right "
        "before you apply this, or give this another name first."
    )


def _unread(manifest: Mapping[str, Any]) -> Iterator[str]:
    """What else is not in the pod any more: timeouts, and what labels and annotations ask of Knative."""
    metadata = mapping(manifest.get("metadata"))
    template = mapping(mapping(manifest.get("spec")).get("template"))
    for key in _TIMEOUTS:
        value = mapping(template.get("spec")).get(key)
        if value is not None:
            yield f"LOST {key}: {show(value)}: write the timeouts into the HTTPRoute."
    if early := [str(key) for key in mapping(metadata.get("annotations")) if str(key).startswith(_PREFIX)]:
        yield (
            f"{', '.join(early)}: passed over. Knative reads it in spec.template.metadata.annotations only, "
            "and its webhook refuses it on the Service itself."
        )
    own = [str(key) for key in _own(metadata.get("annotations"))]
    if own := [key for key in own if not key.startswith("kubectl.kubernetes.io/")]:
        yield f"LOST {', '.join(own)}: annotations of the Service itself. Write them where they are read."
    for each in (metadata, mapping(template.get("metadata"))):
        for key in (*mapping(each.get("labels")), *mapping(each.get("annotations"))):
            if _is_knatives(key) and not str(key).startswith((_PREFIX, *_BY_KNATIVE)):
                yield f"LOST {key}: {_ASKED.get(str(key), 'it is for Knative only')}."


def _own(words: object) -> dict[Any, Any]:
    """Labels or annotations, without Knative's."""
    return {key: value for key, value in mapping(words).items() if not _is_knatives(key)}


def _is_knatives(key: object) -> bool:
    group, slash, _ = str(key).partition("/")
    return bool(slash) and f".{group}".endswith(".knative.dev")


def _serving(containers: list[Mapping[Any, Any]]) -> Mapping[Any, Any]:
    """The container that Knative routes to: the one with a port."""
    return next((each for each in containers if each.get("ports")), containers[0])


def _port(serving: Mapping[Any, Any]) -> dict[str, Any]:
    """The one port that Knative routes to, 8080 by default."""
    port = mapping(next(iter(sequence(serving.get("ports"))), None))
    found = port.get("containerPort")
    return {**port, "containerPort": found if isinstance(found, int) else 8080}


def _routed(container: Mapping[Any, Any]) -> dict[str, Any]:
    """With what Knative fills in: the port and PORT, a readiness probe, and the port of each probe."""
    filled, listens = dict(container), _port(container)
    port = listens["containerPort"]
    filled["ports"] = [listens]
    filled["env"] = [*sequence(container.get("env")), {"name": "PORT", "value": str(port)}]
    ready = mapping(container.get("readinessProbe"))
    if not any(kind in ready for kind in (*_WITH_PORT, "exec")):
        ready = {**ready, "tcpSocket": {}}
    filled["readinessProbe"] = ready
    for probe in _PROBES:
        checks = mapping(filled.get(probe))
        ports = {
            kind: {"port": port, **{key: value for key, value in mapping(checks[kind]).items() if value}}
            for kind in _WITH_PORT
            if kind in checks
        }
        if ports:
            filled[probe] = {**checks, **ports}
    return filled


def _dashed(name: str) -> str:
    return "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in name)

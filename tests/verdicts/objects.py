"""Whole objects for the comparison with a live KEDA: valid ones, and each with a single fault.

Each comes with what it refers to. Left out is what would hurt the operator for all others: a quantity that
makes it panic, a polling interval of 0, and the custom strategy without its deduction.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from keda.typed_config import scalers
from tests.oracle import Spec
from tests.verdicts.samples import sample

Manifest = dict[str, Any]
NAMESPACE = "verdicts"
ABSENT: Any = object()
"""As a value: leave the key out."""


@dataclass(frozen=True)
class Case:
    """An object, and what is applied before it."""

    name: str
    subject: Manifest
    given: tuple[Manifest, ...]

    @property
    def objects(self) -> tuple[Manifest, ...]:
        return (*self.given, self.subject)

    @property
    def namespace(self) -> str:
        return str(self.subject["metadata"].get("namespace", ""))


def cases() -> list[Case]:
    """All of them, always the same."""
    return [*_good(), *_shape(), *_admission(), *_operator(), *_triggers(), *_jobs(), *_authentications()]


def _without(mapping: Mapping[str, Any]) -> Manifest:
    return {key: value for key, value in mapping.items() if value is not ABSENT}


def keda(kind: str, spec: Any, group: str = "keda.sh", **metadata: Any) -> Manifest:
    body = {"apiVersion": f"{group}/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec}
    return _without(body)


def trigger(kind: str = "kubernetes-workload", /, **changes: Any) -> Manifest:
    """A trigger that asks no one outside the cluster, or the smallest of another type."""
    base = {"podSelector": "app=none", "value": "5"}
    if kind != "kubernetes-workload":
        base = sample(kind).metadata
    metadata = changes.pop("metadata", {})
    made = _without(base | metadata) if isinstance(metadata, dict) else metadata
    return _without({"type": kind, "metadata": made} | changes)


def so(*triggers: Any, labels: Any = ABSENT, annotations: Any = ABSENT, **changes: Any) -> Manifest:
    """A ScaledObject on a Deployment; both get the case's name."""
    spec = {"scaleTargetRef": {}, "maxReplicaCount": 3, "triggers": list(triggers) or [trigger()]}
    metadata = _without({"labels": labels, "annotations": annotations})
    return keda("ScaledObject", _without(spec | changes), **metadata)


def sj(*triggers: Any, template: Any = None, job: Any = None, **changes: Any) -> Manifest:
    pod = {"restartPolicy": "Never", "containers": [{"name": "app", "image": "none.invalid/app:1"}]}
    target = {"template": {"spec": pod | (template or {})}} if job is None else job
    spec = {"jobTargetRef": target, "maxReplicaCount": 3, "triggers": list(triggers) or [trigger()]}
    return keda("ScaledJob", _without(spec | changes))


def ta(**spec: Any) -> Manifest:
    return keda("TriggerAuthentication", spec)


def cta(**spec: Any) -> Manifest:
    return keda("ClusterTriggerAuthentication", spec)


CPU = {"requests": {"cpu": "10m", "memory": "8Mi"}}


def workload(
    kind: str = "Deployment", resources: Any = CPU, name: str = "", container: Any = None
) -> Manifest:
    """A workload whose pods no scheduler takes, so that none ever starts."""
    pod = {
        "schedulerName": "nobody",
        "containers": [
            {"name": "app", "image": "none.invalid/app:1", "resources": resources} | (container or {})
        ],
    }
    labels = {"app": name or "workload"}
    spec: Manifest = {
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": pod},
    }
    if kind == "StatefulSet":
        spec["serviceName"] = "none"
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": _without({"name": name or ABSENT}),
        "spec": spec,
    }


def hpa(target: str, name: str, **metadata: Any) -> Manifest:
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": target}
    metric = {
        "type": "Resource",
        "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 60}},
    }
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": name, **metadata},
        "spec": {"scaleTargetRef": reference, "maxReplicas": 3, "metrics": [metric]},
    }


def secret(name: str, **data: str) -> Manifest:
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "data": encoded}


def case(name: str, subject: Manifest, *given: Manifest, alone: bool = False, target: bool = True) -> Case:
    """Names what has no name after the case. A ScaledObject gets its Deployment, unless one is given or
    `target` is off. `alone` puts the case into a namespace of its own."""
    namespace = f"{NAMESPACE}-{name}" if alone else NAMESPACE
    if subject["kind"] == "ScaledObject" and target and not any("template" in _spec(each) for each in given):
        given = (workload(), *given)
    named = [_named(each, name, namespace) for each in (*given, subject)]
    return Case(name, named[-1], tuple(named[:-1]))


def _spec(manifest: Manifest) -> Mapping[str, Any]:
    spec = manifest.get("spec")
    return spec if isinstance(spec, Mapping) else {}


def _named(manifest: Manifest, name: str, namespace: str) -> Manifest:
    metadata = {"name": name} | manifest["metadata"]
    if not manifest["kind"].startswith("Cluster") and manifest["kind"] != "CustomResourceDefinition":
        metadata["namespace"] = namespace
    elif manifest["kind"] != "CustomResourceDefinition":
        metadata["name"] = f"{NAMESPACE}-{metadata['name']}"
    made = manifest | {"metadata": metadata}
    reference = _spec(made).get("scaleTargetRef")
    if isinstance(reference, dict):
        target = _without({"name": name} | reference)
        made = made | {"spec": dict(made["spec"]) | {"scaleTargetRef": target}}
    return made


def _good() -> Iterator[Case]:
    yield case("plain", so())
    yield case("statefulset", so(scaleTargetRef={"kind": "StatefulSet"}), workload("StatefulSet"))
    yield case("replicaset", so(scaleTargetRef={"kind": "ReplicaSet"}), workload("ReplicaSet"))
    full = {"apiVersion": "apps/v1", "kind": "Deployment", "envSourceContainerName": "app"}
    yield case("target-in-full", so(scaleTargetRef=full))
    yield case("two-triggers", so(trigger(name="a"), trigger("cron", name="b")))
    yield case("cron", so(trigger("cron")))
    yield case("cpu", so(trigger("cpu", metricType="Utilization"), minReplicaCount=1))
    yield case("memory", so(trigger("memory", metricType="AverageValue", metadata={"value": "64Mi"}),
                            minReplicaCount=1))  # fmt: skip
    yield case("cpu-amount", so(trigger("cpu", metricType="AverageValue", metadata={"value": "500m"}),
                                minReplicaCount=1))  # fmt: skip
    yield case("cpu-of-container", so(trigger("cpu", metricType="Utilization",
                                              metadata={"containerName": "app"}), minReplicaCount=1))  # fmt: skip
    yield case("cpu-and-queue", so(trigger("cpu", metricType="Utilization"), trigger()))
    limits = workload(resources={"limits": {"cpu": "10m"}})
    yield case("cpu-limit-only", so(trigger("cpu", metricType="Utilization"), minReplicaCount=1), limits)
    defaults = {"limits": [{"type": "Container", "default": {"cpu": "100m"}}]}
    limit_range = {"apiVersion": "v1", "kind": "LimitRange", "metadata": {}, "spec": defaults}
    yield case("cpu-by-limit-range", so(trigger("cpu", metricType="Utilization"), minReplicaCount=1),
               limit_range, workload(resources={}), alone=True)  # fmt: skip
    yield case("idle-below-min", so(idleReplicaCount=0, minReplicaCount=1))
    yield case("idle-and-min-zero", so(idleReplicaCount=0, minReplicaCount=0))
    yield case("min-is-max", so(minReplicaCount=3))
    yield case("periods", so(pollingInterval=60, cooldownPeriod=0, initialCooldownPeriod=30))
    yield case("fallback", so(fallback={"failureThreshold": 3, "replicas": 2}))
    for word in ("static", "currentReplicas", "currentReplicasIfHigher", "currentReplicasIfLower"):
        fallback = {"failureThreshold": 3, "replicas": 2, "behavior": word}
        yield case(f"fallback-{word.lower()}", so(fallback=fallback))
    named = (trigger(name="a"), trigger("cron", name="b"))
    for index, formula in enumerate(
        ("a + b", "max(a, b) / 2", "a > 3 ? a : b", "float(a)", "a ** 2", "round(a)", "sum([a, b])")
    ):
        modifiers = {"formula": formula, "target": "2"}
        yield case(f"formula-{index}", so(*named, advanced={"scalingModifiers": modifiers}))
    modifiers = {"formula": "a + b", "target": "2.5", "activationTarget": "1", "metricType": "Value"}
    yield case("modifiers-in-full", so(*named, advanced={"scalingModifiers": modifiers}))
    rules = {
        "stabilizationWindowSeconds": 60,
        "selectPolicy": "Max",
        "policies": [{"type": "Percent", "value": 50, "periodSeconds": 30}],
    }
    yield case("behavior", _behaving({"scaleUp": rules, "scaleDown": {"selectPolicy": "Disabled"}}))
    yield case("hpa-name", so(advanced={"horizontalPodAutoscalerConfig": {"name": "hpa-of-its-own"}}))
    yield case("restore", so(advanced={"restoreToOriginalReplicaCount": True}))
    for word in ("paused", "paused-scale-in", "paused-scale-out"):
        yield case(word, so(annotations={f"autoscaling.keda.sh/{word}": "true"}))
    yield case("labels", so(labels={"team": "shop", "example.org/tier": "1"}))
    yield case("n" * 63, so())
    yield case("dots.in.name", so())
    prometheus = {"serverAddress": "http://127.0.0.1:9", "query": "up"}
    yield case("cached", so(trigger("prometheus", metadata=prometheus, useCachedMetrics=True)))
    yield case("value", so(trigger("prometheus", metadata=prometheus, metricType="Value")))
    foreign = {"validations.keda.sh/hpa-ownership": "false"}
    yield case("foreign-hpa", so(), hpa("foreign-hpa", "foreign", annotations=foreign))
    yield case("taken-over", so(annotations={"scaledobject.keda.sh/transfer-hpa-ownership": "true"},
                                advanced={"horizontalPodAutoscalerConfig": {"name": "taken-over"}}),
               hpa("taken-over", "taken-over"))  # fmt: skip


def _behaving(behavior: Manifest, **config: Any) -> Manifest:
    return so(advanced={"horizontalPodAutoscalerConfig": {"behavior": behavior, **config}})


def _shape() -> Iterator[Case]:
    """What the CRD's schema refuses, and the decoding of numbers."""
    yield case("no-spec", keda("ScaledObject", ABSENT))
    for key in ("triggers", "scaleTargetRef"):
        yield case(f"no-{key.lower()}", so(**{key: ABSENT}))
    yield case("no-target-name", so(scaleTargetRef={"kind": "Deployment", "name": ABSENT}))
    for key in ("type", "metadata"):
        yield case(f"trigger-no-{key}", so(trigger(**{key: ABSENT})))
    wrong: list[tuple[str, Manifest]] = [
        ("min-text", {"minReplicaCount": "1"}),
        ("max-fraction", {"maxReplicaCount": 1.5}),
        ("polling-boolean", {"pollingInterval": True}),
        ("cooldown-text", {"cooldownPeriod": "5m"}),
        ("idle-text", {"idleReplicaCount": "0"}),
        ("triggers-mapping", {"triggers": {"type": "cron"}}),
        ("trigger-text", {"triggers": ["cron"]}),
        ("target-text", {"scaleTargetRef": "web"}),
        ("target-number", {"scaleTargetRef": {"name": 5}}),
        ("env-source-number", {"scaleTargetRef": {"envSourceContainerName": 1}}),
        ("advanced-list", {"advanced": []}),
        ("restore-text", {"advanced": {"restoreToOriginalReplicaCount": "true"}}),
        ("modifiers-target-number", {"advanced": {"scalingModifiers": {"formula": "a", "target": 5}}}),
        ("fallback-number", {"fallback": 3}),
        ("fallback-threshold-text", {"fallback": {"failureThreshold": "3", "replicas": 1}}),
        ("fallback-no-replicas", {"fallback": {"failureThreshold": 3}}),
        ("fallback-no-threshold", {"fallback": {"replicas": 3}}),
        ("fallback-word", {"fallback": {"failureThreshold": 3, "replicas": 1, "behavior": "dynamic"}}),
        ("unknown-key", {"maxReplicas": 3}),
        ("unknown-key-in-target", {"scaleTargetRef": {"namespace": "web"}}),
        ("unknown-key-in-advanced", {"advanced": {"behavior": {}}}),
    ]
    for name, spec in wrong:
        yield case(name, so(**spec))
    items: list[tuple[str, Manifest]] = [
        ("metadata-number", {"metadata": {"value": 5}}),
        ("metadata-boolean", {"metadata": {"allNamespaces": True}}),
        ("metadata-list", {"metadata": {"podSelector": ["a"]}}),
        ("metadata-text", {"metadata": "value=5"}),
        ("cached-text", {"useCachedMetrics": "true"}),
        ("metric-type-number", {"metricType": 1}),
        ("trigger-unknown-key", {"polling": 5}),
        ("bounds-in-trigger", {"maxReplicaCount": 5}),
        ("authentication-text", {"authenticationRef": "web"}),
        ("authentication-no-name", {"authenticationRef": {"kind": "TriggerAuthentication"}}),
    ]
    for name, changes in items:
        yield case(name, so(trigger(**changes)))
    yield case("top-unknown-key", so() | {"triggers": []})
    modifiers = {"formula": "a", "target": "5", "metricType": "Utilization"}
    yield case("modifiers-word", so(trigger(name="a"), advanced={"scalingModifiers": modifiers}))
    policy = {"type": "Pods", "value": 1, "periodSeconds": 30}
    for name, rules in (
        ("window-too-long", {"stabilizationWindowSeconds": 5000}),
        ("window-negative", {"stabilizationWindowSeconds": -1}),
        ("policy-no-period", {"policies": [policy | {"periodSeconds": ABSENT}]}),
        ("policy-no-type", {"policies": [policy | {"type": ABSENT}]}),
        ("policy-value-text", {"policies": [policy | {"value": "10%"}]}),
    ):
        cleaned = {
            key: [_without(each) for each in value] if isinstance(value, list) else value
            for key, value in rules.items()
        }
        yield case(name, _behaving({"scaleDown": cleaned}))
    yield case("annotation-boolean", so(annotations={"autoscaling.keda.sh/paused": True}))
    yield case("label-number", so(labels={"tier": 1}))
    yield case("label-with-space", so(labels={"tier": "first class"}))
    yield case("label-too-long", so(labels={"tier": "x" * 64}))
    for name, written in (("upper-case", "Web"), ("underscore", "web_api"), ("ends-with-dash", "web-"),
                          ("longer-than-any-name", "n" * 254)):  # fmt: skip
        subject = so()
        yield case(name, subject | {"metadata": {"name": written}})
    for key in (
        "minReplicaCount",
        "maxReplicaCount",
        "pollingInterval",
        "cooldownPeriod",
        "idleReplicaCount",
    ):
        yield case(f"int32-{key.lower()}", so(**{key: 3_000_000_000}))
    yield case("int32-negative", so(cooldownPeriod=-3_000_000_000))
    yield case("int32-fallback", so(fallback={"failureThreshold": 3, "replicas": 3_000_000_000}))


def _admission() -> Iterator[Case]:
    """KEDA's webhook (scaledobject_webhook.go)."""
    yield case("no-triggers-at-all", so(triggers=[]))
    yield case("trigger-name-twice", so(trigger(name="a"), trigger("cron", name="a")))
    for kind, metric_type in (("cpu", "Utilization"), ("memory", "Utilization"), ("cron", ABSENT)):
        yield case(f"cached-{kind}", so(trigger(kind, metricType=metric_type, useCachedMetrics=True),
                                        minReplicaCount=1))  # fmt: skip
    resource = trigger("cpu", metricType="Utilization")
    for key in ("failureThreshold", "replicas"):
        yield case(f"fallback-{key.lower()}-negative",
                   so(fallback={"failureThreshold": 3, "replicas": 1} | {key: -1}))  # fmt: skip
    fallback = {"failureThreshold": 3, "replicas": 1}
    yield case("fallback-cpu-only", so(resource, minReplicaCount=1, fallback=fallback))
    named = (trigger(name="a"), trigger("cron", name="b"))
    modifiers: list[tuple[str, Manifest]] = [
        ("formula-missing", {"target": "5"}),
        ("formula-empty", {"formula": "", "target": "5"}),
        ("formula-open-bracket", {"formula": "(a + b", "target": "5"}),
        ("formula-operator", {"formula": "a +* b", "target": "5"}),
        ("formula-unknown-name", {"formula": "a + queue", "target": "5"}),
        ("formula-unknown-function", {"formula": "average(a, b)", "target": "5"}),
        ("formula-assignment", {"formula": "a = b", "target": "5"}),
        ("formula-two-values", {"formula": "a b", "target": "5"}),
        ("modifiers-no-target", {"formula": "a + b"}),
        ("modifiers-target-word", {"formula": "a + b", "target": "five"}),
        ("modifiers-target-zero", {"formula": "a + b", "target": "0"}),
        ("modifiers-target-negative", {"formula": "a + b", "target": "-1"}),
        ("modifiers-target-nan", {"formula": "a + b", "target": "NaN"}),
        ("modifiers-activation-word", {"formula": "a + b", "target": "5", "activationTarget": "few"}),
    ]
    for name, spec in modifiers:
        yield case(name, so(*named, advanced={"scalingModifiers": spec}))
    spec = {"formula": "a + load", "target": "5"}
    yield case("formula-names-cpu", so(named[0], resource | {"name": "load"}, minReplicaCount=1,
                                       advanced={"scalingModifiers": spec}))  # fmt: skip
    bare = workload(resources={})
    for kind in ("cpu", "memory"):
        each = trigger(kind, metricType="Utilization")
        yield case(f"{kind}-no-request", so(each, minReplicaCount=1), bare)
        yield case(f"{kind}-request-of-the-other", so(each, minReplicaCount=1), workload(
            resources={"requests": {"memory" if kind == "cpu" else "cpu": "10m"}}))  # fmt: skip
    in_container = trigger("cpu", metricType="Utilization", metadata={"containerName": "app"})
    yield case("cpu-no-request-in-container", so(in_container, minReplicaCount=1), bare)
    yield case("cpu-min-unset", so(resource))
    yield case("cpu-min-zero", so(resource, minReplicaCount=0))
    yield case("cpu-memory-min-zero", so(resource, trigger("memory", metricType="Utilization"),
                                         minReplicaCount=0))  # fmt: skip
    elsewhere = workload(name="another")
    yield case("cpu-target-missing", so(resource, minReplicaCount=1), elsewhere, alone=True)
    other = so()
    yield case("two-owners", so(), workload(), other | {"metadata": {"name": "two-owners-other"}})
    shared = {"horizontalPodAutoscalerConfig": {"name": "shared-hpa"}}
    yield case("one-hpa-name", so(advanced=shared), workload(), workload(name="one-hpa-name-other"),
               so(advanced=shared, scaleTargetRef={"name": "one-hpa-name-other"})
               | {"metadata": {"name": "one-hpa-name-other"}})  # fmt: skip
    default = {"horizontalPodAutoscalerConfig": {"name": "keda-hpa-default-hpa-name-other"}}
    yield case("default-hpa-name", so(advanced=default), workload(), workload(name="default-hpa-name-other"),
               so(scaleTargetRef={"name": "default-hpa-name-other"})
               | {"metadata": {"name": "default-hpa-name-other"}})  # fmt: skip
    yield case("hpa-first", so(), hpa("hpa-first", "by-hand"))
    transfer = {"scaledobject.keda.sh/transfer-hpa-ownership": "true"}
    yield case("transfer-no-name", so(annotations=transfer), hpa("transfer-no-name", "transferred"))
    config = {"horizontalPodAutoscalerConfig": {"name": "wrong"}}
    yield case("transfer-wrong-name", so(annotations=transfer, advanced=config),
               hpa("transfer-wrong-name", "transferred-too"))  # fmt: skip
    after = _named(so(), "hpa-afterwards", NAMESPACE)
    yield case("hpa-afterwards", hpa("hpa-afterwards", "too-late"), workload(), after)


RAY_SERVICE = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "rayservices.ray.io"},
    "spec": {
        "group": "ray.io",
        "scope": "Namespaced",
        "names": {"plural": "rayservices", "singular": "rayservice", "kind": "RayService"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
                },
            }
        ],
    },
}


def _operator() -> Iterator[Case]:
    """What only the operator finds (scaledobject_controller.go), and the HPA it makes."""
    elsewhere = workload(name="another")
    for kind in ("Deployment", "StatefulSet", "ReplicaSet"):
        yield case(f"missing-{kind.lower()}", so(scaleTargetRef={"kind": kind}), elsewhere, alone=True)
    labels = {"app": "unscalable"}
    pod = workload()["spec"]["template"]["spec"] | {"restartPolicy": "Never"}
    template = {"metadata": {"labels": labels}, "spec": pod}
    lasting = {"metadata": {"labels": labels}, "spec": workload()["spec"]["template"]["spec"]}
    unscalable = [
        ("v1", "ConfigMap", ABSENT),
        ("v1", "Pod", pod),
        ("apps/v1", "DaemonSet", {"selector": {"matchLabels": labels}, "template": lasting}),
        ("batch/v1", "Job", {"template": template, "suspend": True}),
        ("batch/v1", "CronJob", {"schedule": "0 0 1 1 *", "jobTemplate": {"spec": {"template": template}}}),
    ]
    for version, kind, spec in unscalable:
        target = _without({"apiVersion": version, "kind": kind, "metadata": {}, "spec": spec})
        reference = {"apiVersion": version, "kind": kind}
        yield case(f"target-{kind.lower()}", so(scaleTargetRef=reference), target, target=False)
    service = {"apiVersion": "ray.io/v1", "kind": "RayService", "metadata": {}, "spec": {"replicas": 1}}
    yield case("target-rayservice", so(scaleTargetRef={"apiVersion": "ray.io/v1", "kind": "RayService"}),
               RAY_SERVICE, service)  # fmt: skip
    for name, reference in (
        ("target-kind-misspelt", {"kind": "Deploymnt"}),
        ("target-kind-lower-case", {"kind": "deployment"}),
        ("target-kind-plural", {"apiVersion": "apps/v1", "kind": "ReplicaSets"}),
        ("target-no-version", {"apiVersion": "apps", "kind": "Deployment"}),
        ("target-old-version", {"apiVersion": "apps/v1beta1", "kind": "ReplicaSet"}),
        ("target-wrong-group", {"apiVersion": "batch/v1", "kind": "ReplicaSet"}),
        ("target-core-deployment", {"apiVersion": "v1", "kind": "Deployment"}),
        ("target-beta-deployment", {"apiVersion": "apps/v1beta1", "kind": "Deployment"}),
    ):
        yield case(name, so(scaleTargetRef=reference))
    bounds: list[tuple[str, Manifest]] = [
        ("min-over-max", {"minReplicaCount": 5}),
        ("min-over-default-max", {"minReplicaCount": 101, "maxReplicaCount": ABSENT}),
        ("idle-is-min", {"idleReplicaCount": 2, "minReplicaCount": 2}),
        ("idle-over-min", {"idleReplicaCount": 2, "minReplicaCount": 1}),
        ("idle-without-min", {"idleReplicaCount": 0}),
        ("max-zero", {"maxReplicaCount": 0}),
        ("max-negative", {"maxReplicaCount": -1}),
        ("min-negative", {"minReplicaCount": -3}),
        ("cooldown-negative", {"cooldownPeriod": -1}),
        ("initial-cooldown-negative", {"initialCooldownPeriod": -5}),
    ]
    for name, spec in bounds:
        yield case(name, so(**spec))
    policy = {"type": "Pods", "value": 1, "periodSeconds": 30}
    for name, rules in (
        ("select-policy-lower-case", {"selectPolicy": "max", "policies": [policy]}),
        ("policy-type", {"policies": [policy | {"type": "Pod"}]}),
        ("policy-value-zero", {"policies": [policy | {"value": 0}]}),
        ("policy-period-zero", {"policies": [policy | {"periodSeconds": 0}]}),
        ("policy-period-long", {"policies": [policy | {"periodSeconds": 1801}]}),
        ("policies-empty", {"policies": []}),
    ):
        yield case(name, _behaving({"scaleDown": rules}))
    yield case("hpa-name-upper-case", so(advanced={"horizontalPodAutoscalerConfig": {"name": "Web_HPA"}}))
    yield case("hpa-name-too-long", so(advanced={"horizontalPodAutoscalerConfig": {"name": "h" * 254}}))
    yield case("n" * 64, so())
    yield case("unknown-env-container", so(scaleTargetRef={"envSourceContainerName": "sidecar"}))


# Scalers that make no contact when they are built, so that the operator's answer is about what is written.
OFFLINE = (
    "activemq", "artemis-queue", "aws-sqs-queue", "azure-blob", "azure-servicebus", "cron", "datadog",
    "dynatrace", "elasticsearch", "github-runner", "graphite", "influxdb", "kubernetes-workload", "loki",
    "metrics-api", "nats-jetstream", "new-relic", "nsq", "prometheus", "selenium-grid", "solr",
)  # fmt: skip


def _triggers() -> Iterator[Case]:
    for scaler in OFFLINE:
        spec = sample(scaler)
        yield _of_spec(f"{scaler}-fine", spec)
        required = next((each for each in scalers()[scaler].parameters if each.required), None)
        if required:
            gone = {key: text for key, text in spec.metadata.items() if key not in required.names}
            auth = {key: text for key, text in spec.auth.items() if key not in required.names}
            yield _of_spec(f"{scaler}-lacks", replace(spec, metadata=gone, auth=auth))
        numbers = ("int64", "float64", "float64?", "bool", "duration")
        typed = next((p for p in scalers()[scaler].parameters if p.type in numbers
                      and "metadata" in p.sources and not p.deprecated), None)  # fmt: skip
        if typed:
            yield _of_spec(f"{scaler}-word", replace(spec, metadata=spec.metadata | {typed.name: "many"}))
    yield case("type-misspelt", so(trigger() | {"type": "kubernetes-worklod"}))
    yield case("parameter-misspelt", so(trigger("nats-jetstream", metadata={"lagTreshold": "5"})))
    yield case("parameter-unknown", so(trigger("cron", metadata={"metricName": "hours"})))
    for name, kind, metric_type in (
        ("cpu-no-metric-type", "cpu", ABSENT),
        ("cpu-value", "cpu", "Value"),
        ("queue-utilization", "kubernetes-workload", "Utilization"),
        ("queue-metric-type-lower-case", "kubernetes-workload", "value"),
    ):
        yield case(name, so(trigger(kind, metricType=metric_type), minReplicaCount=1))
    for name, kind, metric_type, amount in (
        ("cpu-per-cent", "cpu", "Utilization", "50%"),
        ("cpu-fraction", "cpu", "Utilization", "0.5"),
        ("cpu-zero", "cpu", "Utilization", "0"),
        ("cpu-negative", "cpu", "Utilization", "-10"),
        ("cpu-amount-zero", "cpu", "AverageValue", "0"),
        ("memory-no-value", "memory", "Utilization", ABSENT),
    ):
        yield case(name, so(trigger(kind, metricType=metric_type, metadata={"value": amount}),
                            minReplicaCount=1))  # fmt: skip
    for name, kind, metadata in (
        ("target-zero", "prometheus", {"threshold": "0"}),
        ("target-negative", "prometheus", {"threshold": "-5"}),
        ("target-below-milli", "prometheus", {"threshold": "0.0001"}),
        ("target-zero-value", "metrics-api", {"targetValue": "0"}),
        ("lag-zero", "nats-jetstream", {"lagThreshold": "0"}),
        ("query-broken", "prometheus", {"query": "sum("}),
        ("cron-bad-start", "cron", {"start": "25 99 * * *"}),
        ("cron-start-is-end", "cron", {"end": "0 8 * * 1-5"}),
        ("cron-no-replicas", "cron", {"desiredReplicas": "0"}),
        ("selector-broken", "kubernetes-workload", {"podSelector": "app in"}),
        ("workload-value-zero", "kubernetes-workload", {"value": "0"}),
        ("auth-mode", "prometheus", {"authModes": "baerer"}),
        ("url-spaces", "metrics-api", {"format": "jsn"}),
    ):
        yield case(name, so(trigger(kind, metadata=metadata)))
    yield case("redis-away", so(trigger("redis", metadata={"address": "127.0.0.1:9"})))
    github = trigger("github-runner")
    reference = {"authenticationRef": {"name": "nobody"}}
    yield case("authentication-missing", so(trigger(**reference)),
               secret("unused"), alone=True)  # fmt: skip
    yield case("needed-authentication-missing", so(github | reference), alone=True)
    yield case("authentication-kind", so(trigger(authenticationRef={"name": "nobody", "kind": "Secret"})))
    own = {"authenticationRef": {"name": "token"}}
    wanted = {"secretTargetRef": [{"parameter": "personalAccessToken", "name": "token", "key": "value"}]}
    token = ta(**wanted) | {"metadata": {"name": "token"}}
    yield case("secret-key-missing", so(github | own), token, secret("token", other="x"), alone=True)
    yield case("secret-missing", so(github | own), token, secret("another", value="x"), alone=True)
    wrong = {"secretTargetRef": [{"parameter": "token", "name": "token", "key": "value"}]}
    yield case("secret-wrong-parameter", so(github | own), ta(**wrong) | {"metadata": {"name": "token"}},
               secret("token", value="x"), alone=True)  # fmt: skip
    yield case("file-path-by-namespaced", so(trigger() | own), ta(filePath="token.json")
               | {"metadata": {"name": "token"}}, alone=True)  # fmt: skip
    yield case("token-from-env", so(trigger("github-runner", metadata={"personalAccessTokenFromEnv": "TOKEN"})),
               workload(container={"env": [{"name": "TOKEN", "value": "x"}]}))  # fmt: skip
    yield case("token-from-absent-env", so(
        trigger("github-runner", metadata={"personalAccessTokenFromEnv": "TOKEN"})))  # fmt: skip
    for_all = cta(**wanted) | {"metadata": {"name": "by-cluster"}}
    by_cluster = {"name": f"{NAMESPACE}-by-cluster", "kind": "ClusterTriggerAuthentication"}
    yield case("authentication-of-cluster", so(trigger(authenticationRef=by_cluster)), for_all)


def _of_spec(name: str, spec: Spec) -> Case:
    """A ScaledObject with the trigger, and its credentials in a Secret."""
    written: Manifest = {"type": spec.type, "metadata": dict(spec.metadata)}
    given: list[Manifest] = []
    if spec.auth:
        references = [{"parameter": key, "name": name, "key": key} for key in spec.auth]
        given = [secret(name, **spec.auth), ta(secretTargetRef=references)]
        written["authenticationRef"] = {"name": name}
    return case(name, so(written), *given)


def _jobs() -> Iterator[Case]:
    yield case("job", sj())
    for word in ("default", "accurate", "eager"):
        yield case(f"job-{word}", sj(scalingStrategy={"strategy": word}))
    yield case("job-custom", sj(scalingStrategy={"strategy": "custom", "customScalingQueueLengthDeduction": 1,
                                                 "customScalingRunningJobPercentage": "0.5"}))  # fmt: skip
    yield case("job-rollout", sj(rollout={"strategy": "gradual", "propagationPolicy": "foreground"}))
    yield case("job-history", sj(successfulJobsHistoryLimit=5, failedJobsHistoryLimit=5, minReplicaCount=0))
    yield case("job-paused", sj() | {"metadata": {"annotations": {"autoscaling.keda.sh/paused": "true"}}})
    yield case("job-no-target", sj(jobTargetRef=ABSENT))
    yield case("job-no-template", sj(job={"backoffLimit": 1}))
    yield case("job-no-triggers", sj(triggers=[]))
    yield case("job-triggers-absent", sj(triggers=ABSENT))
    yield case("job-name-twice", sj(trigger(name="a"), trigger("cron", name="a")))
    yield case("job-cached-cron", sj(trigger("cron", useCachedMetrics=True)))
    yield case("job-metric-type", sj(trigger(metricType="AverageValue")))
    yield case("job-unknown-key", sj(maxReplicas=5))
    yield case("job-max-text", sj(maxReplicaCount="5"))
    yield case("job-history-int32", sj(successfulJobsHistoryLimit=3_000_000_000))
    yield case("job-port-no-protocol", sj(template={"containers": [
        {"name": "app", "image": "none.invalid/app:1", "ports": [{"containerPort": 80}]}]}))  # fmt: skip
    yield case("job-backoff-text", sj(job={"backoffLimit": "1", "template": {"spec": {
        "restartPolicy": "Never", "containers": [{"name": "app", "image": "none.invalid/app:1"}]}}}))  # fmt: skip
    yield case("job-container-no-name", sj(template={"containers": [{"image": "none.invalid/app:1"}]}))
    yield case("job-trigger-lacks", sj(trigger("prometheus", metadata={"query": ABSENT})))
    yield case("job-trigger-word", sj(trigger("nats-jetstream", metadata={"lagThreshold": "many"})))
    yield case("job-type-misspelt", sj(trigger() | {"type": "cronn"}))
    yield case("job-env-container", sj(envSourceContainerName="sidecar"))
    yield case("job-strategy-word", sj(scalingStrategy={"strategy": "acurate"}))
    yield case("job-calculation-word", sj(scalingStrategy={"multipleScalersCalculation": "median"}))
    yield case("job-rollout-word", sj(rollout={"strategy": "immediate"}))
    yield case("job-min-over-max", sj(minReplicaCount=5))
    yield case("job-max-zero", sj(maxReplicaCount=0))
    yield case("job-restart-always", sj(template={"restartPolicy": "Always"}))
    yield case("j" * 64, sj())


def _authentications() -> Iterator[Case]:
    entry = {"parameter": "password", "name": "login", "key": "password"}
    yield case("ta", ta(secretTargetRef=[entry]), secret("login", password="x"))
    good: list[tuple[str, Manifest]] = [
        ("ta-config-map", {"configMapTargetRef": [entry]}),
        ("ta-env", {"env": [{"parameter": "password", "name": "PASSWORD", "containerName": "app"}]}),
        ("ta-none", {"podIdentity": {"provider": "none"}, "secretTargetRef": [entry]}),
        ("ta-aws", {"podIdentity": {"provider": "aws", "roleArn": "arn:aws:iam::1:role/a"}}),
        ("ta-azure", {"podIdentity": {"provider": "azure-workload", "identityId": "id"}}),
        ("ta-vault", {"hashiCorpVault": {"address": "http://vault:8200", "authentication": "token",
                                         "secrets": [{"parameter": "p", "path": "secret/a", "key": "k"}]}}),
        ("ta-token", {"boundServiceAccountToken": [{"parameter": "token", "serviceAccountName": "app"}]}),
    ]  # fmt: skip
    bad: list[tuple[str, Manifest]] = [
        *((f"ta-no-{key}", {"secretTargetRef": [{k: v for k, v in entry.items() if k != key}]})
          for key in entry),
        ("ta-config-map-no-key", {"configMapTargetRef": [{"parameter": "p", "name": "n"}]}),
        ("ta-env-no-name", {"env": [{"parameter": "p"}]}),
        ("ta-secret-mapping", {"secretTargetRef": entry}),
        ("ta-key-number", {"secretTargetRef": [entry | {"key": 5}]}),
        ("ta-unknown-key", {"secretRef": [entry]}),
        ("ta-unknown-key-in-entry", {"secretTargetRef": [entry | {"namespace": "shop"}]}),
        ("ta-provider", {"podIdentity": {"provider": "azure"}}),
        ("ta-no-provider", {"podIdentity": {"identityId": "id"}}),
        ("ta-identity-owner", {"podIdentity": {"provider": "aws", "identityOwner": "pod"}}),
        ("ta-azure-empty-id", {"podIdentity": {"provider": "azure-workload", "identityId": ""}}),
        ("ta-azure-empty-tenant", {"podIdentity": {"provider": "azure-workload", "identityTenantId": ""}}),
        ("ta-azure-no-tenant", {"podIdentity": {"provider": "azure-workload",
                                                "identityAuthorityHost": "https://login.example.org"}}),
        ("ta-aws-two-owners", {"podIdentity": {"provider": "aws", "roleArn": "arn:aws:iam::1:role/a",
                                               "identityOwner": "workload"}}),
        ("ta-vault-no-address", {"hashiCorpVault": {"authentication": "token", "secrets": []}}),
        ("ta-vault-no-secrets", {"hashiCorpVault": {"address": "http://v", "authentication": "token"}}),
        ("ta-key-vault-no-uri", {"azureKeyVault": {"secrets": [{"parameter": "p", "name": "n"}]}}),
        ("ta-gcp-no-secrets", {"gcpSecretManager": {"podIdentity": {"provider": "gcp"}}}),
        ("ta-aws-no-name", {"awsSecretManager": {"secrets": [{"parameter": "p"}]}}),
        ("ta-token-no-account", {"boundServiceAccountToken": [{"parameter": "token"}]}),
        ("ta-empty", {}),
        ("ta-file", {"filePath": "token.json"}),
    ]  # fmt: skip
    for name, spec in (*good, *bad):
        yield case(name, ta(**spec))
    for name, spec in (good[2], good[3], bad[0], bad[8], bad[11], bad[14], bad[-2]):
        yield case(f"c{name}", cta(**spec))
    yield case("cta-file", cta(filePath="token.json"))
    group = "eventing.keda.sh"
    to = {"destination": {"http": {"uri": "http://127.0.0.1:9"}}}
    kind = "keda.scaledobject.failed.v1"
    for name, spec in (
        ("events", to),
        ("events-included", to | {"eventSubscription": {"includedEventTypes": [kind]}}),
        ("events-both", to | {"eventSubscription": {"includedEventTypes": [kind],
                                                    "excludedEventTypes": [kind]}}),
        ("events-unknown", to | {"eventSubscription": {"includedEventTypes": ["keda.failed"]}}),
        ("events-no-destination", {}),
        ("events-nowhere", {"destination": {}}),
    ):  # fmt: skip
        yield case(name, keda("CloudEventSource", spec, group))

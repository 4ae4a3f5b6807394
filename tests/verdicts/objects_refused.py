"""ScaledObjects that KEDA's webhook or operator refuses."""

from __future__ import annotations

from collections.abc import Iterator

from tests.verdicts.build import (
    ABSENT,
    Case,
    Manifest,
    behaving,
    case,
    hpa,
    so,
    trigger,
    without,
    workload,
)


def refused_at_admission() -> Iterator[Case]:
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
        ("formula-condition", {"formula": "a > 1", "target": "5"}),
        ("formula-remainder", {"formula": "a % 2", "target": "5"}),
        ("formula-field", {"formula": "a.value", "target": "5"}),
        ("formula-unknown-in-a-list", {"formula": "count([a, queue], {# > 1})", "target": "5"}),
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


def refused_by_the_operator() -> Iterator[Case]:
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
        target = without({"apiVersion": version, "kind": kind, "metadata": {}, "spec": spec})
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
        yield case(name, behaving({"scaleDown": rules}))
    yield case("hpa-name-upper-case", so(advanced={"horizontalPodAutoscalerConfig": {"name": "Web_HPA"}}))
    yield case("hpa-name-too-long", so(advanced={"horizontalPodAutoscalerConfig": {"name": "h" * 254}}))
    yield case("n" * 64, so())
    yield case("unknown-env-container", so(scaleTargetRef={"envSourceContainerName": "sidecar"}))

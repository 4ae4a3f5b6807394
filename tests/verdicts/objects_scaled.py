"""ScaledObjects that KEDA accepts, and those that the CRD refuses."""

from __future__ import annotations

from collections.abc import Iterator

from tests.verdicts.build import (
    ABSENT,
    Case,
    Manifest,
    behaving,
    case,
    hpa,
    keda,
    so,
    trigger,
    without,
    workload,
)


def accepted() -> Iterator[Case]:
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
    of_one = trigger("cpu", metricType="Utilization", metadata={"containerName": "app"})
    yield case("cpu-of-container", so(of_one, minReplicaCount=1))
    yield case("cpu-and-queue", so(trigger("cpu", metricType="Utilization"), trigger()))
    limits = workload(resources={"limits": {"cpu": "10m"}})
    yield case("cpu-limit-only", so(trigger("cpu", metricType="Utilization"), minReplicaCount=1), limits)
    yield case("idle-below-min", so(idleReplicaCount=0, minReplicaCount=1))
    yield case("idle-and-min-zero", so(idleReplicaCount=0, minReplicaCount=0))
    yield case("min-is-max", so(minReplicaCount=3))
    yield case("periods", so(pollingInterval=60, cooldownPeriod=0, initialCooldownPeriod=30))
    yield case("fallback", so(fallback={"failureThreshold": 3, "replicas": 2}))
    for word in ("static", "currentReplicas", "currentReplicasIfHigher", "currentReplicasIfLower"):
        fallback = {"failureThreshold": 3, "replicas": 2, "behavior": word}
        yield case(f"fallback-{word.lower()}", so(fallback=fallback))
    named = (trigger(name="a"), trigger("cron", name="b"))
    formulas = (
        *("a + b", "max(a, b) / 2", "a > 3 ? a : b", "float(a)", "a ** 2", "round(a)", "sum([a, b])"),
        *("let x = a; x * 2", "count([a, b], {# > 1}) > 1 ? 5 : 0", "if a > 1 { 5 } else { 0 }"),
    )
    for index, formula in enumerate(formulas):
        modifiers = {"formula": formula, "target": "2"}
        yield case(f"formula-{index}", so(*named, advanced={"scalingModifiers": modifiers}))
    modifiers = {"formula": "a + b", "target": "2.5", "activationTarget": "1", "metricType": "Value"}
    yield case("modifiers-in-full", so(*named, advanced={"scalingModifiers": modifiers}))
    rules = {
        "stabilizationWindowSeconds": 60,
        "selectPolicy": "Max",
        "policies": [{"type": "Percent", "value": 50, "periodSeconds": 30}],
    }
    yield case("behavior", behaving({"scaleUp": rules, "scaleDown": {"selectPolicy": "Disabled"}}))
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


def malformed() -> Iterator[Case]:
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
            key: [without(each) for each in value] if isinstance(value, list) else value
            for key, value in rules.items()
        }
        yield case(name, behaving({"scaleDown": cleaned}))
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

"""The 15 questions that users of KEDA ask (one function each, at least): the first line has the cause."""

from __future__ import annotations

import pytest

from keda.diagnosis.answer import Diagnosis, Hop, Level
from tests.keda.diagnosis.cluster import (
    DISABLED,
    INACTIVE,
    METRIC,
    NO_FALLBACK,
    READY,
    TRIGGER,
    UNSET,
    current,
    deployment,
    event,
    external,
    hpa,
    keda,
    managed,
    rescaled,
    scaled_object,
    why,
)

UNREADABLE = (
    "the HPA was unable to compute the replica count: unable to get external metric shop/s0-prometheus/"
)
SELECTOR = "&LabelSelector{MatchLabels:map[string]string{scaledobject.keda.sh/name: web,},MatchExpressions:[]"
SELECTOR += "LabelSelectorRequirement{},}: unable to fetch metrics from external metrics API: "
TRIGGER_ERROR = ("False", "TriggerError", "Triggers defined in ScaledObject are not working correctly")
REFUSED_CONNECTION = (
    'Get "http://prometheus.monitoring:9090/api/v1/query?query=up&time=2026-03-01T21:00:00Z": dial tcp '
    "10.0.0.9:9090: connect: connection refused"
)


def failed(words: str) -> tuple[str, ...]:
    return ("False", "FailedGetExternalMetric", UNREADABLE + SELECTOR + words)


def answered(found: Diagnosis, kind: str, level: Level, hop: Hop) -> str:
    answer = found.answer
    assert (answer.kind, answer.level, answer.hop) == (kind, level, hop), found.title
    assert "\n" not in found.title and found.title.count("..") == 0
    return found.title.removeprefix("shop/web ")


# 1: the ScaledObject is Ready, the HPA shows <unknown>, nothing scales
@pytest.mark.parametrize(
    ("words", "kind", "cause"),
    [
        (
            "the server is currently unable to handle the request (get "
            "s0-prometheus.external.metrics.k8s.io)",
            "no-adapter",
            "the API server does not reach KEDA's metrics adapter",
        ),
        (
            'rpc error: code = Unavailable desc = connection error: desc = "transport: Error while '
            "dialing: dial "
            'tcp 10.96.0.7:9666: connect: connection refused"',
            "no-operator",
            "KEDA's metrics adapter does not reach the operator (gRPC, port 9666)",
        ),
        (
            's0-prometheus.external.metrics.k8s.io is forbidden: User "system:serviceaccount:kube-system:'
            'horizontal-pod-autoscaler" cannot list resource "s0-prometheus" in API group '
            '"external.metrics.k8s.io" in the namespace "shop"',
            "no-adapter",
            "the HPA controller may not read external metrics",
        ),
        (
            "the server could not find the metric s0-prometheus for ",
            "no-adapter",
            "no adapter serves this metric under v1beta1.external.metrics.k8s.io",
        ),
    ],
)
def test_1_ready_and_the_hpa_shows_unknown(words: str, kind: str, cause: str) -> None:
    found = why(scaled_object(), hpa(2, 2, active=failed(words)), deployment(2))
    line = answered(found, kind, Level.BROKEN, Hop.HPA)
    assert line == f"stays at 2: {cause}: {words.strip()}."


def test_1_the_api_service_is_not_available() -> None:
    available = (
        "False",
        "MissingEndpoints",
        'endpoints for service/keda-operator-metrics-apiserver in "keda" have no addresses',
    )
    words = "the server is currently unable to handle the request (get s0-prometheus.external.metrics.k8s.io)"
    found = why(
        scaled_object(), hpa(2, 2, active=failed(words)), deployment(2), *keda(adapter=0, available=available)
    )
    assert answered(found, "no-adapter", Level.BROKEN, Hop.HPA) == (
        "stays at 2: KEDA's metrics adapter has no ready pod, and the APIService "
        "v1beta1.external.metrics.k8s.io is "
        'not available (MissingEndpoints: endpoints for service/keda-operator-metrics-apiserver in "keda" '
        "have no "
        "addresses)."
    )


def test_1_another_adapter_has_the_api() -> None:
    installed = keda()
    installed[2]["spec"]["service"] = {"namespace": "monitoring", "name": "prometheus-adapter"}
    found = why(scaled_object(), hpa(2), deployment(2), *installed)
    line = answered(found, "no-adapter", Level.BROKEN, Hop.HPA)
    assert line.startswith(
        "stays at 2: v1beta1.external.metrics.k8s.io is served by monitoring/prometheus-adapter, not by KEDA"
    )


# 2: there is no HPA at all
def test_2_the_target_does_not_exist() -> None:
    message = (
        'ScaledObject doesn\'t have correct scaleTargetRef specification: deployments.apps "web" not found'
    )
    found = why(
        scaled_object(
            ready=("False", "ScaledObjectCheckFailed", message),
            active=("Unknown", "UnknownState", "ScaledObject check failed"),
            status={"hpaName": None},
            last_active=None,
        )
    )
    assert answered(found, "refused", Level.BROKEN, Hop.TARGET) == (
        "has no HPA, so nothing scales: its target Deployment shop/web does not exist (deployments.apps "
        '"web" not '
        "found)."
    )


def test_2_the_operator_watches_other_namespaces() -> None:
    seen = scaled_object()
    del seen["status"]
    found = why(seen, deployment(1), *keda(WATCH_NAMESPACE="keda,ray"))
    assert answered(found, "not-watched", Level.BROKEN, Hop.KEDA) == (
        "is not read by KEDA: its operator watches keda, ray only (WATCH_NAMESPACE), so no HPA is made."
    )


def test_2_nothing_has_looked_at_it() -> None:
    seen = scaled_object()
    del seen["status"]
    line = answered(why(seen, deployment(1)), "not-looked-at", Level.BROKEN, Hop.KEDA)
    assert line == "is not read by KEDA: it has no status 60 minutes after its creation, so no HPA is made."


def test_2_the_operator_is_down() -> None:
    found = why(scaled_object(), hpa(2), deployment(2), *keda(ready=0))
    line = answered(found, "operator-down", Level.BROKEN, Hop.KEDA)
    assert (
        line
        == "does not scale: KEDA's operator keda/keda-operator has 0 of 1 pods ready, so no trigger is read."
    )


def test_2_paused() -> None:
    found = why(
        scaled_object(annotations={"autoscaling.keda.sh/paused-replicas": "3"}, status={"hpaName": None}),
        deployment(3),
    )
    line = answered(found, "paused", Level.LIMITED, Hop.KEDA)
    assert line == (
        "is paused at 3 by the annotation autoscaling.keda.sh/paused-replicas: KEDA deleted its HPA and "
        "nothing "
        "scales."
    )


def test_2_a_policy_refuses_the_hpa() -> None:
    message = (
        "failed to ensure HPA is correctly created for ScaledObject: admission webhook "
        '"policy.example.org" denied '
        "the request: every object needs an owner label"
    )
    found = why(
        scaled_object(ready=("False", "ScaledObjectCheckFailed", message), active=UNSET), deployment(1)
    )
    line = answered(found, "refused", Level.BROKEN, Hop.HPA)
    assert line.startswith(
        "has no HPA, so nothing scales: the API server refuses KEDA's HPA: admission webhook"
    )


def test_2_a_scaler_that_cannot_be_built_any_more() -> None:
    message = (
        "failed to ensure HPA is correctly created for ScaledObject: error parsing prometheus metadata: "
        "error "
        "parsing prometheus metadata: bearer token is required when bearer auth is enabled"
    )
    found = why(scaled_object(ready=("False", "ScaledObjectCheckFailed", message)), hpa(2), deployment(2))
    assert answered(found, "refused", Level.BROKEN, Hop.TRIGGER) == (
        "stays at 2, since KEDA cannot build its scalers: error parsing prometheus metadata: bearer token "
        "is required "
        "when bearer auth is enabled."
    )


# 3: 0 -> 1 works, 1 -> N never
def test_3_within_the_tolerance() -> None:
    found = why(scaled_object(), hpa(1, 1, current("10900m")), deployment(1), values={METRIC: 10_900})
    assert answered(found, "tolerance", Level.WORKING, Hop.HPA) == (
        "stays at 1 though s0-prometheus asks for 2: 10.9 / 10 = 1.090 is within the HPA's tolerance of 10%."
    )


def test_3_type_value_and_no_pod_is_ready() -> None:
    trigger = TRIGGER | {"metricType": "Value"}
    metrics = [external(kind="Value")]
    found = why(
        scaled_object(trigger),
        hpa(1, 1, current("100", "Value"), metrics=metrics),
        deployment(1, 0),
        values={METRIC: 100_000},
    )
    assert answered(found, "no-ready-pod", Level.LIMITED, Hop.TARGET) == (
        "stays at 1 though s0-prometheus asks for 0 (100 / 10 = 10 (type Value) x 0 ready = 0): a metric "
        "of type Value "
        "is multiplied by the ready pods, and none is."
    )


def test_3_its_maximum_is_one() -> None:
    found = why(
        scaled_object(maxReplicaCount=1),
        hpa(1, 1, current("80"), maximum=1),
        deployment(1),
        values={METRIC: 80_000},
    )
    assert answered(found, "at-maximum", Level.LIMITED, Hop.HPA) == (
        "stays at 1, its maxReplicaCount, though s0-prometheus asks for 8 (80 / 10 per replica = 8)."
    )


def test_3_scale_out_is_paused() -> None:
    found = why(
        scaled_object(annotations={"autoscaling.keda.sh/paused-scale-out": "true"}),
        hpa(1, 1, current("40"), behavior={"scaleUp": {"selectPolicy": "Disabled"}}),
        deployment(1),
        values={METRIC: 40_000},
    )
    line = answered(found, "scale-out-paused", Level.LIMITED, Hop.HPA)
    assert line.endswith("scale-out is paused by annotation.")


def test_3_a_misspelt_parameter() -> None:
    metadata = {**TRIGGER["metadata"], "activationTreshold": "2"}
    found = why(scaled_object(TRIGGER | {"metadata": metadata}), hpa(1, 1, current("9")), deployment(1))
    line = answered(found, "manifest-misspelt-parameter", Level.BROKEN, Hop.TRIGGER)
    assert line.startswith("does not scale as it is written, spec.triggers[0].metadata.activationTreshold: ")


# 4: Active is False although minReplicaCount >= 1
def test_4_inactive_at_its_minimum() -> None:
    found = why(
        scaled_object(active=INACTIVE, minReplicaCount=2),
        hpa(2, 2, current("0"), minimum=2),
        deployment(2),
        values={METRIC: 0},
    )
    assert answered(found, "inactive-at-minimum", Level.WORKING, Hop.ACTIVATION) == (
        "is at its minReplicaCount 2, and s0-prometheus asks for 0 (0 / 10 per replica = 0); that it is "
        "not active "
        "has no effect, since Active decides between 0 and 1 only."
    )


# 5: the HPA shows another number than Prometheus
def test_5_the_average_is_the_value_divided_by_the_replicas() -> None:
    found = why(scaled_object(), hpa(3, 3, current("8534m")), deployment(3), values={METRIC: 25_600})
    assert answered(found, "at-target", Level.WORKING, Hop.HPA) == (
        "has 3 replicas: s0-prometheus asks for 3 (25.6 / 10 per replica = 2.56, rounded up)."
    )
    (line,) = [link.evidence[-1] for link in found.chain if link.hop is Hop.HPA]
    assert line == "s0-prometheus 8534m/10 (avg), the value divided by 3 replicas"


# 6: it never reaches zero
def test_6_a_small_value_keeps_it_active() -> None:
    found = why(scaled_object(), hpa(1, 1, current("200m")), deployment(1), values={METRIC: 200})
    assert answered(found, "held-at-one", Level.WORKING, Hop.ACTIVATION) == (
        "stays at 1 and does not go to 0: s0-prometheus is 0.2, above its activation threshold 0, so it is "
        "active, "
        "and the HPA never goes below 1."
    )
    assert "activation threshold" in found.answer.fix


def test_6_activation_is_forced() -> None:
    annotations = {"autoscaling.keda.sh/force-activation": "true"}
    seen = scaled_object(annotations=annotations)
    seen["status"]["triggersActivity"][METRIC]["isActive"] = False
    found = why(seen, hpa(1, 1, current("0")), deployment(1), values={METRIC: 0})
    assert answered(found, "forced", Level.LIMITED, Hop.ACTIVATION) == (
        "stays at 1: activation is forced by annotation, though no trigger is active."
    )


def test_6_cpu_alone_is_always_active() -> None:
    cpu = {"type": "cpu", "metricType": "Utilization", "metadata": {"value": "60"}}
    metric = {
        "type": "Resource",
        "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 60}},
    }
    shown = {
        "type": "Resource",
        "resource": {"name": "cpu", "current": {"averageUtilization": 3, "averageValue": "3m"}},
    }
    found = why(scaled_object(cpu), hpa(1, 1, shown, metrics=[metric]), deployment(1))
    line = answered(found, "manifest-resource-scaler-zero", Level.BROKEN, Hop.KEDA)
    assert "cpu and memory triggers only" in line


# 7: it comes down late
def test_7_the_scale_down_window() -> None:
    stabilized = (
        "True",
        "ScaleDownStabilized",
        "recent recommendations were higher than current one, applying the highest recent recommendation",
    )
    found = why(
        scaled_object(),
        hpa(4, 4, current("2"), able=stabilized, last_scaled=100),
        deployment(4),
        values={METRIC: 8000},
    )
    assert answered(found, "coming-down", Level.WORKING, Hop.HPA) == (
        "comes down from 4 to 1 between 21:03:20 UTC and 21:05:00 UTC: the HPA keeps the highest count of "
        "the last "
        "5 minutes, and now s0-prometheus asks for 1 (8 / 10 per replica = 0.8, rounded up)."
    )


def test_7_the_cooldown() -> None:
    found = why(
        scaled_object(active=INACTIVE, last_active=50),
        hpa(1, 1, current("0")),
        deployment(1),
        values={METRIC: 0},
    )
    assert answered(found, "cooling-down", Level.WORKING, Hop.ACTIVATION) == (
        "goes from 1 to 0 at 21:04:10 UTC unless a trigger becomes active before: it was last active at "
        "20:59:10 "
        "UTC, and cooldownPeriod is 5 minutes."
    )
    assert [f"{each.at:%H:%M:%S}" for each in found.next if each.at] == ["21:04:10"]


# 8: it went to zero right after the deploy
def test_8_an_event_of_an_earlier_object_of_that_name() -> None:
    gone = event(
        "KEDAScaleTargetDeactivated",
        "Deactivated apps/v1.Deployment shop/web from 3 to 0",
        300,
        warning=False,
    )
    found = why(
        scaled_object(active=INACTIVE, last_active=None, created=120),
        hpa(0, 0, active=DISABLED),
        deployment(0),
        gone,
    )
    assert answered(found, "never-active", Level.WORKING, Hop.ACTIVATION).startswith("is at 0: ")


def test_8_never_active() -> None:
    gone = event(
        "KEDAScaleTargetDeactivated",
        "Deactivated apps/v1.Deployment shop/web from 3 to 0",
        117,
        warning=False,
    )
    found = why(
        scaled_object(active=INACTIVE, last_active=None, created=120),
        hpa(0, 0, active=DISABLED),
        deployment(0),
        gone,
        values={METRIC: 0},
    )
    assert answered(found, "never-active", Level.WORKING, Hop.ACTIVATION) == (
        "went to 0 at 20:58:03 UTC, 3 s after its creation: no trigger has been active yet, and "
        "initialCooldownPeriod "
        "is 0, its default; now s0-prometheus is 0, not above its activation threshold 0."
    )


# 9: something puts the replicas back
def test_9_another_field_manager_wrote_last() -> None:
    found = why(
        scaled_object(),
        hpa(2, 5, current("25"), last_scaled=90),
        deployment(2, 2, managed("kustomize-controller", 30, "Apply")),
        values={METRIC: 50_000},
    )
    assert answered(found, "foreign-writer", Level.BROKEN, Hop.TARGET) == (
        "has 2 replicas because kustomize-controller wrote spec.replicas at 20:59:30 UTC, after KEDA had "
        "scaled it at "
        "20:58:30 UTC."
    )


def test_9_kubectl_scale() -> None:
    """Kubernetes keeps no time of a write through /scale."""
    by_hand = managed("kubectl", 0) | {"subresource": "scale"}
    del by_hand["time"]
    found = why(
        scaled_object(),
        hpa(3, 3, current("10"), last_scaled=90),
        deployment(1, 1, by_hand),
        values={METRIC: 30_000},
    )
    assert answered(found, "foreign-writer", Level.LIMITED, Hop.TARGET) == (
        "has 1 replica because kubectl wrote spec.replicas through /scale, after KEDA had scaled it at "
        "20:58:30 UTC."
    )


def test_9_caught_while_the_hpa_has_it() -> None:
    reason = f"external metric s0-prometheus({SELECTOR.partition(': unable')[0]}) above target"
    flux = managed("kustomize-controller", 30, "Apply")
    flux["fieldsV1"] = {"f:spec": {"f:template": {}}}
    found = why(
        scaled_object(),
        hpa(5, 5, current("10"), last_scaled=10),
        deployment(5, 5, flux),
        rescaled(5, reason, 10, 4, 610),
        values={METRIC: 50_000},
    )
    assert answered(found, "put-back", Level.BROKEN, Hop.TARGET) == (
        "is put back again and again: its HPA set 5 replicas 4 times in 10 minutes, and KEDA never set "
        "less in "
        "between; kustomize-controller writes Deployment shop/web too."
    )


# 10: it oscillates, or has odd counts
def test_10_a_second_hpa() -> None:
    ambiguous = (
        "False",
        "AmbiguousSelector",
        "pods by selector app=web are controlled by multiple HPAs: [{keda-hpa-web shop} {old shop}]",
    )
    found = why(
        scaled_object(),
        hpa(2, 2, active=ambiguous),
        hpa(2, 2, name="old", owner=False),
        deployment(2),
    )
    assert answered(found, "second-hpa", Level.BROKEN, Hop.HPA) == (
        "does not scale: HPA old scales Deployment shop/web as well as KEDA's keda-hpa-web, and Kubernetes "
        "stops both "
        "(AmbiguousSelector)."
    )
    alone = why(scaled_object(), hpa(2, 2, active=ambiguous), deployment(2))
    assert "HPA old scales" in alone.title


def test_10_the_tolerance_makes_odd_counts() -> None:
    cron = {
        "type": "cron",
        "metadata": {"timezone": "UTC", "start": "0 8 * * *", "end": "0 22 * * *", "desiredReplicas": "45"},
    }
    name = "s0-cron-UTC-08xxx-022xxx"
    found = why(
        scaled_object(
            cron, maxReplicaCount=60, status={"externalMetricNames": [name], "triggersActivity": {}}
        ),
        hpa(47, 47, current("958m", name=name), metrics=[external(1, name=name)], maximum=60),
        deployment(47),
        values={name: 45_000},
    )
    assert answered(found, "tolerance", Level.WORKING, Hop.HPA) == (
        "stays at 47 though s0-cron-UTC-08xxx-022xxx asks for 45: 45 / 47 = 0.957 is within the HPA's "
        "tolerance of "
        "10%."
    )


def test_10_its_own_hpa_goes_to_and_fro() -> None:
    found = why(
        scaled_object(),
        hpa(2, 2, current("8"), behavior={"scaleDown": {"stabilizationWindowSeconds": 0}}),
        deployment(2),
        rescaled(5, "external metric s0-prometheus(x) above target", 60, 4, 700),
        rescaled(2, "All metrics below target", 20, 4, 640),
    )
    assert answered(found, "oscillation", Level.LIMITED, Hop.HPA) == (
        "oscillates between 2 and 5: its HPA changed it 8 times in 11 minutes, up and down, with a "
        "scaleDown window "
        "of 0 s."
    )


# 11: pollingInterval has no effect
def test_11_the_hpa_reads_by_itself() -> None:
    found = why(
        scaled_object(minReplicaCount=1, pollingInterval=300),
        hpa(2, 2, current("8")),
        deployment(2),
        values={METRIC: 16_000},
    )
    assert answered(found, "at-target", Level.WORKING, Hop.HPA) == (
        "has 2 replicas: s0-prometheus asks for 2 (16 / 10 per replica = 1.6, rounded up); pollingInterval "
        "300 has no "
        "effect on that: from 1 on the HPA reads the trigger itself, every 15 s."
    )


def test_11_at_zero_it_counts() -> None:
    found = why(
        scaled_object(active=INACTIVE, pollingInterval=300, last_active=900),
        hpa(0, 0, active=DISABLED),
        deployment(0),
        values={METRIC: 5000},
    )
    assert answered(found, "activating", Level.WORKING, Hop.ACTIVATION) == (
        "goes from 0 to 1 at KEDA's next poll, within 5 minutes: s0-prometheus is 5, above its activation "
        "threshold 0."
    )


# 12: the fallback does not act, or stays
FALLBACK = {"failureThreshold": 3, "replicas": 4, "behavior": "static"}


def health(failures: int) -> dict[str, object]:
    if not failures:
        return {}
    return {"health": {METRIC: {"numberOfFailures": failures, "status": "Failing"}}}


def failing(failures: int, count: int, ready: tuple[str, ...] = READY, **more: object) -> Diagnosis:
    """A ScaledObject with a fallback whose Prometheus is down."""
    given = {"fallback": FALLBACK, **more}
    state = NO_FALLBACK if failures <= 3 else FALLING_BACK
    seen = scaled_object(ready=ready, active=INACTIVE, fallback=state, status=health(failures))
    seen["spec"] |= given
    return why(seen, hpa(2), deployment(2), event("KEDAScalerFailed", REFUSED_CONNECTION, 10, count))


FALLING_BACK = ("True", "FallbackExists", "At least one trigger is falling back on this scaled object")


def test_12_it_acts() -> None:
    found = failing(9, 9)
    assert answered(found, "fallback", Level.BROKEN, Hop.SOURCE) == (
        "is held by its fallback (4 replicas) after 9 failures in a row: its trigger s0-prometheus fails: "
        'Get "http://prometheus.monitoring:9090/api/v1/query?…": dial tcp 10.0.0.9:9090: connect: connection '
        "refused."
    )


def test_12_it_comes_after_more_failures() -> None:
    found = failing(2, 2)
    assert answered(found, "fallback-pending", Level.BROKEN, Hop.SOURCE).startswith(
        "stays at 2 until 2 more reads fail (failureThreshold 3), then its fallback of 4 replicas acts: "
        "its trigger "
        "s0-prometheus fails: "
    )


def test_12_the_scaler_cannot_be_built_any_more() -> None:
    line = answered(failing(1, 40, TRIGGER_ERROR), "fallback-never", Level.BROKEN, Hop.SOURCE)
    assert line.startswith(
        "stays at 2, and its fallback does not act: KEDA cannot build the scaler any more, and counts only "
        "reads of a "
        "built one (1 of more than 3): "
    )


def test_12_a_formula_with_a_broken_target() -> None:
    modifiers = {"formula": "x * 2", "target": "2.5"}
    found = failing(0, 9, TRIGGER_ERROR, advanced={"scalingModifiers": modifiers})
    line = answered(found, "fallback-never", Level.BROKEN, Hop.SOURCE)
    assert line.startswith(
        "stays at 2, and its fallback never acts: scalingModifiers.target is not a whole number: "
    )


# 13: context deadline, no matching metrics, FailedDiscoveryCheck
@pytest.mark.parametrize(
    ("words", "kind", "cause"),
    [
        (
            "rpc error: code = DeadlineExceeded desc = context deadline exceeded",
            "no-operator",
            "KEDA's metrics adapter does not reach the operator",
        ),
        (
            "rpc error: code = Unknown desc = error when getting metric values no matching metrics found for "
            "s0-prometheus",
            "no-operator",
            "KEDA's operator has no metric of this name",
        ),
        (
            "context deadline exceeded",
            "no-adapter",
            "the way from the API server over KEDA's metrics adapter",
        ),
    ],
)
def test_13_the_way_to_keda(words: str, kind: str, cause: str) -> None:
    found = why(scaled_object(), hpa(2, 2, active=failed(words)), deployment(2))
    assert answered(found, kind, Level.BROKEN, Hop.HPA).startswith(f"stays at 2: {cause}")


def test_13_failed_discovery_check() -> None:
    available = (
        "False",
        "FailedDiscoveryCheck",
        "failing or missing response from https://10.96.0.8:443/apis/external.metrics.k8s.io/v1beta1: Get "
        '"https://10.96.0.8:443/apis/external.metrics.k8s.io/v1beta1": context deadline exceeded',
    )
    found = why(scaled_object(), hpa(2), deployment(2), *keda(available=available))
    assert "is not available (FailedDiscoveryCheck: failing or missing response" in found.title


def test_13_the_source_is_too_slow() -> None:
    words = (
        "rpc error: code = Unknown desc = error when getting metric values metric:s0-prometheus "
        "encountered error"
    )
    slow = (
        'Get "http://prometheus.monitoring:9090/api/v1/query?query=up": context deadline exceeded '
        "(Client.Timeout exceeded while awaiting headers)"
    )
    found = why(
        scaled_object(ready=TRIGGER_ERROR, active=INACTIVE),
        hpa(2, 2, active=failed(words)),
        deployment(2),
        event("KEDAScalerFailed", slow, 12, 6),
    )
    assert answered(found, "trigger-error", Level.BROKEN, Hop.SOURCE) == (
        f"stays at 2: its trigger s0-prometheus fails: {slow.replace('query=up', '…')}."
    )
    assert "KEDA waits 3 s" in found.answer.fix


def test_13_an_event_that_hides_the_cause() -> None:
    found = why(
        scaled_object(ready=TRIGGER_ERROR, active=INACTIVE),
        hpa(2),
        deployment(2),
        event("KEDAScalerFailed", "connection refused", 40, 6),
        event("KEDAScalerFailed", "scaler with id 0 not found. Len = 0", 12, 6),
    )
    assert found.title.endswith("its trigger s0-prometheus fails: connection refused.")


# 14: a Secret changed, authentication is not seen, a misleading log
REDIS = {
    "type": "redis",
    "metadata": {"address": "redis.shop:6379", "listName": "jobs", "listLength": "5"},
    "authenticationRef": {"name": "redis"},
}
AUTHENTICATION = {
    "apiVersion": "keda.sh/v1alpha1",
    "kind": "TriggerAuthentication",
    "metadata": {"name": "redis", "namespace": "shop"},
    "spec": {"secretTargetRef": [{"parameter": "password", "name": "redis", "key": "password"}]},
}
NOAUTH = "error inspecting list length: NOAUTH Authentication required."


def secret(*keys: str, at: float = 86_400) -> dict[str, object]:
    fields = {f"f:{key}": {} for key in keys}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": "redis",
            "namespace": "shop",
            "managedFields": [
                managed("kubectl-client-side-apply", at) | {"fieldsV1": {"f:data": {".": {}, **fields}}}
            ],
        },
    }


@pytest.mark.parametrize(
    ("objects", "cause"),
    [
        (
            [],
            "the TriggerAuthentication redis of its trigger redis does not exist, so KEDA reads it without "
            "credentials",
        ),
        (
            [AUTHENTICATION],
            "Secret shop/redis, from which TriggerAuthentication redis takes password, does not exist",
        ),
        (
            [AUTHENTICATION, secret("pass")],
            "Secret shop/redis has no key password, from which TriggerAuthentication redis takes password",
        ),
    ],
)
def test_14_the_way_to_the_credentials(objects: list[dict[str, object]], cause: str) -> None:
    found = why(
        scaled_object(REDIS, ready=TRIGGER_ERROR, active=INACTIVE),
        hpa(1, 1, metrics=[external(5, name="s0-redis-jobs")]),
        deployment(1),
        event("KEDAScalerFailed", NOAUTH, 10, 4),
        *objects,
    )
    assert answered(found, "trigger-error", Level.BROKEN, Hop.TRIGGER) == (
        f"stays at 1: its trigger s0-redis-jobs fails because {cause}; KEDA reports {NOAUTH}"
    )


def test_14_keda_reads_secrets_of_its_own_namespace_only() -> None:
    found = why(
        scaled_object(REDIS, ready=TRIGGER_ERROR, active=INACTIVE),
        hpa(1, 1, metrics=[external(5, name="s0-redis-jobs")]),
        deployment(1),
        event("KEDAScalerFailed", NOAUTH, 10, 4),
        AUTHENTICATION,
        secret("password"),
        *keda(KEDA_RESTRICT_SECRET_ACCESS="true"),
    )
    assert "KEDA may read Secrets of its own namespace only" in found.title


def test_14_a_secret_that_is_newer_than_the_scaler() -> None:
    found = why(
        scaled_object(REDIS),
        hpa(1, 1, current("3", name="s0-redis-jobs"), metrics=[external(5, name="s0-redis-jobs")]),
        deployment(1),
        event("KEDAScalersStarted", "Scaler redis is built", 3000, warning=False),
        AUTHENTICATION,
        secret("password", at=600),
        values={"s0-redis-jobs": 3000},
    )
    assert found.answer.level is Level.WORKING
    (trigger,) = [link for link in found.chain if link.hop is Hop.TRIGGER]
    assert any("Secret shop/redis changed at 20:50:00 UTC" in line for line in trigger.evidence)

"""Settings that KEDA accepts and that people lost days on: other members of each kind than the corpus has."""

from __future__ import annotations

from typing import Any

import pytest

import keda
from keda.manifests.declared import UNKNOWN
from keda.syntax import cron, promql
from keda.syntax.ratios import whole_of

PROMETHEUS = {"serverAddress": "http://p.monitoring:9090", "ignoreNullValues": "false"}


def scaled(*triggers: Any, kind: str = "ScaledObject", annotations: Any = None, **spec: Any) -> Any:
    base: dict[str, Any] = {"minReplicaCount": 1, "maxReplicaCount": 8, "triggers": list(triggers)}
    if kind == "ScaledObject":
        base["scaleTargetRef"] = {"name": "web"}
    else:
        pod = {"containers": [{"name": "c", "image": "c:1"}]}
        base |= {"jobTargetRef": {"template": {"spec": pod}}, "rollout": {"strategy": "gradual"}}
        base |= {"successfulJobsHistoryLimit": 3, "failedJobsHistoryLimit": 3}
    metadata = {"name": "web", "namespace": "shop", "annotations": annotations or {}}
    return {"apiVersion": "keda.sh/v1alpha1", "kind": kind, "metadata": metadata, "spec": base | spec}


def codes(*objects: Any) -> set[str]:
    return {finding.code for finding in keda.check(objects)}


def prometheus(query: Any, threshold: str = "5", **more: Any) -> Any:
    return {"type": "prometheus", "metadata": PROMETHEUS | {"query": query, "threshold": threshold}, **more}


# --- What a query gives ---
@pytest.mark.parametrize(
    ("query", "kind"),
    [
        ("up[5m]", "matrix"),
        ("(up{a='b'}[5m])", "matrix"),
        ("max_over_time(up[5m])[1h:1m]", "matrix"),
        ("up[5m] offset 1h", "matrix"),
        ("time()", "scalar"),
        ("-(1 + 2)", "scalar"),
        ("scalar(sum(a)) / scalar(sum(b))", "scalar"),
        ("'up'", "string"),
        ("vector(1)", "vector"),
        ("scalar(sum(a)) + sum(b)", "vector"),
        ("sum(rate(up[5m]))", "vector"),
        ("1 - sum(a)", "vector"),
    ],
)
def test_what_a_query_gives(query: str, kind: str) -> None:
    assert promql.result_type(promql.parse(query)) == kind
    found = codes(scaled(prometheus(query)))
    assert ("query-result-type" in found) == (kind != "vector")
    assert not {"query-several-series", "query-result-type"} <= found


@pytest.mark.parametrize(
    ("query", "whole"),
    [
        ("sum(busy) / sum(all)", 1),
        ("max_over_time((sum(busy) / sum(all))[5m:15s])", 1),
        ("avg_over_time((sum(busy) / (sum(all) > 0))[10m:])", 1),
        ("(sum(rate(errors[2m])) / sum(rate(requests[2m]))) > 0", 1),
        ("100 * sum(busy) / sum(all)", 100),
        ("sum(busy) / sum(all) * 100", 100),
        ("(sum(busy) / clamp_min(sum(all), 1)) or vector(0)", 1),
        ("1 - sum(free) / sum(all)", 1),
        ("sum(busy) / (sum(busy) + sum(idle))", 1),
        ("scalar(sum(busy)) / scalar(sum(all))", 1),
        ("ceil(sum(busy) / sum(all) * 100)", 100),
        ("max(pool_used / pool_size)", 1),
        ("pool_used{a='b'} / pool_size{a='b'}", 1),
        ("sum by (job) (pool_used{job='a'}) / sum by (job) (pool_size{job='a'})", 1),
        # A number of pods: a total over what one pod can do.
        ("sum(rate(requests[2m])) / avg(capacity_of_a_pod)", None),
        ("sum(rate(requests[2m])) / scalar(max(capacity_of_a_pod))", None),
        ("sum(queue) / 20", None),
        ("queue_length / worker_batch", None),
        ("sum(pool_used / pool_size)", None),
        ("sum_over_time((sum(busy) / sum(all))[5m:])", None),
        ("sum(busy) / sum(all) > bool 0.5", None),
        ("sum(busy) + sum(all)", None),
    ],
)
def test_ratios_in_their_writings(query: str, whole: float | None) -> None:
    assert whole_of(promql.parse(query)) == whole


@pytest.mark.parametrize(
    ("query", "threshold", "more", "found"),
    [
        ("sum(busy) / (sum(all) > 0)", "0.6", {}, True),
        ("100 * sum(busy) / (sum(all) > 0)", "60", {"metricType": "AverageValue"}, True),
        ("sum(busy) / (sum(all) > 0)", "0.6", {"metricType": "Value"}, False),
        ("sum(busy) / (sum(all) > 0)", "3", {}, False),
        ("sum(busy) / (sum(all) > 0)", "1", {}, False),
        ("sum(busy) / (avg(all) > 0)", "0.6", {}, False),
    ],
)
def test_a_ratio_against_a_threshold(query: str, threshold: str, more: Any, found: bool) -> None:
    assert ("query-metric-type" in codes(scaled(prometheus(query, threshold, **more)))) == found


@pytest.mark.parametrize("query", ["1 - avg(idle)", "100 - avg(rate(idle[5m])) * 100", "100 * avg(load)"])
def test_an_average_is_one_of_a_replica(query: str) -> None:
    assert "query-metric-type" in codes(scaled(prometheus(query)))
    assert "query-metric-type" not in codes(scaled(prometheus(query, metricType="Value")))


@pytest.mark.parametrize(
    ("query", "refused"),
    [
        ('{app="web"}', True),
        (' {app="web"} |= "error" | json', True),
        ('sum(count_over_time({app="web"} |= "error" [5m]))', False),
        ('sum(rate({app="web"}[1m])) > 0', False),
    ],
)
def test_log_lines_are_no_number(query: str, refused: bool) -> None:
    metadata = {"serverAddress": "http://l.m:3100", "query": query, "threshold": "5"}
    found = codes(scaled({"type": "loki", "metadata": metadata | {"ignoreNullValues": "false"}}))
    assert found == ({"query-result-type"} if refused else set())


def test_a_ratio_in_a_formula_is_no_metric_of_the_hpa() -> None:
    trigger = prometheus("sum(busy) / (sum(all) > 0)", "0.6", name="load")
    modifiers = {"scalingModifiers": {"formula": "load * 10", "target": "1"}}
    assert codes(scaled(trigger, advanced=modifiers)) == set()


# --- Windows ---
def window(start: Any, end: Any, zone: str = "Europe/Berlin") -> Any:
    metadata = {"timezone": zone, "start": start, "end": end, "desiredReplicas": "3"}
    return scaled({"type": "cron", "metadata": metadata})


@pytest.mark.parametrize(
    ("start", "end", "place", "words"),
    [
        (
            "30 6 * * 1-5",
            "10 22 * * *",
            "end",
            "window of Fri 06:30 does not end on Fri 22:10, it runs on to Sun",
        ),
        ("0 8 * * 1", "0 18 * * 1-5", "end", "it runs on to Fri 18:00"),
        ("0 8 1 * *", "0 18 1,2 * *", "end", "it runs on to 2 Feb 18:00"),
        ("0 8 * * *", "0 18,20 * * *", "end", "it runs on to Mon 20:00"),
        ("0 8 * * *", "* 18 * * *", "end", "it runs on to Mon 18:59"),
        ("0 8 * * 1-5", "0 18 * * 5", "start", "from Mon 08:00 to Fri 08:00"),
        ("0 22 * * 1-5", "0 6 * * *", "end", "it runs on to Mon 06:00"),
        ("TZ=Asia/Tokyo 0 8 * * 1-5", "TZ=Asia/Tokyo 0 18 * * *", "end", "it runs on to Sun 18:00"),
        ("* 8 * * *", "0 18 * * *", "start", "from Mon 08:00 to Mon 08:59"),
        ("0 6,7 * * *", "0 18 * * *", "start", "from Mon 06:00 to Mon 07:00"),
    ],
)
def test_windows_that_are_not_what_they_seem(start: str, end: str, place: str, words: str) -> None:
    (finding,) = keda.check([window(start, end)])
    assert (finding.code, finding.at[-1]) == ("cron-window", place)
    assert words in finding.message


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("30 6 * * 1-5", "10 22 * * 1-5"),
        ("0 22 * * *", "0 6 * * *"),
        ("0 22 * * 5", "0 6 * * 1"),
        ("0 20 * * 1-5", "0 4 * * 2-6"),
        ("0 * * * *", "30 * * * *"),
        ("*/20 * * * *", "10,30,50 * * * *"),
        ("0 0 29 2 *", "0 0 1 3 *"),
        ("0 0 1 12 *", "0 0 7 1 *"),
        ("0 8 ? * mon-fri", "0 18 ? * MON-FRI"),
        ("CRON_TZ=Asia/Tokyo 0 8 * * 1-5", "0 18 * * *"),
        (UNKNOWN, "0 18 * * *"),
    ],
)
def test_windows_that_are(start: Any, end: Any) -> None:
    assert "cron-window" not in codes(window(start, end))


def test_the_end_of_a_night_is_on_the_next_day() -> None:
    (finding,) = keda.check([window("0 22 * * 1-5", "0 6 * * *")])
    assert "the days after those of start" in finding.fix
    assert "cron-window" not in codes(window("0 22 * * 1-5", "0 6 * * 2-6"))


def test_either_day_is_enough_where_both_are_given() -> None:
    days = {time.date().isoformat() for time in cron.times("0 0 13 1 5")[:6]}
    assert {"2027-01-08", "2027-01-13", "2027-01-15"} <= days


# --- Pauses, scale-down, checkpoints, strategies ---
KEY = "autoscaling.keda.sh/"
QUEUE = {"type": "rabbitmq", "metadata": {"host": "amqp://r.a:5672", "queueName": "a", "mode": "QueueLength"}}
QUEUE["metadata"]["value"] = "5"  # type: ignore[index]


@pytest.mark.parametrize(
    ("kind", "annotations", "found"),
    [
        ("ScaledObject", {"paused": "False", "paused-replicas": "3"}, True),
        ("ScaledObject", {"paused": "0", "paused-replicas": "0"}, True),
        ("ScaledObject", {"force-activation": "true", "paused-scale-out": "1"}, True),
        ("ScaledJob", {"paused-replicas": "0"}, True),
        ("ScaledJob", {"paused-scale-in": "true"}, True),
        ("ScaledObject", {"paused": "true", "paused-replicas": "3"}, False),
        ("ScaledObject", {"paused-replicas": "3"}, False),
        ("ScaledObject", {"paused": "false"}, False),
        ("ScaledObject", {"paused-scale-in": "true", "paused-scale-out": "true"}, False),
        ("ScaledJob", {"paused": "true"}, False),
        ("ScaledObject", {"paused": UNKNOWN, "paused-replicas": "3"}, False),
    ],
)
def test_pauses(kind: str, annotations: dict[str, Any], found: bool) -> None:
    given = scaled(QUEUE, kind=kind, annotations={f"{KEY}{key}": each for key, each in annotations.items()})
    assert ("paused-contradiction" in codes(given)) == found


@pytest.mark.parametrize("prefix", ["scaledobject.keda.sh", "keda.sh", "autoscaling.keda.sh"])
@pytest.mark.parametrize("name", ["paused", "paused-replicas", "paused-scale-in"])
def test_a_pause_under_another_prefix_is_none(prefix: str, name: str) -> None:
    key = f"{prefix}/{name}"
    value = "0" if name == "paused-replicas" else "true"
    found = [each for each in keda.check([scaled(QUEUE, annotations={key: value})]) if each.at[-1] == key]
    known = prefix == "autoscaling.keda.sh"
    assert [(each.code, each.fix) for each in found] == (
        [] if known else [("unknown-annotation", f"Write autoscaling.keda.sh/{name}.")]
    )


def test_a_pause_of_somebody_else_is_theirs() -> None:
    assert "unknown-annotation" not in codes(scaled(QUEUE, annotations={"notkeda.sh/paused": "true"}))


CPU = {"type": "cpu", "metricType": "Utilization", "metadata": {"value": "60"}}


@pytest.mark.parametrize(
    ("triggers", "spec", "annotations", "found"),
    [
        ([QUEUE], {"minReplicaCount": 0}, {}, True),
        ([QUEUE], {"minReplicaCount": 3, "idleReplicaCount": 0}, {}, True),
        ([CPU, QUEUE], {"minReplicaCount": 0}, {}, True),
        ([QUEUE], {"minReplicaCount": 1}, {}, False),
        ([QUEUE], {"minReplicaCount": UNKNOWN}, {}, False),
        ([QUEUE], {"minReplicaCount": 0}, {f"{KEY}paused-scale-in": "true"}, False),
        ([CPU], {"minReplicaCount": 1}, {}, False),
    ],
)
def test_scale_down_disabled(triggers: Any, spec: Any, annotations: Any, found: bool) -> None:
    behavior = {"horizontalPodAutoscalerConfig": {"behavior": {"scaleDown": {"selectPolicy": "Disabled"}}}}
    given = scaled(*triggers, annotations=annotations, advanced=behavior, **spec)
    assert ("scale-down-disabled" in codes(given)) == found


@pytest.mark.parametrize(
    ("more", "found"),
    [
        ({"blobContainer": "marks"}, True),
        ({"blobContainer": "marks", "checkpointStrategy": " "}, True),
        ({"blobContainer": "marks", "checkpointStrategy": "default"}, False),
        ({"blobContainer": "marks", "checkpointStrategy": "goSdk"}, False),
        ({"blobContainer": UNKNOWN}, False),
        ({"blobContainer": "marks", "checkpointStrategy": UNKNOWN}, False),
        ({}, False),
    ],
)
def test_checkpoint_strategies(more: Any, found: bool) -> None:
    metadata = {"eventHubNamespace": "a", "eventHubName": "b", "storageAccountName": "c"} | more
    assert ("checkpoint-strategy" in codes(scaled({"type": "azure-eventhub", "metadata": metadata}))) == found


@pytest.mark.parametrize(
    ("strategy", "trigger", "found"),
    [
        ("accurate", "azure-pipelines", True),
        ("eager", "azure-pipelines", True),
        ("accurate", "github-runner", True),
        ("default", "github-runner", False),
        ("custom", "azure-pipelines", False),
        (UNKNOWN, "azure-pipelines", False),
        ("accurate", "forgejo-runner", False),
    ],
)
def test_strategies_and_runners(strategy: Any, trigger: str, found: bool) -> None:
    given = scaled(
        {"type": trigger, "metadata": {}}, kind="ScaledJob", scalingStrategy={"strategy": strategy}
    )
    assert ("job-strategy-unfit" in codes(given)) == found


@pytest.mark.parametrize(
    ("more", "place"),
    [
        ({}, "customScalingRunningJobPercentage"),
        ({"customScalingRunningJobPercentage": "50%"}, "customScalingRunningJobPercentage"),
        ({"customScalingRunningJobPercentage": "0.5"}, "customScalingQueueLengthDeduction"),
        ({"customScalingRunningJobPercentage": "0.5", "customScalingQueueLengthDeduction": 1}, ""),
        ({"customScalingRunningJobPercentage": UNKNOWN, "customScalingQueueLengthDeduction": 1}, ""),
    ],
)
def test_a_custom_strategy_needs_both_numbers(more: Any, place: str) -> None:
    given = scaled(QUEUE, kind="ScaledJob", scalingStrategy={"strategy": "custom"} | more)
    found = [each.at[-1] for each in keda.check([given]) if each.code == "job-strategy"]
    assert found == [place] * bool(place)


@pytest.mark.parametrize(
    ("policy", "found"),
    [("Never", False), ("OnFailure", False), (None, False), ("Always", True), ("never", True)],
)
def test_restart_policies(policy: str | None, found: bool) -> None:
    given = scaled(QUEUE, kind="ScaledJob")
    if policy:
        given["spec"]["jobTargetRef"]["template"]["spec"]["restartPolicy"] = policy
    assert ("job-template" in codes(given)) == found


@pytest.mark.parametrize(
    ("container", "found"),
    [
        ({"name": "c", "image": "i"}, False),
        ({"name": "c"}, True),
        ({"name": "c", "image": ""}, True),
        ({"name": "c", "image": UNKNOWN}, False),
        ({"name": "c", "imag": "i"}, False),
        (UNKNOWN, False),
    ],
)
@pytest.mark.parametrize("key", ["containers", "initContainers"])
def test_a_job_s_container_needs_an_image(key: str, container: Any, found: bool) -> None:
    given = scaled(QUEUE, kind="ScaledJob")
    pod = given["spec"]["jobTargetRef"]["template"]["spec"]
    given["spec"]["jobTargetRef"]["template"]["spec"] = pod | {key: [container]}
    assert ("job-template" in codes(given)) == found


@pytest.mark.parametrize("kind", ["cpu", "memory"])
def test_a_resource_trigger_in_a_formula(kind: str) -> None:
    resource = {
        "type": kind,
        "name": "load_of_pods",
        "metricType": "Utilization",
        "metadata": {"value": "60"},
    }
    modifiers = {"scalingModifiers": {"formula": "max(a, load_of_pods)", "target": "1"}}
    (finding,) = keda.check([scaled(prometheus("sum(up)", name="a"), resource, advanced=modifiers)])
    assert finding.code == "modifiers-formula"
    assert f"a {kind} trigger" in finding.message and "Name a trigger" not in finding.fix


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        ("aws-cloudwatch", {"minMetricValue": "5"}),
        ("aws-cloudwatch", {"ignoreNullValues": "true"}),
        ("elasticsearch", {"ignoreNullValues": "false"}),
        ("datadog", {"metricUnavailableValue": "0"}),
        ("new-relic", {"noDataError": "true"}),
        ("gcp-stackdriver", {"valueIfNull": "0"}),
        ("prometheus", {"query": "sum(up) or vector(0)"}),
    ],
)
def test_what_says_what_no_data_means(kind: str, given: dict[str, str]) -> None:
    metadata = {"awsRegion": "eu-west-1", "identityOwner": "operator", "targetMetricValue": "5"} | given
    assert "no-data-contract" not in codes(scaled({"type": kind, "metadata": metadata}))

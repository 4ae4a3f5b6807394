"""A parameter that the scaler does not read from metadata: its real name, or its place."""

from __future__ import annotations

from typing import Any

import pytest

import keda
from keda.scalers.facts import records, scalers
from tests.keda.checks.test_field_settings import codes, scaled


def told(kind: str, metadata: dict[str, Any], *others: Any, **trigger: Any) -> list[str]:
    """`last key of the place: fix [rule]`"""
    given = scaled({"type": kind, "metadata": metadata, **trigger})
    wanted = (
        "misspelt-parameter",
        "unknown-parameter",
        "misplaced-parameter",
        "unknown-word",
        "trigger-parameter",
    )
    return [
        f"{each.at[-1]}: {each.fix} [{each.code}]"
        for each in keda.check([given, *others])
        if each.code in wanted
    ]


BUS = {"queueName": "orders", "namespace": "bus"}
IDENTITY = {
    "apiVersion": "keda.sh/v1alpha1",
    "kind": "TriggerAuthentication",
    "metadata": {"name": "id", "namespace": "shop"},
    "spec": {"podIdentity": {"provider": "azure-workload"}},
}


@pytest.mark.parametrize(
    ("kind", "metadata", "line"),
    [
        # What KEDA called it before.
        ("azure-servicebus", {**BUS, "queueLength": "9"}, "queueLength: Write messageCount."),
        (
            "pulsar",
            {"adminURL": "http://p", "topic": "t", "subscription": "s", "msgBacklog": "9"},
            "msgBacklog: Write msgBacklogThreshold.",
        ),
        (
            "prometheus",
            {"serverAddress": "http://p.a", "query": "sum(up)", "threshold": "1", "cortexOrgID": "x"},
            "cortexOrgID: Write customHeaders: X-Scope-OrgID=<tenant>.",
        ),
        # The target of another scaler.
        (
            "kafka",
            {"bootstrapServers": "k.a:9092", "consumerGroup": "g", "topic": "t", "threshold": "9"},
            "threshold: Write lagThreshold.",
        ),
        (
            "prometheus",
            {"serverAddress": "http://p.a", "query": "sum(up)", "targetValue": "9"},
            "targetValue: Write threshold.",
        ),
        (
            "kafka",
            {"bootstrapServers": "k.a:9092", "consumerGroup": "g", "topic": "t", "activationThreshold": "9"},
            "activationThreshold: Write activationLagThreshold.",
        ),
    ],
)
def test_the_real_name(kind: str, metadata: dict[str, str], line: str) -> None:
    found = [
        each
        for each in told(kind, metadata, IDENTITY, authenticationRef={"name": "id"})
        if "trigger-p" not in each
    ]
    assert found == [f"{line} [misspelt-parameter]"]


def test_a_target_that_is_there_takes_no_other_name() -> None:
    metadata = {"bootstrapServers": "k.a:9092", "consumerGroup": "g", "topic": "t", "lagThreshold": "5"}
    assert told("kafka", {**metadata, "threshold": "9"}) == [
        "threshold: Remove it; `keda explain kafka` lists what it reads. [unknown-parameter]"
    ]


def test_the_parameters_of_another_scaler_are_told_once() -> None:
    stream = {"address": "r.a:6379", "stream": "s", "consumerGroup": "g", "pendingEntriesCount": "5"}
    assert told("redis", stream) == ["type: Write type: redis-streams. [misspelt-parameter]"]
    assert told("redis-streams", stream) == []
    assert told("redis", {"address": "r.a:6379", "listName": "l", "listLength": "5"}) == []


@pytest.mark.parametrize("kind", ["kafka", "apache-kafka"])
def test_identity_owner_is_read_by_whoever_asks_aws(kind: str) -> None:
    """awsutils.GetAwsAuthorization is handed the whole metadata (kafka_scaler.go:337)."""
    metadata = {
        "bootstrapServers": "k.a:9092",
        "consumerGroup": "g",
        "topic": "t",
        "identityOwner": "operator",
    }
    assert told(kind, metadata) == []


def test_every_parameter_that_is_not_read_from_metadata_is_told_with_its_place() -> None:
    """For all scalers: what a TriggerAuthentication gives has no effect in metadata."""
    for kind in scalers():
        if scalers()[kind].open == "*" or kind == "external-mock":
            continue
        for name, parameter in scalers()[kind].named.items():
            if "metadata" in parameter.sources:
                continue
            found = keda.check([scaled({"type": kind, "metadata": {name: "some-text"}})])
            lines = [each for each in found if each.at[-1] == name]
            assert lines, (kind, name)
            assert any(
                place in f"{each.message} {each.fix}"
                for each in lines
                for place in ("authenticationRef", f"{name}FromEnv", "Secret", "TriggerAuthentication")
            ), (kind, name, lines)


def test_the_names_to_write_are_parameters() -> None:
    for kind, record in records().items():
        for name in record.get("meant", {}).values():
            assert "metadata" in scalers()[kind].named[name.partition(":")[0]].sources


# --- Words ---
@pytest.mark.parametrize(
    ("kind", "metadata", "line"),
    [
        ("aws-sqs-queue", {"identityOwner": "workload"}, "identityOwner: Write one of operator, pod."),
        ("aws-cloudwatch", {"identityOwner": "Operator"}, "identityOwner: Write operator."),
        ("temporal", {"queueTypes": "workflow,activities"}, "queueTypes: Write activity."),
        ("pulsar", {"tls": "true"}, "tls: Write one of enable, disable."),
        ("rabbitmq", {"operation": "average"}, "operation: Write avg."),
        ("azure-eventhub", {"checkpointStrategy": "gosdk"}, "checkpointStrategy: Write goSdk."),
    ],
)
def test_a_word_that_keda_silently_takes_for_another(kind: str, metadata: dict[str, str], line: str) -> None:
    assert f"{line} [unknown-word]" in told(kind, metadata)
    given = {key: scalers()[kind].named[key].words[0] for key in metadata}
    assert "unknown-word" not in codes(scaled({"type": kind, "metadata": given}))


def test_a_word_in_a_secret_is_not_printed() -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "mq", "namespace": "shop"}}
    authentication = {
        **IDENTITY,
        "spec": {"secretTargetRef": [{"parameter": "tls", "name": "mq", "key": "tls"}]},
    }
    for value, found in (("yes-please", True), ("enable", False)):
        given = scaled(
            {"type": "rabbitmq", "metadata": {"queueName": "q"}, "authenticationRef": {"name": "id"}}
        )
        findings = keda.check([given, authentication, {**secret, "stringData": {"tls": value}}])
        lines = [each.text for each in findings if each.code == "unknown-word"]
        assert bool(lines) == found
        assert not any("yes-please" in line for line in lines)

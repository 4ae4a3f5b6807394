"""A missing JetStream consumer is called out, since KEDA 2.19 takes it for a full stream."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from keda.diagnosis import jetstream
from keda.diagnosis.diagnose import diagnose
from tests.keda.diagnosis.cluster import deployment, hpa, scaled_object, snapshot

ANSWER = {
    "account_details": [
        {
            "name": "$G",
            "stream_detail": [
                {"name": "VOICE", "consumer_detail": [{"name": "voice-pipeline"}]},
                {"name": "EMPTY"},
            ],
        }
    ]
}


def spec(**metadata: str) -> dict[str, Any]:
    known = {
        "natsServerMonitoringEndpoint": "nats-headless.nats.svc.cluster.local:8222",
        "account": "$G",
        "stream": "VOICE",
        "consumer": "voice-pipeline",
    }
    return {
        "triggers": [
            {"type": "cron", "metadata": {}},
            {"type": "nats-jetstream", "metadata": known | metadata},
        ]
    }


@pytest.mark.parametrize(
    ("metadata", "what", "fix"),
    [
        ({"consumer": "gone"}, "consumer gone does not exist on stream VOICE: KEDA counts the", "Create the"),
        (
            {"stream": "EMPTY"},
            "consumer voice-pipeline does not exist on stream EMPTY",
            "Create the consumer",
        ),
        ({"stream": "NONE"}, "stream NONE does not exist, so KEDA has nothing to count", "Create it."),
        ({"account": "OTHER"}, "stream VOICE does not exist", "Create it."),
    ],
)
def test_what_is_missing(metadata: dict[str, str], what: str, fix: str) -> None:
    found = jetstream.missing(lambda path: json.dumps(ANSWER), spec(**metadata))
    assert found is not None
    assert found.what.startswith(what) and found.fix.startswith(fix)


def test_a_consumer_that_is_there_is_not_missing() -> None:
    assert jetstream.missing(lambda path: json.dumps(ANSWER), spec()) is None


def test_the_answer_has_the_cause_and_the_fix() -> None:
    found = jetstream.missing(lambda path: json.dumps(ANSWER), spec(stream="NONE"))
    assert found is not None
    seen = replace(snapshot(scaled_object(), hpa(2), deployment(2)), missing={("shop", "web"): found})
    ((title, fix),) = ((each.title, each.answer.fix) for each in diagnose(seen))
    assert title.endswith("for a wrong value: stream NONE does not exist, so KEDA has nothing to count.")
    assert fix == "Create it."


@pytest.mark.parametrize("answer", ["", "not JSON", "[]", "null"])
def test_a_server_that_does_not_answer_is_kedas_to_report(answer: str) -> None:
    assert jetstream.missing(lambda path: answer, spec(consumer="gone")) is None


def test_the_server_is_asked_through_its_service() -> None:
    asked: list[str] = []
    jetstream.missing(lambda path: asked.append(path) or "", spec(useHttps="true"))  # type: ignore[func-returns-value]
    assert [path.partition("?")[0] for path in asked] == [
        "/api/v1/namespaces/nats/services/https:nats-headless:8222/proxy/jsz"
    ]


def test_an_address_outside_the_cluster_is_not_asked() -> None:
    assert jetstream.missing(pytest.fail, spec(natsServerMonitoringEndpoint="nats.example.org")) is None

"""ScaledObjects with one trigger of many types, and what it may refer to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from keda.scalers.facts import scalers
from tests.oracle import Spec
from tests.verdicts.build import (
    ABSENT,
    NAMESPACE,
    Case,
    Manifest,
    case,
    config_map,
    cta,
    secret,
    so,
    ta,
    trigger,
    workload,
)
from tests.verdicts.samples import sample

# Scalers that make no contact when they are built, so that the operator's answer is about what is written.
OFFLINE = (
    "activemq", "artemis-queue", "aws-sqs-queue", "azure-blob", "azure-servicebus", "cron", "datadog",
    "dynatrace", "elasticsearch", "github-runner", "graphite", "influxdb", "kubernetes-workload", "loki",
    "metrics-api", "nats-jetstream", "new-relic", "nsq", "prometheus", "selenium-grid", "solr",
)  # fmt: skip


def triggers() -> Iterator[Case]:
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
    variable = workload(container={"env": [{"name": "LOGIN", "value": "x"}]})
    unread = trigger("github-runner", metadata={"personalAccessTokenFromEnv": "LOGIN"})
    yield case("env-not-read", so(unread), variable)
    login = {"username": ABSENT, "password": ABSENT, "usernameFromEnv": "LOGIN", "passwordFromEnv": "LOGIN"}
    yield case("env", so(trigger("activemq", metadata=login)), variable)
    yield case("env-without-variable", so(trigger("activemq", metadata=login)))
    for_all = cta(**wanted) | {"metadata": {"name": "by-cluster"}}
    by_cluster = {"name": f"{NAMESPACE}-by-cluster", "kind": "ClusterTriggerAuthentication"}
    yield case("authentication-of-cluster", so(trigger(authenticationRef=by_cluster)), for_all)


def _of_spec(name: str, spec: Spec) -> Case:
    """A ScaledObject with the trigger, and its credentials in a ConfigMap: the homelab's KEDA reads no
    Secrets but its own."""
    written: Manifest = {"type": spec.type, "metadata": dict(spec.metadata)}
    given: list[Manifest] = []
    if spec.auth:
        references = [{"parameter": key, "name": name, "key": key} for key in spec.auth]
        given = [config_map(name, **spec.auth), ta(configMapTargetRef=references)]
        written["authenticationRef"] = {"name": name}
    return case(name, so(written), *given)

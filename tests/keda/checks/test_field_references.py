"""What a trigger reads and from where: other members of each kind than the corpus has."""

from __future__ import annotations

from typing import Any

import pytest

import keda
from keda.manifests.declared import UNKNOWN
from keda.scalers.facts import scalers


def scaled(kind: str, metadata: Any, reference: Any = None, target: Any = None) -> Any:
    trigger = {"type": kind, "metadata": metadata} | ({"authenticationRef": reference} if reference else {})
    spec = {"minReplicaCount": 1, "maxReplicaCount": 8, "triggers": [trigger]}
    spec["scaleTargetRef"] = {"name": "web"} | (target or {})
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": spec,
    }


def thing(kind: str, name: str, namespace: str = "shop", **body: Any) -> Any:
    version = {
        "TriggerAuthentication": "keda.sh/v1alpha1",
        "ClusterTriggerAuthentication": "keda.sh/v1alpha1",
    }
    metadata = {"name": name} | ({"namespace": namespace} if namespace else {})
    return {"apiVersion": version.get(kind, "v1"), "kind": kind, "metadata": metadata} | body


def deployment(*containers: Any) -> Any:
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": list(containers)}}
    return thing("Deployment", "web", spec={"template": template}) | {"apiVersion": "apps/v1"}


def container(name: str, *variables: str, **more: Any) -> Any:
    env = [{"name": each, "value": "x"} for each in variables]
    return {"name": name, "image": "a:1", "env": env} | more


def found(*objects: Any) -> dict[str, Any]:
    return {finding.code: finding for finding in keda.check(objects)}


def test_every_parameter_of_every_scaler_is_judged_by_its_sources() -> None:
    """Written into metadata: refused or without effect where KEDA reads it elsewhere, and only there."""
    seen = 0
    for kind, facts in scalers().items():
        for name in facts.named:
            sources = {each for one in facts.parameters if name in one.names for each in one.sources}
            codes = {
                finding.code
                for finding in keda.check([scaled(kind, {name: "x"})])
                if finding.at[-1] == name and "is not read from metadata" in finding.message
            }
            wanted = "metadata" not in sources and facts.open != "*"
            assert bool(codes) == wanted, (kind, name, codes)
            seen += wanted
    assert seen > 200


@pytest.mark.parametrize(
    ("kind", "key"),
    [
        ("kafka", "passwordFromEnv"),
        ("prometheus", "bearerTokenFromEnv"),
        ("github-runner", "personalAccessTokenFromEnv"),
        ("cron", "startFromEnv"),
    ],
)
def test_from_env_that_is_not_read(kind: str, key: str) -> None:
    assert found(scaled(kind, {key: "A"}))["misplaced-parameter"].at[-1] == key


QUEUE = {"queueName": "a", "mode": "QueueLength", "value": "5"}


@pytest.mark.parametrize(
    ("containers", "target", "more", "fix"),
    [
        ([container("a", "RABBIT")], {}, [], "Write RABBIT."),
        ([container("a"), container("b", "RABIT")], {}, [], "envSourceContainerName: b"),
        ([container("b", "RABIT"), container("a")], {"envSourceContainerName": "a"}, [], "ContainerName: b"),
        (
            [container("a", envFrom=[{"prefix": "Q_", "configMapRef": {"name": "c"}}])],
            {},
            [thing("ConfigMap", "c", data={"RABIT": "amqp://r.a:1"})],
            "Write Q_RABIT.",
        ),
        ([container("a", "RABIT")], {}, [], None),
        ([container("a", envFrom=[{"secretRef": {"name": "s"}}])], {}, [], None),
        ([UNKNOWN], {}, [], None),
        ([container("a")], {"envSourceContainerName": UNKNOWN}, [], None),
        (
            [container("a", envFrom=[{"secretRef": {"name": "s"}}])],
            {},
            [thing("Secret", "s", data={"RABIT": "YW1xcDovL3IuYTox"})],
            None,
        ),
    ],
)
def test_variables(containers: Any, target: Any, more: Any, fix: str | None) -> None:
    given = scaled("rabbitmq", QUEUE | {"hostFromEnv": "RABIT"}, target=target)
    codes = found(given, deployment(*containers), *more)
    assert ("unknown-variable" in codes) == (fix is not None)
    if fix is not None:
        assert fix in codes["unknown-variable"].fix
        assert "trigger-parameter" not in codes


@pytest.mark.parametrize(
    ("kind", "metadata", "host"),
    [
        ("redis", {"address": "db:6379"}, "db"),
        ("kafka", {"bootstrapServers": "a.b:1,db:9092"}, "db"),
        ("rabbitmq", {"host": "amqp://user:pw@db:5672/vhost"}, "db"),
        ("prometheus", {"serverAddress": "http://db"}, "db"),
        ("external", {"scalerAddress": "db:8080"}, "db"),
        ("mysql", {"host": "localhost"}, "localhost"),
        ("metrics-api", {"url": "http://127.0.0.1:80/x"}, "127.0.0.1"),
        ("redis", {"address": "[::1]:6379"}, "[::1]"),
        ("redis", {"addressFromEnv": "DB"}, "db"),
        ("redis", {"address": "db.shop:6379"}, None),
        ("redis", {"address": "db.shop.svc.cluster.local:6379"}, None),
        ("redis", {"address": "cache:6379"}, None),
        ("redis", {"address": UNKNOWN}, None),
        ("azure-servicebus", {"connectionFromEnv": "BUS"}, None),
        ("postgresql", {"connectionFromEnv": "PG"}, "db"),
        ("mysql", {"connectionString": "user:pw@tcp(db:3306)/shop"}, "db"),
        ("mssql", {"connectionString": "Server=tcp:db,1433;User Id=u;Password=pw"}, "db"),
        ("mssql", {"connectionString": "Server=db.shop.svc;User Id=u;Password=pw"}, None),
    ],
)
def test_addresses(kind: str, metadata: Any, host: str | None) -> None:
    pod = container("a", "BUS") | {
        "env": [
            {"name": "DB", "value": "db:6379"},
            {"name": "BUS", "value": "E=sb://b.c/;K=v"},
            {"name": "PG", "value": "host=db port=5432 user=u password=pw"},
        ]
    }
    service = thing("Service", "db", spec={})
    codes = found(scaled(kind, metadata), deployment(pod), service)
    assert ("address-elsewhere" in codes) == (host is not None)
    if host is not None:
        assert f"has the host {host}," in codes["address-elsewhere"].message
        assert "pw" not in str(codes["address-elsewhere"])


def test_a_service_of_that_name_in_keda_is_found() -> None:
    services = [thing("Service", "db", namespace, spec={}) for namespace in ("shop", "keda")]
    assert "address-elsewhere" not in found(scaled("redis", {"address": "db:6379"}), *services)


@pytest.mark.parametrize(
    ("places", "code"),
    [(["shop"], True), (["keda"], False), (["shop", "keda"], False), (["other"], False), ([], False)],
)
@pytest.mark.parametrize(
    ("key", "kind"), [("secretTargetRef", "Secret"), ("configMapTargetRef", "ConfigMap")]
)
def test_where_a_cluster_authentication_reads(places: list[str], code: bool, key: str, kind: str) -> None:
    entries = [{"parameter": "password", "name": "creds", "key": "k"}]
    authentication = thing("ClusterTriggerAuthentication", "c", "", spec={key: entries})
    reference = {"name": "c", "kind": "ClusterTriggerAuthentication"}
    given = [thing(kind, "creds", place, data={"k": "eA=="}) for place in places]
    codes = found(authentication, scaled("redis", {"address": "a.b:1"}, reference), *given)
    assert ("cluster-secret-namespace" in codes) == code


@pytest.mark.parametrize(
    ("kind", "metadata", "parameters", "fix"),
    [
        ("metrics-api", {}, ["apiKey"], "Write authModes: apiKey."),
        ("prometheus", {}, ["username", "password"], "Write authModes: basic."),
        ("loki", {}, ["bearerToken"], "Write authModes: bearer."),
        ("graphite", {}, ["username", "password"], "Write authMode: basic."),
        ("prometheus", {}, ["customAuthHeader", "customAuthValue"], "Write authModes: custom."),
        ("metrics-api", {"authModes": "oauth"}, ["clientID"], "Write one of bearer"),
        ("pulsar", {}, ["bearerToken"], "Write authModes: bearer."),
        ("pulsar", {"authModes": "oauth"}, ["clientID", "clientSecret", "oauthTokenURI"], None),
        ("pulsar", {}, ["clientID", "clientSecret", "oauthTokenURI"], "Write authModes: oauth."),
        ("pulsar", {"tls": "enable"}, ["cert", "key", "ca"], None),
        ("pulsar", {"tls": UNKNOWN}, ["cert", "key"], None),
        ("pulsar", {"tls": "disable"}, ["cert", "key"], "Write authModes: tls."),
        ("kafka", {}, ["username", "password"], "Write sasl: plaintext, scram_sha256 or scram_sha512"),
        ("apache-kafka", {"sasl": "plaintext"}, ["username", "ca"], "Write tls: enable."),
        ("rabbitmq", {}, ["ca", "cert", "key"], "Give tls: enable too"),
        ("redis-streams", {}, ["ca"], "Give tls: enable too"),
        ("redis-streams", {"enableTLS": "true"}, ["ca"], None),
        ("mongodb", {}, ["cert", "key", "tls"], None),
        ("kafka", {"sasl": "none"}, ["username", "password"], None),
        ("kafka", {"sasl": "plaintext"}, ["username", "password"], None),
        ("prometheus", {"authModes": "basic"}, ["username"], None),
        ("prometheus", {"authModes": UNKNOWN}, ["username"], None),
        ("metrics-api", {}, ["apiKey", "authModes"], None),
        ("prometheus", {}, ["ca"], None),
        ("redis", {}, ["password"], None),
    ],
)
def test_credentials_that_are_not_sent(
    kind: str, metadata: Any, parameters: list[str], fix: str | None
) -> None:
    entries = [{"parameter": each, "name": "creds", "key": "k"} for each in parameters]
    authentication = thing("TriggerAuthentication", "t", spec={"secretTargetRef": entries})
    codes = found(scaled(kind, metadata, {"name": "t"}), authentication)
    assert ("credentials-not-sent" in codes) == (fix is not None)
    if fix is not None:
        assert codes["credentials-not-sent"].fix.startswith(fix)


def test_an_authentication_that_is_not_given_may_hold_a_mode() -> None:
    assert "credentials-not-sent" not in found(scaled("metrics-api", {"apiKey": "a"}, {"name": "elsewhere"}))


@pytest.mark.parametrize(
    ("namespace", "code"), [("front", True), ("shop", False), (UNKNOWN, False), ("", False)]
)
def test_where_pods_are_counted(namespace: Any, code: bool) -> None:
    of_resource = {"resourceKind": "ConfigMap", "resourceName": "a", "key": "b", "targetValue": "3"}
    of_workload = {"podSelector": "app=a", "value": "3"}
    for kind, metadata in (("kubernetes-workload", of_workload), ("kubernetes-resource", of_resource)):
        codes = found(scaled(kind, metadata | {"namespace": namespace}))
        assert ("workload-namespace" in codes) == code
        assert not (code and "unknown-parameter" in codes)


@pytest.mark.parametrize(
    ("key", "value", "place"),
    [
        (
            "behavior",
            {"scaleUp": {"stabilizationWindowSeconds": 0}},
            "advanced.horizontalPodAutoscalerConfig.behavior",
        ),
        ("horizontalPodAutoscalerConfig", {"name": "a"}, "advanced.horizontalPodAutoscalerConfig"),
        ("restoreToOriginalReplicaCount", True, "advanced.restoreToOriginalReplicaCount"),
        ("scalingModifiers", {"formula": "a"}, "advanced.scalingModifiers"),
        ("envSourceContainerName", "a", "scaleTargetRef.envSourceContainerName"),
        ("failureThreshold", 3, "fallback.failureThreshold"),
        ("behavior", {"scaleSideways": {}}, None),
    ],
)
def test_keys_that_have_another_place(key: str, value: Any, place: str | None) -> None:
    given = scaled("cron", {})
    given["spec"][key] = value
    (finding,) = [each for each in keda.check([given]) if each.code == "unknown-field"]
    assert (finding.fix == f"Move it to spec.{place}.") == (place is not None)


@pytest.mark.parametrize(
    ("version", "kind", "code"),
    [
        (None, "ScaledObject", True),
        ("apps/v1", "ScaledJob", True),
        ("kedacore.sh/v1alpha1", "TriggerAuthentication", True),
        ("v1", "ScaledObject", True),
        ("keda.sh/v1beta1", "ScaledObject", True),
        ("keda.sh/v1alpha1", "ScaledObjects", True),
        ("keda.sh/v1alpha1", None, True),
        ("keda.sh/v1alpha1", "ScaledObject", False),
        (UNKNOWN, "ScaledObject", False),
    ],
)
def test_kinds_and_their_group(version: Any, kind: str | None, code: bool) -> None:
    given = scaled("cron", {}) | {"kind": kind}
    if kind is None:
        given.pop("kind")
    given.pop("apiVersion")
    if version is not None:
        given["apiVersion"] = version
    assert ("unknown-kind" in found(given)) == code


@pytest.mark.parametrize("kind", ["DeploymentConfig", "Rollout", "CloneSet", "MachineDeployment"])
def test_kinds_of_other_groups(kind: str) -> None:
    codes = found(scaled("cron", {}, target={"kind": kind}))
    assert codes["target-not-scalable"].fix.startswith("Write apiVersion: ")


@pytest.mark.parametrize("kind", ["aws-sqs-queue", "aws-cloudwatch", "aws-kinesis-stream", "aws-dynamodb"])
def test_ways_out_without_an_identity(kind: str) -> None:
    findings = keda.check([scaled(kind, {"awsRegion": "eu-west-1"})])
    fixes = [each.fix for each in findings if "pod identity" in each.message]
    assert all("identityOwner: operator" in fix and "provider: aws" in fix for fix in fixes)


@pytest.mark.parametrize(
    ("kind", "metadata", "provider"),
    [
        ("azure-queue", {"queueName": "q"}, "azure-workload"),
        ("azure-blob", {"blobContainerName": "b"}, "azure-workload"),
        ("azure-eventhub", {}, "azure-workload"),
        ("gcp-pubsub", {"subscriptionName": "projects/p/subscriptions/s"}, "gcp"),
        ("gcp-storage", {"bucketName": "b"}, "gcp"),
    ],
)
def test_the_identity_of_a_cloud_is_a_way_out(kind: str, metadata: Any, provider: str) -> None:
    (given,) = [each for each in keda.check([scaled(kind, metadata)]) if "pod identity" in each.message]
    assert f"a TriggerAuthentication with podIdentity: {{provider: {provider}}}" in given.fix


@pytest.mark.parametrize(
    ("kind", "key", "value", "code"),
    [
        ("azure-blob", "connection", "AzureWebJobsStorage", "trigger-parameter"),
        ("azure-servicebus", "connection", "SERVICEBUS_CONNECTION", "trigger-parameter"),
        ("azure-eventhub", "connection", "EventHub", "misplaced-parameter"),
        ("postgresql", "connection", "PG_CONNECTION", "trigger-parameter"),
        ("mongodb", "connectionString", "MONGO", "trigger-parameter"),
        ("rabbitmq", "host", "RabbitMqHost", "trigger-parameter"),
    ],
)
def test_the_name_of_a_variable_in_place_of_its_value(kind: str, key: str, value: str, code: str) -> None:
    metadata = {"queueName": "q", "blobContainerName": "b", "dbName": "d", "collection": "c", "query": "{}"}
    given = scaled(kind, metadata | {"queryValue": "5", "mode": "QueueLength", "value": "5", key: value})
    findings = [each for each in keda.check([given]) if each.at[-1] == key]
    assert [(each.code, each.fix) for each in findings] == [(code, f"Write {key}FromEnv: {value}.")]
    assert "can read it" not in findings[0].message


@pytest.mark.parametrize(
    ("kind", "key", "value", "found_"),
    [
        ("redis", "address", "REDIS_ADDRESS", True),
        ("kafka", "bootstrapServers", "KAFKA_BROKERS", True),
        ("redis-cluster", "addresses", "REDIS_NODES", True),
        ("redis", "address", "redis.shop:6379", False),
        ("redis", "address", "REDIS", False),
        ("kafka", "topic", "ORDERS_PAID", False),
        ("prometheus", "serverAddress", "PROMETHEUS_URL", False),
    ],
)
def test_the_name_of_a_variable_as_an_address(kind: str, key: str, value: str, found_: bool) -> None:
    findings = [each for each in keda.check([scaled(kind, {key: value})]) if each.at[-1] == key]
    assert (f"Write {key}FromEnv: {value}." in [each.fix for each in findings]) == found_


@pytest.mark.parametrize(
    ("kind", "metadata", "place"),
    [
        ("postgresql", {"connection": "PG_URL", "query": "select 1", "targetQueryValue": "1"}, "connection"),
        ("azure-servicebus", {"connection": "Endpoint=sb://a/;K=v", "queueName": "q"}, "connection"),
        ("mssql", {"connectionString": "Server=a.b", "query": "q", "targetValue": "1"}, "connectionString"),
    ],
)
def test_what_is_missing_because_of_its_place_is_told_once(kind: str, metadata: Any, place: str) -> None:
    (finding,) = keda.check([scaled(kind, metadata)])
    assert (finding.code, finding.at[-1]) == ("trigger-parameter", place)


def test_a_host_without_a_scheme_is_not_a_variable() -> None:
    metadata = {"queueName": "q", "mode": "QueueLength", "value": "5", "host": "rabbitmq"}
    assert not any("FromEnv: " in each.fix for each in keda.check([scaled("rabbitmq", metadata)]))


IDENTITY = {"provider": "aws"}
SECRET = [{"parameter": "password", "name": "db", "key": "password"}]


@pytest.mark.parametrize(
    ("into", "key", "value", "fix"),
    [
        ("spec", "podIdentity", IDENTITY, "Move it to the spec of a TriggerAuthentication, "),
        ("spec", "secretTargetRef", SECRET, "Move it to the spec of a TriggerAuthentication, "),
        ("trigger", "podIdentity", IDENTITY, "Move it to the spec of a TriggerAuthentication, "),
        ("trigger", "hashiCorpVault", {"address": "http://vault"}, "Move it to the spec of a TriggerAuth"),
        ("metadata", "podIdentity", IDENTITY, "Move it to the spec of a TriggerAuthentication, "),
        ("metadata", "podIdentity", "aws", "Write it in the spec of a TriggerAuthentication, "),
        ("metadata", "authenticationRef", {"name": "a"}, "Move it up, next to metadata."),
        ("spec", "authenticationRef", {"name": "a"}, "Move it to spec.triggers[0].authenticationRef."),
        ("trigger", "queueLength", "5", "Move it to spec.triggers[0].metadata.queueLength."),
        ("spec", "env", [{"name": "A", "value": "b"}], "Remove it."),
        ("trigger", "podIdentity", None, "Remove it."),
    ],
)
def test_keys_of_the_object_that_a_trigger_refers_to(into: str, key: str, value: Any, fix: str) -> None:
    given = scaled("aws-sqs-queue", {"queueURL": "https://sqs/1/q", "awsRegion": "eu-west-1"})
    trigger = given["spec"]["triggers"][0]
    {"spec": given["spec"], "trigger": trigger, "metadata": trigger["metadata"]}[into][key] = value
    (finding,) = [each for each in keda.check([given]) if each.at[-1] == key]
    assert finding.fix.startswith(fix)

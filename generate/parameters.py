"""Makes trigger-params.json from parameter facts: the `keda` struct tags of KEDA 2.19.0, a record a field.

    python -m generate.parameters keda-params.json

keda/scalers/data/README.md describes the facts. Added here by hand: all that KEDA reads outside the tags.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

Parameter = dict[str, Any]
SOURCES = {"triggerMetadata": "metadata", "authParams": "auth", "resolvedEnv": "env"}
TYPES = {
    "string": "string",
    "int": "int64",
    "int64": "int64",
    "uint32": "uint32",
    "float64": "float64",
    "*float64": "float64?",
    "bool": "bool",
    "time.Duration": "duration",
    "url.Values": "query",
    "map[string]string": "map",
    "[]string": "strings",
    "[]Type": "strings",
    "[]int": "integers",
}


def extra(name: str, type_: str = "string", *, sources: str = "metadata", at: str, **facts: Any) -> Parameter:
    """A parameter that KEDA reads without a tag. `sources` in KEDA's order, separated by blanks."""
    return {"name": name, "type": type_, "sources": sources.split(), **facts, "untagged": True, "at": at}


AWS_AT = "pkg/scalers/aws/aws_common.go:73"
AWS = [
    extra("awsRoleArn", sources="auth", at=AWS_AT),
    extra("awsAccessKeyID", sources="auth metadata env", aliases=["awsAccessKeyId"], at=AWS_AT),
    extra("awsSecretAccessKey", sources="auth env", at=AWS_AT),
    extra("awsSessionToken", sources="auth", at=AWS_AT),
]
OWNER = extra("identityOwner", at="pkg/scalers/aws/aws_common.go:95")
GCP_AT = "pkg/scalers/gcp/gcp_common.go:57"
GCP = [
    extra("GoogleApplicationCredentials", sources="auth", at=GCP_AT),
    extra("credentialsFromEnv", doc="the variable that holds the key as JSON", at=GCP_AT),
    extra("credentialsFromEnvFile", doc="the variable that holds the key's path", at=GCP_AT),
]
CLOUD_AT = "pkg/scalers/azure/azure_cloud_environment.go:39"
CLOUDS = "AzurePublicCloud, AzureUSGovernmentCloud, AzureChinaCloud, AzureGermanCloud or Private"
CLOUD = extra("cloud", doc=CLOUDS, at=CLOUD_AT)
PRIVATE = "required when cloud is Private"
OPENSTACK_AT = "pkg/scalers/openstack_metrics_scaler.go:144"
DATADOG_AT = "pkg/scalers/datadog_scaler.go:169"
PULSAR_AT = "pkg/scalers/authentication/authentication_helpers.go:30"

EXTRAS: dict[str, list[Parameter]] = {
    "apache-kafka": [OWNER, *AWS],
    "aws-cloudwatch": AWS,
    "aws-dynamodb": AWS,
    "aws-dynamodb-streams": AWS,
    "aws-kinesis-stream": AWS,
    "aws-sqs-queue": AWS,
    "azure-blob": [CLOUD],
    "azure-eventhub": [
        CLOUD,
        extra("endpointSuffix", doc=PRIVATE, at=CLOUD_AT),
        extra("storageEndpointSuffix", doc=PRIVATE, at=CLOUD_AT),
    ],
    "azure-queue": [CLOUD],
    "azure-servicebus": [CLOUD, extra("endpointSuffix", doc=PRIVATE, at=CLOUD_AT)],
    "datadog": [extra("type", announce="Use the trigger's metricType instead", at=DATADOG_AT)],
    "gcp-cloudtasks": GCP,
    "gcp-pubsub": GCP,
    "gcp-stackdriver": GCP,
    "gcp-storage": GCP,
    "openstack-metric": [
        extra("authURL", sources="auth", required=True, at=OPENSTACK_AT),
        extra("userID", sources="auth", at=OPENSTACK_AT),
        extra("password", sources="auth", at=OPENSTACK_AT),
        extra("appCredentialSecret", sources="auth", at=OPENSTACK_AT),
    ],
    "prometheus": [
        *AWS,
        *GCP,
        CLOUD,
        extra("azureManagedPrometheusResourceURL", doc=PRIVATE, at=CLOUD_AT),
    ],
    "pulsar": [
        extra(name, sources="auth", at=PULSAR_AT)
        for name in (
            *("bearerToken", "username", "password", "cert", "key", "ca", "clientSecret"),
            *("endpointParams", "customAuthHeader", "customAuthValue"),
        )
    ],
}

KAFKA_AT = "pkg/scalers/kafka_scaler.go:470"
KAFKA_AUTH_AT = "pkg/scalers/kafka_scaler.go:178"
INSIGHTS_AT = "pkg/scalers/azure_app_insights_scaler.go:96"
EXPLORER_AT = "pkg/scalers/azure_data_explorer_scaler.go:70"
KAFKA_AUTH = (
    *("username", "password", "ca", "cert", "key", "keyPassword", "scopes", "oauthTokenEndpointUri"),
    *("oauthExtensions", "keytab", "realm", "kerberosConfig", "kerberosServiceName"),
)
SASL = ["none", "plaintext", "scram_sha256", "scram_sha512", "oauthbearer", "gssapi"]
ENABLE = ["enable", "disable"]
# These have a parser of their own: sources and required are what it does, `type` what it accepts.
OWN_PARSER: dict[str, list[Parameter]] = {
    "kafka": [
        extra("bootstrapServers", "strings", sources="env metadata", required=True, at=KAFKA_AT),
        extra("consumerGroup", sources="env metadata", required=True, at=KAFKA_AT),
        extra("topic", sources="env metadata", at=KAFKA_AT),
        extra("partitionLimitation", "integers", range="-", at=KAFKA_AT),
        extra("offsetResetPolicy", default="latest", enum=["earliest", "latest"], at=KAFKA_AT),
        extra("lagThreshold", "int64", default="10", minimum=1, at=KAFKA_AT),
        extra("activationLagThreshold", "int64", default="0", minimum=0, at=KAFKA_AT),
        extra("allowIdleConsumers", "bool", default="false", at=KAFKA_AT),
        extra("excludePersistentLag", "bool", default="false", at=KAFKA_AT),
        extra("scaleToZeroOnInvalidOffset", "bool", default="false", at=KAFKA_AT),
        extra("limitToPartitionsWithLag", "bool", default="false", at=KAFKA_AT),
        extra("ensureEvenDistributionOfPartitions", "bool", default="false", at=KAFKA_AT),
        extra("version", default="1.0.0", at=KAFKA_AT),
        extra("unsafeSsl", "bool", default="false", at=KAFKA_AUTH_AT),
        extra("awsRegion", at=KAFKA_AUTH_AT),
        extra("sasl", sources="metadata auth", default="none", enum=SASL, at=KAFKA_AUTH_AT),
        extra("tls", sources="metadata auth", default="disable", enum=ENABLE, at=KAFKA_AUTH_AT),
        extra(
            "saslTokenProvider",
            sources="metadata auth",
            default="bearer",
            enum=["bearer", "aws_msk_iam"],
            at=KAFKA_AUTH_AT,
        ),
        *(extra(name, sources="auth", at=KAFKA_AUTH_AT) for name in KAFKA_AUTH),
        extra("kerberosDisableFAST", "bool", sources="auth", default="false", at=KAFKA_AUTH_AT),
        OWNER,
        *AWS,
    ],
    "azure-app-insights": [
        extra("targetValue", "float64", sources="metadata env", required=True, at=INSIGHTS_AT),
        extra("activationTargetValue", "float64", sources="metadata env", default="0", at=INSIGHTS_AT),
        extra("metricId", sources="metadata env", required=True, at=INSIGHTS_AT),
        extra("metricAggregationTimespan", sources="metadata env", required=True, at=INSIGHTS_AT),
        extra("metricAggregationType", sources="metadata env", required=True, at=INSIGHTS_AT),
        extra("metricFilter", at=INSIGHTS_AT),
        extra("ignoreNullValues", "bool", default="true", at=INSIGHTS_AT),
        CLOUD,
        extra("appInsightsResourceURL", doc=PRIVATE, at=INSIGHTS_AT),
        extra("activeDirectoryEndpoint", doc=PRIVATE, at=CLOUD_AT),
        extra("applicationInsightsId", sources="auth metadata env", required=True, at=INSIGHTS_AT),
        extra("tenantId", sources="auth metadata env", required=True, at=INSIGHTS_AT),
        extra("activeDirectoryClientId", sources="auth metadata env", at=INSIGHTS_AT),
        extra("activeDirectoryClientPassword", sources="auth env", at=INSIGHTS_AT),
    ],
    "azure-data-explorer": [
        extra("databaseName", sources="metadata env", required=True, at=EXPLORER_AT),
        extra("endpoint", sources="metadata env", required=True, at=EXPLORER_AT),
        extra("query", sources="metadata env", required=True, at=EXPLORER_AT),
        extra("threshold", "float64", default="0", at=EXPLORER_AT),
        extra("activationThreshold", "float64", default="0", at=EXPLORER_AT),
        CLOUD,
        extra("activeDirectoryEndpoint", doc=PRIVATE, at=CLOUD_AT),
        extra("tenantId", sources="auth metadata env", at=EXPLORER_AT),
        extra("clientId", sources="auth metadata env", at=EXPLORER_AT),
        extra("clientSecret", sources="auth env", at=EXPLORER_AT),
    ],
    "external-mock": [],
}
# Texts of which KEDA has a few words, and takes any other without an error: (the words, what it then does).
WORDS: dict[str, tuple[list[str], str]] = {
    "azure-eventhub.checkpointStrategy": (  # azure_eventhub_checkpoint.go:91
        ["azureFunction", "blobMetadata", "dapr", "goSdk"],
        "reads another layout of checkpoints, and takes every event for unprocessed if there is none of it",
    ),
    "pulsar.tls": (["enable", "disable"], "sends no client certificate"),  # pulsar_scaler.go:122
    "rabbitmq.operation": (
        ["sum", "avg", "max"],
        "gets no value of several queues",
    ),  # rabbitmq_scaler.go:596
    "rabbitmq.tls": (["enable", "disable"], "uses no certificate"),  # rabbitmq_scaler.go:296
    "splunk-observability.queryAggregator": (  # splunk_observability_scaler.go:131
        ["max", "min", "avg"],
        "gets no value from any poll",
    ),
    "temporal.queueTypes": (  # temporal_scaler.go:165
        ["workflow", "activity", "nexus"],
        "asks for a queue type that it does not name",
    ),
    ".identityOwner": (  # aws_common.go:95
        ["operator", "pod"],
        "takes the identity of its own operator, whatever credentials are given",
    ),
}
# Keys beyond the listed ones are part of the interface: they go to the scaler's server, or name a query each.
OPEN = {"external": "*", "external-push": "*", "sumologic": "query.*"}
TAGS = {
    "default": "default",
    "enum": "enum",
    "exclusiveSet": "exclusive",
    "separator": "separator",
    "range": "range",
    "deprecated": "deprecated",
    "deprecatedAnnounce": "announce",
}


def parameter(fact: dict[str, Any], clashes: Counter[str]) -> Parameter:
    """One row of trigger-params.json, from the record of a Go field; `clashes` counts the fields per name."""
    name, *aliases = fact["names"]
    field = fact["path"].rsplit(".", 1)[1]
    result: Parameter = {"name": name}
    if fact["at"].startswith("pkg/scalers/authentication/"):
        # The fields of authentication.Config, which five scalers share: one may have its own of that name.
        result["key"] = f"authentication.{name}"
    elif clashes[name] > 1 and fact["order"] == ["triggerMetadata"]:
        # Two fields read one name: the Go field's name tells them apart.
        result["key"] = field[0].lower() + field[1:]
    if aliases:
        result["aliases"] = aliases
    result["type"] = TYPES.get(fact["goType"]) or TYPES.get(fact["kind"], "string")
    result["sources"] = [SOURCES[source] for source in fact["order"]]
    if not any(fact.get(key) for key in ("optional", "parentOptional", "default", "deprecated")):
        result["required"] = True
    result |= {ours: fact[tag] for tag, ours in TAGS.items() if fact.get(tag)}
    result["at"] = fact["at"]
    return result


def scalers(facts: list[dict[str, Any]]) -> dict[str, Any]:
    """{type: {"parser": "typed" | "own", "open"?: pattern, "parameters": [...]}} for all types, sorted."""
    result: dict[str, Any] = {}
    for scaler in {fact["scaler"] for fact in facts}:
        own = [fact for fact in facts if fact["scaler"] == scaler]
        clashes = Counter(fact["names"][0] for fact in own)
        tagged = [parameter(fact, clashes) for fact in own]
        names = {entry["name"] for entry in tagged}
        added = [entry for entry in EXTRAS.get(scaler, []) if entry["name"] not in names]
        result[scaler] = {"parser": "typed", "parameters": tagged + added}
    for scaler, entries in OWN_PARSER.items():
        result[scaler] = {"parser": "own", "parameters": entries}
    for scaler, pattern in OPEN.items():
        result[scaler]["open"] = pattern
    for scaler, entry in result.items():
        entry["parameters"] = [_with_words(scaler, each) for each in entry["parameters"]]
    return dict(sorted(result.items()))


def _with_words(scaler: str, entry: Parameter) -> Parameter:
    found = WORDS.get(f"{scaler}.{entry['name']}") or WORDS.get(f".{entry['name']}")
    return {**entry, "words": found[0], "otherwise": found[1]} if found else entry


def render(data: dict[str, Any]) -> str:
    """One line a parameter: a change of one is a change of one line."""
    blocks = []
    for scaler, entry in data.items():
        head = {key: value for key, value in entry.items() if key != "parameters"}
        lines = ",\n".join("    " + json.dumps(each, ensure_ascii=False) for each in entry["parameters"])
        body = f"[\n{lines}\n  ]" if lines else "[]"
        blocks.append(f'"{scaler}": {json.dumps(head)[:-1]}, "parameters": {body}}}')
    return "{\n" + ",\n".join(blocks) + "\n}\n"


def main(facts: str) -> None:
    """Writes trigger-params.json from `facts`, a file of Go fields."""
    records = json.loads(Path(facts).read_text(encoding="utf-8"))
    (Path(__file__).parents[1] / "keda/scalers/data/trigger-params.json").write_text(
        render(scalers(records)), encoding="utf-8"
    )


if __name__ == "__main__":
    main(*sys.argv[1:])

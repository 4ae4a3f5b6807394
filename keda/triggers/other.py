"""Any scaler by its KEDA name, for those that have no type of their own yet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import BeforeValidator, Field

from keda.errors import MISSING, Fault, Refused, SpecError, did_you_mean, is_secret_key, is_secret_value
from keda.triggers.base import Trigger
from keda.triggers.parameters import text, written

SCALERS = frozenset(
    [
        "activemq",
        "apache-kafka",
        "arangodb",
        "artemis-queue",
        "aws-cloudwatch",
        "aws-dynamodb",
        "aws-dynamodb-streams",
        "aws-kinesis-stream",
        "aws-sqs-queue",
        "azure-app-insights",
        "azure-blob",
        "azure-data-explorer",
        "azure-eventhub",
        "azure-log-analytics",
        "azure-monitor",
        "azure-pipelines",
        "azure-queue",
        "azure-servicebus",
        "beanstalkd",
        "cassandra",
        "couchdb",
        "cpu",
        "cron",
        "datadog",
        "dynatrace",
        "elasticsearch",
        "etcd",
        "external",
        "external-mock",
        "external-push",
        "forgejo-runner",
        "gcp-cloudtasks",
        "gcp-pubsub",
        "gcp-stackdriver",
        "gcp-storage",
        "github-runner",
        "graphite",
        "huawei-cloudeye",
        "ibmmq",
        "influxdb",
        "kafka",
        "kubernetes-resource",
        "kubernetes-workload",
        "liiklus",
        "loki",
        "memory",
        "metrics-api",
        "mongodb",
        "mssql",
        "mysql",
        "nats-jetstream",
        "new-relic",
        "nsq",
        "openstack-metric",
        "openstack-swift",
        "postgresql",
        "predictkube",
        "prometheus",
        "pulsar",
        "rabbitmq",
        "redis",
        "redis-cluster",
        "redis-cluster-streams",
        "redis-sentinel",
        "redis-sentinel-streams",
        "redis-streams",
        "selenium-grid",
        "solace-direct-messaging",
        "solace-event-queue",
        "solarwinds",
        "solr",
        "splunk",
        "splunk-observability",
        "sumologic",
        "temporal",
    ]
)
"""The 75 scalers of KEDA 2.19.0 (pkg/scaling/scalers_builder.go:125-276)."""
_REMOVED = {"stan": "KEDA 2.19 removed it with NATS Streaming: use nats-jetstream."}


def _scaler(value: object) -> str:
    name = text(value)
    if name in SCALERS:
        return name
    guess = did_you_mean(name, SCALERS)
    fix = _REMOVED.get(name) or (
        f"Write {guess}." if guess else "KEDA's scalers are listed in its documentation."
    )
    raise Refused("is not one of KEDA 2.19's 75 scalers.", fix)


def _texts(value: object) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise Refused("is not a mapping of keys.", "Write the scaler's parameters below it.")
    faults, result = [], {}
    for key, item in value.items():
        if not isinstance(item, (str, int, float, bool)):
            faults.append(
                Fault(str(key), item, "is not a text. KEDA's metadata holds texts only.", "Write one text.")
            )
        elif is_secret_key(str(key)) or is_secret_value(str(item)):
            faults.append(
                Fault(
                    str(key),
                    MISSING,
                    "a secret in plain text. Anyone who may read the ScaledObject could read it.",
                    "Put it into a Secret and name that in a TriggerAuthentication.",
                )
            )
        result[str(key)] = written(item)
    if faults:
        raise SpecError(faults)
    return result


class AnyTrigger(Trigger):
    """A scaler by name, its parameters as KEDA's documentation spells them. They are not checked beyond
    being text."""

    scaler: ClassVar[str] = ""

    type_: Annotated[str, BeforeValidator(_scaler)] = Field(alias="type", examples=["redis"])
    metadata: Annotated[dict[str, str], BeforeValidator(_texts)] = Field(examples=["{…}"])

    @property
    def type(self) -> str:
        return self.type_

    def parameters(self) -> dict[str, str]:
        return dict(self.metadata)

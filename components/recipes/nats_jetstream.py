"""A worker on a NATS JetStream consumer, scaled on the messages it has not acknowledged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar, Literal

from pydantic import Field

from components.monitoring.queries import EXPORTER_PREFIXES
from components.recipes.base import Recipe
from components.workload import Workload
from keda import Fault, NatsJetStream, ScaleTargetRef
from keda.triggers.parameters import Boolean, Integer, Text
from keda.triggers.types.nats_jetstream import Endpoint


class JetStream(Recipe):
    """KEDA 2.19 takes a consumer it cannot find for one that lags by the whole stream, and scales to the
    maximum (#7657): make the consumer before the workload. While NATS cannot be reached nothing is scaled,
    unless there is a `fallback`.
    """

    spelling: ClassVar[Mapping[str, str]] = {
        "natsServerMonitoringEndpoint": "monitoringEndpoint",
        "lagThreshold": "messagesPerReplica",
    }

    unit: ClassVar[str] = "messages"
    metrics: ClassVar[str] = f"({'|'.join(EXPORTER_PREFIXES)})_(consumer_num_.+|stream_total_messages)"

    recipe: Literal["nats-jetstream"] = Field(examples=["nats-jetstream"])
    target: ScaleTargetRef = Field(examples=["{name: my-deployment}"])
    monitoring_endpoint: Endpoint = Field(examples=["nats-headless.nats.svc.cluster.local:8222"])
    use_https: Boolean = Field(default=False, examples=[False])
    account: Text = Field(default="$G", examples=["$G"])
    stream: Text = Field(examples=["ORDERS"])
    consumer: Text = Field(examples=["worker"])
    messages_per_replica: Integer = Field(default=10, examples=[10])

    def faults(self) -> Iterator[Fault]:
        """An endpoint without a port."""
        host = self.monitoring_endpoint
        if ":" not in host:
            why = "has no port. KEDA would connect to port 80, and NATS answers on 8222."
            yield Fault("monitoringEndpoint", host, why, f"Write {host}:8222.")

    def build(self, name: str, prometheus: str) -> Workload:
        """A ScaledObject by the messages that wait in the consumer."""
        trigger = NatsJetStream(
            nats_server_monitoring_endpoint=self.monitoring_endpoint,
            account=self.account,
            stream=self.stream,
            consumer=self.consumer,
            lag_threshold=self.messages_per_replica,
            use_https=self.use_https,
        )
        return Workload(self.scaled_object(name, self.target, (trigger,)))

"""The nats-jetstream scaler (pkg/scalers/nats_jetstream_scaler.go, v2.19.0)."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field

from keda.core.errors import Refused
from keda.triggers.base import Trigger
from keda.triggers.parameters import Boolean, Integer, Text


def endpoint(value: str) -> str:
    """host:port of NATS' monitoring server. Raises Refused."""
    if "/" in value:
        harm = "KEDA puts a scheme and a path around it, and could not reach it."
        raise Refused("is not host:port.", f"Write {value.split('://')[-1].split('/')[0]}.", harm)
    return value


Endpoint = Annotated[Text, AfterValidator(endpoint)]


class NatsJetStream(Trigger):
    """Messages a JetStream consumer has not acknowledged: num_pending + num_ack_pending.

    With AverageValue, replicas = ceil(messages / lag_threshold). KEDA 2.19 takes a consumer it cannot find
    for one that lags by the whole stream (last_seq), which scales to the maximum: the consumer must exist
    first (#7657). A cluster of NATS servers needs an endpoint that names each node, so a headless Service.
    """

    scaler: ClassVar[str] = "nats-jetstream"

    nats_server_monitoring_endpoint: Endpoint | None = Field(
        default=None, examples=["nats-headless.nats.svc.cluster.local:8222"]
    )
    """host:port of the monitoring server, without a scheme. May come from the TriggerAuthentication
    instead."""
    account: Text | None = Field(default=None, examples=["$G"])
    """`$G` is the default account. Either this or `account_id`. May come from the TriggerAuthentication
    instead."""
    account_id: Text | None = Field(default=None, alias="accountID")
    stream: Text = Field(examples=["ORDERS"])
    consumer: Text = Field(examples=["worker"])
    lag_threshold: Integer = Field(default=10, examples=[10])
    """Messages one replica is worth. Default: 10."""
    activation_lag_threshold: Integer = Field(default=0, examples=[0])
    """Active (0 -> 1) when the lag is *above* this. Default: 0."""
    use_https: Boolean = False

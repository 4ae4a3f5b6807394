"""The nats-jetstream scaler (pkg/scalers/nats_jetstream_scaler.go, v2.19.0)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from pydantic import Field

from keda.core.errors import MISSING, Fault
from keda.triggers.base import Trigger
from keda.triggers.parameters import Boolean, Integer, Text


class NatsJetStream(Trigger):
    """Messages a JetStream consumer has not acknowledged: num_pending + num_ack_pending.

    With AverageValue, replicas = ceil(messages / lag_threshold). KEDA 2.19 takes a consumer it cannot find
    for one that lags by the whole stream (last_seq), which scales to the maximum: the consumer must exist
    first (#7657). A cluster of NATS servers needs an endpoint that names each node, so a headless Service.
    """

    scaler: ClassVar[str] = "nats-jetstream"

    nats_server_monitoring_endpoint: Text | None = Field(
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

    @property
    def target(self) -> float:
        """Messages per replica."""
        return self.lag_threshold

    def faults(self) -> Iterator[Fault]:
        """An address that is not host:port, a threshold below 1, and what only an authentication gives."""
        yield from super().faults()
        endpoint = self.nats_server_monitoring_endpoint
        if endpoint is not None and ("://" in endpoint or "/" in endpoint):
            yield Fault(
                "natsServerMonitoringEndpoint",
                endpoint,
                "is not host:port. KEDA puts a scheme and a path around it, and could not reach it.",
                f"Write {endpoint.split('://')[-1].split('/')[0]}.",
            )
        if self.lag_threshold < 1:
            yield Fault(
                "lagThreshold",
                self.lag_threshold,
                f"is below 1. The HPA refuses such a target. {self.consequence}",
                "Write 10.",
            )
        if self.authentication_ref is None:
            if endpoint is None:
                yield Fault(
                    "natsServerMonitoringEndpoint",
                    MISSING,
                    f"missing, and required. {self.consequence}",
                    "Write host:port of the monitoring server.",
                )
            if self.account is None and self.account_id is None:
                yield Fault(
                    "account", MISSING, f"missing, and required. {self.consequence}", "Write account: $G."
                )

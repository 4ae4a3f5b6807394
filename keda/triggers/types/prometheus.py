"""The prometheus scaler (pkg/scalers/prometheus_scaler.go, v2.19.0)."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from keda.triggers.base import Trigger
from keda.triggers.parameters import Address, Boolean, Duration, Number, Pairs, Text, Words


class Prometheus(Trigger):
    """The value of a PromQL query that returns one element; more than one series is an error, and so is none
    if `ignore_null_values` is false.

    `threshold` is in the query's unit: with AverageValue, replicas = ceil(value / threshold).
    """

    scaler: ClassVar[str] = "prometheus"

    server_address: Address = Field(examples=["http://prometheus-operated.monitoring.svc:9090"])
    query: Text = Field(examples=["sum(rate(http_requests_total[2m]))"])
    threshold: Number = Field(examples=[5])
    """Value that one replica is worth."""
    activation_threshold: Number = 0
    """Active (0 -> 1) when the value is *above* this. Default: 0."""
    ignore_null_values: Boolean = True
    """True: an empty result counts as 0, which scales in. False: it is an error. Default: true."""
    namespace: Text | None = None
    """Tenant namespace, for servers that want one as a query parameter."""
    query_parameters: Pairs | None = None
    custom_headers: Pairs | None = None
    unsafe_ssl: Boolean = False
    timeout: Duration | None = Field(default=None, examples=["3s"])
    """HTTP timeout. Default: the chart's http.timeout, 3 s."""
    auth_modes: Words | None = Field(default=None, examples=["bearer"])
    auth_mode: Words | None = Field(default=None, examples=["bearer"])
    """KEDA's older spelling of authModes."""
    method: Text = Field(default="header", examples=["header"])
    """Where the apiKey goes: header or query."""
    key_param_name: Text | None = None
    aws_region: Text | None = None
    identity_owner: Text | None = None
    cloud: Text | None = None
    """Azure Managed Prometheus: which Azure cloud."""
    azure_managed_prometheus_resource_url: Text | None = Field(
        default=None, alias="azureManagedPrometheusResourceURL"
    )
    aws_access_key_id: Text | None = Field(default=None, alias="awsAccessKeyID")
    aws_access_key_id_from_env: Text | None = Field(default=None, alias="awsAccessKeyIDFromEnv")
    aws_secret_access_key_from_env: Text | None = None
    credentials_from_env: Text | None = None
    credentials_from_env_file: Text | None = None

"""The prometheus scaler (pkg/scalers/prometheus_scaler.go, v2.19.0)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from pydantic import Field

from keda.core.errors import Fault
from keda.triggers.base import Trigger
from keda.triggers.parameters import Address, Boolean, Duration, Number, Pairs, Text, Words

_EXCLUSIVE = frozenset({"bearer", "basic", "oauth"})
_AUTH_MODES = frozenset({"apiKey", "basic", "tls", "bearer", "custom", "oauth"})


class Prometheus(Trigger):
    """The value of a PromQL query that returns one element; more than one series is an error, and so is none
    if `ignore_null_values` is false.

    `threshold` is in the query's unit: with AverageValue, replicas = ceil(value / threshold).
    """

    scaler: ClassVar[str] = "prometheus"
    from_authentication: ClassVar[frozenset[str]] = frozenset(
        {
            *("bearerToken", "token", "username", "password", "cert", "key", "ca", "apiKey"),
            *("oauthTokenURI", "scopes", "clientID", "clientSecret", "endpointParams"),
            *("customAuthHeader", "customAuthValue"),
            *("awsRoleArn", "awsAccessKeyId", "awsSecretAccessKey", "awsSessionToken"),
            "GoogleApplicationCredentials",
        }
    )

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

    @property
    def target(self) -> float:
        """The query's value per replica."""
        return self.threshold

    def faults(self) -> Iterator[Fault]:
        """A threshold below 0.001, and modes and methods that KEDA refuses."""
        yield from super().faults()
        if self.threshold < 0.001:
            yield Fault(
                "threshold",
                self.threshold,
                f"is below 0.001, the least an HPA can count, and it refuses 0. {self.consequence}",
                "Write what one replica can take.",
            )
        for key, modes in (("authModes", self.auth_modes), ("authMode", self.auth_mode)):
            yield from self._mode_faults(key, modes or ())
        if self.method not in ("header", "query"):
            yield Fault(
                "method", self.method, f"is not one of header, query. {self.consequence}", "Write header."
            )

    def _mode_faults(self, key: str, modes: tuple[str, ...]) -> Iterator[Fault]:
        if unknown := [mode for mode in modes if mode not in _AUTH_MODES]:
            known = ", ".join(sorted(_AUTH_MODES))
            yield Fault(key, unknown[0], f"is not one of {known}. {self.consequence}", "Write e.g. bearer.")
        if len(_EXCLUSIVE.intersection(modes)) > 1:
            yield Fault(
                key,
                ",".join(modes),
                f"mixes modes that exclude each other. {self.consequence}",
                "Keep one of bearer, basic, oauth.",
            )
        if modes and self.authentication_ref is None and "apiKey" not in modes:
            yield Fault(
                key,
                ",".join(modes),
                f"needs credentials, and none are given. {self.consequence}",
                "Name a TriggerAuthentication in authenticationRef.",
            )

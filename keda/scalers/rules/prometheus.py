"""Rules of prometheus (pkg/scalers/prometheus_scaler.go)."""

from __future__ import annotations

from keda.scalers.facts import ResolvedTrigger
from keda.scalers.parser import Values
from keda.scalers.refusals import Refusal, bad_value, unsupported
from keda.scalers.rules import after, client, validate
from keda.scalers.rules.common import authentication, authentication_tls, azure_environment, google_key

validate("prometheus")(authentication)


@after("prometheus")
def prometheus(values: Values, trigger: ResolvedTrigger) -> Refusal | None:
    """One of authModes and a pod identity; an Azure cloud that has a managed Prometheus."""
    if values["authentication.authModes"]:
        words = "pod identity cannot be enabled with other auth types"
        return None if trigger.no_identity else unsupported(words)
    if trigger.pod_identity == "azure-workload":
        return azure_environment(trigger, "azureManagedPrometheusResourceURL")
    return None


@client("prometheus")
def prometheus_client(values: Values, trigger: ResolvedTrigger) -> Refusal | None:
    """A Google key in the authentication is used, whatever it is there for."""
    if values["authentication.authModes"]:
        return authentication_tls(values, trigger)
    german = trigger.metadata.get("cloud", "").upper() == "AZUREGERMANCLOUD"
    if trigger.pod_identity == "azure-workload" and german:
        words = "azure managed prometheus is not available in cloud AzureGermanCloud"
        return bad_value(words, "cloud")
    return google_key(values, trigger)

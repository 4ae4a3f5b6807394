"""Rules of azure-app-insights, azure-data-explorer, azure-log-analytics and azure-monitor."""

from __future__ import annotations

import re
from collections.abc import Mapping

from keda.scalers.facts import ResolvedTrigger
from keda.scalers.parser import Values, converted
from keda.scalers.refusals import (
    Refusal,
    RefusalError,
    bad_value,
    crash,
    credentials,
    missing,
    unsupported,
)
from keda.scalers.rules import after, client, own_parser, validate
from keda.scalers.rules.common import azure_environment, azure_identity
from keda.syntax import go as go_values

AGGREGATIONS = ("Average", "Count", "Maximum", "Minimum", "None", "Total")
_SDK_CLOUDS = ("AZUREPUBLICCLOUD", "AZUREUSGOVERNMENTCLOUD", "AZURECHINACLOUD")


@validate("azure-log-analytics")
def log_analytics(values: Values, trigger: ResolvedTrigger) -> Refusal | None:
    """azure_log_analytics_scaler.go: tenant, client and secret without azure-workload."""
    refused = "error parsing metadata. Details: "
    if refusal := azure_identity(
        trigger, refused + "Log Analytics Scaler doesn't support pod identity {}"
    ) or _sdk_cloud(values, "logAnalyticsResourceURL", "logAnalyticsResourceURL"):
        return refusal
    lacking = [name for name in ("tenantId", "clientId", "clientSecret") if not values[name]]
    if trigger.no_identity and lacking:
        return credentials(f"{refused}{lacking[-1]} was not found in metadata", lacking[-1])
    return None


def _sdk_cloud(values: Mapping[str, str], endpoint: str, label: str) -> Refusal | None:
    """`label`: the parameter that KEDA names, whichever is missing."""
    cloud = values.get("cloud", "")
    if cloud.lower() == "private":
        address = values.get(endpoint)
        return None if address else missing(f"{label} must be provided for Private cloud type", endpoint)
    if not cloud or cloud.upper() in _SDK_CLOUDS:
        return None
    return bad_value(f"there is no cloud environment matching the name {cloud}", "cloud")


@validate("azure-monitor")
def monitor(values: Values, _: ResolvedTrigger) -> Refusal | None:
    """azure_monitor_scaler.go: the shapes of the resource and the interval, and the aggregations."""
    if values["resourceURI"].count("/") != 2:
        words = "resourceURI not in the correct format. Should be namespace/resource_type/resource_name"
        return bad_value(words, "resourceURI")
    if values["metricAggregationType"] not in AGGREGATIONS:
        words = "invalid metricAggregationType given"
        return bad_value(words, "metricAggregationType", allowed=AGGREGATIONS)
    interval = values["metricAggregationInterval"]
    if interval and interval.count(":") != 2:
        words = "metricAggregationInterval not in the correct format. Should be hh:mm:ss"
        return bad_value(words, "metricAggregationInterval")
    return _sdk_cloud(values, "azureResourceManagerEndpoint", "logAnalyticsResourceURL")


@after("azure-monitor")
def monitor_identity(values: Values, trigger: ResolvedTrigger) -> Refusal | None:
    """A target, and without azure-workload a client and its password."""
    if not values["targetValue"] and not trigger.as_metric_source:
        return missing("no targetValue given", "targetValue")
    if refusal := azure_identity(trigger, "azure Monitor doesn't support pod identity {}"):
        return refusal
    if trigger.no_identity:
        for name in ("activeDirectoryClientId", "activeDirectoryClientPassword"):
            if not values[name]:
                return credentials(f"no {name} given", name)
    return None


@client("azure-log-analytics", "azure-monitor")
def tenant(values: Values, trigger: ResolvedTrigger) -> Refusal | None:
    """azidentity: letters, digits, dots and hyphens."""
    if not trigger.no_identity or re.fullmatch(r"[0-9A-Za-z.-]+", values["tenantId"]):
        return None
    return bad_value("invalid tenantID: only letters, digits, dots and hyphens", "tenantId")


def _parameter(trigger: ResolvedTrigger, name: str, *, auth: bool = False) -> str:
    """azure_log_analytics_scaler.go getParameterFromConfig: a named variable counts even when absent."""
    if auth and trigger.auth.get(name):
        return trigger.auth[name]
    if trigger.metadata.get(name):
        return trigger.metadata[name]
    if variable := trigger.metadata.get(f"{name}FromEnv"):
        return trigger.env.get(variable, "")
    raise RefusalError(_not_found(name))


def _not_found(name: str) -> Refusal:
    words = f"error parsing metadata. Details: {name} was not found in metadata."
    return missing(f"{words} Check your ScaledObject configuration", name)


def _raise_if(refusal: Refusal | None) -> None:
    if refusal:
        raise RefusalError(refusal)


@own_parser("azure-app-insights")
def app_insights(trigger: ResolvedTrigger) -> None:
    """azure_app_insights_scaler.go."""
    metadata, target, activation = trigger.metadata, "targetValue", "activationTargetValue"
    # A formula excuses the target, then the empty string fails to parse: KEDA requires it all the same.
    converted(f"azure app insights metadata {target}", target, _parameter(trigger, target), go_values.real)
    if metadata.get(activation) or metadata.get(f"{activation}FromEnv"):
        text = _parameter(trigger, activation)
        converted(f"azure app insights metadata {activation}", activation, text, go_values.real)
    _parameter(trigger, "metricId")
    if _parameter(trigger, "metricAggregationTimespan").count(":") != 1:
        words = "metricAggregationTimespan not in the correct format. Should be hh:mm"
        raise RefusalError(bad_value(words, "metricAggregationTimespan"))
    _parameter(trigger, "metricAggregationType")
    _raise_if(_sdk_cloud(metadata, "appInsightsResourceURL", "appInsightsResourceURL"))
    if metadata.get("cloud") == "" and "cloud" in metadata:
        raise RefusalError(bad_value("there is no cloud environment matching the name ", "cloud"))
    _raise_if(azure_environment(trigger, "activeDirectoryEndpoint"))
    if metadata.get("ignoreNullValues"):
        converted("ignoreNullValues", "ignoreNullValues", metadata["ignoreNullValues"], go_values.boolean)
    _parameter(trigger, "applicationInsightsId", auth=True)
    _parameter(trigger, "tenantId", auth=True)
    _app_insights_identity(trigger)


def _app_insights_identity(trigger: ResolvedTrigger) -> None:
    if trigger.no_identity:
        name, password = "activeDirectoryClientId", "activeDirectoryClientPassword"
        if not _parameter(trigger, name, auth=True):
            raise RefusalError(missing(f"no {name} given", name))
        if refusal := tenant({"tenantId": _parameter(trigger, "tenantId", auth=True)}, trigger):
            raise RefusalError(bad_value(f"error getting auth config: {refusal}", "tenantId"))
        variable = trigger.metadata.get(f"{password}FromEnv", "")
        if not (trigger.auth.get(password) or trigger.env.get(variable)):
            raise RefusalError(credentials(f"no {password} given", password))
    elif trigger.pod_identity != "azure-workload":
        raise RefusalError(unsupported(f"azure Monitor doesn't support pod identity {trigger.pod_identity}"))


@own_parser("azure-data-explorer")
def data_explorer(trigger: ResolvedTrigger) -> None:
    """azure_data_explorer_scaler.go; the client library panics on blank names."""
    _data_explorer_identity(trigger)
    for name in ("databaseName", "endpoint", "query"):
        _parameter(trigger, name)
    for name in ("threshold", "activationThreshold"):
        if name in trigger.metadata:
            label = f"metadata. Details: can't parse {name}"
            converted(label, name, trigger.metadata[name], go_values.real)
    _raise_if(azure_environment(trigger, "activeDirectoryEndpoint"))
    endpoint = go_values.trim(_parameter(trigger, "endpoint"))
    if not endpoint:
        raise RefusalError(crash("the operator panics: endpoint is blank", "endpoint"))
    try:
        scheme = go_values.url_parts(endpoint)[0]
    except ValueError as error:
        words = f"could not parse the endpoint({endpoint}): {error}"
        raise RefusalError(bad_value(words, "endpoint")) from error
    if scheme != "https":
        words = "cannot use token provider with http endpoint, as it would send the token in clear text"
        raise RefusalError(bad_value(words, "endpoint"))


def _data_explorer_identity(trigger: ResolvedTrigger) -> None:
    if trigger.no_identity:
        for name in ("tenantId", "clientId"):
            if not go_values.trim(_parameter(trigger, name, auth=True)):
                raise RefusalError(crash(f"the operator panics: {name} is blank", name))
        # The variable's name itself is taken for the secret: KEDA does not look it up.
        secret = trigger.auth.get("clientSecret") or trigger.metadata.get("clientSecretFromEnv")
        if not secret:
            raise RefusalError(_not_found("clientSecret"))
        if not go_values.trim(secret):
            raise RefusalError(crash("the operator panics: clientSecret is blank", "clientSecret"))
    elif trigger.pod_identity != "azure-workload":
        raise RefusalError(unsupported("error parsing auth params"))

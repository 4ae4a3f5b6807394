"""Rules between the parameters of the scalers of Azure, AWS and Google Cloud."""

from __future__ import annotations

import re

from keda.scalers.parser import Trigger, Values
from keda.scalers.rules.common import AZURE_SDK_CLOUDS, Rule, aws, azure_environment, gcp

_SIZES = [
    f"{size}{unit}".capitalize()
    for size in ("", "kilo", "mega", "giga", "tera")
    for unit in ("bytes", "bits")
]
METRIC_UNITS = {*_SIZES, *(f"{size}/Second" for size in _SIZES)}
METRIC_UNITS |= {"Seconds", "Microseconds", "Milliseconds", "Percent", "Count", "Count/Second", "None"}
AGGREGATIONS = ("Average", "Count", "Maximum", "Minimum", "None", "Total")
_PERCENTILES = ("percentile_99", "percentile_95", "percentile_50", "percentile_05")
REDUCERS = (
    *(
        "",
        "none",
        "mean",
        "min",
        "max",
        "sum",
        "stddev",
        "count",
        "count_true",
        "count_false",
        "fraction_true",
    ),
    *_PERCENTILES,
)
ALIGNERS = (*REDUCERS, "delta", "rate", "interpolate", "next_older", "percent_change")


def cloudwatch(values: Values, _: Trigger) -> str | None:
    if not values["expression"]:
        for name, words in {"namespace": "namespace", "metricName": "metric name"}.items():
            if not values[name]:
                return f"{words} not given"
        for name, words in {"dimensionName": "dimension name", "dimensionValue": "dimension value"}.items():
            if not values[name]:
                return f"{words} not given"
        if len(values["dimensionName"]) != len(values["dimensionValue"]):
            return "dimensionName and dimensionValue are not matching in size"
        if values["metricUnit"] and values["metricUnit"] not in METRIC_UNITS:
            return f"metricUnit '{values['metricUnit']}' is not one of {sorted(METRIC_UNITS)}"
    period, collected = values["metricStatPeriod"], values["metricCollectionTime"]
    if period < 1:
        return f"metricStatPeriod can not be smaller than 1, however, {period} is provided"
    if period <= 60 and period not in (1, 5, 10, 30, 60):
        return f"metricStatPeriod < 60 has to be one of [1, 5, 10, 30], however, {period} is provided"
    if period > 60 and period % 60:
        return f"metricStatPeriod >= 60 has to be a multiple of 60, however, {period} is provided"
    if collected < 0 or collected % period:
        rule = f"metricCollectionTime must be greater than 0 and a multiple of metricStatPeriod({period})"
        return f"{rule}, {collected} is given"
    return None


def _identity(trigger: Trigger, unsupported: str) -> str | None:
    """Azure's scalers know no identity but azure-workload."""
    known = trigger.no_identity or trigger.pod_identity == "azure-workload"
    return None if known else unsupported.format(trigger.pod_identity)


def azure_storage(account_missing: str, connection_missing: str, unsupported: str) -> Rule:
    def rule(values: Values, trigger: Trigger) -> str | None:
        if refusal := azure_environment(trigger, "endpointSuffix") or _identity(trigger, unsupported):
            return refusal
        if trigger.no_identity:
            return None if values["connection"] else connection_missing
        return None if values["accountName"] else account_missing

    return rule


def azure_eventhub(values: Values, trigger: Trigger) -> str | None:
    if refusal := azure_environment(trigger, "endpointSuffix"):
        return refusal
    if trigger.no_identity:
        if not values["storageConnection"]:
            return "no storage connection string given"
        if not values["connection"]:
            return "no event hub connection string given"
        if "EntityPath" not in values["connection"] and not values["eventHubName"]:
            return (
                "connection string does not contain event hub name, and parameter eventHubName not provided"
            )
        if values["eventHubName"]:
            # KEDA hands the name to the client as well, which takes it from one place only.
            return "connection string contains an EntityPath. eventHub must be an empty string"
        return None
    if trigger.pod_identity != "azure-workload":
        return f"event hub does not support pod identity {trigger.pod_identity}"
    if values["storageAccountName"]:
        if refusal := azure_environment(trigger, "storageEndpointSuffix"):
            return refusal
    elif not values["storageConnection"]:
        return (
            "no storage connection string or storage account name for pod identity based authentication given"
        )
    if not values["eventHubNamespace"]:
        return "no event hub namespace string given"
    return None if values["eventHubName"] else "no event hub name string given"


def azure_log_analytics(values: Values, trigger: Trigger) -> str | None:
    unsupported = "error parsing metadata. Details: Log Analytics Scaler doesn't support pod identity {}"
    if refusal := _identity(trigger, unsupported) or _sdk_cloud(
        values["cloud"], values["logAnalyticsResourceURL"]
    ):
        return refusal
    missing = [name for name in ("tenantId", "clientId", "clientSecret") if not values[name]]
    if trigger.no_identity and missing:
        return f"error parsing metadata. Details: {missing[-1]} was not found in metadata"
    return None


def _sdk_cloud(cloud: str, endpoint: str) -> str | None:
    if cloud.lower() == "private":
        return None if endpoint else "logAnalyticsResourceURL must be provided for Private cloud type"
    known = not cloud or cloud.upper() in AZURE_SDK_CLOUDS
    return None if known else f"there is no cloud environment matching the name {cloud}"


def azure_monitor(values: Values, _: Trigger) -> str | None:
    if values["resourceURI"].count("/") != 2:
        return "resourceURI not in the correct format. Should be namespace/resource_type/resource_name"
    if values["metricAggregationType"] not in AGGREGATIONS:
        return "invalid metricAggregationType given"
    interval = values["metricAggregationInterval"]
    if interval and interval.count(":") != 2:
        return "metricAggregationInterval not in the correct format. Should be hh:mm:ss"
    return _sdk_cloud(values["cloud"], values["azureResourceManagerEndpoint"])


def azure_monitor_identity(values: Values, trigger: Trigger) -> str | None:
    if not values["targetValue"] and not trigger.as_metric_source:
        return "no targetValue given"
    if refusal := _identity(trigger, "azure Monitor doesn't support pod identity {}"):
        return refusal
    if trigger.no_identity:
        for name in ("activeDirectoryClientId", "activeDirectoryClientPassword"):
            if not values[name]:
                return f"no {name} given"
    return None


def azure_pipelines(values: Values, _: Trigger) -> str | None:
    organization = values["organizationURL"].rpartition("/")[2]
    return None if organization else "failed to extract organization name from organizationURL"


def azure_pipelines_before(_: Values, trigger: Trigger) -> str | None:
    if trigger.metadata.get("jobsToFetch"):
        for other in ("fetchUnfinishedJobsOnly", "parent"):
            if trigger.metadata.get(other):
                return f"cannot specify both jobsToFetch and {other} at the same time"
    return None


def azure_pipelines_pool(values: Values, trigger: Trigger) -> str | None:
    if not values["personalAccessToken"]:
        if trigger.no_identity:
            return "no personalAccessToken given or PodIdentity provider configured"
        if refusal := _identity(trigger, "pod identity {} not supported for azure pipelines"):
            return refusal
    return None if values["poolName"] or values["poolID"] else "no poolName or poolID given"


def azure_servicebus(values: Values, _: Trigger) -> str | None:
    queue, topic, subscription = values["queueName"], values["topicName"], values["subscriptionName"]
    if queue and subscription:
        return "subscription name provided with queue name"
    if queue and values["useRegex"] and not _regex(queue):
        return "queueName is not a valid regular expression"
    if topic:
        if queue:
            return "both topic and queue name metadata provided"
        if not subscription:
            return "no subscription name provided with topic name"
        if values["useRegex"] and not _regex(subscription):
            return "subscriptionName is not a valid regular expression"
    return None if queue or topic else "no service bus entity type set"


def _regex(pattern: str) -> bool:
    """Python's expressions stand for Go's (RE2): they differ in look-around and back references only."""
    if re.search(r"\(\?([=!]|<[=!]|P=)|\\[1-9]", pattern):
        return False
    try:
        re.compile(pattern)
    except re.error:
        return False
    return True


def azure_servicebus_identity(values: Values, trigger: Trigger) -> str | None:
    if refusal := _identity(trigger, "azure service bus doesn't support pod identity {}"):
        return refusal
    if trigger.no_identity:
        return None if values["connection"] else "no connection setting given"
    if not values["namespace"]:
        return "namespace are required when using pod identity"
    return azure_environment(trigger, "endpointSuffix")


def pubsub(values: Values, _: Trigger) -> str | None:
    subscription, topic = values["subscriptionName"], values["topicName"]
    if values["subscriptionSize"] and topic:
        rule = "you cannot use subscriptionSize field together with topicName field"
        return f"{rule}. Use subscriptionName field instead"
    if bool(subscription) == bool(topic):
        return "exactly one of subscription or topic name must be given"
    return None


def stackdriver(values: Values, _: Trigger) -> str | None:
    period = values["alignmentPeriodSeconds"]
    return "alignmentPeriodSeconds must be at least 60" if period and period < 60 else None


def stackdriver_aggregation(values: Values, trigger: Trigger) -> str | None:
    if refusal := gcp(values, trigger):
        return refusal
    if values["alignmentPeriodSeconds"]:
        if values["alignmentAligner"].lower() not in ALIGNERS:
            return f"unknown aligner: {values['alignmentAligner']}"
        if values["alignmentReducer"].lower() not in REDUCERS:
            return f"unknown reducer: {values['alignmentReducer']}"
    return None


def gcs(values: Values, _: Trigger) -> str | None:
    if values["targetObjectCount"] <= 0:
        return "targetObjectCount must be a positive number"
    if values["activationTargetObjectCount"] < 0:
        return "activationTargetObjectCount must be a positive number"
    return "maxBucketItemsToScan must be a positive number" if values["maxBucketItemsToScan"] <= 0 else None


def azure_blob(values: Values, _: Trigger) -> str | None:
    """gobwas/glob: a bracket must close and hold something; braces and a lone `]` are taken as they are."""
    pattern = re.sub(r"\\.", "x", values["globPattern"])
    broken = re.search(r"\[(?![^\[\]]+\])", pattern)
    return f'invalid glob pattern "{values["globPattern"]}"' if broken else None


VALIDATE: dict[str, Rule] = {
    "aws-cloudwatch": cloudwatch,
    "azure-blob": azure_blob,
    "azure-log-analytics": azure_log_analytics,
    "azure-monitor": azure_monitor,
    "azure-pipelines": azure_pipelines,
    "azure-servicebus": azure_servicebus,
    "gcp-pubsub": pubsub,
    "gcp-stackdriver": stackdriver,
    "gcp-storage": gcs,
}
AFTER: dict[str, Rule] = {
    "aws-cloudwatch": aws,
    "azure-blob": azure_storage(
        "accountName is required when using Azure Workload Identity",
        "connection string is required when not using pod identity)",
        'pod identity provider "{}" is not supported for Azure Storage Blobs '
        "(supported: none, azure-workload)",
    ),
    "azure-eventhub": azure_eventhub,
    "azure-monitor": azure_monitor_identity,
    "azure-pipelines": azure_pipelines_pool,
    "azure-queue": azure_storage(
        "no accountName given",
        "no connection setting given",
        "pod identity {} not supported for azure storage queues",
    ),
    "azure-servicebus": azure_servicebus_identity,
    "gcp-cloudtasks": gcp,
    "gcp-pubsub": gcp,
    "gcp-stackdriver": stackdriver_aggregation,
    "gcp-storage": gcp,
}
# Checks on the raw metadata, before the typed parser.
BEFORE: dict[str, Rule] = {"azure-pipelines": azure_pipelines_before}

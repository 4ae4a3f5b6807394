"""Rules of azure-blob, azure-eventhub, azure-pipelines, azure-queue and azure-servicebus."""

from __future__ import annotations

import re

from keda.scalers.facts import ResolvedTrigger
from keda.scalers.parser import Values
from keda.scalers.refusals import Refusal, bad_value, conflict, credentials, missing, unsupported
from keda.scalers.rules import after, before, client, validate
from keda.scalers.rules.common import azure_environment, azure_identity, web_address


def _storage(trigger: ResolvedTrigger, values: Values, words: tuple[str, str, str]) -> Refusal | None:
    """`words`: for a missing account name, a missing connection string, an identity that is not taken."""
    account, connection, identity = words
    if refusal := azure_environment(trigger, "endpointSuffix") or azure_identity(trigger, identity):
        return refusal
    if trigger.no_identity:
        return None if values["connection"] else credentials(connection, "connection")
    return None if values["accountName"] else missing(account, "accountName")


@after("azure-blob")
def blob_storage(values: Values, trigger: ResolvedTrigger) -> Refusal | None:
    """azure_blob_scaler.go: a connection string, or with azure-workload the account's name."""
    identity = 'pod identity provider "{}" is not supported for Azure Storage Blobs '
    words = (
        "accountName is required when using Azure Workload Identity",
        "connection string is required when not using pod identity)",
        f"{identity}(supported: none, azure-workload)",
    )
    return _storage(trigger, values, words)


@after("azure-queue")
def queue_storage(values: Values, trigger: ResolvedTrigger) -> Refusal | None:
    """azure_queue_scaler.go: a connection string, or with azure-workload the account's name."""
    identity = "pod identity {} not supported for azure storage queues"
    return _storage(trigger, values, ("no accountName given", "no connection setting given", identity))


@validate("azure-blob")
def blob(values: Values, _: ResolvedTrigger) -> Refusal | None:
    """gobwas/glob: a bracket must close and hold something; braces and a lone `]` are taken as they are."""
    pattern = re.sub(r"\\.", "x", values["globPattern"])
    broken = re.search(r"\[(?![^\[\]]+\])", pattern)
    return bad_value(f'invalid glob pattern "{values["globPattern"]}"', "globPattern") if broken else None


@client("azure-blob", "azure-queue")
def storage_account(values: Values, trigger: ResolvedTrigger) -> Refusal | None:
    """The connection string, as azblob and azqueue read it."""
    return _storage_connection(values, "connection") if trigger.no_identity else None


def _keys(connection: str) -> dict[str, str] | None:
    parts = [part.split("=", 1) for part in connection.rstrip(";").split(";")]
    return dict(parts) if all(len(part) == 2 for part in parts) else None


def _storage_connection(values: Values, name: str) -> Refusal | None:
    """azblob and azqueue: key=value pairs that name the account and how to sign."""
    keys = _keys(values[name])
    words = ""
    if keys is None:
        words = "connection string is either blank or malformed. The expected format is key=value;key=value"
    elif not keys.keys() & {"AccountName", "BlobEndpoint", "QueueEndpoint"}:
        words = "connection string needs either AccountName or BlobEndpoint"
    elif not ({"AccountName", "AccountKey"} <= keys.keys() or "SharedAccessSignature" in keys):
        words = "connection string needs either AccountKey or SharedAccessSignature"
    return bad_value(words, name) if words else None


@after("azure-eventhub")
def eventhub(values: Values, trigger: ResolvedTrigger) -> Refusal | None:
    """azure_eventhub_scaler.go: two connection strings, or with azure-workload the names in their place."""
    if refusal := azure_environment(trigger, "endpointSuffix"):
        return refusal
    if trigger.no_identity:
        return _eventhub_connection(values)
    if trigger.pod_identity != "azure-workload":
        return unsupported(f"event hub does not support pod identity {trigger.pod_identity}")
    if values["storageAccountName"]:
        if refusal := azure_environment(trigger, "storageEndpointSuffix"):
            return refusal
    elif not values["storageConnection"]:
        words = "no storage connection string or storage account name for pod identity based authentication"
        return missing(f"{words} given", "storageConnection", "storageAccountName")
    if not values["eventHubNamespace"]:
        return missing("no event hub namespace string given", "eventHubNamespace")
    return None if values["eventHubName"] else missing("no event hub name string given", "eventHubName")


def _eventhub_connection(values: Values) -> Refusal | None:
    if not values["storageConnection"]:
        return credentials("no storage connection string given", "storageConnection")
    if not values["connection"]:
        return credentials("no event hub connection string given", "connection")
    if "EntityPath" not in values["connection"] and not values["eventHubName"]:
        words = "connection string does not contain event hub name, and parameter eventHubName not provided"
        return missing(words, "eventHubName")
    if values["eventHubName"]:
        # KEDA hands the name to the client as well, which takes it from one place only.
        words = "connection string contains an EntityPath. eventHub must be an empty string"
        return conflict(words, "eventHubName", "connection")
    return None


@client("azure-eventhub")
def eventhub_client(values: Values, trigger: ResolvedTrigger) -> Refusal | None:
    """The connection string of the hub names an endpoint and how to sign, that of the storage an account."""
    if not trigger.no_identity:
        return None
    if not (keys := _keys(values["connection"])):
        words = "failed parsing connection string due to unmatched key value separated by '='"
        return bad_value(words, "connection")
    names = {key.lower() for key in keys}
    for needed in ("Endpoint", "SharedAccessKeyName", "SharedAccessKey"):
        if needed.lower() not in names and "sharedaccesssignature" not in names:
            return bad_value(f'key "{needed}" must not be empty', "connection")
    return _storage_connection(values, "storageConnection")


@before("azure-pipelines")
def pipelines_before(_: Values, trigger: ResolvedTrigger) -> Refusal | None:
    """azure_pipelines_scaler.go: jobsToFetch excludes parent and fetchUnfinishedJobsOnly."""
    if trigger.metadata.get("jobsToFetch"):
        for other in ("fetchUnfinishedJobsOnly", "parent"):
            if trigger.metadata.get(other):
                words = f"cannot specify both jobsToFetch and {other} at the same time"
                return conflict(words, "jobsToFetch", other)
    return None


@validate("azure-pipelines")
def pipelines(values: Values, _: ResolvedTrigger) -> Refusal | None:
    """The organization is the last part of organizationURL."""
    if values["organizationURL"].rpartition("/")[2]:
        return None
    return bad_value("failed to extract organization name from organizationURL", "organizationURL")


@after("azure-pipelines")
def pipelines_pool(values: Values, trigger: ResolvedTrigger) -> Refusal | None:
    """A token or azure-workload, and a pool by name or ID."""
    if not values["personalAccessToken"]:
        if trigger.no_identity:
            words = "no personalAccessToken given or PodIdentity provider configured"
            return credentials(words, "personalAccessToken")
        if refusal := azure_identity(trigger, "pod identity {} not supported for azure pipelines"):
            return refusal
    pool = values["poolName"] or values["poolID"]
    return None if pool else missing("no poolName or poolID given", "poolName", "poolID")


@client("azure-pipelines")
def pipelines_client(values: Values, _: ResolvedTrigger) -> Refusal | None:
    """With a token the first request goes to organizationURL."""
    if not values["personalAccessToken"]:
        return None  # The identity's token is asked for first.
    return web_address(values["organizationURL"], "organizationURL")


@validate("azure-servicebus")
def servicebus(values: Values, _: ResolvedTrigger) -> Refusal | None:
    """azure_servicebus_scaler.go: a queue, or a topic and its subscription; RE2 with useRegex."""
    queue, topic, subscription = values["queueName"], values["topicName"], values["subscriptionName"]
    if queue and subscription:
        return conflict("subscription name provided with queue name", "subscriptionName", "queueName")
    if queue and values["useRegex"] and not _regex(queue):
        return bad_value("queueName is not a valid regular expression", "queueName")
    if topic:
        if queue:
            return conflict("both topic and queue name metadata provided", "queueName", "topicName")
        if not subscription:
            return missing("no subscription name provided with topic name", "subscriptionName")
        if values["useRegex"] and not _regex(subscription):
            return bad_value("subscriptionName is not a valid regular expression", "subscriptionName")
    return None if queue or topic else missing("no service bus entity type set", "queueName", "topicName")


def _regex(pattern: str) -> bool:
    """Python's expressions stand for Go's (RE2): they differ in look-around and back references only."""
    if re.search(r"\(\?([=!]|<[=!]|P=)|\\[1-9]", pattern):
        return False
    try:
        re.compile(pattern)
    except re.error:
        return False
    return True


@after("azure-servicebus")
def servicebus_identity(values: Values, trigger: ResolvedTrigger) -> Refusal | None:
    """A connection string, or with azure-workload a namespace."""
    if refusal := azure_identity(trigger, "azure service bus doesn't support pod identity {}"):
        return refusal
    if trigger.no_identity:
        connection = values["connection"]
        return None if connection else credentials("no connection setting given", "connection")
    if not values["namespace"]:
        return missing("namespace are required when using pod identity", "namespace")
    return azure_environment(trigger, "endpointSuffix")

"""Rules between the parameters of the message queue scalers."""

from __future__ import annotations

import re

from keda.scalers.parser import Trigger, Values
from keda.scalers.rules.common import Rule, aws, first_missing, pair
from keda.syntax import go as go_values

_HTTP_MODES = ("MessageRate", "DeliverGetRate", "PublishedToDeliveredRatio", "ExpectedQueueConsumptionTime")
_SOLACE_URL = re.compile(r"https?://[-_.A-Za-z0-9]{2,255}(:[0-9]{2,6})?", re.ASCII)


def activemq(values: Values, _: Trigger) -> str | None:
    if not values["restAPITemplate"]:
        named = {"management endpoint": "managementEndpoint", "destination name": "destinationName"}
        named["broker name"] = "brokerName"
        return next((f"no {words} given" for words, name in named.items() if not values[name]), None)
    try:
        path = go_values.url_parts(values["restAPITemplate"], request=True)[2]
        query = go_values.query(path.split(":")[1].split("/")[0].replace(",", "&"))
    except ValueError:
        return "unable to parse ActiveMQ restAPITemplate"
    except IndexError:
        return "restAPITemplate without `:` panics inside the parser"
    for name, message in (
        ("destinationName", "no destinationName is given"),
        ("brokerName", "no brokerName given"),
    ):
        if name not in query:
            return f"restAPITemplate without {name} panics inside the parser"
        if not query[name][0]:
            return message
    return None


def artemis(values: Values, _: Trigger) -> str | None:
    if values["restApiTemplate"]:
        if refusal := _artemis_template(values["restApiTemplate"]):
            return refusal
    else:
        named = {"managementEndpoint": "management endpoint", "queueName": "queue name"}
        named |= {"brokerName": "broker name", "brokerAddress": "broker address"}
        for name, words in named.items():
            if not values[name]:
                return f"no {words} given"
    return pair(values, "cert", "key", "both cert and key must be provided")


def _artemis_template(template: str) -> str | None:
    try:
        path = go_values.url_parts(template, request=True)[2]
        # Go keeps the raw path only where its own escaping would differ: for quotes, that is.
        raw = path if '"' in path or "%" in path else ""
        query = go_values.query(raw.split(":")[1].split("/")[0].replace(",", "&").replace('""', ""))
    except ValueError:
        return "can't parse restApiTemplate"
    except IndexError:
        return "restApiTemplate without quoted names panics inside the parser"
    for name in ("address", "queue", "broker"):
        if name not in query:
            return f"restApiTemplate without {name} panics inside the parser"
        if not query[name][0]:
            return f"can't parse restApiTemplate : no {name} given"
    return None


def apache_kafka(values: Values, _: Trigger) -> str | None:
    if values["lagThreshold"] <= 0:
        return "lagThreshold must be a positive number"
    if values["activationLagThreshold"] < 0:
        return "activationLagThreshold must be a positive number"
    if values["allowIdleConsumers"] and values["limitToPartitionsWithLag"]:
        return "allowIdleConsumers and limitToPartitionsWithLag cannot be set simultaneously"
    if not values["topic"] and values["limitToPartitionsWithLag"]:
        return "topic must be specified when using limitToPartitionsWithLag"
    tls = values["tls"] == "enable"
    if tls and bool(values["cert"]) != bool(values["key"]):
        return "can't set only one of cert or key when using TLS"
    if values["sasl"] == "plaintext" and not (values["username"] and values["password"]):
        return "username and password must be set when using SASL/PLAINTEXT"
    if values["sasl"] == "aws_msk_iam":
        if not values["awsRegion"]:
            return "awsRegion must be set when using AWS MSK IAM"
        if not tls:
            return "TLS must be enabled when using AWS MSK IAM"
    return None


def apache_kafka_sources(values: Values, trigger: Trigger) -> str | None:
    for name in ("sasl", "tls"):
        if trigger.metadata.get(name) and trigger.auth.get(name):
            return f"unable to set `{name}` in both ScaledObject and TriggerAuthentication together"
    if values["sasl"] == "aws_msk_iam":
        return aws(values, trigger)
    # The enum lets these two by, the client does not know the first.
    return 'err sasl type "gssapi" given' if values["sasl"] == "gssapi" else None


def ibmmq(values: Values, _: Trigger) -> str | None:
    try:
        go_values.url_parts(values["host"], request=True)
    except ValueError as error:
        return f"invalid URL: {error}"
    return pair(values, "cert", "key", "both cert and key must be provided when using TLS")


def nats_jetstream(values: Values, _: Trigger) -> str | None:
    return None if values["account"] or values["accountID"] else "no account name or id given"


def nsq(values: Values, _: Trigger) -> str | None:
    if not values["nsqLookupdHTTPAddresses"]:
        return "no nsqLookupdHTTPAddresses given"
    if values["depthThreshold"] <= 0:
        return "depthThreshold must be a positive integer"
    if values["activationDepthThreshold"] < 0:
        return "activationDepthThreshold must be greater than or equal to 0"
    return None


def rabbitmq(values: Values, _: Trigger) -> str | None:
    protocol = values["protocol"]
    if protocol not in ("amqp", "http", "auto"):
        return f"the protocol has to be either `amqp`, `http`, or `auto` but is `{protocol}`"
    if values["tls"] not in ("enable", "disable"):
        return f"incorrect value for TLS given: {values['tls']}"
    if bool(values["cert"]) != bool(values["key"]):
        return "both key and certificate must be provided"
    if values["pageSize"] < 1:
        return "pageSize should be 1 or greater"
    if bool(values["username"]) != bool(values["password"]):
        return "username and password must be given together"
    if protocol == "auto":
        try:
            scheme = go_values.url_parts(values["host"])[0]
        except ValueError as error:
            return f"can't parse host to find protocol: {error}"
        protocol = {"amqp": "amqp", "amqps": "amqp", "http": "http", "https": "http"}.get(scheme, "")
        if not protocol:
            return f"unknown host URL scheme: `{scheme}`"
    if protocol == "amqp":
        if values["workloadIdentityResource"]:
            return "workload identity is not supported for the AMQP protocol at the moment"
        for name in ("useRegex", "excludeUnacknowledged"):
            if values[name]:
                return f"configure {name}=true only with HTTP protocol"
    return _rabbitmq_mode(values, protocol)


def _rabbitmq_mode(values: Values, protocol: str) -> str | None:
    length, mode, value = values["queueLength"], values["mode"], values["value"]
    if length:
        return "queueLength is deprecated; use mode and value" if mode != "Unknown" or value else None
    if mode == "Unknown":
        return "mode must be specified" if value else None
    if not value:
        return "value must be specified"
    if mode not in ("QueueLength", *_HTTP_MODES):
        return f"trigger mode {mode} must be one of QueueLength, {', '.join(_HTTP_MODES)}"
    if mode in _HTTP_MODES and protocol != "http":
        return f"protocol {protocol} not supported; must be HTTP to use trigger mode {mode}"
    if protocol == "amqp" and values["timeout"]:
        return f"AMQP protocol doesn't support custom timeouts: {values['timeout']}"
    return None


def solace_direct_messaging(values: Values, _: Trigger) -> str | None:
    for index, part in enumerate(values["solaceSempBaseURL"].split(",")):
        url = go_values.trim(part)
        if not _SOLACE_URL.search(url):
            word = "invalid" if url else "empty"
            return f"{word} host url value found in the scaler configuration. Url[{index}]: '{url}'"
    if "*" in values["clientNamePattern"]:
        return (
            f"client-name-pattern should not contain '*'. ClientNamePattern: '{values['clientNamePattern']}'"
        )
    if not 1 <= values["queuedMessagesFactor"] <= 100:
        factor = values["queuedMessagesFactor"]
        return f"queued messages factor should be >0 and <=100. QueuedMessagesFactor: '{factor}'"
    kinds = ("TxByteRate", "AverageTxByteRate", "TxMsgRate", "AverageTxMsgRate")
    if all(values[f"aggregatedClient{kind}Target"] < 1 for kind in kinds):
        return "no target value found in the scaler configuration"
    return None


def solace_event_queue(values: Values, _: Trigger) -> str | None:
    targets = ("messageCountTarget", "messageSpoolUsageTarget", "messageReceiveRateTarget")
    if all(values[target] < 1 for target in targets):
        return "no target value found in the scaler configuration"
    return None


def sqs(values: Values, trigger: Trigger) -> str | None:
    try:
        path = go_values.url_parts(values["queueURL"], request=True)[2]
    except ValueError:
        return aws(values, trigger)  # No URL: the queue's name.
    parts = path.split("/")
    if len(parts) != 3 or not parts[2]:
        return "cannot get queueName from queueURL"
    return aws(values, trigger)


def temporal(values: Values, _: Trigger) -> str | None:
    for name in ("targetQueueSize", "activationTargetQueueSize"):
        if values[name] < 0:
            return f"{name} must be a positive number"
    if bool(values["cert"]) != bool(values["key"]):
        return "both cert and key must be provided when using TLS"
    return "minConnectTimeout must be a positive number" if values["minConnectTimeout"] < 0 else None


def openstack_swift(values: Values, _: Trigger) -> str | None:
    needs = {"userID": ("password", "projectID"), "appCredentialID": ("appCredentialSecret",)}
    for identity, needed in needs.items():
        if values[identity]:
            return first_missing(values, *needed, message="{} must be specified when using " + identity)
    return "either userID or appCredentialID must be specified"


VALIDATE: dict[str, Rule] = {
    "activemq": activemq,
    "apache-kafka": apache_kafka,
    "artemis-queue": artemis,
    "ibmmq": ibmmq,
    "nsq": nsq,
    "openstack-swift": openstack_swift,
    "rabbitmq": rabbitmq,
    "solace-direct-messaging": solace_direct_messaging,
    "solace-event-queue": solace_event_queue,
    "temporal": temporal,
}
AFTER: dict[str, Rule] = {
    "apache-kafka": apache_kafka_sources,
    "aws-kinesis-stream": aws,
    "aws-sqs-queue": sqs,
    "nats-jetstream": nats_jetstream,
}

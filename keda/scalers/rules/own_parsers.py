"""The scalers with a parser of their own: kafka, azure-app-insights, azure-data-explorer, external-mock.

Unlike the typed parser they stop at the first fault, trim little, and take a key with an empty value for one
that is given.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from keda.scalers.parser import Trigger
from keda.scalers.rules import clients
from keda.scalers.rules.common import AZURE_SDK_CLOUDS, aws, azure_environment
from keda.syntax import go as go_values

_UNREADABLE = (
    "error parsing metadata. Details: {} was not found in metadata. Check your ScaledObject configuration"
)
_SASL_USER = ("plaintext", "scram_sha256", "scram_sha512")


class Refused(ValueError):
    """KEDA's refusal, in its words."""


def refusal(trigger: Trigger) -> str | None:
    """What the scaler's own parser says of `trigger`."""
    try:
        _PARSERS[trigger.type](trigger)
    except Refused as refused:
        return str(refused)
    return None


def _convert(name: str, text: str, conversion: Callable[[str], Any]) -> Any:
    try:
        return conversion(text)
    except ValueError as error:
        raise Refused(f"error parsing {name}: {error}") from error


def _from_environment(trigger: Trigger, name: str) -> str | None:
    """kafka: the variable of `<name>FromEnv` wins, even when it is not there."""
    if variable := trigger.metadata.get(f"{name}FromEnv"):
        return trigger.env.get(variable, "")
    return trigger.metadata.get(name) or None


def _kafka(trigger: Trigger) -> None:
    metadata = trigger.metadata
    if _from_environment(trigger, "bootstrapServers") is None:
        raise Refused("no bootstrapServers given")
    if _from_environment(trigger, "consumerGroup") is None:
        raise Refused("no consumer group given")
    topic = _from_environment(trigger, "topic")
    limitation = metadata.get("partitionLimitation", "")
    if go_values.trim(limitation) and topic:
        _partitions(limitation)
    if metadata.get("offsetResetPolicy", "") not in ("", "earliest", "latest"):
        raise Refused(f'err offsetResetPolicy policy "{metadata["offsetResetPolicy"]}" given')
    for name, lowest in (("lagThreshold", 1), ("activationLagThreshold", 0)):
        if name in metadata and _convert(f'"{name}"', metadata[name], go_values.integer) < lowest:
            raise Refused(f'"{name}" must be positive number')
    _kafka_tls(trigger)
    _kafka_sasl(trigger)
    flags = {
        name: _convert(name, metadata[name], go_values.boolean) if name in metadata else False
        for name in (
            "allowIdleConsumers",
            "excludePersistentLag",
            "scaleToZeroOnInvalidOffset",
            "limitToPartitionsWithLag",
            "ensureEvenDistributionOfPartitions",
        )
    }
    limited, even = flags["limitToPartitionsWithLag"], flags["ensureEvenDistributionOfPartitions"]
    if flags["allowIdleConsumers"] and limited:
        raise Refused("allowIdleConsumers and limitToPartitionsWithLag cannot be set simultaneously")
    for name in ("limitToPartitionsWithLag", "ensureEvenDistributionOfPartitions"):
        if flags[name] and not topic:
            raise Refused(f"topic must be specified when using {name}")
    if limited and even:
        raise Refused(
            "limitToPartitionsWithLag and ensureEvenDistributionOfPartitions cannot be set simultaneously"
        )
    version = go_values.trim(metadata.get("version", "1.0.0"))
    # sarama.ParseKafkaVersion: 0.x.y.z, or x.y.z from 1.0.0 on.
    if not re.fullmatch(r"0(\.[0-9]{1,9}){3}|[1-9][0-9]{0,8}(\.[0-9]{1,9}){2}", version, re.ASCII):
        raise Refused(f"error parsing kafka version: invalid version `{version}`")


def _partitions(limitation: str) -> None:
    for term in limitation.split(","):
        ends = term.split("-")
        if len(ends) > 2:
            raise Refused(f"error parsing in partitionLimitation '{limitation}': error in term: {term}")
        for end in ends:
            _convert(f"in partitionLimitation '{limitation}'", end, _int32)


def _int32(text: str) -> int:
    return go_values.integer(text, go_values.INT32)


def _kafka_tls(trigger: Trigger) -> None:
    enabled = False
    for given, trimmed in ((trigger.metadata, False), (trigger.auth, True)):
        if "tls" not in given:
            continue
        if enabled:
            raise Refused("unable to set `tls` in both ScaledObject and TriggerAuthentication together")
        value = go_values.trim(given["tls"]) if trimmed else given["tls"]
        if value not in ("enable", "disable"):
            raise Refused(f"error incorrect TLS value given, got {value}")
        enabled = value == "enable"
    if not enabled:
        return
    if bool(trigger.auth.get("cert")) != bool(trigger.auth.get("key")):
        raise Refused("cert and key must be provided together")
    if "unsafeSsl" in trigger.metadata:
        _convert("unsafeSsl", trigger.metadata["unsafeSsl"], go_values.boolean)
    if trigger.auth.get("cert") and (refused := clients.pem(trigger.auth["cert"], trigger.auth["key"])):
        raise Refused(refused)


def _tls_enabled(trigger: Trigger) -> bool:
    return go_values.trim(trigger.auth.get("tls", trigger.metadata.get("tls", ""))) == "enable"


def _once(trigger: Trigger, name: str) -> str:
    """A parameter that KEDA refuses in both places."""
    if trigger.metadata.get(name) and name in trigger.auth:
        raise Refused(f"unable to set `{name}` in both ScaledObject and TriggerAuthentication together")
    return go_values.trim(trigger.auth.get(name, trigger.metadata.get(name, "")))


def _kafka_sasl(trigger: Trigger) -> None:
    mode = _once(trigger, "sasl")
    if mode in ("", "none"):
        return
    if mode == "oauthbearer":
        provider = _once(trigger, "saslTokenProvider") or "bearer"
        if provider == "aws_msk_iam":
            _msk(trigger)
        elif provider == "bearer":
            _require(trigger, "username", "password", "oauthTokenEndpointUri")
            extensions = trigger.auth.get("oauthExtensions", "")
            if extensions and any(part.count("=") != 1 for part in extensions.split(",")):
                raise Refused("invalid OAuthBearer extension, must be of format key=value")
        else:
            raise Refused(f"err SASL OAuth token provider {provider} given")
    elif mode == "gssapi":
        _require(trigger, "username")
        if bool(trigger.auth.get("password")) == bool(trigger.auth.get("keytab")):
            raise Refused("exactly one of 'password' or 'keytab' must be provided for GSSAPI authentication")
        if trigger.auth.get("password") and not go_values.trim(trigger.auth["password"]):
            raise Refused("Net.SASL.GSSAPI.Password must not be empty when GSS-API mechanism is used")
        _require(trigger, "realm", "kerberosConfig")
        if "kerberosDisableFAST" in trigger.auth:
            _convert("kerberosDisableFAST", trigger.auth["kerberosDisableFAST"], go_values.boolean)
    elif mode in _SASL_USER:
        _require(trigger, "username", "password")
    else:
        raise Refused(f"err SASL mode {mode} given")


def _msk(trigger: Trigger) -> None:
    if not _tls_enabled(trigger):
        raise Refused("TLS is required for AWS MSK authentication")
    if not trigger.metadata.get("awsRegion"):
        raise Refused("no awsRegion given")
    if missing := aws({}, trigger):
        raise Refused(f"error getting AWS authorization: {missing}")


def _require(trigger: Trigger, *names: str) -> None:
    for name in names:
        if not trigger.auth.get(name):
            raise Refused(f"no {name} given")


def _azure_parameter(trigger: Trigger, name: str, *, auth: bool = False) -> str:
    """azure_log_analytics_scaler.go getParameterFromConfig: a named variable counts even when absent."""
    if auth and trigger.auth.get(name):
        return trigger.auth[name]
    if trigger.metadata.get(name):
        return trigger.metadata[name]
    if variable := trigger.metadata.get(f"{name}FromEnv"):
        return trigger.env.get(variable, "")
    raise Refused(_UNREADABLE.format(name))


def _app_insights(trigger: Trigger) -> None:
    metadata = trigger.metadata
    for name in ("targetValue", "activationTargetValue"):
        try:
            text = _azure_parameter(trigger, name)
        except Refused:
            if name == "activationTargetValue":
                continue
            # A formula excuses the target, then the empty text fails to parse: KEDA asks for it all the same.
            raise
        _convert(f"azure app insights metadata {name}", text, go_values.real)
    _azure_parameter(trigger, "metricId")
    if _azure_parameter(trigger, "metricAggregationTimespan").count(":") != 1:
        raise Refused("metricAggregationTimespan not in the correct format. Should be hh:mm")
    _azure_parameter(trigger, "metricAggregationType")
    if "cloud" in metadata:
        cloud = metadata["cloud"]
        if cloud.lower() == "private":
            if not metadata.get("appInsightsResourceURL"):
                raise Refused("appInsightsResourceURL must be provided for Private cloud type")
        elif cloud.upper() not in AZURE_SDK_CLOUDS:
            raise Refused(f"there is no cloud environment matching the name {cloud}")
    if refused := azure_environment(trigger, "activeDirectoryEndpoint"):
        raise Refused(refused)
    if metadata.get("ignoreNullValues"):
        _convert("ignoreNullValues", metadata["ignoreNullValues"], go_values.boolean)
    _azure_parameter(trigger, "applicationInsightsId", auth=True)
    _azure_parameter(trigger, "tenantId", auth=True)
    if trigger.no_identity:
        if not _azure_parameter(trigger, "activeDirectoryClientId", auth=True):
            raise Refused("no activeDirectoryClientId given")
        if refused := clients.tenant({"tenantId": _azure_parameter(trigger, "tenantId", auth=True)}, trigger):
            raise Refused(f"error getting auth config: {refused}")
        variable = metadata.get("activeDirectoryClientPasswordFromEnv", "")
        if not (trigger.auth.get("activeDirectoryClientPassword") or trigger.env.get(variable)):
            raise Refused("no activeDirectoryClientPassword given")
    elif trigger.pod_identity != "azure-workload":
        raise Refused(f"azure Monitor doesn't support pod identity {trigger.pod_identity}")


def _data_explorer(trigger: Trigger) -> None:
    if trigger.no_identity:
        for name in ("tenantId", "clientId"):
            if not go_values.trim(_azure_parameter(trigger, name, auth=True)):
                raise Refused(f"the operator panics: {name} is blank")
        # The variable's name itself is taken for the secret: KEDA does not look it up.
        secret = trigger.auth.get("clientSecret") or trigger.metadata.get("clientSecretFromEnv")
        if not secret:
            raise Refused(_UNREADABLE.format("clientSecret"))
        if not go_values.trim(secret):
            raise Refused("the operator panics: clientSecret is blank")
    elif trigger.pod_identity != "azure-workload":
        raise Refused("error parsing auth params")
    for name in ("databaseName", "endpoint", "query"):
        _azure_parameter(trigger, name)
    for name in ("threshold", "activationThreshold"):
        if name in trigger.metadata:
            _convert(f"metadata. Details: can't parse {name}", trigger.metadata[name], go_values.real)
    if refused := azure_environment(trigger, "activeDirectoryEndpoint"):
        raise Refused(refused)
    endpoint = go_values.trim(_azure_parameter(trigger, "endpoint"))
    if not endpoint:
        raise Refused("the operator panics: endpoint is blank")
    try:
        scheme = go_values.url_parts(endpoint)[0]
    except ValueError as error:
        raise Refused(f"could not parse the endpoint({endpoint}): {error}") from error
    if scheme != "https":
        raise Refused(
            "cannot use token provider with http endpoint, as it would send the token in clear text"
        )


_PARSERS: dict[str, Callable[[Trigger], None]] = {
    "kafka": _kafka,
    "azure-app-insights": _app_insights,
    "azure-data-explorer": _data_explorer,
    "external-mock": lambda _: None,
}

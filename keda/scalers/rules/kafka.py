"""Rules of kafka, which reads its metadata by hand, and apache-kafka; liiklus has none."""

from __future__ import annotations

import re

from keda.scalers.facts import ResolvedTrigger
from keda.scalers.parser import Values, converted
from keda.scalers.refusals import (
    Refusal,
    RefusalError,
    bad_value,
    conflict,
    credentials,
    first_missing,
    missing,
)
from keda.scalers.rules import after, client, own_parser, validate
from keda.scalers.rules.common import aws_credentials, enabled_key_pair, pem
from keda.syntax import go as go_values

_SASL_MODES = ("none", "plaintext", "scram_sha256", "scram_sha512", "oauthbearer", "gssapi")
_SASL_USER = ("plaintext", "scram_sha256", "scram_sha512")
_TWICE = "unable to set `{}` in both ScaledObject and TriggerAuthentication together"

client("apache-kafka")(enabled_key_pair)


@validate("apache-kafka")
def apache_kafka(values: Values, _: ResolvedTrigger) -> Refusal | None:
    """apache_kafka_scaler.go: thresholds, flags that exclude one another, TLS and SASL."""
    if values["lagThreshold"] <= 0:
        return bad_value("lagThreshold must be a positive number", "lagThreshold")
    if values["activationLagThreshold"] < 0:
        return bad_value("activationLagThreshold must be a positive number", "activationLagThreshold")
    limited = values["limitToPartitionsWithLag"]
    if values["allowIdleConsumers"] and limited:
        return _at_once("allowIdleConsumers", "limitToPartitionsWithLag")
    if not values["topic"] and limited:
        return missing("topic must be specified when using limitToPartitionsWithLag", "topic")
    tls = values["tls"] == "enable"
    if tls and bool(values["cert"]) != bool(values["key"]):
        words = "can't set only one of cert or key when using TLS"
        return missing(words, "key" if values["cert"] else "cert")
    if values["sasl"] == "plaintext":
        words = "username and password must be set when using SASL/PLAINTEXT"
        return first_missing(values, "username", "password", words=words)
    if values["sasl"] == "aws_msk_iam":
        if not values["awsRegion"]:
            return missing("awsRegion must be set when using AWS MSK IAM", "awsRegion")
        if not tls:
            return missing("TLS must be enabled when using AWS MSK IAM", "tls")
    return None


def _at_once(one: str, other: str) -> Refusal:
    return conflict(f"{one} and {other} cannot be set simultaneously", one, other)


@after("apache-kafka")
def apache_kafka_sources(values: Values, trigger: ResolvedTrigger) -> Refusal | None:
    """SASL and TLS are set in one place only; aws_msk_iam needs AWS credentials."""
    for name in ("sasl", "tls"):
        if trigger.metadata.get(name) and trigger.auth.get(name):
            return conflict(_TWICE.format(name), name)
    if values["sasl"] == "aws_msk_iam":
        return aws_credentials(values, trigger)
    # The enum lets these two by, the client has no such first one.
    return bad_value('err sasl type "gssapi" given', "sasl") if values["sasl"] == "gssapi" else None


@own_parser("kafka")
def kafka(trigger: ResolvedTrigger) -> None:
    """kafka_scaler.go, parseKafkaMetadata: in its order."""
    metadata = trigger.metadata
    for name, label in (("bootstrapServers", "bootstrapServers"), ("consumerGroup", "consumer group")):
        if _from_environment(trigger, name) is None:
            raise RefusalError(missing(f"no {label} given", name))
    topic = _from_environment(trigger, "topic")
    limitation = metadata.get("partitionLimitation", "")
    if go_values.trim(limitation) and topic:
        _partitions(limitation)
    policy = metadata.get("offsetResetPolicy", "")
    if policy not in ("", "earliest", "latest"):
        words = f'err offsetResetPolicy policy "{policy}" given'
        raise RefusalError(bad_value(words, "offsetResetPolicy", allowed=("earliest", "latest")))
    for name, lowest in (("lagThreshold", 1), ("activationLagThreshold", 0)):
        if name in metadata and converted(f'"{name}"', name, metadata[name], go_values.integer) < lowest:
            raise RefusalError(bad_value(f'"{name}" must be positive number', name))
    _tls(trigger)
    _sasl(trigger)
    _flags(trigger, topic)
    version = go_values.trim(metadata.get("version", "1.0.0"))
    # sarama.ParseKafkaVersion: 0.x.y.z, or x.y.z from 1.0.0 on.
    if not re.fullmatch(r"0(\.[0-9]{1,9}){3}|[1-9][0-9]{0,8}(\.[0-9]{1,9}){2}", version, re.ASCII):
        words = f"error parsing kafka version: invalid version `{version}`"
        raise RefusalError(bad_value(words, "version"))


def _from_environment(trigger: ResolvedTrigger, name: str) -> str | None:
    """The variable of `<name>FromEnv` wins, even when it is not there."""
    if variable := trigger.metadata.get(f"{name}FromEnv"):
        return trigger.env.get(variable, "")
    return trigger.metadata.get(name) or None


def _partitions(limitation: str) -> None:
    name = "partitionLimitation"
    label = f"in {name} '{limitation}'"
    for term in limitation.split(","):
        ends = term.split("-")
        if len(ends) > 2:
            raise RefusalError(bad_value(f"error parsing {label}: error in term: {term}", name))
        for end in ends:
            converted(label, name, end, lambda text: go_values.integer(text, go_values.INT32))


def _flags(trigger: ResolvedTrigger, topic: str | None) -> None:
    idle, limited, even = (
        "allowIdleConsumers",
        "limitToPartitionsWithLag",
        "ensureEvenDistributionOfPartitions",
    )
    flags = {
        name: converted(name, name, trigger.metadata[name], go_values.boolean)
        for name in (idle, "excludePersistentLag", "scaleToZeroOnInvalidOffset", limited, even)
        if name in trigger.metadata
    }
    if flags.get(idle) and flags.get(limited):
        raise RefusalError(_at_once(idle, limited))
    for name in (limited, even):
        if flags.get(name) and not topic:
            raise RefusalError(missing(f"topic must be specified when using {name}", "topic"))
    if flags.get(limited) and flags.get(even):
        raise RefusalError(_at_once(limited, even))


def _tls(trigger: ResolvedTrigger) -> None:
    enabled = False
    for source, trimmed in ((trigger.metadata, False), (trigger.auth, True)):
        if "tls" not in source:
            continue
        if enabled:
            raise RefusalError(conflict(_TWICE.format("tls"), "tls"))
        value = go_values.trim(source["tls"]) if trimmed else source["tls"]
        if value not in ("enable", "disable"):
            words = f"error incorrect TLS value given, got {value}"
            raise RefusalError(bad_value(words, "tls", allowed=("enable", "disable")))
        enabled = value == "enable"
    if not enabled:
        return
    certificate, key = trigger.auth.get("cert"), trigger.auth.get("key")
    if bool(certificate) != bool(key):
        words = "cert and key must be provided together"
        raise RefusalError(missing(words, "key" if certificate else "cert"))
    if "unsafeSsl" in trigger.metadata:
        converted("unsafeSsl", "unsafeSsl", trigger.metadata["unsafeSsl"], go_values.boolean)
    if certificate and key and (refusal := pem(certificate, key)):
        raise RefusalError(refusal)


def _once(trigger: ResolvedTrigger, name: str) -> str:
    """A parameter that KEDA refuses in both places."""
    if trigger.metadata.get(name) and name in trigger.auth:
        raise RefusalError(conflict(_TWICE.format(name), name))
    return go_values.trim(trigger.auth.get(name, trigger.metadata.get(name, "")))


def _sasl(trigger: ResolvedTrigger) -> None:
    mode = _once(trigger, "sasl")
    if mode in ("", "none"):
        return
    if mode == "oauthbearer":
        _oauth(trigger)
    elif mode == "gssapi":
        _kerberos(trigger)
    elif mode in _SASL_USER:
        _require(trigger, "username", "password")
    else:
        raise RefusalError(bad_value(f"err SASL mode {mode} given", "sasl", allowed=_SASL_MODES))


def _oauth(trigger: ResolvedTrigger) -> None:
    provider = _once(trigger, "saslTokenProvider") or "bearer"
    if provider == "aws_msk_iam":
        _msk(trigger)
    elif provider == "bearer":
        _require(trigger, "username", "password", "oauthTokenEndpointUri")
        extensions = trigger.auth.get("oauthExtensions", "")
        if extensions and any(part.count("=") != 1 for part in extensions.split(",")):
            words = "invalid OAuthBearer extension, must be of format key=value"
            raise RefusalError(bad_value(words, "oauthExtensions"))
    else:
        words, known = f"err SASL OAuth token provider {provider} given", ("bearer", "aws_msk_iam")
        raise RefusalError(bad_value(words, "saslTokenProvider", allowed=known))


def _kerberos(trigger: ResolvedTrigger) -> None:
    auth = trigger.auth
    _require(trigger, "username")
    secrets = [name for name in ("password", "keytab") if auth.get(name)]
    if len(secrets) != 1:
        words = "exactly one of 'password' or 'keytab' must be provided for GSSAPI authentication"
        raise RefusalError(conflict(words, *secrets) if secrets else missing(words, "password", "keytab"))
    if auth.get("password") and not go_values.trim(auth["password"]):
        words = "Net.SASL.GSSAPI.Password must not be empty when GSS-API mechanism is used"
        raise RefusalError(bad_value(words, "password"))
    _require(trigger, "realm", "kerberosConfig")
    if "kerberosDisableFAST" in auth:
        converted(
            "kerberosDisableFAST", "kerberosDisableFAST", auth["kerberosDisableFAST"], go_values.boolean
        )


def _msk(trigger: ResolvedTrigger) -> None:
    if go_values.trim(trigger.auth.get("tls", trigger.metadata.get("tls", ""))) != "enable":
        raise RefusalError(missing("TLS is required for AWS MSK authentication", "tls"))
    if not trigger.metadata.get("awsRegion"):
        raise RefusalError(missing("no awsRegion given", "awsRegion"))
    if refusal := aws_credentials({}, trigger):
        raise RefusalError(credentials(f"error getting AWS authorization: {refusal}", *refusal.parameters))


def _require(trigger: ResolvedTrigger, *names: str) -> None:
    if refusal := first_missing(trigger.auth, *names):
        raise RefusalError(refusal)

"""Rules of ibmmq, nsq, pulsar and rabbitmq; beanstalkd has none."""

from __future__ import annotations

from keda.scalers.facts import ResolvedTrigger
from keda.scalers.parser import Values
from keda.scalers.refusals import Refusal, bad_value, conflict, missing, pair
from keda.scalers.rules import after, client, validate
from keda.scalers.rules.common import enabled_key_pair, key_pair, pem
from keda.syntax import go as go_values

_HTTP_MODES = ("MessageRate", "DeliverGetRate", "PublishedToDeliveredRatio", "ExpectedQueueConsumptionTime")

client("ibmmq")(key_pair)
client("rabbitmq")(enabled_key_pair)


@validate("ibmmq")
def ibmmq(values: Values, _: ResolvedTrigger) -> Refusal | None:
    """ibmmq_scaler.go: an absolute host, and both halves of a client certificate."""
    try:
        go_values.url_parts(values["host"], request=True)
    except ValueError as error:
        return bad_value(f"invalid URL: {error}", "host")
    return pair(values, "cert", "key", "both cert and key must be provided when using TLS")


@validate("nsq")
def nsq(values: Values, _: ResolvedTrigger) -> Refusal | None:
    """nsq_scaler.go: addresses, and thresholds from 1 and from 0 messages."""
    if not values["nsqLookupdHTTPAddresses"]:
        return missing("no nsqLookupdHTTPAddresses given", "nsqLookupdHTTPAddresses")
    if values["depthThreshold"] <= 0:
        return bad_value("depthThreshold must be a positive integer", "depthThreshold")
    if values["activationDepthThreshold"] < 0:
        words = "activationDepthThreshold must be greater than or equal to 0"
        return bad_value(words, "activationDepthThreshold")
    return None


@after("pulsar")
def pulsar(values: Values, trigger: ResolvedTrigger) -> Refusal | None:
    """authentication/authentication_helpers.go: authModes is read raw; an empty one is a fault."""
    auth, modes, refused = trigger.auth, trigger.metadata.get("authModes"), "error parsing authentication"
    if values["tls"] == "enable" and (auth.get("cert") or auth.get("key")):
        modes = "tls" if modes is None else f"{modes},tls"
    needs = {"bearer": ("bearerToken",), "basic": ("username",), "tls": ("cert", "key"), "oauth": ()}
    needs["custom"] = ("customAuthHeader", "customAuthValue")
    enabled: set[str] = set()
    for part in [] if modes is None else modes.split(","):
        mode = go_values.trim(part)
        if mode not in needs:
            words = f"{refused}: incorrect value for authMode is given: {part}"
            return bad_value(words, "authModes", allowed=needs)
        if lacking := next((name for name in needs[mode] if not auth.get(name)), None):
            return missing(f"{refused}: no {lacking} given", lacking)
        if mode in ("bearer", "basic", "oauth"):
            if enabled - {mode}:
                words = f"{refused}: both {mode} and {min(enabled - {mode})} can not be set"
                return conflict(words, "authModes")
            enabled.add(mode)
    if "oauth" in enabled:
        try:
            # The metadata's are read only where the authentication has none.
            go_values.query(auth.get("endpointParams") or values["EndpointParams"])
        except ValueError:
            words = f"{refused}: incorrect value for endpointParams is given"
            return bad_value(words, "endpointParams", "EndpointParams")
    return None


@client("pulsar")
def pulsar_client(values: Values, trigger: ResolvedTrigger) -> Refusal | None:
    """The client certificate, if TLS is on."""
    certificate, key = trigger.auth.get("cert", ""), trigger.auth.get("key", "")
    modes = map(go_values.trim, trigger.metadata.get("authModes", "").split(","))
    used = values["tls"] == "enable" or "tls" in modes
    return pem(certificate, key) if used and certificate and key else None


@validate("rabbitmq")
def rabbitmq(values: Values, _: ResolvedTrigger) -> Refusal | None:
    """rabbitmq_scaler.go: the protocol, from the scheme of host if it is auto, and what it allows."""
    protocol, known = values["protocol"], ("amqp", "http", "auto")
    if protocol not in known:
        words = f"the protocol has to be either `amqp`, `http`, or `auto` but is `{protocol}`"
        return bad_value(words, "protocol", allowed=known)
    if values["tls"] not in ("enable", "disable"):
        words = f"incorrect value for TLS given: {values['tls']}"
        return bad_value(words, "tls", allowed=("enable", "disable"))
    if refusal := pair(values, "cert", "key", "both key and certificate must be provided"):
        return refusal
    if values["pageSize"] < 1:
        return bad_value("pageSize should be 1 or greater", "pageSize")
    if refusal := pair(values, "username", "password", "username and password must be given together"):
        return refusal
    if protocol == "auto":
        try:
            scheme = go_values.url_parts(values["host"])[0]
        except ValueError as error:
            return bad_value(f"can't parse host to find protocol: {error}", "host")
        protocol = {"amqp": "amqp", "amqps": "amqp", "http": "http", "https": "http"}.get(scheme, "")
        if not protocol:
            return bad_value(f"unknown host URL scheme: `{scheme}`", "host")
    return _rabbitmq_protocol(values, protocol) or _rabbitmq_mode(values, protocol)


def _protocol_from(values: Values) -> str:
    return "host" if values["protocol"] == "auto" else "protocol"


def _rabbitmq_protocol(values: Values, protocol: str) -> Refusal | None:
    if protocol != "amqp":
        return None
    if values["workloadIdentityResource"]:
        words = "workload identity is not supported for the AMQP protocol at the moment"
        return conflict(words, "workloadIdentityResource", _protocol_from(values))
    for name in ("useRegex", "excludeUnacknowledged"):
        if values[name]:
            words = f"configure {name}=true only with HTTP protocol"
            return conflict(words, name, _protocol_from(values))
    return None


def _rabbitmq_mode(values: Values, protocol: str) -> Refusal | None:
    length, mode, value = values["queueLength"], values["mode"], values["value"]
    if length:
        words = "queueLength is deprecated; use mode and value"
        other = "mode" if mode != "Unknown" else "value"
        return conflict(words, "queueLength", other) if mode != "Unknown" or value else None
    if mode == "Unknown":
        return missing("mode must be specified", "mode") if value else None
    if not value:
        return missing("value must be specified", "value")
    modes = ("QueueLength", *_HTTP_MODES)
    if mode not in modes:
        words = f"trigger mode {mode} must be one of {', '.join(modes)}"
        return bad_value(words, "mode", allowed=modes)
    if mode in _HTTP_MODES and protocol != "http":
        words = f"protocol {protocol} not supported; must be HTTP to use trigger mode {mode}"
        return conflict(words, "mode", _protocol_from(values))
    if protocol == "amqp" and values["timeout"]:
        words = f"AMQP protocol doesn't support custom timeouts: {values['timeout']}"
        return conflict(words, "timeout", _protocol_from(values))
    return None

"""Rules of redis, redis-cluster and redis-sentinel; redis_streams has those of the streams."""

from __future__ import annotations

from keda.scalers.facts import ResolvedTrigger
from keda.scalers.parser import Values
from keda.scalers.refusals import Refusal, bad_value, conflict, missing
from keda.scalers.rules import client, validate
from keda.scalers.rules.common import enabled_key_pair
from keda.syntax import go as go_values

_TYPES = ("redis", "redis-cluster", "redis-sentinel")

client(*_TYPES)(enabled_key_pair)


@validate(*_TYPES)
def redis(values: Values, _: ResolvedTrigger) -> Refusal | None:
    """redis_scaler.go: addresses, or as many hosts as ports; TLS from one place only."""
    hosts, ports = values["host"], values["port"]
    addresses = list(values["address"])
    if hosts and ports:
        if len(hosts) != len(ports):
            return conflict("not enough hosts or ports", "hosts", "ports")
        addresses += [f"{host}:{port}" for host, port in zip(hosts, ports, strict=True)]
    if not addresses or not addresses[0]:
        return missing("no addresses or hosts given", "addresses", "hosts")
    if values["enableTLS"] and values["tls"]:
        words = "unable to set `tls` in both ScaledObject and TriggerAuthentication together"
        return conflict(words, "enableTLS", "tls")
    if values["enableTLS"]:
        try:
            go_values.boolean(values["enableTLS"])
        except ValueError as error:
            words = f"EnableTLS parsing error {error}"
            return bad_value(words, "enableTLS", allowed=("true", "false"))
    if values["tls"] not in ("", "enable", "disable"):
        words = f"error incorrect TLS value given, got {values['tls']}"
        return bad_value(words, "tls", allowed=("enable", "disable"))
    return None

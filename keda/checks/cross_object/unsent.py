"""Credentials that a trigger is given and never sends, because no mode of authentication turns them on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from keda.checks.registry import SCALING, TRIGGERS, Problem, warning
from keda.checks.scaling import Trigger, triggers_of
from keda.checks.sources import Authentication, authentication
from keda.core.errors import MISSING
from keda.manifests.declared import UNKNOWN
from keda.manifests.objects import Item, Objects
from keda.manifests.reading import At

_MODES: Mapping[str, tuple[str, ...]] = {
    "bearer": ("bearerToken", "token"),
    "basic": ("username", "password"),
    "custom": ("customAuthHeader", "customAuthValue"),
    "oauth": ("oauthTokenURI", "clientID", "clientSecret"),
    "apiKey": ("apiKey",),
    "tls": ("cert", "key"),
}
"""authentication.Config (authentication_types.go): the parameters that each mode sends."""
_SENT: Mapping[str, tuple[str, ...]] = {
    "metrics-api": ("bearer", "basic", "apiKey", "tls"),
    "prometheus": ("bearer", "basic", "custom", "tls"),
    "loki": ("bearer", "basic", "custom", "tls"),
    "arangodb": ("bearer", "basic", "tls"),
    "graphite": ("basic",),
    "pulsar": ("bearer", "basic", "oauth", "tls"),
}
"""The modes that each scaler implements; the parser takes the others too."""
_CERTIFICATES = ("ca", "cert", "key")
_LOGIN = ("username", "password")
_SWITCHES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    **dict.fromkeys(("kafka", "apache-kafka"), {"sasl": _LOGIN, "tls": _CERTIFICATES}),
    **dict.fromkeys(("rabbitmq", "etcd", "cassandra", "mongodb"), {"tls": _CERTIFICATES}),
    **dict.fromkeys(
        [f"redis{shape}{kind}" for shape in ("", "-cluster", "-sentinel") for kind in ("", "-streams")],
        {"tls": _CERTIFICATES},
    ),
}
"""Parameters that are off by default, each with those that nothing is done with until it is on."""
_ON = {"sasl": "plaintext, scram_sha256 or scram_sha512, as the broker has it", "tls": "enable"}
_ALSO_ON = ("enableTLS",)


@warning(
    "credentials-not-sent",
    TRIGGERS,
    summary="Credentials that the scaler is given and never sends",
    why=(
        "These scalers send a credential only in the mode that authModes (graphite: authMode) names "
        "(metrics_api_scaler.go:525, prometheus_scaler.go:222, loki_scaler.go:132, arangodb_scaler.go:108, "
        "graphite_scaler.go:34, pulsar_scaler.go:119). Without it, and in a mode that the parser has and the "
        "scaler does not implement, the request goes out without. Kafka sends username and password only "
        "with sasl (kafka_scaler.go:655). Kafka, RabbitMQ, Redis, MongoDB, etcd and Cassandra use a "
        "certificate only with tls: enable."
    ),
    passes="metadata: {authMode: apiKey} ",
    see="secrets.md",
).among(*SCALING, having=[*_SENT, *_SWITCHES])
def credentials_not_sent(item: Item, objects: Objects) -> Iterator[Problem]:
    for trigger in triggers_of(item, *_SWITCHES):
        yield from _switched_off(trigger, authentication(trigger.get("authenticationRef"), item, objects))
    for trigger in triggers_of(item, *_SENT):
        kind, metadata = trigger.type, trigger.parameters
        given = authentication(trigger.get("authenticationRef"), item, objects)
        key = "authMode" if kind == "graphite" or "authMode" in metadata else "authModes"
        at: At = (*trigger.at, "metadata", key)
        if modes := metadata.get(key):
            yield from _without_effect(kind, modes, at)
        elif (
            given.complete
            and given.pod_identity in ("", "none")
            and not {"authMode", "authModes"} & set(given.parameters)
        ):
            names = {*given.parameters, *({"apiKey"} & set(metadata))}
            mode = next((mode for mode in _SENT[kind] if not names.isdisjoint(_MODES[mode])), None)
            if mode == "tls" and kind == "pulsar" and metadata.get("tls") in ("enable", UNKNOWN):
                continue  # the older way to write the mode (pulsar_scaler.go:122)
            if mode:
                sent = " and ".join(each for each in _MODES[mode] if each in names)
                what = f"not set, so the {kind} scaler never sends the {sent} that it is given."
                yield Problem(at, MISSING, what, f"Write {key}: {mode}.")


def _switched_off(trigger: Trigger, given: Authentication) -> Iterator[Problem]:
    metadata = trigger.parameters
    set_here = {*given.parameters, *metadata}
    for switch, names in _SWITCHES[trigger.type].items():
        unused = " and ".join(each for each in names if each in given.parameters)
        if not unused or not given.complete or not set_here.isdisjoint({switch, *_ALSO_ON}):
            continue
        does_nothing, on = f"the {trigger.type} scaler does nothing with", f"{switch}: {_ON[switch]}"
        if trigger.scaler and "metadata" in trigger.scaler.named[switch].sources:
            what, fix = f"not set, so {does_nothing} the {unused} that it is given.", f"Write {on}."
            yield Problem((*trigger.at, "metadata", switch), MISSING, what, fix)
        else:
            what = f"gives {unused} without {switch}: {does_nothing} {'them' if ' ' in unused else 'it'}."
            fix = f"Give {on} too, as another parameter of the TriggerAuthentication."
            yield Problem((*trigger.at, "authenticationRef"), MISSING, what, fix)


def _without_effect(kind: str, modes: object, at: At) -> Iterator[Problem]:
    for mode in str(modes).split(",") if isinstance(modes, str) else ():
        if mode.strip() in _MODES and mode.strip() not in _SENT[kind]:
            name = mode.strip()
            what, why = (
                f"holds {name}, which KEDA parses and the {kind} scaler does not implement:",
                "nothing is sent.",
            )
            yield Problem(at, modes, what, f"Write one of {', '.join(_SENT[kind])}.", why=why)

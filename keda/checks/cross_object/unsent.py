"""Credentials that a trigger is given and never sends, because no mode of authentication turns them on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from keda.checks.registry import SCALING, TRIGGERS, Problem, warning
from keda.checks.scaling import triggers_of
from keda.checks.sources import authentication
from keda.core.errors import MISSING
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
}
"""The modes that each scaler implements; the parser takes the others too."""


@warning(
    "credentials-not-sent",
    TRIGGERS,
    summary="Credentials that the scaler is given and never sends",
    why=(
        "These scalers send a credential only in the mode that authModes (graphite: authMode) names "
        "(metrics_api_scaler.go:525, prometheus_scaler.go:222, loki_scaler.go:132, arangodb_scaler.go:108, "
        "graphite_scaler.go:34). Without it, and in a mode that the parser has and the scaler does not "
        "implement, the request goes out without."
    ),
    passes="metadata: {authMode: apiKey} ",
    see="secrets.md",
).among(*SCALING, having=_SENT)
def credentials_not_sent(item: Item, objects: Objects) -> Iterator[Problem]:
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
            if mode:
                sent = " and ".join(each for each in _MODES[mode] if each in names)
                what = f"not set, so the {kind} scaler never sends the {sent} that it is given."
                yield Problem(at, MISSING, what, f"Write {key}: {mode}.")


def _without_effect(kind: str, modes: object, at: At) -> Iterator[Problem]:
    for mode in str(modes).split(",") if isinstance(modes, str) else ():
        if mode.strip() in _MODES and mode.strip() not in _SENT[kind]:
            name = mode.strip()
            what, why = (
                f"holds {name}, which KEDA parses and the {kind} scaler does not implement:",
                "nothing is sent.",
            )
            yield Problem(at, modes, what, f"Write one of {', '.join(_SENT[kind])}.", why=why)

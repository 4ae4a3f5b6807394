"""Parameters that a scaler has and reads from elsewhere than the place they are written at."""

from __future__ import annotations

import re
from collections.abc import Iterator

from keda.checks.admission.parameters import names_variable
from keda.checks.registry import SCALING, TRIGGERS, Problem, warning
from keda.checks.scaling import triggers_of
from keda.checks.sources import ADDRESSES, either, ways
from keda.core.errors import MISSING, is_secret_key
from keda.manifests.objects import Item
from keda.manifests.reading import At, text
from keda.scalers.facts import records, scalers

_VARIABLE = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)+", re.ASCII)
"""No host has an underscore."""


def sources(kind: str, name: str) -> tuple[str, ...]:
    """Where a scaler reads a parameter from: metadata, auth, env; empty if it has none of that name."""
    parameter = scalers()[kind].named.get(name)
    return parameter.sources if parameter else ()


@warning(
    "misplaced-parameter",
    TRIGGERS,
    summary="A parameter that the scaler does not read from there",
    why=(
        "KEDA reads each parameter from the places that the scaler's source lists (triggerMetadata, "
        "authParams, resolvedEnv): the connection of azure-servicebus never from metadata "
        "(azure_servicebus_scaler.go:63), the tls of rabbitmq neither (rabbitmq_scaler.go:113). At any other "
        "place it has no effect."
    ),
    passes="authenticationRef: {name: mongodb}   # a TriggerAuthentication that gives parameter tls",
    unless="trigger-parameter",
).on(*SCALING)
def misplaced_parameter(item: Item) -> Iterator[Problem]:
    for trigger in triggers_of(item):
        if trigger.scaler is None or trigger.scaler.open == "*":
            continue
        for key, value in trigger.parameters.items():
            parameter = trigger.scaler.named.get(key)
            at: At = (*trigger.at, "metadata", key)
            if parameter is None or "metadata" not in parameter.sources:
                yield from _misplaced(trigger.type, key, value, at)
            elif key in ADDRESSES and "env" in parameter.sources and _VARIABLE.fullmatch(text(value)):
                what, why = "is the name of a variable, not an address.", "KEDA looks up a host of that name."
                yield Problem(at, value, what, f"Write {key}FromEnv: {value}.", why=why)


def _misplaced(kind: str, key: str, value: object, at: At) -> Iterator[Problem]:
    read, name = sources(kind, key), key.removesuffix("FromEnv")
    if "env" in read and names_variable(key, value):
        what = f"is not read from metadata by the {kind} scaler, and is the name of a variable."
        yield Problem(at, MISSING, what, f"Write {key}FromEnv: {value}.")
    elif read:
        leak = " Everyone who can read the object can read it." if is_secret_key(key) else ""
        what = f"is not read from metadata by the {kind} scaler:"
        yield Problem(at, MISSING, what, _given(kind, key), why=f"here it has no effect.{leak}")
    elif name != key and (read := sources(kind, name)) and "env" not in read:
        why = f"the {kind} scaler takes {name} from no variable. It has no effect."
        yield Problem(at, MISSING, "is not read:", _given(kind, name), why=why)


def _given(kind: str, name: str) -> str:
    """How a parameter is given, as a sentence."""
    read, meant = sources(kind, name), records()[kind].get("meant", {}).get(name, "")
    return either(reversed(ways(name, (*read, "metadata") if meant else read, meant)))

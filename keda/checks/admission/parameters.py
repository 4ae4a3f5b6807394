"""The keys of a trigger's metadata: those that the scaler does not read, and secrets in plain text."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator

from keda.checks import edits
from keda.checks.admission.crd_shapes import shapes
from keda.checks.admission.elsewhere import OTHER_OBJECT
from keda.checks.registry import SCALING, TRIGGERS, Problem, error, warning
from keda.checks.scaling import Parameters, triggers_of
from keda.core.errors import (
    IN_PLAIN_TEXT,
    INTO_A_SECRET,
    MISSING,
    READABLE,
    did_you_mean,
    is_secret_key,
    is_secret_value,
)
from keda.manifests.objects import Item
from keda.scalers.facts import Scaler, records, scalers

_SPEC_KEYS = ("minReplicaCount", "maxReplicaCount", "pollingInterval", "cooldownPeriod", "idleReplicaCount")
_ACTIVATION = "activation"
_TRIGGER_KEYS = ("metricType", "authenticationRef", "useCachedMetrics")


def unread(kind: str, metadata: Parameters) -> Iterator[tuple[str, str]]:
    """The keys that the scaler does not read, each with what is meant, or ""."""
    facts = scalers()[kind]
    if facts.open or kind == "external-mock":
        return
    keys = [key for key in metadata if not facts.reads(key)]
    for key in keys if keys and not other_scaler(kind, metadata) else ():
        meant = _meant(kind, key, metadata)
        yield key, "" if meant in metadata else meant


def _meant(kind: str, key: str, metadata: Parameters) -> str:
    """The parameter that a key stands for: of an older KEDA, misspelt, or the target of another scaler in
    place of this one's own.
    """
    facts, record, name = scalers()[kind], records()[kind], key.removesuffix("FromEnv")
    if former := record.get("meant", {}).get(name):
        return str(former)
    if close := did_you_mean(name, facts.named, cutoff=0.8):
        return close
    target = str(record.get("target", ""))
    activation = [each for each in facts.named if each.startswith(_ACTIVATION)]
    own = facts.named.get(target)
    if own and (own.required or own.default) and key in _targets() and f"{target}FromEnv" not in metadata:
        return target
    after = key.removeprefix(_ACTIVATION)
    of_another = after != key and after[:1].lower() + after[1:] in _targets()
    return activation[0] if of_another and len(activation) == 1 else ""


@functools.cache
def _targets() -> frozenset[str]:
    """The names of the targets of all scalers."""
    return frozenset(each["target"] for each in records().values() if each.get("target"))


def other_scaler(kind: str, metadata: Parameters) -> str:
    """The scaler of the same module that reads all keys, two of which this one does not; "" if none."""
    facts = scalers()[kind]
    if facts.open or sum(not facts.reads(key) for key in metadata) < 2:
        return ""
    fit = [
        each
        for each, record in records().items()
        if record["module"].split("_")[0] == facts.family.split("_")[0]
        and all(scalers()[each].reads(key) for key in metadata)
    ]
    near = [each for each in fit if each.startswith(f"{kind}-") or kind.startswith(f"{each}-")]
    return min(near, key=len) if near else fit[0] if len(fit) == 1 else ""


@error(
    "misspelt-parameter",
    TRIGGERS,
    summary="Misspelled or misplaced parameter",
    why=(
        "KEDA accepts any key in metadata and reads only the ones it has. It silently uses the default "
        "for a misspelled one."
    ),
    passes="""
        metadata:
          lagThreshold: "20"
    """,
).on(*SCALING)
def misspelt_parameter(item: Item) -> Iterator[Problem]:
    for trigger in triggers_of(item):
        if trigger.scaler is None or not trigger.unread:
            continue
        at, kind, metadata = (*trigger.at, "metadata"), trigger.type, trigger.parameters
        if other := other_scaler(kind, metadata):
            keys = ", ".join(trigger.unread)
            what, why = f"has the parameters of {other}:", f"the {kind} scaler does not read {keys}."
            yield Problem((*trigger.at, "type"), kind, what, f"Write type: {other}.", why=why)
        for key, meant in unread(kind, metadata):
            if meant:
                own = trigger.scaler.named.get(meant)
                instead = f', and takes its default {meant}: "{own.default}"' if own and own.default else ""
                name = f"{meant}FromEnv" if key.endswith("FromEnv") else meant
                what, why = "unknown key.", f"The {kind} scaler silently ignores it{instead}."
                edit = edits.key(key, name, trigger.parameters)
                yield Problem((*at, key), MISSING, what, f"Write {name}.", edit=edit, why=why)
            elif key in (*_SPEC_KEYS, *_TRIGGER_KEYS):
                up = (
                    f"Move it to spec.{key}."
                    if key in _SPEC_KEYS
                    else f"Move it up, next to metadata: {key}."
                )
                yield Problem(
                    (*at, key), MISSING, "is not a key of metadata.", up, why="KEDA silently ignores it."
                )


@warning(
    "unknown-parameter",
    TRIGGERS,
    summary="A parameter the scaler does not read",
    why=(
        "It has no effect. Often it is left over from an older KEDA, such as metricName of prometheus "
        "triggers."
    ),
    passes="""
        metadata:   # without metricName
          serverAddress: http://prometheus.monitoring:9090
          query: sum(rate(http_requests_total{job="gateway"}[2m]))
          threshold: "50"
          ignoreNullValues: "false"
    """,
    unless="workload-namespace",
).on(*SCALING)
def unknown_parameter(item: Item) -> Iterator[Problem]:
    for trigger in triggers_of(item):
        at, kind = (*trigger.at, "metadata"), trigger.type
        for key, meant in unread(kind, trigger.parameters) if trigger.unread else ():
            if not meant and key not in (*_SPEC_KEYS, *_TRIGGER_KEYS):
                what, why = "unknown key.", f"The {kind} scaler silently ignores it."
                fix = f"Remove it; `keda explain {kind}` lists what it reads."
                if key in shapes()["TriggerAuthentication"]["properties"]:
                    fix = f"Write it in {OTHER_OBJECT}."
                yield Problem((*at, key), MISSING, what, fix, why=why)


def names_variable(key: str, value: object) -> bool:
    """Whether a connection, or RabbitMQ's host, is given as a variable's name, as KEDA 1 read them."""
    if key != "host" and not key.lower().endswith(("connection", "connectionstring")):
        return False
    name = re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{2,63}", value) if isinstance(value, str) else None
    # No name of a Service has a capital.
    return name is not None and (key != "host" or name[0] != name[0].lower())


@warning(
    "plain-secret",
    TRIGGERS,
    summary="A secret in plain text",
    why=(
        "Everyone who may read the object can read trigger metadata, and it is copied into Git, Pulumi's "
        "state and backups."
    ),
    passes="authenticationRef: {name: rabbitmq}   # a TriggerAuthentication that names the Secret's key",
    see="secrets.md",
    unless="misplaced-parameter",
).on(*SCALING)
def plain_secret(item: Item) -> Iterator[Problem]:
    for trigger in triggers_of(item):
        if trigger.scaler is None:
            continue
        for key, value in trigger.parameters.items():
            if key.endswith("FromEnv") or not isinstance(value, str) or not value:
                continue
            if not names_variable(key, value) and (
                _is_credential(trigger.scaler, key, value) or is_secret_value(value)
            ):
                yield Problem(
                    (*trigger.at, "metadata", key), MISSING, IN_PLAIN_TEXT, INTO_A_SECRET, why=READABLE
                )


_NO_SECRET = re.compile(r"(?i)true|false|\d{1,3}")


def _is_credential(facts: Scaler, key: str, value: str) -> bool:
    """Whether a key names a credential: of the scaler, or of a server that gets whatever it is given."""
    if not is_secret_key(key):
        return False
    return facts.reads(key) or bool(facts.open) and not _NO_SECRET.fullmatch(value)

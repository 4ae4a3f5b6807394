"""The keys of a trigger's metadata: those that the scaler does not read, and secrets in plain text."""

from __future__ import annotations

import difflib
import functools
import re
from collections.abc import Iterator, Mapping

from keda.checks import edits
from keda.checks.admission.crd_shapes import shapes
from keda.checks.admission.elsewhere import OTHER_OBJECT
from keda.checks.registry import SCALING, TRIGGERS, Problem, error, warning
from keda.checks.scaling import SPEC, triggers_of
from keda.core.errors import INTO_A_SECRET, MISSING, PLAIN_TEXT, is_secret_key, is_secret_value
from keda.manifests.declared import UNKNOWN, Unknown
from keda.manifests.objects import Item
from keda.manifests.reading import At, mapping, text
from keda.scalers.facts import records, scalers

Metadata = Mapping[str, str | Unknown]

_SPEC_KEYS = ("minReplicaCount", "maxReplicaCount", "pollingInterval", "cooldownPeriod", "idleReplicaCount")
_ACTIVATION = "activation"
_TRIGGER_KEYS = ("metricType", "authenticationRef", "useCachedMetrics")


def metadata_of(trigger: Mapping[object, object]) -> Metadata:
    """The parameters as text, or UNKNOWN."""
    return {
        key: UNKNOWN if value is UNKNOWN else _as_text(value)
        for key, value in mapping(trigger.get("metadata")).items()
        if isinstance(key, str) and isinstance(value, (str, bool, int, float, Unknown))
    }


def _as_text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _parameters(item: Item) -> Iterator[tuple[At, str, Metadata]]:
    """The place, the scaler and the parameters of each trigger of a known type."""
    for index, trigger in triggers_of(item):
        kind = text(trigger.get("type"))
        if kind in scalers():
            yield (*SPEC, "triggers", index, "metadata"), kind, metadata_of(trigger)


def unread(kind: str, metadata: Metadata) -> Iterator[tuple[str, str]]:
    """The keys that the scaler does not read, each with what is meant, or ""."""
    facts = scalers()[kind]
    if facts.open or kind == "external-mock" or other_scaler(kind, metadata):
        return
    for key in metadata:
        if not facts.reads(key):
            meant = _meant(kind, key, metadata)
            yield key, "" if meant in metadata else meant


def _meant(kind: str, key: str, metadata: Metadata) -> str:
    """The parameter that a key stands for: of an older KEDA, misspelt, or the target of another scaler in
    place of this one's own.
    """
    facts, record, name = scalers()[kind], records()[kind], key.removesuffix("FromEnv")
    if former := record.get("meant", {}).get(name):
        return str(former)
    lowered = {each.lower(): each for each in facts.named}
    if close := difflib.get_close_matches(name.lower(), lowered, n=1, cutoff=0.8):
        return lowered[close[0]]
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


def other_scaler(kind: str, metadata: Metadata) -> str:
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
    for at, kind, metadata in _parameters(item):
        if other := other_scaler(kind, metadata):
            keys = ", ".join(key for key in metadata if not scalers()[kind].reads(key))
            why = f"has the parameters of {other}: the {kind} scaler does not read {keys}."
            yield Problem((*at[:-1], "type"), kind, why, f"Write type: {other}.")
        for key, meant in unread(kind, metadata):
            if meant:
                own = scalers()[kind].named.get(meant)
                instead = f', and takes its default {meant}: "{own.default}"' if own and own.default else ""
                name = f"{meant}FromEnv" if key.endswith("FromEnv") else meant
                why = f"unknown key. The {kind} scaler silently ignores it{instead}."
                edit = edits.key(key, name, metadata)
                yield Problem((*at, key), MISSING, why, f"Write {name}.", edit=edit)
            elif key in (*_SPEC_KEYS, *_TRIGGER_KEYS):
                up = (
                    f"Move it to spec.{key}."
                    if key in _SPEC_KEYS
                    else f"Move it up, next to metadata: {key}."
                )
                yield Problem((*at, key), MISSING, "is not a key of metadata. KEDA silently ignores it.", up)


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
    for at, kind, metadata in _parameters(item):
        for key, meant in unread(kind, metadata):
            if not meant and key not in (*_SPEC_KEYS, *_TRIGGER_KEYS):
                why = f"unknown key. The {kind} scaler silently ignores it."
                fix = f"Remove it; `keda explain {kind}` lists what it reads."
                if key in shapes()["TriggerAuthentication"]["properties"]:
                    fix = f"Write it in {OTHER_OBJECT}."
                yield Problem((*at, key), MISSING, why, fix)


def names_variable(key: str, value: object) -> bool:
    """Whether a connection, or RabbitMQ's host, is given as a variable's name, as KEDA 1 read them."""
    name = re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{2,63}", value) if isinstance(value, str) else None
    if name is None or key != "host":
        return name is not None and key.lower().endswith(("connection", "connectionstring"))
    return name[0] != name[0].lower()  # no name of a Service has a capital


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
    for at, kind, metadata in _parameters(item):
        for key, value in metadata.items():
            if key.endswith("FromEnv") or not isinstance(value, str) or not value:
                continue
            if not names_variable(key, value) and (
                _is_credential(kind, key, value) or is_secret_value(value)
            ):
                yield Problem((*at, key), MISSING, PLAIN_TEXT, INTO_A_SECRET)


_NO_SECRET = re.compile(r"(?i)true|false|\d{1,3}")


def _is_credential(kind: str, key: str, value: str) -> bool:
    """Whether a key names a credential: of the scaler, or of a server that gets whatever it is given."""
    facts = scalers()[kind]
    own = bool(facts.open) and not facts.reads(key) and not _NO_SECRET.fullmatch(value)
    return is_secret_key(key) and (own or facts.reads(key))

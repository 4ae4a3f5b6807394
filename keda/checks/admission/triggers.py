"""What KEDA refuses of each trigger (keda.scalers.unresolved), as findings with a path and a fix."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from keda.checks.cross_object.references import authentication, credentials, environment
from keda.checks.findings import Report, without_secrets
from keda.checks.scaling import modifiers_of, triggers_of
from keda.core.defaults import RESOURCE_SCALERS
from keda.core.errors import MISSING, did_you_mean, is_secret_key, is_secret_value
from keda.manifests.declared import UNKNOWN, Unknown
from keda.manifests.objects import Item, Objects
from keda.manifests.reading import At, mapping, text
from keda.scalers.facts import scalers
from keda.scalers.refusals import Refusal
from keda.scalers.unresolved import ANYTHING, NOTHING, Known, refusals

Metadata = Mapping[str, str | Unknown]

_METRIC_TYPES = ("AverageValue", "Value", "Utilization")
_NOT_READY = "KEDA could not build the scaler: never Ready, nothing scales."
_CRASH = "On an update KEDA's operator crashes on it, and every ScaledObject of the cluster stands still."
_SPEC_KEYS = ("minReplicaCount", "maxReplicaCount", "pollingInterval", "cooldownPeriod", "idleReplicaCount")
_TRIGGER_KEYS = ("metricType", "authenticationRef", "useCachedMetrics")
_CARRY_PASSWORDS = {"rabbitmq": ("host",)}
"""Parameters whose name does not tell that a secret is in them."""
_EXAMPLES = {
    "int64": ("a whole number in digits", "5"),
    "uint32": ("a whole number of 0 or more", "5"),
    "float64": ("a number in digits", "5"),
    "float64?": ("a number in digits", "5"),
    "bool": ("true or false", "true"),
    "duration": ("a duration such as 30s", "30s"),
    "integers": ("whole numbers", "1,2"),
    "map": ("pairs such as k=v,k=v", "k=v"),
    "query": ("a URL query such as a=b&c=d", "a=b"),
}


def check_triggers(item: Item, report: Report) -> None:
    """Every trigger of a ScaledObject or ScaledJob: its type, its parameters, its metric type.

    What hangs on credentials or the target's environment is left to `check_triggers_among`.
    """
    for index, trigger in triggers_of(item):
        kind, at = text(trigger.get("type")), ("spec", "triggers", index)
        if not kind:
            continue
        if kind not in scalers():
            guess = did_you_mean(kind, scalers())
            report.add(
                "unknown-scaler",
                (*at, "type"),
                kind,
                f"is none of KEDA's {len(scalers())} scalers. {_NOT_READY}",
                f"Write {guess}." if guess else "See docs/scalers.md for the list.",
                f"no scaler found for type: {kind}",
            )
            continue
        metadata = _metadata(trigger)
        _unknown_parameters(kind, metadata, at, report)
        _plain_secrets(kind, metadata, at, report)
        fits = _metric_type(item, kind, trigger, at, report)
        if fits and not _asks_others(trigger, metadata) and isinstance(trigger.get("metadata"), Mapping):
            _refusals(item, None, trigger, at, report)


def check_triggers_among(item: Item, objects: Objects, report: Report) -> None:
    """What KEDA refuses of the triggers that read a TriggerAuthentication or the target's environment."""
    for index, trigger in triggers_of(item):
        kind, at = text(trigger.get("type")), ("spec", "triggers", index)
        if kind not in scalers() or not _asks_others(trigger, _metadata(trigger)):
            continue
        if not isinstance(trigger.get("metadata"), Mapping):
            continue
        if _metric_type(item, kind, trigger, at, Report()):
            _refusals(item, objects, trigger, at, report)


def _asks_others(trigger: Mapping[Any, Any], metadata: Metadata) -> bool:
    name = mapping(trigger.get("authenticationRef")).get("name")
    return name is UNKNOWN or bool(text(name)) or any(key.endswith("FromEnv") for key in metadata)


def _metadata(trigger: Mapping[Any, Any]) -> dict[str, str | Unknown]:
    return {
        key: UNKNOWN if value is UNKNOWN else _as_text(value)
        for key, value in mapping(trigger.get("metadata")).items()
        if isinstance(key, str) and isinstance(value, (str, bool, int, float, Unknown))
    }


def _as_text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _metric_type(item: Item, kind: str, trigger: Mapping[Any, Any], at: At, report: Report) -> bool:
    """Whether the metric type is one the scaler's other findings make sense with."""
    given = trigger.get("metricType")
    at = (*at, "metricType")
    if item.kind == "ScaledJob":
        return True
    if given is not None and not isinstance(given, str):
        return True
    if kind in RESOURCE_SCALERS:
        if given not in ("Utilization", "AverageValue"):
            report.add(
                "metric-type",
                at,
                given or MISSING,
                f"{'is not a metric type of' if given else 'missing, and required by'} the {kind} scaler. "
                f"{_NOT_READY}",
                "Write metricType: Utilization (a percentage of the request) or AverageValue (an amount "
                "per pod).",
                f"unknown metric type: {given or ''}, allowed values are 'Utilization' or 'AverageValue'",
            )
            return False
    elif given == "Utilization":
        report.add(
            "metric-type",
            at,
            given,
            f"is only for cpu and memory. {_NOT_READY}",
            "Write AverageValue (target per replica) or Value.",
            "'Utilization' metric type is unsupported for external metrics, allowed values are 'Value' or "
            "'AverageValue'",
        )
        return False
    elif given and given not in _METRIC_TYPES:
        close = difflib.get_close_matches(given, _METRIC_TYPES[:2], n=1) or ["AverageValue"]
        report.add(
            "metric-type",
            at,
            given,
            "is not AverageValue or Value. The API server would refuse the HPA that KEDA makes: "
            "nothing scales.",
            f"Write {close[0]}.",
            f'target.type: Invalid value: "{given}": must be either Utilization, Value, or AverageValue',
        )
    return True


def _refusals(
    item: Item, objects: Objects | None, trigger: Mapping[Any, Any], at: At, report: Report
) -> None:
    kind, metadata = text(trigger.get("type")), _metadata(trigger)
    metric_type: Any = trigger.get("metricType")
    identity: str | Unknown = ""
    given = variables = NOTHING
    if objects is not None:
        given, identity = _authentication(trigger, item, objects)
        variables = Known(*environment(item, objects))
    if metric_type is not UNKNOWN and metric_type not in _METRIC_TYPES:
        metric_type = ""
    formula = modifiers_of(item).get("formula")
    secrets = {
        name: value
        for values in (metadata, given.values, variables.values)
        for name, value in values.items()
        if isinstance(value, str)
    }
    for refusal in refusals(
        kind,
        metadata,
        metric_type=metric_type,
        authentication=given,
        pod_identity=identity,
        environment=variables,
        formula=formula is UNKNOWN or bool(text(formula)),
    ):
        _add(refusal, kind, metadata, secrets, (*at, "metadata"), report)


def _authentication(trigger: Mapping[Any, Any], item: Item, objects: Objects) -> tuple[Known, str | Unknown]:
    """What `authenticationRef` gives, and the pod identity."""
    reference = trigger.get("authenticationRef")
    if UNKNOWN in (reference, mapping(reference).get("name")):
        return ANYTHING, UNKNOWN
    found = authentication(reference, item, objects)
    values = {name: UNKNOWN if value is None else value for name, value in found.parameters.items()}
    return Known(values, found.complete), found.pod_identity if found.complete else UNKNOWN


def _add(
    refusal: Refusal, kind: str, metadata: Metadata, secrets: Mapping[str, str], at: At, report: Report
) -> None:
    keda = without_secrets(f"{refusal.words}: …" if refusal.detail else refusal.words, secrets)
    key = next((name for name in refusal.parameters if name in metadata and _in_metadata(kind, name)), None)
    if refusal.kind in ("missing", "credentials") and not (key and str(metadata[key]).strip()):
        _missing(refusal, kind, metadata, at, keda, report)
        return
    if refusal.kind in ("crash", "unreadable", "value") and key is None:
        key = refusal.parameters[0]
    place = (*at, key) if key else at
    value = metadata.get(key, MISSING) if key else MISSING
    if refusal.kind == "crash":
        report.add("operator-crash", place, value, *_crash(refusal, kind, key or "", value))
        return
    why, fix = _refused(refusal, kind, key or "", value, secrets)
    report.add("trigger-parameter", place, value, f"{why} {_NOT_READY}", fix, keda)


def _in_metadata(kind: str, name: str) -> bool:
    """Whether KEDA reads a parameter from metadata; keys of the user's own it does."""
    parameter = scalers()[kind].named.get(name)
    return parameter is None or "metadata" in parameter.sources


def _crash(refusal: Refusal, kind: str, name: str, value: object) -> tuple[str, str]:
    """Why, and fix, of a value that KEDA's operator panics over."""
    if kind in RESOURCE_SCALERS:
        fix = 'Write an amount such as "500m" for cpu or "1Gi" for memory.'
        return f"is not a quantity. {_CRASH}", fix
    if refusal.allowed:
        why, fix = _one_of(refusal.allowed, value)
        return f"{why} {_CRASH}", fix
    return f"is blank. {_CRASH}", f"Write the {name}, or remove it."


def _refused(
    refusal: Refusal, kind: str, name: str, value: object, secrets: Mapping[str, str]
) -> tuple[str, str]:
    """Why, and fix, of a trigger that KEDA does not build."""
    if kind in RESOURCE_SCALERS and refusal.kind == "value":
        return "is not a whole percentage.", 'Write it without a unit, such as value: "60".'
    if refusal.kind == "unreadable":
        parameter = scalers()[kind].named[name]
        wanted, example = _EXAMPLES.get(parameter.type, ("what KEDA can read", "…"))
        either = ' or "false"' if parameter.type == "bool" else ""
        return f"is not {wanted}.", f'Write {"" if either else "e.g. "}{name}: "{example}"{either}.'
    if refusal.allowed:
        return _one_of(refusal.allowed, value)
    detail = f": {without_secrets(refusal.detail, secrets)}" if refusal.detail else ""
    return f"is refused by the {kind} scaler{detail}.", f"See `keda explain {kind}`."


def _one_of(allowed: tuple[str, ...], value: object) -> tuple[str, str]:
    words = ", ".join(allowed)
    guess = did_you_mean(value, allowed) if isinstance(value, str) else None
    return f"is not one of {words}.", f"Write {guess}." if guess else f"Write one of {words}."


def _missing(refusal: Refusal, kind: str, metadata: Metadata, at: At, keda: str, report: Report) -> None:
    names = list(refusal.parameters)
    misspelt = _close(metadata, names)
    if misspelt in metadata and not scalers()[kind].reads(misspelt):
        return  # reported where it was made
    name, parameter = names[0], scalers()[kind].named[names[0]]
    ways = []
    if writable := [each for each in names if _in_metadata(kind, each)]:
        ways.append(f"write {' or '.join(writable)} in metadata")
    if "env" in parameter.sources:
        ways.append(f"write {name}FromEnv with the name of a variable of the target's container")
    if "auth" in parameter.sources:
        ways.append(f"name in authenticationRef {credentials(name)}")
    secret = is_secret_key(name) or name in _CARRY_PASSWORDS.get(kind, ())
    fix = "; or ".join(reversed(ways) if secret else ways)
    unless = " without a pod identity" if refusal.kind == "credentials" else ""
    report.add(
        "trigger-parameter",
        (*at, name),
        MISSING,
        f"missing, and required by the {kind} scaler{unless}. {_NOT_READY}",
        f"{fix[:1].upper()}{fix[1:]}.",
        keda,
    )


def _close(written: Metadata, names: list[str]) -> str:
    lowered = {key.lower(): key for key in written}
    for name in names:
        if close := difflib.get_close_matches(name.lower(), lowered, n=1, cutoff=0.8):
            return lowered[close[0]]
    return ""


def _unknown_parameters(kind: str, metadata: Metadata, at: At, report: Report) -> None:
    if scalers()[kind].open or kind == "external-mock":
        return
    for key in metadata:
        if scalers()[kind].reads(key):
            continue
        lowered = {name.lower(): name for name in scalers()[kind].named}
        place = (*at, "metadata", key)
        close = difflib.get_close_matches(key.lower().removesuffix("fromenv"), lowered, n=1, cutoff=0.8)
        if close and lowered[close[0]] not in metadata:
            name = lowered[close[0]]
            default = scalers()[kind].named[name].default
            instead = f', and takes its default {name}: "{default}"' if default else ""
            report.add(
                "misspelt-parameter",
                place,
                MISSING,
                f"unknown key. The {kind} scaler silently ignores it{instead}.",
                f"Write {name}{'FromEnv' if key.endswith('FromEnv') else ''}.",
            )
        elif key in _SPEC_KEYS or key in _TRIGGER_KEYS:
            fix = f"Move it to spec.{key}." if key in _SPEC_KEYS else f"Move it up, beside metadata: {key}."
            report.add(
                "misspelt-parameter",
                place,
                MISSING,
                "is not a key of metadata. KEDA silently ignores it.",
                fix,
            )
        else:
            report.add(
                "unknown-parameter",
                place,
                MISSING,
                f"unknown key. The {kind} scaler silently ignores it.",
                f"Remove it; `keda explain {kind}` lists what it reads.",
            )


def _plain_secrets(kind: str, metadata: Metadata, at: At, report: Report) -> None:
    for key, value in metadata.items():
        if key.endswith("FromEnv") or not isinstance(value, str):
            continue
        if (is_secret_key(key) and scalers()[kind].reads(key)) or is_secret_value(value):
            report.add(
                "plain-secret",
                (*at, "metadata", key),
                MISSING,
                "a secret in plain text: everyone who can read the object or its repository can read it.",
                "Put it into a Secret and name that in a TriggerAuthentication.",
            )

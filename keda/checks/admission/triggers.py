"""What KEDA's parser refuses of each trigger (keda.scalers.refusals), as findings with a path and a fix."""

from __future__ import annotations

import difflib
import functools
import re
from collections.abc import Mapping
from typing import Any

from keda.checks.cross_object.references import Authentication, authentication, credentials, environment
from keda.checks.findings import Report, without_secrets
from keda.checks.scaling import modifiers_of, triggers_of
from keda.core.defaults import RESOURCE_SCALERS
from keda.core.errors import MISSING, is_secret_key, is_secret_value
from keda.manifests.objects import Item, Objects
from keda.manifests.reading import At, mapping, text
from keda.scalers.parser import Parameter, Trigger, scalers
from keda.scalers.refusals import refusals

_METRIC_TYPES = ("AverageValue", "Value", "Utilization")
_NOT_READY = "KEDA could not build the scaler: never Ready, nothing scales."
_ABOUT_ONE = re.compile(r'(?:missing required parameter|unable to set param|parameter) "([^"]+)"')
_SPEC_KEYS = ("minReplicaCount", "maxReplicaCount", "pollingInterval", "cooldownPeriod", "idleReplicaCount")
_TRIGGER_KEYS = ("metricType", "authenticationRef", "useCachedMetrics")
_COMMON = ("value", "query", "host", "type", "tls", "key", "url", "topic", "server", "mode", "name")
# After these words of KEDA's comes Go's own parser, whose words are not worth imitating.
_GO_SAYS = re.compile(
    r'(unable to set param "[^"]+" value ".*?"|error parsing (?:(?:start|end) schedule|pod selector)): (.*)'
)
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
            close = difflib.get_close_matches(kind.lower(), scalers(), n=1, cutoff=0.6)
            report.add(
                "unknown-scaler",
                (*at, "type"),
                kind,
                f"is none of KEDA's {len(scalers())} scalers. {_NOT_READY}",
                f"Write {close[0]}." if close else "See docs/scalers.md for the list.",
                f"no scaler found for type: {kind}",
            )
            continue
        metadata = _metadata(trigger)
        _unknown_parameters(kind, metadata, at, report)
        _plain_secrets(kind, metadata, at, report)
        fits = _metric_type(item, kind, trigger, at, report)
        if fits and not _asks_others(trigger, metadata) and isinstance(trigger.get("metadata"), Mapping):
            _verdict(item, None, kind, trigger, metadata, at, report)


def check_triggers_among(item: Item, objects: Objects, report: Report) -> None:
    """KEDA's verdict on the triggers that read a TriggerAuthentication or the target's environment."""
    for index, trigger in triggers_of(item):
        kind, at, metadata = text(trigger.get("type")), ("spec", "triggers", index), _metadata(trigger)
        if kind not in scalers() or not _asks_others(trigger, metadata):
            continue
        if not isinstance(trigger.get("metadata"), Mapping):
            continue
        if _metric_type(item, kind, trigger, at, Report()):
            _verdict(item, objects, kind, trigger, metadata, at, report)


def _asks_others(trigger: Mapping[Any, Any], metadata: Mapping[str, str]) -> bool:
    named = text(mapping(trigger.get("authenticationRef")).get("name"))
    return bool(named) or any(key.endswith("FromEnv") for key in metadata)


def _metadata(trigger: Mapping[Any, Any]) -> dict[str, str]:
    return {
        key: _as_text(value)
        for key, value in mapping(trigger.get("metadata")).items()
        if isinstance(key, str) and isinstance(value, (str, bool, int, float))
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


def _verdict(
    item: Item,
    objects: Objects | None,
    kind: str,
    trigger: Mapping[Any, Any],
    metadata: dict[str, str],
    at: At,
    report: Report,
) -> None:
    auth, env, env_known = Authentication(), dict[str, str](), True
    if objects is not None:
        auth = authentication(trigger.get("authenticationRef"), item, objects)
        env, env_known = environment(item, objects)
    metric_type = text(trigger.get("metricType"))
    unset = (
        [] if env_known else [key for key in metadata if key.endswith("FromEnv") and metadata[key] not in env]
    )

    def with_stand_ins(choice: int) -> Trigger:
        return Trigger(
            kind,
            metadata,
            {
                key: _stand_in(kind, key, choice) if value is None else value
                for key, value in auth.parameters.items()
            },
            env | {metadata[key]: _stand_in(kind, key.removesuffix("FromEnv"), choice) for key in unset},
            auth.pod_identity,
            metric_type if metric_type in _METRIC_TYPES else "",
            bool(text(modifiers_of(item).get("formula"))),
        )

    asked = with_stand_ins(0)
    certain = auth.complete and None not in auth.parameters.values() and not unset
    secrets = metadata | dict(asked.auth) | dict(asked.env)
    refused = refusals(asked)
    # What is refused with either stand-in does not hang on the values that only the cluster knows.
    alone = set() if certain or not refused else set(refusals(with_stand_ins(1)))
    for refusal in _without_consequences(refused):
        match = _ABOUT_ONE.search(refusal)
        names = match[1].split(",") if match else []
        parameter = _parameter(kind, names[0]) if names else None
        if certain or _holds_anyway(refusal, parameter, asked, auth, refusal in alone):
            _add(refusal, parameter, names, asked, (*at, "metadata"), secrets, report)


def _without_consequences(refused: list[str]) -> list[str]:
    """KEDA's cross-field rules run over what could not be parsed too, and say the same again."""
    names = {name for each in refused if (match := _ABOUT_ONE.search(each)) for name in match[1].split(",")}
    return [
        each
        for each in refused
        if _ABOUT_ONE.search(each) or not any(re.search(rf"\b{re.escape(name)}\b", each) for name in names)
    ]


def _holds_anyway(
    refusal: str, parameter: Parameter | None, trigger: Trigger, auth: Authentication, alone: bool
) -> bool:
    """Whether a refusal stands whatever the values are that only the cluster knows."""
    if parameter is None:
        return alone and _blamed(refusal, trigger) is not None
    if "missing required" in refusal:
        return auth.complete or "auth" not in parameter.sources
    return any(name in trigger.metadata for name in parameter.names)


def _blamed(refusal: str, trigger: Trigger) -> str | None:
    """The metadata key that a refusal is about: the longest that it names, and common words only with their
    value."""
    for key in sorted(trigger.metadata, key=len, reverse=True):
        named = re.search(rf"(?<!\w){re.escape(key)}(?!\w)", refusal) is not None
        if named and (key not in _COMMON or trigger.metadata[key] in refusal):
            return key
    return None


def _add(
    refusal: str,
    parameter: Parameter | None,
    names: list[str],
    trigger: Trigger,
    at: At,
    secrets: Mapping[str, str],
    report: Report,
) -> None:
    keda = without_secrets(refusal, secrets)
    detail = ""
    if go := _GO_SAYS.fullmatch(keda):
        keda, detail = f"{go[1]}: …", f": {go[2]}"
    if "the operator panics" in refusal:
        report.add(
            "operator-crash",
            (*at, "value"),
            trigger.metadata.get("value"),
            "is not a quantity. On an update KEDA's operator crashes on it, and every ScaledObject "
            "of the cluster "
            "stands still.",
            'Write an amount such as "500m" for cpu or "1Gi" for memory.',
        )
    elif trigger.type in RESOURCE_SCALERS and "ParseInt" in refusal:
        report.add(
            "trigger-parameter",
            (*at, "value"),
            trigger.metadata.get("value"),
            f"is not a whole percentage. {_NOT_READY}",
            'Write it without a unit, such as value: "60".',
            keda,
        )
    elif parameter is None and (absent := _absent(refusal, trigger)):
        _missing(_parameters(trigger.type)[absent[0]], absent, trigger, at, keda, report)
    elif parameter is None:
        key = _blamed(refusal, trigger)
        report.add(
            "trigger-parameter",
            (*at, key) if key else at,
            trigger.metadata[key] if key else MISSING,
            f"is refused by the {trigger.type} scaler{detail}. {_NOT_READY}",
            f"See `keda explain {trigger.type}`.",
            keda,
        )
    elif "missing required" in refusal:
        _missing(parameter, names, trigger, at, keda, report)
    else:
        name = next((name for name in parameter.names if name in trigger.metadata), parameter.name)
        value = trigger.metadata.get(name, MISSING)
        if parameter.enum:
            close = difflib.get_close_matches(str(value), parameter.enum, n=1)
            why = f"is not one of {', '.join(parameter.enum)}. {_NOT_READY}"
            fix = f"Write {close[0]}." if close else f"Write one of {', '.join(parameter.enum)}."
        else:
            wanted, example = _EXAMPLES.get(parameter.type, ("what KEDA can read", "…"))
            why = f"is not {wanted}. {_NOT_READY}"
            either = ' or "false"' if parameter.type == "bool" else ""
            fix = f'Write {"" if either else "e.g. "}{name}: "{example}"{either}.'
        report.add("trigger-parameter", (*at, name), value, why, fix, keda)


def _missing(
    parameter: Parameter, names: list[str], trigger: Trigger, at: At, keda: str, report: Report
) -> None:
    misspelt = _close(trigger.metadata, names)
    if misspelt in trigger.metadata and not _reads(trigger.type, misspelt):
        return  # reported where it was made
    either = " or ".join(names)
    sources = []
    if "metadata" in parameter.sources:
        sources.append(f"write {either} in metadata")
    if "env" in parameter.sources:
        sources.append(f"write {names[0]}FromEnv with the name of a variable of the target's container")
    if "auth" in parameter.sources:
        sources.append(f"name in authenticationRef {credentials(names[0])}")
    secret = is_secret_key(names[0]) or names[0] in _CARRY_PASSWORDS.get(trigger.type, ())
    fix = "; or ".join(reversed(sources) if secret else sources)
    report.add(
        "trigger-parameter",
        (*at, names[0]),
        MISSING,
        f"missing, and required by the {trigger.type} scaler. {_NOT_READY}",
        f"{fix[:1].upper()}{fix[1:]}.",
        keda,
    )


def _absent(refusal: str, trigger: Trigger) -> list[str]:
    """The parameters that KEDA misses one of, in a refusal such as `no a or b given`."""
    if not refusal.startswith("no "):
        return []
    words = re.findall(r"[A-Za-z]\w*", refusal)
    known = _parameters(trigger.type)
    return [word for word in words if word in known and word not in trigger.metadata]


def _close(written: Mapping[str, str], names: list[str]) -> str:
    lowered = {key.lower(): key for key in written}
    for name in names:
        if close := difflib.get_close_matches(name.lower(), lowered, n=1, cutoff=0.8):
            return lowered[close[0]]
    return ""


@functools.cache
def _parameters(kind: str) -> Mapping[str, Parameter]:
    """The scaler's parameters by each of their names; the first of two with one name counts."""
    return {name: each for each in reversed(scalers()[kind].parameters) for name in each.names}


def _parameter(kind: str, name: str) -> Parameter | None:
    return _parameters(kind).get(name)


def _reads(kind: str, key: str) -> bool:
    known = _parameters(kind)
    if key in known or key.removesuffix("FromEnv") in known:
        return True
    return any(name.endswith("*") and key.startswith(name[:-1]) for name in known)


def _unknown_parameters(kind: str, metadata: Mapping[str, str], at: At, report: Report) -> None:
    if scalers()[kind].open or kind == "external-mock":
        return
    for key in metadata:
        if _reads(kind, key):
            continue
        lowered = {name.lower(): name for name in _parameters(kind)}
        place = (*at, "metadata", key)
        close = difflib.get_close_matches(key.lower().removesuffix("fromenv"), lowered, n=1, cutoff=0.8)
        if close and lowered[close[0]] not in metadata:
            name = lowered[close[0]]
            default = _parameters(kind)[name].default
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


def _plain_secrets(kind: str, metadata: Mapping[str, str], at: At, report: Report) -> None:
    for key, value in metadata.items():
        if key.endswith("FromEnv") or not value:
            continue
        if (is_secret_key(key) and _reads(kind, key)) or is_secret_value(value):
            report.add(
                "plain-secret",
                (*at, "metadata", key),
                MISSING,
                "a secret in plain text: everyone who can read the object or its repository can read it.",
                "Put it into a Secret and name that in a TriggerAuthentication.",
            )


def _stand_in(kind: str, name: str, choice: int) -> str:
    """One of two values that the parser takes, for one that only the cluster knows."""
    parameter = _parameter(kind, name)
    if name == "host":
        return ("amqp://one:5672/", "amqp://two:5672/")[choice]  # rabbitmq reads the scheme
    if parameter and parameter.enum:
        return parameter.enum[-choice]
    known = _EXAMPLES.get(parameter.type) if parameter else None
    return known[1] if known else ("x", "y")[choice]

"""What KEDA refuses of each trigger (keda.scalers.unresolved): its type, its metric type, its parameters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from keda.checks import edits
from keda.checks.admission.authentication import OPERATOR_CRASH
from keda.checks.admission.parameters import names_variable, other_scaler, unread
from keda.checks.findings import without_secrets
from keda.checks.registry import SCALING, TRIGGERS, Problem, error, on_objects
from keda.checks.scaling import Parameters, Trigger, modifiers_of, triggers_of
from keda.checks.sources import authentication, either, environment, ways
from keda.core.defaults import RESOURCE_SCALERS
from keda.core.errors import MISSING, did_you_mean, is_secret_key, one_of
from keda.core.spelling import spelling
from keda.manifests.declared import UNKNOWN, Unknown
from keda.manifests.objects import Item, Objects
from keda.manifests.reading import At, mapping, text
from keda.scalers.facts import scalers
from keda.scalers.refusals import Refusal
from keda.scalers.unresolved import ANYTHING, NOTHING, Known, refusals

_METRIC_TYPES = ("AverageValue", "Value", "Utilization")
_NOT_READY = "KEDA could not build the scaler: never Ready, nothing scales."
_CRASH = "On an update KEDA's operator crashes on it, and no ScaledObject of the cluster is scaled."
_CARRY_PASSWORDS = {"rabbitmq": ("host",)}
"""Parameters with a secret whose names do not show it."""
_IDENTITIES = {"aws-": "aws", "azure-": "azure-workload", "gcp-": "gcp"}
"""The pod identity of a cloud's scalers, by how their types begin."""
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


@error(
    "unknown-scaler",
    TRIGGERS,
    summary="Unknown trigger type",
    why=(
        "KEDA's webhook does not check trigger types. The operator finds no scaler and makes no HPA, and "
        "the object is never Ready."
    ),
    passes="""
        triggers:
          - type: prometheus
    """,
).on(*SCALING)
def unknown_scaler(item: Item) -> Iterator[Problem]:
    for trigger in triggers_of(item):
        kind = trigger.type
        if kind and trigger.scaler is None:
            guess = did_you_mean(kind, scalers())
            yield Problem(
                (*trigger.at, "type"),
                kind,
                "is not one of KEDA's scalers.",
                f"Write {guess}." if guess else "If it is a vendor's, name it under scalers in keda.toml.",
                f"no scaler found for type: {kind}",
                edits.word(kind, guess),
                why=_NOT_READY,
            )


@error(
    "metric-type",
    TRIGGERS,
    summary="A metric type that the scaler does not support",
    why=(
        "cpu and memory need Utilization or AverageValue; all other scalers need AverageValue (the "
        "default) or Value. The webhook does not check it; the operator then makes no HPA."
    ),
    passes="""
        - type: cpu
          metricType: Utilization
          metadata: {value: "60"}
    """,
).on("ScaledObject")
def metric_type(item: Item) -> Iterator[Problem]:
    """pkg/scalers/scaler.go:68."""
    for trigger in triggers_of(item):
        kind, given = trigger.type, trigger.get("metricType")
        at = (*trigger.at, "metricType")
        if trigger.scaler is None or not (given is None or isinstance(given, str)):
            continue
        if _is_refused(kind, given) and kind in RESOURCE_SCALERS:
            yield Problem(
                at,
                given or MISSING,
                f"{'is not a metric type of' if given else 'missing, and required by'} the {kind} scaler.",
                "Write metricType: Utilization (a percentage of the request) or AverageValue (an amount per "
                "pod).",
                f"unknown metric type: {given or ''}, allowed values are 'Utilization' or 'AverageValue'",
                why=_NOT_READY,
            )
        elif _is_refused(kind, given):
            yield Problem(
                at,
                given,
                "is only for cpu and memory.",
                "Write AverageValue (target per replica) or Value.",
                "'Utilization' metric type is unsupported for external metrics, allowed values are 'Value' "
                "or 'AverageValue'",
                why=_NOT_READY,
            )
        elif given and given not in _METRIC_TYPES:
            guess = did_you_mean(given, _METRIC_TYPES[:2]) or "AverageValue"
            yield Problem(
                at,
                given,
                "is not AverageValue or Value.",
                f"Write {guess}.",
                f'target.type: Invalid value: "{given}": must be either Utilization, Value, or AverageValue',
                edits.word(given, guess),
                why="The API server would refuse the HPA that KEDA makes: nothing scales.",
            )


def _is_refused(kind: str, metric_type: object) -> bool:
    """Whether KEDA stops at the metric type, before it reads a parameter."""
    if metric_type is not None and not isinstance(metric_type, str):
        return False
    if kind in RESOURCE_SCALERS:
        return metric_type not in ("Utilization", "AverageValue")
    return metric_type == "Utilization"


TRIGGER_PARAMETER = error(
    "trigger-parameter",
    TRIGGERS,
    summary="An invalid or missing parameter",
    why=(
        "KEDA parses trigger metadata only when it builds the scaler, after admission. A missing, "
        "misspelled or unreadable value leaves the object not Ready, without an HPA."
    ),
    passes="""
        metadata:
          threshold: "50"   # a JSON number: no unit, no words, no leading zero
    """,
    unless="unknown-variable",
)


@on_objects(*SCALING)
def triggers(item: Item) -> Iterator[Problem]:
    """What hangs on credentials or the target's environment is left to keda.checks.cross_object.triggers."""
    for trigger in _built(item):
        if not _asks_others(trigger):
            yield from _refusals(item, None, trigger)


def among(item: Item, objects: Objects) -> Iterator[Problem]:
    """What KEDA refuses of the triggers that read a TriggerAuthentication or the target's environment."""
    for trigger in _built(item):
        if _asks_others(trigger):
            yield from _refusals(item, objects, trigger)


def _built(item: Item) -> Iterator[Trigger]:
    """The triggers whose parameters KEDA reads."""
    for trigger in triggers_of(item):
        stops = item.kind == "ScaledObject" and _is_refused(trigger.type, trigger.get("metricType"))
        if trigger.scaler and not stops and isinstance(trigger.get("metadata"), Mapping):
            yield trigger


def _asks_others(trigger: Trigger) -> bool:
    reference = trigger.get("authenticationRef")
    name = mapping(reference).get("name")
    from_environment = any(key.endswith("FromEnv") for key in trigger.parameters)
    return UNKNOWN in (reference, name) or bool(text(name)) or from_environment


def _refusals(item: Item, objects: Objects | None, trigger: Trigger) -> Iterator[Problem]:
    kind, metadata = trigger.type, trigger.parameters
    metric_type: Any = trigger.get("metricType")
    identity: str | Unknown = ""
    given = variables = NOTHING
    if objects is not None:
        given, identity = _authentication(trigger, item, objects)
        variables = Known(*environment(item, objects))
    if metric_type is not UNKNOWN and metric_type not in _METRIC_TYPES:
        metric_type = ""
    formula = modifiers_of(item).get("formula")
    ask = partial(
        refusals,
        kind,
        metadata,
        metric_type=metric_type,
        pod_identity=identity,
        environment=variables,
        formula=formula is UNKNOWN or bool(text(formula)),
    )
    found = ask(authentication=given)
    if not found:
        return
    secrets = {
        name: value
        for values in (metadata, given.values, variables.values)
        for name, value in values.items()
        if isinstance(value, str)
    }
    misplaced = [key for key in metadata if scalers()[kind].named.get(key) and not _in_metadata(kind, key)]
    for refusal in found:
        # One of these at its place may be all that is missing, as postgresql's connection in place of host.
        needed = (
            key
            for key in misplaced
            if refusal.kind in ("missing", "credentials")
            and refusal not in ask(authentication=given.with_value(key, metadata[key]))
        )
        named = (key for key in refusal.parameters if key in misplaced)
        meant = next(needed, "") or next(named, "")
        yield from _problem(refusal, kind, metadata, secrets, (*trigger.at, "metadata"), meant)


def _authentication(trigger: Trigger, item: Item, objects: Objects) -> tuple[Known, str | Unknown]:
    """What `authenticationRef` gives, and the pod identity."""
    reference = trigger.get("authenticationRef")
    if UNKNOWN in (reference, mapping(reference).get("name")):
        return ANYTHING, UNKNOWN
    found = authentication(reference, item, objects)
    values = {name: UNKNOWN if value is None else value for name, value in found.parameters.items()}
    return Known(values, found.complete), found.pod_identity if found.complete else UNKNOWN


def _problem(
    refusal: Refusal, kind: str, metadata: Parameters, secrets: Mapping[str, str], at: At, meant: str
) -> Iterator[Problem]:
    keda = without_secrets(f"{refusal.words}: …" if refusal.detail else refusal.words, secrets)
    key = next((name for name in refusal.parameters if name in metadata and _in_metadata(kind, name)), None)
    if refusal.kind in ("missing", "credentials") and not (key and str(metadata[key]).strip()):
        yield from _missing(refusal, kind, metadata, at, keda, meant)
        return
    if refusal.kind in ("crash", "unreadable", "value") and key is None:
        key = refusal.parameters[0]
    place = (*at, key) if key else at
    value = metadata.get(key, MISSING) if key else MISSING
    if refusal.kind == "crash":
        yield OPERATOR_CRASH.found(place, value, *_crash(refusal, kind, key or "", value), why=_CRASH)
        return
    what, fix = _refused(refusal, kind, key or "", value, secrets)
    if key and names_variable(key, value) and "env" in scalers()[kind].named[key].sources:
        what, fix = "is the name of a variable, not a value.", f"Write {key}FromEnv: {value}."
    edit = edits.word(value, did_you_mean(str(value), refusal.allowed)) if refusal.allowed else None
    yield TRIGGER_PARAMETER.found(place, value, what, fix, keda, edit, why=_NOT_READY)


def _in_metadata(kind: str, name: str) -> bool:
    """Whether KEDA reads a parameter from metadata; keys of the user's own it does."""
    parameter = scalers()[kind].named.get(name)
    return parameter is None or "metadata" in parameter.sources


def _crash(refusal: Refusal, kind: str, name: str, value: object) -> tuple[str, str]:
    """What is wrong with a value that KEDA's operator panics over, and the fix."""
    if kind in RESOURCE_SCALERS:
        fix = 'Write an amount such as "500m" for cpu or "1Gi" for memory.'
        return "is not a quantity.", fix
    if refusal.allowed:
        return _one_of(refusal.allowed, value)
    return "is blank.", f"Write the {name}, or remove it."


def _refused(
    refusal: Refusal, kind: str, name: str, value: object, secrets: Mapping[str, str]
) -> tuple[str, str]:
    """What is wrong with a trigger that KEDA does not build, and the fix."""
    if kind in RESOURCE_SCALERS and refusal.kind == "value":
        return "is not a whole percentage.", 'Write it without a unit, such as value: "60".'
    if refusal.kind == "unreadable":
        parameter = scalers()[kind].named[name]
        wanted, example = _EXAMPLES.get(parameter.type, ("what KEDA can read", "…"))
        either = ' or "false"' if parameter.type == "bool" else ""
        return f"is not {wanted}.", f'Write {"" if either else "e.g. "}{spelling(name)}: "{example}"{either}.'
    if refusal.allowed:
        return _one_of(refusal.allowed, value)
    detail = f": {without_secrets(refusal.detail, secrets)}" if refusal.detail else ""
    return f"is refused by the {kind} scaler{detail}.", f"See `keda explain {kind}`."


def _one_of(allowed: tuple[str, ...], value: object) -> tuple[str, str]:
    return one_of(allowed, did_you_mean(value, allowed) if isinstance(value, str) else None)


def _missing(
    refusal: Refusal, kind: str, metadata: Parameters, at: At, keda: str, misplaced: str
) -> Iterator[Problem]:
    """`misplaced`: the parameter that is given at a place which the scaler does not read, and is meant."""
    names = list(refusal.parameters)
    if other_scaler(kind, metadata) or any(meant in names for _, meant in unread(kind, metadata)):
        return  # reported where it was made
    names = [misplaced] if misplaced else names
    name = names[0]
    parameter = scalers()[kind].named[name]
    variable = f"{name}FromEnv"
    writable = [each for each in names if _in_metadata(kind, each)]
    elsewhere = [source for source in parameter.sources if source != "metadata"]
    given = ways(name, ["metadata", *elsewhere] if writable else elsewhere, " or ".join(writable))
    if refusal.kind == "credentials":
        if "identityOwner" in scalers()[kind].named:
            given = ["write identityOwner: operator for the identity of KEDA's operator", *given[-1:]]
        provider = next((each for cloud, each in _IDENTITIES.items() if kind.startswith(cloud)), "")
        if provider:
            identity = f"a TriggerAuthentication with podIdentity: {{provider: {provider}}}"
            given.insert(-1, f"name in authenticationRef {identity}")
    secret = is_secret_key(name) or name in _CARRY_PASSWORDS.get(kind, ())
    in_order = secret and refusal.kind != "credentials"
    fix = either(reversed(given) if in_order else given)
    unless = " without a pod identity" if refusal.kind == "credentials" else ""
    if "env" in parameter.sources and variable in metadata:
        empty = "is empty or not there in the target's container"
        yield TRIGGER_PARAMETER.found(
            (*at, variable),
            metadata[variable],
            f"{empty}, and {name} is required by the {kind} scaler{unless}.",
            "Name a variable of that container.",
            keda,
            why=_NOT_READY,
        )
        return
    if "env" in parameter.sources and misplaced and names_variable(name, metadata[name]):
        fix = f"Write {variable}: {metadata[name]}."
    why = "is not read from metadata" if misplaced else "missing"
    yield TRIGGER_PARAMETER.found(
        (*at, name),
        MISSING,
        f"{why}, and required by the {kind} scaler{unless}.",
        fix,
        keda,
        why=_NOT_READY,
    )

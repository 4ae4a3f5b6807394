"""KEDA's refusals of a trigger (keda.scalers.unresolved), as faults of its fields."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from keda.core.errors import MISSING, Fault, did_you_mean, is_secret_key
from keda.manifests.declared import UNKNOWN
from keda.scalers.facts import Parameter, scalers
from keda.scalers.refusals import Refusal
from keda.scalers.unresolved import ANYTHING, NOTHING, refusals

_SHOWN_WORDS = 200


@dataclass(frozen=True)
class Written:
    """A trigger as plain data. `examples` holds a value of each parameter as a message proposes it."""

    scaler: str
    metadata: Mapping[str, str]
    metric_type: str
    has_authentication: bool
    examples: Mapping[str, str]
    consequence: str


def faults(trigger: Written, *, formula: bool) -> Iterator[Fault]:
    """What KEDA refuses, one fault a parameter; paths are their names, or empty where none is meant."""
    seen: set[str] = set()
    for refusal in refusals(
        trigger.scaler,
        trigger.metadata,
        metric_type=trigger.metric_type,
        authentication=ANYTHING if trigger.has_authentication else NOTHING,
        pod_identity=UNKNOWN if trigger.has_authentication else "",
        environment=ANYTHING,
        formula=formula,
    ):
        fault = _fault(refusal, trigger)
        if fault.path not in seen:
            seen.add(fault.path)
            yield fault


def _fault(refusal: Refusal, trigger: Written) -> Fault:
    words = " ".join(str(refusal).split())
    words = words if len(words) <= _SHOWN_WORDS else f"{words[:_SHOWN_WORDS]}…"
    harm = f"KEDA's error: {words}. {trigger.consequence}"
    if not refusal.parameters:
        fix = f"`keda explain {trigger.scaler}` describes what goes together."
        return Fault("", MISSING, f"is refused. {harm}", fix)
    name = next((each for each in refusal.parameters if each in trigger.metadata), None)
    if name is not None:
        return Fault(name, trigger.metadata[name], f"is refused. {harm}", _correction(name, refusal, trigger))
    parameter = scalers()[trigger.scaler].named[refusal.parameters[0]]
    why = "missing, and required." if parameter.required else f"is not given. KEDA's error: {words}."
    return Fault(parameter.name, MISSING, f"{why} {trigger.consequence}", _ways(parameter, trigger))


def _correction(name: str, refusal: Refusal, trigger: Written) -> str:
    if refusal.kind == "conflict":
        return "Leave one of them out."
    if refusal.allowed:
        guess = did_you_mean(trigger.metadata[name], refusal.allowed)
        return f"Write {guess}." if guess else f"Write one of {', '.join(refusal.allowed)}."
    return f"Write e.g. {name}: {trigger.examples[name]}." if name in trigger.examples else "Correct it."


def _ways(parameter: Parameter, trigger: Written) -> str:
    """How a value can be given."""
    name, ways = parameter.name, []
    if "metadata" in parameter.sources and not is_secret_key(name):
        example = f"{name}: {trigger.examples[name]}" if name in trigger.examples else name
        ways.append(f"write {example} below metadata")
    if "env" in parameter.sources:
        ways.append(f"name the container's variable that holds it in {name}FromEnv")
    if "auth" in parameter.sources:
        ways.append(f"put {name} into a Secret and name that in a TriggerAuthentication")
    fix = ", or ".join(ways)
    return f"{fix[:1].upper()}{fix[1:]}."

"""A ScaledObject's formula: ValidateAndCompileScalingModifiers (scaledobject_webhook.go:459)."""

from __future__ import annotations

import math
from collections.abc import Iterator

from keda.checks.registry import REPLICAS, Problem, error
from keda.checks.scaling import SPEC, WEBHOOK, all_known, modifiers_of, triggers_of
from keda.core.defaults import RESOURCE_SCALERS
from keda.core.errors import MISSING, did_you_mean
from keda.manifests.declared import UNKNOWN
from keda.manifests.objects import Item
from keda.manifests.reading import At, text
from keda.syntax import go

_AT: At = (*SPEC, "advanced", "scalingModifiers")


@error(
    "modifiers-formula",
    REPLICAS,
    summary="A formula that does not compile",
    why=(
        "The webhook compiles the formula with the names of the triggers (except cpu and memory) and "
        "refuses one that fails."
    ),
    passes='scalingModifiers: {formula: (load + 1) / 2, target: "5"}',
).on("ScaledObject", having=["advanced"])
def modifiers_formula(item: Item) -> Iterator[Problem]:
    modifiers = modifiers_of(item)
    at = (*_AT, "formula")
    if not modifiers or modifiers.get("formula") is UNKNOWN:
        return
    written = text(modifiers.get("formula"))
    if not written:
        yield Problem(
            at,
            MISSING,
            "missing, and required.",
            'Write a formula over the triggers\' names, such as "(a + b) / 2".',
            "error ScalingModifiers.Formula is mandatory",
            why=WEBHOOK,
        )
        return
    from keda.syntax import formula

    named = [(text(trigger.get("name")), trigger.type) for trigger in triggers_of(item)]
    resources = {name: kind for name, kind in named if kind in RESOURCE_SCALERS}
    known = [name for name, kind in named if name and kind not in RESOURCE_SCALERS]
    broken, unknown = formula.problem(written, known)
    if broken:
        yield Problem(
            at,
            written,
            f"does not compile: {broken}.",
            "Write it in the expr language: numbers, trigger names, + - * / and functions such as max(a, b).",
            "error validating formula in ScalingModifiers",
            why=WEBHOOK,
        )
    if not (all_known(item, "name") and all_known(item, "type")):
        return
    for name in sorted(unknown):
        guess = did_you_mean(name, known)
        if kind := resources.get(name):
            yield _of_resource(name, kind, written)
            continue
        yield Problem(
            at,
            written,
            f"names {name}, which no trigger but cpu and memory may be called here."
            if name in RESOURCE_SCALERS
            else f"names {name}, and no trigger has that name.",
            f"Write {guess}."
            if guess
            else f"Name a trigger {name}; named are: {', '.join(known) or 'none'}.",
            f"unknown name {name}",
            why=WEBHOOK,
        )


def _of_resource(name: str, kind: str, written: str) -> Problem:
    """A cpu or memory trigger by its name (scaledobject_webhook.go:502)."""
    usage = "container_cpu_usage_seconds_total" if kind == "cpu" else "container_memory_working_set_bytes"
    query = f"sum(rate({usage}{{…}}[2m]))" if kind == "cpu" else f"sum({usage}{{…}})"
    return Problem(
        (*_AT, "formula"),
        written,
        f"names {name}, a {kind} trigger:",
        f"Take it out of the formula: the trigger then counts in addition. Or read {kind} with a prometheus "
        f"trigger, {query}.",
        f"unknown name {name}",
        why=f"the HPA reads {kind} itself, KEDA does not have the number and "
        f"leaves the trigger out of formulas. {WEBHOOK}",
    )


MODIFIERS_TARGET = error(
    "modifiers-target",
    REPLICAS,
    summary="A formula's target that is not a number above 0",
    why=(
        "The webhook refuses it, except NaN and infinity. It admits an activationTarget that is not a "
        "number, and every poll fails."
    ),
    passes='scalingModifiers: {formula: load / 2, target: "5"}',
)


@MODIFIERS_TARGET.on("ScaledObject", having=["advanced"])
def target(item: Item) -> Iterator[Problem]:
    """A formula without a target above 0."""
    modifiers = modifiers_of(item)
    written = text(modifiers.get("target"))
    problem = _target_problem(written)
    if not modifiers or not problem or modifiers.get("target") is UNKNOWN:
        return
    if written or (modifiers.get("target") is None and text(modifiers.get("formula"))):
        admitted = written and _is_endless(written)
        yield Problem(
            (*_AT, "target"),
            written or MISSING,
            f"{problem}.",
            'Write the value one replica takes, such as target: "5".',
            ""
            if admitted
            else "error validating target in ScalingModifiers"
            if written
            else "formula is given but target is empty",
            why="KEDA's webhook admits it, and no number compares with it." if admitted else WEBHOOK,
        )


@MODIFIERS_TARGET.on("ScaledObject", having=["advanced"])
def activation_target(item: Item) -> Iterator[Problem]:
    """A string that Go's ParseFloat refuses."""
    activation = text(modifiers_of(item).get("activationTarget"))
    if not activation:
        return
    try:
        go.real(activation)
    except ValueError:
        yield Problem(
            (*_AT, "activationTarget"),
            activation,
            "is not a number.",
            'Write activationTarget: "0".',
            why="KEDA admits it, and then every poll fails while the ScaledObject is Ready.",
        )


def _target_problem(target: str) -> str:
    if not target:
        return "missing, and required by the formula"
    try:
        number = go.real(target)
    except ValueError:
        return "is not a number"
    if not math.isfinite(number):
        return "is not a number to divide by"
    return "is not above 0" if number <= 0 else ""


def _is_endless(target: str) -> bool:
    try:
        return not math.isfinite(go.real(target))
    except ValueError:
        return False

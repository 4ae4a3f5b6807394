"""The rules of `keda check` that need only the object, for the models: a model is checked as its manifest is.

A rule that an annotation ignores in a manifest is ignored in the same way here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from keda.checks import engine
from keda.checks.admission.triggers import TRIGGER_PARAMETER, among
from keda.checks.registry import ADMISSION, Problem, Rule
from keda.core.errors import Fault, join
from keda.manifests.declared import UNKNOWN
from keda.manifests.objects import Item, Objects
from keda.manifests.reading import At


def faults(manifest: Mapping[str, Any]) -> Iterator[Fault]:
    """What the API server, KEDA's webhook or its operator refuse of an object, and what they accept and read
    otherwise than it is written; paths from the object's root.
    """
    for rule, problem in _problems(manifest):
        yield _fault(rule, problem, problem.at)


def trigger_faults(trigger: Mapping[str, Any], *, formula: bool) -> Iterator[Fault]:
    """The same of one trigger, paths from there. A scalingModifiers `formula` excuses several scalers from a
    target.
    """
    spec: dict[str, Any] = {"triggers": [trigger]}
    if formula:
        spec["advanced"] = {"scalingModifiers": {"formula": UNKNOWN}}
    for rule, problem in _problems({"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "spec": spec}):
        if problem.at[:3] == ("spec", "triggers", 0):
            yield _fault(rule, problem, problem.at[3:])


def _problems(manifest: Mapping[str, Any]) -> Iterator[tuple[Rule | None, Problem]]:
    item = Item(manifest, "")
    yield from engine.problems(item, ADMISSION)
    # What hangs on other objects is refused whatever they hold.
    yield from ((problem.rule, problem) for problem in among(item, Objects()))


def _fault(rule: Rule | None, problem: Problem, at: At) -> Fault:
    # Of a scaler's parameters, KEDA's words are often the only reason.
    quoted = f" KEDA: {problem.keda}" if rule is TRIGGER_PARAMETER and problem.keda else ""
    return Fault(join(*at), problem.value, problem.message, f"{problem.fix}{quoted}")

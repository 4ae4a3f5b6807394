"""An object's model is checked as its manifest is: by the rules of `keda check` that need only the object.

A rule that an annotation ignores in a manifest is ignored in the same way here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from keda.checks import engine
from keda.checks.admission.authentication import OPERATOR_CRASH
from keda.checks.admission.triggers import TRIGGER_PARAMETER
from keda.checks.registry import ADMISSION
from keda.core.errors import Fault, join
from keda.manifests.objects import Item

_BY_THE_TRIGGER = (TRIGGER_PARAMETER, OPERATOR_CRASH)
"""Of a trigger's parameters: its own model reports them, from the same source (keda.scalers)."""


def faults(manifest: Mapping[str, Any]) -> Iterator[Fault]:
    """What the API server, KEDA's webhook or its operator refuse of an object, and what they accept and read
    otherwise than it is written; paths from the object's root.
    """
    for rule, problem in engine.problems(Item(manifest, ""), ADMISSION):
        if not (rule in _BY_THE_TRIGGER and problem.at[:2] == ("spec", "triggers")):
            yield Fault(join(*problem.at), problem.value, problem.why, problem.fix)

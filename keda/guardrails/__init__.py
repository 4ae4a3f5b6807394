"""What a careful operator of KEDA refuses: policies on plain manifests, one module each, total over any JSON.

A module holds a policy's words, settings and functions, and registers itself (`Guardrail`).
"""

from __future__ import annotations

import importlib
import pkgutil

from keda.core.defaults import GPUS_PER_POD
from keda.guardrails.guardrail import NOT_YET, Config, Finding, Guardrail, Undecided
from keda.guardrails.program import Program

__all__ = [
    "GPUS_PER_POD",
    "NOT_YET",
    "Config",
    "Finding",
    "Guardrail",
    "Program",
    "Undecided",
    "guardrails",
]


def guardrails() -> list[type[Guardrail]]:
    """Every policy of this room, by name."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    ours = (each for each in Guardrail.registered.values() if each.__module__.startswith(f"{__name__}."))
    return sorted(ours, key=lambda each: each.name)

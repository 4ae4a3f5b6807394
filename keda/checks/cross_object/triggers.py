"""Triggers that read a TriggerAuthentication or the target's environment."""

from __future__ import annotations

from collections.abc import Iterator

from keda.checks.admission.triggers import among
from keda.checks.registry import SCALING, Problem, among_objects
from keda.manifests.objects import Item, Objects


@among_objects(*SCALING)
def triggers(item: Item, objects: Objects) -> Iterator[Problem]:
    """What KEDA's constructor refuses, once authentication and variables are resolved."""
    yield from among(item, objects)

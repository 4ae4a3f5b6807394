"""KEDA 2.19.0's API as types: what a person writes is checked as KEDA would check it, before anything is
applied.

Pure Python over pydantic; it knows nothing of Pulumi and asks no cluster. The scalers' classes are built when
they are used first.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from keda import triggers
from keda.core.errors import MISSING, Fault, Faults, SpecError
from keda.core.model import Model
from keda.resources import *  # noqa: F403 -- the list is keda.resources.__all__
from keda.resources import __all__ as _resources
from keda.triggers import __all__ as _triggers

if TYPE_CHECKING:
    from keda.checks.engine import Finding
    from keda.triggers import *  # noqa: F403
    from keda.triggers.catalogue import *  # noqa: F403

__all__ = ["MISSING", "Fault", "Faults", "Model", "SpecError", "check", *_resources, *_triggers]  # noqa: PLE0604


def check(objects: Iterable[object]) -> list[Finding]:
    """What KEDA and the API server would say of manifests, and what KEDA would take and then do wrong: see
    keda.checks.engine."""
    from keda.checks import engine as judge

    return judge.check(objects)


if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name not in triggers.__all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(triggers, name)

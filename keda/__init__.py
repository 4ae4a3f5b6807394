"""KEDA 2.19.0's API as types: what a person writes is checked as KEDA would check it, before anything is
applied.

Pure Python over pydantic; it imports nothing of Pulumi and reads no cluster. What is named here is imported
at its first use.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from keda.checks.engine import Finding
    from keda.core.errors import MISSING as MISSING
    from keda.core.errors import Fault as Fault
    from keda.core.errors import Faults as Faults
    from keda.core.errors import SpecError as SpecError
    from keda.core.model import Model as Model
    from keda.resources import *  # noqa: F403
    from keda.triggers import *  # noqa: F403
    from keda.triggers.catalogue import *  # noqa: F403


def check(objects: Iterable[object]) -> list[Finding]:
    """What KEDA and the API server would refuse of manifests, and what KEDA would accept and then do wrong:
    see keda.checks.engine.
    """
    from keda.checks import engine

    return engine.check(objects)


if not TYPE_CHECKING:
    _CORE = dict.fromkeys(("MISSING", "Fault", "Faults", "SpecError"), "errors") | {"Model": "model"}

    def __getattr__(name: str) -> Any:
        if name == "__all__":
            parts = (import_module(f"keda.{part}").__all__ for part in ("resources", "triggers"))
            return ["check", *_CORE, *(each for part in parts for each in part)]
        if name in _CORE:
            return getattr(import_module(f"keda.core.{_CORE[name]}"), name)
        for part in () if name.startswith("_") else ("resources", "triggers"):
            module = import_module(f"keda.{part}")
            if name in module.__all__:
                return getattr(module, name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

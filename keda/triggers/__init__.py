"""KEDA's scalers as types. A class is imported when it is used first: `keda.triggers.Redis` builds it."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from keda.triggers import catalogue
from keda.triggers.base import AuthenticationRef, Trigger
from keda.triggers.catalogue import CLASSES
from keda.triggers.registry import trigger_class

if TYPE_CHECKING:
    from keda.triggers.catalogue import *  # noqa: F403
    from keda.triggers.explanation import explain as explain

SCALERS = frozenset(CLASSES)
"""KEDA's words for `type` (pkg/scaling/scalers_builder.go:125-276)."""

_MODULES = {name: f"types.{module}" for module, name in CLASSES.values()} | {"explain": "explanation"}

__all__ = ["SCALERS", "AuthenticationRef", "Trigger", "explain", "trigger_class"]
__all__ += catalogue.__all__

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)

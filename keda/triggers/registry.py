"""The classes of the scalers by `type`, each imported when its first trigger is read."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from importlib import import_module

from keda.core.errors import MISSING, Fault, SpecError, did_you_mean
from keda.triggers.base import Trigger
from keda.triggers.catalogue import CLASSES

_REMOVED = {"stan": "KEDA 2.19 removed it with NATS Streaming: use nats-jetstream."}
UNKNOWN_SCALER = "is not one of KEDA 2.19's scalers."


@functools.cache
def trigger_class(scaler: str) -> type[Trigger]:
    """The class of one of KEDA's types. Raises KeyError."""
    module, name = CLASSES[scaler]
    found: type[Trigger] = getattr(import_module(f"keda.triggers.types.{module}"), name)
    return found


def class_for(data: object) -> type[Trigger]:
    """The class that reads a manifest's trigger. Raises SpecError when its type is not a scaler of KEDA's."""
    if not isinstance(data, Mapping):
        raise SpecError([Fault("", data, "is not a mapping of keys.", "Write type and metadata.")])
    scaler = data.get("type", MISSING)
    if isinstance(scaler, str) and scaler in CLASSES:
        return trigger_class(scaler)
    if scaler is MISSING:
        why, fix = "missing, and required.", "Write e.g. type: prometheus."
    else:
        why = UNKNOWN_SCALER
        guess = did_you_mean(str(scaler), CLASSES)
        fix = f"Write {guess}." if guess else "`keda explain` lists them."
        fix = _REMOVED.get(str(scaler), fix)
    raise SpecError([Fault("type", scaler, f"{why} {Trigger.consequence}", fix)])


Trigger.class_for = staticmethod(class_for)

"""What several rules read of a ScaledObject or ScaledJob."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property, lru_cache
from typing import Any

from keda.core.defaults import DEFAULT_MAX, RESOURCE_SCALERS
from keda.manifests.declared import UNKNOWN, Unknown
from keda.manifests.objects import Item
from keda.manifests.reading import At, dig, mapping, sequence, text, whole
from keda.scalers.facts import Scaler, scalers

SPEC: At = ("spec",)
Parameters = Mapping[str, str | Unknown]
"""A trigger's metadata as text; UNKNOWN for a value that is not known yet."""
WEBHOOK = "KEDA's webhook would reject the object."


def spec_of(item: Item, *keys: str | int) -> Any:
    """What is at a path below spec; UNKNOWN below what is not known yet."""
    return dig(item.manifest.get("spec"), *keys)


def number_of(item: Item, key: str) -> int | None:
    """A whole number of spec; None if it is unset, unknown or something else."""
    return whole(spec_of(item, key))


def any_unknown(item: Item, *keys: str) -> bool:
    """Whether one of these keys of spec is not known yet."""
    return any(spec_of(item, key) is UNKNOWN for key in keys)


class Trigger:
    """One trigger, at `at`. `type` is "" if it is not known; `scaler` is None if KEDA has none of it."""

    def __init__(self, index: int, manifest: Mapping[Any, Any]) -> None:
        self.at: At = (*SPEC, "triggers", index)
        self.type = text(manifest.get("type"))
        self.scaler: Scaler | None = scalers().get(self.type)
        self.metadata = mapping(manifest.get("metadata"))
        self._manifest = manifest

    def get(self, key: str, *keys: str) -> Any:
        """What is at a path below the trigger; UNKNOWN below what is not known yet."""
        value = self._manifest.get(key)
        return dig(value, *keys) if keys else value

    @cached_property
    def parameters(self) -> Parameters:
        """The metadata as text."""
        return {
            key: value if type(value) is str or value is UNKNOWN else _as_text(value)
            for key, value in self.metadata.items()
            if isinstance(key, str) and isinstance(value, (str, int, float, Unknown))
        }

    @cached_property
    def unread(self) -> list[str]:
        """The keys of the metadata that the scaler does not read."""
        return [key for key in self.parameters if not self.scaler.reads(key)] if self.scaler else []

    @property
    def query(self) -> str:
        """The PromQL of a prometheus trigger, or ""."""
        return text(self.metadata.get("query")) if self.type == "prometheus" else ""


def _as_text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


@lru_cache(maxsize=16)
def triggers_of(item: Item, *types: str) -> tuple[Trigger, ...]:
    """The triggers that are mappings, of these types or of all."""
    if types:
        return tuple(trigger for trigger in triggers_of(item) if trigger.type in types)
    listed = enumerate(sequence(item.spec.get("triggers")))
    return tuple(Trigger(index, each) for index, each in listed if isinstance(each, Mapping))


@lru_cache(maxsize=16)
def marks_of(item: Item) -> frozenset[str]:
    """What rules may be limited to: the types of its triggers, the keys of its spec, annotations, labels."""
    metadata = mapping(item.manifest.get("metadata"))
    written = (key for key in ("annotations", "labels") if metadata.get(key))
    return frozenset((*(trigger.type for trigger in triggers_of(item)), *map(str, item.spec), *written))


def types_of(item: Item) -> frozenset[str]:
    """The types of its triggers, as far as they are known."""
    return frozenset(trigger.type for trigger in triggers_of(item))


def all_known(item: Item, key: str) -> bool:
    """Whether every trigger of the list, and this key of each, is known."""
    triggers = spec_of(item, "triggers")
    return triggers is not UNKNOWN and UNKNOWN not in [dig(each, key) for each in sequence(triggers)]


def only_resources(item: Item) -> bool:
    """Whether all triggers are known to be cpu and memory."""
    types = types_of(item)
    return bool(types) and types <= set(RESOURCE_SCALERS) and all_known(item, "type")


def modifiers_of(item: Item) -> Mapping[Any, Any]:
    """advanced.scalingModifiers, empty if there are none."""
    return mapping(dig(item.spec, "advanced", "scalingModifiers"))


def without_modifiers(item: Item) -> bool:
    """Whether it is known that no scalingModifiers are there."""
    found = spec_of(item, "advanced", "scalingModifiers")
    return found is not UNKNOWN and not mapping(found)


def holds_unknown(value: object) -> bool:
    """Whether a value, or anything inside it, is not known yet."""
    if isinstance(value, Mapping):
        return any(map(holds_unknown, value.values()))
    return any(map(holds_unknown, value)) if isinstance(value, list) else value is UNKNOWN


def maximum_of(item: Item) -> int | None:
    """maxReplicaCount, or KEDA's default; None if it is not known."""
    given = number_of(item, "maxReplicaCount")
    return None if any_unknown(item, "maxReplicaCount") else DEFAULT_MAX if given is None else given


def lowest_of(item: Item) -> int | None:
    """minReplicaCount, or what the target rests at: idleReplicaCount. None if it is not known."""
    if any_unknown(item, "minReplicaCount", "idleReplicaCount"):
        return None
    lowest, idle = number_of(item, "minReplicaCount") or 0, number_of(item, "idleReplicaCount")
    return lowest if idle is None else min(lowest, idle)

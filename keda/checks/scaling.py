"""What several rules read of a ScaledObject or ScaledJob."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from keda.core.defaults import DEFAULT_MAX, RESOURCE_SCALERS
from keda.manifests.declared import UNKNOWN
from keda.manifests.objects import Item
from keda.manifests.reading import At, dig, mapping, sequence, text, whole

SPEC: At = ("spec",)
WEBHOOK = "KEDA's webhook would reject the object."


def spec_of(item: Item, *keys: str | int) -> Any:
    """What is at a path below spec; UNKNOWN below what is not known yet."""
    return dig(item.manifest, "spec", *keys)


def number_of(item: Item, key: str) -> int | None:
    """A whole number of spec; None if it is unset, unknown or something else."""
    return whole(spec_of(item, key))


def any_unknown(item: Item, *keys: str) -> bool:
    """Whether one of these keys of spec is not known yet."""
    return any(spec_of(item, key) is UNKNOWN for key in keys)


def triggers_of(item: Item) -> Iterator[tuple[int, Mapping[Any, Any]]]:
    """The triggers that are mappings, with their index."""
    for index, trigger in enumerate(sequence(item.spec.get("triggers"))):
        if isinstance(trigger, Mapping):
            yield index, trigger


def all_known(item: Item, key: str) -> bool:
    """Whether every trigger of the list, and this key of each, is known."""
    triggers = spec_of(item, "triggers")
    return triggers is not UNKNOWN and UNKNOWN not in [dig(each, key) for each in sequence(triggers)]


def only_resources(item: Item) -> bool:
    """Whether all triggers are known to be cpu and memory."""
    types = [text(trigger.get("type")) for _, trigger in triggers_of(item)]
    return bool(types) and all_known(item, "type") and all(kind in RESOURCE_SCALERS for kind in types)


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


def query_of(trigger: Mapping[Any, Any]) -> str:
    """The PromQL of a prometheus trigger, or ""."""
    return text(dig(trigger, "metadata", "query")) if trigger.get("type") == "prometheus" else ""

"""Unknown keys that have a place elsewhere in the object, or in the one that its triggers refer to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from keda.checks.admission.crd_shapes import SPEC, TEMPLATE, Shape, has_type, pod_template, shapes
from keda.checks.registry import Edit
from keda.core.errors import join
from keda.manifests.declared import UNKNOWN
from keda.manifests.reading import At, dig, mapping, sequence, text
from keda.scalers.facts import scalers

OTHER_OBJECT = "the spec of a TriggerAuthentication, and name that in the trigger's authenticationRef"
_RESOURCES = ("cpu", "memory", "ephemeral-storage")
_OF_TRIGGERS = ("authenticationRef", "metricType", "useCachedMetrics")


def fix_of(at: At, manifest: Mapping[Any, Any], kind: str) -> str:
    """What to do with an unknown key; "" where no other place is certain."""
    value = dig(manifest, *at)
    if value is UNKNOWN:
        return ""
    if place := place_of(at, manifest, kind):
        return f"Move it to {join(*place)}."
    if at[-2:-1] == ("resources",) and ("/" in str(at[-1]) or at[-1] in _RESOURCES):
        return f"Move it to {join(*at[:-1], 'limits', at[-1])}."
    return _fix_of_trigger(at, value, manifest) if "triggers" in shapes()[kind]["properties"] else ""


def place_of(at: At, manifest: Mapping[Any, Any], kind: str) -> At | None:
    """The one free place, of those not below a list, that has this key and takes its value."""
    value = dig(manifest, *at)
    for root, shape in _roots(at, kind):
        places = [
            place for place, inner in _places(shape, root) if place[-1] == at[-1] and _fits(value, inner)
        ]
        if places:
            return places[0] if len(places) == 1 and dig(manifest, *places[0]) is None else None
    return None


def edit_of(at: At, manifest: Mapping[Any, Any], kind: str) -> Edit | None:
    """The move of a mapping to its place, where that is further in and no key of the way is there yet."""
    place, value = place_of(at, manifest, kind) or (), dig(manifest, *at)
    under = tuple(str(key) for key in place[len(at) - 1 : -1])
    if place[: len(at) - 1] != at[:-1] or not under or not isinstance(value, Mapping) or not value:
        return None
    free = under[0] not in mapping(dig(manifest, *at[:-1]))
    return Edit(str(at[-1]), key=True, under=under) if free else None


def fix_in_metadata(key: str, value: object) -> str:
    """What to do with a mapping or list among a trigger's parameters; "" if nothing has such a key."""
    return "Move it up, next to metadata." if key in _OF_TRIGGERS else fix_of_authentication(key, value)


def fix_of_authentication(key: str | int, value: object) -> str:
    """Of a key that a TriggerAuthentication has; "" of any other."""
    known = shapes()["TriggerAuthentication"]["properties"]
    if key not in known or not _fits(value, known[key]):
        return ""
    return f"Move it to {OTHER_OBJECT}."


def _fix_of_trigger(at: At, value: object, manifest: Mapping[Any, Any]) -> str:
    """Of a key in spec, in a trigger or in its authenticationRef that one of the three, or metadata, has."""
    key, triggers = at[-1], sequence(dig(manifest, "spec", "triggers"))
    if len(at) == 2 and key in _OF_TRIGGERS:
        place = join(*SPEC, "triggers", 0, key) if len(triggers) == 1 else "the trigger that it is meant for"
        return f"Move it to {place}."
    if len(at) == 4:
        trigger = mapping(dig(manifest, *at[:3]))
        facts = scalers().get(text(trigger.get("type")))
        if facts and not facts.open and facts.reads(str(key)) and key not in mapping(trigger.get("metadata")):
            return f"Move it to {join(*at[:3], 'metadata', key)}."
    near = len(at) == 2 or at[1] == "triggers"
    return fix_of_authentication(key, value) if near else ""


def _roots(at: At, kind: str) -> Iterator[tuple[At, Shape]]:
    """The schemas to look in, the nearest first."""
    roots: list[tuple[At, Shape]] = [(SPEC, shapes()[kind])]
    if kind == "ScaledJob":
        roots.insert(0 if at[: len(TEMPLATE)] == TEMPLATE else 1, (TEMPLATE, pod_template()))
    yield from roots


def _places(shape: Shape, at: At) -> Iterator[tuple[At, Shape]]:
    """Every key that is not below a list."""
    for key, inner in shape.get("properties", {}).items():
        yield (*at, key), inner
        yield from _places(inner, (*at, key))


def _fits(value: object, shape: Shape) -> bool:
    """Whether a value may be meant for a place: of its type, and with its keys only."""
    if value is UNKNOWN:
        return True
    if isinstance(value, list) and "items" in shape:
        return all(_fits(each, shape["items"]) for each in value)
    known = shape.get("properties")
    return has_type(value, shape.get("type", "")) and not (known and set(mapping(value)) - set(known))

"""Variables that triggers name with `…FromEnv`, and that the container KEDA reads does not have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from keda.checks.registry import REFERENCES, SCALING, Problem, among_objects, error, warning
from keda.checks.scaling import Trigger, triggers_of
from keda.checks.sources import authentication, containers_of
from keda.core.errors import did_you_mean
from keda.manifests.declared import UNKNOWN
from keda.manifests.objects import Item, Objects
from keda.manifests.reading import At, dig, mapping, sequence, text
from keda.scalers.facts import Parameter

_WHY = (
    "KEDA reads the variables of one container of the target: the first, or envSourceContainerName "
    "(scale_resolvers.go:420). A variable that is not there is an empty string. Reported only where the "
    "container and all that its envFrom names are given; the prefix of an envFrom counts."
)
UNKNOWN_VARIABLE = error(
    "unknown-variable",
    REFERENCES,
    summary="A required parameter from a variable that the container does not have",
    why=_WHY,
    passes="metadata: {hostFromEnv: RABBITMQ_URL}   # a variable of the target's first container",
    ignorable=True,
)
UNSET_VARIABLE = warning(
    "unset-variable",
    REFERENCES,
    summary="A parameter from a variable that the container does not have",
    why=_WHY,
    passes="metadata: {usernameFromEnv: RABBITMQ_USER}   # a variable of the target's first container",
    unless="trigger-parameter",
)


@among_objects(*SCALING)
def variables(item: Item, objects: Objects) -> Iterator[Problem]:
    """`…FromEnv` of a variable that the container does not have: an error where the parameter is required."""
    containers = containers_of(item, objects)
    reference = mapping(item.spec.get("scaleTargetRef"))
    wanted = reference.get("envSourceContainerName") or item.spec.get("envSourceContainerName")
    read = next((each for each in containers if not wanted or each.get("name") == wanted), None)
    names = None if read is None or wanted is UNKNOWN else _names(read, item.namespace, objects)
    if read is None or names is None:
        return
    for trigger in triggers_of(item):
        at: At = (*trigger.at, "metadata")
        for key, parameter, variable in _from_env(trigger):
            given = authentication(trigger.get("authenticationRef"), item, objects)
            if variable in names or not given.complete or parameter.name in given.parameters:
                continue
            rule = UNKNOWN_VARIABLE if parameter.required else UNSET_VARIABLE
            container = text(read.get("name"))
            what, why = (
                f"is not a variable of container {container}.",
                "KEDA reads an empty string instead.",
            )
            fix = _fix(variable, names, [each for each in containers if each is not read], item, objects)
            yield rule.found((*at, key), variable, what, fix, why=why)


def _from_env(trigger: Trigger) -> Iterator[tuple[str, Parameter, str]]:
    """(Key, parameter, variable) of each parameter that a trigger reads from a variable only."""
    for key, variable in trigger.parameters.items():
        name = key.removesuffix("FromEnv")
        if trigger.scaler is None or name == key or name in trigger.parameters:
            continue
        known = trigger.scaler.named.get(name)
        if known and "env" in known.sources and isinstance(variable, str) and variable.strip():
            yield key, known, variable


def _names(container: Mapping[Any, Any], namespace: str, objects: Objects) -> list[str] | None:
    """The variables of a container; None if some of them are not known here."""
    names = [text(mapping(each).get("name")) for each in sequence(container.get("env"))]
    for source in sequence(container.get("envFrom")):
        for key, kind in (("secretRef", "Secret"), ("configMapRef", "ConfigMap")):
            if key not in mapping(source):
                continue
            given = objects.get("", kind, namespace, text(dig(source, key, "name")))
            if given is None or not objects.has_every_key(given):
                return None
            parts = [mapping(given.manifest.get(part)) for part in ("data", "stringData")]
            names += [f"{text(dig(source, 'prefix'))}{name}" for part in parts for name in part]
    return names


def _fix(
    variable: str, names: list[str], others: list[Mapping[Any, Any]], item: Item, objects: Objects
) -> str:
    for other in others:
        if variable in (_names(other, item.namespace, objects) or ()):
            where = "spec" if item.kind == "ScaledJob" else "spec.scaleTargetRef"
            return f"Container {text(other.get('name'))} has it: write {where}.envSourceContainerName: " + (
                f"{text(other.get('name'))}."
            )
    prefixed = next((name for name in names if name.endswith(f"_{variable}")), None)
    near = prefixed or did_you_mean(variable, names)
    return f"Write {near}." if near else f"It has: {', '.join(names[:8]) or 'none'}."

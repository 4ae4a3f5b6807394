"""KEDA's typed parser, offline: what scalersconfig/typed_config.go (KEDA 2.19.0) says of a trigger.

The parameters are data (data/trigger-params.json, a line each); this module is the one algorithm over them.
The rules between parameters are in cross_field.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from keda.syntax import go as go_values

Values = dict[str, Any]
_SOURCE_NAMES = {"metadata": "triggerMetadata", "auth": "authParams", "env": "resolvedEnv"}
_ZERO = {"string": "", "int64": 0, "uint32": 0, "float64": 0.0, "bool": False, "duration": 0}
_CONVERSIONS: dict[str, Callable[[str], Any]] = {
    "string": str,
    "int64": go_values.json_integer,
    "uint32": functools.partial(go_values.json_integer, bounds=go_values.UINT32),
    "float64": go_values.json_real,
    "bool": go_values.boolean,
    "duration": go_values.duration,
    "query": go_values.query,
    "map": go_values.mapping,
}


@dataclass(frozen=True)
class Trigger:
    """One trigger with what the operator resolves for it.

    `auth` holds the values of its TriggerAuthentication, `env` the variables of the target's container,
    `pod_identity` the provider. `as_metric_source` is true in a ScaledObject with a scalingModifiers formula:
    then several scalers do not ask for a target.
    """

    type: str
    metadata: Mapping[str, str] = field(default_factory=dict)
    auth: Mapping[str, str] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    pod_identity: str = ""
    metric_type: str = ""
    as_metric_source: bool = False

    @property
    def no_identity(self) -> bool:
        return self.pod_identity in ("", "none")


@dataclass(frozen=True)
class Parameter:
    """One parameter of a scaler; `at` is the line of KEDA's source that reads it.

    `sources` are in KEDA's order: the first that has a value wins. `key` names the parsed value where two
    fields read one name. `untagged` ones are read by the scaler itself, not by the typed parser.
    """

    name: str
    type: str
    sources: tuple[str, ...]
    at: str
    key: str = ""
    aliases: tuple[str, ...] = ()
    required: bool = False
    default: str = ""
    enum: tuple[str, ...] = ()
    exclusive: tuple[str, ...] = ()
    separator: str = ","
    range: str = ""
    deprecated: str = ""
    announce: str = ""
    doc: str = ""
    untagged: bool = False
    minimum: int | None = None

    @functools.cached_property
    def names(self) -> tuple[str, ...]:
        return (self.name, *self.aliases)


@dataclass(frozen=True)
class Scaler:
    """`parser` is typed, or own for the four types that read their metadata by hand (see own_parsers)."""

    parser: str
    parameters: tuple[Parameter, ...]
    open: str = ""


@functools.cache
def scalers() -> Mapping[str, Scaler]:
    """All 75 trigger types of KEDA 2.19.0."""
    data = json.loads((Path(__file__).parent / "data" / "trigger-params.json").read_text(encoding="utf-8"))
    return {name: _scaler(entry) for name, entry in data.items()}


def _scaler(entry: dict[str, Any]) -> Scaler:
    def parameter(facts: dict[str, Any]) -> Parameter:
        values: dict[str, Any] = {
            key: tuple(fact) if isinstance(fact, list) else fact for key, fact in facts.items()
        }
        return Parameter(**values)

    return Scaler(entry["parser"], tuple(map(parameter, entry["parameters"])), entry.get("open", ""))


def lookup(trigger: Trigger, parameter: Parameter) -> str | None:
    """The first non-empty value in the order of the sources, trimmed; None when absent."""
    for source in parameter.sources:
        given = {"metadata": trigger.metadata, "auth": trigger.auth, "env": trigger.env}[source]
        if not given:
            continue
        for name in parameter.names:
            key = trigger.metadata.get(f"{name}FromEnv", "") if source == "env" else name
            if (value := given.get(key)) and (value := go_values.trim(value)):
                return value
    return None


def parse(trigger: Trigger) -> tuple[Values, list[str]]:
    """The parsed values by key, and KEDA's errors; a field in error keeps its zero value, as in KEDA."""
    values: Values = {}
    errors: list[str] = []
    for parameter in scalers()[trigger.type].parameters:
        if parameter.untagged:
            continue
        key = parameter.key or parameter.name
        values[key] = zero(parameter)
        try:
            if (value := _value(trigger, parameter)) is not None:
                values[key] = value
        except ValueError as error:
            errors.append(str(error))
    return values, errors


def zero(parameter: Parameter) -> Any:
    return _ZERO.get(parameter.type, None if parameter.type == "float64?" else ())


def _value(trigger: Trigger, parameter: Parameter) -> Any:
    text = lookup(trigger, parameter)
    if text is not None and parameter.deprecated:
        raise ValueError(f"scaler {trigger.type} info: {parameter.deprecated}")
    if text is None:
        text = parameter.default or None
    name = ",".join(parameter.names)
    if text is None:
        if parameter.required:
            sources = " ".join(_SOURCE_NAMES[source] for source in parameter.sources)
            raise ValueError(f'missing required parameter "{name}" in [{sources}]')
        return None
    parts = [go_values.trim(part) for part in text.split(parameter.separator)]
    if parameter.enum and not set(parts) <= set(parameter.enum):
        allowed = " ".join(parameter.enum)
        raise ValueError(f'parameter "{name}" value "{text}" must be one of [{allowed}]')
    if parameter.exclusive and sum(part in parameter.exclusive for part in parts) > 1:
        allowed = " ".join(parameter.exclusive)
        raise ValueError(f'parameter "{name}" value "{text}" must contain only one of [{allowed}]')
    try:
        return convert(parameter, text, parts)
    except ValueError as error:
        raise ValueError(f'unable to set param "{name}" value "{text}": {error}') from error


def convert(parameter: Parameter, text: str, parts: list[str]) -> Any:
    """`text` as the parameter's type. Raises ValueError in KEDA's words."""
    if parameter.type == "strings":
        return parts
    if parameter.type == "integers":
        return [number for part in parts for number in _integers(part, parameter.range)]
    if parameter.type == "float64?":
        # A pointer takes JSON's null; any other numeric field panics on it inside the parser.
        return None if text == "null" else go_values.json_real(text)
    return _CONVERSIONS[parameter.type](text)


def _integers(part: str, separator: str) -> list[int]:
    if not separator or separator not in part:
        return [go_values.json_integer(part)]
    ends = part.split(separator)
    if len(ends) != 2:
        raise ValueError(f'expected format start{separator}end, got "{part}"')
    # Only the ends: KEDA expands the range, a judge does not need the numbers between.
    return [go_values.json_integer(end) for end in ends]

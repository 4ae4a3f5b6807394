"""KEDA's typed parser, offline: what scalersconfig/typed_config.go (KEDA 2.19.0) makes of a trigger.

The parameters are data (keda.scalers.facts); this module is the one algorithm over them. The rules between
parameters are in keda.scalers.rules.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

from keda.scalers.facts import Parameter, ResolvedTrigger, scalers
from keda.scalers.refusals import Refusal, RefusalError, bad_value, missing, unreadable
from keda.syntax import go as go_values

Values = dict[str, Any]
_SOURCE_NAMES = {"metadata": "triggerMetadata", "auth": "authParams", "env": "resolvedEnv"}
_NUMBERS = {"int64": 0, "uint32": 0, "float64": 0.0, "float64?": None, "duration": 0}
_ZERO = {"string": "", "bool": False, **_NUMBERS}
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


def lookup(trigger: ResolvedTrigger, parameter: Parameter) -> str | None:
    """The first non-empty value in the order of the sources, trimmed; None when absent."""
    for source in parameter.sources:
        given: Mapping[str, str] = getattr(trigger, source)
        if not given:
            continue
        for name in parameter.names:
            key = trigger.metadata.get(f"{name}FromEnv", "") if source == "env" else name
            if (value := given.get(key)) and (value := go_values.trim(value)):
                return value
    return None


def parse(trigger: ResolvedTrigger) -> tuple[Values, list[Refusal]]:
    """The parsed values by key, and KEDA's refusals; a field in error keeps its zero value, as in KEDA."""
    values = dict(_zeros(trigger.type))
    refused: list[Refusal] = []
    names = {*trigger.metadata, *trigger.auth, *(key.removesuffix("FromEnv") for key in trigger.metadata)}
    for parameter in scalers()[trigger.type].parameters:
        absent = names.isdisjoint(parameter.names) and not (parameter.default or parameter.required)
        if absent or parameter.untagged:
            continue
        try:
            if (value := _value(trigger, parameter)) is not None:
                values[parameter.key or parameter.name] = value
        except RefusalError as error:
            refused.append(error.refusal)
    return values, refused


@functools.cache
def _zeros(scaler: str) -> Values:
    """The values of parameters that are absent or in error: Go's zero values of their fields."""
    tagged = (each for each in scalers()[scaler].parameters if not each.untagged)
    return {each.key or each.name: _ZERO.get(each.type, ()) for each in tagged}


def _value(trigger: ResolvedTrigger, parameter: Parameter) -> Any:
    text = lookup(trigger, parameter)
    if text is not None and parameter.deprecated:
        words = f"scaler {trigger.type} info: {parameter.deprecated}"
        raise RefusalError(Refusal("removed", parameter.names, words))
    text, name = text or parameter.default, ",".join(parameter.names)
    if not text:
        if not parameter.required:
            return None
        sources = " ".join(_SOURCE_NAMES[source] for source in parameter.sources)
        words = f'missing required parameter "{name}" in [{sources}]'
        raise RefusalError(missing(words, *parameter.names))
    parts = [go_values.trim(part) for part in text.split(parameter.separator)]
    if parameter.enum and not set(parts) <= set(parameter.enum):
        words = f'parameter "{name}" value "{text}" must be one of [{" ".join(parameter.enum)}]'
        raise RefusalError(bad_value(words, *parameter.names, allowed=parameter.enum))
    if parameter.exclusive and sum(part in parameter.exclusive for part in parts) > 1:
        allowed = " ".join(parameter.exclusive)
        words = f'parameter "{name}" value "{text}" must contain only one of [{allowed}]'
        raise RefusalError(bad_value(words, *parameter.names))
    try:
        return convert(parameter, text, parts)
    except ValueError as error:
        words = f'unable to set param "{name}" value "{text}"'
        raise RefusalError(unreadable(words, *parameter.names, detail=str(error))) from error


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


def converted(label: str, name: str, text: str, conversion: Callable[[str], Any]) -> Any:
    """`text` of the parameter `name` for a parser of a scaler's own. Raises RefusalError."""
    try:
        return conversion(text)
    except ValueError as error:
        raise RefusalError(unreadable(f"error parsing {label}", name, detail=str(error))) from error


def _integers(part: str, separator: str) -> list[int]:
    if not separator or separator not in part:
        return [go_values.json_integer(part)]
    ends = part.split(separator)
    if len(ends) != 2:
        raise ValueError(f'expected format start{separator}end, got "{part}"')
    # Only the ends: KEDA expands the range, nobody needs the numbers between.
    return [go_values.json_integer(end) for end in ends]

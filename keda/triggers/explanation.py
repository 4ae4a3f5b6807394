"""A scaler's parameters for people: `explain(scaler)` for a terminal, `table()` for docs/scalers.md."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from keda.core.docstrings import field_docstrings
from keda.core.errors import MISSING, Fault, SpecError, did_you_mean, is_secret_key
from keda.scalers.facts import Parameter, meaning, scalers
from keda.triggers.base import Trigger
from keda.triggers.catalogue import CLASSES
from keda.triggers.registry import UNKNOWN_SCALER, trigger_class

_KINDS = {
    "string": "string",
    "int64": "whole number",
    "uint32": "whole number from 0",
    "float64": "number",
    "float64?": "number or null",
    "bool": "true or false",
    "duration": "duration, such as 30s",
    "strings": "list",
    "integers": "list of numbers",
    "map": "key=value pairs",
    "query": "URL query",
}
_PLACES = {"metadata": "metadata", "auth": "TriggerAuthentication"}
_TITLES = ("REQUIRED", "OPTIONAL", "FROM A TRIGGERAUTHENTICATION")
_WIDTH = 96
_INTRODUCTION = """\
# The {count} scalers of KEDA 2.19.0

Written by `make generate`, from the models. `keda explain <scaler>` prints one
scaler in full, with units and defaults. A parameter in **bold** is required. The last column is what a
TriggerAuthentication can give; *italic*: required, in one of its places.

| scaler | class | required in metadata | other parameters (default) | authentication |
|---|---|---|---|---|
"""


def explain(scaler: str) -> str:
    """A scaler's parameters as text, one paragraph each. Raises SpecError when KEDA has no such scaler."""
    if scaler not in CLASSES:
        guess = did_you_mean(scaler, CLASSES)
        fix = f"Write {guess}." if guess else f"They are: {', '.join(sorted(CLASSES))}."
        raise SpecError([Fault("", scaler, UNKNOWN_SCALER, fix)])
    model = trigger_class(scaler)
    documented = documentation(model)
    groups: dict[str, list[str]] = {title: [] for title in _TITLES}
    for parameter in parameters(scaler):
        if "*" not in parameter.name:
            title = _TITLES[0] if parameter.required else _TITLES[1]
            title = _TITLES[2] if parameter.sources == ("auth",) else title
            groups[title].append("\n".join(_paragraph(scaler, parameter, documented)))
    if model.open_keys:
        prefix = model.open_keys[0] or "<any key>"
        groups[_TITLES[1]].append(f"  {prefix}\n    {documented[model.open_keys[1]]}")
    about = " ".join((model.__doc__ or "").split("\n\n")[0].split())
    blocks = [f"{scaler}, in Python keda.{CLASSES[scaler][1]}", textwrap.fill(about, _WIDTH)]
    for title, paragraphs in groups.items():
        blocks += [title, *paragraphs] if paragraphs else []
    return "\n\n".join(blocks) + "\n"


def table() -> str:
    """docs/scalers.md."""
    return _INTRODUCTION.format(count=len(CLASSES)) + "".join(
        f"{_row(scaler)}\n" for scaler in sorted(CLASSES)
    )


def parameters(scaler: str) -> list[Parameter]:
    """The parameters by name; where KEDA reads one name twice, one entry with the sources of both."""
    result: dict[str, Parameter] = {}
    for parameter in sorted(scalers()[scaler].parameters, key=lambda each: each.key == each.name):
        first = result.setdefault(parameter.name, parameter)
        if first is not parameter:
            sources = tuple(dict.fromkeys((*first.sources, *parameter.sources)))
            result[parameter.name] = first._replace(sources=sources, announce=parameter.announce)
    return list(result.values())


def documentation(model: type[Trigger]) -> dict[str, str]:
    """The docstring of each field, by the field's name and its key."""
    documented = field_docstrings(model)
    keys = {name: field.alias or name for name, field in model.model_fields.items()}
    return {**documented, **{keys[name]: text for name, text in documented.items() if name in keys}}


def elsewhere(parameter: Parameter, name: str) -> str:
    """Where a value may come from in place of metadata: a sentence of its field's docstring, or ""."""
    places = [
        *(["the TriggerAuthentication"] if "auth" in parameter.sources else []),
        *([f"a variable ({name}FromEnv)"] if "env" in parameter.sources else []),
    ]
    return f"May come from {' or '.join(places)} instead." if places else ""


def _paragraph(scaler: str, parameter: Parameter, documented: dict[str, str]) -> Iterator[str]:
    kind = " or ".join(parameter.enum) if parameter.enum else _KINDS[parameter.type]
    yield f"  {', '.join(parameter.names)} <{kind}>"
    sentence = documented.get(parameter.name, "").replace(elsewhere(parameter, parameter.name), "").strip()
    sentence = sentence or meaning(scaler, parameter.name)
    if parameter.default and "Default:" not in sentence:
        sentence = f"{sentence} Default: {parameter.default}.".strip()
    places = [
        f"environment ({parameter.name}FromEnv)" if source == "env" else _PLACES[source]
        for source in parameter.sources
        # KEDA would take a secret from there; it is refused here.
        if not (source == "metadata" and is_secret_key(parameter.name))
    ]
    if places not in (["metadata"], ["TriggerAuthentication"]):
        sentence = f"{sentence} From: {', else '.join(places)}.".strip()
    if parameter.deprecated:
        sentence = f"{sentence} Refused: {parameter.deprecated}".strip()
    if sentence:
        yield textwrap.fill(sentence, _WIDTH, initial_indent="    ", subsequent_indent="    ")


def _row(scaler: str) -> str:
    module, name = CLASSES[scaler]
    model = trigger_class(scaler)
    fields = {field.alias or name: field for name, field in model.parameter_fields().items()}
    opened = model.model_fields[model.open_keys[1]].alias if model.open_keys else None
    required = [f"**{key}**" for key, field in fields.items() if field.is_required()]
    others = [
        f"{key} ({_shown(field.default)})" if field.default not in (None, MISSING) else key
        for key, field in fields.items()
        if not field.is_required() and key != opened
    ]
    if model.open_keys:
        others.append(f"{model.open_keys[0]}…")
    credentials = [
        f"*{parameter.name}*" if parameter.required else parameter.name
        for parameter in parameters(scaler)
        if "auth" in parameter.sources
    ]
    link = f"[{name}](../keda/triggers/types/{module}.py)"
    columns = (scaler, link, ", ".join(required), ", ".join(others), ", ".join(credentials))
    return f"| {' | '.join(columns)} |"


def _shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else f"`{value}`"

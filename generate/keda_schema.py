"""JSON Schema of the KEDA kinds with typed triggers: an editor completes keys and underlines mistakes.

    python -m generate.keda_schema

writes schemas/keda.schema.json. It takes more than the models do: it knows no rule between two fields.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic.json_schema import models_json_schema

from keda.core.docstrings import field_docstrings
from keda.core.errors import is_secret_key
from keda.core.model import Model
from keda.resources import ClusterTriggerAuthentication, ScaledJob, ScaledObject, TriggerAuthentication
from keda.scalers.facts import Parameter, meaning
from keda.triggers.base import Trigger
from keda.triggers.catalogue import CLASSES
from keda.triggers.explanation import documentation, parameters
from keda.triggers.registry import trigger_class

Schema = dict[str, Any]
KINDS: tuple[type[Model], ...] = (
    ScaledObject,
    ScaledJob,
    TriggerAuthentication,
    ClusterTriggerAuthentication,
)
DIALECT = "http://json-schema.org/draft-07/schema#"
FILE = Path(__file__).parents[1] / "schemas" / "keda.schema.json"
# What stands in a manifest's metadata is text; these are its forms. A stack file may hold the value itself.
_PATTERNS = {
    "int64": r"^\s*[+-]?[0-9]+\s*$",
    "uint32": r"^\s*[0-9]+\s*$",
    "bool": "^(1|t|T|TRUE|true|True|0|f|F|FALSE|false|False)$",
}
_TYPES: dict[tuple[str, str], str | list[str]] = {
    ("ScalingModifiers", "target"): "string",
    ("ScalingModifiers", "activationTarget"): "string",
    ("ScalingRules", "tolerance"): ["integer", "string"],
    ("ScaledJobSpec", "rolloutStrategy"): "string",  # deprecated; the model has rollout.strategy alone
}
"""Fields of the CRD for which the models take other values, or none."""
VARIABLE = r"\$\{"
"""Flux fills it in later: what it becomes is not known in an editor."""
_FILLED_IN = ("boolean", "integer", "number")
_VALUES = {
    "int64": "integer",
    "uint32": "integer",
    "float64": "number",
    "float64?": "number",
    "bool": "boolean",
}
_VALUES |= {"strings": "array", "integers": "array", "map": "object"}


def definitions(models: tuple[type[Model], ...], *, texts: bool) -> dict[str, Schema]:
    """The schemas of models and all they hold, by class name. `texts`: trigger metadata has only strings."""
    _, schema = models_json_schema([(model, "validation") for model in models], by_alias=True)
    defined: dict[str, Schema] = schema["$defs"]
    for model in _subclasses(Model):
        if model.__name__ in defined:
            _describe(defined[model.__name__], model)
    if "Trigger" in defined:
        defined["Trigger"] = trigger_schema(texts=texts)
    if texts:
        _as_written(defined)
    return defined


def _as_written(defined: dict[str, Schema]) -> None:
    """Where a manifest differs from the models: text for numbers, Kubernetes' own metadata, status."""
    for name in {"Metadata", "ClusterMetadata"} & set(defined):
        # Kustomize adds a namespace, a cluster the rest.
        named = [{"required": ["name"]}, {"required": ["generateName"]}]
        defined[name] |= {"additionalProperties": True, "required": [], "anyOf": named}
    for kind in {kind.__name__ for kind in KINDS} & set(defined):
        defined[kind]["properties"]["status"] = {"type": "object", "description": "What KEDA writes."}
    for (name, key), types in _TYPES.items():
        if name in defined:
            field = defined[name]["properties"].get(key, {})
            described = {"description": field["description"]} if "description" in field else {}
            defined[name]["properties"][key] = {"type": types, **described}
    for schema in defined.values():
        for field in schema.get("properties", {}).values():
            _or_variable(field)


def _or_variable(field: Schema) -> None:
    """Takes a variable too where a number or a boolean belongs, as `maxReplicaCount: ${MAX}`."""
    variable = {"type": "string", "pattern": VARIABLE}
    if field.get("type") in _FILLED_IN:
        bounds = {key: field.pop(key) for key in list(field) if key in ("type", "minimum", "maximum")}
        field["anyOf"] = [bounds, variable]
    elif any(each.get("type") in _FILLED_IN for each in field.get("anyOf", ())):
        field["anyOf"] = [*field["anyOf"], variable]


def trigger_schema(*, texts: bool) -> Schema:
    """One trigger: what its metadata may hold goes by its type."""
    common = Trigger.model_json_schema(by_alias=True)["properties"]
    return {
        "type": "object",
        "required": ["type", "metadata"],
        "additionalProperties": False,
        "properties": {"type": {"enum": sorted(CLASSES)}, "metadata": {"type": "object"}, **common},
        "allOf": [
            {
                "if": {"properties": {"type": {"const": scaler}}, "required": ["type"]},
                "then": {"properties": {"metadata": metadata_schema(scaler, texts=texts)}},
            }
            for scaler in sorted(CLASSES)
        ],
    }


def metadata_schema(scaler: str, *, texts: bool) -> Schema:
    """The parameters of one scaler that stand in metadata."""
    model = trigger_class(scaler)
    descriptions, known = documentation(model), {each.name: each for each in parameters(scaler)}
    aliases = {alias: each for each in known.values() for alias in each.aliases}
    properties, required = {}, []
    for name, field in model.parameter_fields().items():
        key = field.alias or name
        if model.open_keys and name == model.open_keys[1]:
            continue
        parameter = known.get(key) or aliases.get(key)
        properties[key] = _value(parameter, texts) | {
            "description": descriptions.get(key) or meaning(scaler, key) or _of_variable(key) or key
        }
        required += [key] if field.is_required() else []
    schema: Schema = {"type": "object", "properties": properties, "required": required}
    prefix = model.open_keys[0] if model.open_keys else None
    if prefix:
        schema["patternProperties"] = {f"^{re.escape(prefix)}.": {"type": "string"}}
    return schema | {"additionalProperties": prefix == ""}


def _of_variable(key: str) -> str:
    """What a `…FromEnv` key is; "" for another."""
    name = key.removesuffix("FromEnv")
    secret = " Credentials stay in the Secret it comes from." if is_secret_key(name) else ""
    return f"The container's variable that holds {name}.{secret}" if name != key else ""


def _value(parameter: Parameter | None, texts: bool) -> Schema:
    if parameter is None:
        return {"type": "string"}
    if parameter.enum and parameter.type == "string":
        words: Schema = {"enum": list(parameter.enum)}
        return {"anyOf": [words, {"type": "string", "pattern": VARIABLE}]} if texts else words
    text: Schema = {"type": "string"}
    if pattern := _PATTERNS.get(parameter.type):
        text["pattern"] = f"{pattern}|{VARIABLE}" if texts else pattern
    if texts:
        return text
    # Whole numbers and truth values are taken for texts too.
    others = {
        _VALUES.get(parameter.type, "integer"),
        "boolean" if parameter.name == "enableTLS" else "integer",
    }
    return {"anyOf": [text, {"type": sorted(others)}]}


def keda_schema() -> Schema:
    """Any of the four kinds, told apart by `kind`."""
    defined = definitions(KINDS, texts=True)
    branches = [
        {
            "if": {"properties": {"kind": {"const": kind.__name__}}, "required": ["kind"]},
            "then": {"$ref": f"#/$defs/{kind.__name__}"},
        }
        for kind in KINDS
    ]
    kinds = {"kind": {"enum": [kind.__name__ for kind in KINDS]}}
    title = "ScaledObject, ScaledJob and their authentications (KEDA 2.19.0)"
    head = {"$schema": DIALECT, "title": title, "type": "object", "required": ["apiVersion", "kind"]}
    return {**head, "properties": kinds, "allOf": branches, "$defs": defined}


def render(schema: Schema) -> str:
    """A schema as the text of its file."""
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"


def _subclasses(model: type[Model]) -> Iterator[type[Model]]:
    for each in model.__subclasses__():
        yield each
        yield from _subclasses(each)


def _describe(schema: Schema, model: type[Model]) -> None:
    descriptions = field_docstrings(model)
    for name, field in model.model_fields.items():
        entry = schema.get("properties", {}).get(field.alias or name)
        if entry is not None and name in descriptions:
            entry.setdefault("description", descriptions[name])


def main() -> None:
    """Writes the JSON Schema of KEDA's objects."""
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(render(keda_schema()), encoding="utf-8")


if __name__ == "__main__":
    main()

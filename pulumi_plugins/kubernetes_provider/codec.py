"""Pulumi's property values as Python values, and back.

Objects are dicts, lists are lists, whole numbers are ints (the wire has floats only, and the API server
refuses `replicas: 1.0`). Unknown values of a preview are `UNKNOWN`; secrets are `Secret`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from google.protobuf import struct_pb2

# Markers of Pulumi's wire format: sdk/go/common/resource/properties.go.
SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET = "1b47061264138c4ac30d75fd1eb44270"
OUTPUT = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
REFERENCE = "5cf8f73096256a8f31e491e813e4eb8e"
UNKNOWN_TEXTS = {
    "04da6b54-80e4-46f7-96ec-b56ff0331ba9",
    "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
    "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
    "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
    "030794c1-ac77-496b-92df-f27374a8bd58",
    "e48ece36-62e2-4504-bad9-02848725956a",
    "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
}
UNKNOWN_TEXT = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"


class Unknown:
    """A value that only `up` will know."""

    def __repr__(self) -> str:
        return "<unknown>"

    def __copy__(self) -> Unknown:
        return self

    def __deepcopy__(self, _: object) -> Unknown:
        return self


UNKNOWN = Unknown()


@dataclass(frozen=True)
class Secret:
    """A value that the state keeps encrypted."""

    value: Any

    def __repr__(self) -> str:
        return "<secret>"


def decode(struct: struct_pb2.Struct) -> dict[str, Any]:
    """A property map as Python values."""
    return {key: _decode(value) for key, value in struct.fields.items()}


def _decode(value: struct_pb2.Value) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "struct_value":
        return _decode_special(decode(value.struct_value))
    if kind == "list_value":
        return [_decode(item) for item in value.list_value.values]
    if kind == "number_value":
        return int(value.number_value) if value.number_value.is_integer() else value.number_value
    if kind == "string_value":
        return UNKNOWN if value.string_value in UNKNOWN_TEXTS else value.string_value
    return value.bool_value if kind == "bool_value" else None


def _decode_special(fields: dict[str, Any]) -> Any:
    match fields.get(SIGNATURE):
        case signature if signature == SECRET:
            return Secret(fields.get("value"))
        case signature if signature == OUTPUT:
            inner = fields.get("value", UNKNOWN)
            return Secret(inner) if fields.get("secret") else inner
    return fields


def encode(values: Mapping[str, Any]) -> struct_pb2.Struct:
    """A property map of Python values for the wire."""
    return struct_pb2.Struct(fields={key: _encode(value) for key, value in values.items()})


def _encode(value: Any) -> struct_pb2.Value:
    match value:
        case Unknown():
            return struct_pb2.Value(string_value=UNKNOWN_TEXT)
        case Secret(inner):
            return _encode({SIGNATURE: SECRET, "value": inner})
        case None:
            return struct_pb2.Value(null_value=struct_pb2.NULL_VALUE)
        case bool():
            return struct_pb2.Value(bool_value=value)
        case int() | float():
            return struct_pb2.Value(number_value=value)
        case str():
            return struct_pb2.Value(string_value=value)
        case Mapping():
            return struct_pb2.Value(struct_value=encode(value))
        case list() | tuple():
            return struct_pb2.Value(list_value=struct_pb2.ListValue(values=[_encode(item) for item in value]))
    # For example a YAML date in a chart's annotation: its text is what the API server would be sent.
    return struct_pb2.Value(string_value=str(value))


def reference(urn: str, resource_id: str) -> dict[str, Any]:
    """A resource as a property value."""
    return {SIGNATURE: REFERENCE, "urn": urn, "id": resource_id}


def reveal(value: Any) -> Any:
    """The value without its secret marks; for the API server, never for a message."""
    match value:
        case Secret(inner):
            return reveal(inner)
        case dict():
            return {key: reveal(item) for key, item in value.items()}
        case list():
            return [reveal(item) for item in value]
    return value


def has_unknown(value: Any) -> bool:
    """Whether an unknown is anywhere in the value."""
    return _any(value, lambda leaf: isinstance(leaf, Unknown))


def has_secret(value: Any) -> bool:
    """Whether a secret is anywhere in the value."""
    return _any(value, lambda leaf: isinstance(leaf, Secret))


def _any(value: Any, holds: Callable[[Any], bool]) -> bool:
    if holds(value):
        return True
    match value:
        case Secret(inner):
            return _any(inner, holds)
        case dict():
            return any(_any(item, holds) for item in value.values())
        case list():
            return any(_any(item, holds) for item in value)
    return False


def mark_secrets(values: dict[str, Any], like: Mapping[str, Any]) -> dict[str, Any]:
    """`values` with secrets wherever `like` has them, and in the data of every v1 Secret."""
    if values.get("kind") == "Secret" and values.get("apiVersion") == "v1":
        return {
            key: Secret(reveal(value)) if key in {"data", "stringData"} else value
            for key, value in values.items()
        }
    marked = dict(values)
    for key, model in like.items():
        value = marked.get(key)
        if isinstance(value, dict) and isinstance(model, Mapping):
            marked[key] = mark_secrets(value, model)
        elif key in marked and not isinstance(value, Secret) and has_secret(model):
            marked[key] = Secret(value)
    return marked

"""The CRDs of KEDA's chart: types, required and known keys, enums and bounds (generate/crd_schema.py)."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from keda.manifests.reading import At, whole

Shape = Mapping[str, Any]
"""A schema of OpenAPI without its prose."""
SPEC: At = ("spec",)
TEMPLATE: At = ("spec", "jobTargetRef", "template")
GROUP_OF = {"CloudEventSource": "eventing.keda.sh", "ClusterCloudEventSource": "eventing.keda.sh"}
"""The group of a kind, where it is not keda.sh."""


@functools.cache
def shapes() -> Mapping[str, Shape]:
    """The schema of `spec` of each KEDA kind, without a ScaledJob's pod template."""
    data: Mapping[str, Shape] = json.loads(_text("crd_schema.json"))
    return data


@functools.cache
def pod_template() -> Shape:
    """The schema of a ScaledJob's `spec.jobTargetRef.template`: a file of its own, as few objects have one.

    Each row of the file is a schema, and names the schemas within it by their rows.
    """
    rows: list[dict[str, Any]] = json.loads(_text("pod_template.json"))
    for row in rows:
        if "properties" in row:
            row["properties"] = {key: rows[number] for key, number in row["properties"].items()}
        for key in {"items", "additionalProperties"} & row.keys():
            row[key] = rows[row[key]]
    return rows[-1]


def _text(file: str) -> str:
    return (Path(__file__).parent / file).read_text(encoding="utf-8")


def has_type(value: object, wanted: str) -> bool:
    """Whether a value is of a type of OpenAPI; "" is any."""
    match wanted:
        case "object":
            return isinstance(value, Mapping)
        case "array":
            return isinstance(value, list)
        case "string":
            return isinstance(value, str)
        case "integer":
            return whole(value) is not None
        case "boolean":
            return isinstance(value, bool)
    return True

"""Makes crd_schema.json and pod_template.json, the CRDs of KEDA's chart without their prose.

python -m generate.crd_schema CHART.tgz
"""

from __future__ import annotations

import json
import re
import sys
import tarfile
from pathlib import Path
from typing import Any

import yaml

_FOLDER = Path(__file__).parents[1] / "keda/checks/admission"
_KEPT = (
    *("type", "enum", "minimum", "maximum", "format", "pattern"),
    *("x-kubernetes-int-or-string", "x-kubernetes-preserve-unknown-fields"),
)


def shape(schema: dict[str, Any]) -> dict[str, Any]:
    """What is checked of a schema: types, required keys, known keys, enums and bounds."""
    kept: dict[str, Any] = {key: schema[key] for key in _KEPT if key in schema}
    if kept.get("format") == "int64":
        del kept["format"]
    properties = schema.get("properties", {})
    # The API server writes a default before it asks for what is required.
    if required := [key for key in schema.get("required", ()) if "default" not in properties[key]]:
        kept["required"] = required
    if properties:
        kept["properties"] = {key: shape(inner) for key, inner in properties.items()}
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            kept[key] = shape(schema[key])
    return kept


def flat(schema: dict[str, Any], rows: dict[str, int]) -> int:
    """Add a schema to the rows, each different one once and its inner ones before it; its row's number."""
    row = dict(schema)
    if "properties" in schema:
        row["properties"] = {key: flat(inner, rows) for key, inner in sorted(schema["properties"].items())}
    for key in ("items", "additionalProperties"):
        if key in schema:
            row[key] = flat(schema[key], rows)
    return rows.setdefault(json.dumps(row, sort_keys=True), len(rows))


def main(chart: str) -> None:
    """Writes both files; `chart` is KEDA's chart, a .tgz file."""
    shapes = {}
    with tarfile.open(chart) as archive:
        for member in archive:
            if "/crds/crd-" not in member.name or (file := archive.extractfile(member)) is None:
                continue
            text = re.sub(r"(?m)^.*\{\{.*\}\}.*$", "", file.read().decode())
            crd = yaml.load(text, yaml.CSafeLoader)["spec"]
            spec = crd["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
            shapes[crd["names"]["kind"]] = shape(spec)
    # A pod template is larger than all else, and only a ScaledJob has one.
    job = shapes["ScaledJob"]["properties"]["jobTargetRef"]["properties"]
    rows: dict[str, int] = {}
    flat(job["template"], rows)
    job["template"] = {"type": "object"}
    lines = (f"{json.dumps(kind)}: {json.dumps(shapes[kind], sort_keys=True)}" for kind in sorted(shapes))
    (_FOLDER / "crd_schema.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")
    (_FOLDER / "pod_template.json").write_text("[\n" + ",\n".join(rows) + "\n]\n")


if __name__ == "__main__":
    main(sys.argv[1])

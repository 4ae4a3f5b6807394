"""Makes shapes.json, the CRDs of KEDA's chart without their prose: `make_shapes.py CHART.tgz`."""

from __future__ import annotations

import json
import re
import sys
import tarfile
from pathlib import Path
from typing import Any

import yaml

_KEPT = ("type", "required", "enum", "minimum", "maximum", "format", "x-kubernetes-int-or-string")


def shape(schema: dict[str, Any]) -> dict[str, Any]:
    """What is checked of a schema: types, required keys, known keys, enums and bounds."""
    kept: dict[str, Any] = {key: schema[key] for key in _KEPT if key in schema}
    if kept.get("format") == "int64":
        del kept["format"]
    if "properties" in schema:
        kept["properties"] = {key: shape(inner) for key, inner in schema["properties"].items()}
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            kept[key] = shape(schema[key])
    return kept


def main(chart: str) -> None:
    shapes = {}
    with tarfile.open(chart) as archive:
        for member in archive:
            if "/crds/crd-" not in member.name or (file := archive.extractfile(member)) is None:
                continue
            text = re.sub(r"(?m)^.*\{\{.*\}\}.*$", "", file.read().decode())
            crd = yaml.load(text, yaml.CSafeLoader)["spec"]
            spec = crd["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
            shapes[crd["names"]["kind"]] = shape(spec)
    # A pod template is Kubernetes' own: 300 kB of schema for what `kubectl apply` checks anyway.
    job = shapes["ScaledJob"]["properties"]["jobTargetRef"]["properties"]
    job["template"] = {"type": "object"}
    lines = (f"{json.dumps(kind)}: {json.dumps(shapes[kind], sort_keys=True)}" for kind in sorted(shapes))
    (Path(__file__).parents[1] / "keda/checks/admission/crd_schema.json").write_text(
        "{\n" + ",\n".join(lines) + "\n}\n"
    )


if __name__ == "__main__":
    main(sys.argv[1])

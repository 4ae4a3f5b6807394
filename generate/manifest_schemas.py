"""The JSON Schema of each of KEDA's kinds, where kubeconform and the YAML language server look for it.

    python -m generate.manifest_schemas

writes schemas/<KEDA's version>/<group>/<kind>_<version>.json. A version stays as it is once the next one is
there, so that an address of it may be written down.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from generate.keda_schema import DIALECT, KINDS, Schema, definitions, render
from keda.checks.admission.crd_shapes import shapes
from keda.core.defaults import KEDA_VERSION
from keda.core.model import Model

FOLDER = Path(__file__).parents[1] / "schemas" / KEDA_VERSION
VERSION = "v1alpha1"


def schemas() -> Iterator[tuple[str, Schema]]:
    """(path below FOLDER, schema) of each kind."""
    typed = {kind.__name__ for kind in KINDS}
    for kind in KINDS:
        yield _path("keda.sh", kind.__name__), _of_model(kind)
    for name in sorted(set(shapes()) - typed):
        yield _path("eventing.keda.sh", name), _of_shape(name, "eventing.keda.sh")


def _path(group: str, kind: str) -> str:
    return f"{group}/{kind.lower()}_{VERSION}.json"


def _of_model(kind: type[Model]) -> Schema:
    defined = definitions((kind,), texts=True)
    top = defined.pop(kind.__name__)
    top["required"] = ["apiVersion", "kind", "metadata", "spec"]
    return {"$schema": DIALECT, **top, "$defs": defined}


def _of_shape(kind: str, group: str) -> Schema:
    """Of the CRD alone: no model has this kind."""
    properties: Schema = {
        "apiVersion": {"const": f"{group}/{VERSION}"},
        "kind": {"const": kind},
        "metadata": {"type": "object"},
        "spec": _closed(shapes()[kind]),
        "status": {"type": "object"},
    }
    required = ["apiVersion", "kind", "metadata", "spec"]
    head = {"$schema": DIALECT, "title": kind, "type": "object", "additionalProperties": False}
    return {**head, "required": required, "properties": properties}


def _closed(shape: Any) -> Any:
    """A schema that refuses what the API server drops."""
    if not isinstance(shape, dict):
        return shape
    closed = {key: _closed(value) for key, value in shape.items() if key not in ("properties", "format")}
    if "properties" in shape:
        closed["properties"] = {key: _closed(value) for key, value in shape["properties"].items()}
        closed.setdefault("additionalProperties", False)
    return closed


def main() -> None:
    """Writes a JSON Schema per kind, for editors."""
    for path, schema in schemas():
        (FOLDER / path).parent.mkdir(parents=True, exist_ok=True)
        (FOLDER / path).write_text(render(schema), encoding="utf-8")


if __name__ == "__main__":
    main()

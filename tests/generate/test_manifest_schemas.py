"""The JSON Schemas at schemas/<version>/<group>/<kind>_<version>.json: current, and no stricter than KEDA."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator

from generate import keda_schema as generator_of_kinds
from generate import manifest_schemas as generator
from keda.checks.admission.crd_shapes import shapes
from keda.core.defaults import KEDA_VERSION
from tests.support import CORPUS

SCHEMAS = dict(generator.schemas())
VALIDATORS = {path: Draft7Validator(schema) for path, schema in SCHEMAS.items()}
CHECK = CORPUS / "check"


def path_of(manifest: dict[str, Any]) -> str:
    """Where kubeconform looks: {{.Group}}/{{.ResourceKind}}_{{.ResourceAPIVersion}}.json."""
    group, _, version = manifest["apiVersion"].rpartition("/")
    return f"{group}/{manifest['kind'].lower()}_{version}.json"


def manifests(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """(name of the file, object) of KEDA's kinds in the corpus."""
    for file in sorted(folder.glob("*.yaml")):
        for document in yaml.load_all(file.read_text("utf-8"), yaml.CSafeLoader):
            listed = document.get("items", [document]) if isinstance(document, dict) else []
            yield from ((file.stem, each) for each in listed if "keda.sh/" in str(each.get("apiVersion")))


VALID = list(manifests(CHECK / "valid"))


def scaled_object(**spec: Any) -> dict[str, Any]:
    triggers = [{"type": "cpu", "metricType": "Utilization", "metadata": {"value": "60"}}]
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": "web"},
        "spec": {"scaleTargetRef": {"name": "web"}, "triggers": triggers, **spec},
    }


def faults(manifest: dict[str, Any]) -> list[str]:
    return [error.message for error in VALIDATORS[path_of(manifest)].iter_errors(manifest)]


def test_the_schemas_are_current() -> None:
    folder = generator.FOLDER
    assert folder.name == KEDA_VERSION
    written = {
        path.relative_to(folder).as_posix(): path.read_text("utf-8") for path in folder.rglob("*.json")
    }
    assert written == {path: generator.render(schema) for path, schema in SCHEMAS.items()}, (
        "run: make generate"
    )
    for schema in SCHEMAS.values():
        Draft7Validator.check_schema(schema)


def test_each_kind_of_keda_has_one() -> None:
    assert {path.partition("/")[2] for path in SCHEMAS} == {
        f"{kind.lower()}_v1alpha1.json" for kind in shapes()
    }


@pytest.mark.parametrize("manifest", [each for _, each in VALID], ids=[name for name, _ in VALID])
def test_a_valid_manifest_has_no_fault(manifest: dict[str, Any]) -> None:
    assert faults(manifest) == []


@pytest.mark.parametrize(
    "manifest",
    [
        scaled_object(maxReplicas=5),
        scaled_object(maxReplicaCount="5"),
        scaled_object(triggers=[{"type": "cpu", "metadata": {"valeu": "60"}}]),
        scaled_object(triggers=[{"type": "kafak", "metadata": {}}]),
        scaled_object(triggers=[{"type": "cron", "metadata": {"start": "0 8 * * *"}}]),
        {**scaled_object(), "metadata": {"labels": {}}},
        {**scaled_object(), "maxReplicaCount": 5},
    ],
    ids=["unknown-field", "wrong-type", "misspelt", "unknown-scaler", "missing", "no-name", "misplaced"],
)
def test_a_broken_manifest_is_refused(manifest: dict[str, Any]) -> None:
    assert faults(scaled_object()) == []
    assert faults(manifest)


def test_what_a_cluster_and_flux_add_is_taken() -> None:
    live = scaled_object(maxReplicaCount=5) | {"status": {"scaleTargetKind": "apps/v1.Deployment"}}
    live["metadata"] |= {"finalizers": ["finalizer.keda.sh"], "uid": "1", "resourceVersion": "2"}
    assert faults(live) == []
    metadata = {"timezone": "${ZONE}", "start": "0 8 * * *", "end": "0 9 * * *", "desiredReplicas": "${N}"}
    assert faults(scaled_object(triggers=[{"type": "cron", "metadata": metadata}])) == []
    assert faults({**scaled_object(), "metadata": {"generateName": "web-"}}) == []


@pytest.mark.parametrize(
    ("path", "wrong"),
    [
        ("maxReplicaCount", "5"),
        ("pollingInterval", "$30"),
        ("advanced.restoreToOriginalReplicaCount", "true"),
        ("fallback.replicas", "5"),
    ],
)
def test_a_variable_of_flux_is_taken_for_a_number_and_a_boolean(path: str, wrong: str) -> None:
    def spec(value: str) -> dict[str, Any]:
        outer, _, inner = path.rpartition(".")
        field = {inner: value} | ({"failureThreshold": 3} if outer == "fallback" else {})
        return {outer: field} if outer else field

    assert faults(scaled_object(**spec("${VALUE}"))) == []
    assert faults(scaled_object(**spec("${VALUE:=5}"))) == []
    assert faults(scaled_object(**spec(wrong)))


@pytest.mark.parametrize("kind", sorted(shapes()))
def test_no_field_of_the_crd_is_refused(kind: str) -> None:
    (schema,) = (schema for path, schema in SCHEMAS.items() if f"/{kind.lower()}_" in path)
    assert list(differences(shapes()[kind], schema["properties"]["spec"], schema, kind)) == []


def differences(crd: dict[str, Any], schema: Any, root: Any, at: str) -> Iterator[str]:
    """The fields that the CRD has and a schema refuses, and those of another type."""
    added = ({"type": "null"}, {"type": "string", "pattern": generator_of_kinds.VARIABLE})
    branches = [each for each in resolved(schema, root) if each not in added]
    wanted = ["integer", "string"] if crd.get("x-kubernetes-int-or-string") else crd.get("type")
    if types := [each["type"] for each in branches if each.get("type", wanted) != wanted]:
        yield f"{at}: {types}"
    for key, field in crd.get("properties", {}).items():
        inner = [each["properties"][key] for each in branches if key in each.get("properties", {})]
        if inner:
            yield from differences(field, inner[0], root, f"{at}.{key}")
        elif any(each.get("additionalProperties", True) is False for each in branches):
            yield f"{at}.{key}: refused"
    for each in branches:
        if "items" in each:
            yield from differences(crd["items"], each["items"], root, f"{at}[]")


def resolved(schema: dict[str, Any], root: dict[str, Any]) -> list[dict[str, Any]]:
    """The alternatives of a schema, references followed."""
    if "$ref" in schema:
        return resolved(root["$defs"][schema["$ref"].rpartition("/")[2]], root)
    if "anyOf" in schema and "properties" not in schema:
        return [inner for each in schema["anyOf"] for inner in resolved(each, root)]
    return [schema]

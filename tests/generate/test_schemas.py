"""The JSON Schemas are current, take every valid file, and know the mistakes an editor can underline."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator

from components.recipes import RECIPES
from generate import keda_schema as schema
from generate import settings_page
from generate import stack_schema as stack
from keda import Trigger
from keda.scalers.facts import scalers
from tests.keda.scalers.test_scalers import manifest
from tests.support import CORPUS, STACK
from tests.verdicts.samples import sample

VALID = [*sorted((CORPUS / "valid" / "settings").glob("*.yaml")), STACK]
# A rule between two fields, or a form of a name or a number, is no matter of a schema.
SEEN = (
    "unknown-key",
    "unknown-recipe",
    "unknown-section",
    "wrong-shapes",
    "workload-empty",
    "missing-namespace",
)
KEDA = Draft7Validator(schema.keda_schema())
STACK_FILE = Draft7Validator(stack.stack_schema())


def scaled_object(trigger: dict[str, Any]) -> dict[str, Any]:
    spec = {"scaleTargetRef": {"name": "web"}, "triggers": [trigger]}
    metadata = {"name": "web", "namespace": "web"}
    return {"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "metadata": metadata, "spec": spec}


def test_the_schemas_are_current() -> None:
    assert schema.FILE.read_text() == schema.render(KEDA.schema), "run python -m generate.keda_schema"
    assert stack.FILE.read_text() == stack.render(STACK_FILE.schema), "run python -m generate.stack_schema"
    for validator in (KEDA, STACK_FILE):
        Draft7Validator.check_schema(validator.schema)


def test_the_settings_page_is_current_and_complete() -> None:
    page = settings_page.PAGE.read_text("utf-8")
    assert page == settings_page.page(), "run: make generate"
    sections = stack.stack_schema()["$defs"]
    for model in ("Cluster", "Keda", "Monitoring", *(each.__name__ for each in RECIPES.values())):
        keys = set(sections[model]["properties"]) - {"recipe"}
        assert not {key for key in keys if f"| `{key}` |" not in page}, model


@pytest.mark.parametrize("file", VALID, ids=lambda file: file.stem)
def test_a_valid_stack_file_has_no_fault(file: Path) -> None:
    assert list(STACK_FILE.iter_errors(yaml.safe_load(file.read_text()))) == []


@pytest.mark.parametrize("name", SEEN)
def test_what_an_editor_underlines(name: str) -> None:
    text = (CORPUS / "invalid" / "settings" / f"{name}.yaml").read_text()
    assert list(STACK_FILE.iter_errors(yaml.safe_load(text)))


@pytest.mark.parametrize("scaler", sorted(scalers()))
def test_every_scaler_has_its_parameters(scaler: str) -> None:
    trigger = Trigger.parse(manifest(sample(scaler))).dump()
    assert list(KEDA.iter_errors(scaled_object(trigger))) == []
    mistyped = {**trigger, "metadata": {**trigger["metadata"], "no such key": "1"}}
    takes_any_key = scaler in ("external", "external-push")
    assert KEDA.is_valid(scaled_object(mistyped)) == takes_any_key


@pytest.mark.parametrize(
    "metadata",
    [
        {"bootstrapServers": "k:9092", "consumerGroup": "g", "lagThreshold": "ten"},
        {"bootstrapServers": "k:9092", "consumerGroup": "g", "lagThreshold": 10},
        {"bootstrapServers": "k:9092", "consumerGroup": "g", "offsetResetPolicy": "newest"},
        {"bootstrapServers": "k:9092", "consumerGroup": "g", "allowIdleConsumers": "yes"},
    ],
)
def test_values_in_a_manifest(metadata: dict[str, Any]) -> None:
    assert list(KEDA.iter_errors(scaled_object({"type": "kafka", "metadata": metadata})))

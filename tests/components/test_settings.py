"""The stack file is the manual: it validates, it names every setting, and wrong settings give their exact
lines."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest

from components.monitoring.monitor import Monitor
from components.recipes import RECIPES
from components.recipes.batch import JobTemplate
from components.recipes.envoy_gateway import EnvoyDeployment, EnvoyProxyKubernetes, Gateway
from components.recipes.gate import GatedTarget
from components.settings import Cluster, Keda, Monitoring, Settings, StateMetrics, decode
from keda import Fallback, Model, ScaleTargetRef, SpecError
from tests.support import CORPUS, STACK, settings_of

INVALID = sorted((CORPUS / "invalid" / "settings").glob("*.yaml"))
VALID = sorted((CORPUS / "valid" / "settings").glob("*.yaml"))
DOCUMENTED: list[type[Model]] = [
    *(Cluster, Keda, Monitoring, *RECIPES.values()),
    *(JobTemplate, Gateway, EnvoyProxyKubernetes, EnvoyDeployment, GatedTarget),
    *(Fallback, Monitor, StateMetrics),
]


@pytest.mark.parametrize("file", INVALID, ids=lambda file: file.stem)
def test_wrong_settings_give_exactly_their_lines(file: Path) -> None:
    text = file.read_text()
    expected = [line.removeprefix("# ") for line in text.splitlines() if line.startswith("# ")]
    with pytest.raises(SpecError) as error:
        settings_of(text)
    assert str(error.value).splitlines() == expected
    assert expected


def test_no_message_shows_a_secret() -> None:
    assert not [
        file
        for file in INVALID
        for line in file.read_text().splitlines()
        if line[:1] == "#" and "hunter2" in line
    ]


@pytest.mark.parametrize("file", [*VALID, STACK], ids=lambda file: file.stem)
def test_right_settings_are_taken(file: Path) -> None:
    assert settings_of(file.read_text()).workloads


@pytest.mark.parametrize("model", DOCUMENTED, ids=lambda model: model.__name__)
def test_the_stack_file_names_every_setting(model: type[Model]) -> None:
    text = STACK.read_text()
    for field in model.model_fields.values():
        if field.exclude:
            continue  # made from other settings, and refused when written
        assert re.search(rf"\b{field.alias}\b:?", text), (
            f"{model.__name__}.{field.alias} is not in {STACK.name}"
        )


def test_the_defaults_the_stack_file_writes_are_the_defaults() -> None:
    """A line `key: value   # default…` without another value after it claims to be what leaving it out
    gives."""
    settings = settings_of(STACK.read_text())
    assert settings.keda == Keda()
    state = settings.monitoring.state_metrics
    assert settings.monitoring == Monitoring(
        prometheus=settings.monitoring.prometheus,
        state_metrics=state and StateMetrics(namespace=state.namespace),
    )
    assert settings.cluster == Cluster()


def uncommented_examples() -> str:
    """The stack file with its commented-out sections and workloads brought to life."""
    lines, alive = [], False
    for line in STACK.read_text().splitlines():
        if re.fullmatch(r"    # (nas:|web:|render:|secrets: .*)", line):
            alive = True
        elif not line.startswith("    #  "):
            alive = False
        lines.append(line.replace("    # ", "    ", 1) if alive else line)
    return "\n".join(lines)


def test_the_commented_examples_work() -> None:
    workloads = settings_of(uncommented_examples()).workloads
    assert {"web", "render", "nas-jellyfin", "nas-immich"} < workloads.keys()
    [token] = workloads["render"].authentications
    assert token.metadata.name == "prometheus-token"
    assert workloads["web"].bounds == (0, 5)


def test_every_fault_of_every_section_is_told_at_once() -> None:
    config = {
        "kedaa": {},
        "keda": {"namespace": 1},
        "monitoring": {},
        "workloads": {"a": {}, "b": {"recipe": "x"}},
    }
    with pytest.raises(SpecError) as error:
        Settings.parse(config)
    assert [fault.path for fault in error.value.faults] == [
        "kedaa",
        "keda.namespace",
        "monitoring.prometheus",
        "workloads.a.recipe",
        "workloads.b.recipe",
    ]


def test_a_section_pulumi_holds_as_a_secret_is_refused_without_its_value() -> None:
    config = {"keda-homelab:workloads": json.dumps({"x": "hunter2"}), "kubernetes:context": "other"}
    with pytest.raises(SpecError) as error:
        decode(config, "keda-homelab", frozenset({"keda-homelab:workloads"}))
    assert str(error.value) == (
        "workloads: contains a secret. It would be written in plain text into objects that many may read. "
        "Put it into a Kubernetes Secret, and name that."
    )


def test_keys_of_other_projects_are_not_ours() -> None:
    assert decode({"kubernetes:context": "other", "aws:region": "x"}, "keda-homelab") == {}


def test_text_that_is_not_json_is_a_fault_not_a_traceback() -> None:
    with pytest.raises(SpecError, match=r'^workloads: "many" is not a mapping of keys'):
        Settings.parse({**decode({"p:workloads": "many"}, "p"), "monitoring": {"prometheus": "http://p"}})


def test_the_target_is_rings_own_type() -> None:
    """So that `target` takes what ScaledObject takes, and says what it says."""
    for recipe in RECIPES.values():
        annotation: Any = recipe.model_fields.get("target")
        if annotation is not None:
            assert ScaleTargetRef in (annotation.annotation, *get_args(annotation.annotation))


def every_model(model: type[Model] = Model) -> Iterator[type[Model]]:
    for subclass in model.__subclasses__():
        yield subclass
        yield from every_model(subclass)


def test_every_required_key_has_an_example_to_offer() -> None:
    """So that no message ends without saying what to write."""
    models = set(every_model())
    assert len(models) > 40
    for model in models:
        for name, field in model.model_fields.items():
            assert not field.is_required() or field.examples, f"{model.__name__}.{name}"

"""policies/<stack>.json is read by the pack itself, and only for a stack of this project."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from grpc import StatusCode
from pulumi.runtime.proto import analyzer_pb2
from pulumi.runtime.proto.analyzer_pb2 import AnalyzerStackConfigureRequest
from pulumi_policy import EnforcementLevel, Policy, ResourceValidationPolicy, policy

from policies.engine import Engine
from policies.operation import Operation
from policies.pack import levels, settings
from policies.service import extend
from policies.stack_config import UnreadableConfig, stack_config

OURS = ("keda-homelab", "home")


def test_a_stack_without_a_file_has_none_of_the_labs_facts(tmp_path: Path) -> None:
    assert stack_config(*OURS, tmp_path) == {}
    assert stack_config(*OURS) == {}


def test_the_labs_stack_has_them() -> None:
    config = stack_config("keda-homelab", "homelab")
    assert config["keda-gpu-budget"] == {"capacity": 4, "elsewhere": 0}


def test_another_projects_stack_of_the_same_name_does_not() -> None:
    assert stack_config("shop", "homelab") == {}


def test_levels_and_settings(tmp_path: Path) -> None:
    entries = {
        "keda-webhook-availability": "disabled",
        "keda-gpu-budget": {"capacity": 2, "enforcementLevel": "advisory"},
        "keda-replicas-ceiling": {"ceiling": 20},
    }
    (tmp_path / "home.json").write_text(json.dumps(entries))
    assert stack_config(*OURS, tmp_path) == {
        "keda-webhook-availability": EnforcementLevel.DISABLED,
        "keda-gpu-budget": {"capacity": 2, "enforcementLevel": EnforcementLevel.ADVISORY},
        "keda-replicas-ceiling": {"ceiling": 20},
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", r"^home\.json: is not JSON \(.*\)\. No rule would be configured\.$"),
        ("[]", r"^home\.json: is not a JSON object of rules\. See docs/policies\.md\.$"),
        (
            '{"all": "of"}',
            r"^home\.json: all: 'of' is not one of advisory, mandatory, remediate, disabled\.$",
        ),
        ('{"all": {"enforcementLevel": 1}}', r"^home\.json: all: 1 is not one of .*$"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_line(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "home.json").write_text(text)
    with pytest.raises(UnreadableConfig, match=message):
        stack_config(*OURS, tmp_path)


@pytest.fixture
def servicer() -> Any:
    """A class of the SDK's own, so that the test fails when the SDK's names change."""
    return type("_PolicyAnalyzerServicer", (policy._PolicyAnalyzerServicer,), {})


def service(servicer: Any) -> Any:
    extend(servicer, Operation(), settings(), levels())
    return servicer("pack", "1", [a_policy()], EnforcementLevel.MANDATORY)


def a_policy() -> Policy:
    return ResourceValidationPolicy("keda-gpu-budget", "GPUs", lambda *_: None)


def test_the_engine_gets_the_config_of_the_stack_it_names(servicer: Any) -> None:
    pack = service(servicer)
    request = AnalyzerStackConfigureRequest(project="keda-homelab", stack="homelab", tags={"a": "b"})
    pack.ConfigureStack(request, None)
    config = pack.GetAnalyzerInfo(None, None).initialConfig
    assert config["keda-gpu-budget"].properties["capacity"] == 4
    # Without a level of its own the entry would be advisory to the engine.
    assert config["keda-gpu-budget"].enforcementLevel == analyzer_pb2.MANDATORY
    assert config["keda-webhook-availability"].enforcementLevel == analyzer_pb2.ADVISORY
    assert config["keda-webhook-availability"].properties["excluded"]


def test_the_programs_own_settings_are_read(
    servicer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "Pulumi.yaml").touch()
    monkeypatch.setattr("policies.service.engine", lambda: Engine(tmp_path / "src", ("pulumi", "up")))
    context = Mock(abort=Mock(side_effect=RuntimeError))
    (tmp_path / "keda.toml").write_text("ignored = []")
    with pytest.raises(RuntimeError):
        service(servicer).ConfigureStack(AnalyzerStackConfigureRequest(), context)
    ((_, line), _) = context.abort.call_args
    assert line == f"{tmp_path / 'keda.toml'}: ignored is not a setting. Did you mean ignore?"
    (tmp_path / "keda.toml").write_text("ignore = ['default-max']")
    service(servicer).ConfigureStack(AnalyzerStackConfigureRequest(), context)


def test_a_wrong_file_ends_the_operation_with_its_line(
    servicer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreadable(*_: str) -> None:
        raise UnreadableConfig("home.json: is not JSON.")

    monkeypatch.setattr("policies.service.stack_config", unreadable)
    context = Mock(abort=Mock(side_effect=RuntimeError))
    with pytest.raises(RuntimeError):
        service(servicer).ConfigureStack(AnalyzerStackConfigureRequest(), context)
    context.abort.assert_called_once_with(StatusCode.INVALID_ARGUMENT, "policies/home.json: is not JSON.")

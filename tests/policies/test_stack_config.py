"""policies/<stack>.json is read by the pack itself, and only for a stack of this project."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pulumi_policy import EnforcementLevel

from policies.stack_config import UnreadableConfig, stack_config

OURS = {"PULUMI_PROJECT": "keda-homelab", "PULUMI_STACK": "home"}


def test_a_stack_without_a_file_has_none_of_the_labs_facts(tmp_path: Path) -> None:
    assert stack_config(OURS, tmp_path) == {}
    assert stack_config(OURS) == {}


def test_the_labs_stack_has_them() -> None:
    config = stack_config(OURS | {"PULUMI_STACK": "homelab"})
    assert config["keda-gpu-budget"] == {"capacity": 4, "elsewhere": 0}


def test_another_projects_stack_of_the_same_name_does_not() -> None:
    assert stack_config({"PULUMI_PROJECT": "shop", "PULUMI_STACK": "homelab"}) == {}
    assert stack_config({}) == {}


def test_levels_and_settings(tmp_path: Path) -> None:
    entries = {
        "keda-webhook-availability": "disabled",
        "keda-gpu-budget": {"capacity": 2, "enforcementLevel": "advisory"},
        "keda-replicas-ceiling": {"ceiling": 20},
    }
    (tmp_path / "home.json").write_text(json.dumps(entries))
    assert stack_config(OURS, tmp_path) == {
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
        stack_config(OURS, tmp_path)

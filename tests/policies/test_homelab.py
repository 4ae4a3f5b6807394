"""The homelab's own policy config against its own workloads."""

import json
from pathlib import Path
from typing import Any

import yaml

from components.settings import Settings, decode
from policies.config import mistakes
from policies.pack import settings
from tests.policies.operation import Operation

ROOT = Path(__file__).resolve().parents[2]
CONFIG = json.loads((ROOT / "policies" / "homelab.json").read_text())


def manifests() -> list[dict[str, Any]]:
    """The KEDA objects of the stack."""
    config = yaml.safe_load((ROOT / "Pulumi.homelab.yaml").read_text())["config"]
    sections = decode({key: json.dumps(value) for key, value in config.items()}, "keda-homelab")
    workloads = Settings.parse(sections).workloads.values()
    return [
        each.to_manifest() for workload in workloads for each in (workload.scaled, *workload.authentications)
    ]


def test_the_stack_passes_every_rule_with_nothing_left_undecided() -> None:
    assert Operation(CONFIG).register(*manifests()).end().reports == []


def test_the_stack_is_within_its_gpus_and_not_by_being_left_out() -> None:
    fewer = CONFIG | {"keda-gpu-budget": CONFIG["keda-gpu-budget"] | {"capacity": 3}}
    operation = Operation(fewer).register(*manifests()).end()
    assert operation.rules == ["keda-gpu-budget"]
    assert "requests 4, and the cluster has 3" in operation.messages[0]


def test_every_entry_names_a_rule() -> None:
    assert list(mistakes(CONFIG, settings())) == []

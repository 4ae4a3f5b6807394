"""Imports point inward: __main__ -> components -> keda <- policies; keda knows pydantic and the standard
library, and its judge two parsers, of YAML and of PromQL."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import ROOT

OURS = {"keda", "components", "policies", "generate", "lab", "pulumi_plugins", "cli"}
ALLOWED = {
    "keda": {"keda", "pydantic", "pydantic_core", "yaml", "promql_parser"},
    "components": {
        *("components", "keda", "pydantic", "pulumi", "pulumi_kubernetes"),
        *("grafana_foundation_sdk", "kubernetes", "yaml"),
    },
    "policies": {
        *("policies", "keda", "pydantic", "pulumi", "pulumi_policy"),
        *("google", "grpc", "kubernetes", "urllib3"),
    },
}


def imported(file: Path) -> Iterator[str]:
    """Top-level packages a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module.partition(".")[0]


@pytest.mark.parametrize("package", ALLOWED)
def test_rings(package: str) -> None:
    files = [file for file in (ROOT / package).rglob("*.py") if "/oracle/" not in str(file)]
    assert files
    for file in files:
        outside = set(imported(file)) - set(sys.stdlib_module_names) - ALLOWED[package]
        assert not outside, f"{file.relative_to(ROOT)} imports {sorted(outside)}"


def test_recipes_and_settings_need_no_pulumi() -> None:
    code = (
        "import components.settings, components.monitoring.dashboards, sys; "
        "assert 'pulumi' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=60)


def test_keda_check_starts_without_the_models() -> None:
    code = (
        "import sys; sys.modules['pydantic'] = None; from keda.commands.main import main; "
        "main(['check', 'tests/corpus/check/valid/kafka-consumer.yaml'])"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=60)


def test_ring_one_is_there_without_pulumi() -> None:
    code = (
        "import sys; sys.modules.update({'pulumi': None, 'pulumi_kubernetes': None, 'yaml': None, "
        "'promql_parser': None}); "
        "import keda; keda.Cron(start='0 7 * * *', end='0 8 * * *', timezone='UTC', desired_replicas=1); "
        "keda.TriggerAuthentication.parse({'metadata': {'name': 'a', 'namespace': 'a'}, "
        "'spec': {'podIdentity': {'provider': 'aws'}}}); "
        "assert not [name for name in sys.modules if name.startswith('keda.checks.advice.')]"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=60)

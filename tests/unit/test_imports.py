"""Imports point inward: __main__ -> components -> keda <- policies; keda uses pydantic and the standard
library, its checks two parsers, of YAML and of PromQL, its pictures matplotlib, its plugin pytest. Within
keda/ they point downward."""

from __future__ import annotations

import ast
import graphlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import ROOT

OURS = {"keda", "components", "policies", "generate", "lab", "pulumi_plugins", "cli"}
ALLOWED = {
    "keda": {"keda", "pydantic", "pydantic_core", "yaml", "promql_parser", "matplotlib", "pytest"},
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


@pytest.mark.parametrize(
    ("package", "user"), [("matplotlib", "timelines/drawing.py"), ("pytest", "testing/plugin.py")]
)
def test_one_module_needs_it(package: str, user: str) -> None:
    users = [str(file) for file in (ROOT / "keda").rglob("*.py") if package in imported(file)]
    assert users == [str(ROOT / "keda" / user)]


FLOORS = (
    {"core", "syntax", "manifests", "api_client", "api_server"},
    {"scalers", "ownership"},
    {"checks", "scaling"},
    {"triggers", "timelines", "diagnosis"},
    {"resources"},
    {"guardrails"},
    {"adoption"},
    {"commands", "testing"},
    {"", "__main__"},
)
"""The rooms of keda/ from the ground up; a room imports from its own floor and those below. The last is the
package itself, with its public names."""


def edges(package: str) -> dict[str, set[str]]:
    """The modules of a package that each of them imports: in functions and under TYPE_CHECKING too."""
    files = {
        ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): file
        for file in (ROOT / package).rglob("*.py")
    }
    found: dict[str, set[str]] = {}
    for name, file in files.items():
        found[name] = set()
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                found[name].update(alias.name for alias in node.names if alias.name in files)
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0 and node.module, f"{name}: relative import"
                inside = [f"{node.module}.{alias.name}" for alias in node.names]
                found[name].update(each if each in files else node.module for each in inside)
            elif isinstance(node, ast.Call) and ast.unparse(node.func) == "import_module":
                found[name].update(each.value for each in node.args if isinstance(each, ast.Constant))
        found[name] &= files.keys() - {name}
    return found


def floor(module: str) -> int:
    room = (module.split(".") + [""])[1]
    return next(number for number, rooms in enumerate(FLOORS) if room in rooms)


def test_no_arrow_points_upward() -> None:
    upward = [f"{a} -> {b}" for a, targets in edges("keda").items() for b in targets if floor(b) > floor(a)]
    assert upward == []


@pytest.mark.parametrize("package", sorted(OURS))
def test_no_circle(package: str) -> None:
    """graphlib raises CycleError, which names the circle."""
    order = list(graphlib.TopologicalSorter(edges(package)).static_order())
    assert order


@pytest.mark.parametrize("package", sorted(OURS))
def test_no_module_is_longer_than_400_lines(package: str) -> None:
    long = [file for file in (ROOT / package).rglob("*.py") if len(file.read_text().splitlines()) > 400]
    assert long == []


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

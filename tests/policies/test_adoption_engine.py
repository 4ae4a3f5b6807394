"""An HPA of the same program changes hands, in the real engine: held it is refused, let go of it outlives its
removal from the program."""

from __future__ import annotations

import json

import pytest

from tests.policies.test_engine import PACK, ROOT, Stack, environment, stack

pytestmark = pytest.mark.engine

__all__ = ["environment", "stack"]

ADOPTION = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})

from components.adoption import release_adopted_hpas
from components.recipes.generic import Generic
from components.scaled_workload import ScaledWorkload

trigger = {{"type": "kubernetes-workload", "metadata": {{"podSelector": "app=a", "value": "1"}}}}
settings = {{"recipe": "generic", "namespace": "voice", "target": {{"name": "voice-pipeline"}},
    "minReplicas": 1, "maxReplicas": 3, "triggers": [trigger], "adopt": "by-hand"}}
workloads = {{"voice": Generic.parse(settings).models("voice", "http://prometheus:9090")}}

def adopting():
    return ScaledWorkload("voice", workloads["voice"])
"""
HELD = "ScaledObject voice/voice takes HorizontalPodAutoscaler voice/by-hand over, and this program still has"
NOW_KEDAS = "HorizontalPodAutoscaler voice/by-hand is now managed by KEDA (workloads.voice.adopt)."
IN_COMPONENT = "hpa(parent=pulumi.ComponentResource('my:mod:App', 'app'))"


def hpa_in_state(stack: Stack) -> dict[str, object] | None:
    resources = json.loads(stack.pulumi("stack", "export").stdout)["deployment"]["resources"]
    found = [each for each in resources if each["type"].endswith(":HorizontalPodAutoscaler")]
    assert len(found) <= 1
    return found[0] if found else None


@pytest.mark.parametrize("body", ["hpa(); adopting()", "adopting(); hpa()", f"adopting(); {IN_COMPONENT}"])
def test_an_hpa_that_is_taken_over_and_still_held_is_refused_with_the_fix(stack: Stack, body: str) -> None:
    stack.program(ADOPTION + body)
    preview = stack.pulumi("preview", *PACK)
    assert preview.returncode != 0, preview.stdout
    assert preview.stdout.count("[mandatory]") == 1
    [line] = [line for line in preview.stdout.splitlines() if HELD in line]
    assert "retainOnDelete: true and ignoreChanges: [metadata, spec]" in line
    assert "urn:pulumi:test::pack-test::" in line


@pytest.mark.parametrize("hpa", ["hpa()", IN_COMPONENT])
def test_it_is_let_go_of_and_outlives_its_removal(stack: Stack, hpa: str) -> None:
    stack.program(hpa)
    assert stack.pulumi("up", "--yes", "--skip-preview", *PACK).returncode == 0
    stack.program(f"{ADOPTION}release_adopted_hpas(workloads); {hpa}; adopting()")
    taken = stack.pulumi("up", "--yes", "--skip-preview", *PACK)
    assert taken.returncode == 0, taken.stdout
    summary = taken.stdout.partition("Diagnostics:")[2]
    assert summary.count(NOW_KEDAS) == 1, taken.stdout
    held = hpa_in_state(stack)
    assert held is not None and held["retainOnDelete"] is True
    stack.program(f"{ADOPTION}release_adopted_hpas(workloads); adopting()")
    forgotten = stack.pulumi("up", "--yes", "--skip-preview", *PACK)
    assert forgotten.returncode == 0, forgotten.stdout
    assert hpa_in_state(stack) is None
    assert [name for name in stack.created() if "by-hand" in name], "Pulumi deleted the HPA"


def test_held_until_it_is_removed_it_would_be_deleted(stack: Stack) -> None:
    """Why it must be let go of first: no policy sees what has left the program."""
    stack.program("hpa()")
    assert stack.pulumi("up", "--yes", "--skip-preview", *PACK).returncode == 0
    stack.program(f"{ADOPTION}release_adopted_hpas(workloads); adopting()")
    assert stack.pulumi("up", "--yes", "--skip-preview", *PACK).returncode == 0
    assert not [name for name in stack.created() if "by-hand" in name]

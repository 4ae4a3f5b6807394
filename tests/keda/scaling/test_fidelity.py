"""The simulation against what a real KEDA and a real HPA did: tests/fidelity/recorded.json, written by
`make fidelity`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from keda.scaling import behavior, controller, loop, metrics, replicas, simulation
from tests.fidelity.compare import compare
from tests.fidelity.record import RECORDED, load
from tests.fidelity.scenarios import BATCHES, RULES, SCENARIOS

RECORDS = {record.name: record for record in load(RECORDED)}


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_simulation_gives_the_counts_of_the_real_ones(name: str) -> None:
    record = RECORDS[name]
    assert record.manifest == SCENARIOS[name].scaled_object(), "recorded with other settings: make fidelity"
    assert compare(record).differences == []


def test_every_rule_has_a_scenario() -> None:
    used = {rule for scenario in SCENARIOS.values() for rule in scenario.rules}
    assert used == set(RULES)
    assert len(SCENARIOS) == sum(len(batch.scenarios) for batch in BATCHES) >= 60

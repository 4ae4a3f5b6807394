"""A sample of `make fidelity`: the simulation against this lab's KEDA and HPA controller."""

from __future__ import annotations

import pytest

from cli.engine import Engine
from lab.paths import Lab
from tests.fidelity import runner
from tests.fidelity.compare import Comparison, compare
from tests.fidelity.scenario import Batch
from tests.fidelity.scenarios import SCENARIOS
from tests.live.cluster import Cluster

pytestmark = [pytest.mark.live, pytest.mark.long]
SAMPLE = Batch("sample", [scenario for scenario in SCENARIOS.values() if scenario.live])


@pytest.fixture(scope="module")
def comparisons(stack: Engine, lab: Lab, cluster: Cluster) -> dict[str, Comparison]:
    return {record.name: compare(record) for record in runner.run(lab, cluster, SAMPLE)}


@pytest.mark.parametrize("name", [scenario.name for scenario in SAMPLE.scenarios])
def test_the_simulation_gives_the_counts_of_the_lab(comparisons: dict[str, Comparison], name: str) -> None:
    found = comparisons[name]
    assert found.differences == []
    assert found.syncs > 15, "the log of the HPA controller shows its syncs"

"""The judge's verdict on whole objects is that of the live KEDA, and for the same cause."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

import keda
from cli.engine import Engine
from tests.live.cluster import Cluster
from tests.live.support import every_kind_scalable
from tests.verdicts.applied import Said, apply, choice, difference
from tests.verdicts.choices import LEFT_TO_THE_API_SERVER, STRICTER
from tests.verdicts.objects import cases

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def said(stack: Engine, cluster: Cluster) -> Mapping[str, Said]:
    """What KEDA said of each case."""
    with every_kind_scalable(cluster):
        return apply(cluster, cases())


def test_every_verdict_and_its_cause_is_kedas(said: Mapping[str, Said]) -> None:
    assert [text for case in cases() if (text := difference(case, said[case.name]))] == []


def test_enough_objects_of_either_verdict(said: Mapping[str, Said]) -> None:
    refused = sum(each.refused for each in said.values())
    assert refused >= 150
    assert len(said) - refused >= 75


def test_every_choice_is_needed(said: Mapping[str, Said]) -> None:
    """A choice that explains no difference would hide one."""
    taken = [case for case in cases() if not said[case.name].refused]
    used = {choice(case, finding) for case in taken for finding in keda.check(case.objects)}
    assert set(STRICTER) <= used
    assert all(said[name].refused for name in LEFT_TO_THE_API_SERVER)

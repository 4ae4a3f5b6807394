"""A sample of the comparison with KEDA (`make verdicts` runs all of it), and the data's own shape."""

from __future__ import annotations

import shutil

import pytest

import keda
from keda.checks.findings import rules
from keda.scalers.facts import scalers
from tests.verdicts.__main__ import compare, ours
from tests.verdicts.objects import cases
from tests.verdicts.samples import sample


def test_every_type_has_a_sample_that_is_accepted() -> None:
    assert {name: refusal for name in scalers() if (refusal := ours(sample(name)))} == {}


@pytest.mark.tools
@pytest.mark.skipif(shutil.which("go") is None, reason="the oracle is KEDA's own Go code")
def test_a_sample_of_verdicts_agrees_with_keda() -> None:
    tally, disagreements = compare(500, seed=1)
    assert disagreements == {}
    # The comparison is worth something only when both outcomes occur.
    assert tally["accepted by both"] > 50
    assert tally["refused by both"] > 50


# unknown-kind: the API server has no path for it; operator-crash: it would end KEDA for all other objects;
# bad-ignore and one-owner-controller: KEDA knows neither our annotations nor other controllers;
# vault-operator-token: KEDA takes it, and tests/live/test_4_vault.py shows what follows;
# cron-timezone and query-result-type: KEDA takes them, and each poll fails;
# vault-login: KEDA takes it, and fails when it builds a scaler, for which the lab has no Vault.
NOT_FOR_A_LIVE_KEDA = {
    *("unknown-kind", "operator-crash", "bad-ignore", "one-owner-controller", "vault-operator-token"),
    *("cron-timezone", "query-result-type", "vault-login"),
}


def test_the_whole_objects_cover_every_error() -> None:
    """What tests/live/test_3_verdicts.py applies to a live KEDA."""
    everything = cases()
    assert everything == cases()
    assert len({case.name for case in everything}) == len(everything) >= 150
    found = {finding.code for case in everything for finding in keda.check(case.objects)}
    errors = {name for name, rule in rules().items() if rule.severity == "error"}
    assert errors - found == NOT_FOR_A_LIVE_KEDA

"""A sample of the comparison with KEDA (`make verdicts` runs all of it), and the data's own shape."""

from __future__ import annotations

import shutil

import pytest

from keda.typed_config import scalers
from tests.verdicts.__main__ import compare, ours
from tests.verdicts.samples import sample


def test_every_type_has_a_sample_that_is_accepted() -> None:
    assert len(scalers()) == 75
    assert {name: refusal for name in scalers() if (refusal := ours(sample(name)))} == {}


@pytest.mark.skipif(shutil.which("go") is None, reason="the oracle is KEDA's own Go code")
def test_a_sample_of_verdicts_agrees_with_keda() -> None:
    tally, disagreements = compare(500, seed=1)
    assert disagreements == {}
    # The comparison is worth something only when both outcomes occur.
    assert tally["accepted by both"] > 50
    assert tally["refused by both"] > 50

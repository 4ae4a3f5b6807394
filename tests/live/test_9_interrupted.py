"""kill -9 of a first and of a later `make up`: the next converges (tests/live/interrupted.py: many times)."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from lab.paths import Lab
from tests.live import interrupted
from tests.live.conftest import NAME

pytestmark = [pytest.mark.live, pytest.mark.long]


@pytest.fixture(scope="module")
def another() -> Iterator[Lab]:
    """A lab of this module's own, which is not up yet."""
    lab = Lab(f"{NAME[:19]}-kill")
    interrupted.down(lab)
    yield lab
    interrupted.down(lab)


@pytest.mark.parametrize("first", [True, False], ids=["a first run", "a later run"])
def test_up_after_a_killed_up_converges(first: bool, another: Lab) -> None:
    moment = random.uniform(5, 60 if first else 25)
    found = interrupted.killed_and_run_again(another, moment)
    assert found.converged, f"killed after {moment:.1f} s ({found.where})\n{found.text}"

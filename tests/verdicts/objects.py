"""Whole objects for the comparison with a live KEDA: valid ones, and each with a single fault.

Each comes with what it refers to. Left out is what would hurt the operator for all others (a quantity that
makes it panic, a polling interval of 0, the custom strategy without its deduction), and a LimitRange that
gives the requests: KEDA's chart lets the webhook list LimitRanges, not watch them, so a new one is seen late.
"""

from __future__ import annotations

from tests.verdicts import objects_others, objects_refused, objects_scaled, objects_triggers
from tests.verdicts.build import Case


def cases() -> list[Case]:
    """All of them, always the same."""
    return [
        *objects_scaled.accepted(),
        *objects_scaled.malformed(),
        *objects_refused.refused_at_admission(),
        *objects_refused.refused_by_the_operator(),
        *objects_triggers.triggers(),
        *objects_others.jobs(),
        *objects_others.authentications(),
    ]

"""external-mock takes whatever it is given; external and external-push have no rules between parameters."""

from __future__ import annotations

from keda.scalers.facts import ResolvedTrigger
from keda.scalers.rules import own_parser


@own_parser("external-mock")
def external_mock(_: ResolvedTrigger) -> None:
    """Nothing is refused."""

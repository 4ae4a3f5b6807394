"""Rules of nats-jetstream (pkg/scalers/nats_jetstream_scaler.go)."""

from __future__ import annotations

from keda.scalers.facts import ResolvedTrigger
from keda.scalers.parser import Values
from keda.scalers.refusals import Refusal, missing
from keda.scalers.rules import after


@after("nats-jetstream")
def nats_jetstream(values: Values, _: ResolvedTrigger) -> Refusal | None:
    """An account, by name or by ID."""
    account = values["account"] or values["accountID"]
    return None if account else missing("no account name or id given", "account", "accountID")

"""Rules of cron (pkg/scalers/cron_scaler.go)."""

from __future__ import annotations

from keda.scalers.facts import ResolvedTrigger
from keda.scalers.parser import Values
from keda.scalers.refusals import Refusal, bad_value, conflict, missing
from keda.scalers.rules import validate
from keda.syntax.cron import schedule_error


@validate("cron")
def cron(values: Values, _: ResolvedTrigger) -> Refusal | None:
    """Two schedules that differ, and replicas. The time zone is read when the trigger is evaluated."""
    for end in ("start", "end"):
        if error := schedule_error(values[end]):
            return bad_value(f"error parsing {end} schedule", end, detail=str(error))
    if values["start"] == values["end"]:
        return conflict("start and end can not have exactly same time input", "end", "start")
    return None if values["desiredReplicas"] else missing("no desiredReplicas specified", "desiredReplicas")

"""What changes the count next, and when."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from keda.diagnosis.answer import Answer, Level, Transition
from keda.diagnosis.causes.activation import cooldown_ends, inactive
from keda.diagnosis.causes.count import down_window
from keda.diagnosis.metric import TOLERANCE, Metric
from keda.diagnosis.wording import number, span
from keda.diagnosis.workload import Workload
from keda.manifests.reading import mapping, text
from keda.syntax.cron import next_time, schedule_error

_NONE = ("paused", "deleting", "new", "unknown")


def transitions(workload: Workload, answer: Answer) -> Iterator[Transition]:
    """The next changes of the count if nothing is broken, with their time or the value that brings them."""
    count, settings = workload.replicas, workload.settings
    if answer.level is Level.BROKEN or answer.kind in _NONE or count is None:
        return
    for metric in workload.metrics:
        if metric.type == "cron":
            yield from _of_cron(metric, workload)
    poll = span(workload.polling.total_seconds())
    external = [metric for metric in workload.metrics if not metric.resource]
    lowest = settings.minimum if settings.idle is None else settings.idle
    if count == 0:
        least = max(1, settings.minimum)
        wakes = " or ".join(_above(metric) for metric in external) or "a trigger is active"
        yield Transition(None, f"to {least} at the first poll (every {poll}) that finds {wakes}")
        return
    if not workload.only_resources and lowest < settings.hpa_minimum:
        if inactive(workload) and count > lowest:
            polls = f"to {lowest} unless a trigger becomes active before (KEDA polls every {poll})"
            yield Transition(cooldown_ends(workload), polls)
        elif count > lowest:
            cooldown = span(settings.cooldown / 1000)
            names = ", ".join(metric.name for metric in external) or "its triggers"
            yield Transition(
                None,
                f"to {lowest} once {names} {_are(external)} been inactive for {cooldown} (cooldownPeriod)",
            )
    for metric in external:
        yield from _of_metric(metric, workload, count)


def _of_metric(metric: Metric, workload: Workload, count: int) -> Iterator[Transition]:
    settings = workload.settings
    if not metric.target or metric.target_type not in ("AverageValue", "Value"):
        return
    base = metric.target * count if metric.target_type == "AverageValue" else metric.target
    if count < settings.maximum:
        yield Transition(None, f"up when {metric.name} is above {number(round(base * (1 + TOLERANCE)))}")
    if count > settings.hpa_minimum:
        fewer = metric.target * (count - 1) if metric.target_type == "AverageValue" else base
        limit = min(fewer, round(base * (1 - TOLERANCE)))
        window = down_window(workload)
        held = f" for {span(window)} (scaleDown window)" if window else ""
        yield Transition(None, f"down when {metric.name} is at most {number(limit)}{held}")


def _of_cron(metric: Metric, workload: Workload) -> Iterator[Transition]:
    """When the window opens or closes: it is open while its next end comes first (cron_scaler.go:135)."""
    trigger = workload.triggers[metric.index] if metric.index is not None else {}
    metadata = mapping(trigger.get("metadata"))
    start, end, zone_name = (text(metadata.get(key)) for key in ("start", "end", "timezone"))
    try:
        zone = ZoneInfo(zone_name)
    except (OSError, ValueError, ZoneInfoNotFoundError):
        return
    if schedule_error(start) or schedule_error(end):
        return
    local = workload.now.astimezone(zone).replace(tzinfo=None)
    opens, closes = next_time(start, local), next_time(end, local)
    if opens is None or closes is None:
        return
    is_open = not opens < closes
    what = "closes" if is_open else f"opens, for {metadata.get('desiredReplicas')} replicas"
    at = (closes if is_open else opens).replace(tzinfo=zone).astimezone(UTC)
    yield Transition(at, f"the window of {metric.name} {what}")


def _above(metric: Metric) -> str:
    if metric.type == "cron":
        return f"the window of {metric.name} open"
    return (
        f"{metric.name} above "
        f"{'its activation threshold' if metric.activation is None else f'{metric.activation:g}'}"
    )


def _are(metrics: list[Metric]) -> str:
    return "has" if len(metrics) == 1 else "have"

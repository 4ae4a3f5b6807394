"""What changes the count next, and when."""

from __future__ import annotations

from collections.abc import Iterator

from keda.diagnosis.answer import Answer, Level, Transition
from keda.diagnosis.causes.activation import cooldown_ends, inactive
from keda.diagnosis.causes.count import down_window
from keda.diagnosis.metric import TOLERANCE, Metric
from keda.diagnosis.wording import number, span
from keda.diagnosis.workload import Workload

_NONE = ("paused", "deleting", "new", "unknown")


def transitions(workload: Workload, answer: Answer) -> Iterator[Transition]:
    """The next changes of the count if nothing is broken, with their time or the value that brings them."""
    count, settings = workload.replicas, workload.settings
    if answer.level is Level.BROKEN or answer.kind in _NONE or count is None:
        return
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


def _above(metric: Metric) -> str:
    if metric.type == "cron":
        return f"the window of {metric.name} open"
    return (
        f"{metric.name} above "
        f"{'its activation threshold' if metric.activation is None else f'{metric.activation:g}'}"
    )


def _are(metrics: list[Metric]) -> str:
    return "has" if len(metrics) == 1 else "have"

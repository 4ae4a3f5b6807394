"""No fault is known: KEDA's loop, between 0 and 1."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from keda.diagnosis.answer import Answer, Hop, Level
from keda.diagnosis.installation import Installation
from keda.diagnosis.metric import Metric
from keda.diagnosis.wording import ago, clock, number, span
from keda.diagnosis.workload import Workload
from keda.scaling.loop import Action, Loop
from keda.scaling.metrics import State

_LATE = timedelta(seconds=60)


def inactive(workload: Workload) -> bool:
    """Whether KEDA's last poll found no trigger active."""
    return workload.condition("Active").status == "False" and not workload.only_resources


def idle_by_value(workload: Workload) -> bool:
    """Whether no trigger is active by its own value."""
    external = [metric for metric in workload.metrics if not metric.resource]
    active = [metric.active if metric.is_active is None else metric.is_active for metric in external]
    return bool(active) and not any(active)


def at_zero(workload: Workload, keda: Installation) -> Iterator[Answer]:
    """No replicas: KEDA's loop alone decides, by the activation threshold (scale_scaledobjects.go:101)."""
    if workload.replicas != 0:
        return
    poll = span(workload.polling.total_seconds())
    risen = [metric for metric in workload.metrics if metric.is_active]
    least = max(1, workload.settings.minimum)
    if workload.condition("Active").status == "True" or risen or workload.only_resources:
        if workload.settings.annotations.paused_scale_out:
            yield Answer(
                "scale-out-paused",
                Level.LIMITED,
                Hop.ACTIVATION,
                "stays at 0 though it is active: scale-out is paused by annotation",
                unpause(workload, "paused-scale-out"),
            )
            return
        why = values(risen) if risen else "KEDA found it active"
        yield Answer(
            "activating",
            Level.WORKING,
            Hop.ACTIVATION,
            f"goes from 0 to {least} at KEDA's next poll, within {poll}: {why}",
        )
        return
    why = values(workload.metrics)
    gone = workload.event("KEDAScaleTargetDeactivated")
    if workload.last_active is None:
        wait = workload.settings.initial_cooldown // 1000
        waited = (
            f"initialCooldownPeriod is {span(wait)}" if wait else "initialCooldownPeriod is 0, its default"
        )
        since = "is at 0"
        if gone is not None:
            age = span((gone.last - workload.created).total_seconds())
            since = f"went to 0 at {clock(gone.last, workload.now)}, {age} after its creation"
        yield Answer(
            "never-active",
            Level.WORKING,
            Hop.ACTIVATION,
            f"{since}: no trigger has been active yet, and {waited}{why and f'; now {why}'}",
            ""
            if wait
            else "Write initialCooldownPeriod if it should stay up for a while after its creation.",
        )
        return
    yield Answer(
        "inactive",
        Level.WORKING,
        Hop.ACTIVATION,
        f"stays at 0: {why or 'no trigger is active'}; last active {ago(workload.last_active, workload.now)}",
    )


def cooling_down(workload: Workload, keda: Installation) -> Iterator[Answer]:
    """Inactive, above 0, and 0 or idleReplicaCount allowed: KEDA's cooldown (scale_scaledobjects.go:228)."""
    count, settings = workload.replicas, workload.settings
    if not count or not inactive(workload) or (settings.minimum and settings.idle is None):
        return
    action = loop_action(workload)
    kind, poll = action.reason.kind, span(workload.polling.total_seconds())
    to = settings.minimum if settings.idle is None else settings.idle
    due = cooldown_ends(workload)
    cooldown = settings.initial_cooldown if workload.last_active is None else settings.cooldown
    name = "initialCooldownPeriod" if workload.last_active is None else "cooldownPeriod"
    since = workload.last_active or workload.created
    if kind == "scale-in-paused":
        yield Answer(
            "scale-in-paused",
            Level.LIMITED,
            Hop.ACTIVATION,
            f"stays at {count} though no trigger is active: scale-in is paused by annotation",
            unpause(workload, "paused-scale-in"),
        )
    elif kind == "cooling-down":
        yield Answer(
            "cooling-down",
            Level.WORKING,
            Hop.ACTIVATION,
            f"goes from {count} to {to} at {clock(due, workload.now)} unless a trigger becomes active "
            f"before: it was last active at {clock(since, workload.now)}, and {name} is "
            f"{span(cooldown / 1000)}",
        )
    elif kind in ("to-zero", "to-idle") and workload.now - due > workload.polling + _LATE:
        yield Answer(
            "not-deactivated",
            Level.BROKEN,
            Hop.ACTIVATION,
            f"stays at {count} though it should have been at {to} since {clock(due, workload.now)}: no "
            f"trigger is active and {name} is over, but KEDA has not scaled it",
            "Read the log of KEDA's operator: it does not poll, or its update of /scale is refused.",
        )
    elif kind in ("to-zero", "to-idle"):
        yield Answer(
            "deactivating",
            Level.WORKING,
            Hop.ACTIVATION,
            f"goes from {count} to {to} at KEDA's next poll, within {poll}: no trigger is active and "
            f"{name} ({span(cooldown / 1000)}) is over",
        )


def loop_action(workload: Workload) -> Action:
    """What KEDA's loop does at a poll now, by its own rules."""
    last = workload.last_active
    loop = Loop(workload.settings, 0, None if last is None else _since(workload, last))
    state = State(not inactive(workload), False, False, "")
    return loop.poll(_since(workload, workload.now), workload.replicas or 0, state)


def cooldown_ends(workload: Workload) -> datetime:
    """When cooldownPeriod is over, or before any activity initialCooldownPeriod."""
    settings, last = workload.settings, workload.last_active
    if last is None:
        return workload.created + timedelta(milliseconds=settings.initial_cooldown)
    return last + timedelta(milliseconds=settings.cooldown)


def _since(workload: Workload, at: datetime) -> int:
    """Milliseconds since the creation."""
    return int((at - workload.created) / timedelta(milliseconds=1))


def values(metrics: Iterable[Metric]) -> str:
    """`s0-prometheus is 0, not above its activation threshold 0`, for each."""
    parts = []
    for metric in metrics:
        if metric.reading is None or metric.reading.milli is None or metric.resource:
            continue
        value = number(metric.reading.milli)
        if metric.activation is None:
            parts.append(f"{metric.name} is {value}")
        else:
            relation = "above" if metric.is_active else "not above"
            threshold = f"{metric.activation:g}"
            parts.append(f"{metric.name} is {value}, {relation} its activation threshold {threshold}")
    return "; ".join(parts)


def unpause(workload: Workload, name: str) -> str:
    """The command that removes an annotation of KEDA's."""
    item = workload.item
    return f"kubectl -n {item.namespace} annotate {item.kind.lower()} {item.name} autoscaling.keda.sh/{name}-"

"""No fault is known: the HPA, from 1 on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from keda.core.errors import counted
from keda.diagnosis.answer import Answer, Hop, Level
from keda.diagnosis.causes.activation import idle_by_value, inactive, unpause, values
from keda.diagnosis.installation import Installation
from keda.diagnosis.metric import TOLERANCE, Metric
from keda.diagnosis.wording import clock, number, span
from keda.diagnosis.workload import SYNC, Workload
from keda.manifests.reading import dig, mapping, text, whole

_USUAL_POLLING = range(15, 31)
_WINDOW = 300
"""--horizontal-pod-autoscaler-downscale-stabilization, by default, in seconds."""


def by_hpa(workload: Workload, keda: Installation) -> Iterator[Answer]:
    """From 1 on the HPA decides."""
    count, settings = workload.replicas, workload.settings
    if not count:
        return
    proposals = [
        (wanted, metric)
        for metric in workload.metrics
        if (wanted := metric.wanted(count, workload.ready)) is not None
    ]
    if proposals:
        wanted, metric = max(proposals, key=lambda each: each[0])
    else:
        desired = whole(workload.hpa_status.get("desiredReplicas"))
        wanted, metric = count if desired is None else desired, None
    least, most = settings.hpa_minimum, settings.maximum
    bounded = min(max(wanted, least), most)
    why = _why(metric, workload)
    if wanted > most and count >= most:
        yield Answer(
            "at-maximum",
            Level.LIMITED,
            Hop.HPA,
            f"stays at {count}, its maxReplicaCount, though {why}",
            "Raise maxReplicaCount, or the target per replica.",
        )
    elif bounded > count:
        yield _going_up(workload, bounded, why)
    elif bounded < count:
        yield _coming_down(workload, bounded, why)
    elif metric is not None and (answer := _within_tolerance(metric, workload, count)):
        yield answer
    else:
        yield _at_rest(workload, metric, why)


def _going_up(workload: Workload, to: int, why: str) -> Answer:
    count = workload.replicas
    if _disabled(workload, "scaleUp"):
        paused = workload.settings.annotations.paused_scale_out
        return _stopped(workload, "scale-out", "scaleUp", paused, why)
    limit = workload.hpa_condition("ScalingLimited").reason
    window = whole(_behavior(workload, "scaleUp").get("stabilizationWindowSeconds")) or 0
    if limit == "ScaleUpLimit":
        how = ", as fast as behavior.scaleUp allows"
    elif window:
        how = f" once it has been asked for {span(window)} (behavior.scaleUp.stabilizationWindowSeconds)"
    else:
        how = f" at the HPA's next sync, within {SYNC.seconds} s"
    return Answer("going-up", Level.WORKING, Hop.HPA, f"goes from {count} to {to}{how}: {why}")


def _coming_down(workload: Workload, to: int, why: str) -> Answer:
    count, now = workload.replicas, workload.now
    if _disabled(workload, "scaleDown"):
        paused = workload.settings.annotations.paused_scale_in
        return _stopped(workload, "scale-in", "scaleDown", paused, why)
    window = 0 if (count or 0) > workload.settings.maximum else down_window(workload)
    if window:
        latest = clock(now + timedelta(seconds=window), now)
        earliest = max(now, (workload.last_scaled or now) + timedelta(seconds=window))
        when = f"between {clock(earliest, now)} and {latest}" if earliest > now else f"by {latest}"
        how = f" {when}: the HPA keeps the highest count of the last {span(window)}, and now {why}"
    else:
        how = f" at the HPA's next sync, within {SYNC.seconds} s: {why}"
    return Answer("coming-down", Level.WORKING, Hop.HPA, f"comes down from {count} to {to}{how}")


def _stopped(workload: Workload, way: str, direction: str, paused: bool, why: str) -> Answer:
    """Scale-out or scale-in is disabled, by KEDA for its annotation or in the behavior."""
    what = f"{way} is paused by annotation" if paused else f"behavior.{direction}.selectPolicy is Disabled"
    return Answer(
        f"{way}-paused",
        Level.LIMITED,
        Hop.HPA,
        f"stays at {workload.replicas} though {why}: {what}",
        unpause(workload, f"paused-{way}") if paused else "Remove selectPolicy: Disabled.",
    )


def _within_tolerance(metric: Metric, workload: Workload, count: int) -> Answer | None:
    exact = metric.exact(workload.ready)
    least, most = workload.settings.hpa_minimum, workload.settings.maximum
    if metric.resource or exact is None or min(max(exact, least), most) == count or metric.total is None:
        return None
    divisor = metric.target if metric.target_type == "Value" else metric.target * count
    ratio = f"{number(metric.total)} / {number(divisor)} = {metric.total / divisor:.3f}"
    return Answer(
        "tolerance",
        Level.WORKING,
        Hop.HPA,
        f"stays at {count} though {metric.name} asks for {exact}: {ratio} is within the HPA's tolerance of "
        f"{TOLERANCE:.0%}",
        "Choose the target per replica so that one more replica is more than a tenth of all.",
    )


def _at_rest(workload: Workload, metric: Metric | None, why: str) -> Answer:
    count, settings = workload.replicas, workload.settings
    idle = inactive(workload)
    if _needs_ready_pods(metric) and workload.ready == 0:
        return Answer(
            "no-ready-pod",
            Level.LIMITED,
            Hop.TARGET,
            f"stays at {count} though {why}: a metric of type Value is multiplied by the ready pods, and "
            "none is",
            "Find why no pod is ready, or use metricType: AverageValue.",
        )
    if idle and count == settings.minimum:
        return Answer(
            "inactive-at-minimum",
            Level.WORKING,
            Hop.ACTIVATION,
            f"is at its minReplicaCount {count}, and {why or 'no metric asks for more'}; that it is not "
            "active has no effect, since Active decides between 0 and 1 only",
        )
    if settings.annotations.force_activation and idle_by_value(workload):
        return Answer(
            "forced",
            Level.LIMITED,
            Hop.ACTIVATION,
            f"stays at {count}: activation is forced by annotation, though no trigger is active",
            unpause(workload, "force-activation"),
        )
    if count == 1 and settings.minimum == 0 and metric is not None and not metric.resource:
        seen = values(each for each in workload.metrics if each.is_active)
        held = f"{seen}, so it is active" if seen else "KEDA's last poll found it active"
        return Answer(
            "held-at-one",
            Level.WORKING,
            Hop.ACTIVATION,
            f"stays at 1 and does not go to 0: {held}, and the HPA never goes below 1",
            "Write a higher activation threshold if that value should count as idle.",
        )
    known = why or "what its metrics are now is not known"
    sentence = f"has {counted(count or 0, 'replica')}: {known}{_polling(workload)}"
    return Answer("at-target", Level.WORKING, Hop.HPA, sentence)


def _polling(workload: Workload) -> str:
    """That pollingInterval does not count, for a ScaledObject that never goes to 0 (k #6168, #7801)."""
    given = whole(workload.item.spec.get("pollingInterval"))
    cached = any(trigger.get("useCachedMetrics") is True for trigger in workload.triggers)
    settings = workload.settings
    sleeps = settings.minimum == 0 or settings.idle is not None
    if given is None or given in _USUAL_POLLING or cached or sleeps:
        return ""
    return (
        f"; pollingInterval {given} has no effect on that: from 1 on the HPA reads the trigger itself, every "
        f"{SYNC.seconds} s"
    )


def _needs_ready_pods(metric: Metric | None) -> bool:
    """Whether it would ask for more with a ready pod."""
    if metric is None or metric.target_type != "Value" or metric.total is None or not metric.target:
        return False
    return metric.total / metric.target > 1 + TOLERANCE


def down_window(workload: Workload) -> int:
    """The scaleDown window of the HPA in seconds."""
    window = whole(_behavior(workload, "scaleDown").get("stabilizationWindowSeconds"))
    return _WINDOW if window is None else window


def _behavior(workload: Workload, direction: str) -> Mapping[Any, Any]:
    return mapping(dig(workload.hpa.manifest if workload.hpa else {}, "spec", "behavior", direction))


def _disabled(workload: Workload, direction: str) -> bool:
    return text(_behavior(workload, direction).get("selectPolicy")) == "Disabled"


def _why(metric: Metric | None, workload: Workload) -> str:
    """`s0-prometheus asks for 3 (25.6 / 10 per replica = 2.56, rounded up: 3)`."""
    if metric is None:
        return ""
    sum_up = metric.arithmetic(workload.replicas or 0, workload.ready)
    if metric.resource:
        return f"{metric.name} is {metric.display}" + (f" ({sum_up})" if sum_up else "")
    exact = metric.exact(workload.ready)
    if exact is None:
        return f"{metric.name} is {metric.display}"
    return f"{metric.name} asks for {exact} ({sum_up.rpartition(':')[0] or sum_up})"

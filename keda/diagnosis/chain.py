"""The links from the source to the pods, each with what shows its state."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from keda.core.errors import counted, show
from keda.diagnosis.answer import Answer, Hop, Level, Link
from keda.diagnosis.causes.activation import inactive
from keda.diagnosis.causes.authentication import changed_since_built, references
from keda.diagnosis.installation import Installation
from keda.diagnosis.metric import Metric
from keda.diagnosis.wording import ago, clock, number, quoted, span
from keda.diagnosis.workload import Condition, Workload
from keda.manifests.reading import managed_fields, mapping, text, whole

Evidence = Callable[[Workload, Installation], Iterator[str]]

_ADDRESSES = ("serverAddress", "natsServerMonitoringEndpoint", "bootstrapServers", "host", "address", "url")
_PAUSED = ("paused", "deleting")


def links(workload: Workload, keda: Installation, answer: Answer) -> Iterator[Link]:
    """The chain with the link of the answer marked. Links behind a broken one have no part: idle."""
    for hop, evidence in _EVIDENCE.items():
        found = tuple(evidence(workload, keda))
        seen = bool(found) and not (hop is Hop.TRIGGER and _no_value(workload))
        state = state_of(hop, answer, _idle(hop, workload, answer), seen)
        if state in ("ok", "unknown") and answer.level is Level.BROKEN and _fails(hop, workload):
            state = "affected"
        yield Link(hop, state, found)


def _fails(hop: Hop, workload: Workload) -> bool:
    """Whether a link behind the broken one shows the fault too."""
    if hop is Hop.HPA:
        return workload.hpa_condition("ScalingActive").status == "False"
    readings = [metric.reading for metric in workload.metrics if metric.reading is not None]
    return hop is Hop.TRIGGER and any(reading.error for reading in readings)


def state_of(hop: Hop, answer: Answer, idle: bool, seen: bool) -> str:
    """ok, broken, limited, idle or unknown."""
    if hop is answer.hop and answer.level is not Level.WORKING:
        return answer.level.value
    return "idle" if idle else "ok" if seen else "unknown"


def _idle(hop: Hop, workload: Workload, answer: Answer) -> bool:
    if answer.kind in _PAUSED:
        return hop in (Hop.SOURCE, Hop.TRIGGER, Hop.ACTIVATION, Hop.HPA)
    if hop is Hop.HPA:
        return workload.replicas == 0 or workload.hpa is None
    return hop is Hop.ACTIVATION and workload.settings.minimum > 0 and workload.settings.idle is None


def _no_value(workload: Workload) -> bool:
    external = [metric for metric in workload.metrics if not metric.resource]
    return bool(external) and all(metric.total is None for metric in external)


def keda_evidence(workload: Workload, keda: Installation) -> Iterator[str]:
    """The pods of KEDA, and the API that the HPA reads."""
    for item in filter(None, (keda.operator, keda.adapter)):
        ready, wanted = keda.ready(item)
        yield f"{item.namespace}/{item.name} {ready} of {wanted} ready"
    if keda.api_service is not None:
        by = keda.service or "the API server"
        yield f"external metrics {_condition('Available', keda.available)} by {by}"


def source_evidence(workload: Workload, keda: Installation) -> Iterator[str]:
    """Where the values come from, and the newest failure."""
    for trigger in workload.triggers:
        metadata = mapping(trigger.get("metadata"))
        address = next((metadata[key] for key in _ADDRESSES if metadata.get(key)), None)
        where = "" if address is None else f" {show(address, 'address').strip(chr(34))}"
        yield f"{text(trigger.get('type'))}{where}"
    failed = workload.event("KEDAScalerFailed", "KEDAMetricSourceFailed")
    if failed is not None:
        yield (
            f"event {failed.reason}, {counted(failed.count, 'time')}, last {ago(failed.last, workload.now)}: "
            f"{quoted(failed.message)}"
        )


def trigger_evidence(workload: Workload, keda: Installation) -> Iterator[str]:
    """The values, the way to the credentials, and who reads when."""
    for metric in workload.metrics:
        if metric.reading is not None:
            took = f" (answered in {metric.reading.seconds:.2f} s)" if metric.reading.seconds else ""
            milli = metric.reading.milli
            value = f"= {number(milli)}" if milli is not None else f"fails: {quoted(metric.reading.error)}"
            yield f"{metric.name} {value}{took}"
        if metric.failures:
            yield f"{metric.name} failed {metric.failures} times in a row (status.health)"
    yield from authentication_evidence(workload, keda)
    interval = span(workload.polling.total_seconds())
    if any(trigger.get("useCachedMetrics") is True for trigger in workload.triggers):
        yield f"read every {interval} (pollingInterval); the HPA gets that value (useCachedMetrics)"
    elif not workload.only_resources:
        yield f"read every {interval} (pollingInterval) for 0 <-> 1, from 1 on at each sync of the HPA (15 s)"


def authentication_evidence(workload: Workload, keda: Installation) -> Iterator[str]:
    """Each parameter that comes from a Secret or ConfigMap."""
    for trigger in workload.triggers:
        for each in references(workload, trigger, keda):
            where = f"{each.kind} {each.namespace}/{each.name}"
            yield f"{each.parameter}: {each.authentication} -> {where} {each.key}"
    yield from changed_since_built(workload, keda)


def activation_evidence(workload: Workload, keda: Installation) -> Iterator[str]:
    """The condition Active, each trigger's part in it, and when it was active last."""
    active = workload.condition("Active")
    if active.status:
        yield _condition("Active", active)
    for metric in workload.metrics:
        if metric.active is not None:
            state = "active" if metric.active else "not active"
            yield f"{metric.name} {state} at KEDA's last poll{_threshold(metric)}"
    if workload.last_active is not None:
        at = workload.last_active
        yield f"last active {clock(at, workload.now)}, {ago(at, workload.now)}"
    elif workload.item.kind == "ScaledObject" and workload.conditions and not workload.only_resources:
        yield "never active"
    fallback = workload.condition("Fallback")
    if fallback.status == "True":
        yield _condition("Fallback", fallback)
    if workload.settings.minimum > 0 and workload.settings.idle is None and inactive(workload):
        yield f"no effect with minReplicaCount {workload.settings.minimum}"


def _threshold(metric: Metric) -> str:
    return "" if metric.activation is None else f" (activation threshold {metric.activation:g})"


def hpa_evidence(workload: Workload, keda: Installation) -> Iterator[str]:
    """Its limits, conditions and metrics as `kubectl get hpa` shows them."""
    hpa = workload.hpa
    if hpa is None:
        if workload.snapshot.known_absent("HorizontalPodAutoscaler"):
            yield f"{workload.hpa_name} does not exist"
        return
    desired = whole(workload.hpa_status.get("desiredReplicas"))
    yield f"{hpa.name} {hpa.spec.get('minReplicas', 1)}-{hpa.spec.get('maxReplicas')}, desires {desired}"
    for kind in ("ScalingActive", "AbleToScale", "ScalingLimited"):
        condition = workload.hpa_condition(kind)
        if condition.status:
            fault = kind != "ScalingLimited" and condition.reason != "ScalingDisabled"
            failed = fault and condition.status == "False"
            yield _condition(kind, condition) + (f": {quoted(condition.message)}" if failed else "")
    for metric in workload.metrics:
        if metric.target and not (metric.shown is None and workload.replicas == 0):
            yield f"{metric.name} {metric.display}{_average(metric)}"


def _average(metric: Metric) -> str:
    """Why the HPA shows another number than the source: k #6959, #5781."""
    if metric.resource or metric.target_type != "AverageValue" or metric.shown is None or metric.shown_at < 2:
        return ""
    return f", the value divided by {metric.shown_at} replicas"


def target_evidence(workload: Workload, keda: Installation) -> Iterator[str]:
    """The pods, and who wrote the count last."""
    if workload.target is None:
        if workload.replicas is not None:
            yield f"{workload.target_ref} {workload.replicas} wanted, as the HPA saw it"
        return
    yield f"{workload.target_ref} {workload.replicas} wanted, {workload.ready} ready"
    if workload.writers:
        writer = workload.writers[0]
        how = " through /scale" if writer.at is None else f" at {clock(writer.at, workload.now)}"
        yield f"spec.replicas last written by {writer.manager}{how}"
    elif managed_fields(workload.target.manifest):
        yield "spec.replicas last written through /scale: by KEDA, an HPA or kubectl scale"
    if workload.last_scaled is not None:
        yield f"last scaled by its HPA at {clock(workload.last_scaled, workload.now)}"


def _condition(kind: str, condition: Condition) -> str:
    return f"{kind} {condition.status}" + (f" ({condition.reason})" if condition.reason else "")


_EVIDENCE: Mapping[Hop, Evidence] = {
    Hop.KEDA: keda_evidence,
    Hop.SOURCE: source_evidence,
    Hop.TRIGGER: trigger_evidence,
    Hop.ACTIVATION: activation_evidence,
    Hop.HPA: hpa_evidence,
    Hop.TARGET: target_evidence,
}


def arithmetic(metrics: tuple[Metric, ...], replicas: int | None, ready: int | None) -> Iterator[str]:
    """The division of each metric with today's numbers."""
    for metric in metrics:
        if found := metric.arithmetic(replicas or 0, ready):
            yield f"{metric.name}: {found}"

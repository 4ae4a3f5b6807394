"""The value does not arrive: the source, KEDA's scaler, or the way from the HPA to KEDA."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import NamedTuple

from keda.core.defaults import RESOURCE_SCALERS
from keda.core.errors import counted
from keda.diagnosis.answer import Answer, Hop, Level
from keda.diagnosis.causes.authentication import broken_authentication
from keda.diagnosis.installation import EXTERNAL_METRICS, Installation
from keda.diagnosis.wording import quoted
from keda.diagnosis.workload import Workload
from keda.manifests.reading import dig, mapping, text
from keda.scaling.metrics import fallback_works
from keda.scaling.scaled_object import Modifiers

_FAILED = ("TriggerError", "PartialTriggerError")
_EVENTS = ("KEDAScalerFailed", "KEDAMetricSourceFailed")
_EXTERNAL = "FailedGetExternalMetric"


class Path(NamedTuple):
    """What the API server's words on a failed metric mean; `where` is a part of the way, "" the source."""

    pattern: re.Pattern[str]
    where: str
    sentence: str
    fix: str


def _path(pattern: str, where: str, sentence: str, fix: str = "") -> Path:
    return Path(re.compile(pattern), where, sentence, fix)


# The order counts: KEDA's own words stand inside those of gRPC.
_PATHS = (
    _path(r"encountered error|error getting scalers", "", ""),
    _path(
        r"no matching metrics found",
        "operator",
        "KEDA's operator has no metric of this name: the HPA reads a trigger that its scalers do not have",
        "Restart KEDA's operator: it then writes the HPA again from the ScaledObject.",
    ),
    _path(
        r"currently unable to handle the request|ServiceUnavailable|error trying to reach service",
        "adapter",
        "the API server does not reach KEDA's metrics adapter",
        f"kubectl get apiservice {EXTERNAL_METRICS} shows why; check the adapter's pod, and that the API "
        "server reaches its port 6443.",
    ),
    _path(
        r"timeout while waiting to establish gRPC|code = Unavailable|code = DeadlineExceeded"
        r"|connection refused|connection error|certificate|x509|authentication handshake",
        "operator",
        "KEDA's metrics adapter does not reach the operator (gRPC, port 9666)",
        "Check that the operator runs, that a NetworkPolicy lets the adapter reach its port 9666, and that "
        "both have the same certificates (Secret kedaorg-certs).",
    ),
    _path(
        r"is forbidden|Forbidden",
        "adapter",
        "the HPA controller may not read external metrics",
        "Bind the role that reads external.metrics.k8s.io to horizontal-pod-autoscaler in kube-system, as "
        "KEDA's chart does.",
    ),
    _path(
        r"could not find the requested resource|could not find the metric|no matches for",
        "adapter",
        f"no adapter serves this metric under {EXTERNAL_METRICS}",
        "Install KEDA's metrics adapter; only one adapter can serve external metrics.",
    ),
    _path(
        r"context deadline exceeded|timed out|time allotted|timeout",
        "adapter",
        "the way from the API server over KEDA's metrics adapter to the operator takes too long",
        "Check the source's answering time and the load of KEDA's operator and adapter.",
    ),
)


def adapter_path(workload: Workload, keda: Installation) -> Iterator[Answer]:
    """The HPA gets no external metric though KEDA's scalers work: APIService, adapter, gRPC, rights."""
    message = _unreadable(workload)
    where, sentence, fix = _classified(message)
    reported = f": {quoted(message)}" if where else ""
    available = keda.available
    if keda.foreign:
        where, sentence, fix = (
            "adapter",
            f"{EXTERNAL_METRICS} is served by {keda.service}, not by KEDA",
            "Remove the other adapter's external metrics: only one adapter can serve them.",
        )
    elif keda.api_service is None and keda.snapshot.known_absent("APIService") and keda.snapshot.live:
        where, sentence, fix = (
            "adapter",
            f"there is no APIService {EXTERNAL_METRICS}, so the HPA reads no external metric",
            "Install KEDA's metrics adapter.",
        )
    elif available.status == "False":
        where, reported = "adapter", ""
        why = f"{available.reason}: {quoted(available.message)}"
        sentence = f"the APIService {EXTERNAL_METRICS} is not available ({why})"
        if keda.adapter is not None and keda.ready(keda.adapter)[0] == 0:
            sentence = f"KEDA's metrics adapter has no ready pod, and {sentence}"
        home = keda.service.partition("/")[0]
        fix = f"kubectl -n {home} describe pod,endpointslice shows what {keda.service} lacks."
    if not where or workload.only_resources or not _asks(workload):
        return
    effect = f"stays at {workload.replicas}" if workload.replicas else "would not scale above 1"
    yield Answer(f"no-{where}", Level.BROKEN, Hop.HPA, f"{effect}: {sentence}{reported}", fix)


def missing_consumer(workload: Workload, keda: Installation) -> Iterator[Answer]:
    """Without its consumer the nats-jetstream scaler gives the stream's last sequence (k #7657)."""
    found = workload.snapshot.missing.get((workload.item.namespace, workload.item.name))
    if found is not None:
        count = workload.replicas
        replicas = "its replicas" if count is None else counted(count, "replica")
        sentence = f"has {replicas} for a wrong value: {found.what}"
        yield Answer("missing-consumer", Level.BROKEN, Hop.SOURCE, sentence, found.fix)


def failing_trigger(workload: Workload, keda: Installation) -> Iterator[Answer]:
    """A scaler fails: TriggerError, PartialTriggerError (executor), health (fallback.go), the HPA's words."""
    message = failure(workload)
    if message is None:
        return
    names = failing_names(workload)
    which = f"its trigger {', '.join(names)}" if len(names) == 1 else f"its triggers {', '.join(names)}"
    cause = f"{which} fail{'s' if len(names) == 1 else ''}"
    hop, fix = Hop.SOURCE, _fix(message)
    if found := broken_authentication(workload, keda):
        hop, fix = Hop.TRIGGER, found.fix
        cause = f"{cause} because {found.sentence}"
    reported = f"KEDA reports {quoted(message)}" if found else quoted(message)
    full = f"{cause}; {reported}" if found else f"{cause}: {reported}"
    kind, effect = _effect(workload)
    yield Answer(kind, Level.BROKEN, hop, f"{effect}: {full}", fix)


def failure(workload: Workload) -> str | None:
    """What KEDA reports of a scaler that fails now; None if none does."""
    ready = workload.condition("Ready")
    unreadable = _unreadable(workload)
    by_hpa = bool(unreadable) and _classified(unreadable)[0] == ""
    failing = any(metric.failures for metric in workload.metrics)
    if not (ready.reason in _FAILED or by_hpa or failing):
        return None
    recent = workload.now - max(3 * workload.polling, timedelta(minutes=6))
    events = [event for event in workload.events if event.reason in _EVENTS and event.last >= recent]
    # A read while another one has cleared the scalers fails with this; the other one's event has the cause.
    causes = [event.message for event in events if "scaler with id" not in event.message]
    if causes:
        return causes[0]
    return unreadable or ready.message or "KEDA's status counts failed reads"


def failing_names(workload: Workload) -> list[str]:
    """The metrics that fail; all external ones where that is not known."""
    external = [metric for metric in workload.metrics if not metric.resource]
    known = [
        metric.name
        for metric in external
        if metric.failures
        or metric.failing
        or (
            metric.reading is not None
            and metric.reading.milli is None
            and not _classified(metric.reading.error)[0]
        )
    ]
    names = known or [metric.name for metric in external]
    types = [text(each.get("type")) for each in workload.triggers if each.get("type") not in RESOURCE_SCALERS]
    return names or types


def _effect(workload: Workload) -> tuple[str, str]:
    """What the failure does to the replicas, with the fallback's part in it."""
    settings, count = workload.settings, workload.replicas
    held = f"stays at {count}" if count is not None else "is not scaled"
    fallback = settings.fallback
    if fallback is None:
        partial = workload.condition("Ready").reason == "PartialTriggerError" or any(
            metric.failing for metric in workload.metrics
        )
        return ("partial", f"cannot come down from {count}") if partial and count else ("trigger-error", held)
    failures = max((metric.failures for metric in workload.metrics), default=0)
    if workload.condition("Fallback").status == "True":
        static = fallback.behavior == "static"
        what = counted(fallback.replicas, "replica") if static else fallback.behavior
        return "fallback", f"is held by its fallback ({what}) after {failures} failures in a row"
    if not _fallback_works(workload):
        return (
            "fallback-never",
            f"{held}, and its fallback never acts: scalingModifiers.target is not a whole number",
        )
    event = workload.event(*_EVENTS)
    if event is not None and event.count > failures + fallback.threshold + 1:
        return (
            "fallback-never",
            f"{held}, and its fallback does not act: KEDA cannot build the scaler any more, and counts only "
            f"reads of a built one ({failures} of more than {fallback.threshold})",
        )
    missing = fallback.threshold + 1 - failures
    more = "1 more read fails" if missing == 1 else f"{missing} more reads fail"
    return (
        "fallback-pending",
        f"{held} until {more} (failureThreshold {fallback.threshold}), then its fallback "
        f"of {counted(fallback.replicas, 'replica')} acts",
    )


def _fallback_works(workload: Workload) -> bool:
    modifiers = mapping(dig(workload.item.spec, "advanced", "scalingModifiers"))
    if not modifiers:
        return True
    formula = Modifiers("", str(modifiers.get("target", "")))
    return fallback_works(replace(workload.settings, modifiers=formula))


def _unreadable(workload: Workload) -> str:
    """Why the HPA, or a GET of this command, got no external metric; "" if it did."""
    scaling = workload.hpa_condition("ScalingActive")
    if scaling.status == "False" and scaling.reason == _EXTERNAL:
        return scaling.message
    return next(
        (metric.reading.error for metric in workload.metrics if metric.reading and metric.reading.error), ""
    )


def _classified(message: str) -> tuple[str, str, str]:
    for path in _PATHS if message else ():
        if path.pattern.search(message):
            return path.where, path.sentence, path.fix
    return "", "", ""


def _asks(workload: Workload) -> bool:
    """Whether the ScaledObject has an HPA that asks for external metrics, or will have once KEDA works."""
    return bool(workload.hpa) or workload.condition("Ready").status == "True"


_FIXES = (
    (
        re.compile(
            r"context deadline exceeded|Client\.Timeout|i/o timeout|no such host|connection refused|no route"
        ),
        "Check the address in the trigger, and that a pod in KEDA's namespace reaches it (DNS, "
        "NetworkPolicy); KEDA waits 3 s (KEDA_HTTP_DEFAULT_TIMEOUT).",
    ),
    (re.compile(r"x509|certificate|tls:"), "Give KEDA the source's CA, or correct the address's name."),
    (
        re.compile(r"\b40[13]\b|[Uu]nauthori[sz]ed|NOAUTH|WRONGPASS|[Aa]ccess denied|authentication failed"),
        "Correct the credentials in the TriggerAuthentication's Secret; KEDA reads them again at its next "
        "failed read.",
    ),
    (
        re.compile(r"target may be lost, the result is empty"),
        "Make the query give 0 instead of nothing (or vector(0)), or accept that no data is an error.",
    ),
)


def _fix(message: str) -> str:
    return next((fix for pattern, fix in _FIXES if pattern.search(message)), "")

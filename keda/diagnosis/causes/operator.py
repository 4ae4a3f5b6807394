"""KEDA itself: absent, watching elsewhere, paused, or refusing the object."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

from keda.core.errors import counted
from keda.diagnosis.answer import Answer, Hop, Level
from keda.diagnosis.causes.activation import unpause
from keda.diagnosis.causes.authentication import broken_authentication
from keda.diagnosis.installation import Installation
from keda.diagnosis.wording import ago, clock, parse_time, quoted, span
from keda.diagnosis.workload import Workload
from keda.manifests.reading import dig
from keda.scaling.scaled_object import ScaledObject

_NEW = timedelta(seconds=60)
_TARGET_MESSAGE = "doesn't have correct scaleTargetRef specification"
_HPA_MESSAGE = "failed to ensure HPA is correctly created for ScaledObject"
_DENIED = re.compile(r"denied the request|ValidatingAdmissionPolicy|is forbidden|admission webhook")
_NOT_FOUND = re.compile(r'"[^"]+" not found')


def operator_down(workload: Workload, keda: Installation) -> Iterator[Answer]:
    """Nothing reads the triggers, neither for KEDA's loop nor for the HPA."""
    if keda.operator is None:
        if keda.snapshot.known_absent("Deployment") and keda.snapshot.live:
            yield Answer(
                "no-operator",
                Level.BROKEN,
                Hop.KEDA,
                "does not scale: the cluster has no Deployment keda-operator, so nothing reads ScaledObjects",
                "Install KEDA.",
            )
        return
    ready, wanted = keda.ready(keda.operator)
    if ready:
        return
    where = f"{keda.operator.namespace}/{keda.operator.name}"
    what = "is scaled to 0" if wanted == 0 else f"has 0 of {wanted} pods ready"
    yield Answer(
        "operator-down",
        Level.BROKEN,
        Hop.KEDA,
        f"does not scale: KEDA's operator {where} {what}, so no trigger is read",
        f"kubectl -n {keda.operator.namespace} describe deployment,pod -l app={keda.operator.name}",
    )


def deleting(workload: Workload, keda: Installation) -> Iterator[Answer]:
    """Its finalizer is removed by KEDA's operator only."""
    since = parse_time(dig(workload.item.manifest, "metadata", "deletionTimestamp"))
    if since is None:
        return
    old = workload.now - since > _NEW
    yield Answer(
        "deleting",
        Level.BROKEN if old else Level.LIMITED,
        Hop.KEDA,
        f"was marked for deletion at {clock(since, workload.now)}"
        + (": KEDA's operator has not removed its finalizer, finalizer.keda.sh" if old else ""),
        "Start KEDA's operator, and let it watch this namespace: it removes the finalizer." if old else "",
    )


def not_looked_at(workload: Workload, keda: Installation) -> Iterator[Answer]:
    """Conditions are initialized in the first reconciliation (scaledobject_controller.go:186)."""
    ready = workload.condition("Ready")
    if ready.status == "True" or ready.status == "False" or ready.reason:
        return
    if keda.watches(workload.item.namespace) is False:
        yield Answer(
            "not-watched",
            Level.BROKEN,
            Hop.KEDA,
            f"is not read by KEDA: its operator watches {keda.watched.replace(',', ', ')} only "
            "(WATCH_NAMESPACE), so no HPA is made",
            f"Add {workload.item.namespace} to the namespaces that KEDA watches.",
        )
    elif workload.age < _NEW:
        yield Answer(
            "new",
            Level.WORKING,
            Hop.KEDA,
            f"is new: KEDA has not looked at it yet, {span(workload.age.total_seconds())} after its creation",
        )
    else:
        what = "status" if not workload.conditions else "condition Ready"
        yield Answer(
            "not-looked-at",
            Level.BROKEN,
            Hop.KEDA,
            f"is not read by KEDA: it has no {what} {span(workload.age.total_seconds())} after its "
            "creation, so no HPA is made",
            "Check that KEDA's operator runs, and that WATCH_NAMESPACE of its Deployment is empty or names "
            f"{workload.item.namespace}.",
        )


def refused(workload: Workload, keda: Installation) -> Iterator[Answer]:
    """Ready False, ScaledObjectCheckFailed: `<what failed>: <why>` (scaledobject_controller.go:198)."""
    ready = workload.condition("Ready")
    if ready.status != "False" or ready.reason not in ("ScaledObjectCheckFailed", "ScaledJobCheckFailed"):
        return
    effect = "keeps its former HPA" if workload.hpa else "has no HPA, so nothing scales"
    hop, message, fix = Hop.TRIGGER, ready.message, ""
    if _TARGET_MESSAGE in message:
        hop = Hop.TARGET
        message = message.partition(": ")[2] or message
        if _NOT_FOUND.search(message):
            message = f"its target {workload.target_ref} does not exist ({quoted(message)})"
            fix = "Create the target, or correct spec.scaleTargetRef."
        elif "is forbidden" in message:
            fix = "Let KEDA's operator get this kind and update its /scale."
    elif _HPA_MESSAGE in message:
        message = message.partition(": ")[2] or message
        if _DENIED.search(message):
            hop, fix = Hop.HPA, "Let the policy pass the HPAs of KEDA's operator."
            message = f"the API server refuses KEDA's HPA: {message}"
        elif workload.hpa:
            effect = f"stays at {workload.replicas}, since KEDA cannot build its scalers"
    sentence = f"{effect}: {quoted(message)}"
    if hop is Hop.TRIGGER and (found := broken_authentication(workload, keda)):
        sentence, fix = f"{effect}: {found.sentence}; KEDA reports {quoted(message)}", found.fix
    wrong = next((each for each in workload.mistakes if each.severity == "error"), None)
    if wrong is not None and not fix:
        fix = f"{wrong.path}: {wrong.message} {wrong.fix}"
    yield Answer("refused", Level.BROKEN, hop, sentence, fix)


def paused(workload: Workload, keda: Installation) -> Iterator[Answer]:
    """NeedToBePausedByAnnotation: the loop stops, the HPA is deleted (scaledobject_controller.go:239)."""
    if not isinstance(workload.limits, ScaledObject):
        if "paused-replicas" in workload.limits:
            yield Answer("unreadable-pause", Level.BROKEN, Hop.KEDA, f"is not scaled: {workload.limits}")
        return
    if not workload.paused:
        return
    held, count = workload.limits.annotations.paused_replicas, workload.replicas
    name = "paused" if held is None else "paused-replicas"
    where = f"at {count}" if held is None else f"at {held}"
    moving = f", and has {count} now" if held is not None and count not in (None, held) else ""
    yield Answer(
        "paused",
        Level.LIMITED,
        Hop.KEDA,
        f"is paused {where} by the annotation autoscaling.keda.sh/{name}: KEDA deleted its HPA and nothing "
        f"scales{moving}",
        unpause(workload, name),
    )


def activation_failed(workload: Workload, keda: Installation) -> Iterator[Answer]:
    """KEDAScaleTargetActivationFailed: the update of /scale was refused (scale_scaledobjects.go:355)."""
    failed = workload.event("KEDAScaleTargetActivationFailed", "KEDAScaleTargetDeactivationFailed")
    done = workload.event("KEDAScaleTargetActivated", "KEDAScaleTargetDeactivated")
    recent = workload.now - max(2 * workload.polling, timedelta(minutes=5))
    if failed is None or failed.last < recent or (done is not None and done.last > failed.last):
        return
    yield Answer(
        "scale-refused",
        Level.BROKEN,
        Hop.TARGET,
        f"is not scaled by KEDA: {quoted(failed.message)} ({counted(failed.count, 'time')}, last "
        f"{ago(failed.last, workload.now)}): the API server refused the update of /scale",
        f"Let KEDA's operator update the /scale of {workload.target_kind}s; its log has the refusal.",
    )

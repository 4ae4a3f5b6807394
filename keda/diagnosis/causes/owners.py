"""Who else sets the replicas: a second HPA, another writer, or the HPA itself to and fro."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta

from keda.core.errors import counted
from keda.diagnosis.answer import Answer, Hop, Level
from keda.diagnosis.causes.count import down_window
from keda.diagnosis.installation import Installation
from keda.diagnosis.snapshot import Event
from keda.diagnosis.wording import clock, span
from keda.diagnosis.workload import Workload
from keda.manifests.reading import managed_fields, mapping, text

_OURS = ("keda", "kube-controller-manager")
_BY_HAND = ("kubectl-edit", "kubectl-patch")
_NEW_SIZE = re.compile(r"New size: (\d+); reason: (.*)")
_RECENT = timedelta(minutes=15)
_TIMES = 3
"""How many changes in each direction are an oscillation."""


def second_hpa(workload: Workload, keda: Installation) -> Iterator[Answer]:
    """AmbiguousSelector (validateAndParseSelector, podautoscaler/horizontal.go:417)."""
    ambiguous = workload.hpa_condition("ScalingActive").reason == "AmbiguousSelector"
    others = [hpa.name for hpa in workload.other_hpas]
    if not others and not ambiguous:
        return
    if not others:
        message = workload.hpa_condition("ScalingActive").message.partition("multiple HPAs: ")[2]
        pairs = re.findall(r"\{?([\w.-]+)[ /]([\w.-]+)\}?", message)
        others = sorted(
            {name for pair in pairs for name in pair} - {workload.hpa_name, workload.item.namespace}
        )
    named = ", ".join(others) or "another HPA"
    stopped = "Kubernetes stops both (AmbiguousSelector)" if ambiguous else "each undoes what the other sets"
    yield Answer(
        "second-hpa",
        Level.BROKEN,
        Hop.HPA,
        f"{'does not scale' if ambiguous else 'has two owners'}: HPA {named} scales {workload.target_ref} as "
        f"well as KEDA's {workload.hpa_name}, and {stopped}",
        f"Delete HPA {named}, or let KEDA take it over: keda adopt.",
    )


def foreign_writer(workload: Workload, keda: Installation) -> Iterator[Answer]:
    """Another field manager wrote spec.replicas after KEDA or the HPA had.

    A write through /scale takes the field from its owners. It leaves it without one, or to the writer without
    a time (both seen with 1.34.3), so an owner that is not one of KEDA's or an HPA's wrote last.
    """
    writers = workload.writers
    if not writers or any(_is_ours(writer.manager) for writer in writers):
        return
    writer = writers[0]
    scaled = [each for each in (workload.last_scaled, _last_of_keda(workload)) if each is not None]
    if not scaled or (not writer.scale and (writer.at is None or writer.at <= max(scaled))):
        return
    replicas = "other replicas" if workload.replicas is None else counted(workload.replicas, "replica")
    by_hand = writer.scale or writer.manager in _BY_HAND
    if by_hand:
        again = "" if workload.replicas else " once a trigger is active"
        fix = f"Nothing: KEDA and the HPA set their own count again{again}."
    else:
        ignore = ", or ignore the field there (ignoreDifferences)" if "argo" in writer.manager else ""
        fix = f"Remove replicas from what {writer.manager} applies to {workload.target_ref}{ignore}."
    how = "through /scale" if writer.at is None else f"at {clock(writer.at, workload.now)}"
    yield Answer(
        "foreign-writer",
        Level.LIMITED if by_hand else Level.BROKEN,
        Hop.TARGET,
        f"has {replicas} because {writer.manager} wrote spec.replicas {how}, after KEDA had scaled it at "
        f"{clock(max(scaled), workload.now)}",
        fix,
    )


def put_back(workload: Workload, keda: Installation) -> Iterator[Answer]:
    """The HPA sets one count repeatedly and always in one direction; so someone else goes the other way."""
    sizes = _sizes(workload)
    repeated = [each for each in sizes if each[1].count > 1 and workload.now - each[1].last <= _RECENT]
    ups = [_goes_up(event) for _, event in sizes]
    if not repeated or len(set(ups)) != 1:
        return
    size, event = repeated[0]
    taken = workload.event("KEDAScaleTargetDeactivated")
    if ups[0] and taken is not None and taken.last > event.first:
        return
    others = [name for name in _managers(workload) if not _is_ours(name)]
    who = f"; {others[0]} writes {workload.target_ref} too" if others else ""
    yield Answer(
        "put-back",
        Level.BROKEN,
        Hop.TARGET,
        f"is put back again and again: its HPA set {counted(size, 'replica')} {event.count} times in "
        f"{span((event.last - event.first).total_seconds())}, and KEDA never set "
        f"{'less' if ups[0] else 'more'} in between{who}",
        f"Remove replicas from what {others[0] if others else 'the other owner'} applies to "
        f"{workload.target_ref}.",
    )


def oscillation(workload: Workload, keda: Installation) -> Iterator[Answer]:
    """The HPA itself goes up and down, as its SuccessfulRescale events count."""
    recent = [(size, event) for size, event in _sizes(workload) if workload.now - event.last <= _RECENT]
    down = [(size, event) for size, event in recent if "below target" in event.message]
    up = [(size, event) for size, event in recent if "above target" in event.message]
    if min(_count(up), _count(down)) < _TIMES:
        return
    lowest, highest = min(size for size, _ in down), max(size for size, _ in up)
    first = min(event.first for _, event in recent)
    yield Answer(
        "oscillation",
        Level.LIMITED,
        Hop.HPA,
        f"oscillates between {lowest} and {highest}: its HPA changed it {_count(up) + _count(down)} times "
        f"in {span((workload.now - first).total_seconds())}, up and down, with a scaleDown window of "
        f"{down_window(workload)} s",
        "Average the value over a longer time in its query, or raise "
        "advanced.horizontalPodAutoscalerConfig.behavior.scaleDown.stabilizationWindowSeconds.",
    )


def _sizes(workload: Workload) -> list[tuple[int, Event]]:
    """The counts that the HPA set, newest first."""
    found = []
    for event in workload.hpa_events:
        match = _NEW_SIZE.search(event.message)
        if event.reason == "SuccessfulRescale" and match:
            found.append((int(match[1]), event))
    return found


def _goes_up(event: Event) -> bool:
    return "above target" in event.message or "below Spec.MinReplicas" in event.message


def _count(sizes: list[tuple[int, Event]]) -> int:
    return sum(event.count for _, event in sizes)


def _managers(workload: Workload) -> list[str]:
    """The field managers of the target's spec, the last to write first."""
    entries = managed_fields(workload.target.manifest) if workload.target else []
    spec = [each for each in entries if "f:spec" in mapping(each.get("fieldsV1"))]
    ordered = sorted(spec, key=lambda entry: text(entry.get("time")), reverse=True)
    return [text(entry.get("manager")) for entry in ordered]


def _is_ours(manager: str) -> bool:
    return manager.startswith(_OURS)


def _last_of_keda(workload: Workload) -> datetime | None:
    event = workload.event("KEDAScaleTargetActivated", "KEDAScaleTargetDeactivated")
    return event.last if event else None

"""Timelines as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from keda.scaling.simulation import Sample, reason_of
from keda.timelines.notation import clock, short
from keda.timelines.timeline import Outcome, Spread, Timeline


def columns(lines: Sequence[Sequence[str]], *, left: int = 1) -> str:
    """A table; the first cells are set right, the last `left` ones left."""
    count = len(lines[0])
    widths = [max(len(line[column]) for line in lines) for column in range(count)]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if column < count - left else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def changes(timeline: Timeline, *, every: bool = False) -> str:
    """Each change with its reason, the first sample above it; with `every`, all samples."""
    lines = [("time", *timeline.scaled_object.metric_names, "wanted", timeline.counted, "reason")]
    for sample in shown(timeline, every=every):
        values = ["error" if value is None else f"{value:.6g}" for value in sample.values]
        wanted = "" if sample.wanted is None else str(sample.wanted)
        lines.append((clock(sample.at), *values, wanted, counts(sample), why(timeline, sample)))
    return columns(lines)


def shown(timeline: Timeline, *, every: bool = False) -> Sequence[Sample]:
    """The first sample and the changes, or all samples."""
    return [
        sample for number, sample in enumerate(timeline.samples) if every or sample.changed or number == 0
    ]


def counts(sample: Sample) -> str:
    """`1 -> 3`, or `3`."""
    return f"{sample.before} -> {sample.replicas}" if sample.changed else str(sample.replicas)


def why(timeline: Timeline, sample: Sample) -> str:
    """The sample's reason, as a sentence."""
    return str(reason_of(sample, timeline.scaled_object))


def sums(outcomes: Sequence[Outcome]) -> list[tuple[str, ...]]:
    """What each comes to: the name, and a cell for each outcome."""
    found = [dict(outcome_rows(outcome)) for outcome in outcomes]
    names = dict.fromkeys(name for each in found for name in each)
    return [(name, *(each.get(name, "") for each in found)) for name in names]


def outcome_rows(outcome: Outcome) -> Iterator[tuple[str, str]]:
    """What, and how much."""
    yield "pod hours", f"{_hours(outcome.pod_seconds)} of {_hours(outcome.always_on)} always on"
    if outcome.gpus_per_pod:
        yield "GPU hours", f"{short(outcome.gpu_hours)} of {short(outcome.gpu_hours_always_on)} always on"
    yield "at the maximum", _duration(outcome.at_maximum)
    if outcome.waiting is not None:
        yield "waiting work", _spread(outcome.waiting)
    if outcome.age is not None:
        yield "its age", _spread(outcome.age, " s")
    if outcome.jobs is not None:
        yield "Jobs", f"{outcome.jobs}, at most {outcome.highest} at once"
        return
    yield "cold starts", str(outcome.cold_starts)
    yield "flaps", str(outcome.flaps)


def duration(seconds: int) -> str:
    """45 s, 12 min 30 s."""
    if seconds < 600:
        return f"{seconds} s"
    return f"{seconds // 60} min" + (f" {seconds % 60} s" if seconds % 60 else "")


def _hours(seconds: float) -> str:
    return short(seconds / 3600)


def _duration(seconds: float) -> str:
    return clock(round(seconds * 1000)) if seconds else "never"


def _spread(spread: Spread, unit: str = "") -> str:
    return ", ".join(f"{name} {short(value)}{unit}" for name, value in spread._asdict().items())


def as_json(timeline: Timeline, outcome: Outcome, *, every: bool = False) -> Mapping[str, Any]:
    """The timeline as data: times in seconds, reasons as kinds with their numbers."""
    scaled_object = timeline.scaled_object
    rows = []
    for sample in shown(timeline, every=every):
        reason = reason_of(sample, scaled_object)
        rows.append(
            {
                "seconds": sample.at / 1000,
                "by": sample.by,
                # NaN is not JSON: as text, like Prometheus has it.
                "signals": {
                    name: value if value is None or value == value else "NaN"
                    for name, value in zip(scaled_object.metric_names, sample.values, strict=True)
                },
                "wanted": sample.wanted,
                "before": sample.before,
                "replicas": sample.replicas,
                "ready": sample.ready,
                "reason": {
                    "kind": reason.kind,
                    "numbers": dict(reason.numbers),
                    "limits": list(reason.limits),
                },
            }
        )
    return {
        "workload": scaled_object.name,
        "keda": scaled_object.version,
        "outcome": outcome_json(outcome),
        "changes": rows,
    }


def outcome_json(outcome: Outcome) -> Mapping[str, Any]:
    """The sums as data; seconds, pods and hours as their names have it."""

    def spread(found: Spread | None) -> Mapping[str, float] | None:
        return None if found is None else {key: round(value, 3) for key, value in found._asdict().items()}

    return {
        "seconds": outcome.seconds,
        "podSeconds": outcome.pod_seconds,
        "podSecondsAlwaysOn": outcome.always_on,
        "gpuHours": outcome.gpu_hours,
        "gpuHoursAlwaysOn": outcome.gpu_hours_always_on,
        "secondsAtMaximum": outcome.at_maximum,
        "waiting": spread(outcome.waiting),
        "ageSeconds": spread(outcome.age),
        **(
            {"coldStarts": outcome.cold_starts, "flaps": outcome.flaps}
            if outcome.jobs is None
            else {"jobs": outcome.jobs}
        ),
        "highest": outcome.highest,
        "lowest": outcome.lowest,
    }

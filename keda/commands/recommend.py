"""`python -m keda simulate FILE --recommend GOAL`: other settings under the same signal."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from keda.commands.arguments import Arguments
from keda.commands.errors import NotThere
from keda.commands.pictures import picture
from keda.scalers.facts import records
from keda.scaling.scaled_object import ScaledObject
from keda.scaling.signals import Queue, Signal, SignalError
from keda.scaling.simulation import Options
from keda.timelines import tables
from keda.timelines.drawing import trade_off
from keda.timelines.goals import Goal, Measure, goal
from keda.timelines.manifests import Unread, find, gpus_per_pod, read
from keda.timelines.notation import clock, cut, length, milliseconds, request, signals
from keda.timelines.recommendation import Candidate, Evaluate, Recommendation, Settings, recommend, values
from keda.timelines.timeline import Outcome, simulate

if TYPE_CHECKING:
    from keda.timelines.drawing import Draw

REJECTED = 12
"""So many reasons of rejected settings are listed."""
SEARCHED = 2 / 3
"""The share of a recording in which settings are searched; the rest is held out."""


def run(arguments: Arguments, text: str) -> int:
    """Searches, and prints what it finds. Returns 0.

    Raises NotThere, one line, for input that cannot be used.
    """
    for path in arguments.plots:
        if Path(path).suffix not in (".svg", ".png"):
            raise NotThere(f"keda simulate: --plot {path}: write a file that ends with .svg or .png.")
    try:
        scaled_object, found = recommendation(arguments, text)
    except SignalError as error:
        raise NotThere(f"keda simulate: {error}") from None
    except Unread as error:
        raise NotThere(str(error)) from None
    for path in arguments.plots:
        picture(path, "keda simulate", _drawing(found))
    print(as_json(scaled_object, found) if arguments.json else as_text(scaled_object, found))
    return 0


def _drawing(found: Recommendation) -> Draw:
    least, reached = found.goal.least, _measures(found.goal)[-1]
    limit = found.goal.limits[0].most if found.goal.limits else None

    def point(candidate: Candidate) -> tuple[float, float]:
        return least.of(candidate.outcome) or 0.0, reached.of(candidate.outcome) or 0.0

    return lambda: trade_off(
        (_label(least), _label(reached)),
        [point(each) for each in found.candidates],
        [point(each) for each in found.curve],
        point(found.present),
        None if found.best is None else point(found.best),
        limit,
    )


def _label(measure: Measure) -> str:
    return f"{measure.name} [{measure.unit.strip()}]" if measure.unit else measure.name


def recommendation(arguments: Arguments, text: str) -> tuple[ScaledObject, Recommendation]:
    """Searches. Raises SignalError and Unread, one sentence each."""
    wanted = goal(text)
    if arguments.path is None or arguments.faults or arguments.compare:
        raise SignalError("--recommend takes one FILE, without --fault and --compare.")
    path = str(arguments.path)
    manifest = find(path, arguments.workload, arguments.read)
    scaled_object = read(manifest, path)
    gpus = gpus_per_pod(manifest) if arguments.gpus is None else arguments.gpus
    signals(scaled_object, arguments.signals)  # a mistake is found before the search
    search, held_out = _parts(scaled_object, arguments, gpus)
    return scaled_object, recommend(scaled_object, wanted, search, held_out)


def _parts(scaled_object: ScaledObject, arguments: Arguments, gpus: int) -> tuple[Evaluate, Evaluate | None]:
    """How settings are tried, and how they are checked: in another part of the recording, or by another
    chance; not at all under a signal that is neither recorded nor chance.
    """

    def fresh(seed: int = 0) -> list[Signal]:
        return signals(scaled_object, arguments.signals, (), arguments.seed + seed)

    def evaluated(make: Callable[[], list[Signal]], until: int) -> Evaluate:
        def evaluate(candidate: ScaledObject) -> Outcome:
            replicas = candidate.minimum if arguments.replicas is None else arguments.replicas
            options = Options(
                replicas,
                milliseconds(arguments.start_up),
                cpu_request=request("cpu", arguments.cpu_request),
                memory_request=request("memory", arguments.memory_request),
            )
            return Outcome.of(simulate(candidate, make(), options, until), gpus)

        return evaluate

    whole = length(fresh())
    if whole is not None:
        middle = int(whole * SEARCHED)
        return (
            evaluated(lambda: [cut(each, 0, middle) for each in fresh()], middle),
            evaluated(lambda: [cut(each, middle, whole) for each in fresh()], whole - middle),
        )
    until = arguments.minutes * 60_000
    chance = any(isinstance(each, Queue) for each in fresh())
    return evaluated(fresh, until), evaluated(lambda: fresh(1000), until) if chance else None


def as_text(scaled_object: ScaledObject, found: Recommendation) -> str:
    """What to take, its price, the trade-off, and why not the others."""
    lines = [f"now: {_numbers(found.goal, found.present.outcome)}"]
    if found.present.why:
        lines.append(f"     misses the goal: {found.present.why}")
    lines.append("")
    lines += _answer(scaled_object, found)
    head = (*(measure.name for measure in _measures(found.goal)), "settings")
    rows = [(*_cells(found.goal, each.outcome), words(scaled_object, each.settings)) for each in found.curve]
    lines += ["", "The trade-off: nothing tried is better in both.", tables.columns([head, *rows])]
    rejected: dict[str, str] = {}
    for each in found.candidates:
        if each.verdict == "rejected":
            rejected.setdefault(each.why, words(scaled_object, each.settings))
    if rejected:
        lines += ["", "Rejected, the nearest first:"]
        lines += [f"  {settings}: {why}" for why, settings in list(rejected.items())[:REJECTED]]
    return "\n".join(lines)


def _answer(scaled_object: ScaledObject, found: Recommendation) -> Iterator[str]:
    if found.best is None:
        yield "No settings that were tried reach the goal. The rejected ones name what they miss."
        if full := found.present.outcome.at_maximum:
            held = f"{clock(round(full * 1000))} at the maximum of {scaled_object.maximum}"
            yield f"     You are {held} replicas; a higher one was not tried."
        return
    if not found.best.settings:
        yield "Keep what you have: nothing tried is better."
    else:
        yield f"Take {words(scaled_object, found.best.settings)}."
        yield f"     {_numbers(found.goal, found.best.outcome)}"
        now, then = found.present.outcome, found.best.outcome
        starts = f"cold starts {then.cold_starts} (now {now.cold_starts})"
        yield f"     {starts}, flaps {then.flaps} (now {now.flaps})"
    if found.held_out is not None and found.best.settings:
        before, after = (_numbers(found.goal, outcome) for outcome in found.held_out)
        yield f"     held out: {after}; what you have: {before}"
    elif found.held_out is None:
        yield "     Nothing was held out: the signal is neither recorded nor random."


def words(scaled_object: ScaledObject, settings: Settings) -> str:
    """`cooldownPeriod 60 (now 300)`; a threshold by its scaler's own name."""
    now = values(scaled_object)
    parts = []
    for name, value in settings:
        if name == "threshold":
            label = records()[scaled_object.triggers[0].type].get("target") or name
            parts.append(f"{label} {value / 1000:g} (now {now[name] / 1000:g})")
        else:
            parts.append(f"{name} {value} (now {now[name]})")
    return ", ".join(parts) or "what you have"


def _measures(wanted: Goal) -> list[Measure]:
    return list(
        {each.name: each for each in (wanted.least, *(limit.measure for limit in wanted.limits))}.values()
    )


def _cells(wanted: Goal, outcome: Outcome) -> Iterator[str]:
    for measure in _measures(wanted):
        value = measure.of(outcome)
        yield "" if value is None else measure.shown(value)


def _numbers(wanted: Goal, outcome: Outcome) -> str:
    named = zip(_measures(wanted), _cells(wanted, outcome), strict=True)
    return ", ".join(f"{measure.name} {cell}" for measure, cell in named)


def as_json(scaled_object: ScaledObject, found: Recommendation) -> str:
    """All of it as data."""

    def candidate(each: Candidate) -> dict[str, object]:
        return {
            "settings": dict(each.settings),
            "words": words(scaled_object, each.settings),
            "verdict": each.verdict,
            "why": each.why,
            "outcome": tables.outcome_json(each.outcome),
        }

    held = None if found.held_out is None else [tables.outcome_json(each) for each in found.held_out]
    result = {
        "workload": scaled_object.name,
        "present": candidate(found.present),
        "best": None if found.best is None else candidate(found.best),
        "heldOut": None if held is None else {"present": held[0], "best": held[1]},
        "curve": [candidate(each) for each in found.curve],
        "candidates": [candidate(each) for each in found.candidates],
    }
    return json.dumps(result, indent=2, ensure_ascii=False)

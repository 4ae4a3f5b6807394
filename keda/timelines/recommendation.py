"""Other settings under the same signal: which reach a goal, at what price, and why the others do not.

The search changes one setting at a time, as long as that helps. What it finds must also keep the limits in a
part of the recording that it has not seen.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from keda.scaling.behavior import ScalingRules
from keda.scaling.scaled_object import ScaledObject
from keda.timelines.goals import Goal
from keda.timelines.timeline import Outcome

WORTH = 0.01
"""A lower cost counts from one part in a hundred on."""
Settings = tuple[tuple[str, int], ...]
"""The changed settings: their names and values, seconds and milli thresholds included."""
Evaluate = Callable[[ScaledObject], Outcome]
Verdict = Literal["kept", "best", "rejected"]


@dataclass(frozen=True)
class Candidate:
    """Settings that were tried. `why` is what is wrong with rejected ones."""

    settings: Settings
    outcome: Outcome
    verdict: Verdict
    why: str = ""


@dataclass(frozen=True)
class Recommendation:
    """`best` are the settings to take; without changes: keep what you have. None: no settings reach the goal.

    `held_out` are the outcomes of the present settings and of the best ones in the part that the search has
    not seen.
    """

    goal: Goal
    present: Candidate
    best: Candidate | None
    candidates: tuple[Candidate, ...]
    held_out: tuple[Outcome, Outcome] | None = None

    @property
    def curve(self) -> list[Candidate]:
        """What no other candidate beats in both the cost and the first limit, by cost."""
        measure = self.goal.limits[0].measure if self.goal.limits else self.goal.least
        found: list[Candidate] = []
        lowest = float("inf")
        for each in sorted(
            self.candidates, key=lambda one: (self.goal.cost(one.outcome), measure.of(one.outcome) or 0.0)
        ):
            value = measure.of(each.outcome) or 0.0
            if value < lowest:
                lowest = value
                found.append(each)
        return found


@dataclass
class _Search:
    scaled_object: ScaledObject
    goal: Goal
    evaluate: Evaluate
    tried: dict[Settings, Outcome] = field(default_factory=dict)

    def outcome(self, settings: Settings) -> Outcome:
        if settings not in self.tried:
            self.tried[settings] = self.evaluate(apply(self.scaled_object, settings))
        return self.tried[settings]

    def rank(self, settings: Settings) -> tuple[float, float, int, float]:
        """Lower is better: limits first, then the cost, then few and small changes."""
        outcome = self.outcome(settings)
        excess = sum(
            max((limit.measure.of(outcome) or 0.0) / (limit.most or 1.0) - 1, 0.0)
            + bool(limit.broken(outcome))
            for limit in self.goal.limits
        )
        now = values(self.scaled_object)
        far = sum(abs(math.log2((value + 1) / (now[name] + 1))) for name, value in settings)
        return excess, self.goal.cost(outcome), len(settings), far

    def descend(self) -> None:
        """Changes one setting at a time, as long as that is better; from each polling interval on, since
        polls cost no replicas and give what other settings may then take.
        """
        choices = axes(self.scaled_object)
        now = values(self.scaled_object)["pollingInterval"]
        faster = [value for value in choices["pollingInterval"] if value < now]
        for start in ((), *((("pollingInterval", value),) for value in faster)):
            best: Settings = start
            while True:
                options = [_with(best, name, value) for name, values in choices.items() for value in values]
                found = min([best, *options], key=self.rank)
                if not self._better(found, best):
                    break
                best = found

    def _better(self, one: Settings, other: Settings) -> bool:
        (excess, cost, *_), (old_excess, old_cost, *_) = self.rank(one), self.rank(other)
        return excess < old_excess - WORTH or (excess <= old_excess and cost < old_cost * (1 - WORTH))


def axes(scaled_object: ScaledObject) -> Mapping[str, list[int]]:
    """The settings that are tried, with their values. The maximum only falls: the cluster bears no more."""
    now = values(scaled_object)
    found = {
        "minReplicaCount": [0, 1, 2],
        "maxReplicaCount": [-(-now["maxReplicaCount"] // 2)],
        "pollingInterval": [5, 10, 15, 30],
        "cooldownPeriod": [30, 60, 120, 300, 600, 1200],
        "scaleDown.stabilizationWindowSeconds": [0, 60, 120, 300, 600],
    }
    if "threshold" in now:
        found["threshold"] = [now["threshold"] * part // 4 for part in (1, 2, 3, 6, 8, 12, 16)]
    if scaled_object.idle is not None:
        del found["minReplicaCount"]
    lowest, highest = 1, now["maxReplicaCount"]
    found["maxReplicaCount"] = [each for each in found["maxReplicaCount"] if lowest <= each < highest]
    if "minReplicaCount" in found:
        found["minReplicaCount"] = [each for each in found["minReplicaCount"] if each <= highest]
    return {
        name: [value for value in dict.fromkeys(tried) if value != now[name]] for name, tried in found.items()
    }


def values(scaled_object: ScaledObject) -> dict[str, int]:
    """The present settings: seconds; the threshold in milli, where a single trigger has one of its own."""
    down = scaled_object.scale_down
    found = {
        "minReplicaCount": scaled_object.minimum,
        "maxReplicaCount": scaled_object.maximum,
        "pollingInterval": scaled_object.polling_interval // 1000,
        "cooldownPeriod": scaled_object.cooldown // 1000,
        "scaleDown.stabilizationWindowSeconds": 300
        if down is None or down.window is None
        else down.window // 1000,
    }
    trigger, *others = scaled_object.triggers
    if not others and trigger.metric_type == "AverageValue" and not trigger.resource:
        found["threshold"] = trigger.target
    return found


def apply(scaled_object: ScaledObject, settings: Settings) -> ScaledObject:
    """The ScaledObject with changed settings."""
    changed = scaled_object
    for name, value in settings:
        if name == "minReplicaCount":
            changed = replace(changed, minimum=value)
        elif name == "maxReplicaCount":
            changed = replace(changed, maximum=value)
        elif name == "pollingInterval":
            changed = replace(changed, polling_interval=value * 1000)
        elif name == "cooldownPeriod":
            changed = replace(changed, cooldown=value * 1000)
        elif name == "threshold":
            changed = replace(changed, triggers=(replace(changed.triggers[0], target=value),))
        else:
            down = replace(changed.scale_down or ScalingRules(), window=value * 1000)
            changed = replace(changed, scale_down=down)
    return changed


def recommend(
    scaled_object: ScaledObject, goal: Goal, evaluate: Evaluate, held_out: Evaluate | None = None
) -> Recommendation:
    """Searches with `evaluate`, and checks what it finds with `held_out`, the part it has not seen.

    Raises SignalError where the outcomes lack a number of the goal.
    """
    asked, present = goal, evaluate(scaled_object)
    asked.check(present)
    goal = asked.beside(present)
    search = _Search(scaled_object, goal, evaluate, {(): present})
    search.descend()
    hidden = None if held_out is None else _Search(scaled_object, asked, held_out)
    refused: dict[Settings, str] = {}
    best: Settings | None = None
    outcomes: tuple[Outcome, Outcome] | None = None
    for settings in sorted(search.tried, key=search.rank):
        why = goal.broken(search.tried[settings])
        if not why and settings and not goal.broken(present):
            lower = goal.cost(search.tried[settings]) < goal.cost(present) * (1 - WORTH)
            why = "" if lower else "no better than what you have"
        if not why and hidden is not None:
            outcomes = hidden.outcome(()), hidden.outcome(settings)
            beside = asked.beside(outcomes[0])
            part = beside.broken(outcomes[1])
            why = f"in the part held out: {part}" if part else ""
            if not why and settings and not beside.broken(outcomes[0]):
                higher = goal.cost(outcomes[1]) > goal.cost(outcomes[0]) * (1 + WORTH)
                why = "in the part held out: worse than what you have" if higher else ""
        if not why:
            best = settings
            break
        refused[settings] = why
    return Recommendation(
        goal,
        Candidate((), present, "kept", refused.get((), goal.broken(present))),
        None if best is None else Candidate(best, search.tried[best], "best"),
        tuple(_candidates(search, best, refused)),
        outcomes if best is not None else None,
    )


def _candidates(
    search: _Search, best: Settings | None, refused: Mapping[Settings, str]
) -> Iterator[Candidate]:
    for settings in sorted(search.tried, key=search.rank):
        outcome = search.tried[settings]
        if settings == best:
            yield Candidate(settings, outcome, "best")
        else:
            least = search.goal.least
            worse = f"{least.name} {least.shown(search.goal.cost(outcome))}, not the lowest"
            why = refused.get(settings) or search.goal.broken(outcome) or worse
            yield Candidate(settings, outcome, "rejected" if settings else "kept", why)


def _with(settings: Settings, name: str, value: int) -> Settings:
    return tuple(sorted({**dict(settings), name: value}.items()))

"""What a recommendation is to reach: limits and one number to keep low, as a person writes them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from keda.scaling.signals import SignalError
from keda.timelines.notation import milliseconds, short
from keda.timelines.timeline import Outcome, Spread

EXAMPLE = '"p95 wait < 30s, min gpu-hours"'
_CLAUSE = re.compile(r"(?P<what>[a-z0-9 -]+?)\s*(?P<operator><=?)\s*(?P<limit>\S+)")


@dataclass(frozen=True)
class Measure:
    """A number of an outcome, None where the outcome has none; lower is better."""

    name: str
    of: Callable[[Outcome], float | None]
    unit: str = ""
    needs: str = ""
    """What gives the outcome this number."""

    def shown(self, value: float) -> str:
        """The value with its unit."""
        return f"{short(round(value, 2))}{self.unit}"


def _spread(part: str, spread: Spread | None) -> float | None:
    return None if spread is None else float(getattr(spread, part))


_QUEUE = "a queue as signal: poisson:… or arrivals:…"
MEASURES: Mapping[str, Measure] = {
    measure.name: measure
    for measure in (
        *(
            Measure(f"{part} wait", lambda found, part=part: _spread(part, found.age), " s", _QUEUE)  # type: ignore[misc]
            for part in Spread._fields
        ),
        *(
            Measure(
                f"{part} waiting",
                lambda found, part=part: _spread(part, found.waiting),  # type: ignore[misc]
                "",
                "a trigger whose values are sums",
            )
            for part in Spread._fields
        ),
        Measure(
            "gpu-hours",
            lambda found: found.gpu_hours if found.gpus_per_pod else None,
            "",
            "--gpus, or the ScaledObject's annotation",
        ),
        Measure("pod-hours", lambda found: found.pod_seconds / 3600),
        Measure("cold-starts", lambda found: float(found.cold_starts)),
        Measure("flaps", lambda found: float(found.flaps)),
        Measure("replicas", lambda found: float(found.highest)),
        Measure("at-maximum", lambda found: found.at_maximum, " s"),
    )
}


@dataclass(frozen=True)
class Limit:
    """A measure that must be below `most`, or at most that where `inclusive`.

    `most` is None for what the present settings reach, which `Goal.beside` fills in.
    """

    measure: Measure
    most: float | None
    inclusive: bool

    def broken(self, outcome: Outcome) -> str:
        """Why an outcome does not keep it; "" if it does."""
        value = self.measure.of(outcome)
        if value is None or self.most is None or value < self.most or (self.inclusive and value == self.most):
            return ""
        bound = "above" if self.inclusive else "not below"
        return f"{self.measure.name} {self.measure.shown(value)}, {bound} {self.measure.shown(self.most)}"


@dataclass(frozen=True)
class Goal:
    """All limits must be kept; of what keeps them, the lowest `least` is best."""

    limits: tuple[Limit, ...]
    least: Measure

    def beside(self, present: Outcome) -> Goal:
        """The goal with what the present settings reach for the limits that ask for no more than now."""
        filled = [
            replace(limit, most=_value(limit.measure, present)) if limit.most is None else limit
            for limit in self.limits
        ]
        return Goal(tuple(filled), self.least)

    def broken(self, outcome: Outcome) -> str:
        """The first limit that an outcome does not keep, as a sentence's part; "" if it keeps all."""
        return next(filter(None, (limit.broken(outcome) for limit in self.limits)), "")

    def cost(self, outcome: Outcome) -> float:
        """What is to be low. Raises SignalError where the outcome has no such number."""
        return _value(self.least, outcome)

    def check(self, outcome: Outcome) -> None:
        """Raises SignalError where the outcome has not all numbers."""
        for measure in (*(limit.measure for limit in self.limits), self.least):
            _value(measure, outcome)


def _value(measure: Measure, outcome: Outcome) -> float:
    value = measure.of(outcome)
    if value is None:
        raise SignalError(f"--recommend: {measure.name} needs {measure.needs}.")
    return value


def goal(text: str) -> Goal:
    """`p95 wait < 30s, min gpu-hours`: limits, and one `min`; `<= now` is no more than with the present
    settings. Raises SignalError.
    """
    limits, least = [], list[Measure]()
    for part in filter(None, (each.strip() for each in text.split(","))):
        if part.startswith("min "):
            least.append(_measure(part.removeprefix("min ").strip()))
        elif match := _CLAUSE.fullmatch(part):
            measure = _measure(match["what"])
            limits.append(Limit(measure, _number(match["limit"], measure), match["operator"] == "<="))
        else:
            raise SignalError(f"--recommend: {part[:60]} is not a limit. Write for example {EXAMPLE}.")
    if len(least) != 1:
        raise SignalError(f"--recommend: {len(least)} parts begin with min. Write one, as in {EXAMPLE}.")
    return Goal(tuple(limits), least[0])


def _measure(name: str) -> Measure:
    found = MEASURES.get(" ".join(name.split()))
    if found is None:
        raise SignalError(f"--recommend: {name[:40]} is not a measure. Write one of: {', '.join(MEASURES)}.")
    return found


def _number(text: str, measure: Measure) -> float | None:
    if text == "now":
        return None
    try:
        number = float(text)
    except ValueError:
        if measure.unit:
            return milliseconds(text) / 1000
        number = -1.0
    if not 0 <= number < float("inf"):
        raise SignalError(f"--recommend: {text[:40]} is not a number from 0 on. Write {measure.name} < 5.")
    return number

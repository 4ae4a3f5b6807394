"""Signals, times and faults as a person writes them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from keda.scaling.recordings import from_csv, from_prometheus
from keda.scaling.scaled_object import MOST, Triggered
from keda.scaling.signals import (
    Constant,
    Day,
    Fault,
    Faulty,
    Queue,
    Ramp,
    Recorded,
    Signal,
    SignalError,
    Step,
    bare,
    pulse,
)
from keda.scaling.simulation import SecondOwner
from keda.syntax.quantity import parse_quantity

SIGNALS = (
    "constant:VALUE, step:BEFORE:AFTER@TIME, pulse:BEFORE:DURING@TIME-TIME, ramp:FROM:TO@TIME-TIME, "
    "day:LOW:HIGH, "
    "poisson:PER_SECOND:SERVICE_TIME, arrivals:FILE:SERVICE_TIME, FILE.csv, FILE.json"
)
FAULTS = (
    "no-data@TIME-TIME, nan@TIME-TIME, source-down@TIME-TIME, operator-down@TIME-TIME, "
    "controller-restart@TIME, controller-down@TIME-TIME, second-owner:REPLICAS@TIME"
)
BUSIEST = 1000
"""Arrivals a second: each item is simulated."""
_UNITS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_TIME = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)", re.ASCII)
_SHAPES = {"constant": 1, "step": 2, "pulse": 2, "ramp": 2, "day": 2, "poisson": 2}
"""How many numbers stand before the @."""


def clock(milliseconds: int) -> str:
    """1:05:30, with days in front where there are any."""
    seconds = milliseconds // 1000
    days, hours = seconds // 86_400, seconds // 3600 % 24
    text = f"{hours}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return f"{days}d {text}" if days else text


def short(value: float) -> str:
    """A number of at most a few digits: 12.5, 12k, 3G."""
    for power, letter in ((18, "E"), (15, "P"), (12, "T"), (9, "G"), (6, "M"), (3, "k")):
        if abs(value) >= 10**power and (power > 3 or abs(value) >= 10_000):
            return f"{value / 10**power:.3g}{letter}"
    return f"{value:.4g}"


def milliseconds(text: str) -> int:
    """90s, 5m, 1h30m. Raises SignalError."""
    parts = _TIME.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise SignalError(
            f"{text[:40] or 'nothing'} is not a time. Write it with a unit, such as 90s, 5m or 1h30m."
        )
    return round(sum(float(number) * _UNITS[unit] for number, unit in parts))


def request(resource: str, text: str) -> int:
    """A pod's request as a Kubernetes quantity: thousandths; nothing is 0. Raises SignalError."""
    try:
        milli = int(parse_quantity(text) * 1000) if text else 0
    except ValueError:
        milli = -1
    if milli < 0 or (text and not milli):
        example = "500m" if resource == "cpu" else "256Mi"
        raise SignalError(f"--{resource}-request {text[:40]} is not an amount above 0. Write e.g. {example}.")
    return milli


def signal(spec: str, seed: int = 0) -> Signal:
    """A signal as SIGNALS has it. Raises SignalError."""
    kind, _, rest = spec.partition(":")
    if kind == "arrivals" and ":" in rest:
        file, _, service = rest.rpartition(":")
        return _queue(_file(file), service, seed)
    if kind in _SHAPES and rest:
        return _shape(kind, rest, spec, seed)
    if Path(spec).suffix not in (".csv", ".json"):
        raise SignalError(f"--signal {spec[:60]} is not a signal. Write one of: {SIGNALS}.")
    return _file(spec)


def _file(path: str) -> Recorded:
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise SignalError(f"{path}: cannot be read: {why}.") from None
    return from_csv(text, path) if path.endswith(".csv") else from_prometheus(text, path)


def _shape(kind: str, rest: str, spec: str, seed: int) -> Signal:
    before, _, times = rest.partition("@")
    parts = before.split(":")
    try:
        if len(parts) != _SHAPES[kind] or bool(times) != (kind in ("step", "pulse", "ramp")):
            raise ValueError
        numbers = [float(part) for part in (parts[:1] if kind == "poisson" else parts)]
        begins, _, ends = times.partition("-")
    except ValueError:
        raise SignalError(f"--signal {spec[:60]} is not a signal. Write one of: {SIGNALS}.") from None
    if kind == "constant":
        return Constant(numbers[0])
    if kind == "step":
        return Step(numbers[0], numbers[1], milliseconds(times))
    if kind == "pulse":
        return pulse(numbers[0], numbers[1], milliseconds(begins), milliseconds(ends))
    if kind == "ramp":
        return Ramp(numbers[0], numbers[1], milliseconds(begins), milliseconds(ends))
    if kind == "day":
        return Day(numbers[0], numbers[1])
    return _queue(Constant(numbers[0]), parts[1], seed)


def _queue(rate: Recorded | Constant, service: str, seed: int) -> Queue:
    highest = rate.value if isinstance(rate, Constant) else max(rate.values)
    if highest > BUSIEST:
        raise SignalError(f"{short(highest)} arrivals a second are not simulated. Write at most {BUSIEST}.")
    return Queue(rate, milliseconds(service), seed)


def signals(
    scaled: Triggered, given: Sequence[str], faults: tuple[Fault, ...] = (), seed: int = 0
) -> list[Signal]:
    """One signal a trigger: `NAME=SIGNAL` by name, the others in the triggers' order. Raises SignalError."""
    specs = by_trigger(scaled, given)
    return [
        Faulty(signal(spec, seed + index), faults, trigger.ignore_null_values)
        if faults
        else signal(spec, seed + index)
        for index, (spec, trigger) in enumerate(zip(specs, scaled.triggers, strict=True))
    ]


def by_trigger(
    scaled: Triggered,
    given: Sequence[str],
    known: Mapping[str, str] | None = None,
    example: str = f"NAME=SIGNAL for each trigger; SIGNAL is one of: {SIGNALS}",
) -> list[str]:
    """What is given for each trigger, by name or in their order; else what is known. Raises SignalError."""
    names = scaled.metric_names
    named: dict[str, str] = {}
    rest = []
    for each in given:
        name, equals, spec = each.partition("=")
        if equals and name in names:
            named[name] = spec
        elif equals and ":" not in name and "/" not in name:
            raise SignalError(
                f"--signal {name[:40]}: no trigger has this name. Write one of: {', '.join(names)}."
            )
        else:
            rest.append(each)
    waiting = [name for name in names if name not in named]
    if (missing := waiting[len(rest) :]) and known is None:
        raise SignalError(f"no signal for {', '.join(missing)}. Write --signal {example}.")
    if len(rest) > len(waiting):
        raise SignalError(f"--signal {rest[len(waiting)][:60]}: each trigger has one already. Leave it out.")
    named |= dict(zip(waiting, rest, strict=False))
    return [named[name] if name in named else (known or {})[name] for name in names]


def length(signals: Sequence[Signal]) -> int | None:
    """How long the shortest recording among signals is, milliseconds; None without one."""
    found = [each.times[-1] for each in map(_recorded, signals) if each is not None]
    return min(found, default=None)


def cut(signal: Signal, begins: int, ends: int) -> Signal:
    """A part of a recorded signal, from 0 on; of a queue, of its arrivals. Any other is as it was."""
    if isinstance(signal, Queue):
        return Queue(cut(signal.rate, begins, ends), signal.service, signal.seed)
    if not isinstance(signal, Recorded):
        return signal
    pairs = zip(signal.times, signal.values, strict=True)
    kept = [(max(time - begins, 0), value) for time, value in pairs if begins <= time < ends]
    return Recorded([time for time, _ in kept], [value for _, value in kept], every=signal.every)


def _recorded(signal: Signal) -> Recorded | None:
    plain = signal.rate if isinstance(signal, Queue) else signal
    return plain if isinstance(plain, Recorded) and len(plain.times) > 3 else None


def service_time(signals: Sequence[Signal]) -> int | None:
    """The longest time that an item of a queue among signals needs, milliseconds; None without one."""
    return max((each.service for each in map(bare, signals) if isinstance(each, Queue)), default=None)


@dataclass
class Disturbances:
    """Faults, each where the simulation takes it."""

    sources: list[Fault] = field(default_factory=list)
    owners: list[SecondOwner] = field(default_factory=list)
    controller: list[tuple[int, int]] = field(default_factory=list)
    operator: list[tuple[int, int]] = field(default_factory=list)


def disturbances(given: Sequence[str]) -> Disturbances:
    """Faults as FAULTS has them. Raises SignalError."""
    found = Disturbances()
    for spec in given:
        kind, _, times = spec.partition("@")
        begins, _, ends = times.partition("-")
        owner, _, replicas = kind.partition(":")
        if ends and milliseconds(ends) <= milliseconds(begins):
            raise SignalError(f"--fault {spec[:60]} ends before it begins. Write the earlier time first.")
        if owner == "second-owner" and replicas.isascii() and replicas.isdigit() and not ends:
            if len(replicas) > 6 or int(replicas) > MOST:
                raise SignalError(f"--fault {spec[:60]}: more than is simulated. Write at most {MOST}.")
            found.owners.append(SecondOwner(milliseconds(begins), int(replicas)))
        elif kind == "controller-restart" and not ends:
            found.controller.append((milliseconds(begins), milliseconds(begins)))
        elif kind in ("controller-down", "operator-down") and ends:
            outages = found.operator if kind == "operator-down" else found.controller
            outages.append((milliseconds(begins), milliseconds(ends)))
        elif kind in ("no-data", "nan", "source-down") and ends:
            found.sources.append(Fault(kind, milliseconds(begins), milliseconds(ends)))  # type: ignore[arg-type]
        else:
            raise SignalError(f"--fault {spec[:60]} is not a fault. Write one of: {FAULTS}.")
    return found

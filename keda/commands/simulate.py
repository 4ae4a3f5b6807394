"""`python -m keda simulate FILE --signal …`: what KEDA and the HPA would do with a ScaledObject over time."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

from keda.commands.errors import NotThere
from keda.manifests.documents import Source, Unreadable, documents
from keda.manifests.reading import dig, unlisted
from keda.scaling.manifest import Unsimulated, read_scaled_object
from keda.scaling.recordings import from_csv, from_prometheus
from keda.scaling.scaled_object import ScaledObject
from keda.scaling.signals import (
    Constant,
    Day,
    Fault,
    Faulty,
    Queue,
    Ramp,
    Signal,
    SignalError,
    Step,
)
from keda.scaling.simulation import Options, Sample, SecondOwner, Simulation, reason_of

SIGNALS = (
    "constant:VALUE, step:BEFORE:AFTER@TIME, ramp:FROM:TO@TIME-TIME, day:LOW:HIGH, "
    "poisson:PER_SECOND:SERVICE_TIME, FILE.csv, FILE.json"
)
FAULTS = (
    "no-data@TIME-TIME, nan@TIME-TIME, source-down@TIME-TIME, operator-down@TIME-TIME, "
    "controller-restart@TIME, second-owner:REPLICAS@TIME"
)
_UNITS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_TIME = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)", re.ASCII)


@dataclass(frozen=True)
class Arguments:
    """The command line. `signals` and `faults` as written; times of the options in their own notation."""

    path: str
    signals: tuple[str, ...]
    workload: str | None = None
    minutes: int = 30
    faults: tuple[str, ...] = ()
    replicas: int | None = None
    start_up: str = "0s"
    request: int = 1000
    seed: int = 0
    every: bool = False
    json: bool = False


def run(arguments: Arguments) -> int:
    """Prints the changes (with `every`: each poll and sync) as a table or JSON. Returns 0.

    Raises NotThere, one line, for input that cannot be simulated.
    """
    if arguments.minutes < 1 or (arguments.replicas or 0) < 0 or arguments.request < 1:
        raise NotThere(
            "keda simulate: --minutes and --request begin at 1, --replicas at 0. Write larger numbers."
        )
    scaled_object = _scaled_object(arguments.path, arguments.workload)
    try:
        disturbances = _faults(arguments.faults)
        signals = _signals(scaled_object, arguments, tuple(disturbances.sources))
        replicas = scaled_object.minimum if arguments.replicas is None else arguments.replicas
        options = Options(
            replicas,
            milliseconds(arguments.start_up),
            request=arguments.request,
            owners=tuple(disturbances.owners),
            controller_restarts=tuple(disturbances.restarts),
            operator_outages=tuple(disturbances.outages),
        )
    except SignalError as error:
        raise NotThere(f"keda simulate: {error}") from None
    samples = Simulation(scaled_object, signals, options).run(arguments.minutes * 60_000)
    rows = list(_rows(samples, scaled_object, every=arguments.every))
    print(_json(rows, scaled_object) if arguments.json else _table(rows, scaled_object))
    return 0


@dataclass(frozen=True)
class Row:
    """One line of the table; `at` is milliseconds."""

    sample: Sample
    reason: str
    kind: str
    numbers: Mapping[str, int | float | str]
    limits: tuple[str, ...]


def _rows(samples: Iterator[Sample], scaled_object: ScaledObject, *, every: bool) -> Iterator[Row]:
    for number, sample in enumerate(samples):
        if every or sample.changed or number == 0:
            reason = reason_of(sample, scaled_object)
            yield Row(sample, str(reason), reason.kind, reason.numbers, reason.limits)


def _table(rows: Sequence[Row], scaled_object: ScaledObject) -> str:
    names = [scaled_object.metric_name(index) for index in range(len(scaled_object.triggers))]
    lines = [("time", *names, "wanted", "replicas", "reason")]
    for row in rows:
        sample = row.sample
        values = ["error" if value is None else f"{value:.6g}" for value in sample.values]
        wanted = "" if sample.wanted is None else str(sample.wanted)
        count = f"{sample.before} -> {sample.replicas}" if sample.changed else str(sample.replicas)
        lines.append((clock(sample.at), *values, wanted, count, row.reason))
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]) - 1)]
    return "\n".join(
        "  ".join([*(cell.rjust(width) for cell, width in zip(line, widths, strict=False)), line[-1]])
        for line in lines
    )


def _json(rows: Sequence[Row], scaled_object: ScaledObject) -> str:
    names = [scaled_object.metric_name(index) for index in range(len(scaled_object.triggers))]
    changes = [
        {
            "seconds": row.sample.at / 1000,
            "by": row.sample.by,
            # NaN is not JSON: as text, like Prometheus has it.
            "signals": {
                name: value if value is None or value == value else "NaN"
                for name, value in zip(names, row.sample.values, strict=True)
            },
            "wanted": row.sample.wanted,
            "before": row.sample.before,
            "replicas": row.sample.replicas,
            "ready": row.sample.ready,
            "reason": {"kind": row.kind, "numbers": dict(row.numbers), "limits": list(row.limits)},
        }
        for row in rows
    ]
    head = {"workload": scaled_object.name, "keda": scaled_object.version, "changes": changes}
    return json.dumps(head, indent=2, ensure_ascii=False)


def clock(milliseconds: int) -> str:
    """1:05:30, with days in front where there are any."""
    seconds = milliseconds // 1000
    days, hours = seconds // 86_400, seconds // 3600 % 24
    text = f"{hours}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return f"{days}d {text}" if days else text


def milliseconds(text: str) -> int:
    """90s, 5m, 1h30m. Raises SignalError."""
    parts = _TIME.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise SignalError(f"{text[:40]} is not a time. Write it with a unit, such as 90s, 5m or 1h30m.")
    return round(sum(float(number) * _UNITS[unit] for number, unit in parts))


def signal(spec: str, seed: int) -> Signal:
    """A signal as the command line has it. Raises SignalError."""
    kind, _, rest = spec.partition(":")
    if kind in _SHAPES and rest:
        return _shape(kind, rest, spec, seed)
    if Path(spec).suffix not in (".csv", ".json"):
        raise SignalError(f"--signal {spec[:60]} is not a signal. Write one of: {SIGNALS}.")
    try:
        text = Path(spec).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise SignalError(f"{spec}: cannot be read: {why}.") from None
    return from_csv(text, spec) if spec.endswith(".csv") else from_prometheus(text, spec)


_SHAPES = {"constant": 1, "step": 2, "ramp": 2, "day": 2, "poisson": 2}
"""How many numbers stand before the @."""


def _shape(kind: str, rest: str, spec: str, seed: int) -> Signal:
    before, _, times = rest.partition("@")
    parts = before.split(":")
    try:
        if len(parts) != _SHAPES[kind] or bool(times) != (kind in ("step", "ramp")):
            raise ValueError
        numbers = [float(part) for part in (parts[:1] if kind == "poisson" else parts)]
        begins, _, ends = times.partition("-")
    except ValueError:
        raise SignalError(f"--signal {spec[:60]} is not a signal. Write one of: {SIGNALS}.") from None
    if kind == "constant":
        return Constant(numbers[0])
    if kind == "step":
        return Step(numbers[0], numbers[1], milliseconds(times))
    if kind == "ramp":
        return Ramp(numbers[0], numbers[1], milliseconds(begins), milliseconds(ends))
    if kind == "day":
        return Day(numbers[0], numbers[1])
    return Queue(Constant(numbers[0]), milliseconds(parts[1]), seed)


def _signals(scaled_object: ScaledObject, arguments: Arguments, faults: tuple[Fault, ...]) -> list[Signal]:
    """One signal a trigger: `NAME=SIGNAL` by name, the others in the triggers' order."""
    names = [scaled_object.metric_name(index) for index in range(len(scaled_object.triggers))]
    named: dict[str, str] = {}
    rest = []
    for given in arguments.signals:
        name, equals, spec = given.partition("=")
        if equals and name in names:
            named[name] = spec
        elif equals and ":" not in name and "/" not in name:
            raise SignalError(
                f"--signal {name[:40]}: no trigger has this name. Write one of: {', '.join(names)}."
            )
        else:
            rest.append(given)
    waiting = [name for name in names if name not in named]
    if missing := waiting[len(rest) :]:
        raise SignalError(
            f"no signal for {', '.join(missing)}. Write --signal NAME=SIGNAL for each trigger; "
            f"SIGNAL is one of: {SIGNALS}."
        )
    if len(rest) > len(waiting):
        raise SignalError(f"--signal {rest[len(waiting)][:60]}: each trigger has one already. Leave it out.")
    named |= dict(zip(waiting, rest, strict=True))
    return [
        Faulty(signal(named[name], arguments.seed + index), faults, trigger.ignore_null_values)
        if faults
        else signal(named[name], arguments.seed + index)
        for index, (name, trigger) in enumerate(zip(names, scaled_object.triggers, strict=True))
    ]


@dataclass
class _Disturbances:
    """The faults of the command line, each where the simulation takes it."""

    sources: list[Fault] = field(default_factory=list)
    owners: list[SecondOwner] = field(default_factory=list)
    restarts: list[int] = field(default_factory=list)
    outages: list[tuple[int, int]] = field(default_factory=list)


def _faults(given: Sequence[str]) -> _Disturbances:
    found = _Disturbances()
    for spec in given:
        kind, _, times = spec.partition("@")
        begins, _, ends = times.partition("-")
        owner, _, replicas = kind.partition(":")
        if owner == "second-owner" and replicas.isascii() and replicas.isdigit() and not ends:
            found.owners.append(SecondOwner(milliseconds(begins), int(replicas)))
        elif kind == "controller-restart" and not ends:
            found.restarts.append(milliseconds(begins))
        elif kind == "operator-down" and ends:
            found.outages.append((milliseconds(begins), milliseconds(ends)))
        elif kind in ("no-data", "nan", "source-down") and ends:
            found.sources.append(Fault(kind, milliseconds(begins), milliseconds(ends)))  # type: ignore[arg-type]
        else:
            raise SignalError(f"--fault {spec[:60]} is not a fault. Write one of: {FAULTS}.")
    return found


def _scaled_object(path: str, workload: str | None) -> ScaledObject:
    found = {}
    for manifest in _manifests(path):
        if manifest.get("kind") == "ScaledObject":
            found[str(dig(manifest, "metadata", "name"))] = manifest
    if not found:
        raise NotThere(f"{path}: holds no ScaledObject. Give a file with one.")
    if workload is None and len(found) > 1:
        raise NotThere(
            f"{path}: holds {len(found)} ScaledObjects. Write --workload, one of: {', '.join(found)}."
        )
    name = next(iter(found)) if workload is None else workload
    if name not in found:
        raise NotThere(f"{path}: holds no ScaledObject {name[:60]}. Write one of: {', '.join(found)}.")
    try:
        return read_scaled_object(found[name])
    except Unsimulated as error:
        raise NotThere(f"{path}: ScaledObject {name}: {error}") from None


def _manifests(path: str) -> Iterator[Mapping[str, Any]]:
    try:
        content = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
        for document in documents(Source(BytesIO(content))):
            yield from unlisted(document.value)
    except OSError as error:
        raise NotThere(f"{path}: cannot be read: {error.strerror}.") from None
    except Unreadable as error:
        raise NotThere(f"{path}:{error.line}: is not valid YAML for Kubernetes: {error.why}.") from None

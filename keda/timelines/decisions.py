"""How many replicas, or Jobs, follow from which value: a table for each trigger, found by the simulation.

Times are those of the slowest phase (`keda.timelines.settled`). The other triggers read 0.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from keda.manifests.reading import dig, sequence
from keda.scaling.jobs import ScaledJob, combined, decide, queue_metric
from keda.scaling.scaled_object import ScaledObject, Trigger
from keda.scaling.signals import Constant, Signal, Step, pulse
from keda.scaling.simulation import Options
from keda.timelines.manifests import read, read_job
from keda.timelines.settled import Settled, rest, rest_upwards, slowest
from keda.timelines.tables import duration

ALL = 3
"""Up to so many counts above the lowest, each has its row."""
_PLENTY = 1000
"""So many times the maximum's work, and the activation threshold, is more than any count needs."""


@dataclass(frozen=True)
class Row:
    """From `value` on there are `replicas`, `seconds` after it is read."""

    value: float
    replicas: int
    seconds: int


@dataclass(frozen=True)
class Decisions:
    """One trigger's table: `rows` by value, the first is 0 and the last gives the most replicas.

    `back` is the seconds from the last work to the count of `rows[0]`, None if it does not come back. `note`
    stands for the rows where no value alone decides. `warnings` are sentences about likely mistakes.
    """

    workload: str
    trigger: str
    rows: tuple[Row, ...] = ()
    back: int | None = None
    note: str = ""
    warnings: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.note or "; ".join(_parts(self))


def decisions(manifest: Mapping[str, Any]) -> list[Decisions]:
    """A table for each trigger of a ScaledObject or ScaledJob. Raises Unread."""
    return [_decided(model) for model in models(manifest)]


def models(manifest: Mapping[str, Any]) -> list[Model]:
    """What each trigger's values come to. Raises Unread."""
    if manifest.get("kind") == "ScaledJob":
        job = read_job(manifest)
        return [JobModel(job.name, index, job.triggers, job) for index in range(len(job.triggers))]
    found, written = read(manifest), sequence(dig(manifest, "spec", "triggers"))
    return [
        ObjectModel(found.name, index, found.triggers, found, _desired(written[index]))
        for index in range(len(found.triggers))
    ]


def _desired(trigger: object) -> float | None:
    """A cron trigger's replicas: its only value beside 0."""
    cron = dig(trigger, "type") == "cron"
    return float(str(dig(trigger, "metadata", "desiredReplicas"))) if cron else None


@dataclass
class Model:
    """What the values of one trigger of a workload come to, the other triggers at 0."""

    workload: str
    index: int
    triggers: Sequence[Trigger]

    @property
    def trigger(self) -> Trigger:
        """The trigger whose value varies."""
        return self.triggers[self.index]

    @property
    def name(self) -> str:
        """Of its metric, as KEDA names it."""
        return self.trigger.name or f"s{self.index}-{self.trigger.type}"

    @property
    def maximum(self) -> int:
        """The most replicas or Jobs that the object allows."""
        raise NotImplementedError

    def at(self, value: float) -> Row:
        """What a value comes to, after long without work."""
        raise NotImplementedError

    @cached_property
    def lowest(self) -> int:
        """The count without work."""
        return self.at(0).replicas

    @cached_property
    def most(self) -> int:
        """The count with any amount of work."""
        enough = max(self.trigger.target / 1000 * self.maximum, self.trigger.activation, 1)
        return self.at(self.grid(_PLENTY * enough)).replicas

    def first_with(self, count: int) -> Row:
        """The row of the smallest value that gives so many, of those on the grid."""
        low, high = 0.0, self.step
        while self.at(high).replicas < count:
            low, high = high, self.grid(2 * high)
        while (middle := self.grid((low + high) / 2)) not in (low, high):
            low, high = (middle, high) if self.at(middle).replicas < count else (low, middle)
        return self.at(high)

    @property
    def step(self) -> float:
        """The distance of two values: 1, or about a hundredth of a very small or large target."""
        target = self.trigger.target / 1000
        return 1.0 if 1 <= target < 10_000 else 10.0 ** (math.floor(math.log10(target)) - 2)

    def grid(self, value: float) -> float:
        """The nearest of the values."""
        return round(round(value / self.step) * self.step, 9)

    def rows(self) -> tuple[Row, ...]:
        """0, the first values of the first counts, and of the highest."""
        counts = range(self.lowest + 1, self.most + 1)
        shown = [*counts] if len(counts) <= ALL else [*counts[:2], counts[-1]]
        found = {0.0: self.at(0)}
        for count in shown:
            row = self.first_with(count)
            found[row.value] = row
        return tuple(found.values())


@dataclass
class ObjectModel(Model):
    """Of a ScaledObject. `desired`: see `_desired`."""

    scaled_object: ScaledObject
    desired: float | None = None
    _found: dict[float, Row] = field(default_factory=dict)

    @property
    def maximum(self) -> int:
        """See Model."""
        return self.scaled_object.maximum

    @cached_property
    def lowest(self) -> int:
        """See Model."""
        return self._run(Constant(0), self.scaled_object.minimum).timeline.samples[-1].replicas

    def at(self, value: float) -> Row:
        """See Model."""
        if value not in self._found:
            quiet = rest_upwards(self.scaled_object, Options())
            run = self._run(Step(0, value, self._polling), self.lowest, quiet)
            last = run.timeline.changes[-1:]
            waited = max(last[0].at - run.first, 0) if last else 0
            self._found[value] = Row(value, run.timeline.samples[-1].replicas, -(-waited // 1000))
        return self._found[value]

    def rows(self) -> tuple[Row, ...]:
        """See Model."""
        return super().rows() if self.desired is None else (self.at(0), self.at(self.desired))

    def back(self, top: Row) -> tuple[int, int]:
        """The count that remains after a row's work, and the seconds until it is there."""
        # As long as any window or policy remembers the way up.
        longest = top.seconds * 1000 + rest(self.scaled_object, Options())
        lasting = -(-longest // self._polling) * self._polling
        run = self._run(pulse(0, top.value, self._polling, self._polling + lasting), self.lowest)
        last = run.timeline.changes[-1:]
        waited = max(last[0].at - run.last, 0) if last else 0
        return run.timeline.samples[-1].replicas, -(-waited // 1000)

    @property
    def _polling(self) -> int:
        return max(self.scaled_object.polling_interval, 1000)

    def _run(self, signal: Signal, replicas: int, quiet: int | None = None) -> Settled:
        signals: list[Signal] = [Constant(0) for _ in self.triggers]
        signals[self.index] = signal
        return slowest(self.scaled_object, signals, Options(replicas), quiet=quiet)


@dataclass
class JobModel(Model):
    """Of a ScaledJob: the Jobs of one poll while none runs."""

    job: ScaledJob

    @property
    def maximum(self) -> int:
        """See Model."""
        return self.job.effective_maximum

    def at(self, value: float) -> Row:
        """See Model."""
        values = [value if index == self.index else 0 for index in range(len(self.triggers))]
        metrics = [
            queue_metric(read, each.target / 1000, read > each.activation, self.maximum)
            for read, each in zip(values, self.triggers, strict=True)
        ]
        minimum = self.job.effective_minimum
        created = decide(self.job, combined(metrics, self.job), minimum, 0).created
        return Row(value, minimum + created, self.job.polling_interval // 1000 if value else 0)


def _decided(model: Model) -> Decisions:
    trigger = model.trigger
    if note := _note(model):
        return Decisions(model.workload, model.name, note=note)
    rows = model.rows()
    if rows[-1].replicas == rows[0].replicas:
        return Decisions(model.workload, model.name, rows, warnings=tuple(_flat(model, rows[0].replicas)))
    back, warnings = None, list[str]()
    room = not isinstance(model, ObjectModel) or model.scaled_object.hpa_minimum < model.maximum
    counted = room and trigger.metric_type == "AverageValue" and trigger.type != "cron"
    if counted and len(rows) == 2 and rows[1].replicas - rows[0].replicas >= 3:
        warnings.append(f"is at its maximum at once: {rows[1].value:g} already gives {rows[1].replicas}.")
    if isinstance(model, ObjectModel):
        remains, seconds = model.back(rows[-1])
        if remains <= rows[0].replicas:
            back = seconds
        else:
            warnings.append(f"cannot come down: {remains} replicas remain without work.")
    named = tuple(f"{_name(model)} {warning}" for warning in warnings)
    return Decisions(model.workload, model.name, rows, back, warnings=named)


def _note(model: Model) -> str:
    """The sentence in place of rows where no value alone decides."""
    if not isinstance(model, ObjectModel):
        return ""
    scaled_object, trigger = model.scaled_object, model.trigger
    if trigger.resource:
        share = f" at {trigger.target} % of the requests" if trigger.metric_type == "Utilization" else ""
        bounds = f"{scaled_object.hpa_minimum} to {scaled_object.maximum} replicas"
        return f"the HPA keeps {trigger.type}{share} with {bounds}"
    modifiers = scaled_object.modifiers
    return f"the formula decides: {modifiers.formula}" if modifiers is not None else ""


def _flat(model: Model, count: int) -> Iterator[str]:
    """Not where the minimum is the maximum: that is written in plain sight."""
    if count == 0:
        yield f"{_name(model)} never leaves 0, whatever it reads."
    elif count != model.maximum:
        yield f"{_name(model)} is flat: always {count}, whatever it reads."


def _name(model: Model) -> str:
    return f"{model.workload} ({model.name})"


def _parts(table: Decisions) -> Iterator[str]:
    lowest, *others = table.rows
    yield f"{lowest.value:g} -> {lowest.replicas}"
    for row in others[:-1]:
        yield f"{row.value:g} -> {row.replicas} within {duration(row.seconds)}"
    if others:
        *before, top = table.rows
        gap = "… " if len(before) > 1 and top.replicas > before[-1].replicas + 1 else ""
        yield f"{gap}{top.replicas} at most, from {top.value:g} on, within {duration(top.seconds)}"
    if table.back is not None:
        yield f"back to {lowest.replicas} {duration(table.back)} after the last"

"""The assertions, on simulated timelines."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from os import PathLike
from typing import Any, Protocol, cast

from keda.scaling.scaled_object import ScaledObject
from keda.scaling.signals import Constant, Fault, Faulty, Signal, recorded
from keda.scaling.simulation import Options, Simulation
from keda.timelines import tables
from keda.timelines.manifests import find, gpus_per_pod, read
from keda.timelines.notation import clock, disturbances, milliseconds, signals
from keda.timelines.settled import Settled, slowest
from keda.timelines.timeline import FLAP, Outcome, Timeline


class Typed(Protocol):
    """A typed ScaledObject, `keda.ScaledObject`."""

    def to_manifest(self) -> dict[str, Any]:
        """The object as a manifest."""


Workload = str | PathLike[str] | Mapping[str, Any] | Typed


def timeline(
    workload: Workload,
    signal: str | Sequence[str],
    *,
    replicas: int | None = None,
    start_up: str = "0s",
    faults: Sequence[str] = (),
    lasts: str | None = None,
    seed: int = 0,
) -> Timeline:
    """The workload under the signal, until nothing changes any more, or for as long as `lasts`.

    Args:
        workload: a file with one ScaledObject, its manifest, or the typed object.
        signal: as `keda simulate --signal` has it; one for each trigger, or `NAME=SIGNAL`.
        replicas: at the beginning; default: minReplicaCount.
        start_up: until a new pod is Ready, such as "40s".
        faults: as `keda simulate --fault` has them.
        lasts: how long, such as "24h". Without it a queue and a day run for a day.
        seed: of arrivals by chance.

    Raises:
        ValueError: what cannot be simulated, in one sentence.
    """
    return _settled(workload, signal, replicas, start_up, faults, lasts, seed).timeline


def assert_scales(
    workload: Workload,
    signal: str | Sequence[str],
    *,
    reaches: int,
    within: str | None = None,
    back_to: int | None = None,
    back_within: str | None = None,
    replicas: int | None = None,
    start_up: str = "0s",
    faults: Sequence[str] = (),
    lasts: str | None = None,
    seed: int = 0,
) -> Timeline:
    """The most replicas are exactly `reaches`, there `within` a time after the signal's first change.

    Args:
        workload: see `timeline`, as for `signal` and the last five.
        signal: a constant changes at 0.
        reaches: replicas.
        within: such as "90s".
        back_to: replicas at the end.
        back_within: how long after the signal's last change they are there, such as "6m".
        replicas: see `timeline`.
        start_up: see `timeline`.
        faults: see `timeline`.
        lasts: see `timeline`.
        seed: see `timeline`.

    Returns:
        The timeline, for further assertions or `golden_timeline`.
    """
    __tracebackhide__ = True
    found = _settled(workload, signal, replicas, start_up, faults, lasts, seed)
    samples = found.timeline.samples
    highest = max(samples, key=lambda sample: sample.replicas)  # the first of them
    if highest.replicas != reaches:
        _fail(found.timeline, f"reaches {highest.replicas}, not {reaches}")
    waited = _seconds(highest.at - found.first)
    if within is not None and waited > milliseconds(within):
        _fail(found.timeline, f"reaches {reaches} after {clock(waited)}, not within {within}")
    if back_to is not None:
        if samples[-1].replicas != back_to:
            _fail(found.timeline, f"ends at {samples[-1].replicas}, not at {back_to}")
        changes = found.timeline.changes
        waited = _seconds(changes[-1].at - found.last) if changes else 0
        if back_within is not None and waited > milliseconds(back_within):
            _fail(found.timeline, f"is back to {back_to} after {clock(waited)}, not within {back_within}")
    return found.timeline


def assert_no_flap(workload: Workload, signal: str | Sequence[str], **options: Any) -> Timeline:
    """No replicas come less than 5 minutes after others went. `options`: those of `timeline`."""
    __tracebackhide__ = True
    found = timeline(workload, signal, **options)
    if flaps := Outcome.of(found).flaps:
        _fail(found, f"flaps {flaps} times: replicas came less than {clock(FLAP)} after others went")
    return found


def assert_monotone(workload: Workload, *, up_to: float, steps: int = 50) -> None:
    """More work never ends with fewer replicas.

    Each trigger apart, the others at 0: constant values from 0 to `up_to` in `steps` steps.
    """
    __tracebackhide__ = True
    scaled_object, _ = _read(workload)
    for index, name in enumerate(scaled_object.metric_names):
        before: tuple[float, int] | None = None
        for step in range(steps + 1):
            value = up_to * step / steps
            constants = [
                Constant(value if each == index else 0) for each in range(len(scaled_object.triggers))
            ]
            run = slowest(scaled_object, constants, Options(scaled_object.minimum)).timeline
            count = run.samples[-1].replicas
            if before is not None and count < before[1]:
                _fail(run, f"ends at {count} with {name} {value:g}, below the {before[1]} with {before[0]:g}")
            before = value, count


def assert_within_budget(
    workloads: Workload | Sequence[Workload],
    *,
    replicas: int | None = None,
    gpus: int | None = None,
    runs: int = 50,
    seed: int = 0,
) -> None:
    """The workloads together never have more replicas, or more GPUs, whatever their triggers read.

    Each runs under `runs` signals made by chance: jumps between 0 and the maximum's work and far above it,
    NaN, a source that is down. A workload's GPUs per pod are those of its annotation
    keda-homelab.dev/gpus-per-pod.
    """
    __tracebackhide__ = True
    single = isinstance(workloads, str | PathLike | Mapping) or hasattr(workloads, "to_manifest")
    given = cast("Sequence[Workload]", [workloads] if single else workloads)
    chance = random.Random(seed)
    for what, budget in (("replicas", replicas), ("GPUs", gpus)):
        if budget is None:
            continue
        worst = []
        for workload in given:
            scaled_object, each = _read(workload)
            weight = each if what == "GPUs" else 1
            run = max((_wild(scaled_object, chance) for _ in range(runs)), key=_highest)
            worst.append((_highest(run) * weight, run))
        total = sum(count for count, _ in worst)
        if total > budget:
            parts = ", ".join(f"{run.scaled_object.name} {count}" for count, run in worst)
            _fail(max(worst, key=lambda pair: pair[0])[1], f"{total} {what} ({parts}), more than {budget}")


def _seconds(milliseconds: int) -> int:
    """Whole seconds, rounded up, still in milliseconds."""
    return max(-(-milliseconds // 1000) * 1000, 0)


def _highest(run: Timeline) -> int:
    return max(sample.replicas for sample in run.samples)


def _wild(scaled_object: ScaledObject, chance: random.Random) -> Timeline:
    """An hour under signals made by chance."""
    minute, length = 60_000, 60
    found: list[Signal] = []
    for trigger in scaled_object.triggers:
        full = trigger.target / 1000 * scaled_object.maximum
        levels = [0.0, full / 2, full, 3 * full, 1e6 * full]
        values = [chance.choice(levels) * chance.random() for _ in range(length)]
        begins = chance.randrange(length) * minute
        fault = Fault(chance.choice(("nan", "no-data", "source-down")), begins, begins + 5 * minute)
        series = recorded([(at * minute, value) for at, value in enumerate(values)], "chance")
        found.append(Faulty(series, (fault,)))
    options = Options(scaled_object.minimum)
    samples = tuple(Simulation(scaled_object, found, options).run(length * minute))
    return Timeline(scaled_object, length * minute, samples)


def _settled(
    workload: Workload,
    signal: str | Sequence[str],
    replicas: int | None,
    start_up: str,
    faults: Sequence[str],
    lasts: str | None,
    seed: int,
) -> Settled:
    scaled_object, _ = _read(workload)
    disturbed = disturbances(faults)
    given = [signal] if isinstance(signal, str) else signal
    found = signals(scaled_object, given, tuple(disturbed.sources), seed)
    options = Options(
        scaled_object.minimum if replicas is None else replicas,
        milliseconds(start_up),
        owners=tuple(disturbed.owners),
        controller_outages=tuple(disturbed.controller),
        operator_outages=tuple(disturbed.operator),
    )
    return slowest(scaled_object, found, options, None if lasts is None else milliseconds(lasts))


def _read(workload: Workload) -> tuple[ScaledObject, int]:
    """The ScaledObject, and the GPUs of each pod. Raises ValueError."""
    if isinstance(workload, str | PathLike):
        path = str(workload)
        manifest = find(path)
    else:
        path = "the workload"
        manifest = workload if isinstance(workload, Mapping) else workload.to_manifest()
    return read(manifest, path), gpus_per_pod(manifest)


def _fail(found: Timeline, what: str) -> None:
    __tracebackhide__ = True
    raise AssertionError(f"{found.scaled_object.name} {what}\n{tables.changes(found)}")

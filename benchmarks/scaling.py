"""How long a simulation takes: 100 workloads over 30 days, a value and a sync every 15 s.

    python -m benchmarks.scaling [DAYS]

`changes` leaves out what is quiet; `run` yields each poll and sync, and is measured on one workload.
"""

from __future__ import annotations

import random
import resource
import sys
import time
from collections.abc import Sequence
from itertools import count

from keda.scaling.scaled_object import ScaledObject, Trigger
from keda.scaling.signals import DAY, Day, Recorded, recorded
from keda.scaling.simulation import Simulation

WORKLOADS = 100
STEP = 15_000


def recording(number: int, times: Sequence[int]) -> Recorded:
    """A noisy day, at zero by night: every workload another height, noise and hour."""
    source = random.Random(number)
    day = Day(0, 20 + 2 * number, lowest_at=source.randrange(DAY))
    noise, night = source.uniform(0, 0.3), 5 + number / 4
    values = []
    for now in times:
        level = max((day.at(now, 0) or 0.0) - night, 0.0)
        values.append(level * source.uniform(1 - noise, 1 + noise))
    return recorded(list(zip(times, values, strict=True)), f"workload {number}")


def scaled_object(number: int) -> ScaledObject:
    return ScaledObject((Trigger(1000 * (2 + number % 9)),), number % 3, 10 + number % 40)


def main(days: int = 30) -> None:
    times = range(0, days * DAY, STEP)
    spent, changes = 0.0, 0  # processor time: other work on the machine does not count
    for number in range(WORKLOADS):
        signal = recording(number, times)
        began = time.process_time()
        simulation = Simulation(scaled_object(number), [signal])
        changes += sum(1 for _ in simulation.changes(days * DAY))
        spent += time.process_time() - began
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{WORKLOADS} workloads, {days} days: {spent:.1f} s, {changes} changes, {memory:.0f} MiB at most")
    simulation = Simulation(scaled_object(WORKLOADS // 2), [recording(WORKLOADS // 2, times)])
    began, samples = time.process_time(), count()
    for _ in simulation.run(days * DAY):
        next(samples)
    spent = time.process_time() - began
    print(f"each poll and sync of one: {spent:.1f} s, {spent / next(samples) * 1e6:.1f} us each")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

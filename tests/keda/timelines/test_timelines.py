"""What a timeline comes to, by counts worked out by hand."""

from __future__ import annotations

import pytest

from keda.scaling.scaled_object import Modifiers, ScaledObject, Trigger
from keda.scaling.signals import Constant, Fault, Faulty, Queue, Signal, Step, pulse
from keda.scaling.simulation import Options, SecondOwner
from keda.timelines.timeline import Outcome, Spread, simulate

MINUTE = 60_000
QUEUE = ScaledObject((Trigger(5000),), maximum=4)


def outcome(
    *signals: Signal, scaled_object: ScaledObject = QUEUE, minutes: int = 10, gpus: int = 0, **options: object
) -> Outcome:
    made = Options(**options)  # type: ignore[arg-type]
    return Outcome.of(simulate(scaled_object, signals, made, minutes * MINUTE), gpus)


def test_pods_are_counted_from_change_to_change() -> None:
    """0 for 1 minute, then 3 for 9 minutes."""
    found = outcome(Step(0, 12, MINUTE), gpus=2)
    assert (found.pod_seconds, found.always_on) == (3 * 540, 4 * 600)
    assert (found.gpu_hours, found.gpu_hours_always_on) == (0.9, pytest.approx(4 / 3))
    assert (found.at_maximum, found.cold_starts, found.flaps) == (0, 1, 0)
    assert (found.lowest, found.highest) == (0, 3)


def test_time_at_the_maximum() -> None:
    assert outcome(Step(0, 100, MINUTE)).at_maximum == 540


def test_work_above_what_ready_replicas_take() -> None:
    """42 for 4 replicas that take 5 each, not ready for a minute: 42 waits for 1 minute of 10, then 22."""
    found = outcome(Step(0, 42, 5 * MINUTE), start_up=MINUTE)
    assert found.waiting == Spread(0, 42, 42)
    assert outcome(Constant(42), replicas=4).waiting == Spread(22, 22, 22)
    assert found.age is None


def test_work_that_cannot_be_counted_is_left_out() -> None:
    value = ScaledObject((Trigger(5000, metric_type="Value"),), minimum=1)
    assert outcome(Constant(42), scaled_object=value).waiting is None
    modified = ScaledObject((Trigger(5000, name="a"),), modifiers=Modifiers("a", "5"))
    assert outcome(Constant(42), scaled_object=modified).waiting is None
    failing = Faulty(Constant(42), (Fault("source-down", 0, 60 * MINUTE),))
    assert outcome(failing).waiting is None


def test_the_age_of_a_queues_items() -> None:
    """Nobody works on them for as long as a pod starts."""
    found = outcome(Queue(Constant(0.2), 1000, seed=2), start_up=90_000, minutes=30)
    assert found.age is not None
    assert found.age.p50 == 0
    assert 90 <= found.age.worst <= 150
    never = ScaledObject((Trigger(5000, activation=10**6),))
    waits = outcome(Queue(Constant(0.2), 1000, seed=2), scaled_object=never, minutes=30).age
    assert waits is not None and 850 < waits.p50 < 950 and waits.worst > 1700


def test_replicas_that_come_back_soon_are_flaps() -> None:
    assert outcome(Constant(20), replicas=4, owners=(SecondOwner(65_000, 1),)).flaps == 1
    slow = ScaledObject((Trigger(5000),), maximum=4, cooldown=0)
    assert outcome(pulse(10, 0, MINUTE, 9 * MINUTE), scaled_object=slow, minutes=20).flaps == 0


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ({}, (0, 0, 0)),
        ({3: 0}, (0, 0, 0)),
        ({0: 94, 7: 6}, (0, 7, 7)),
        ({0: 95, 7: 5}, (0, 0, 7)),
        ({1: 1, 2: 1}, (1, 2, 2)),
    ],
)
def test_spreads(weights: dict[int, int], expected: tuple[float, float, float]) -> None:
    assert Spread.of(weights) == expected

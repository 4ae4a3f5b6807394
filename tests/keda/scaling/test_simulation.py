"""Whole simulations: scenarios with known counts, and properties that always hold."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from keda.scaling.behavior import Policy, ScalingRules
from keda.scaling.reasons import SENTENCES
from keda.scaling.scaled_object import Annotations, Fallback, Modifiers, ScaledObject, Trigger
from keda.scaling.signals import (
    Constant,
    Day,
    Fault,
    Faulty,
    Queue,
    Ramp,
    Recorded,
    Signal,
    Step,
    recorded,
)
from keda.scaling.simulation import Edit, Options, Sample, SecondOwner, Simulation, reason_of

MINUTE = 60_000
QUEUE = Trigger(5000, name="queue")


def run(scaled_object: ScaledObject, *signals: Signal, minutes: int = 20, **options: object) -> list[Sample]:
    return list(Simulation(scaled_object, signals, Options(**options)).run(minutes * MINUTE))  # type: ignore[arg-type]


def changes(scaled_object: ScaledObject, samples: list[Sample]) -> list[tuple[int, int, str]]:
    """Seconds, replicas and kind of each change."""
    return [
        (sample.at // 1000, sample.replicas, reason_of(sample, scaled_object).kind)
        for sample in samples
        if sample.changed
    ]


def counts(samples: list[Sample]) -> list[int]:
    return [sample.replicas for sample in samples]


def test_from_zero_up_and_back() -> None:
    """With the default behavior: 1, then 4, then double; back to 1 after the window and to 0 after the
    cooldown, which counts from the last active poll."""
    scaled_object = ScaledObject((QUEUE,), maximum=10)
    signal = Step(0, 42, MINUTE)
    pulse = Faulty(signal, (Fault("no-data", 5 * MINUTE, 60 * MINUTE),))
    samples = run(scaled_object, pulse)
    assert changes(scaled_object, samples) == [
        (60, 1, "activated"),
        (60, 4, "above-target"),
        (75, 8, "above-target"),
        (90, 9, "at-target"),
        (570, 0, "to-zero"),
    ]


def test_the_hpa_waits_for_its_window_before_it_scales_down() -> None:
    scaled_object = ScaledObject((QUEUE,), minimum=1, maximum=10)
    samples = run(scaled_object, Step(40, 10, 2 * MINUTE), replicas=8)
    # The last recommendation of 8 is that of 105 s; it leaves the window of 300 s at 405 s.
    assert changes(scaled_object, samples) == [(405, 2, "below-target")]


def test_policies_and_windows_of_a_behavior() -> None:
    up = ScalingRules(0, "Max", (Policy("Pods", 2, 60_000),))
    down = ScalingRules(60_000, "Min", (Policy("Pods", 1, 30_000), Policy("Percent", 50, 30_000)))
    scaled_object = ScaledObject((QUEUE,), minimum=1, maximum=10, scale_up=up, scale_down=down)
    samples = run(scaled_object, Step(40, 5, 5 * MINUTE), replicas=1)
    assert changes(scaled_object, samples) == [
        (0, 3, "above-target"),
        (60, 5, "above-target"),
        (120, 7, "above-target"),
        (180, 8, "above-target"),
        *((345 + 30 * step, 7 - step, "below-target") for step in range(7)),
    ]


def test_a_failing_source_holds_then_falls_back() -> None:
    scaled_object = ScaledObject((QUEUE,), maximum=10, fallback=Fallback(3, 6))
    down = Faulty(Constant(10), (Fault("source-down", MINUTE, 60 * MINUTE),))
    samples = run(scaled_object, down, minutes=10, replicas=2)
    # The poll and the sync of 60 s, the sync of 75 s: three failures. The fourth, at 90 s, falls back.
    assert changes(scaled_object, samples) == [(90, 4, "above-target"), (105, 6, "above-target")]
    without = ScaledObject((QUEUE,), maximum=10)
    assert changes(without, run(without, down, minutes=10, replicas=2)) == []


def test_not_a_number_counts_as_nothing() -> None:
    scaled_object = ScaledObject((QUEUE,), minimum=1, maximum=10, cooldown=0)
    nan = Faulty(Constant(40), (Fault("nan", MINUTE, 20 * MINUTE),))
    assert changes(scaled_object, run(scaled_object, nan, minutes=10, replicas=8)) == [
        (345, 1, "below-target")
    ]


def test_a_negative_total_goes_to_the_maximum() -> None:
    """The HPA takes it for an overflow, while KEDA's loop sees nothing active."""
    pair = (Trigger(5000, name="a"), Trigger(5000, name="b"))
    scaled_object = ScaledObject(pair, minimum=1, maximum=10, modifiers=Modifiers("a - b", "5"))
    samples = run(scaled_object, Constant(1), Constant(2), minutes=1, replicas=1)
    assert changes(scaled_object, samples) == [
        (0, 4, "above-target"),
        (15, 8, "above-target"),
        (30, 10, "above-target"),
    ]


def test_a_second_owner_is_put_right_by_the_hpa_and_seen() -> None:
    scaled_object = ScaledObject((QUEUE,), minimum=2, maximum=10)
    owner = SecondOwner(65_000, 1)
    samples = run(scaled_object, Constant(20), replicas=4, owners=(owner,))
    assert changes(scaled_object, samples) == [
        (65, 1, "second-owner"),
        (75, 2, "below-minimum"),
        (90, 4, "above-target"),
    ]


def test_a_restart_of_the_controller_forgets_its_windows() -> None:
    """What was recommended before is gone, but for the count that is there: the way down begins anew, one
    period after the start."""
    scaled_object = ScaledObject((QUEUE,), minimum=1, maximum=10)
    restart = ((390_000, 390_000),)
    samples = run(scaled_object, Step(40, 10, 2 * MINUTE), replicas=8, controller_outages=restart)
    assert changes(scaled_object, samples) == [(705, 2, "below-target")]


def test_without_the_controller_only_keda_scales() -> None:
    scaled_object = ScaledObject((QUEUE,), maximum=10)
    away = ((50_000, 110_000),)
    samples = run(scaled_object, Step(0, 42, MINUTE), minutes=3, controller_outages=away)
    assert changes(scaled_object, samples) == [
        (60, 1, "activated"),
        (125, 4, "above-target"),
        (140, 8, "above-target"),
        (155, 9, "at-target"),
    ]


def test_edits_of_the_spec_begin_the_polls_anew() -> None:
    scaled_object = ScaledObject((QUEUE,), maximum=10)
    more = replace(scaled_object, maximum=3)
    samples = run(scaled_object, Constant(42), minutes=2, replicas=1, edits=(Edit(20_000, more),))
    assert changes(scaled_object, samples) == [
        (0, 4, "above-target"),
        (15, 8, "above-target"),
        (30, 3, "above-maximum"),
    ]
    assert [sample.at for sample in samples if sample.by == "keda"] == [0, 20_000, 50_000, 80_000, 110_000]


def test_paused_replicas_move_at_once_and_the_hpa_stays() -> None:
    """Seen in the lab: the HPA has the count as minimum and maximum, and goes on in its own time."""
    scaled_object = ScaledObject((QUEUE,), maximum=10)
    paused = replace(scaled_object, annotations=Annotations(paused_replicas=5))
    edits = (Edit(20_000, paused), Edit(80_000, scaled_object))
    samples = run(scaled_object, Constant(42), minutes=3, replicas=3, edits=edits)
    seen = [(at, count) for at, count, _ in changes(scaled_object, samples)]
    assert seen == [(0, 6), (15, 9), (20, 5), (90, 9)]
    assert {sample.at for sample in samples if sample.by == "hpa"} == set(range(0, 180_000, 15_000))


def test_a_pause_takes_the_hpa_away_and_a_new_one_comes() -> None:
    scaled_object = ScaledObject((QUEUE,), maximum=10)
    paused = replace(scaled_object, annotations=Annotations(paused=True))
    edits = (Edit(20_000, paused), Edit(82_000, scaled_object))
    samples = run(scaled_object, Step(10, 42, 30_000), minutes=3, replicas=2, edits=edits)
    assert changes(scaled_object, samples) == [
        (97, 4, "above-target"),
        (112, 8, "above-target"),
        (127, 9, "at-target"),
    ]


def test_the_hpa_may_read_the_status_before_it_follows() -> None:
    """Just after the activation status.replicas is still 0, and no ratio to 0 is within the tolerance."""
    scaled_object = ScaledObject((QUEUE,), maximum=10)
    signal = Step(0, 5.2, MINUTE)
    assert counts(run(scaled_object, signal, minutes=3))[-1] == 1
    assert counts(run(scaled_object, signal, minutes=3, status_delay=200))[-1] == 2


def test_without_the_operator_nothing_moves() -> None:
    scaled_object = ScaledObject((QUEUE,), maximum=10, cooldown=60_000)
    away = ((30_000, 10 * MINUTE),)
    samples = run(scaled_object, Step(20, 0, MINUTE), replicas=4, operator_outages=away)
    assert changes(scaled_object, samples) == [(600, 0, "to-zero")]
    failed = [sample for sample in samples if reason_of(sample, scaled_object).kind == "metrics-failed"]
    assert [failed[0].at, failed[-1].at] == [30_000, 585_000]


def test_idle_above_zero_flaps_with_the_hpa() -> None:
    """The HPA has its own minimum: what the loop sets to idle comes back at the next sync."""
    scaled_object = ScaledObject((QUEUE,), minimum=3, maximum=10, idle=1)
    samples = run(scaled_object, Constant(0), minutes=2, replicas=3)
    kinds = [kind for _, _, kind in changes(scaled_object, samples)]
    assert kinds[:4] == ["to-idle", "below-minimum", "to-idle", "below-minimum"]


@pytest.mark.parametrize(
    ("annotations", "expected"),
    [
        (Annotations(paused=True), [2]),
        (Annotations(paused_replicas=5), [5]),
        (Annotations(paused_scale_out=True), [2]),
        (Annotations(), [10]),
    ],
)
def test_pauses(annotations: Annotations, expected: list[int]) -> None:
    scaled_object = ScaledObject((QUEUE,), maximum=10, annotations=annotations)
    assert counts(run(scaled_object, Constant(100), replicas=2))[-1:] == expected


def test_value_counts_ready_pods_only() -> None:
    """While pods start, a Value metric asks for less than it will."""
    value = Trigger(5000, metric_type="Value")
    scaled_object = ScaledObject((value,), minimum=1, maximum=50)
    quick = counts(run(scaled_object, Constant(15), minutes=1, replicas=2))
    slow = counts(run(scaled_object, Constant(15), minutes=1, replicas=2, start_up=120_000))
    assert quick[-1] > slow[-1] == 6


def test_cpu_utilization_follows_the_load() -> None:
    cpu = Trigger(50, metric_type="Utilization", type="cpu")
    scaled_object = ScaledObject((cpu,), minimum=1, maximum=10)
    samples = run(scaled_object, Constant(2.0), replicas=1, cpu_request=1000)
    assert samples[-1].replicas == 4


def test_a_queue_is_worked_off_in_a_closed_loop() -> None:
    scaled_object = ScaledObject((QUEUE,), maximum=10)
    queue = Queue(Step(2.0, 0.0, 10 * MINUTE), service=1000, seed=3)
    samples = run(scaled_object, queue, minutes=40)
    assert max(counts(samples)) >= 2
    assert samples[-1].values == (0.0,)
    assert samples[-1].replicas == 0


def test_every_reason_has_words() -> None:
    scaled_object = ScaledObject((QUEUE,), maximum=10)
    for sample in run(scaled_object, Day(0, 60), minutes=24 * 60):
        reason = reason_of(sample, scaled_object)
        assert reason.kind in SENTENCES
        assert str(reason)


triggers = st.builds(
    Trigger,
    st.integers(1, 100_000),
    st.floats(0, 20),
    st.sampled_from(("AverageValue", "Value")),
    use_cached_metrics=st.booleans(),
)
policies = st.builds(
    Policy, st.sampled_from(("Pods", "Percent")), st.integers(1, 200), st.sampled_from((15_000, 60_000))
)
rules = st.none() | st.builds(
    ScalingRules,
    st.sampled_from((None, 0, 30_000, 300_000)),
    st.sampled_from(("Max", "Min", "Disabled")),
    st.lists(policies, min_size=1, max_size=2).map(tuple),
)


@st.composite
def scaled_objects(draw: st.DrawFn) -> ScaledObject:
    minimum = draw(st.integers(0, 5))
    idle = draw(st.none() | st.integers(0, minimum - 1)) if minimum else None
    return ScaledObject(
        tuple(draw(st.lists(triggers, min_size=1, max_size=2))),
        minimum,
        minimum + draw(st.integers(1, 20)),
        idle,
        draw(st.sampled_from((5000, 30_000))),
        draw(st.sampled_from((0, 60_000, 300_000))),
        fallback=draw(st.none() | st.builds(Fallback, st.integers(0, 4), st.integers(0, 10))),
        scale_up=draw(rules),
        scale_down=draw(rules),
    )


anything = st.lists(st.one_of(st.none(), st.just(math.nan), st.floats(0, 1e6)), min_size=1, max_size=40)


class Listed:
    """A new value every ten seconds, failures included."""

    def __init__(self, values: list[float | None]) -> None:
        self.values = values

    def at(self, now: int, ready: int) -> float | None:
        return self.values[now // 10_000 % len(self.values)]


@settings(max_examples=80, deadline=None)
@given(scaled_objects(), anything, st.integers(0, 30))
def test_never_outside_its_bounds(
    scaled_object: ScaledObject, values: list[float | None], start: int
) -> None:
    """From a start inside, nobody leaves 0 (or idle, or the minimum) to the maximum."""
    lowest = scaled_object.minimum if scaled_object.idle is None else scaled_object.idle
    start = min(max(start, lowest), scaled_object.maximum)
    signals = [Listed(values) for _ in scaled_object.triggers]
    for sample in Simulation(scaled_object, signals, Options(start)).run(15 * MINUTE):
        assert lowest <= sample.replicas <= scaled_object.maximum


@settings(max_examples=40, deadline=None)
@given(scaled_objects(), anything)
def test_deterministic(scaled_object: ScaledObject, values: list[float | None]) -> None:
    def once() -> list[tuple[int, str, int, int]]:
        signals = [Listed(values) for _ in scaled_object.triggers]
        samples = Simulation(scaled_object, signals).run(15 * MINUTE)
        return [(sample.at, sample.by, sample.before, sample.replicas) for sample in samples]

    assert once() == once()


@settings(max_examples=60, deadline=None)
@given(st.floats(0, 500), st.floats(0, 500), st.integers(0, 3), st.integers(1000, 20_000))
def test_monotone_in_a_constant_signal(one: float, other: float, minimum: int, target: int) -> None:
    """More work never ends with fewer replicas."""
    scaled_object = ScaledObject((Trigger(target),), minimum, 40)
    low, high = (
        counts(run(scaled_object, Constant(value), minutes=30))[-1] for value in sorted((one, other))
    )
    assert low <= high


@settings(max_examples=80, deadline=None)
@given(st.floats(0, 500), st.integers(1000, 20_000), st.integers(0, 40), rules, rules)
def test_a_constant_signal_comes_to_rest(
    value: float, target: int, start: int, up: ScalingRules | None, down: ScalingRules | None
) -> None:
    """After the cooldown, the window and the slowest policies of these rules nothing changes any more."""
    scaled_object = ScaledObject((Trigger(target),), 0, 40, scale_up=up, scale_down=down)
    samples = run(scaled_object, Constant(value), minutes=120, replicas=start)
    assert not [sample for sample in samples if sample.at >= 90 * MINUTE and sample.changed]


noisy = st.lists(st.floats(0, 200), min_size=1, max_size=60).map(
    lambda values: recorded([(index * 15_000, value) for index, value in enumerate(values)], "noise")
)


@settings(max_examples=200, deadline=None)
@given(
    scaled_objects(),
    st.one_of(
        noisy,
        st.builds(Step, st.floats(0, 60), st.floats(0, 60), st.integers(0, 20 * MINUTE)),
        st.builds(Ramp, st.floats(0, 60), st.floats(0, 60), st.just(MINUTE), st.just(30 * MINUTE)),
    ),
    st.integers(0, 30),
    st.sampled_from((0, 7000)),
    st.lists(st.builds(SecondOwner, st.integers(0, 40 * MINUTE), st.integers(0, 30)), max_size=2),
)
@example(
    # Another owner writes between a poll and the next sync.
    ScaledObject((Trigger(100),), 2, 17, polling_interval=5000),
    recorded([(index * 15_000, value) for index, value in enumerate((17.0, 0.0, 1.0))], "noise"),
    0,
    0,
    [SecondOwner(24_916, 0)],
)
def test_what_is_skipped_changes_nothing(
    scaled_object: ScaledObject, signal: Signal, start: int, offset: int, owners: list[SecondOwner]
) -> None:
    trigger = replace(scaled_object.triggers[0], metric_type="AverageValue", use_cached_metrics=False)
    scaled_object = replace(scaled_object, triggers=(trigger,))
    options = Options(start, hpa_offset=offset, owners=tuple(owners))

    def at(samples: Iterable[Sample]) -> list[tuple[int, str, int, int]]:
        return [(each.at, each.by, each.before, each.replicas) for each in samples if each.changed]

    def fresh() -> Simulation:
        again = replace(signal, place=0) if isinstance(signal, Recorded) else signal
        return Simulation(scaled_object, [again], options)

    assert at(fresh().changes(60 * MINUTE)) == at(fresh().run(60 * MINUTE))

"""Recordings of simulated runs, sampled as Prometheus does: what the algorithm did is explained, what others
did is not.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from keda.scaling.behavior import Policy, ScalingRules
from keda.scaling.scaled_object import Annotations, ScaledObject, Trigger
from keda.scaling.signals import SignalError, recorded
from keda.scaling.simulation import Options, SecondOwner, reason_of
from keda.timelines.replay import Replay, Series, series
from keda.timelines.timeline import Outcome, Timeline, simulate

MINUTE = 60_000
START = 1_767_225_600_000
WORK = ScaledObject((Trigger(10_000),), maximum=4)
BUSY = [(0, 0.0), (20 * MINUTE, 12.0), (40 * MINUTE, 35.0), (80 * MINUTE, 0.0), (120 * MINUTE, 0.0)]


def sampled(
    times: Sequence[int], values: Sequence[float], until: int, phase: int, step: int = 15_000
) -> Series:
    """A step function as a scrape sees it."""
    points, place = [], 0
    for now in range(phase, until, step):
        while place + 1 < len(times) and times[place + 1] <= now:
            place += 1
        points.append((START + now, values[place]))
    return series(points, "sampled")


def run(
    scaled_object: ScaledObject,
    points: Sequence[tuple[int, float]],
    phases: tuple[int, int, int] = (7000, 3000, 4000),
    **options: object,
) -> tuple[Timeline, Replay]:
    """What really happened, and its recording. `phases`: of the sync, and of the two scrapes."""
    until = points[-1][0]
    times, values = [time for time, _ in points], [value for _, value in points]
    signal = recorded([(time, value) for time, value in points], "signal") if len(points) > 99 else None
    held = signal or recorded(_dense(points), "signal")
    made = Options(hpa_offset=phases[0], **options)  # type: ignore[arg-type]
    truth = simulate(scaled_object, [held], made, until)
    counts = [float(sample.replicas) for sample in truth.samples]
    replicas = sampled([sample.at for sample in truth.samples], counts, until, phases[2])
    return truth, Replay(scaled_object, (sampled(times, values, until, phases[1]),), replicas)


def _dense(points: Sequence[tuple[int, float]]) -> list[tuple[int, float]]:
    times, values = [time for time, _ in points], [value for _, value in points]
    return [
        (now, values[max(place for place, time in enumerate(times) if time <= now)])
        for now in range(0, times[-1] + 1, 15_000)
    ]


def verdicts(replay: Replay) -> list[tuple[int, int, int, str]]:
    """Seconds since the recording began, before, after, and the reason or the verdict."""
    return [
        (
            (each.at - START) // 1000,
            each.before,
            each.after,
            reason_of(each.sample, replay.scaled_object).kind if each.sample else each.verdict,
        )
        for each in replay.judged
    ]


def test_every_change_of_the_algorithm_has_its_reason() -> None:
    truth, replay = run(WORK, BUSY)
    assert [(before, after, reason) for _, before, after, reason in verdicts(replay)] == [
        (0, 1, "activated"),
        (1, 2, "above-target"),
        (2, 4, "above-target"),
        (4, 0, "to-zero"),
    ]
    assert replay.missing == []
    assert Outcome.of(replay.recorded()).pod_seconds == pytest.approx(Outcome.of(truth).pod_seconds, rel=0.01)
    assert Outcome.of(replay.simulated()).pod_seconds == pytest.approx(
        Outcome.of(truth).pod_seconds, rel=0.01
    )


def test_a_kubectl_scale_is_named_and_what_follows_it_is_explained() -> None:
    _, replay = run(WORK, BUSY, owners=(SecondOwner(60 * MINUTE, 1),))
    found = verdicts(replay)
    assert (3604, 4, 1, "unexplained") in found
    assert (3619, 1, 4, "above-target") in found
    assert [each for each in found if each[3] == "unexplained"] == [(3604, 4, 1, "unexplained")]
    (judged,) = [each for each in replay.judged if each.verdict == "unexplained"]
    assert judged.why == "kubectl scale, or another writer of spec.replicas"


def test_a_reset_by_gitops_is_named_each_time() -> None:
    owners = tuple(SecondOwner(minute * MINUTE, 1) for minute in (50, 53, 56))
    _, replay = run(WORK, BUSY, owners=owners)
    judged = [each for each in replay.judged if each.verdict == "unexplained"]
    assert [(each.at - START) // 1000 for each in judged] == [3004, 3184, 3364]
    assert {each.why for each in judged} == {
        "GitOps, Helm or an apply that writes replicas: the same count 3 times"
    }


def test_another_autoscaler() -> None:
    owners = tuple(
        SecondOwner((48 + 3 * number) * MINUTE, count) for number, count in enumerate((1, 7, 3, 9, 2))
    )
    _, replay = run(WORK, BUSY, owners=owners)
    judged = [each for each in replay.judged if each.verdict == "unexplained"]
    assert [each.after for each in judged] == [1, 7, 3, 9, 2]
    assert {each.why for each in judged} == {"another HPA or autoscaler on the same target: 5 times"}


def test_what_should_have_come_is_missing() -> None:
    """The operator is away while the queue grows: no metric, so the HPA stays where it is."""
    _, replay = run(WORK, BUSY, operator_outages=((38 * MINUTE, 60 * MINUTE),))
    (missing,) = replay.missing
    assert (missing.replicas, missing.wanted) == (2, 4)
    assert (missing.at - START) // MINUTE == 40
    assert (missing.ends - START) // MINUTE in (59, 60)


def test_the_beginning_and_gaps_are_not_judged() -> None:
    _, replay = run(WORK, BUSY, owners=(SecondOwner(121_000, 3),))
    assert verdicts(replay)[0][1:] == (0, 3, "not judged")
    assert replay.judged[0].why == "what led to it may be before the recording"
    _, replay = run(WORK, BUSY, owners=(SecondOwner(60 * MINUTE, 1),))
    (signal,) = replay.signals
    kept = [
        (time, value)
        for time, value in zip(signal.times, signal.values, strict=True)
        if not START + 58 * MINUTE < time < START + 62 * MINUTE
    ]
    gap = Replay(WORK, (series(kept, "gap"),), replay.replicas)
    whys = [each.why for each in gap.judged if each.verdict == "not judged"]
    assert whys and set(whys) == {"the signal has a gap around it"}
    assert not [each for each in gap.judged if each.verdict == "unexplained"]


def test_in_shadow_mode_two_owners_are_compared() -> None:
    """KEDA may not scale; the recorded count is another owner's."""
    shadow = replace(WORK, annotations=Annotations(paused_scale_in=True, paused_scale_out=True))
    _, replay = run(WORK, BUSY)
    compared = Replay(shadow, replay.signals, sampled([0, 50 * MINUTE], [3.0, 2.0], 120 * MINUTE, 4000))
    assert [each.verdict for each in compared.judged] == ["not judged"]
    assert compared.missing == []
    assert Outcome.of(compared.recorded()).highest == 3
    assert Outcome.of(compared.simulated()) == Outcome.of(replay.simulated())


@pytest.mark.parametrize(
    ("points", "message"),
    [
        ([], "x has no values. Record at least one."),
        ([(0, 1.0)], "x has one value. Record at least two."),
        ([(0, 1.0), (0, 2.0)], "x, value 2: its time 0 is there twice. Sort the series by time."),
        ([(0, -1.0), (1, 1.0)], "x, value 1: -1 is negative. KEDA scales on counts from 0 on."),
    ],
)
def test_series_that_cannot_be_replayed(points: list[tuple[int, float]], message: str) -> None:
    with pytest.raises(SignalError) as error:
        series(points, "x")
    assert str(error.value) == message


def test_series_that_do_not_meet() -> None:
    early, late = series([(0, 1.0), (15_000, 1.0)], "a"), series([(60_000, 1.0), (75_000, 1.0)], "b")
    with pytest.raises(SignalError, match="have no time in common"):
        Replay(WORK, (early,), late)
    with pytest.raises(SignalError, match=r"^the recorded replicas, value 2: 1\.5 is not a whole number\.$"):
        Replay(WORK, (early,), series([(0, 1.0), (15_000, 1.5)], "b"))


down = st.sampled_from((None, ScalingRules(60_000), ScalingRules(0, policies=(Policy("Pods", 1, 60_000),))))
up = st.sampled_from((None, ScalingRules(0, policies=(Policy("Pods", 1, 30_000),))))
workloads = st.builds(
    ScaledObject,
    st.sampled_from((1000, 5000, 10_000)).map(lambda target: (Trigger(target),)),
    minimum=st.integers(0, 2),
    maximum=st.sampled_from((4, 10, 20)),
    polling_interval=st.sampled_from((5000, 15_000, 30_000)),
    cooldown=st.sampled_from((60_000, 300_000)),
    scale_up=up,
    scale_down=down,
)


ONE_UP, ONE_DOWN = (ScalingRules(0, policies=(Policy("Pods", 1, period),)) for period in (30_000, 60_000))


@settings(max_examples=25, deadline=None)
@example(replace(WORK, maximum=20, polling_interval=5000), 163, (0, 6691, 0))  # a recommendation that stays
@example(replace(WORK, minimum=1, maximum=10), 280, (0, 13_564, 0))  # two syncs, each with a change
@example(replace(WORK, maximum=10, scale_up=ONE_UP, scale_down=ONE_DOWN), 2, (0, 14_309, 0))  # a late scrape
@example(
    ScaledObject(
        (Trigger(5000),), 1, 20, polling_interval=5000, cooldown=60_000, scale_up=ONE_UP, scale_down=ONE_DOWN
    ),
    279,
    (9676, 2593, 4433),
)  # a way with a count in between also fits
@given(workloads, st.integers(0, 10**6), st.tuples(*[st.integers(0, 14_999)] * 3))
def test_no_false_alarm(scaled_object: ScaledObject, seed: int, phases: tuple[int, int, int]) -> None:
    """Whatever the settings, the signal and the phases: what the algorithm did alone is explained."""
    chance, level = random.Random(seed), 0.0
    points = []
    for index in range(720):
        if chance.random() < 0.03:
            level = chance.choice((0.0, 100 * chance.random()))
        noise = chance.uniform(0.9, 1.1) if chance.random() < 0.7 else 1.0
        points.append((index * 15_000, level * noise))
    _, replay = run(scaled_object, points, phases)
    assert {each.verdict for each in replay.judged} <= {"explained", "not judged"}
    assert replay.missing == []

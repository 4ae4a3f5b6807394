"""KEDA's loop and what it makes of its scalers' values (KEDA 2.19.0)."""

from __future__ import annotations

import math

import pytest

from keda.scaling.formula import FormulaFailed, FormulaUnread, evaluate
from keda.scaling.jobs import JobDecision, ScaledJob, combined, decide, queue_metric
from keda.scaling.loop import Action, Loop
from keda.scaling.metrics import Metrics, State, fallback_works
from keda.scaling.numbers import MIN_INT64, to_milli
from keda.scaling.scaled_object import Annotations, Fallback, Modifiers, ScaledObject, Trigger

TRIGGER = Trigger(5000)
ACTIVE = State(True, False, False, "s0")
IDLE = State(False, False, False, "")
FAILING = State(False, True, False, "")
PARTLY = State(True, True, False, "s0")


def act(
    scaled_object: ScaledObject, replicas: int, state: State, now: int = 0, last: int | None = None
) -> Action:
    return Loop(scaled_object, last_active=last).poll(now, replicas, state)


@pytest.mark.parametrize(
    ("fields", "replicas", "state", "expected", "kind"),
    [
        ({}, 0, ACTIVE, 1, "activated"),
        ({"minimum": 3}, 0, ACTIVE, 3, "activated"),
        ({}, 2, ACTIVE, None, "active"),
        ({"minimum": 3}, 2, ACTIVE, None, "active"),
        ({"minimum": 3, "idle": 0}, 2, ACTIVE, 3, "activated"),
        ({"minimum": 3, "idle": 1}, 3, ACTIVE, None, "active"),
        ({}, 2, PARTLY, None, "partly-failing"),
        ({}, 0, PARTLY, 1, "activated"),
        ({}, 0, IDLE, None, "inactive"),
        ({}, 7, IDLE, 0, "to-zero"),
        ({"initial_cooldown": 1000}, 7, IDLE, None, "cooling-down"),
        ({"minimum": 2}, 7, IDLE, None, "inactive"),
        ({"minimum": 2}, 1, IDLE, 2, "to-minimum"),
        ({"minimum": 2, "idle": 0}, 7, IDLE, 0, "to-idle"),
        ({"minimum": 2, "idle": 1}, 1, IDLE, None, "inactive"),
        ({}, 7, FAILING, None, "trigger-error"),
        ({"minimum": 2}, 1, FAILING, None, "trigger-error"),
        ({"fallback": Fallback(3, 2)}, 7, FAILING, None, "fallback-pending"),
        ({"fallback": Fallback(3, 0)}, 7, FAILING, 0, "to-zero"),
        ({"annotations": Annotations(paused_scale_in=True)}, 7, IDLE, None, "scale-in-paused"),
        ({"annotations": Annotations(paused_scale_out=True)}, 0, ACTIVE, None, "scale-out-paused"),
        ({"annotations": Annotations(force_activation=True)}, 0, IDLE, 1, "forced"),
        ({"annotations": Annotations(force_activation=True)}, 0, FAILING, 1, "forced"),
    ],
)
def test_one_poll(
    fields: dict[str, object], replicas: int, state: State, expected: int | None, kind: str
) -> None:
    action = act(ScaledObject((TRIGGER,), **fields), replicas, state)  # type: ignore[arg-type]
    assert (action.replicas, action.reason.kind) == (expected, kind)
    assert str(action.reason)


@pytest.mark.parametrize(("now", "expected"), [(309_000, None), (310_000, 0), (340_000, 0)])
def test_the_cooldown_counts_from_the_last_activity(now: int, expected: int | None) -> None:
    assert act(ScaledObject((TRIGGER,)), 4, IDLE, now, last=10_000).replicas == expected


def test_an_activity_beside_an_error_does_not_renew_the_cooldown() -> None:
    loop = Loop(ScaledObject((TRIGGER,)), last_active=0)
    loop.poll(60_000, 4, PARTLY)
    assert loop.last_active == 0
    loop.poll(90_000, 4, ACTIVE)
    assert loop.last_active == 90_000


@pytest.mark.parametrize(
    ("annotations", "replicas", "expected"),
    [
        (Annotations(paused=True), 4, None),
        (Annotations(paused_replicas=0), 4, 0),
        (Annotations(paused_replicas=4), 4, None),
        (Annotations(paused=True, paused_replicas=2), 4, 2),
    ],
)
def test_paused(annotations: Annotations, replicas: int, expected: int | None) -> None:
    loop = Loop(ScaledObject((TRIGGER,), annotations=annotations))
    assert loop.paused
    assert loop.paused_poll(replicas).replicas == expected


def polls(metrics: Metrics, *values: float | None, replicas: int = 3, ready: int = 3) -> list[State]:
    return [metrics.poll(lambda _, value=value: value, replicas, ready) for value in values]  # type: ignore[misc]


@pytest.mark.parametrize(
    ("value", "active"), [(0.0, False), (0.1, True), (-1.0, False), (math.nan, False), (math.inf, True)]
)
def test_activation_is_strict(value: float, active: bool) -> None:
    assert polls(Metrics(ScaledObject((TRIGGER,))), value)[0].active is active


def test_cpu_and_memory_alone_are_always_active() -> None:
    cpu = Trigger(80, metric_type="Utilization", type="cpu")
    assert polls(Metrics(ScaledObject((cpu,))), 0.0)[0].active
    assert not polls(Metrics(ScaledObject((cpu, TRIGGER))), 0.0)[0].active


@pytest.mark.parametrize(
    ("fallback", "replicas", "ready", "metric_type", "milli"),
    [
        (Fallback(2, 4), 3, 3, "AverageValue", 20_000),
        (Fallback(2, 4, "currentReplicas"), 3, 3, "AverageValue", 15_000),
        (Fallback(2, 4, "currentReplicasIfHigher"), 6, 3, "AverageValue", 30_000),
        (Fallback(2, 4, "currentReplicasIfHigher"), 3, 3, "AverageValue", 20_000),
        (Fallback(2, 4, "currentReplicasIfLower"), 6, 3, "AverageValue", 20_000),
        (Fallback(2, 4, "currentReplicasIfLower"), 3, 3, "AverageValue", 15_000),
        (Fallback(2, 4), 3, 3, "Value", 6_666),
        (Fallback(2, 4), 3, 0, "Value", None),
        (None, 3, 3, "AverageValue", None),
    ],
)
def test_fallback(
    fallback: Fallback | None, replicas: int, ready: int, metric_type: str, milli: int | None
) -> None:
    trigger = Trigger(5000, metric_type=metric_type)  # type: ignore[arg-type]
    metrics = Metrics(ScaledObject((trigger,), fallback=fallback))
    states = polls(metrics, None, None, None, replicas=replicas, ready=ready)
    assert [state.fallback for state in states] == [False, False, milli is not None]
    assert states[2].active is (milli is not None)
    assert metrics.for_hpa(0, lambda _: None, replicas, ready) == milli


def test_failures_are_counted_by_polls_and_by_the_hpa_together() -> None:
    metrics = Metrics(ScaledObject((TRIGGER,), fallback=Fallback(2, 4)))
    polls(metrics, None)
    assert metrics.for_hpa(0, lambda _: None, 3, 3) is None
    assert metrics.for_hpa(0, lambda _: None, 3, 3) == 20_000
    assert metrics.for_hpa(0, lambda _: 1.0, 3, 3) == 1000
    assert metrics.for_hpa(0, lambda _: None, 3, 3) is None


def test_the_hpa_reads_the_last_poll_where_metrics_are_cached() -> None:
    metrics = Metrics(ScaledObject((Trigger(5000, use_cached_metrics=True),)))
    assert metrics.for_hpa(0, lambda _: 9.0, 3, 3) == 9000
    polls(metrics, 2.0)
    assert metrics.for_hpa(0, lambda _: 9.0, 3, 3) == 2000
    polls(metrics, None)
    assert metrics.for_hpa(0, lambda _: 9.0, 3, 3) is None  # the error was cached, and is gone with that
    assert metrics.for_hpa(0, lambda _: 9.0, 3, 3) == 9000


def test_a_fallback_of_cached_metrics_ends_with_the_hpas_next_read() -> None:
    """The cache holds the fallback's value without an error, which sets the count back to 0."""
    metrics = Metrics(ScaledObject((Trigger(5000, use_cached_metrics=True),), fallback=Fallback(1, 4)))
    assert [state.fallback for state in polls(metrics, None, None)] == [False, True]
    assert metrics.for_hpa(0, lambda _: None, 3, 3) == 20_000
    assert not polls(metrics, None)[0].fallback


TWO = (Trigger(5000, name="a"), Trigger(5000, name="b"))


@pytest.mark.parametrize(
    ("values", "state", "milli"),
    [
        ((4.0, 2.0), (True, False), 3000),
        ((0.0, 0.0), (False, False), 0),
        ((4.0, None), (False, True), None),
    ],
)
def test_modifiers(
    values: tuple[float | None, float | None], state: tuple[bool, bool], milli: int | None
) -> None:
    metrics = Metrics(ScaledObject(TWO, modifiers=Modifiers("(a + b) / 2", "2", activation=0.0)))
    found = metrics.poll(values.__getitem__, 3, 3)
    assert (found.active, found.error) == state
    assert metrics.composite_for_hpa(values.__getitem__, 3, 3) == milli


def test_modifiers_fall_back_with_their_own_target() -> None:
    scaled_object = ScaledObject(TWO, modifiers=Modifiers("a + b", "2"), fallback=Fallback(0, 4))
    found = Metrics(scaled_object).poll([1.0, None].__getitem__, 3, 3)
    assert (found.active, found.error, found.fallback) == (True, False, True)
    assert Metrics(scaled_object).composite_for_hpa([1.0, None].__getitem__, 3, 3) == 8000
    fraction = ScaledObject(TWO, modifiers=Modifiers("a + b", "2.0"), fallback=Fallback(0, 4))
    assert not fallback_works(fraction)
    assert Metrics(fraction).composite_for_hpa([1.0, None].__getitem__, 3, 3) is None


@pytest.mark.parametrize(
    ("formula", "value"),
    [
        ("a + b * 2", 8.0),
        ("-b ** 2", -9.0),
        ("a > 1 ? b : 0", 3.0),
        ("a > 1 && b < 2 ? 1 : 7", 7.0),
        ("max(a, b, 2.5)", 3.0),
        ("min([a, b])", 2.0),
        ("round(2.5) + floor(1.9) + ceil(0.1)", 5.0),
        ("(a + b) / 2", 2.5),
        ("not (a == 2) ? 1 : 5", 5.0),
        ("a / 0", math.inf),
        ("missing ?? 4 + a", 6.0),
    ],
)
def test_formula(formula: str, value: float) -> None:
    assert evaluate(formula, {"a": 2.0, "b": 3.0}) == value


@pytest.mark.parametrize("formula", ["a > 1", "missing + 1", "a + true", "abs(a, b)"])
def test_formula_without_a_number(formula: str) -> None:
    with pytest.raises(FormulaFailed):
        evaluate(formula, {"a": 2.0, "b": 3.0})


@pytest.mark.parametrize("formula", ["count([a], {# > 1})", "let x = a; x", "a +", "len(a)", "a b", '"x"'])
def test_formula_that_is_not_simulated(formula: str) -> None:
    with pytest.raises(FormulaUnread):
        evaluate(formula, {"a": 2.0, "b": 3.0})


@pytest.mark.parametrize(
    ("value", "milli"), [(1.2345, 1234), (-1.2345, -1234), (math.nan, MIN_INT64), (math.inf, MIN_INT64)]
)
def test_milli_is_cut(value: float, milli: int) -> None:
    assert to_milli(value) == milli


@pytest.mark.parametrize(
    ("fields", "values", "running", "pending", "created"),
    [
        ({}, [7.0], 0, 0, 7),
        ({}, [7.0], 3, 0, 4),
        ({"maximum": 5}, [7.0], 3, 0, 2),
        ({"maximum": 5}, [7.0], 6, 0, 0),
        ({}, [0.0], 0, 0, 0),
        ({"minimum": 2}, [0.0], 1, 0, 1),
        ({"minimum": 2, "maximum": 5}, [0.0], 2, 0, 0),
        ({"minimum": 9, "maximum": 5}, [0.0], 0, 0, 5),
        ({"strategy": "accurate"}, [7.0], 3, 1, 6),
        ({"strategy": "accurate", "maximum": 8}, [7.0], 3, 1, 5),
        ({"strategy": "eager", "maximum": 10}, [3.0], 2, 1, 3),
        ({"strategy": "eager", "maximum": 4}, [3.0], 2, 1, 1),
        ({"strategy": "custom", "deduction": 1, "running_share": "0.5"}, [7.0], 3, 0, 5),
        ({"strategy": "custom", "deduction": 1, "running_share": "half"}, [7.0], 3, 0, 4),
        ({"calculation": "max"}, [7.0, 2.0], 0, 0, 7),
        ({"calculation": "min"}, [7.0, 2.0], 0, 0, 2),
        ({"calculation": "min"}, [7.0, 0.0], 0, 0, 7),
        ({"calculation": "avg"}, [7.0, 2.0], 0, 0, 5),
        ({"calculation": "sum"}, [7.0, 2.0], 0, 0, 9),
    ],
)
def test_jobs(
    fields: dict[str, object], values: list[float], running: int, pending: int, created: int
) -> None:
    job = ScaledJob(**fields)  # type: ignore[arg-type]
    metrics = [queue_metric(value, 1.0, value > 0, job.effective_maximum) for value in values]
    assert decide(job, combined(metrics, job), running, pending).created == created


def test_jobs_of_a_target_above_one() -> None:
    job = ScaledJob()
    state = combined([queue_metric(7.0, 5.0, True, 100)], job)
    assert (state.length, state.most) == (7, 2)
    assert decide(job, state, 0, 0) == JobDecision(2, 2)


def test_only_the_known_releases_are_simulated() -> None:
    with pytest.raises(ValueError, match=r"^KEDA 2\.20\.0 is not simulated\. Write one of: 2\.19\.0\.$"):
        ScaledObject((TRIGGER,), version="2.20.0")

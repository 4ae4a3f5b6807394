"""Signals, and the input that cannot be one."""

from __future__ import annotations

import json
import math

import pytest

from keda.scaling.recordings import from_csv, from_prometheus
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
    recorded,
)


def values(signal: Signal, *times: int) -> list[float | None]:
    return [signal.at(time, 0) for time in times]


def test_shapes() -> None:
    assert values(Constant(3), 0, 9000) == [3, 3]
    assert values(Step(1, 4, 1000), 0, 999, 1000) == [1, 1, 4]
    assert values(Ramp(0, 10, 1000, 3000), 0, 2000, 9000) == [0, 5, 10]
    day = Day(2, 10)
    assert values(day, 3 * 3_600_000, 15 * 3_600_000) == [2, 10]


def test_a_recorded_value_holds_until_the_next() -> None:
    series = recorded([(5000, 1.0), (20_000, 4.0), (35_000, 0.0)], "x.csv")
    assert values(series, 0, 14_999, 15_000, 29_000, 30_000, 10**9) == [1, 1, 4, 4, 0, 0]


@pytest.mark.parametrize(
    ("points", "message"),
    [
        ([], "x.csv has no values. Record at least one."),
        ([(0, 1.0), (0, 2.0)], "x.csv, value 2: its time 0 is there twice. Sort the series by time."),
        (
            [(9000, 1.0), (0, 2.0)],
            "x.csv, value 2: its time 0 is before the one above it. Sort the series by time.",
        ),
        ([(0, -1.0)], "x.csv, value 1: -1 is negative. KEDA scales on counts from 0 on."),
        ([(0, math.nan)], "x.csv, value 1: nan is not a number. KEDA scales on counts from 0 on."),
        (
            [(0, 1.0), (15_000, 1.0), (30_000, 1.0), (90_000, 1.0)],
            "x.csv, value 4: nothing for 60 s, where a value comes every 15 s. "
            "Cut the series there, or fill the gap.",
        ),
    ],
)
def test_series_that_cannot_be_simulated(points: list[tuple[int, float]], message: str) -> None:
    with pytest.raises(SignalError) as error:
        recorded(points, "x.csv")
    assert str(error.value) == message


def test_csv() -> None:
    series = from_csv("time,queue\n2026-01-01T00:00:00Z,1\n2026-01-01T00:00:15+00:00,2\n", "x.csv")
    assert (series.times, series.values) == ([0, 15_000], [1.0, 2.0])
    assert from_csv("0,1\n15,2\n", "x.csv").times == [0, 15_000]


@pytest.mark.parametrize("text", ["0,1\n15,many\n", "0,1\nnever,2\n", "0,1\n15,2,3\n"])
def test_csv_with_a_line_that_is_not_a_sample(text: str) -> None:
    with pytest.raises(SignalError, match=r"^x\.csv, value 2: .* is not a time and a number\."):
        from_csv(text, "x.csv")


def answer(*series: object) -> str:
    return json.dumps({"status": "success", "data": {"resultType": "matrix", "result": list(series)}})


def test_prometheus() -> None:
    series = from_prometheus(answer({"metric": {}, "values": [[100.5, "1"], [115.5, "2"]]}), "x.json")
    assert (series.times, series.values) == ([0, 15_000], [1.0, 2.0])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nothing", "x.json is not JSON. Save the answer of /api/v1/query_range."),
        ("[]", "x.json has no data.result. Save the answer of /api/v1/query_range."),
        (answer(), "x.json has 0 series. KEDA reads one: aggregate, for example with sum()."),
        (answer({}, {}), "x.json has 2 series. KEDA reads one: aggregate, for example with sum()."),
        (
            answer({"value": [0, "1"]}),
            "x.json is not a range. Ask /api/v1/query_range, not /api/v1/query.",
        ),
        (
            answer({"values": [[0, "1"], [15]]}),
            "x.json, value 2: it is not a time and a value. Save the answer as it is.",
        ),
        (
            answer({"values": [[0, "NaN"]]}),
            "x.json, value 1: nan is not a number. KEDA scales on counts from 0 on.",
        ),
    ],
)
def test_answers_that_cannot_be_simulated(text: str, message: str) -> None:
    with pytest.raises(SignalError) as error:
        from_prometheus(text, "x.json")
    assert str(error.value) == message


def test_shapes_that_cannot_be_simulated() -> None:
    for make in (
        lambda: Constant(-1),
        lambda: Step(1, math.nan, 0),
        lambda: Ramp(0, 1, 5, 5),
        lambda: Day(5, 1),
        lambda: Queue(Constant(1), 0),
    ):
        with pytest.raises(SignalError):
            make()


def test_faults() -> None:
    faults = (Fault("no-data", 10, 20), Fault("nan", 20, 30), Fault("source-down", 30, 40))
    assert values(Faulty(Constant(3), faults), 0, 10, 30, 40) == [3, 0, None, 3]
    assert values(Faulty(Constant(3), faults, ignore_null_values=False), 10) == [None]
    assert math.isnan(Faulty(Constant(3), faults).at(20, 0) or 0)


def length_after(seconds: int, rate: float, replicas: int, seed: int = 1) -> float:
    queue = Queue(Constant(rate), service=1000, seed=seed)
    value = 0.0
    for now in range(0, seconds * 1000 + 1, 1000):
        value = queue.at(now, replicas) or 0.0
    return value


def test_a_queue_is_drained_by_its_replicas() -> None:
    assert length_after(600, rate=2.0, replicas=0) == pytest.approx(1200, rel=0.1)
    assert length_after(600, rate=2.0, replicas=1) == pytest.approx(600, rel=0.2)
    assert length_after(600, rate=2.0, replicas=4) < 20
    assert length_after(60, 2.0, 1, seed=7) == length_after(60, 2.0, 1, seed=7)
    assert length_after(60, 2.0, 0, seed=7) != length_after(60, 2.0, 0, seed=8)

"""Recommendations: by counts worked out by hand on a model of outcomes, and on a simulated day."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from keda.commands.main import main
from keda.scaling.behavior import ScalingRules
from keda.scaling.scaled_object import ScaledObject, Trigger
from keda.scaling.signals import SignalError
from keda.timelines.goals import goal
from keda.timelines.recommendation import apply, axes, recommend, values
from keda.timelines.timeline import Outcome, Spread

WORK = ScaledObject((Trigger(10_000),), maximum=4)


def outcome(wait: float, pods: float, flaps: int = 0) -> Outcome:
    """`wait`: p95 in seconds. `pods`: pod hours."""
    return Outcome(3600, pods * 3600, 4 * 3600, 0, Spread(0, 0, 0), Spread(0, wait, wait), 1, flaps, 4, 0)


def model(wait: Callable[[dict[str, int]], float], pods: Callable[[dict[str, int]], float]) -> Any:
    def evaluate(scaled_object: ScaledObject) -> Outcome:
        now = values(scaled_object)
        return outcome(wait(now), pods(now))

    return evaluate


def cooldown(now: dict[str, int]) -> float:
    return now["cooldownPeriod"] / 100


def test_the_cheapest_that_keeps_the_limit() -> None:
    """A threshold of 5 waits 25 s; the cooldown alone costs."""
    found = recommend(
        WORK, goal("p95 wait < 30s, min pod-hours"), model(lambda now: now["threshold"] / 200, cooldown)
    )
    assert found.present.why == "p95 wait 50 s, not below 30 s"
    assert found.best is not None
    assert dict(found.best.settings) == {"cooldownPeriod": 30, "threshold": 5000}
    costs = [each.outcome.pod_seconds for each in found.curve]
    waits = [each.outcome.age.p95 for each in found.curve if each.outcome.age]
    assert costs == sorted(costs) and waits == sorted(waits, reverse=True)
    whys = {each.why for each in found.candidates if each.verdict == "rejected"}
    assert "p95 wait 75 s, not below 30 s" in whys
    assert "pod-hours 12, not the lowest" in whys


def test_no_more_than_now_for_less() -> None:
    """A short cooldown alone waits longer than now; polls every 10 s make up for that."""

    def wait(now: dict[str, int]) -> float:
        return now["pollingInterval"] + (10 if now["cooldownPeriod"] < 300 else 0)

    found = recommend(WORK, goal("p95 wait <= now, min pod-hours"), model(wait, cooldown))
    assert found.present.why == "", "what there is keeps the limit"
    assert found.best is not None
    assert dict(found.best.settings) == {"cooldownPeriod": 30, "pollingInterval": 15}
    assert found.goal.limits[0].most == 30


def test_now_is_another_number_in_the_part_held_out() -> None:
    search, held_out = model(lambda now: 5, cooldown), model(lambda now: 50, cooldown)
    found = recommend(WORK, goal("p95 wait <= now, min pod-hours"), search, held_out)
    assert found.best is not None and dict(found.best.settings) == {"cooldownPeriod": 30}


def test_keep_what_you_have() -> None:
    found = recommend(WORK, goal("p95 wait < 30s, min pod-hours"), model(lambda now: 5, lambda now: 2))
    assert found.best is not None and found.best.settings == ()
    whys = {each.why for each in found.candidates if each.verdict == "rejected"}
    assert whys == {"pod-hours 2, not the lowest"}


def test_what_is_hardly_better_is_not_worth_a_change() -> None:
    almost = model(lambda now: 5, lambda now: 2 - 0.001 * (now["cooldownPeriod"] == 30))
    found = recommend(WORK, goal("min pod-hours"), almost)
    assert found.best is not None and found.best.settings == ()
    assert "no better than what you have" in {each.why for each in found.candidates}


def test_no_settings_reach_it() -> None:
    found = recommend(WORK, goal("p95 wait < 30s, min pod-hours"), model(lambda now: 40, cooldown))
    assert found.best is None
    assert {each.why for each in found.candidates} == {"p95 wait 40 s, not below 30 s"}


def test_what_fails_in_the_part_held_out_is_rejected() -> None:
    """Under 60 s the search sees no wait; the held-out part does."""
    search = model(lambda now: 5, cooldown)
    held_out = model(lambda now: 50 if now["cooldownPeriod"] < 60 else 5, cooldown)
    found = recommend(WORK, goal("p95 wait < 30s, min pod-hours"), search, held_out)
    assert found.best is not None and dict(found.best.settings) == {"cooldownPeriod": 60}
    assert "in the part held out: p95 wait 50 s, not below 30 s" in {each.why for each in found.candidates}
    assert found.held_out is not None
    assert [each.pod_seconds for each in found.held_out] == [3 * 3600, 0.6 * 3600]
    worse = model(lambda now: 5, lambda now: 1000 / now["cooldownPeriod"])
    kept = recommend(WORK, goal("p95 wait < 30s, min pod-hours"), search, worse)
    assert kept.best is not None and kept.best.settings == ()
    assert "in the part held out: worse than what you have" in {each.why for each in kept.candidates}


def test_settings_are_applied() -> None:
    names = {**{name: tried[0] for name, tried in axes(WORK).items()}, "threshold": 5000}
    changed = apply(WORK, tuple(names.items()))
    assert values(changed) == {**values(WORK), **names}
    assert changed.scale_down == ScalingRules(0)
    assert values(ScaledObject((Trigger(70, metric_type="Utilization", type="cpu"),))).keys() >= {
        "minReplicaCount"
    }
    assert "threshold" not in values(ScaledObject((Trigger(5000), Trigger(5000))))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("p95 wait < 30s", "--recommend: 0 parts begin with min. Write one, as in"),
        ("min flaps, min replicas", "--recommend: 2 parts begin with min. Write one, as in"),
        ("p95 latency < 3, min flaps", "--recommend: p95 latency is not a measure. Write one of: p50 wait,"),
        ("cheap", "--recommend: cheap is not a limit. Write for example"),
        ("flaps < few, min replicas", "--recommend: few is not a number from 0 on. Write flaps < 5."),
        ("p95 wait < 5x, min replicas", "5x is not a time."),
    ],
)
def test_goals_that_are_none(text: str, message: str) -> None:
    with pytest.raises(SignalError) as error:
        goal(text)
    assert str(error.value).startswith(message)


def test_goals() -> None:
    found = goal(" p95 wait<1m30s , flaps <= 3,min gpu-hours")
    assert [(limit.measure.name, limit.most, limit.inclusive) for limit in found.limits] == [
        ("p95 wait", 90.0, False),
        ("flaps", 3.0, True),
    ]
    assert found.broken(outcome(90, 1)) == "p95 wait 90 s, not below 90 s"
    assert found.broken(outcome(89, 1, flaps=3)) == ""
    assert found.broken(outcome(89, 1, flaps=4)) == "flaps 4, above 3"


@pytest.fixture
def batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    Path("batch.yaml").write_text(
        "kind: ScaledObject\nmetadata: {name: batch}\nspec:\n  maxReplicaCount: 4\n"
        "  triggers: [{type: kafka, metadata: {lagThreshold: '1'}}]\n"
    )
    rates = [0.03 if index % 24 in (3, 9, 15) else 0.0 for index in range(48)]
    Path("day.csv").write_text("".join(f"{600 * index},{rate}\n" for index, rate in enumerate(rates)))
    return "batch.yaml"


def test_a_recorded_day(batch: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Eight hours of bursts: the default cooldown holds the GPUs for nothing."""
    command = ["simulate", batch, "--signal", "arrivals:day.csv:30s", "--gpus", "1", "--recommend"]
    assert main([*command, "p95 wait < 60s, min gpu-hours", "--plot", "a.svg"]) == 0
    printed = capsys.readouterr().out
    assert "\nTake cooldownPeriod 30 (now 300)" in printed
    assert "     held out: gpu-hours " in printed
    assert "The trade-off: nothing tried is better in both.\ngpu-hours  p95 wait  settings\n" in printed
    assert "Rejected, the nearest first:\n" in printed
    assert "recommended" in Path("a.svg").read_text()
    assert main([*command, "p95 wait < 60s, min gpu-hours", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["best"]["outcome"]["gpuHours"] < 0.99 * found["present"]["outcome"]["gpuHours"]
    assert found["heldOut"]["best"]["gpuHours"] <= found["heldOut"]["present"]["gpuHours"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--signal", "constant:3", "--recommend", "p95 wait < 3s, min pod-hours"],
            "keda simulate: --recommend: p95 wait needs a queue as signal: poisson:… or arrivals:….",
        ),
        (
            ["--signal", "poisson:1:2s", "--recommend", "min gpu-hours"],
            "keda simulate: --recommend: gpu-hours needs --gpus, or the ScaledObject's annotation.",
        ),
        (
            ["--signal", "poisson:1:2s", "--recommend", "min flaps", "--fault", "nan@1m-2m"],
            "keda simulate: --recommend takes one FILE, without --fault and --compare.",
        ),
        (
            ["--signal", "poisson:1:2s", "--recommend", "min flaps", "--plot", "a.html"],
            "keda simulate: --plot a.html: write a file that ends with .svg or .png.",
        ),
    ],
)
def test_one_line(batch: str, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", batch, *arguments]) == 2
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", f"{message}\n")


def test_without_a_recording_nothing_is_held_out(batch: str, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["simulate", batch, "--signal", "pulse:0:3@5m-9m", "--recommend", "min pod-hours"]
    assert main(command) == 0
    assert "Nothing was held out: the signal is neither recorded nor random." in capsys.readouterr().out
    assert main([*command[:3], "poisson:0.05:20s", *command[4:]]) == 0
    assert "     held out: pod-hours " in capsys.readouterr().out

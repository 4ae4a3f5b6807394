"""ScaledJobs over time: counts that follow from KEDA's strategies."""

from __future__ import annotations

import pytest

from keda.scaling.job_simulation import JobOptions, JobSimulation
from keda.scaling.jobs import ScaledJob
from keda.scaling.manifest import Unsimulated, read_scaled_job
from keda.scaling.scaled_object import Trigger
from keda.scaling.signals import Constant, Fault, Faulty, Step

QUEUE = Trigger(1000)
NEVER = 10**9


def created(job: ScaledJob, *signals: object, lifetime: int = 70_000, pending: int = 0) -> list[int]:
    """Jobs started by each of the first six polls."""
    simulation = JobSimulation(job, signals, JobOptions(lifetime, pending))  # type: ignore[arg-type]
    return [sample.replicas - sample.before for sample in simulation.run(180_000) if sample.by == "keda"]


@pytest.mark.parametrize(
    ("strategy", "pending", "expected"),
    [
        ("default", 0, [3, 0, 0, 3, 0, 0]),
        ("accurate", 0, [3, 3, 3, 3, 3, 3]),
        ("accurate", NEVER, [3, 0, 0, 3, 0, 0]),
        ("eager", 0, [3, 3, 3, 3, 3, 3]),
        ("eager", NEVER, [3, 3, 0, 3, 3, 0]),
    ],
)
def test_strategies(strategy: str, pending: int, expected: list[int]) -> None:
    job = ScaledJob(maximum=10, strategy=strategy, triggers=(QUEUE,))
    assert created(job, Constant(3), pending=pending) == expected


def test_a_minimum_is_there_without_any_work() -> None:
    job = ScaledJob(minimum=2, maximum=10, triggers=(QUEUE,))
    assert created(job, Constant(0)) == [2, 0, 0, 2, 0, 0]


def test_a_failing_trigger_is_left_out() -> None:
    job = ScaledJob(maximum=10, calculation="sum", triggers=(QUEUE, QUEUE))
    failing = Faulty(Constant(4), (Fault("source-down", 0, 60_000),))
    assert created(job, Constant(2), failing)[:3] == [2, 0, 4]


def test_activation_and_thousandths() -> None:
    """The activation compares the value itself, the Jobs come of the value in thousandths, cut."""
    job = ScaledJob(triggers=(Trigger(1000, activation=2.0004),))
    assert created(job, Step(2.0004, 2.0005, 30_000))[:2] == [0, 2]


def test_as_many_signals_as_triggers() -> None:
    with pytest.raises(ValueError, match="1 triggers need as many signals"):
        JobSimulation(ScaledJob(triggers=(QUEUE,)), (), JobOptions(1000))


def test_a_manifest() -> None:
    strategy = {"strategy": "custom", "customScalingQueueLengthDeduction": 2}
    metadata = {"url": "http://queue", "valueLocation": "value", "targetValue": "2.5"}
    spec = {
        "pollingInterval": 5,
        "maxReplicaCount": 7,
        "scalingStrategy": strategy,
        "triggers": [{"type": "metrics-api", "metadata": metadata}],
    }
    job = read_scaled_job({"metadata": {"name": "nightly"}, "spec": spec})
    assert (job.name, job.minimum, job.maximum, job.strategy) == ("nightly", None, 7, "custom")
    assert (job.deduction, job.polling_interval, job.triggers[0].target) == (2, 5000, 2500)
    cpu = {"type": "cpu", "metricType": "Utilization", "metadata": {"value": "50"}}
    with pytest.raises(Unsimulated, match=r"^spec.triggers\[0\].type: cpu is read by an HPA"):
        read_scaled_job({"spec": {"triggers": [cpu]}})
    with pytest.raises(Unsimulated, match="there is none"):
        read_scaled_job({"spec": {}})

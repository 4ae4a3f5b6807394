"""Why a ScaledJob has the Jobs it has."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from keda.core.errors import counted
from keda.diagnosis.answer import Answer, Hop, Level
from keda.diagnosis.causes import manifest, operator, source
from keda.diagnosis.causes.activation import unpause, values
from keda.diagnosis.causes.target import why_stuck
from keda.diagnosis.installation import Installation
from keda.diagnosis.jobs import Jobs
from keda.diagnosis.wording import ago, quoted, span
from keda.diagnosis.workload import Workload, conditions_of

_FAILURES = 3
"""How many failed Jobs in a row are a pattern."""
_NO_RUNNING = ("accurate", "eager")
"""Strategies whose formula does not subtract all unfinished Jobs."""


def paused(jobs: Jobs, keda: Installation) -> Iterator[Answer]:
    """A ScaledJob has one of the annotations (checkIfPaused, scaledjob_controller.go)."""
    if jobs.workload.settings.annotations.paused:
        yield Answer(
            "paused",
            Level.LIMITED,
            Hop.KEDA,
            "is paused by the annotation autoscaling.keda.sh/paused: KEDA makes no Job",
            unpause(jobs.workload, "paused"),
        )


def failing_trigger(jobs: Jobs, keda: Installation) -> Iterator[Answer]:
    """As of a ScaledObject, with another effect."""
    partial = jobs.workload.condition("Ready").reason == "PartialTriggerError"
    effect = "makes Jobs for a part of its work only" if partial else "makes no Job"
    for answer in source.failing_trigger(jobs.workload, keda):
        cause = answer.sentence.partition(": ")[2]
        yield replace(answer, kind="trigger-error", sentence=f"{effect}: {cause}")


def refused_jobs(jobs: Jobs, keda: Installation) -> Iterator[Answer]:
    """KEDAJobCreateFailed: the API server refuses the Job (scale_jobs.go:170)."""
    workload = jobs.workload
    refused, made = workload.event("KEDAJobCreateFailed"), workload.event("KEDAJobsCreated")
    if refused is None or workload.now - refused.last > 3 * workload.polling:
        return
    if made is not None and made.last > refused.last:
        return
    yield Answer(
        "job-refused",
        Level.BROKEN,
        Hop.JOBS,
        f"makes no Job, since the API server refuses it: {quoted(refused.message)}",
        "Correct jobTargetRef, a quota, or the policy that refuses it.",
    )


def stuck_pods(jobs: Jobs, keda: Installation) -> Iterator[Answer]:
    """Jobs are made, and their pods do not come up."""
    stuck = [(pod, why) for job in jobs.pending for pod in jobs.pods(job) if (why := why_stuck(pod))]
    if stuck:
        pod, why = stuck[0]
        yield Answer(
            "stuck-pods",
            Level.BROKEN,
            Hop.JOBS,
            f"has {counted(len(jobs.unfinished), 'unfinished Job')}, and {counted(len(stuck), 'pod')} of "
            f"them cannot start, first {pod.name}: {quoted(why)}",
            "KEDA works; free or add what the pods need.",
        )


def failing_jobs(jobs: Jobs, keda: Installation) -> Iterator[Answer]:
    """A failed Job counts as finished, and its work is still in the queue."""
    failed, workload = jobs.failed_in_a_row, jobs.workload
    if len(failed) < _FAILURES:
        return
    newest = conditions_of(failed[0])["Failed"]
    when = f", the last {ago(newest.since, workload.now)}" if newest.since else ""
    yield Answer(
        "failing-jobs",
        Level.BROKEN,
        Hop.JOBS,
        f"makes new Jobs for the same work: its last {len(failed)} Jobs failed{when} ({newest.reason}: "
        f"{quoted(newest.message)})",
        f"kubectl -n {workload.item.namespace} logs job/{failed[0].name} shows why; for KEDA a failed Job is "
        "a finished one.",
    )


def unseen_queue(jobs: Jobs, keda: Installation) -> Iterator[Answer]:
    """The value is not known: the counts alone."""
    if jobs.decision is not None:
        return
    active = jobs.workload.condition("Active").status
    why = {"True": "a trigger is active", "False": "no trigger is active"}.get(
        active, "it is not known whether a trigger is active"
    )
    full = len(jobs.unfinished) >= jobs.most
    limit = f", as many as maxReplicaCount {jobs.most} allows" if full else f" of at most {jobs.most}"
    level = Level.LIMITED if full else Level.WORKING
    yield Answer("jobs", level, Hop.JOBS, f"{_have(jobs)}{limit}, and {why}")


def counted_jobs(jobs: Jobs, keda: Installation) -> Iterator[Answer]:
    """KEDA's decision at a poll now (getScalingDecision, scale_jobs.go:141)."""
    state, decision, workload = jobs.state, jobs.decision, jobs.workload
    if state is None or decision is None:
        return
    unfinished, have = len(jobs.unfinished), _have(jobs)
    if not state.active:
        seen = values(jobs.metrics)
        yield Answer("jobs-inactive", Level.WORKING, Hop.ACTIVATION, f"{have} and gets none: {seen}")
    elif decision.created:
        excess = jobs.settings.strategy in _NO_RUNNING and unfinished >= state.length
        poll = span(workload.polling.total_seconds())
        yield Answer(
            "jobs-created",
            Level.LIMITED if excess else Level.WORKING,
            Hop.JOBS,
            f"{have} and gets {decision.created} more at the next poll, within {poll}: {jobs.queue}, and "
            f"{jobs.formula}",
            "This strategy is for queues that do not count a message while it is worked on; for others write "
            "strategy: default."
            if excess
            else "",
        )
    elif unfinished >= jobs.most:
        yield Answer(
            "jobs-at-maximum",
            Level.LIMITED,
            Hop.JOBS,
            f"{have}, as many as maxReplicaCount allows, so none is made until one finishes: {jobs.queue}",
            "Raise maxReplicaCount, or find what keeps the Jobs from finishing.",
        )
    else:
        text = f"{have} and gets no more: {jobs.queue}, and {jobs.formula}"
        yield Answer("jobs-enough", Level.WORKING, Hop.JOBS, text)


def _have(jobs: Jobs) -> str:
    unfinished = len(jobs.unfinished)
    return f"has {counted(unfinished, 'unfinished Job')}" if unfinished else "has no unfinished Job"


Cause = Callable[[Jobs, Installation], Iterator[Answer]]


def _as_of_any(cause: Callable[[Workload, Installation], Iterator[Answer]]) -> Cause:
    """A cause that holds for a ScaledObject in the same way."""
    return lambda jobs, keda: cause(jobs.workload, keda)


CAUSES: tuple[Cause, ...] = (
    _as_of_any(operator.deleting),
    _as_of_any(operator.operator_down),
    _as_of_any(operator.not_looked_at),
    paused,
    _as_of_any(operator.refused),
    failing_trigger,
    refused_jobs,
    stuck_pods,
    failing_jobs,
    _as_of_any(manifest.own_mistakes),
    unseen_queue,
    counted_jobs,
)

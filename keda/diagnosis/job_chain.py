"""The links from the source to the Jobs of a ScaledJob."""

from __future__ import annotations

from collections.abc import Iterator

from keda.core.errors import counted
from keda.diagnosis import chain
from keda.diagnosis.answer import Answer, Hop, Level, Link, Transition
from keda.diagnosis.installation import Installation
from keda.diagnosis.jobs import Jobs, finished
from keda.diagnosis.wording import ago, number, quoted, span


def links(jobs: Jobs, keda: Installation, answer: Answer) -> Iterator[Link]:
    """The chain with the link of the answer marked."""
    workload = jobs.workload
    evidence = {
        Hop.KEDA: tuple(chain.keda_evidence(workload, keda)),
        Hop.SOURCE: tuple(chain.source_evidence(workload, keda)),
        Hop.TRIGGER: (*_trigger(jobs), *chain.authentication_evidence(workload, keda)),
        Hop.ACTIVATION: tuple(chain.activation_evidence(workload, keda)),
        Hop.JOBS: tuple(_jobs(jobs)),
    }
    for hop, found in evidence.items():
        yield Link(hop, chain.state_of(hop, answer, False, bool(found)), found)


def arithmetic(jobs: Jobs) -> Iterator[str]:
    """The queue and the strategy's formula."""
    if jobs.state is not None and jobs.decision is not None:
        yield f"{jobs.queue}: {jobs.state.most} of at most {jobs.settings.effective_maximum}"
        yield f"{jobs.formula}; made at a poll now: {jobs.decision.created}"


def transitions(jobs: Jobs, answer: Answer) -> Iterator[Transition]:
    """What the next poll does."""
    poll = span(jobs.workload.polling.total_seconds())
    if answer.level is Level.BROKEN:
        return
    if answer.kind == "jobs-created" and jobs.decision is not None:
        yield Transition(None, f"{counted(jobs.decision.created, 'Job')} at the next poll (every {poll})")
    elif answer.kind == "jobs-inactive":
        yield Transition(None, f"Jobs at the first poll (every {poll}) that finds a trigger active")


def _trigger(jobs: Jobs) -> Iterator[str]:
    for metric in jobs.metrics:
        if metric.reading is not None and metric.reading.milli is not None:
            yield f"{metric.name} = {number(metric.reading.milli)}, as KEDA's last poll read it"
    yield f"read every {span(jobs.workload.polling.total_seconds())} (pollingInterval)"


def _jobs(jobs: Jobs) -> Iterator[str]:
    done, workload = [finished(job) for job in jobs.all], jobs.workload
    yield (
        f"{len(jobs.unfinished)} unfinished, {len(jobs.pending)} of them pending; {done.count('Complete')} "
        f"complete and {done.count('Failed')} failed of those that are kept"
    )
    for reason in ("KEDAJobsCreated", "KEDAJobCreateFailed"):
        event = workload.event(reason)
        if event is not None:
            yield f"event {reason}, {ago(event.last, workload.now)}: {quoted(event.message)}"

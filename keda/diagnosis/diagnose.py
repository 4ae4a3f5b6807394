"""From a snapshot to the answers, worst first."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from keda.diagnosis import chain, job_chain
from keda.diagnosis.answer import Answer, Diagnosis, Hop, Level
from keda.diagnosis.causes import activation, count, jobs, manifest, operator, owners, source, target
from keda.diagnosis.installation import Installation
from keda.diagnosis.jobs import Jobs
from keda.diagnosis.snapshot import Snapshot, Unseen
from keda.diagnosis.transitions import transitions
from keda.diagnosis.workload import Workload
from keda.manifests.objects import Item

Cause = Callable[[Workload, Installation], Iterator[Answer]]

CAUSES: tuple[Cause, ...] = (
    operator.deleting,
    operator.operator_down,
    operator.not_looked_at,
    operator.paused,
    operator.refused,
    owners.second_hpa,
    source.adapter_path,
    source.failing_trigger,
    source.missing_consumer,
    target.no_target,
    target.no_hpa,
    operator.activation_failed,
    target.unable_to_scale,
    target.failing_resource,
    owners.foreign_writer,
    owners.put_back,
    target.stuck_pods,
    manifest.own_mistakes,
    owners.oscillation,
    activation.at_zero,
    activation.cooling_down,
    count.by_hpa,
)
"""The first that holds is the answer: what explains most comes first, and the ordinary last."""

_INDEPENDENT = ("second-hpa", "foreign-writer", "put-back", "stuck-pods", "manifest-")
"""Kinds that are a fault of their own beside another one."""
_ORDER = tuple(Level)


def diagnose(snapshot: Snapshot, namespace: str = "", name: str = "") -> list[Diagnosis]:
    """The diagnoses of the ScaledObjects and ScaledJobs of this namespace and name, each "" for any."""
    keda = Installation(snapshot)
    found = [
        _diagnosis(item, snapshot, keda)
        for item in snapshot.scaled()
        if namespace in ("", item.namespace) and name in ("", item.name)
    ]
    return sorted(found, key=lambda each: _ORDER.index(each.answer.level))


def _diagnosis(item: Item, snapshot: Snapshot, keda: Installation) -> Diagnosis:
    workload = Workload(item, snapshot)
    if item.kind == "ScaledJob":
        return _of_job(Jobs(workload), keda)
    answers = [answer for cause in CAUSES for answer in cause(workload, keda)]
    answer = answers[0] if answers else _unknown(workload)
    return Diagnosis(
        item.kind,
        item.namespace,
        item.name,
        workload.replicas,
        answer,
        also(answers),
        tuple(chain.links(workload, keda, answer)),
        tuple(chain.arithmetic(workload.metrics, workload.replicas, workload.ready)),
        tuple(transitions(workload, answer)),
        notes(workload),
        unseen(workload, keda),
        snapshot.now,
    )


def _of_job(found: Jobs, keda: Installation) -> Diagnosis:
    workload, item = found.workload, found.workload.item
    answers = [answer for cause in jobs.CAUSES for answer in cause(found, keda)]
    answer = answers[0]  # unseen_queue or counted_jobs always has one
    return Diagnosis(
        item.kind,
        item.namespace,
        item.name,
        len(found.unfinished),
        answer,
        also(answers),
        tuple(job_chain.links(found, keda, answer)),
        tuple(job_chain.arithmetic(found)),
        tuple(job_chain.transitions(found, answer)),
        notes(workload),
        unseen(workload, keda),
        workload.now,
    )


def _unknown(workload: Workload) -> Answer:
    ready, active = workload.condition("Ready"), workload.condition("Active")
    state = f"Ready is {ready.status or 'Unknown'} and Active is {active.status or 'Unknown'}"
    return Answer(
        "unknown",
        Level.WORKING,
        Hop.TARGET,
        f"has replicas that are not seen, neither at {workload.target_ref} nor at its HPA; {state}",
    )


def also(answers: list[Answer]) -> tuple[Answer, ...]:
    """Faults besides the first answer, which are not its consequences."""
    return tuple(
        answer
        for answer in answers[1:]
        if answer.level is Level.BROKEN
        and answer.kind.startswith(_INDEPENDENT)
        and answer.kind != answers[0].kind
    )


def notes(workload: Workload) -> tuple[str, ...]:
    """The warnings of `keda check` on the object."""
    return tuple(
        f"{finding.path}: {finding.message} {finding.fix} [{finding.code}]"
        for finding in workload.mistakes
        if finding.severity == "warning"
    )


def unseen(workload: Workload, keda: Installation) -> tuple[Unseen, ...]:
    """What was not read, and matters for this one."""
    snapshot = workload.snapshot
    found = list(snapshot.unseen)
    if snapshot.live:
        return tuple(found)
    if workload.item.kind == "ScaledJob":
        found.append(Unseen("its queue", "KEDA alone has the value; no dump holds it"))
    else:
        if workload.hpa is None and not snapshot.known_absent("HorizontalPodAutoscaler"):
            found.append(Unseen("its HPA", "no HPA is in the dump"))
        if workload.target is None and not snapshot.known_absent(workload.target_kind):
            found.append(Unseen(workload.target_ref, f"no {workload.target_kind} is in the dump"))
    if keda.operator is None:
        found.append(Unseen("KEDA's own Deployments and APIService", "they are not in the dump"))
    return tuple(found)

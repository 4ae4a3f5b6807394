"""The Jobs of a ScaledJob, and how many its strategy allows, as KEDA counts them (executor/scale_jobs.go)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

from keda.diagnosis.metric import Metric
from keda.diagnosis.wording import number
from keda.diagnosis.workload import Workload, conditions_of
from keda.manifests.objects import Item
from keda.manifests.reading import belongs_to, dig, mapping, sequence, text, whole
from keda.scaling.jobs import JobDecision, JobState, ScaledJob, combined, decide, queue_metric
from keda.scaling.manifest import Unsimulated, read_trigger

_LABEL = "scaledjob.keda.sh/name"


@dataclass(frozen=True)
class Jobs:
    """A ScaledJob with its Jobs and the numbers of its strategy."""

    workload: Workload

    @cached_property
    def all(self) -> list[Item]:
        """All that are kept, finished ones too."""
        name = self.workload.item.name
        jobs = self.workload.snapshot.objects.of("Job", self.workload.item.namespace)
        return [job for job in jobs if dig(job.manifest, "metadata", "labels", _LABEL) == name]

    @cached_property
    def unfinished(self) -> list[Item]:
        """Neither complete nor failed: what KEDA calls running."""
        return [job for job in self.all if not finished(job)]

    @cached_property
    def pending(self) -> list[Item]:
        """Unfinished ones of which no pod runs or has succeeded; or not all pendingPodConditions hold."""
        given = dig(self.workload.item.spec, "scalingStrategy", "pendingPodConditions")
        conditions = {text(each) for each in sequence(given)}
        return [job for job in self.unfinished if not self._started(job, conditions)]

    @cached_property
    def failed_in_a_row(self) -> list[Item]:
        """The newest finished ones, up to the last that completed."""
        done = [job for job in self.all if finished(job)]
        failed: list[Item] = []
        for job in sorted(done, key=_created, reverse=True):
            if finished(job) != "Failed":
                break
            failed.append(job)
        return failed

    def pods(self, job: Item) -> list[Item]:
        """The pods of one."""
        pods = self.workload.snapshot.objects.of("Pod", job.namespace)
        return [pod for pod in pods if ("Job", job.name) in belongs_to(pod.manifest)]

    def _started(self, job: Item, conditions: set[str]) -> bool:
        for pod in self.pods(job):
            if conditions:
                held = {kind for kind, each in conditions_of(pod).items() if each.status == "True"}
                if conditions <= held:
                    return True
            elif dig(pod.manifest, "status", "phase") in ("Running", "Succeeded"):
                return True
        return False

    @cached_property
    def settings(self) -> ScaledJob:
        """What decides about the Jobs, as the algorithm takes it."""
        spec = self.workload.item.spec
        strategy = mapping(spec.get("scalingStrategy"))
        return ScaledJob(
            whole(spec.get("minReplicaCount")),
            whole(spec.get("maxReplicaCount")),
            text(strategy.get("strategy")),
            text(strategy.get("multipleScalersCalculation")),
            whole(strategy.get("customScalingQueueLengthDeduction")) or 0,
            text(strategy.get("customScalingRunningJobPercentage")),
        )

    @cached_property
    def most(self) -> int:
        """maxReplicaCount."""
        return self.settings.effective_minimum + self.settings.effective_maximum

    @cached_property
    def metrics(self) -> tuple[Metric, ...]:
        """Its metrics, with the targets of their triggers: there is no HPA that has them."""
        return tuple(map(self._with_target, self.workload.metrics))

    def _with_target(self, metric: Metric) -> Metric:
        triggers, index = self.workload.triggers, metric.index
        try:
            known = index is not None and index < len(triggers)
            return replace(metric, target=read_trigger(triggers[index], "").target) if known else metric  # type: ignore[index]
        except Unsimulated:
            return metric

    @cached_property
    def state(self) -> JobState | None:
        """What the values ask for; None if one is not known."""
        found = []
        for metric in self.metrics:
            if metric.reading is None or metric.reading.milli is None or not metric.target:
                return None
            value, activation = metric.reading.milli / 1000, metric.activation or 0.0
            limit = self.settings.effective_maximum
            found.append(queue_metric(value, metric.target / 1000, value > activation, limit))
        return combined(found, self.settings) if found else None

    @cached_property
    def decision(self) -> JobDecision | None:
        """What KEDA does at a poll now; None if a value is not known."""
        if self.state is None:
            return None
        return decide(self.settings, self.state, len(self.unfinished), len(self.pending))

    @cached_property
    def queue(self) -> str:
        """`s0-prometheus is 3, / 1 per Job`, for each metric."""
        return "; ".join(
            f"{metric.name} is {number(metric.reading.milli)}, / {number(metric.target)} per Job"
            for metric in self.metrics
            if metric.reading is not None and metric.reading.milli is not None
        )

    @cached_property
    def formula(self) -> str:
        """The strategy's own formula with its numbers (GetEffectiveMaxScale); "" if a value is not known."""
        settings, state = self.settings, self.state
        if state is None:
            return ""
        unfinished, pending = len(self.unfinished), len(self.pending)
        running, most, maximum = (
            unfinished - settings.effective_minimum,
            state.most,
            settings.effective_maximum,
        )
        if running < 0:
            return f"minReplicaCount {settings.effective_minimum} - {unfinished} unfinished = {-running}"
        if settings.strategy == "accurate":
            if most + running - pending > maximum:
                return f"strategy accurate allows {maximum} - {running} unfinished = {maximum - running}"
            return f"strategy accurate allows {most} - {pending} pending = {most - pending}"
        if settings.strategy == "eager":
            allowed = f"{maximum} - {running} unfinished - {pending} pending"
            return f"strategy eager allows {allowed} = {maximum - running - pending}, at most {most}"
        if settings.strategy == "custom" and settings.running_share:
            share = f"{running} unfinished x {settings.running_share}"
            return f"strategy custom allows {most} - {settings.deduction} - {share}"
        return f"strategy default allows {most} - {running} unfinished = {most - running}"


def finished(job: Item) -> str:
    """Complete or Failed, or ""."""
    conditions = conditions_of(job)
    done = (kind for kind in ("Complete", "Failed") if kind in conditions)
    return next((kind for kind in done if conditions[kind].status == "True"), "")


def _created(job: Item) -> str:
    return text(dig(job.manifest, "metadata", "creationTimestamp"))

"""Batch inference: the jobs of a queue, each worth a GPU pod; as a Deployment's replicas or as Kubernetes
Jobs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from components.monitoring.queries import quoted
from components.recipes.prometheus import PrometheusRecipe
from components.setting import Setting
from components.workload import Workload
from keda import MISSING, Fault, Metadata, Prometheus, Rollout, ScaledJob, ScaledJobSpec, ScaleTargetRef
from keda.core.errors import PLAIN_TEXT, is_secret_key, is_secret_value, join
from keda.core.model import Count, ObjectName, Positive, Seconds
from keda.guardrails import GPUS_PER_POD
from keda.triggers.parameters import Number

_GPU = "nvidia.com/gpu"


class SecretKey(Setting):
    """A key of a Secret in the workload's namespace."""

    name: ObjectName = Field(examples=["queue"])
    key: str = Field(min_length=1, examples=["password"])


class JobTemplate(Setting):
    """The pod of one Job. It takes one piece of work from the queue and ends."""

    image: str = Field(min_length=1, examples=["registry.example/worker:1.0"])
    command: tuple[str, ...] | None = None
    args: tuple[str, ...] | None = None
    env: dict[str, str] | None = None
    secret_env: dict[str, SecretKey] | None = None
    """Variables whose values stay in Secrets."""
    node_selector: dict[str, str] | None = None
    tolerations: tuple[dict[str, Any], ...] | None = None
    service_account_name: str | None = None
    backoff_limit: Count = Field(default=0, examples=[0])
    active_deadline: Seconds | None = Field(default=None, examples=[3600])

    def faults(self) -> Iterator[Fault]:
        """Secrets in plain text, and a variable that is set twice."""
        env = self.env or {}
        for key, value in env.items():
            if value and (is_secret_key(key) or is_secret_value(value)):
                fix = f"Put it into a Secret and write secretEnv: {{{key}: {{name: …, key: …}}}}."
                yield Fault(join("env", key), MISSING, PLAIN_TEXT, fix)
        for place, words in (("command", self.command), ("args", self.args)):
            for index, word in enumerate(words or ()):
                if is_secret_value(word):
                    fix = "Put it into a Secret, name that in secretEnv, and write $(NAME) here."
                    yield Fault(join(place, index), MISSING, PLAIN_TEXT, fix)
        for key in env.keys() & (self.secret_env or {}).keys():
            why = "is set by env too. A pod takes one of the two."
            yield Fault(join("secretEnv", key), MISSING, why, "Remove it from env.")

    def job_spec(self, gpus_per_pod: int) -> dict[str, Any]:
        """A batch/v1 JobSpec. A GPU is a limit: extended resources have limit = request."""
        container = {
            "name": "job",
            "image": self.image,
            "command": list(self.command) if self.command else None,
            "args": list(self.args) if self.args else None,
            "env": self._variables() or None,
            "resources": {"limits": {_GPU: str(gpus_per_pod)}},
        }
        pod = {
            "restartPolicy": "Never",
            "nodeSelector": self.node_selector,
            "tolerations": list(self.tolerations) if self.tolerations else None,
            "serviceAccountName": self.service_account_name,
            "containers": [_set(container)],
        }
        job = {
            "backoffLimit": self.backoff_limit,
            "activeDeadlineSeconds": self.active_deadline,
            "template": {"spec": _set(pod)},
        }
        return _set(job)

    def _variables(self) -> list[dict[str, Any]]:
        plain = [{"name": key, "value": value} for key, value in (self.env or {}).items()]
        secret = [
            {"name": key, "valueFrom": {"secretKeyRef": {"name": each.name, "key": each.key}}}
            for key, each in (self.secret_env or {}).items()
        ]
        return plain + secret


class Batch(PrometheusRecipe):
    """The maximum is what the GPUs allow: gpus / gpusPerPod pods."""

    spelling: ClassVar[Mapping[str, str]] = {
        "threshold": "jobsPerReplica",
        "maxReplicaCount": "gpus / gpusPerPod",
        "jobTargetRef": "job",
    }

    unit: ClassVar[str] = "jobs"
    metrics: ClassVar[str] = "batch_jobs_.+"

    recipe: Literal["batch"] = Field(examples=["batch"])
    kind: Literal["ScaledObject", "ScaledJob"] = Field(default="ScaledObject", examples=["ScaledObject"])
    target: ScaleTargetRef | None = None
    job: JobTemplate | None = None
    queue: str = Field(min_length=1, examples=["inference"])
    jobs_per_replica: Number = Field(default=1, examples=[1])
    gpus_per_pod: Positive = Field(default=1, examples=[1])
    gpus: Positive = Field(examples=[4])
    max_replicas: Positive = Field(default=1, exclude=True)

    def faults(self) -> Iterator[Fault]:
        """GPUs that fit no pod, a maximum next to gpus, and a kind without its target or job."""
        if "max_replicas" in self.model_fields_set:
            yield Fault(
                "maxReplicas",
                self.max_replicas,
                "is not set here: the GPUs decide. Pods beyond them would wait forever.",
                "Remove it, and write gpus.",
            )
        if self.gpus < self.gpus_per_pod:
            yield Fault(
                "gpus",
                self.gpus,
                f"is below gpusPerPod {self.gpus_per_pod}. No pod could ever be scheduled.",
                "Raise gpus, or lower gpusPerPod.",
            )
        needed, example = ("target", "{name: my-deployment}")
        if self.kind == "ScaledJob":
            needed, example = ("job", "{image: …}")
        if getattr(self, needed) is None:
            yield Fault(
                needed,
                MISSING,
                f"missing, and required by kind {self.kind}. {self.consequence}",
                f"Write {needed}: {example}.",
            )

    def query(self) -> str:
        """Jobs that wait and jobs that run: a running one keeps its pod.

        The queue always reports waiting jobs, 0 included. `or vector(0)` is for the running ones only, so
        that a queue that cannot be read is an error, which scales nothing, and not 0 jobs, which would end
        running work.
        """
        selector = f"{{queue={quoted(self.queue)}}}"
        return f"sum(batch_jobs_pending{selector}) + (sum(batch_jobs_running{selector}) or vector(0))"

    def metadata(self, name: str) -> Metadata:
        """With the GPUs of a pod, for the policy keda-gpu-budget: the target's own template is elsewhere."""
        metadata = super().metadata(name)
        if self.kind == "ScaledJob":
            return metadata
        annotations = {GPUS_PER_POD: str(self.gpus_per_pod)} | (metadata.annotations or {})
        return metadata.model_copy(update={"annotations": annotations})

    def build(self, name: str, prometheus: str) -> Workload:
        """A ScaledJob that starts a Job per queued one, or a ScaledObject on a target."""
        trigger = self.trigger(
            name,
            prometheus,
            query=self.query(),
            threshold=self.jobs_per_replica,
            ignore_null_values=False,
        )
        highest = self.gpus // self.gpus_per_pod
        if self.kind == "ScaledJob" and self.job is not None:
            job = self._scaled_job(name, self.job, highest, trigger)
            return Workload(job, gpus_per_pod=self.gpus_per_pod)
        assert self.target is not None  # faults() has refused it
        bounded = self.model_copy(update={"max_replicas": highest})
        scaled = bounded.scaled_object(name, self.target, (trigger,))
        return Workload(scaled, gpus_per_pod=self.gpus_per_pod)

    def _scaled_job(self, name: str, job: JobTemplate, highest: int, trigger: Prometheus) -> ScaledJob:
        return ScaledJob(
            metadata=self.metadata(name),
            spec=ScaledJobSpec(
                job_target_ref=job.job_spec(self.gpus_per_pod),
                polling_interval=self.polling_interval,
                min_replica_count=self.min_replicas,
                max_replica_count=highest,
                # KEDA keeps 100 of each, and on a change of the spec it deletes running Jobs.
                successful_jobs_history_limit=5,
                failed_jobs_history_limit=5,
                rollout=Rollout(strategy="gradual"),
                # Without a scalingStrategy it is `default`: the metric less the Jobs that run. That fits a
                # query that counts running work as well. (The CRD of 2.20 refuses the word `default` itself.)
                triggers=(trigger,),
            ),
        )


def _set(mapping: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in mapping.items() if value is not None}
